//! The head of a request as the gate reads it: bytes, borrowed from wherever the host put them.

use crate::rules::user_agent::Recent;
use std::borrow::Cow;

/// Method, target and header fields of one request.
///
/// Field names are expected in lower case, as HTTP/2 and Envoy have them; the pseudo-header fields
/// `:method`, `:path` and `:authority` are among the fields. Values are bytes: they need not be
/// UTF-8.
#[derive(Debug, Clone, Default)]
pub struct RequestHead<'a> {
    fields: Vec<(&'a [u8], &'a [u8])>,
    source_address: Option<&'a [u8]>,
    recent: Option<&'a Recent>,
}

impl<'a> RequestHead<'a> {
    /// Of fields whose names are in lower case, as a host hands them over; see
    /// [`HeadBuf`] where they may not be.
    pub fn new(fields: Vec<(&'a [u8], &'a [u8])>) -> Self {
        RequestHead { fields, source_address: None, recent: None }
    }

    /// Adds the classes of User-Agents that the caller has kept from earlier requests. They make no
    /// difference to a verdict.
    #[must_use]
    pub fn with_recent(mut self, recent: &'a Recent) -> Self {
        self.recent = Some(recent);
        self
    }

    /// What [`RequestHead::with_recent`] added.
    pub fn recent(&self) -> Option<&'a Recent> {
        self.recent
    }

    /// Adds the address of the downstream connection in Envoy's form: `192.0.2.1:1234` or
    /// `[2001:db8::1]:1234`.
    pub fn set_source_address(&mut self, address: &'a [u8]) {
        self.source_address = Some(address);
    }

    /// The connection's address, if the host could tell and
    /// [`crate::gate::Endpoint::wants_source_address`] asked for it.
    pub fn source_address(&self) -> Option<&'a [u8]> {
        self.source_address
    }

    /// `:method`; empty if missing.
    pub fn method(&self) -> &'a [u8] {
        self.first(":method").unwrap_or_default()
    }

    /// `:path`, the query included, as it came; empty if missing.
    pub fn path(&self) -> &'a [u8] {
        self.first(":path").unwrap_or_default()
    }

    /// `:authority`, or `host` where there is none; empty if both are missing.
    pub fn authority(&self) -> &'a [u8] {
        self.first(":authority").or_else(|| self.first("host")).unwrap_or_default()
    }

    /// The first value of a field; `None` if the field is missing, `Some(b"")` if it is there and
    /// empty.
    pub fn first(&self, name: &str) -> Option<&'a [u8]> {
        self.all(name).next()
    }

    /// Every value of a field, in order.
    pub fn all(&self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        self.fields
            .iter()
            .filter(move |(field, _)| *field == name.as_bytes())
            .map(|(_, value)| *value)
    }

    /// The value of a field whose repeats make one list: joined by commas, as RFC 9110 section 5.3
    /// has it and as Envoy hands over a repeated `user-agent` or `content-type`.
    pub fn joined(&self, name: &str) -> Option<Cow<'a, [u8]>> {
        let mut values = self.all(name);
        let first = values.next()?;
        let mut joined = Cow::Borrowed(first);
        for value in values {
            let list = joined.to_mut();
            list.push(b',');
            list.extend_from_slice(value);
        }
        Some(joined)
    }

    /// A copy of the fields.
    pub fn to_owned(&self) -> HeadBuf {
        let fields = self.fields().map(|(name, value)| (name.to_vec(), value.to_vec()));
        HeadBuf { fields: fields.collect() }
    }

    /// Name and value of all fields, in order, repeats included.
    pub fn fields(&self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> {
        self.fields.iter().copied()
    }

    /// The names of all fields, in order, repeats included.
    pub fn names(&self) -> impl Iterator<Item = &'a [u8]> {
        self.fields.iter().map(|(name, _)| *name)
    }
}

/// The head of a request, owned, from a caller whose field names may be in any letter case.
///
/// ```
/// use trackgate::request::HeadBuf;
///
/// let head = HeadBuf::new("POST", "/api/event", "a.example", [("Content-Type", "text/plain")]);
/// assert_eq!(head.head().first("content-type"), Some(b"text/plain".as_slice()));
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HeadBuf {
    fields: Vec<(Vec<u8>, Vec<u8>)>,
}

impl HeadBuf {
    /// `path` is the target with its query. Names and values may be any bytes; a `host` field is
    /// kept as it is.
    pub fn new<N: AsRef<[u8]>, V: AsRef<[u8]>>(
        method: &str,
        path: &str,
        authority: &str,
        fields: impl IntoIterator<Item = (N, V)>,
    ) -> Self {
        let pseudo = [(":method", method), (":path", path), (":authority", authority)];
        let pseudo = pseudo.map(|(name, value)| (name.into(), value.into()));
        let own = fields
            .into_iter()
            .map(|(name, value)| (name.as_ref().to_ascii_lowercase(), value.as_ref().to_vec()));
        HeadBuf { fields: pseudo.into_iter().chain(own).collect() }
    }

    /// As the gate reads it.
    pub fn head(&self) -> RequestHead<'_> {
        let fields = self.fields.iter().map(|(name, value)| (name.as_slice(), value.as_slice()));
        RequestHead::new(fields.collect())
    }
}

/// Without leading and trailing spaces and tabs (RFC 9110: optional whitespace).
pub fn trim(value: &[u8]) -> &[u8] {
    let mut value = value;
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = value {
        value = rest;
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeats_keep_their_order() {
        let head = RequestHead::new(vec![(b"a", b"1"), (b"b", b""), (b"a", b"\xE9")]);
        assert_eq!(head.first("a"), Some(b"1".as_slice()));
        assert_eq!(head.first("b"), Some(b"".as_slice()));
        assert_eq!(head.first("c"), None);
        assert_eq!(head.joined("a").as_deref(), Some(b"1,\xE9".as_slice()));
        assert_eq!(head.joined("c"), None);
    }

    #[test]
    fn trim_takes_spaces_and_tabs_only() {
        for (value, expected) in [(" \ta b\t ", "a b"), ("", ""), (" \t", ""), ("\na", "\na")] {
            assert_eq!(trim(value.as_bytes()), expected.as_bytes(), "{value:?}");
        }
    }
}
