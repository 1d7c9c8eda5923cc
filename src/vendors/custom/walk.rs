//! One walk through a body: the fields asked for, and the batch with its events. No tree of the
//! body is built, and what is kept does not grow with it.

use super::fields::{Fault, Fields, Scope};
use super::tree::{State, Tree};
use crate::rules::json::{Kind, Reader, Result};
use crate::verdict::{Bounded, Reason};

/// What a body holds of what was asked for.
pub struct Seen {
    pub is_object: bool,
    pub states: Vec<State>,
    pub batch: BatchSeen,
}

pub enum BatchSeen {
    NotAskedFor,
    Missing,
    NotAnArray,
    Array(Batch),
}

#[derive(Default)]
pub struct Batch {
    /// As it stands in the body, brackets and all.
    pub bytes: usize,
    pub count: usize,
    /// The first event over its limit.
    pub too_large: Option<usize>,
    pub faults: Bounded<Fault>,
}

pub fn body(reader: &mut Reader<'_>, fields: &Fields, event_bytes: usize) -> Result<Seen> {
    let batch = if fields.has_batch() { BatchSeen::Missing } else { BatchSeen::NotAskedFor };
    let mut seen =
        Seen { is_object: reader.kind()? == Kind::Object, states: fields.request.states(), batch };
    let mut walk = Walk { fields, event_bytes, batch: &mut seen.batch };
    walk.value(reader, &fields.request.tree, &mut seen.states)?;
    Ok(seen)
}

struct Walk<'f> {
    fields: &'f Fields,
    event_bytes: usize,
    batch: &'f mut BatchSeen,
}

impl Walk<'_> {
    fn value(&mut self, reader: &mut Reader<'_>, tree: &Tree, states: &mut [State]) -> Result<()> {
        let kind = reader.kind()?;
        if tree.is_batch {
            *self.batch = self.events(reader)?;
            return note(tree, State::Value(kind, 0), states);
        }
        match kind {
            Kind::Object if !tree.children.is_empty() => {
                note(tree, State::Value(kind, 0), states)?;
                let walked = reader.object(|reader, name| {
                    match tree.children.iter().find(|child| name.is(&child.name)) {
                        Some(child) => {
                            child.tree.clear(states);
                            self.value(reader, &child.tree, states)
                        }
                        None => reader.value().map(drop),
                    }
                });
                walked.map(drop)
            }
            Kind::Array if tree.children.iter().any(|child| child.index.is_some()) => {
                note(tree, State::Value(kind, 0), states)?;
                let walked = reader.array(|reader, index| {
                    match tree.children.iter().find(|child| child.index == Some(index)) {
                        Some(child) => self.value(reader, &child.tree, states),
                        None => reader.value().map(drop),
                    }
                });
                walked.map(drop)
            }
            Kind::Object | Kind::Array | Kind::String | Kind::Number | Kind::Bool | Kind::Null => {
                let value = reader.value()?;
                note(tree, State::of(value, tree.max_length), states)
            }
        }
    }

    /// The next value starts here, without blanks before it.
    fn events(&mut self, reader: &mut Reader<'_>) -> Result<BatchSeen> {
        let start = reader.position();
        let mut batch = Batch::default();
        let mut states = self.fields.event.states();
        let is_array = reader.array(|reader, index| {
            let kind = reader.kind()?;
            let start = reader.position();
            if kind == Kind::Object {
                states.fill(State::Missing);
                self.value(reader, &self.fields.event.tree, &mut states)?;
            } else {
                reader.value()?;
            }
            if reader.position() - start > self.event_bytes {
                batch.too_large.get_or_insert(index);
            }
            batch.count = index + 1;
            batch.judge(&self.fields.event, kind, &states, || self.fields.event_path(index));
            Ok(())
        })?;
        batch.bytes = reader.position() - start;
        Ok(if is_array { BatchSeen::Array(batch) } else { BatchSeen::NotAnArray })
    }
}

impl Batch {
    fn judge(&mut self, scope: &Scope, kind: Kind, states: &[State], path: impl Fn() -> String) {
        let event_fault = |message: &str| Fault {
            reason: Reason::EventInvalid,
            path: path(),
            message: message.to_owned(),
        };
        if kind != Kind::Object {
            self.faults.push_with(|| event_fault("an event must be an object"));
        } else if self.faults.list.len() >= Bounded::<Fault>::MAX {
            // Counted by the event, and not looked at further.
            self.faults.more += usize::from(scope.has_fault(states));
        } else if scope.has_fault(states) {
            scope.faults(states, &path()).into_iter().for_each(|fault| self.faults.push(fault));
        }
    }
}

fn note(tree: &Tree, found: State, states: &mut [State]) -> Result<()> {
    for field in &tree.fields {
        if let Some(state) = states.get_mut(*field) {
            *state = found;
        }
    }
    Ok(())
}
