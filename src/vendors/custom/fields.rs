//! The fields that are looked at, and what is wrong with what was found.

use super::tree::{Found, State, Tree};
use crate::rules::json::Kind;
use crate::rules::problem::Problem;
use crate::verdict::Reason;
use std::ops::Range;

/// One place where a field may stand.
#[derive(Debug)]
struct Place {
    /// As annotations have it: `user.id`.
    path: String,
}

#[derive(Debug)]
struct Rule {
    /// Its places, which are alternatives.
    places: Range<usize>,
    required: bool,
    types: Option<Vec<Kind>>,
    max_length: Option<usize>,
}

/// The fields of the request, or of an event.
#[derive(Debug, Default)]
pub struct Scope {
    pub tree: Tree,
    places: Vec<Place>,
    rules: Vec<Rule>,
}

/// What is wrong with a field.
#[derive(Debug)]
pub struct Fault {
    pub reason: Reason,
    pub path: String,
    pub message: String,
}

impl Scope {
    fn add(&mut self, spec: &FieldSpec, pointers: Vec<Vec<String>>) {
        let first = self.places.len();
        for pointer in pointers {
            let place = self.places.len();
            self.tree
                .insert(&pointer, Found::Field { place, max_length: spec.max_length.unwrap_or(0) });
            self.places.push(Place { path: pointer.join(".") });
        }
        self.rules.push(Rule {
            places: first..self.places.len(),
            required: spec.required,
            types: spec.types.clone(),
            max_length: spec.max_length,
        });
    }

    pub fn states(&self) -> Vec<State> {
        vec![State::Missing; self.places.len()]
    }

    /// At most one fault for each rule. `prefix` leads to the event.
    pub fn faults(&self, states: &[State], prefix: &str) -> Vec<Fault> {
        self.rules
            .iter()
            .filter_map(|rule| self.fault(rule, states))
            .map(|fault| fault.below(prefix))
            .collect()
    }

    pub fn has_fault(&self, states: &[State]) -> bool {
        self.rules.iter().any(|rule| !rule.is_kept(states))
    }

    fn fault(&self, rule: &Rule, states: &[State]) -> Option<Fault> {
        if rule.is_kept(states) {
            return None;
        }
        let places =
            || self.places.iter().zip(states).skip(rule.places.start).take(rule.places.len());
        let present = places().find_map(|(place, state)| Some((&place.path, state.value()?)));
        let fault = |reason, path: &str, message: String| {
            Some(Fault { reason, path: path.to_owned(), message })
        };
        let Some((path, (kind, _))) = present else {
            let paths: Vec<&str> = places().map(|(place, _)| place.path.as_str()).collect();
            let path = paths.first().copied().unwrap_or_default();
            return fault(
                Reason::MissingField,
                path,
                format!("{} is required", paths.join(" or ")),
            );
        };
        if !rule.takes(kind) {
            return fault(
                Reason::FieldType,
                path,
                format!("{path} must not be {}", kind.with_article()),
            );
        }
        let max = rule.max_length.unwrap_or_default();
        fault(Reason::FieldTooLong, path, format!("{path} is longer than {max} characters"))
    }
}

impl Rule {
    /// Of the alternatives that are there the first one counts.
    fn is_kept(&self, states: &[State]) -> bool {
        let states = states.get(self.places.clone()).unwrap_or_default();
        match states.iter().find_map(|state| state.value()) {
            Some((kind, length)) => {
                self.takes(kind) && self.max_length.is_none_or(|max| length <= max)
            }
            None => !self.required,
        }
    }

    fn takes(&self, kind: Kind) -> bool {
        self.types.as_ref().is_none_or(|types| types.contains(&kind))
    }
}

impl Fault {
    fn below(mut self, prefix: &str) -> Self {
        if !prefix.is_empty() {
            self.path = format!("{prefix}.{}", self.path);
        }
        self
    }
}

