//! What is wrong with a piece of the operator's configuration.

use std::fmt;

/// A value that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where, relative to the rule's own part of the configuration: `deny[3]`; empty for the part itself.
    pub at: String,
    pub expected: String,
    pub found: String,
    /// What was probably meant.
    pub hint: Option<String>,
}

impl Problem {
    pub fn new(at: impl Into<String>, expected: impl Into<String>, found: impl Into<String>) -> Self {
        Problem { at: at.into(), expected: expected.into(), found: found.into(), hint: None }
    }

    #[must_use]
    pub fn with_hint(mut self, hint: Option<String>) -> Self {
        self.hint = hint;
        self
    }

    /// The same problem, seen from one level further out.
    #[must_use]
    pub fn under(mut self, outer: &str) -> Self {
        self.at = match self.at.as_str() {
            "" => outer.to_owned(),
            inner if inner.starts_with('[') || outer.is_empty() => format!("{outer}{inner}"),
            inner => format!("{outer}.{inner}"),
        };
        self
    }
}

/// One line: where, what was expected, what was found, and a hint if there is one.
impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.at.is_empty() {
            write!(formatter, "{}: ", self.at)?;
        }
        write!(formatter, "expected {}, found {}", self.expected, self.found)?;
        match &self.hint {
            Some(hint) => write!(formatter, "; {hint}"),
            None => Ok(()),
        }
    }
}
