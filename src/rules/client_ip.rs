//! The client's address, from where the operator says that it can be believed.

use super::content_type::FieldName;
use crate::config::declare::{Nothing, choice, object};
use crate::request::{RequestHead, trim};
use std::net::IpAddr;
use std::num::NonZeroUsize;

choice! {
    /// Where the client's address comes from.
    pub enum ClientIp by "from" {
        /// The downstream connection, as Envoy sees it. No client can forge it where
        /// `use_remote_address` is true; where it is not, Envoy takes the address from
        /// `x-forwarded-for`.
        Connection(Nothing) = "connection",
        /// The entry of a header field that the outermost trusted proxy has written.
        Header(FromHeader) = "header",
        /// The order in which Plausible's own server looks (contract 1.3). Only behind a hop that
        /// sets or removes all of them.
        Vendor(Nothing) = "vendor",
    }
}

object! {
    /// A field that so many proxies in front append to, such as `x-forwarded-for`.
    pub struct FromHeader {
        /// The field.
        name: FieldName,
        /// How many: the entry so many from the right counts. Without a trusted hop any client
        /// could write the field.
        trusted_hops: NonZeroUsize,
    }
}

impl Default for ClientIp {
    fn default() -> Self {
        ClientIp::Connection(Nothing {})
    }
}

impl ClientIp {
    /// Whether [`RequestHead::source_address`] is looked at.
    pub fn wants_source_address(&self) -> bool {
        match self {
            ClientIp::Connection(_) | ClientIp::Vendor(_) => true,
            ClientIp::Header(_) => false,
        }
    }

    /// The address; `None` where the request does not give one, or gives an invalid one. A mapped
    /// IPv4 address comes as IPv4.
    pub fn of(&self, head: &RequestHead<'_>) -> Option<IpAddr> {
        match self {
            ClientIp::Connection(_) => parse_address(head.source_address()?),
            ClientIp::Header(field) => from_the_right(head, &field.name.0, field.trusted_hops),
            ClientIp::Vendor(_) => vendors_order(head),
        }
    }
}

/// Repeated fields are one list, in their order.
fn from_the_right(
    head: &RequestHead<'_>,
    name: &str,
    trusted_hops: NonZeroUsize,
) -> Option<IpAddr> {
    let joined = head.joined(name)?;
    let entry = joined.rsplit(|byte| *byte == b',').nth(trusted_hops.get() - 1)?;
    parse_address(entry)
}

/// The first field that is not empty decides, whether or not it holds an address.
fn vendors_order(head: &RequestHead<'_>) -> Option<IpAddr> {
    for name in ["x-plausible-ip", "cf-connecting-ip", "b-forwarded-for", "x-forwarded-for"] {
        let value = head.first(name).map(trim).unwrap_or_default();
        if !value.is_empty() {
            return parse_address(value.split(|byte| *byte == b',').next()?);
        }
    }
    let forwarded = head.first("forwarded").map(trim).unwrap_or_default();
    match forwarded_for(forwarded) {
        Some(address) => parse_address(address),
        None => parse_address(head.source_address()?),
    }
}

/// The `for` parameter of the first element of `Forwarded` (RFC 7239).
fn forwarded_for(value: &[u8]) -> Option<&[u8]> {
    let element = value.split(|byte| *byte == b',').next()?;
    element.split(|byte| *byte == b';').map(trim).find_map(|pair| {
        let (name, value) = pair.split_at_checked(4)?;
        let value =
            value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\"")).unwrap_or(value);
        name.eq_ignore_ascii_case(b"for=").then_some(value)
    })
}

