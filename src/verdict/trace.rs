//! What the checks record of themselves while they run, for `explain`: there is no second
//! description of them.
//!
//! A check calls [`super::Notes::rule`] with a closure that says what it looks at. Without the
//! feature `trace`, as in Envoy, a [`Trace`] is nothing and the closures are never compiled. With
//! it, they are called where a trace was asked for ([`Trace::recording`]).

use super::{Disposition, Finding};
use crate::request::RequestHead;

/// One rule that has run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// What the rule is called.
    pub rule: &'static str,
    /// What the rule looked at. It may hold what a client sent, control characters included.
    pub saw: String,
    /// In the order they were found; empty: nothing.
    pub found: Vec<Found>,
}

/// What a rule found, and how that is treated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// What was found.
    pub finding: Finding,
    /// The endpoint's treatment of the reason.
    pub disposition: Disposition,
}

/// The rules that have run, in order. Empty where nobody listens.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trace {
    #[cfg(feature = "trace")]
    rows: Option<Vec<Row>>,
}

#[cfg(feature = "trace")]
impl Trace {
    /// A trace that listens.
    pub fn recording() -> Self {
        Trace { rows: Some(Vec::new()) }
    }

    /// In the order the rules ran.
    pub fn rows(&self) -> &[Row] {
        self.rows.as_deref().unwrap_or_default()
    }

    pub(super) fn rule(&mut self, rule: &'static str, saw: impl FnOnce() -> String) {
        if let Some(rows) = &mut self.rows {
            rows.push(Row { rule, saw: saw(), found: Vec::new() });
        }
    }

    pub(super) fn found(&mut self, disposition: Disposition, finding: impl FnOnce() -> Finding) {
        if let Some(row) = self.rows.as_mut().and_then(|rows| rows.last_mut()) {
            row.found.push(Found { finding: finding(), disposition });
        }
    }
}

#[cfg(not(feature = "trace"))]
impl Trace {
    #[inline]
    pub(super) fn rule(&mut self, _: &'static str, _: impl FnOnce() -> String) {}

    #[inline]
    pub(super) fn found(&mut self, _: Disposition, _: impl FnOnce() -> Finding) {}
}

/// The values of a field as a rule says that it saw them: each in quotes, or that it is missing.
pub fn field_shown(head: &RequestHead<'_>, name: &str) -> String {
    let values: Vec<String> = head.all(name).map(quoted).collect();
    if values.is_empty() { "missing".to_owned() } else { values.join(", ") }
}

/// A client's bytes in quotes; what is not UTF-8 is replaced.
pub fn quoted(value: &[u8]) -> String {
    format!("\"{}\"", String::from_utf8_lossy(value))
}
