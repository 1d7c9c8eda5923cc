//! What one pass over a value finds: the rules it matches, and the marks of its shape.

use super::{Class, Match};

/// In which values a rule counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Every value, even where an Android agent names its device.
    Everywhere,
    /// Every value, outside the name of an Android device.
    Any,
    /// Values that do not start like a browser's.
    Named,
    /// Values that do not start like a browser's and bear no mark of an app or a device.
    Tool,
}

/// A fact about the shape of a value. The bits are those of `MARKS` in `build/user_agent/lists.rs`.
#[derive(Clone, Copy, Debug)]
pub enum Mark {
    /// A rendering engine or a browser's name.
    Engine = 1,
    /// An operating system or a device.
    Platform = 2,
    /// A native app, a feature phone, a player.
    App = 4,
    /// A web address: who to ask about this client.
    Contact = 8,
    /// `compatible;` in a comment.
    Compatible = 16,
    /// A web address that browsers of people carry.
    OwnAddress = 32,
    /// An operating system whose browsers all name their engine.
    Desktop = 64,
}

/// How much a rule's class counts when several match; the numbers are those of the tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rank {
    /// The library that the value starts with: what follows is where it is used.
    LeadingLibrary = 0,
    Crawler = 1,
    Headless = 2,
    HttpLibrary = 3,
}

impl Rank {
    pub fn numbered(number: u8) -> Self {
        match number {
            0 => Self::LeadingLibrary,
            1 => Self::Crawler,
            2 => Self::Headless,
            _ => Self::HttpLibrary,
        }
    }

    fn class(self) -> Class {
        match self {
            Self::LeadingLibrary | Self::HttpLibrary => Class::HttpLibrary,
            Self::Crawler => Class::Crawler,
            Self::Headless => Class::Headless,
        }
    }
}

type Best = Option<(Rank, &'static str)>;

/// The best rule of each scope, by rank; among equals the first one found.
#[derive(Clone, Copy, Debug, Default)]
pub struct Findings {
    marks: u16,
    any: Best,
    named: Best,
    tool: Best,
}

impl Findings {
    pub fn add(&mut self, scope: Scope, rank: Rank, rule: &'static str) {
        let best = match scope {
            Scope::Everywhere | Scope::Any => &mut self.any,
            Scope::Named => &mut self.named,
            Scope::Tool => &mut self.tool,
        };
        if best.is_none_or(|(known, _)| rank < known) {
            *best = Some((rank, rule));
        }
    }

    pub fn add_marks(&mut self, marks: u16) {
        self.marks |= marks;
    }

    /// Whether the value bears `mark`.
    pub fn has(&self, mark: Mark) -> bool {
        self.marks & mark as u16 != 0
    }

    /// The rule that counts in a value that starts like a browser's.
    pub fn in_browser(&self) -> Option<Match> {
        first([self.any])
    }

    /// The rule that counts in a value that bears the mark of an app or a device.
    pub fn in_app(&self) -> Option<Match> {
        first([self.any, self.named])
    }

    /// The rule that counts in any other value.
    pub fn in_tool(&self) -> Option<Match> {
        first([self.any, self.named, self.tool])
    }
}

fn first<const N: usize>(best: [Best; N]) -> Option<Match> {
    let (rank, rule) = best.into_iter().flatten().min_by_key(|&(rank, _)| rank)?;
    Some(Match { class: rank.class(), rule })
}
