//! A body that the filter keeps itself, because Envoy's buffer might not hold what comes next.
//!
//! From an HTTP/1.1 connection Envoy reads as much at once as the listener's buffer holds, and
//! answers 413 where that does not fit beside what is held already. Where a body does not declare
//! its size, and the operator has said how small the buffer is, its pieces are therefore kept here,
//! and the buffer is left empty. They are put back before the request goes on: in front of the last
//! piece where that fits; where it does not, the pieces go first, and the last one goes with the
//! callback that follows.

use super::host::{Host, Result};
use std::cell::Cell;
use std::rc::Rc;

/// What all streams of a worker may keep: a VM's memory is bounded, and is never given back.
const MAX_BYTES: usize = 32 << 20;

/// The bytes that all streams of a worker keep.
pub type Total = Rc<Cell<usize>>;

#[derive(Default)]
pub struct Kept {
    bytes: Vec<u8>,
    total: Total,
}

impl Kept {
    pub fn new(total: &Total) -> Self {
        Kept { bytes: Vec::new(), total: Rc::clone(total) }
    }

    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether a piece of so many bytes may be kept as well.
    pub fn has_room(&self, size: usize) -> bool {
        self.total.get().saturating_add(size) <= MAX_BYTES
    }

    /// Takes a piece of so many bytes out of the buffer.
    pub fn keep(&mut self, host: &mut impl Host, size: usize) -> Result<()> {
        let piece = host.body(size)?.into_owned();
        host.replace_body(size, b"")?;
        self.total.set(self.total.get() + piece.len());
        self.bytes.extend(piece);
        Ok(())
    }

    /// Puts what is kept in front of what is in the buffer.
    pub fn put_back(&mut self, host: &mut impl Host) -> Result<()> {
        let bytes = self.take();
        if bytes.is_empty() { Ok(()) } else { host.replace_body(0, &bytes) }
    }

    /// Lets a stream go whose last piece, of so many bytes, does not fit into the buffer beside
    /// what is kept: that leaves first. Where the piece cannot leave now, it is kept for
    /// [`Kept::put_back`] in the next callback, by when nothing is held any more.
    pub fn send_ahead(&mut self, host: &mut impl Host, size: usize) -> Result<()> {
        let first = self.take();
        self.bytes = host.send_ahead(size, &first)?;
        self.total.set(self.total.get() + self.bytes.len());
        Ok(())
    }

    fn take(&mut self) -> Vec<u8> {
        self.total.set(self.total.get().saturating_sub(self.bytes.len()));
        std::mem::take(&mut self.bytes)
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        let _ = self.take();
    }
}
