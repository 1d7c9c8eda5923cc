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
    /// A web address, or a name after `compatible;`, that browsers of people carry.
    OwnAddress = 32,
    /// An operating system whose browsers all name their engine.
    Desktop = 64,
    /// The network stack or the shell of a person's app: any name beside it may be the app's.
    Native = 128,
}

/// How much a rule's class counts when several match; the numbers are those of the tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rank {
    /// The library that the value starts with: what follows is where it is used.
    LeadingLibrary = 0,
    /// A crawler's own name.
    Crawler = 1,
    /// A crawler's name that contains a [`Rank::CrawlerWord`].
    WordedCrawler = 2,
    /// A word that crawlers' names contain, and the names of some apps.
    CrawlerWord = 3,
    Headless = 4,
    HttpLibrary = 5,
}

impl Rank {
    pub fn numbered(number: u8) -> Self {
        match number {
            0 => Self::LeadingLibrary,
            1 => Self::Crawler,
            2 => Self::WordedCrawler,
            3 => Self::CrawlerWord,
            4 => Self::Headless,
            _ => Self::HttpLibrary,
        }
    }

    /// Which rule is reported: the lowest. Words and names of crawlers are equal; a name that
    /// contains a word comes last, so that the word is reported.
    fn precedence(self) -> u8 {
        match self {
            Self::LeadingLibrary => 0,
            Self::Crawler | Self::CrawlerWord => 1,
            Self::Headless => 2,
            Self::HttpLibrary => 3,
            Self::WordedCrawler => 4,
        }
    }
}

/// What the rules of one scope found.
#[derive(Clone, Copy, Debug, Default)]
struct Found {
    /// The rule to report, by precedence; among equals the first one found.
    best: Option<(Rank, &'static str)>,
    /// A crawler's name or a headless browser was found, even if the rule to report is a word.
    is_sure: bool,
    has_library: bool,
}

impl Found {
    fn add(&mut self, rank: Rank, rule: &'static str) {
        if self.best.is_none_or(|(known, _)| rank.precedence() < known.precedence()) {
            self.best = Some((rank, rule));
        }
        match rank {
            Rank::Crawler | Rank::WordedCrawler | Rank::Headless => self.is_sure = true,
            Rank::LeadingLibrary | Rank::HttpLibrary => self.has_library = true,
            Rank::CrawlerWord => {}
        }
    }

    fn join(self, other: Self) -> Self {
        let mut joined = self;
        if let Some((rank, rule)) = other.best {
            joined.add(rank, rule);
        }
        Self {
            is_sure: self.is_sure || other.is_sure,
            has_library: self.has_library || other.has_library,
            ..joined
        }
    }

    /// `names_count`: whether a name in the value is the client's own.
    fn verdict(self, names_count: bool) -> Option<Match> {
        let (rank, rule) = self.best?;
        let class = match rank {
            Rank::LeadingLibrary | Rank::HttpLibrary => Class::HttpLibrary,
            Rank::Headless if names_count => Class::Headless,
            Rank::Headless => return None,
            Rank::Crawler | Rank::WordedCrawler | Rank::CrawlerWord => {
                match (self.is_sure && names_count, self.has_library) {
                    (true, _) => Class::Crawler,
                    (false, true) => Class::CrawlerOnLibrary,
                    (false, false) => Class::CrawlerByShape,
                }
            }
        };
        Some(Match { class, rule })
    }
}

#[derive(Clone, Copy, Debug, Default)]
pub struct Findings {
    marks: u16,
    /// A rule of [`Scope::Everywhere`] was found.
    is_unmistakable: bool,
    any: Found,
    named: Found,
    tool: Found,
}

impl Findings {
    pub fn add(&mut self, scope: Scope, rank: Rank, rule: &'static str) {
        match scope {
            Scope::Everywhere => {
                self.is_unmistakable |= !matches!(rank, Rank::CrawlerWord);
                self.any.add(rank, rule);
            }
            Scope::Any => self.any.add(rank, rule),
            Scope::Named => self.named.add(rank, rule),
            Scope::Tool => self.tool.add(rank, rule),
        }
    }

    pub fn add_marks(&mut self, marks: u16) {
        self.marks |= marks;
    }

    /// Whether the value bears `mark`.
    pub fn has(&self, mark: Mark) -> bool {
        self.marks & mark as u16 != 0
    }

    /// Whether the value contains a crawler's name, of any scope.
    pub fn names_a_crawler(&self) -> bool {
        self.names_count() && self.any.join(self.named).join(self.tool).is_sure
    }

    /// Whether a name is the client's own: in a person's app it is so only for rules that no app
    /// matches.
    fn names_count(&self) -> bool {
        self.is_unmistakable || !self.has(Mark::Native)
    }

    /// The rule that counts in a value that starts like a browser's.
    pub fn in_browser(&self) -> Option<Match> {
        self.any.verdict(self.names_count())
    }

    /// The rule that counts in a value that bears the mark of an app or a device.
    pub fn in_app(&self) -> Option<Match> {
        self.any.join(self.named).verdict(self.names_count())
    }

    /// The rule that counts in any other value.
    pub fn in_tool(&self) -> Option<Match> {
        self.any.join(self.named).join(self.tool).verdict(self.names_count())
    }
}
