//! A JSON text read in one pass, in place, without a tree.
//!
//! What is accepted, in the order it is checked:
//! 1. the whole text is UTF-8 (a byte order mark is not whitespace, so it is refused);
//! 2. exactly one value by the grammar of [RFC 8259], with nothing but whitespace around it;
//! 3. at most [`MAX_DEPTH`] arrays and objects inside each other (contract, P6);
//! 4. by [`Strictness`]: lone surrogates and numbers beyond a double, where a vendor's own parser
//!    refuses them.
//!
//! Duplicate names are handed to the caller in the order they stand; which one counts is the
//! vendor's rule. Nothing is decoded before it is asked for, and nothing is allocated but a string
//! that holds escapes.
//!
//! [RFC 8259]: https://www.rfc-editor.org/rfc/rfc8259
//!
//! ```
//! use trackgate::rules::json::{Reader, Strictness, Value};
//! let mut id = None;
//! Reader::document(br#"{"id": 7, "id": "b"}"#, Strictness::Grammar, |reader| {
//!     reader.object(|reader, name| {
//!         let value = reader.value()?;
//!         if name.is("id") {
//!             id = Some(value);
//!         }
//!         Ok(())
//!     })
//! })
//! .unwrap();
//! assert!(matches!(id, Some(Value::String(text)) if text.is("b")));
//! ```

mod chars;
mod cursor;
mod number;
mod skip;
mod text;
mod walk;
pub mod write;

pub use number::Number;
pub use text::Text;

use cursor::Cursor;

/// Arrays and objects that may stand inside each other; the 128th is refused.
pub const MAX_DEPTH: u32 = 127;

/// What is refused beyond the grammar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strictness {
    /// The grammar alone, as `JSON.parse` reads it: `"\ud800"` and `1e999` are values.
    Grammar,
    /// Lone surrogates and numbers that overflow a double are refused as well, as Elixir's Jason
    /// does.
    Jason,
}

/// The text is not JSON; `at` is the offset in bytes of the first byte that cannot stand there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Invalid {
    /// Offset in bytes, from 0; the length of the text where it ends too early.
    pub at: usize,
}

/// What reading gives.
pub type Result<T> = core::result::Result<T, Invalid>;

/// The type of the value that comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `{`
    Object,
    /// `[`
    Array,
    /// `"`
    String,
    /// `-` or a digit
    Number,
    /// `true` or `false`
    Bool,
    /// `null`
    Null,
}

impl Kind {
    /// For messages.
    pub const fn with_article(self) -> &'static str {
        match self {
            Kind::Object => "an object",
            Kind::Array => "an array",
            Kind::String => "a string",
            Kind::Number => "a number",
            Kind::Bool => "a boolean",
            Kind::Null => "null",
        }
    }
}

