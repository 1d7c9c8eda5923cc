//! A JSON string, kept as it stands and decoded when asked for.

use super::chars::Chars;
use super::{Reader, Result, Strictness};
use crate::rules::bytes::is_same;
use std::borrow::Cow;

/// A string between its quotes, escapes and all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Text<'a> {
    raw: &'a [u8],
    escaped: bool,
    /// So many bytes of it are known to be nothing but escaped blanks, and spaces among them.
    blank_until: usize,
}

impl<'a> Text<'a> {
    /// True when the decoded string is `other`, however it is spelled (`"\u0064"` is `d`). No more
    /// is decoded than `other` has.
    #[inline(always)]
    pub fn is(&self, other: &str) -> bool {
        if self.escaped {
            self.is_after_escapes(other)
        } else {
            is_same(self.raw, other.as_bytes())
        }
    }

    #[inline(never)]
    fn is_after_escapes(&self, other: &str) -> bool {
        self.chars().eq(other.chars())
    }

    /// Not one character.
    pub fn is_empty(&self) -> bool {
        self.raw.is_empty()
    }

    /// Nothing but whitespace, as Unicode has it.
    pub fn is_blank(&self) -> bool {
        self.after_blanks().is_at_end()
    }

    /// The characters after leading whitespace, as Unicode has it.
    pub fn after_blanks(&self) -> Chars<'a> {
        Chars::of(self.raw.get(self.blank_until..).unwrap_or_default()).after_blanks()
    }

    /// The string with its escapes resolved. A lone surrogate becomes U+FFFD.
    pub fn decode(&self) -> Cow<'a, str> {
        self.start(usize::MAX).0
    }

    /// The first `bytes` of the decoded string, and those that complete the last character; and
    /// whether that is all of it.
    pub fn start(&self, bytes: usize) -> (Cow<'a, str>, bool) {
        if self.escaped {
            let mut chars = self.chars();
            let text = chars.decode(bytes);
            return (Cow::Owned(text), chars.is_at_end());
        }
        let continues = |byte: &&u8| **byte & 0xC0 == 0x80;
        let end = bytes
            .saturating_add(self.raw.iter().skip(bytes).take(3).take_while(continues).count())
            .min(self.raw.len());
        // The document was checked to be UTF-8, and quotes are ASCII.
        let text = self.raw.get(..end).and_then(|text| core::str::from_utf8(text).ok());
        (Cow::Borrowed(text.unwrap_or_default()), end == self.raw.len())
    }

    /// Whether `letter` may stand behind the first so many bytes of the decoded string: it stands
    /// there, or an escape does.
    pub fn may_hold_after(&self, bytes: usize, letter: u8) -> bool {
        // An escape is never shorter than what it stands for.
        let (eights, rest) = self.raw.get(bytes..).unwrap_or_default().as_chunks::<8>();
        let holds = |word: u64| {
            zeros(word ^ (ONES * u64::from(letter))) | zeros(word ^ (ONES * u64::from(b'\\'))) != 0
        };
        eights.iter().any(|eight| holds(u64::from_le_bytes(*eight)))
            || rest.iter().any(|byte| *byte == letter || *byte == b'\\')
    }

    /// The characters of the decoded string, as far as they are asked for.
    pub fn chars(&self) -> Chars<'a> {
        Chars::of(self.raw)
    }
}

impl<'a> Reader<'a> {
    /// Consumes a string. Anything else is [`super::Invalid`].
    #[inline(always)]
    pub fn text(&mut self) -> Result<Text<'a>> {
        self.expect(b'"')?;
        let start = self.cursor.at;
        self.cursor.plain();
        let raw = self.since(start);
        if self.eat(b'"') {
            return Ok(Text { raw, escaped: false, blank_until: 0 });
        }
        self.escaped_text(start)
    }

    #[inline(never)]
    fn escaped_text(&mut self, start: usize) -> Result<Text<'a>> {
        let escaped = self.peek() == Some(b'\\');
        let blank_until = if escaped { self.escaped(start)? } else { 0 };
        let raw = self.since(start);
        self.expect(b'"')?;
        Ok(Text { raw, escaped, blank_until })
    }

    /// Goes on to the end of a string in which an escape has been met; says up to where it is
    /// nothing but blanks.
    fn escaped(&mut self, start: usize) -> Result<usize> {
        let (mut is_blank, mut blank_until) = (self.cursor.at == start, start);
        loop {
            let before = self.cursor.at;
            let rest = self.cursor.rest();
            match rest {
                [b'\\', b'u', ..] => {
                    self.cursor.at += unicode_escapes(rest, is_blank, self.strictness)
                }
                [b'\\', ..] => {
                    self.cursor.at += letter_escapes(rest, if is_blank { BLANK } else { LETTER })
                }
                [b' ', ..] if is_blank => self.cursor.at += 1,
                [byte, ..] if is_plain(*byte) => {
                    is_blank = false;
                    self.cursor.at += letters_and_escapes(rest);
                    if self.cursor.at == before {
                        self.few_plain(rest);
                    }
                }
                [b'"', ..] => return Ok(blank_until - start),
                [_, ..] | [] => return self.invalid(),
            }
            if self.cursor.at == before && !is_blank {
                self.faulty_escape(rest)?;
            }
            is_blank = is_blank && self.cursor.at > before;
            if is_blank {
                blank_until = self.cursor.at;
            }
        }
    }

    /// Where there is one escape there are often more, so that a few bytes are looked at one by
    /// one.
    fn few_plain(&mut self, rest: &[u8]) {
        let few = rest.iter().take(8).take_while(|byte| is_plain(**byte)).count();
        self.cursor.at += few;
        if few == 8 {
            self.cursor.plain();
        }
    }

    /// The fault in an escape, or in the pair that it should be the first of.
    fn faulty_escape(&mut self, rest: &[u8]) -> Result<()> {
        let first = self.unit(rest)?;
        let after = rest.get(6..).unwrap_or_default();
        if !is_low(first) && after.starts_with(b"\\u") {
            self.cursor.at += 6;
            self.unit(after)?;
            self.cursor.at -= 6;
        }
        self.invalid()
    }

    /// The unit that an escape stands for; the fault is where it ceases to be one.
    fn unit(&mut self, rest: &[u8]) -> Result<u32> {
        if let Some(unit) = unit(rest) {
            return Ok(unit);
        }
        let digits =
            rest.iter().skip(2).take(4).take_while(|byte| byte.is_ascii_hexdigit()).count();
        self.cursor.at += if rest.get(1) == Some(&b'u') { 2 + digits } else { 1 };
        self.invalid()
    }
}

