//! Where a value of the configuration stands, and what is wrong there. Every problem is kept, so
//! that reading goes on to the next value instead of ending at the first problem.

use super::json::Json;
use super::read::{Object, Read};
use crate::rules::problem::Problem;
use std::borrow::Cow;
use std::cell::RefCell;
use std::fmt;

/// All problems found so far.
#[derive(Debug, Default)]
pub struct Problems(RefCell<Vec<Problem>>);

impl Problems {
    /// One more.
    pub fn add(&self, problem: Problem) {
        self.0.borrow_mut().push(problem);
    }

    /// The value, or `None` with its problem kept.
    pub fn keep<T>(&self, result: Result<T, Problem>) -> Option<T> {
        result.map_err(|problem| self.add(problem)).ok()
    }

    /// How many so far.
    pub fn count(&self) -> usize {
        self.0.borrow().len()
    }

    /// In the order they were found.
    pub fn into_list(self) -> Vec<Problem> {
        self.0.into_inner()
    }
}

/// Where a value stands, put into words only where there is a problem: `endpoints[2].hosts[0]`.
#[derive(Debug, Clone, Copy)]
pub enum Path<'n> {
    /// The configuration as a whole.
    Whole,
    /// A member of an object.
    Field(&'n Path<'n>, &'n str),
    /// An element of a list.
    Element(&'n Path<'n>, usize),
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Path::Whole => Ok(()),
            Path::Field(Path::Whole, name) => formatter.write_str(name),
            Path::Field(outer, name) => write!(formatter, "{outer}.{name}"),
            Path::Element(outer, index) => write!(formatter, "{outer}[{index}]"),
        }
    }
}

/// A value and where it stands. Each reading returns `None`, with a problem kept, where the value
/// cannot be used.
#[derive(Debug)]
pub struct Node<'n, 'a> {
    /// Where.
    pub path: Path<'n>,
    /// What was written.
    pub value: Json<'a>,
    /// Of the whole configuration.
    pub problems: &'n Problems,
}

impl<'n, 'a> Node<'n, 'a> {
    /// Keeps a problem that stands here, or below.
    #[cold]
    #[inline(never)]
    fn refuse(&self, problem: Problem) {
        self.problems.add(problem.under(&self.path.to_string()));
    }

    /// Keeps the problem that something else was expected.
    pub fn wrong<T>(&self, expected: &str) -> Option<T> {
        self.refuse(Problem::new("", expected, self.value.shown()));
        None
    }

    fn made<T>(&self, result: Result<T, Problem>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(problem) => {
                self.refuse(problem);
                None
            }
        }
    }

    /// A string, made into something that may refuse it.
    pub fn text<T>(self, read: impl FnOnce(&str) -> Result<T, Problem>) -> Option<T> {
        match &self.value {
            Json::String(text) => self.made(read(text)),
            _ => self.wrong("a string"),
        }
    }

    /// A number as it is written, made into something that may refuse it.
    pub fn number<T>(self, read: impl FnOnce(&str) -> Result<T, Problem>) -> Option<T> {
        match self.value {
            Json::Number(text) => self.made(read(text)),
            _ => self.wrong("a number"),
        }
    }

    /// One of a closed set of words.
    pub fn word<T: Copy>(self, all: &[T], id: impl Fn(T) -> &'static str) -> Option<T> {
        if let Json::String(text) = &self.value
            && let Some(found) = all.iter().find(|word| id(**word) == text)
        {
            return Some(*found);
        }
        self.no_word(&all.iter().map(|word| id(*word)).collect::<Vec<_>>());
        None
    }

    #[cold]
    #[inline(never)]
    fn no_word(&self, words: &[&'static str]) {
        let hint = if let Json::String(text) = &self.value { nearest(text, words) } else { None };
        let expected = format!("one of {}", listed(words, ", "));
        self.refuse(Problem::new("", expected, self.value.shown()).with_hint(hint));
    }

    /// Hands the elements of a list over, one by one.
    pub fn each(self, mut read: impl FnMut(Node<'_, 'a>)) -> Option<()> {
        let Json::List(list) = self.value else { return self.wrong("a list") };
        for (index, value) in list.into_iter().enumerate() {
            let path = Path::Element(&self.path, index);
            read(Node { path, value, problems: self.problems });
        }
        Some(())
    }

    /// Hands the members of an object over whose names are the operator's.
    pub fn each_member(self, mut read: impl FnMut(&str, Node<'_, 'a>)) -> Option<()> {
        let Json::Object(members) = self.value else { return self.wrong("an object") };
        for (name, value) in members {
            let path = Path::Field(&self.path, &name);
            read(&name, Node { path, value, problems: self.problems });
        }
        Some(())
    }

    /// An object whose members' names are ours.
    pub fn object<T: Object>(self) -> Option<T> {
        let Json::Object(members) = self.value else { return self.wrong("an object") };
        let mut members = Members {
            path: self.path,
            members,
            known: Vec::new(),
            elsewhere: &[],
            problems: self.problems,
        };
        let read = T::take(&mut members);
        members.finish();
        read
    }
}

