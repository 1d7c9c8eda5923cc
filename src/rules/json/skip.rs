//! Past arrays and objects that nobody looks into: most of most bodies.

use super::cursor::Cursor;
use super::{Invalid, MAX_DEPTH, Reader, Result};

impl<'a> Reader<'a> {
    /// Consumes an array or object, checked to the last byte, without recursion.
    pub(super) fn skip(&mut self) -> Result<()> {
        let mut skip = Skip { cursor: self.cursor, depth: self.depth, objects: 0 };
        loop {
            skip.cursor.whitespace();
            let is_whole = match skip.cursor.peek() {
                Some(b'"') => self.pass(&mut skip, Cursor::plain_text, |it| it.text().map(drop))?,
                Some(b'{') => skip.open(true, b'}')?,
                Some(b'[') => skip.open(false, b']')?,
                Some(b'-' | b'0'..=b'9') => {
                    self.pass(&mut skip, Cursor::integer, |it| it.number().map(drop))?
                }
                Some(_) | None => self.pass(&mut skip, |_| false, |it| it.value().map(drop))?,
            };
            if is_whole && skip.close(self.depth)? {
                self.cursor = skip.cursor;
                return Ok(());
            }
            if skip.is_in_object() {
                self.pass(&mut skip, Cursor::plain_text, |it| it.text().map(drop))?;
                skip.cursor.whitespace();
                skip.expect(b':')?;
            }
        }
    }

    /// Passes over a scalar: in registers if it is a plain one, which `plain` says; else `read` reads
    /// it again, and knows every spelling and fault. True: it is whole.
    #[inline(always)]
    fn pass(
        &mut self,
        skip: &mut Skip<'a>,
        plain: impl FnOnce(&mut Cursor<'a>) -> bool,
        read: impl FnOnce(&mut Self) -> Result<()>,
    ) -> Result<bool> {
        let start = skip.cursor.at;
        if !plain(&mut skip.cursor) {
            self.cursor = skip.cursor;
            self.cursor.at = start;
            read(self)?;
            skip.cursor = self.cursor;
        }
        Ok(true)
    }
}

/// Where the walk is: copied out of the reader, so that it stays in registers.
struct Skip<'a> {
    cursor: Cursor<'a>,
    depth: u32,
    /// One bit a level, the innermost one's the lowest: whether it is an object.
    objects: u128,
}

impl Skip<'_> {
    /// True: it is empty, and whole up to its closing bracket. Otherwise a name or an element
    /// follows.
    #[inline(always)]
    fn open(&mut self, is_object: bool, closing: u8) -> Result<bool> {
        if self.depth == MAX_DEPTH {
            return Err(self.invalid());
        }
        self.cursor.at += 1;
        self.depth += 1;
        self.objects = self.objects << 1 | u128::from(is_object);
        self.cursor.whitespace();
        Ok(self.cursor.peek() == Some(closing))
    }

    /// After a value: closes what ends here, or passes over the comma before the next one. True:
    /// the outermost one has been closed.
    #[inline(always)]
    fn close(&mut self, outer: u32) -> Result<bool> {
        loop {
            self.cursor.whitespace();
            if self.cursor.eat(b',') {
                self.cursor.whitespace();
                return Ok(false);
            }
            self.expect(if self.is_in_object() { b'}' } else { b']' })?;
            self.depth -= 1;
            self.objects >>= 1;
            if self.depth == outer {
                return Ok(true);
            }
        }
    }

    #[inline(always)]
    fn is_in_object(&self) -> bool {
        self.objects & 1 == 1
    }

    #[inline(always)]
    fn expect(&mut self, byte: u8) -> Result<()> {
        if self.cursor.eat(byte) { Ok(()) } else { Err(self.invalid()) }
    }

    fn invalid(&self) -> Invalid {
        Invalid { at: self.cursor.at }
    }
}