/// The length of the escapes of one letter that a text begins with, four at a time, of letters of a
/// class.
fn letter_escapes(text: &[u8], wanted: u8) -> usize {
    let mut rest = text;
    while let Some((eight, after)) = rest.split_first_chunk() {
        let word = u64::from_le_bytes(*eight);
        let four = class(word >> 8) & class(word >> 24) & class(word >> 40) & class(word >> 56);
        if word & 0x00FF_00FF_00FF_00FF != 0x005C_005C_005C_005C || four & wanted == 0 {
            break;
        }
        rest = after;
    }
    while let [b'\\', letter, after @ ..] = rest
        && class(u64::from(*letter)) & wanted != 0
    {
        rest = after;
    }
    text.len() - rest.len()
}

/// The length of the escapes `\uXXXX` that a text begins with, or of those that are blanks. Half a
/// character alone is one as well where the grammar decides.
fn unicode_escapes(text: &[u8], blanks: bool, strictness: Strictness) -> usize {
    let mut rest = text;
    while let Some(first) = unit(rest) {
        let after = rest.get(6..).unwrap_or_default();
        if blanks && !matches!(first, 0x09..=0x0D | 0x20 | 0x3000) {
            break;
        } else if strictness == Strictness::Grammar || !is_surrogate(first) {
            rest = after;
        } else if !is_low(first) && unit(after).is_some_and(is_low) {
            rest = after.get(6..).unwrap_or_default();
        } else {
            break;
        }
    }
    text.len() - rest.len()
}

/// The length of the single bytes, each followed by an escape of one letter, that a text begins
/// with.
fn letters_and_escapes(text: &[u8]) -> usize {
    let mut rest = text;
    while let [byte, b'\\', letter, after @ ..] = rest
        && is_plain(*byte)
        && class(u64::from(*letter)) != 0
    {
        rest = after;
    }
    text.len() - rest.len()
}

/// An escape of this letter stands for a character.
const LETTER: u8 = 1;
/// And that is a blank.
const BLANK: u8 = 2;

/// What the letters of escapes are.
#[allow(clippy::indexing_slicing)] // by the compiler
const CLASS: [u8; 256] = {
    let mut class = [0; 256];
    let mut rest: &[u8] = b"\"\\/bfnrt";
    while let [letter, after @ ..] = rest {
        class[*letter as usize] =
            if matches!(letter, b'f' | b'n' | b'r' | b't') { LETTER | BLANK } else { LETTER };
        rest = after;
    }
    class
};

#[inline(always)]
fn class(word: u64) -> u8 {
    CLASS.get((word & 0xFF) as usize).copied().unwrap_or_default()
}

/// The value of a hexadecimal digit; 0x100 for any other byte.
#[allow(clippy::indexing_slicing)] // by the compiler
const DIGIT: [u16; 256] = {
    let mut digits = [0x100; 256];
    let mut rest: &[u8] = b"0123456789abcdef";
    let mut value = 0;
    while let [digit, after @ ..] = rest {
        digits[*digit as usize] = value;
        digits[digit.to_ascii_uppercase() as usize] = value;
        value += 1;
        rest = after;
    }
    digits
};

#[inline(always)]
fn digit(byte: u8) -> u32 {
    DIGIT.get(usize::from(byte)).map_or(0x100, |digit| u32::from(*digit))
}

/// The unit of UTF-16 that `\uXXXX` stands for, if a text begins with one.
#[inline(always)]
pub fn unit(text: &[u8]) -> Option<u32> {
    let [b'\\', b'u', first, second, third, fourth, ..] = text else { return None };
    let [first, second, third, fourth] =
        [digit(*first), digit(*second), digit(*third), digit(*fourth)];
    if (first | second | third | fourth) >= 0x100 {
        return None;
    }
    Some(first << 12 | second << 8 | third << 4 | fourth)
}

#[inline(always)]
fn is_plain(byte: u8) -> bool {
    byte >= 0x20 && byte != b'"' && byte != b'\\'
}

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = 0x8080_8080_8080_8080;

/// The highest bit of each of eight bytes that is 0; of those above the lowest one set some may be
/// wrong.
#[inline(always)]
fn zeros(word: u64) -> u64 {
    word.wrapping_sub(ONES) & !word & HIGHS
}

#[inline(always)]
pub fn is_surrogate(unit: u32) -> bool {
    unit & 0xF800 == 0xD800
}

#[inline(always)]
pub fn is_low(unit: u32) -> bool {
    (0xDC00..0xE000).contains(&unit)
}
