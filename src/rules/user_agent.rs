//! What kind of client a User-Agent names.
//!
//! In this order:
//!
//! 1. only the first 2,048 bytes are looked at; spaces around the value do not count; an empty
//!    value is not a bot's;
//! 2. one pass over the value finds the built-in rules it matches (`data/user_agents/*.txt`) and
//!    the marks of its shape. What an Android agent says of its device is skipped, but for names no
//!    device bears;
//! 3. a listed crawler, headless browser or HTTP library, in this order: how much is matched
//!    depends on whether the value starts like a browser's (`Mozilla/`, `Opera/`), bears the mark
//!    of an app or a device, or neither. A word that is not a crawler's own name (`preview`,
//!    `feed`) makes a crawler by shape. Beside an app's network stack or shell (`CFNetwork`,
//!    `Electron`) only names count that no app has;
//! 4. a contact address (`+http://...`): a crawler by shape;
//! 5. a browser's start, but an unknown name after `compatible;`, or neither engine nor platform: a
//!    crawler by shape, or by name if any listed name is in it, however short; no engine on a
//!    desktop: suspected;
//! 6. any other browser's start, app or device: none;
//! 7. the rest names nothing that we know: suspected.
//!
//! Limits: a client that sends a browser's User-Agent word for word is one for this rule.

mod automaton;
mod device_model;
mod findings;
mod names;
mod operator;
mod recent;
mod shape;

pub use operator::{UserAgentSpec, UserAgents, has_versioned_token};
pub use recent::Recent;

use findings::{Findings, Mark};
use std::fmt;

/// What the built-in rules take of the module.
pub const TABLE_BYTES: usize = automaton::table::BYTES;

/// How much of a value is looked at.
const MAX_BYTES: usize = 2_048;

/// What kind of client a User-Agent names; when several rules match, the first of these counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// Fetches pages for a search engine, a monitor, a preview, a model, a scan ...: a listed name,
    /// or what only a crawler calls itself (`crawler`, `spider`, `bot/1`).
    Crawler,
    /// Looks like a crawler but contains no listed name: a contact address, `compatible; X`, a word
    /// that people's apps contain too. Its id is that of a crawler.
    CrawlerByShape,
    /// The same, and it names an HTTP library.
    CrawlerOnLibrary,
    /// A browser without a person: HeadlessChrome, PhantomJS, a test runner.
    Headless,
    /// The default agent of a library or a command-line client.
    HttpLibrary,
    /// Neither a browser, nor an app, nor a client that we know.
    Suspected,
    /// Nothing speaks against a person.
    None,
}

impl Class {
    /// The stable name. It does not say whether a crawler was recognised by name or by shape: the
    /// vendor's reason does.
    pub fn id(self) -> &'static str {
        match self {
            Self::Crawler | Self::CrawlerByShape | Self::CrawlerOnLibrary => "crawler",
            Self::Headless => "headless",
            Self::HttpLibrary => "http_library",
            Self::Suspected => "suspected",
            Self::None => "none",
        }
    }
}

/// A verdict on one value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Match {
    /// What the value names.
    pub class: Class,
    /// The stable id of the rule that matched; empty when none did. For a crawler it may be a word
    /// although the value contains a listed name too.
    pub rule: &'static str,
}

impl Match {
    const NONE: Self = Self { class: Class::None, rule: "" };
}

/// The class, and the rule that gave it: `crawler by its shape, by rule "bot"`.
impl fmt::Display for Match {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let grounds = match self.class {
            Class::CrawlerByShape | Class::CrawlerOnLibrary => " by its shape",
            Class::Crawler
            | Class::Headless
            | Class::HttpLibrary
            | Class::Suspected
            | Class::None => "",
        };
        write!(formatter, "{}{grounds}", self.class.id())?;
        if self.rule.is_empty() { Ok(()) } else { write!(formatter, ", by rule \"{}\"", self.rule) }
    }
}

/// Classifies one User-Agent field value: any bytes, of which the first 2,048 are looked at, in
/// linear time. An empty value is [`Class::None`]: what missing and empty mean is the vendor's to
/// say.
pub fn classify(user_agent: &[u8]) -> Match {
    let value = user_agent.get(..MAX_BYTES).unwrap_or(user_agent).trim_ascii();
    if value.is_empty() {
        return Match::NONE;
    }
    let parts = device_model::split(value);
    let mut found = Findings::default();
    names::find(value, (parts[0].len(), value.len() - parts[2].len()), &mut found);
    automaton::run(parts, &mut found);
    let verdict = if shape::starts_like_a_browser(value) {
        found.in_browser().or_else(|| shape::browser(value, parts, &found))
    } else if found.has(Mark::App) {
        found.in_app()
    } else {
        found.in_tool().or_else(|| Some(shape::tool(parts, &found)))
    };
    verdict.unwrap_or(Match::NONE)
}

#[cfg(test)]
mod oracle;
#[cfg(test)]
mod tests;
