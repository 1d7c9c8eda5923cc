//! Through objects and arrays, with a caller that looks at what is in them.

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
