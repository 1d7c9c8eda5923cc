//! What is wrong with a piece of the operator's configuration.

/// A value that a rule cannot use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where, relative to the rule's own part of the configuration: `deny[3]`; empty for the part itself.
    pub at: String,
    pub expected: String,
    pub found: String,
}

impl Problem {
    pub fn new(at: impl Into<String>, expected: impl Into<String>, found: impl Into<String>) -> Self {
        Problem { at: at.into(), expected: expected.into(), found: found.into() }
    }

    /// The same problem, seen from one level further out.
    #[must_use]
    pub fn under(mut self, outer: &str) -> Self {
        self.at = match self.at.as_str() {
            "" => outer.to_owned(),
            inner if inner.starts_with('[') => format!("{outer}{inner}"),
            inner => format!("{outer}.{inner}"),
        };
        self
    }
}
