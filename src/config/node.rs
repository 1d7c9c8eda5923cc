//! Reads the configuration's tree into typed values, and collects every problem on the way instead
//! of ending at the first.

use super::json::Json;
use crate::rules::problem::Problem;
use std::borrow::Cow;
use std::cell::RefCell;

/// All problems found so far.
#[derive(Debug, Default)]
pub struct Problems(RefCell<Vec<Problem>>);

impl Problems {
    pub fn add(&self, problem: Problem) {
        self.0.borrow_mut().push(problem);
    }

    /// The value, or `None` with its problem kept.
    pub fn keep<T>(&self, result: Result<T, Problem>) -> Option<T> {
        result.map_err(|problem| self.add(problem)).ok()
    }

    pub fn into_list(self) -> Vec<Problem> {
        self.0.into_inner()
    }
}

/// A value and where it stands. Each reading returns `None` with a problem kept where the value is
/// of another type.
#[derive(Debug)]
pub struct Node<'a, 'p> {
    pub at: String,
    pub value: Json<'a>,
    pub problems: &'p Problems,
}

impl<'a, 'p> Node<'a, 'p> {
    fn wrong<T>(&self, expected: &'static str) -> Option<T> {
        self.problems.add(Problem::new(self.at.clone(), expected, self.value.shown()));
        None
    }

    pub fn string(self) -> Option<String> {
        match self.value {
            Json::String(text) => Some(text.into_owned()),
            _ => self.wrong("a text"),
        }
    }

    pub fn boolean(self) -> Option<bool> {
        match self.value {
            Json::Bool(value) => Some(value),
            _ => self.wrong("true or false"),
        }
    }

    /// A whole number that is not negative.
    pub fn count(self) -> Option<usize> {
        let parsed = if let Json::Number(text) = self.value { text.parse().ok() } else { None };
        parsed.or_else(|| self.wrong("a whole number from 0"))
    }

    /// A number as it is written.
    pub fn number(self) -> Option<String> {
        match self.value {
            Json::Number(text) => Some(text.to_owned()),
            _ => self.wrong("a number"),
        }
    }

    /// One of a closed set of words.
    pub fn word<T: Copy>(self, all: &[T], id: impl Fn(T) -> &'static str) -> Option<T> {
        let found = if let Json::String(text) = &self.value {
            all.iter().find(|word| id(**word) == text)
        } else {
            None
        };
        if let Some(found) = found {
            return Some(*found);
        }
        let words: Vec<&'static str> = all.iter().map(|word| id(*word)).collect();
        let hint = if let Json::String(text) = &self.value { nearest(text, &words) } else { None };
        let expected = format!("one of {}", quoted(&words));
        self.problems.add(Problem::new(self.at, expected, self.value.shown()).with_hint(hint));
        None
    }

    pub fn strings(self) -> Option<Vec<String>> {
        let Json::List(list) = self.value else { return self.wrong("a list of texts") };
        let (at, problems) = (&self.at, self.problems);
        let text = |(index, value): (usize, Json<'a>)| match value {
            Json::String(text) => Some(text.into_owned()),
            other => {
                problems.add(Problem::new(format!("{at}[{index}]"), "a text", other.shown()));
                None
            }
        };
        Some(list.into_iter().enumerate().filter_map(text).collect())
    }

    pub fn elements(self) -> Option<Vec<Node<'a, 'p>>> {
        let Json::List(list) = self.value else { return self.wrong("a list") };
        let (at, problems) = (&self.at, self.problems);
        let node = |(index, value)| Node { at: format!("{at}[{index}]"), value, problems };
        Some(list.into_iter().enumerate().map(node).collect())
    }

    /// The members of an object whose names are the operator's.
    pub fn entries(self) -> Option<Vec<(String, Node<'a, 'p>)>> {
        let Json::Object(members) = self.value else { return self.wrong("an object") };
        let (at, problems) = (&self.at, self.problems);
        let node = |(name, value): (Cow<'a, str>, _)| {
            let node = Node { at: joined(at, &name), value, problems };
            (name.into_owned(), node)
        };
        Some(members.into_iter().map(node).collect())
    }

    /// The members of an object whose names are ours.
    pub fn fields(self) -> Option<Fields<'a, 'p>> {
        let Json::Object(members) = self.value else { return self.wrong("an object") };
        Some(Fields { at: self.at, members, asked: Vec::new(), problems: self.problems })
    }
}

/// Named members, taken one by one; [`Fields::finish`] complains of what nobody asked for.
#[derive(Debug)]
pub struct Fields<'a, 'p> {
    pub at: String,
    members: Vec<(Cow<'a, str>, Json<'a>)>,
    asked: Vec<&'static str>,
    problems: &'p Problems,
}

impl<'a, 'p> Fields<'a, 'p> {
    pub fn take(&mut self, name: &'static str) -> Option<Node<'a, 'p>> {
        self.asked.push(name);
        let index = self.members.iter().position(|(member, _)| member == name)?;
        let (_, value) = self.members.swap_remove(index);
        Some(Node { at: joined(&self.at, name), value, problems: self.problems })
    }

    /// Nothing could be sent under a limit of 0.
    pub fn take_limit(&mut self, name: &'static str) -> Option<usize> {
        let node = self.take(name)?;
        let (at, problems) = (node.at.clone(), node.problems);
        match node.count()? {
            0 => problems.keep(Err(Problem::new(at, "at least 1", "0"))),
            count => Some(count),
        }
    }

    /// A list of texts; empty where there is none.
    pub fn take_strings(&mut self, name: &'static str) -> Vec<String> {
        self.take(name).and_then(Node::strings).unwrap_or_default()
    }

    pub fn take_boolean(&mut self, name: &'static str) -> Option<bool> {
        self.take(name).and_then(Node::boolean)
    }

    /// A member that must be there.
    pub fn need(&mut self, name: &'static str, expected: &'static str) -> Option<Node<'a, 'p>> {
        let node = self.take(name);
        if node.is_none() {
            self.problems.add(Problem::new(joined(&self.at, name), expected, "nothing"));
        }
        node
    }

    pub fn finish(self) {
        for (name, _) in &self.members {
            let expected = format!("one of {}", quoted(&self.asked));
            let problem =
                Problem::new(joined(&self.at, name), expected, "a name that is none of these");
            self.problems.add(problem.with_hint(nearest(name, &self.asked)));
        }
    }
}

fn joined(outer: &str, name: &str) -> String {
    if outer.is_empty() { name.to_owned() } else { format!("{outer}.{name}") }
}

fn quoted(words: &[&'static str]) -> String {
    words.iter().map(|word| format!("{word:?}")).collect::<Vec<_>>().join(", ")
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