/// `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]`, `[2001:db8::1]:80`, with optional
/// whitespace around it. A zone (`fe80::1%eth0`) makes it no address.
pub fn parse_address(value: &[u8]) -> Option<IpAddr> {
    let text = core::str::from_utf8(trim(value)).ok()?;
    let bare = match text.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?.0,
        // One colon sets off a port; an IPv6 address has more.
        None => match text.split_once(':') {
            Some((address, port)) if !port.contains(':') => address,
            Some(_) | None => text,
        },
    };
    bare.parse::<IpAddr>().ok().map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(spec: &ClientIp, fields: &[(&str, &str)]) -> Option<String> {
        let mut head = RequestHead::new(
            fields.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())).collect(),
        );
        head.set_source_address(b"192.0.2.77:1234");
        spec.of(&head).map(|address| address.to_string())
    }

    #[test]
    fn the_connection_cannot_be_forged() {
        let forged = [("x-forwarded-for", "203.0.113.9"), ("x-plausible-ip", "203.0.113.9")];
        assert_eq!(address(&ClientIp::default(), &forged).as_deref(), Some("192.0.2.77"));
    }

    #[test]
    fn hops_are_counted_from_the_right() {
        let spec = |trusted_hops| {
            ClientIp::Header(FromHeader {
                name: FieldName::new("X-Forwarded-For").unwrap(),
                trusted_hops: NonZeroUsize::new(trusted_hops).unwrap(),
            })
        };
        let chain = [("x-forwarded-for", "6.6.6.6, 203.0.113.9"), ("x-forwarded-for", "10.0.0.1")];
        assert_eq!(address(&spec(1), &chain).as_deref(), Some("10.0.0.1"));
        assert_eq!(address(&spec(2), &chain).as_deref(), Some("203.0.113.9"));
        assert_eq!(address(&spec(4), &chain), None, "fewer entries than hops");
        assert_eq!(address(&spec(1), &[]), None, "no field");
        assert_eq!(address(&spec(1), &[("x-forwarded-for", "unknown")]), None);
    }

    #[test]
    fn the_vendors_order_is_plausibles() {
        type Row<'a> = (&'a [(&'a str, &'a str)], Option<&'a str>);
        let rows: &[Row<'_>] = &[
            (
                &[("cf-connecting-ip", "198.51.100.1"), ("x-plausible-ip", "203.0.113.9")],
                Some("203.0.113.9"),
            ),
            (
                &[("x-plausible-ip", " "), ("cf-connecting-ip", "198.51.100.1")],
                Some("198.51.100.1"),
            ),
            (
                &[("x-forwarded-for", "1.1.1.1"), ("b-forwarded-for", "2.2.2.2, 3.3.3.3")],
                Some("2.2.2.2"),
            ),
            (&[("x-forwarded-for", "203.0.113.9:4711, 10.0.0.1")], Some("203.0.113.9")),
            (&[("x-forwarded-for", "[2001:db8::1]:443")], Some("2001:db8::1")),
            (&[("x-forwarded-for", "nonsense")], None),
            (
                &[("forwarded", "by=1.1.1.1;For=\"[2001:db8::1]:4711\", for=2.2.2.2")],
                Some("2001:db8::1"),
            ),
            (&[("forwarded", "by=1.1.1.1")], Some("192.0.2.77")),
            (&[], Some("192.0.2.77")),
        ];
        for (fields, expected) in rows {
            assert_eq!(
                address(&ClientIp::Vendor(Nothing {}), fields).as_deref(),
                *expected,
                "{fields:?}"
            );
        }
    }

    #[test]
    fn addresses_come_in_many_spellings() {
        let rows = [
            (" 192.0.2.1 ", Some("192.0.2.1")),
            ("192.0.2.1:80", Some("192.0.2.1")),
            ("[2001:db8::1]", Some("2001:db8::1")),
            ("::ffff:192.0.2.1", Some("192.0.2.1")),
            ("fe80::1%eth0", None),
            ("192.0.2", None),
            ("192.0.2.256", None),
            ("[::1", None),
            ("", None),
        ];
        for (text, expected) in rows {
            assert_eq!(
                parse_address(text.as_bytes()).map(|address| address.to_string()).as_deref(),
                expected,
                "{text:?}"
            );
        }
        assert_eq!(parse_address(b"\xE9"), None);
    }
}
