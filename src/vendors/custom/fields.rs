//! The fields that are looked at, as a tree of names for one walk through the body, and what is wrong with what was found.

use crate::rules::json::{Kind, Value};
use crate::rules::problem::Problem;
use crate::verdict::Reason;

/// Names below one object of the body.
#[derive(Debug, Default)]
pub struct Tree {
    pub children: Vec<(String, Tree)>,
    /// The fields that stand here, as indices into a scope's list.
    pub fields: Vec<usize>,
    /// The batch stands here.
    pub is_batch: bool,
}

impl Tree {
    fn insert(&mut self, pointer: &[String], what: Found) {
        let Some((first, rest)) = pointer.split_first() else {
            match what {
                Found::Batch => self.is_batch = true,
                Found::Field(place) => self.fields.push(place),
            }
            return;
        };
        let index = self.children.iter().position(|(name, _)| name == first).unwrap_or_else(|| {
            self.children.push((first.clone(), Tree::default()));
            self.children.len() - 1
        });
        if let Some((_, child)) = self.children.get_mut(index) {
            child.insert(rest, what);
        }
    }

    /// Forgets what was found here and below: an earlier member of the same name does not count.
    pub fn clear(&self, states: &mut [State]) {
        for field in &self.fields {
            if let Some(state) = states.get_mut(*field) {
                *state = State::default();
            }
        }
        self.children.iter().for_each(|(_, child)| child.clear(states));
    }
}

/// What a pointer leads to.
enum Found {
    Batch,
    Field(usize),
}

/// One place where a field may stand.
#[derive(Debug)]
struct Place {
    /// The rule it belongs to: places of one rule are alternatives.
    rule: usize,
    /// As told in annotations: `user.id`.
    path: String,
}

#[derive(Debug)]
struct Rule {
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
    /// Of a string the number of characters; of anything else 0.
    pub fn of(value: Value<'_>) -> State {
        match value {
            Value::Null => State::Null,
            Value::String(text) => {
                let text = text.decode();
                if text.trim().is_empty() { State::Blank } else { State::Value(Kind::String, text.chars().count()) }
            }
            Value::Object(_) | Value::Array(_) | Value::Number(_) | Value::Bool(_) => State::Value(value.kind(), 0),
        }
    }
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
        let rule = self.rules.len();
        for pointer in pointers {
            let place = self.places.len();
            self.tree.insert(&pointer, Found::Field(place));
            self.places.push(Place { rule, path: pointer.join(".") });
        }
        self.rules.push(Rule { required: spec.required, types: spec.types.clone(), max_length: spec.max_length });
    }

    pub fn states(&self) -> Vec<State> {
        vec![State::Missing; self.places.len()]
    }

    /// At most one fault for each rule. `prefix` leads to the event.
    pub fn faults(&self, states: &[State], prefix: &str) -> Vec<Fault> {
        let rules = self.rules.iter().enumerate();
        rules.filter_map(|(index, rule)| self.fault(index, rule, states)).map(|fault| fault.below(prefix)).collect()
    }

    pub fn has_fault(&self, states: &[State]) -> bool {
        self.rules.iter().enumerate().any(|(index, rule)| self.fault(index, rule, states).is_some())
    }

    fn fault(&self, index: usize, rule: &Rule, states: &[State]) -> Option<Fault> {
        let places = || self.places.iter().zip(states).filter(|(place, _)| place.rule == index);
        let present = places().find_map(|(place, state)| match state {
            State::Value(kind, length) => Some((&place.path, *kind, *length)),
            State::Missing | State::Null | State::Blank => None,
        });
        let fault = |reason, path: &str, message: String| Some(Fault { reason, path: path.to_owned(), message });
        let Some((path, kind, length)) = present else {
            let paths: Vec<&str> = places().map(|(place, _)| place.path.as_str()).collect();
            let path = paths.first().copied().unwrap_or_default();
            return if rule.required {
                fault(Reason::MissingField, path, format!("{} is required", paths.join(" or ")))
            } else {
                None
            };
        };
        if rule.types.as_ref().is_some_and(|types| !types.contains(&kind)) {
            return fault(Reason::FieldType, path, format!("{path} must not be {}", with_article(kind)));
        }
        match rule.max_length {
            Some(max) if length > max => fault(Reason::FieldTooLong, path, format!("{path} is longer than {max} characters")),
            Some(_) | None => None,
        }
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

fn with_article(kind: Kind) -> &'static str {
    match kind {
        Kind::Object => "an object",
        Kind::Array => "an array",
        Kind::String => "a string",
        Kind::Number => "a number",
        Kind::Bool => "a boolean",
        Kind::Null => "null",
    }
}

/// One field, or several of which one is enough.
#[derive(Debug, Clone)]
pub struct FieldSpec {
    /// JSON pointers, relative to the event or to the request; the first one found counts.
    pub any_of: Vec<String>,
    /// Looked at in each event of the batch, or once in the request. Without a batch the two are the same.
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
    /// The batch's path, as told in annotations; empty where the body itself is one.
    batch: Option<String>,
}

impl Fields {
    /// # Errors
    /// A pointer that is none, a field without a place, or a batch that is also a field.
    pub fn compile(batch: Option<&str>, specs: &[FieldSpec]) -> Result<Self, Problem> {
        let mut fields = Fields { request: Scope::default(), event: Scope::default(), batch: None };
        if let Some(batch) = batch {
            let pointer = pointer(batch).map_err(|problem| problem.under("batch"))?;
            fields.request.tree.insert(&pointer, Found::Batch);
            fields.batch = Some(pointer.join("."));
        }
        for (index, spec) in specs.iter().enumerate() {
            let pointers = spec.any_of.iter().map(|text| non_empty(text)).collect::<Result<Vec<_>, _>>();
            let pointers = pointers.map_err(|problem| problem.under(&format!("fields[{index}]")))?;
            if spec.in_request && batch == Some("") {
                let found = "a field of the request where the whole body is the batch";
                return Err(Problem::new(format!("fields[{index}].in"), "\"event\"", found));
            }
            let scope = if batch.is_none() || spec.in_request { &mut fields.request } else { &mut fields.event };
            scope.add(spec, pointers);
        }
        Ok(fields)
    }

    pub fn has_batch(&self) -> bool {
        self.batch.is_some()
    }

    /// A body that is no object could have none of these.
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
    if names.is_empty() { Err(Problem::new("", "a pointer to a member, such as \"/userId\"", "\"\"")) } else { Ok(names) }
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
        let rows: [(&str, &[&str]); 4] = [("", &[]), ("/a/b", &["a", "b"]), ("/a~1b/m~0n", &["a/b", "m~n"]), ("/", &[""])];
        for (text, expected) in rows {
            assert_eq!(pointer(text).unwrap(), expected, "{text:?}");
        }
        for text in ["a", "/a~2", "/a~", "#/a"] {
            assert!(pointer(text).is_err(), "{text:?}");
        }
    }
}
