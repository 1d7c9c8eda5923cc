//! A place in a text, and where the runs of plain characters end in the 64 bytes around it.

use crate::simd::{BYTES, ends};

/// A value that is copied: what walks far keeps its own, in the machine's registers.
#[derive(Debug, Clone, Copy)]
pub struct Cursor<'a> {
    bytes: &'a [u8],
    /// Offset of the next byte.
    pub at: usize,
    /// Offset behind the block whose ends are kept, for it holds several strings; 0: none is kept.
    until: usize,
    ends: u64,
}

impl<'a> Cursor<'a> {
    pub fn start(bytes: &'a [u8]) -> Self {
        Cursor { bytes, at: 0, until: 0, ends: 0 }
    }

    #[inline(always)]
    pub fn is_at_end(self) -> bool {
        self.at == self.bytes.len()
    }

    #[inline(always)]
    pub fn peek(self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    #[inline(always)]
    pub fn eat(&mut self, byte: u8) -> bool {
        if self.peek() != Some(byte) {
            return false;
        }
        self.at += 1;
        true
    }

    /// Most texts have none.
    #[inline(always)]
    pub fn whitespace(&mut self) {
        if self.peek().is_some_and(|byte| byte <= b' ') {
            self.at = after_whitespace(self.bytes, self.at);
        }
    }

    /// Passes over digits; false: there is none.
    #[inline(always)]
    pub fn digits(&mut self) -> bool {
        let start = self.at;
        while let Some(b'0'..=b'9') = self.peek() {
            self.at += 1;
        }
        self.at > start
    }

    /// Passes over a run of plain characters: to the next quote, backslash or control character, or
    /// to the end of the text.
    #[inline(always)]
    pub fn plain(&mut self) {
        let block = self.at & !(BYTES - 1);
        if block + BYTES != self.until {
            self.ends = ends_of(self.bytes, block);
            self.until = block + BYTES;
        }
        let ends = self.ends >> (self.at & (BYTES - 1));
        if ends != 0 {
            self.at += ends.trailing_zeros() as usize;
            return;
        }
        (self.until, self.ends) = block_with_ends(self.bytes, self.until);
        self.at = match self.ends {
            0 => self.bytes.len(),
            ends => self.until - BYTES + ends.trailing_zeros() as usize,
        };
    }

    /// Passes over a string without escapes. False: it is none, and the cursor stands anywhere in it.
    #[inline(always)]
    pub fn plain_text(&mut self) -> bool {
        self.eat(b'"') && {
            self.plain();
            self.eat(b'"')
        }
    }

    /// Passes over an integer. False: the number is none, and the cursor stands anywhere in it.
    #[inline(always)]
    pub fn integer(&mut self) -> bool {
        self.eat(b'-');
        (self.eat(b'0') || self.digits()) && !matches!(self.peek(), Some(b'.' | b'e' | b'E'))
    }

    #[inline(always)]
    pub fn rest(self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    #[inline(always)]
    pub fn since(self, start: usize) -> &'a [u8] {
        self.bytes.get(start..self.at).unwrap_or_default()
    }
}

#[inline(never)]
fn after_whitespace(bytes: &[u8], at: usize) -> usize {
    let rest = bytes.get(at..).unwrap_or_default().iter();
    at + rest.take_while(|byte| matches!(byte, b' ' | b'\n' | b'\r' | b'\t')).count()
}

/// The first block from `until` on that has an end: the offset behind it, and its ends; none where
/// the text has no more.
#[inline(never)]
fn block_with_ends(bytes: &[u8], mut until: usize) -> (usize, u64) {
    while until < bytes.len() {
        let ends = ends_of(bytes, until);
        until += BYTES;
        if ends != 0 {
            return (until, ends);
        }
    }
    (until, 0)
}

/// Behind the end of the text stand control characters.
#[inline(never)]
fn ends_of(bytes: &[u8], block: usize) -> u64 {
    let rest = bytes.get(block..).unwrap_or_default();
    match rest.first_chunk() {
        Some(block) => checked_ends(block),
        None => {
            let mut last = [0; BYTES];
            last.iter_mut().zip(rest).for_each(|(last, byte)| *last = *byte);
            checked_ends(&last)
        }
    }
}

/// Under a fuzzer each block is read twice.
#[inline(always)]
fn checked_ends(block: &[u8; BYTES]) -> u64 {
    let ends = ends(block);
    #[cfg(fuzzing)]
    assert_eq!(ends, crate::simd::portable(block));
    ends
}
