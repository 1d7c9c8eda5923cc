//! Reads the lists of `data/user_agents/*.txt`.
//!
//! A line is empty, a comment (`# ...`), a directive (`@name value`) or a pattern with its comment:
//!
//! ```text
//! @class crawler            what a match means, until the next @class: crawler | crawler_word | headless | http_library |
//!                           leading_library (counts before a crawler's name, as libraries anchored by `^` do) |
//!                           worded_crawler (a name that contains a crawler_word, which is reported) | mark:NAME
//! @scope any                where the patterns below count: everywhere | any | named | tool
//! semrush   # Semrush, SEO [isbot]
//! ```
//!
//! A pattern is matched in any letter case, anywhere in the value. In it `^` and `$` are the ends
//! of the value, `<` and `>` an edge of a word, `\d` a digit, `\s` a space, `[abc]`, `[^abc]`,
//! `[a-z]` one character of a set, `x?` an optional character, `\` before a sign the sign itself.
//! There is no repetition. The comment starts at the first ` #` and ends with the source in
//! brackets.

use super::pattern::{self, Set};
use std::collections::BTreeSet;
use std::path::Path;

/// What a match means; the order is the precedence when several rules match.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// A library that the value starts with, or that is one whatever else the value says.
    LeadingLibrary,
    Crawler,
    /// A crawler's name that contains a `crawler_word`, which is the rule to report.
    WordedCrawler,
    /// A word that many crawlers' names contain, and the names of some apps.
    CrawlerWord,
    Headless,
    HttpLibrary,
    /// Not a verdict: a fact about the shape of the value, used by the structural rules.
    Mark(u8),
}

/// In which values a rule counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// Every value, even where an Android agent names its device: for names that no device bears.
    Everywhere,
    /// Every value, outside the name of an Android device.
    Any,
    /// Values that do not start like a browser's.
    Named,
    /// Values that do not start like a browser's and bear no mark of an app or a device.
    Tool,
}

impl Class {
    /// The class as the tables have it; `src/rules/user_agent/findings.rs` reads these numbers.
    pub fn number(self) -> Option<u8> {
        match self {
            Self::LeadingLibrary => Some(0),
            Self::Crawler => Some(1),
            Self::WordedCrawler => Some(2),
            Self::CrawlerWord => Some(3),
            Self::Headless => Some(4),
            Self::HttpLibrary => Some(5),
            Self::Mark(_) => None,
        }
    }
}

pub struct Rule {
    /// Stable name; patterns that differ only in what may stand around a word share one.
    pub id: String,
    pub pattern: String,
    pub class: Class,
    pub scope: Scope,
    pub sequences: Vec<Vec<Set>>,
}

/// The marks, in the order of their bits in the table. `src/rules/user_agent/findings.rs` has the
/// same.
const MARKS: [&str; 8] =
    ["engine", "platform", "app", "contact", "compatible", "own_address", "desktop", "native"];

/// All rules of the lists in `folder`, in order of precedence: by class, then by file name and
/// line. A verdict's pattern that several lists have is the first one's; twice in one list it is an
/// error.
pub fn read(folder: &Path) -> Result<Vec<Rule>, String> {
    let mut paths: Vec<_> = std::fs::read_dir(folder)
        .map_err(|error| format!("{}: {error}", folder.display()))?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "txt"))
        .collect();
    paths.sort();
    let mut rules = Vec::new();
    for path in &paths {
        let text = std::fs::read_to_string(path)
            .map_err(|error| format!("{}: {error}", path.display()))?;
        read_list(&text, &mut rules).map_err(|error| format!("{}:{error}", path.display()))?;
    }
    rules.sort_by_key(|rule| rule.class);
    let mut seen = BTreeSet::new();
    rules.retain(|rule| matches!(rule.class, Class::Mark(_)) || seen.insert(rule.pattern.clone()));
    Ok(rules)
}

fn read_list(text: &str, rules: &mut Vec<Rule>) -> Result<(), String> {
    let mut class = None;
    let mut scope = Scope::Any;
    let mut seen = BTreeSet::new();
    for (number, line) in text.lines().enumerate().map(|(index, line)| (index + 1, line.trim_end()))
    {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(name) = line.strip_prefix("@class ") {
            class = Some(class_named(name).ok_or(format!("{number}: unknown class `{name}`"))?);
            continue;
        }
        if let Some(name) = line.strip_prefix("@scope ") {
            scope = scope_named(name).ok_or(format!("{number}: unknown scope `{name}`"))?;
            continue;
        }
        let (pattern, comment) = line
            .split_once(" #")
            .ok_or(format!("{number}: expected ` # who [source]` after the pattern"))?;
        if !comment.ends_with(']') {
            return Err(format!("{number}: expected the comment to end with its [source]"));
        }
        let pattern = pattern.trim_end();
        if !seen.insert((class, pattern.to_ascii_lowercase())) {
            return Err(format!("{number}: the pattern `{pattern}` is listed twice"));
        }
        rules.push(Rule {
            id: id_of(pattern),
            pattern: pattern.to_ascii_lowercase(),
            class: match class
                .ok_or(format!("{number}: expected a `@class` before the first pattern"))?
            {
                Class::HttpLibrary if pattern.starts_with('^') => Class::LeadingLibrary,
                class => class,
            },
            scope,
            sequences: pattern::parse(pattern).map_err(|error| format!("{number}: {error}"))?,
        });
    }
    Ok(())
}

fn class_named(name: &str) -> Option<Class> {
    match name {
        "leading_library" => Some(Class::LeadingLibrary),
        "crawler" => Some(Class::Crawler),
        "crawler_word" => Some(Class::CrawlerWord),
        "headless" => Some(Class::Headless),
        "http_library" => Some(Class::HttpLibrary),
        "worded_crawler" => Some(Class::WordedCrawler),
        _ => {
            let mark = MARKS.iter().position(|&mark| Some(mark) == name.strip_prefix("mark:"))?;
            u8::try_from(mark).ok().map(Class::Mark)
        }
    }
}

fn scope_named(name: &str) -> Option<Scope> {
    match name {
        "everywhere" => Some(Scope::Everywhere),
        "any" => Some(Scope::Any),
        "named" => Some(Scope::Named),
        "tool" => Some(Scope::Tool),
        _ => None,
    }
}

/// The stable id of a rule: what of its pattern is literal, in lower case.
fn id_of(pattern: &str) -> String {
    let mut id = String::new();
    let mut in_set = false;
    for sign in pattern.replace("\\d", "").replace("\\s", " ").chars() {
        in_set = sign == '[' || in_set && sign != ']';
        if !in_set && !"^$<>[]?\\".contains(sign) {
            id.push(sign.to_ascii_lowercase());
        }
    }
    id.trim_matches(|sign| " /(;".contains(sign)).to_owned()
}
