//! The places that are looked at, as a tree of names for one walk through the body.

use crate::rules::json::{Kind, Value};

/// Names below one object of the body.
#[derive(Debug, Default)]
pub struct Tree {
    pub children: Vec<Child>,
    /// The last element of an array that any of the names stands for.
    pub last_index: Option<usize>,
    /// The fields that stand here, as indices into a scope's list.
    pub fields: Vec<usize>,
    /// The most characters that any of these fields may have: no more need be counted.
    pub max_length: usize,
    /// The batch stands here.
    pub is_batch: bool,
}

/// What stands below a name.
#[derive(Debug)]
pub struct Child {
    pub name: String,
    /// The element of an array that the name stands for, where there is an array.
    pub index: Option<usize>,
    pub tree: Tree,
}

impl Tree {
    pub fn insert(&mut self, pointer: &[String], what: Found) {
        let Some((first, rest)) = pointer.split_first() else {
            match what {
                Found::Batch => self.is_batch = true,
                Found::Field { place, max_length } => {
                    self.fields.push(place);
                    self.max_length = self.max_length.max(max_length);
                }
            }
            return;
        };
        let index =
            self.children.iter().position(|child| child.name == *first).unwrap_or_else(|| {
                let index = first.parse().ok();
                self.last_index = self.last_index.max(index);
                self.children.push(Child { name: first.clone(), index, tree: Tree::default() });
                self.children.len() - 1
            });
        if let Some(child) = self.children.get_mut(index) {
            child.tree.insert(rest, what);
        }
    }

    /// What stands below an element of an array.
    pub fn element(&self, index: usize) -> Option<&Tree> {
        self.children.iter().find(|child| child.index == Some(index)).map(|child| &child.tree)
    }

    /// Forgets what was found here and below: an earlier member of the same name does not count.
    pub fn clear(&self, states: &mut [State]) {
        for field in &self.fields {
            if let Some(state) = states.get_mut(*field) {
                *state = State::default();
            }
        }
        self.children.iter().for_each(|child| child.tree.clear(states));
    }
}

/// What a pointer leads to.
#[derive(Debug)]
pub enum Found {
    Batch,
    Field { place: usize, max_length: usize },
}

/// What stood at a place.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum State {
    #[default]
    Missing,
    Null,
    Blank,
    Value(Kind, usize),
}

impl State {
    /// Of a string the number of characters, up to one more than may be; of anything else 0.
    pub fn of(value: Value<'_>, max_length: usize) -> State {
        match value {
            Value::Null => State::Null,
            Value::String(text) if text.is_blank() => State::Blank,
            Value::String(text) => {
                State::Value(Kind::String, text.chars().take(max_length.saturating_add(1)).count())
            }
            Value::Object(_) | Value::Array(_) | Value::Number(_) | Value::Bool(_) => {
                State::Value(value.kind(), 0)
            }
        }
    }

    pub fn value(self) -> Option<(Kind, usize)> {
        match self {
            State::Value(kind, length) => Some((kind, length)),
            State::Missing | State::Null | State::Blank => None,
        }
    }
}