/// One field, or several of which one is enough.
#[derive(Debug, Clone)]
pub struct FieldSpec {
    /// JSON pointers, relative to the event or to the request; the first one found counts.
    pub any_of: Vec<String>,
    /// Looked at in each event of the batch, or once in the request. Without a batch the two are
    /// the same.
    pub in_request: bool,
    /// It must be there, not `null`, and not a blank string.
    pub required: bool,
    /// Left out: any.
    pub types: Option<Vec<Kind>>,
    /// Characters of a string, at most.
    pub max_length: Option<usize>,
}

/// All that is looked at in a body.
#[derive(Debug)]
pub struct Fields {
    pub request: Scope,
    pub event: Scope,
    /// The batch's path, as annotations have it; empty where the body itself is one.
    batch: Option<String>,
}

impl Fields {
    /// # Errors
    /// An invalid pointer, a field without a place, or a batch that is also a field.
    pub fn compile(batch: Option<&str>, specs: &[FieldSpec]) -> Result<Self, Problem> {
        let mut fields = Fields { request: Scope::default(), event: Scope::default(), batch: None };
        if let Some(batch) = batch {
            let pointer = pointer(batch).map_err(|problem| problem.under("batch"))?;
            fields.request.tree.insert(&pointer, Found::Batch);
            fields.batch = Some(pointer.join("."));
        }
        for (index, spec) in specs.iter().enumerate() {
            let pointers =
                spec.any_of.iter().map(|text| non_empty(text)).collect::<Result<Vec<_>, _>>();
            let pointers =
                pointers.map_err(|problem| problem.under(&format!("fields[{index}]")))?;
            if spec.in_request && batch == Some("") {
                let found = "a field of the request where the whole body is the batch";
                return Err(Problem::new(format!("fields[{index}].in"), "\"event\"", found));
            }
            let scope = if batch.is_none() || spec.in_request {
                &mut fields.request
            } else {
                &mut fields.event
            };
            scope.add(spec, pointers);
        }
        Ok(fields)
    }

    pub fn has_batch(&self) -> bool {
        self.batch.is_some()
    }

    /// A body that is not an object could have none of these.
    pub fn need_object(&self) -> bool {
        !self.request.rules.is_empty() || self.batch.as_ref().is_some_and(|path| !path.is_empty())
    }

    pub fn batch_name(&self) -> &str {
        self.batch.as_deref().filter(|path| !path.is_empty()).unwrap_or("the body")
    }

    pub fn event_path(&self, index: usize) -> String {
        format!("{}[{index}]", self.batch.as_deref().unwrap_or_default())
    }

    pub fn faults_of_request(&self, states: &[State]) -> Vec<Fault> {
        self.request.faults(states, "")
    }
}

fn non_empty(text: &str) -> Result<Vec<String>, Problem> {
    let names = pointer(text)?;
    if names.is_empty() {
        Err(Problem::new("", "a pointer to a member, such as \"/userId\"", "\"\""))
    } else {
        Ok(names)
    }
}

/// The names of a JSON pointer (RFC 6901).
fn pointer(text: &str) -> Result<Vec<String>, Problem> {
    let wrong = || Problem::new("", "a JSON pointer such as \"/user/id\"", format!("{text:?}"));
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let names = text.strip_prefix('/').ok_or_else(wrong)?.split('/').map(|name| {
        let bad = name.split('~').skip(1).any(|after| !after.starts_with(['0', '1']));
        if bad { Err(wrong()) } else { Ok(name.replace("~1", "/").replace("~0", "~")) }
    });
    names.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pointers_are_those_of_the_rfc() {
        let rows: [(&str, &[&str]); 4] =
            [("", &[]), ("/a/b", &["a", "b"]), ("/a~1b/m~0n", &["a/b", "m~n"]), ("/", &[""])];
        for (text, expected) in rows {
            assert_eq!(pointer(text).unwrap(), expected, "{text:?}");
        }
        for text in ["a", "/a~2", "/a~", "#/a"] {
            assert!(pointer(text).is_err(), "{text:?}");
        }
    }
}