/// Named members, taken one by one.
#[derive(Debug)]
pub struct Members<'n, 'a> {
    path: Path<'n>,
    members: Vec<(Cow<'a, str>, Json<'a>)>,
    /// Names that were asked for.
    known: Vec<&'static str>,
    /// Names that other choices have.
    elsewhere: &'static [Choice],
    problems: &'n Problems,
}

/// A word of a `choice!`, and the names of the fields that belong to it.
pub type Choice = (&'static str, &'static [&'static str]);

impl<'a> Members<'_, 'a> {
    /// The field of this name. `None` where it must be there and is missing or cannot be used; one
    /// that may be left out is taken to be, so that what stands around it is checked as well.
    pub fn read<T: Read>(&mut self, name: &'static str) -> Option<T> {
        let read = match self.take(name) {
            Some(value) => T::read(Node {
                path: Path::Field(&self.path, name),
                value,
                problems: self.problems,
            }),
            None => return T::absent().or_else(|| self.missing(name)),
        };
        read.or_else(T::absent)
    }

    #[inline(never)]
    fn take(&mut self, name: &'static str) -> Option<Json<'a>> {
        self.known.push(name);
        let index = self.members.iter().position(|(member, _)| member == name)?;
        Some(self.members.swap_remove(index).1)
    }

    /// Which of the choices the field `tag` names. Where it names none, nobody knows which fields
    /// belong here, and none of theirs is complained of.
    pub fn choose(
        &mut self,
        tag: &'static str,
        choices: &'static [Choice],
    ) -> Option<&'static str> {
        let words: Vec<&'static str> = choices.iter().map(|(word, _)| *word).collect();
        self.elsewhere = choices;
        let chosen = match self.take(tag) {
            Some(value) => {
                let path = Path::Field(&self.path, tag);
                Node { path, value, problems: self.problems }.word(&words, |word| word)
            }
            None => self.missing(tag),
        };
        if chosen.is_none() {
            self.known.extend(choices.iter().flat_map(|(_, names)| names.iter()));
        }
        chosen
    }

    fn missing<T>(&self, name: &'static str) -> Option<T> {
        self.problem(format!("missing field {name:?}"), None);
        None
    }

    #[cold]
    #[inline(never)]
    fn problem(&self, message: String, hint: Option<String>) {
        self.problems.add(Problem::of(self.path.to_string(), message).with_hint(hint));
    }

    /// Complains of what nobody asked for.
    #[inline(never)]
    fn finish(self) {
        for (name, _) in self.members.iter().filter(|(name, _)| !self.known.contains(&&**name)) {
            let owners: Vec<&'static str> = self
                .elsewhere
                .iter()
                .filter(|(_, names)| names.contains(&&**name))
                .map(|(word, _)| *word)
                .collect();
            let hint = if owners.is_empty() {
                nearest(name, &self.known)
            } else {
                Some(format!("it is a field of {}", listed(&owners, " and ")))
            };
            let name = Json::String(Cow::Borrowed(name)).shown();
            self.problem(format!("unknown field {name}"), hint);
        }
    }
}

fn listed(words: &[&'static str], between: &str) -> String {
    words.iter().map(|word| format!("{word:?}")).collect::<Vec<_>>().join(between)
}

/// The word that was probably meant: at most a third of its letters are other ones.
fn nearest(text: &str, words: &[&'static str]) -> Option<String> {
    // No word is as long, and the distance of long ones takes long.
    if text.len() > 64 {
        return None;
    }
    let distance =
        |word: &&&'static str| strsim::damerau_levenshtein(&text.to_ascii_lowercase(), word);
    let word = words.iter().min_by_key(distance)?;
    (distance(&word) * 3 <= word.len().max(3)).then(|| format!("did you mean {word:?}?"))
}