/// A value that has been read. Arrays and objects have been checked and passed over.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value<'a> {
    /// The raw text of the object, from brace to brace.
    Object(&'a [u8]),
    /// The raw text of the array, from bracket to bracket.
    Array(&'a [u8]),
    /// The text between the quotes.
    String(Text<'a>),
    /// As it is written.
    Number(Number<'a>),
    /// `true` or `false`
    Bool(bool),
    /// `null`
    Null,
}

impl Value<'_> {
    /// The type of the value.
    pub fn kind(&self) -> Kind {
        match self {
            Value::Object(_) => Kind::Object,
            Value::Array(_) => Kind::Array,
            Value::String(_) => Kind::String,
            Value::Number(_) => Kind::Number,
            Value::Bool(_) => Kind::Bool,
            Value::Null => Kind::Null,
        }
    }
}

/// Reads a JSON text from front to back.
#[derive(Debug)]
pub struct Reader<'a> {
    cursor: Cursor<'a>,
    depth: u32,
    strictness: Strictness,
}

impl<'a> Reader<'a> {
    /// Reads a whole text: `read` must consume exactly its one value.
    pub fn document<T>(
        bytes: &'a [u8],
        strictness: Strictness,
        read: impl FnOnce(&mut Self) -> Result<T>,
    ) -> Result<T> {
        simdutf8::compat::from_utf8(bytes).map_err(|error| Invalid { at: error.valid_up_to() })?;
        Self::element(bytes, strictness, read)
    }

    /// Reads a text that is part of one already checked by [`Reader::document`].
    pub fn element<T>(
        bytes: &'a [u8],
        strictness: Strictness,
        read: impl FnOnce(&mut Self) -> Result<T>,
    ) -> Result<T> {
        let mut reader = Reader { cursor: Cursor::start(bytes), depth: 0, strictness };
        let value = read(&mut reader)?;
        reader.whitespace();
        if reader.cursor.is_at_end() { Ok(value) } else { reader.invalid() }
    }

    /// The offset in bytes at which reading goes on.
    pub fn position(&self) -> usize {
        self.cursor.at
    }

    /// The type of the next value, which is not consumed.
    #[inline]
    pub fn kind(&mut self) -> Result<Kind> {
        self.whitespace();
        match self.peek() {
            Some(b'{') => Ok(Kind::Object),
            Some(b'[') => Ok(Kind::Array),
            Some(b'"') => Ok(Kind::String),
            Some(b'-' | b'0'..=b'9') => Ok(Kind::Number),
            Some(b't' | b'f') => Ok(Kind::Bool),
            Some(b'n') => Ok(Kind::Null),
            Some(_) | None => self.invalid(),
        }
    }

    /// Consumes the next value, whatever it is.
    #[inline(always)]
    pub fn value(&mut self) -> Result<Value<'a>> {
        self.whitespace();
        match self.peek() {
            Some(b'"') => self.text().map(Value::String),
            Some(_) | None => self.value_but_text(),
        }
    }

    #[inline(never)]
    fn value_but_text(&mut self) -> Result<Value<'a>> {
        let start = self.cursor.at;
        match self.peek() {
            Some(b'{') => self.skip().map(|()| Value::Object(self.since(start))),
            Some(b'[') => self.skip().map(|()| Value::Array(self.since(start))),
            Some(b'-' | b'0'..=b'9') => self.number().map(Value::Number),
            Some(b't') => self.literal(b"true").map(|()| Value::Bool(true)),
            Some(b'f') => self.literal(b"false").map(|()| Value::Bool(false)),
            Some(b'n') => self.literal(b"null").map(|()| Value::Null),
            Some(_) | None => self.invalid(),
        }
    }

    /// Consumes the next value. Of an object `each` gets the name of each member, and must consume
    /// its value. False: it was something else, and has been passed over.
    #[inline]
    pub fn object(&mut self, each: impl FnMut(&mut Self, Text<'a>) -> Result<()>) -> Result<bool> {
        self.whitespace();
        if self.peek() != Some(b'{') {
            return self.value().map(|_| false);
        }
        self.members(each).map(|()| true)
    }

    /// Consumes the next value. Of an array `each` gets the index of each element, from 0, and must
    /// consume it. False: it was something else, and has been passed over.
    #[inline]
    pub fn array(&mut self, each: impl FnMut(&mut Self, usize) -> Result<()>) -> Result<bool> {
        self.whitespace();
        if self.peek() != Some(b'[') {
            return self.value().map(|_| false);
        }
        self.elements(each).map(|()| true)
    }

    fn literal(&mut self, word: &[u8]) -> Result<()> {
        for byte in word {
            self.expect(*byte)?;
        }
        Ok(())
    }

    #[inline(always)]
    fn whitespace(&mut self) {
        self.cursor.whitespace();
    }

    #[inline(always)]
    fn peek(&self) -> Option<u8> {
        self.cursor.peek()
    }

    #[inline(always)]
    fn eat(&mut self, byte: u8) -> bool {
        self.cursor.eat(byte)
    }

    #[inline(always)]
    fn expect(&mut self, byte: u8) -> Result<()> {
        if self.eat(byte) { Ok(()) } else { self.invalid() }
    }

    fn since(&self, start: usize) -> &'a [u8] {
        self.cursor.since(start)
    }

    fn invalid<T>(&self) -> Result<T> {
        Err(Invalid { at: self.cursor.at })
    }
}

#[cfg(test)]
mod tests;

#[cfg(test)]
mod suite;
