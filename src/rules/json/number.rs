//! A JSON number, kept as it stands.

use super::{Invalid, Reader, Result, Strictness};
use std::cmp::Ordering;

/// The text of a number: ASCII.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Number<'a> {
    raw: &'a [u8],
}

impl<'a> Number<'a> {
    /// The number as it stands in the text: `-0`, `1.50`, `1E5`.
    pub fn as_str(&self) -> &'a str {
        core::str::from_utf8(self.raw).unwrap_or_default()
    }

    /// No fraction and no exponent. `1.0` and `1e2` are not integers, as in most parsers' eyes.
    pub fn is_integer(&self) -> bool {
        !self.raw.iter().any(|byte| matches!(byte, b'.' | b'e' | b'E'))
    }

    /// The value, when it is an integer that fits.
    pub fn as_i64(&self) -> Option<i64> {
        self.as_str().parse().ok()
    }
}

impl<'a> Reader<'a> {
    /// Consumes a number. Anything else is [`Invalid`].
    #[inline]
    pub fn number(&mut self) -> Result<Number<'a>> {
        let start = self.cursor.at;
        self.eat(b'-');
        if !self.eat(b'0') {
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'.' | b'e' | b'E')) {
            self.fraction(start)?;
        }
        Ok(Number { raw: self.since(start) })
    }

    /// What makes a number no integer.
    #[inline(never)]
    fn fraction(&mut self, start: usize) -> Result<()> {
        if self.eat(b'.') {
            self.digits()?;
        }
        if self.eat(b'e') || self.eat(b'E') {
            let _ = self.eat(b'+') || self.eat(b'-');
            self.digits()?;
        }
        let fits = || fits_double(Number { raw: self.since(start) }.as_str());
        if self.strictness == Strictness::Jason && !fits() {
            return Err(Invalid { at: start });
        }
        Ok(())
    }

    #[inline(always)]
    fn digits(&mut self) -> Result<()> {
        if self.cursor.digits() { Ok(()) } else { self.invalid() }
    }
}

/// Whether a number in JSON's notation rounds to a double that is not infinite: whether its size is
/// below 2^1024 - 2^970, half-way between the largest double and the next power of two. Told by its
/// digits, as converting it would cost the module more than all other numbers' code.
fn fits_double(raw: &str) -> bool {
    let (mantissa, exponent) = raw
        .trim_start_matches('-')
        .split_once(['e', 'E'])
        .unwrap_or((raw.trim_start_matches('-'), "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = || whole.bytes().chain(fraction.bytes()).skip_while(|digit| *digit == b'0');
    let zeros = whole.len() + fraction.len() - digits().count();
    if digits().next().is_none() {
        return true;
    }
    let is_small = exponent.starts_with('-');
    let exponent = exponent.trim_start_matches(['+', '-']).bytes().fold(0i64, |exponent, digit| {
        // Beyond this no number of digits that fits into a body can make up for it.
        (exponent * 10 + i64::from(digit - b'0')).min(1 << 40)
    });
    // The number is 0.DIGITS times ten to this.
    let point = whole.len() as i64 - zeros as i64 + if is_small { -exponent } else { exponent };
    match point.cmp(&(HALF_WAY.len() as i64)) {
        Ordering::Less => true,
        Ordering::Greater => false,
        Ordering::Equal => {
            digits().chain(std::iter::repeat(b'0')).take(HALF_WAY.len()).lt(HALF_WAY.bytes())
        }
    }
}

/// 2^1024 - 2^970. A number that begins with exactly these digits rounds to infinity, whatever
/// follows.
const HALF_WAY: &str = "179769313486231580793728971405303415079934132710037826936173778980444968292764750946649017977587207096330286416692887910946555547851940402630657488671505820681908902000708383676273854845817711531764475730270069855571366959622842914819860834936475292719074168444365510704342711559699508093042880177904174497792";

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn standard(raw: &str) -> bool {
        raw.parse::<f64>().is_ok_and(f64::is_finite)
    }

    #[test]
    fn doubles_end_where_they_end() {
        let exact = HALF_WAY.to_owned();
        let below = format!("{}1.999", exact.strip_suffix('2').unwrap_or_default());
        let rows = [
            "0",
            "-0",
            "0e999",
            "0.000e+999",
            "1e308",
            "1e309",
            "-1e309",
            "1.7976931348623157e308",
            "1.7976931348623158e308",
            "1.7976931348623159e308",
            "17976931348623157e292",
            "0.0001e312",
            "0.0001e313",
            "1e-999",
            "10e-99999999999999999999",
            "1e99999999999999999999",
            "1E+308",
            "0.1e309",
            "0.2e309",
            &exact,
            &below,
            &format!("{exact}.0"),
            &format!("{exact}e1"),
        ];
        for raw in rows {
            assert_eq!(fits_double(raw), standard(raw), "{raw}");
        }
        let long = format!("0.{}1e{}", "0".repeat(5000), 5309);
        assert_eq!(fits_double(&long), standard(&long));
    }

    proptest! {
        #[test]
        fn agrees_with_the_standard_library(raw in "-?(0|[1-9][0-9]{0,30})(\\.[0-9]{1,30})?([eE][+-]?[0-9]{1,3})?") {
            prop_assert_eq!(fits_double(&raw), standard(&raw));
        }

        #[test]
        fn agrees_near_the_end(raw in "1\\.797693134862315[0-9]{0,20}e30[789]") {
            prop_assert_eq!(fits_double(&raw), standard(&raw));
        }
    }
}
