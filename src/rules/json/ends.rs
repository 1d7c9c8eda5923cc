//! Where the runs of plain characters end in the 64 bytes that are being read.

use crate::simd::{BYTES, ends};

/// The ends of one block of a text; kept while it is read, for a block holds several strings.
#[derive(Debug, Default)]
pub struct Ends {
    /// Offset behind the block; 0: none is kept.
    until: usize,
    bits: u64,
}

impl Ends {
    /// The offset of the first quote, backslash or control character from `at` on; the length of the
    /// text or more where there is none.
    #[inline(always)]
    pub fn next(&mut self, bytes: &[u8], at: usize) -> usize {
        let block = at & !(BYTES - 1);
        if block + BYTES != self.until {
            self.see(bytes, block);
        }
        let bits = self.bits >> (at & (BYTES - 1));
        if bits != 0 { at + bits.trailing_zeros() as usize } else { self.next_block(bytes) }
    }

    #[inline(never)]
    fn next_block(&mut self, bytes: &[u8]) -> usize {
        loop {
            let block = self.until;
            if block >= bytes.len() {
                return bytes.len();
            }
            self.see(bytes, block);
            if self.bits != 0 {
                return block + self.bits.trailing_zeros() as usize;
            }
        }
    }

    /// Behind the end of the text stand control characters.
    #[inline]
    fn see(&mut self, bytes: &[u8], block: usize) {
        let rest = bytes.get(block..).unwrap_or_default();
        self.bits = match rest.first_chunk() {
            Some(block) => ends(block),
            None => {
                let mut last = [0; BYTES];
                last.iter_mut().zip(rest).for_each(|(last, byte)| *last = *byte);
                ends(&last)
            }
        };
        self.until = block + BYTES;
    }
}
