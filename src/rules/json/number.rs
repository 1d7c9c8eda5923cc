//! A JSON number, kept as it stands.

use super::{Invalid, Reader, Result, Strictness};

/// The text of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Number<'a> {
    raw: &'a str,
}

impl<'a> Number<'a> {
    /// The number as it stands in the text: `-0`, `1.50`, `1E5`.
    pub fn as_str(&self) -> &'a str {
        self.raw
    }

    /// No fraction and no exponent. `1.0` and `1e2` are not integers, as in most parsers' eyes.
    pub fn is_integer(&self) -> bool {
        !self.raw.contains(['.', 'e', 'E'])
    }

    /// The value, when it is an integer that fits.
    pub fn as_i64(&self) -> Option<i64> {
        self.raw.parse().ok()
    }
}

impl<'a> Reader<'a> {
    /// Consumes a number. Anything else is [`Invalid`].
    pub fn number(&mut self) -> Result<Number<'a>> {
        let start = self.at;
        self.eat(b'-');
        if !self.eat(b'0') {
            self.digits()?;
        }
        if self.eat(b'.') {
            self.digits()?;
        }
        if self.eat(b'e') || self.eat(b'E') {
            let _ = self.eat(b'+') || self.eat(b'-');
            self.digits()?;
        }
        // Only ASCII has been passed over.
        let raw = core::str::from_utf8(self.since(start)).unwrap_or_default();
        let number = Number { raw };
        if self.strictness == Strictness::Jason && !number.is_integer() && !fits_double(raw) {
            return Err(Invalid { at: start });
        }
        Ok(number)
    }

    fn digits(&mut self) -> Result<()> {
        let start = self.at;
        while let Some(b'0'..=b'9') = self.peek() {
            self.at += 1;
        }
        if self.at == start { self.invalid() } else { Ok(()) }
    }
}

fn fits_double(raw: &str) -> bool {
    raw.parse::<f64>().is_ok_and(f64::is_finite)
}
