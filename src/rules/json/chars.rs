//! The characters of a JSON string, decoded one by one.

use super::text::{is_low, is_surrogate, unit};
use crate::rules::bytes::is_same;

/// What is left of a string that [`super::Reader::text`] has accepted.
#[derive(Debug, Clone)]
pub struct Chars<'a> {
    rest: &'a [u8],
}

impl<'a> Chars<'a> {
    pub fn of(raw: &'a [u8]) -> Self {
        Chars { rest: raw }
    }

    pub fn is_at_end(&self) -> bool {
        self.rest.is_empty()
    }

    /// Passes over the blanks that are most likely to be many: spaces, and those between ideographs
    /// (U+3000).
    fn pass_blanks(&mut self) {
        self.pass(b' ');
        const EIGHT: [u8; 24] =
            *b"\xE3\x80\x80\xE3\x80\x80\xE3\x80\x80\xE3\x80\x80\xE3\x80\x80\xE3\x80\x80\xE3\x80\x80\xE3\x80\x80";
        while let Some((wide, rest)) = self.rest.split_first_chunk::<24>()
            && is_same(wide, &EIGHT)
        {
            self.rest = rest;
        }
        while let [0xE3, 0x80, 0x80, rest @ ..] = self.rest {
            self.rest = rest;
        }
    }

    /// Without leading whitespace, as Unicode has it.
    pub fn after_blanks(mut self) -> Self {
        loop {
            self.pass_blanks();
            let mut after = self.clone();
            if !after.next().is_some_and(char::is_whitespace) {
                return self;
            }
            self = after;
        }
    }

    /// Passes over a character of ASCII, as often as it comes unescaped.
    pub fn pass(&mut self, letter: u8) {
        while let Some((first, rest)) = self.rest.split_first_chunk::<8>()
            && is_same(first, &[letter; 8])
        {
            self.rest = rest;
        }
        while let [first, rest @ ..] = self.rest
            && *first == letter
        {
            self.rest = rest;
        }
    }

    /// Decodes until there are `bytes` of text, or no more characters.
    pub fn decode(&mut self, bytes: usize) -> String {
        let mut text = String::with_capacity(self.rest.len().min(bytes.saturating_add(4)));
        while text.len() < bytes {
            match self.rest {
                [b'\\', letter, rest @ ..] if *letter != b'u' => {
                    text.push(char::from(meaning(*letter)));
                    self.rest = rest;
                }
                [byte @ 0..0x80, b'\\', ..] => {
                    text.push(char::from(*byte));
                    self.take(1);
                }
                [0..0x80, ..] if !self.rest.starts_with(b"\\") => {
                    let run = self.rest.iter().take(bytes - text.len());
                    let run = run.take_while(|byte| **byte != b'\\' && byte.is_ascii()).count();
                    text.push_str(
                        self.rest
                            .get(..run)
                            .and_then(|run| core::str::from_utf8(run).ok())
                            .unwrap_or_default(),
                    );
                    self.take(run);
                }
                [_, ..] => match self.next() {
                    Some(letter) => text.push(letter),
                    None => break,
                },
                [] => break,
            }
        }
        text
    }

    #[inline(always)]
    fn take(&mut self, length: usize) {
        self.rest = self.rest.get(length..).unwrap_or_default();
    }

    /// A surrogate that is not one of a pair becomes U+FFFD.
    fn escape(&mut self, letter: u8) -> Option<char> {
        let Some(first) = unit(self.rest).filter(|_| letter == b'u') else {
            self.take(2);
            return Some(char::from(meaning(letter)));
        };
        self.take(6);
        if !is_surrogate(first) {
            return char::from_u32(first);
        }
        let second =
            if is_low(first) { None } else { unit(self.rest).filter(|second| is_low(*second)) };
        let Some(second) = second else { return Some(char::REPLACEMENT_CHARACTER) };
        self.take(6);
        char::from_u32(0x10000 + ((first & 0x3FF) << 10 | (second & 0x3FF)))
    }
}

/// What an escape of one letter stands for.
#[inline(always)]
fn meaning(letter: u8) -> u8 {
    match letter {
        b'b' => 0x08,
        b'f' => 0x0C,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        other => other,
    }
}

impl Iterator for Chars<'_> {
    type Item = char;

    fn next(&mut self) -> Option<char> {
        let bits = |byte: &u8| u32::from(byte & 0x3F);
        let (letter, length) = match self.rest {
            [] => return None,
            [b'\\', letter, ..] => return self.escape(*letter),
            [first @ 0..0x80, ..] => (u32::from(*first), 1),
            [first @ 0..0xE0, second, ..] => (u32::from(first & 0x1F) << 6 | bits(second), 2),
            [first @ 0..0xF0, second, third, ..] => {
                (u32::from(first & 0x0F) << 12 | bits(second) << 6 | bits(third), 3)
            }
            [first, second, third, fourth, ..] => (
                u32::from(first & 0x07) << 18
                    | bits(second) << 12
                    | bits(third) << 6
                    | bits(fourth),
                4,
            ),
            // The text was checked to be UTF-8.
            [_, ..] => return None,
        };
        self.take(length);
        char::from_u32(letter)
    }
}
