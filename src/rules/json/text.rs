//! A JSON string, kept as it stands and decoded when asked for.

use super::{Invalid, Reader, Result, Strictness};
use std::borrow::Cow;

/// A string between its quotes, escapes and all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Text<'a> {
    raw: &'a [u8],
    escaped: bool,
}

impl<'a> Text<'a> {
    /// True when the decoded string is `other`, however it is spelled (`"\u0064"` is `d`).
    pub fn is(&self, other: &str) -> bool {
        if self.escaped { self.decode() == other } else { self.raw == other.as_bytes() }
    }

    /// Not one character.
    pub fn is_empty(&self) -> bool {
        self.raw.is_empty()
    }

    /// The string with its escapes resolved. A lone surrogate becomes U+FFFD.
    pub fn decode(&self) -> Cow<'a, str> {
        if self.escaped {
            return Cow::Owned(unescape(self.raw));
        }
        // The document was checked to be UTF-8, and quotes are ASCII.
        Cow::Borrowed(core::str::from_utf8(self.raw).unwrap_or_default())
    }
}

impl<'a> Reader<'a> {
    /// Consumes a string. Anything else is [`Invalid`].
    pub fn text(&mut self) -> Result<Text<'a>> {
        self.expect(b'"')?;
        let start = self.at;
        let mut escaped = false;
        loop {
            self.plain();
            match self.peek() {
                Some(b'"') => {
                    let raw = self.since(start);
                    self.at += 1;
                    return Ok(Text { raw, escaped });
                }
                Some(b'\\') => {
                    escaped = true;
                    self.escape()?;
                }
                Some(_) | None => return self.invalid(),
            }
        }
    }

    /// Passes over bytes that stand for themselves, eight at a time.
    fn plain(&mut self) {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let mut passed = 0;
        for eight in rest.chunks_exact(8) {
            // The first byte is the lowest, so that the lowest bit set tells the first byte that ends the run.
            let ends = run_ends(eight.try_into().map_or(0, u64::from_le_bytes));
            if ends != 0 {
                self.at += passed + ends.trailing_zeros() as usize / 8;
                return;
            }
            passed += 8;
        }
        let tail = rest.get(passed..).unwrap_or_default();
        self.at += passed + tail.iter().take_while(|byte| **byte >= 0x20 && **byte != b'"' && **byte != b'\\').count();
    }

    fn escape(&mut self) -> Result<()> {
        let start = self.at;
        self.at += 1;
        match self.peek() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {
                self.at += 1;
                Ok(())
            }
            Some(b'u') => {
                self.at += 1;
                let unit = self.four_digits()?;
                self.surrogates(unit, start)
            }
            Some(_) | None => self.invalid(),
        }
    }

    /// A high surrogate must be followed by a low one, where the vendor's parser asks for it.
    fn surrogates(&mut self, unit: u32, start: usize) -> Result<()> {
        if self.strictness == Strictness::Grammar || !is_surrogate(unit) {
            return Ok(());
        }
        let lone = Err(Invalid { at: start });
        if is_low(unit) || !self.eat(b'\\') || !self.eat(b'u') {
            return lone;
        }
        if is_low(self.four_digits()?) { Ok(()) } else { lone }
    }

    fn four_digits(&mut self) -> Result<u32> {
        let mut unit = 0;
        for _ in 0..4 {
            let Some(digit) = self.peek().and_then(|byte| char::from(byte).to_digit(16)) else { return self.invalid() };
            unit = unit << 4 | digit;
            self.at += 1;
        }
        Ok(unit)
    }
}

/// The highest bit of each of eight bytes that is a quote, a backslash or a control character. Of those above the lowest one set some may be
/// wrong, for a subtraction borrows from the byte above.
fn run_ends(word: u64) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGHS: u64 = 0x8080_8080_8080_8080;
    let zero = |bytes: u64| bytes.wrapping_sub(ONES) & !bytes & HIGHS;
    let quote = zero(word ^ (ONES * b'"' as u64));
    let backslash = zero(word ^ (ONES * b'\\' as u64));
    let control = word.wrapping_sub(ONES * 0x20) & !word & HIGHS;
    quote | backslash | control
}

fn is_surrogate(unit: u32) -> bool {
    (0xD800..0xE000).contains(&unit)
}

fn is_low(unit: u32) -> bool {
    (0xDC00..0xE000).contains(&unit)
}

/// Resolves the escapes of a string that [`Reader::text`] has accepted.
fn unescape(raw: &[u8]) -> String {
    let text = core::str::from_utf8(raw).unwrap_or_default();
    let mut units = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\\') {
        units.extend(before.encode_utf16());
        let mut letters = after.chars();
        let unit = match letters.next() {
            Some('u') => letters.as_str().get(..4).and_then(|digits| u16::from_str_radix(digits, 16).ok()),
            Some('b') => Some(0x08),
            Some('f') => Some(0x0C),
            Some('n') => Some(0x0A),
            Some('r') => Some(0x0D),
            Some('t') => Some(0x09),
            Some(other) => u16::try_from(u32::from(other)).ok(),
            None => None,
        };
        units.extend(unit);
        rest = if after.starts_with('u') { after.get(5..) } else { after.get(1..) }.unwrap_or_default();
    }
    units.extend(rest.encode_utf16());
    String::from_utf16_lossy(&units)
}
