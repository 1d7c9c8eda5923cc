//! Through objects and arrays: with a caller that looks at what is in them, or past them.

use super::text::Text;
use super::{MAX_DEPTH, Reader, Result};

impl<'a> Reader<'a> {
    #[inline]
    pub(super) fn members(
        &mut self,
        mut each: impl FnMut(&mut Self, Text<'a>) -> Result<()>,
    ) -> Result<()> {
        self.open(b'{')?;
        self.whitespace();
        if self.eat(b'}') {
            return self.close();
        }
        loop {
            let name = self.name()?;
            each(self, name)?;
            self.whitespace();
            if !self.eat(b',') {
                break;
            }
            self.whitespace();
        }
        self.expect(b'}')?;
        self.close()
    }

    /// A member's name, and what stands between it and its value.
    #[inline(always)]
    fn name(&mut self) -> Result<Text<'a>> {
        let name = self.text()?;
        self.whitespace();
        self.expect(b':')?;
        Ok(name)
    }

    #[inline]
    pub(super) fn elements(
        &mut self,
        mut each: impl FnMut(&mut Self, usize) -> Result<()>,
    ) -> Result<()> {
        self.open(b'[')?;
        self.whitespace();
        if self.eat(b']') {
            return self.close();
        }
        for index in 0.. {
            each(self, index)?;
            self.whitespace();
            if !self.eat(b',') {
                break;
            }
        }
        self.expect(b']')?;
        self.close()
    }

    /// Passes over an array or object without recursion: a stack of one bit a level tells which it
    /// is in.
    pub(super) fn skip_nested(&mut self) -> Result<()> {
        let outer = self.depth;
        let mut objects = 0u128;
        loop {
            let is_empty = self.descend(&mut objects)?;
            if (is_empty || self.pass_scalar()?) && self.ascend(&mut objects, outer)? {
                return Ok(());
            }
        }
    }

    /// Opens what stands here, up to a scalar or what is empty; true for the latter.
    #[inline(always)]
    fn descend(&mut self, objects: &mut u128) -> Result<bool> {
        loop {
            self.whitespace();
            let in_object = match self.peek() {
                Some(b'{') => true,
                Some(b'[') => false,
                Some(_) | None => return Ok(false),
            };
            self.open(if in_object { b'{' } else { b'[' })?;
            *objects = *objects << 1 | u128::from(in_object);
            self.whitespace();
            if self.peek() == Some(if in_object { b'}' } else { b']' }) {
                return Ok(true);
            }
            if in_object {
                self.name()?;
            }
        }
    }

    /// True: always, for what is no scalar is invalid.
    #[inline(always)]
    fn pass_scalar(&mut self) -> Result<bool> {
        match self.peek() {
            Some(b'"') => self.text().map(drop)?,
            Some(b'-' | b'0'..=b'9') => self.number().map(drop)?,
            Some(b't') => self.literal(b"true")?,
            Some(b'f') => self.literal(b"false")?,
            Some(b'n') => self.literal(b"null")?,
            Some(_) | None => return self.invalid(),
        }
        Ok(true)
    }

    /// After a value: closes what ends here, and passes the comma and the name before the next one.
    /// True when the outermost one has been closed.
    #[inline(always)]
    fn ascend(&mut self, objects: &mut u128, outer: u32) -> Result<bool> {
        loop {
            self.whitespace();
            let in_object = *objects & 1 == 1;
            if self.eat(b',') {
                if in_object {
                    self.whitespace();
                    self.name()?;
                }
                return Ok(false);
            }
            self.expect(if in_object { b'}' } else { b']' })?;
            self.close()?;
            *objects >>= 1;
            if self.depth == outer {
                return Ok(true);
            }
        }
    }

    #[inline(always)]
    fn open(&mut self, bracket: u8) -> Result<()> {
        if self.depth == MAX_DEPTH {
            return self.invalid();
        }
        self.expect(bracket)?;
        self.depth += 1;
        Ok(())
    }

    #[inline(always)]
    fn close(&mut self) -> Result<()> {
        self.depth = self.depth.saturating_sub(1);
        Ok(())
    }
}
