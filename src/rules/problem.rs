//! What is wrong with a piece of the operator's configuration.

use std::borrow::Cow;
use std::fmt::{self, Write};

/// A value that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where, relative to the rule's own part of the configuration: `deny[3]`; empty for the part
    /// itself.
    pub at: Cow<'static, str>,
    /// What was expected, and what was found.
    pub message: Cow<'static, str>,
    /// What was probably meant.
    pub hint: Option<String>,
}

impl Problem {
    /// `expected …, found …`
    pub fn new(
        at: impl Into<Cow<'static, str>>,
        expected: impl AsRef<str>,
        found: impl AsRef<str>,
    ) -> Self {
        Problem::of(at, ["expected ", expected.as_ref(), ", found ", found.as_ref()].concat())
    }

    /// Where no more can be said than what is wrong: `missing field "vendor"`.
    pub fn of(at: impl Into<Cow<'static, str>>, message: impl Into<Cow<'static, str>>) -> Self {
        Problem { at: at.into(), message: message.into(), hint: None }
    }

    /// With what was probably meant, if that is known.
    #[must_use]
    pub fn with_hint(mut self, hint: Option<String>) -> Self {
        self.hint = hint;
        self
    }

    /// The same problem, seen from one level further out.
    #[must_use]
    pub fn under(mut self, outer: &str) -> Self {
        let dot = if self.at.is_empty() || self.at.starts_with('[') || outer.is_empty() {
            ""
        } else {
            "."
        };
        self.at = [outer, dot, &self.at].concat().into();
        self
    }
}

/// A text with its control characters escaped: names in a configuration may hold any, and an error
/// is one line of a log.
#[derive(Debug)]
pub struct OneLine<'a>(pub &'a str);

impl fmt::Display for OneLine<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for letter in self.0.chars() {
            if letter.is_control() {
                write!(formatter, "{}", letter.escape_default())?;
            } else {
                formatter.write_char(letter)?;
            }
        }
        Ok(())
    }
}

/// One line: where, what is wrong, and a hint if there is one.
impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.at.is_empty() {
            write!(formatter, "{}: ", OneLine(&self.at))?;
        }
        formatter.write_str(&self.message)?;
        match &self.hint {
            Some(hint) => write!(formatter, "; {hint}"),
            None => Ok(()),
        }
    }
}
