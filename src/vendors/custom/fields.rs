//! The fields that are looked at, and what is wrong with what was found.

use super::tree::{Found, State, Tree};
use crate::config::declare::{object, text, words};
use crate::config::read::NotEmpty;
use crate::rules::json::Kind;
use crate::rules::problem::Problem;
use crate::verdict::Reason;
use std::num::NonZeroUsize;
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
    /// Where the fields are looked for.
    pub tree: Tree,
    places: Vec<Place>,
    rules: Vec<Rule>,
}

/// What is wrong with a field.
#[derive(Debug)]
pub struct Fault {
    /// Which rule.
    pub reason: Reason,
    /// Where in the body: `user.id`.
    pub path: String,
    /// What is wrong, for the sender.
    pub message: String,
}

impl Scope {
    fn add(&mut self, spec: &FieldSpec, pointers: &[MemberPointer]) {
        let first = self.places.len();
        let max_length = spec.max_length.map(NonZeroUsize::get);
        for MemberPointer(pointer) in pointers {
            let place = self.places.len();
            let max_length = max_length.unwrap_or(0);
            self.tree.insert(pointer, Found::Field { place, max_length });
            self.places.push(Place { path: pointer.join(".") });
        }
        self.rules.push(Rule {
            places: first..self.places.len(),
            required: spec.required.unwrap_or(true),
            types: spec.types.as_ref().map(|types| types.iter().map(|one| one.kind()).collect()),
            max_length,
        });
    }

    /// Before anything has been found.
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

    /// Whether any rule is broken.
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

object! {
    /// One field (`pointer`), or several of which one is enough (`any_of`).
    pub struct FieldSpec {
        /// JSON pointer, relative to the event or to the request.
        pointer: Option<MemberPointer>,
        /// The first one found counts.
        any_of: Option<NotEmpty<Vec<MemberPointer>>>,
        /// Looked at in each event of the batch, or once in the request. Without a batch the two
        /// are the same.
        #[schemars(extend("default" = "event"))]
        scope as "in": Option<FieldScope>,
        /// It must be there, not `null`, and not a blank string.
        #[schemars(extend("default" = true))]
        required: Option<bool>,
        /// Any if left out.
        types: Option<NotEmpty<Vec<FieldType>>>,
        /// Characters of a string, at most.
        max_length: Option<NonZeroUsize>,
    }
}

words! {
    /// Where a field is looked for.
    pub enum FieldScope {
        /// In each event of the batch.
        Event = "event",
        /// Once in the request.
        Request = "request",
    }
}

words! {
    /// A type of JSON.
    pub enum FieldType {
        /// A string.
        String = "string",
        /// A number.
        Number = "number",
        /// `true` or `false`.
        Boolean = "boolean",
        /// An object.
        Object = "object",
        /// An array.
        Array = "array",
    }
}

impl FieldType {
    fn kind(self) -> Kind {
        match self {
            FieldType::String => Kind::String,
            FieldType::Number => Kind::Number,
            FieldType::Boolean => Kind::Bool,
            FieldType::Object => Kind::Object,
            FieldType::Array => Kind::Array,
        }
    }
}

impl FieldSpec {
    /// # Errors
    /// Neither `pointer` nor `any_of`, or both.
    fn places(&self) -> Result<&[MemberPointer], Problem> {
        match (&self.pointer, &self.any_of) {
            (Some(pointer), None) => Ok(std::slice::from_ref(pointer)),
            (None, Some(pointers)) => Ok(pointers),
            (None, None) => Err(Problem::new("", "\"pointer\" or \"any_of\"", "neither")),
            (Some(_), Some(_)) => Err(Problem::new("", "\"pointer\" or \"any_of\"", "both")),
        }
    }
}

/// A JSON pointer (RFC 6901), by the names on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pointer(Vec<String>);

text!(Pointer = |text| pointer(text).map(Pointer));

/// A JSON pointer that leads to a member: not `""`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberPointer(Vec<String>);

text!(MemberPointer = |text| non_empty(text).map(MemberPointer), { "pattern": "^/" });

/// All that is looked at in a body.
#[derive(Debug)]
pub struct Fields {
    /// Looked at once.
    pub request: Scope,
    /// Looked at in each event of the batch.
    pub event: Scope,
    /// The batch's path, as annotations have it; empty where the body itself is one.
    batch: Option<String>,
}

impl Fields {
    /// # Errors
    /// A field without a place, or one of the request where the whole body is the batch.
    pub fn compile(batch: Option<&Pointer>, specs: &[FieldSpec]) -> Result<Self, Problem> {
        let mut fields = Fields { request: Scope::default(), event: Scope::default(), batch: None };
        if let Some(Pointer(names)) = batch {
            fields.request.tree.insert(names, Found::Batch);
            fields.batch = Some(names.join("."));
        }
        for (index, spec) in specs.iter().enumerate() {
            let at = || format!("fields[{index}]");
            let places = spec.places().map_err(|problem| problem.under(&at()))?;
            let in_request = spec.scope == Some(FieldScope::Request);
            if in_request && fields.batch.as_deref() == Some("") {
                let found = "a field of the request where the whole body is the batch";
                return Err(Problem::new("in", "\"event\"", found).under(&at()));
            }
            let scope =
                if batch.is_none() || in_request { &mut fields.request } else { &mut fields.event };
            scope.add(spec, places);
        }
        Ok(fields)
    }

    /// The body is a batch, or has one.
    pub fn has_batch(&self) -> bool {
        self.batch.is_some()
    }

    /// A body that is not an object could have none of these.
    pub fn need_object(&self) -> bool {
        !self.request.rules.is_empty() || self.batch.as_ref().is_some_and(|path| !path.is_empty())
    }

    /// The batch, for messages.
    pub fn batch_name(&self) -> &str {
        self.batch.as_deref().filter(|path| !path.is_empty()).unwrap_or("the body")
    }

    /// Where an event stands, as annotations have it: `batch[3]`.
    pub fn event_path(&self, index: usize) -> String {
        format!("{}[{index}]", self.batch.as_deref().unwrap_or_default())
    }

    /// What is wrong with the fields of the request.
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
