//! A reader that ends where no record ends.
//!
//! Captures come from hostile traffic, and compressed ones grow a thousandfold when they are read.
//! A large capture is not an error, so its size is not limited; what is limited is how far it may
//! be read without a record that can be used.

use super::Record;
use std::cell::Cell;
use std::fmt;
use std::io::{BufRead, Error, Read, Result};
use std::rc::Rc;

/// Of a line, a trace, a HAR's request, and of everything that stands between two of those that can
/// be read.
pub const MAX_RECORD_BYTES: u64 = 32 << 20;
/// Of what is passed over without being kept: a HAR's responses.
const MAX_SKIPPED_BYTES: u64 = 64 << 20;
/// What a record that cannot be read counts for besides its bytes, and an empty line: they take
/// time, however short they are.
const BAD_RECORD_BYTES: u64 = 1 << 10;

/// How many bytes may still be read; shared by the reader, which counts, and those who know where a
/// record ends.
#[derive(Debug, Clone)]
pub struct Limit(Rc<Cell<u64>>);

impl Limit {
    pub fn new() -> Self {
        Limit(Rc::new(Cell::new(MAX_RECORD_BYTES)))
    }

    /// A record has been read.
    pub fn restart(&self) {
        self.0.set(MAX_RECORD_BYTES);
    }

    /// What comes now is not kept.
    pub fn skip(&self) {
        self.0.set(MAX_SKIPPED_BYTES);
    }

    /// It was not a record.
    pub fn bad_record(&self) {
        self.spend(BAD_RECORD_BYTES);
    }

    fn spend(&self, bytes: u64) {
        self.0.set(self.0.get().saturating_sub(bytes));
    }

    /// Hands a record over, and counts it as one, good or bad.
    pub fn pass(&self, record: Record, each: &mut dyn FnMut(Record)) {
        if record.is_ok() {
            self.restart()
        } else {
            self.bad_record()
        }
        each(record);
    }
}

/// Counts what is consumed, and fails where the limit is reached before the end.
#[derive(Debug)]
pub struct Bounded<R> {
    inner: R,
    limit: Limit,
}

impl<R: BufRead> Bounded<R> {
    pub fn new(inner: R) -> Self {
        Bounded { inner, limit: Limit::new() }
    }

    /// Of another reader, by the same limit.
    pub fn map<S>(self, other: impl FnOnce(R) -> S) -> Bounded<S> {
        Bounded { inner: other(self.inner), limit: self.limit }
    }

    pub fn limit(&self) -> Limit {
        self.limit.clone()
    }
}

impl<R: BufRead> BufRead for Bounded<R> {
    fn fill_buf(&mut self) -> Result<&[u8]> {
        let left = usize::try_from(self.limit.0.get()).unwrap_or(usize::MAX);
        let held = self.inner.fill_buf()?;
        if left == 0 && !held.is_empty() {
            return Err(Error::other(Endless));
        }
        Ok(held.get(..left).unwrap_or(held))
    }

    fn consume(&mut self, count: usize) {
        self.limit.spend(count as u64);
        self.inner.consume(count);
    }
}

impl<R: BufRead> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let count = self.fill_buf()?.read(buffer)?;
        self.consume(count);
        Ok(count)
    }
}

/// The limit was reached.
#[derive(Debug)]
struct Endless;

impl fmt::Display for Endless {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "expected a record within {} MiB, found none that can be read; the rest of the file was skipped",
            MAX_RECORD_BYTES >> 20
        )
    }
}

impl std::error::Error for Endless {}

/// The limit was reached, and no disk failed.
pub fn is_endless(error: &Error) -> bool {
    error.get_ref().is_some_and(|inner| inner.is::<Endless>())
}

/// Ends a file: where the limit was reached that is a record that cannot be read, any other error
/// is one of the file.
pub fn end(error: Error, place: &str, each: &mut dyn FnMut(Record)) -> Result<()> {
    if !is_endless(&error) {
        return Err(error);
    }
    each(Err(format!("{place}: {error}")));
    Ok(())
}
