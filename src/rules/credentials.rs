//! Where a request may carry a key: `Authorization: <scheme> <key>` (RFC 9110 section 11.6.2), HTTP
//! Basic's user (RFC 7617), a header field of its own, or a query parameter.

use super::percent::decoded;
use super::query;
use crate::request::{RequestHead, trim};
use std::borrow::Cow;

/// What a request's `authorization` field holds, read for one scheme.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Credentials<'a> {
    /// No field, or an empty one.
    Absent,
    /// The scheme asked for, and what follows it: not empty, without blanks around it, otherwise
    /// any bytes. Whether they can be a key is [`is_plausible_key`].
    Token(&'a [u8]),
    /// Anything else: another scheme, nothing after it, a repeated field.
    Malformed,
}

impl Credentials<'_> {
    /// For a trace: the scheme, and of the key nothing but its length.
    pub fn shown(&self, scheme: &str) -> String {
        match self {
            Credentials::Absent => "authorization: missing".to_owned(),
            Credentials::Token(key) => {
                format!("authorization: {scheme} and a key of {} bytes", key.len())
            }
            Credentials::Malformed => format!("authorization: not one \"{scheme} <key>\""),
        }
    }
}

/// Reads `authorization` for `scheme`, which is compared without regard to case.
pub fn authorization<'a>(head: &RequestHead<'a>, scheme: &str) -> Credentials<'a> {
    let mut values = head.all("authorization");
    let Some(value) = values.next() else { return Credentials::Absent };
    if values.next().is_some() {
        return Credentials::Malformed;
    }
    let value = trim(value);
    if value.is_empty() {
        return Credentials::Absent;
    }
    let Some(space) = value.iter().position(|byte| *byte == b' ') else {
        return Credentials::Malformed;
    };
    let (name, token) = value.split_at(space);
    let token = trim(token);
    if name.eq_ignore_ascii_case(scheme.as_bytes()) && !token.is_empty() {
        Credentials::Token(token)
    } else {
        Credentials::Malformed
    }
}

/// Reads a header field that holds a key and nothing else. A repeated field is
/// [`Credentials::Malformed`].
pub fn header<'a>(head: &RequestHead<'a>, name: &str) -> Credentials<'a> {
    let mut values = head.all(name).map(trim);
    match (values.next(), values.next()) {
        (None | Some(b""), None) => Credentials::Absent,
        (Some(key), None) => Credentials::Token(key),
        (_, Some(_)) => Credentials::Malformed,
    }
}

/// A key in the query, percent-decoded. `Err`: the parameter is repeated with another value, so
/// that two readers of the query may take two keys. Empty values do not count, and repeats of one
/// value are one.
///
/// # Errors
/// Values that differ.
pub fn parameter<'a>(
    head: &RequestHead<'a>,
    name: &str,
) -> Result<Option<Cow<'a, [u8]>>, Ambiguous> {
    let value = |value: &'a [u8]| {
        if value.contains(&b'%') {
            Cow::Owned(decoded(value).collect())
        } else {
            Cow::Borrowed(value)
        }
    };
    let mut values = query::values(head.path(), name).filter(|value| !value.is_empty()).map(value);
    let Some(first) = values.next() else { return Ok(None) };
    if values.all(|other| other == first) { Ok(Some(first)) } else { Err(Ambiguous) }
}

/// More than one key, and they differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ambiguous;

/// Whether what stands after the scheme can be a key, as far as anybody documents: not with blanks
/// inside, and not a placeholder that was never filled in (`{KEY}`, `${KEY}`, `<key>`). No source
/// gives an alphabet (contract, U-9).
pub fn is_plausible_key(key: &[u8]) -> bool {
    let has_blank = key.iter().any(|byte| matches!(byte, b' ' | b'\t'));
    let inner = key.strip_prefix(b"$").unwrap_or(key);
    let is_placeholder = matches!((inner.first(), inner.last()), (Some(b'{'), Some(b'}')))
        || matches!((key.first(), key.last()), (Some(b'<'), Some(b'>')));
    !has_blank && !is_placeholder
}

/// The user in Basic's token68, which must not be empty; `None` too if it is not Base64, or holds
/// no colon.
pub fn basic_user(token: &[u8]) -> Option<Vec<u8>> {
    let mut pair = from_base64(token)?;
    let colon = pair.iter().position(|byte| *byte == b':')?;
    pair.truncate(colon);
    (!pair.is_empty()).then_some(pair)
}

/// RFC 4648 section 4; padding may be left out.
fn from_base64(text: &[u8]) -> Option<Vec<u8>> {
    let padding = text.iter().rev().take_while(|byte| **byte == b'=').count();
    let digits = text.get(..text.len() - padding)?;
    let (mut bits, mut held, mut bytes) = (0u32, 0, Vec::with_capacity(digits.len() * 3 / 4));
    for digit in digits {
        let value = match digit {
            b'A'..=b'Z' => digit - b'A',
            b'a'..=b'z' => digit - b'a' + 26,
            b'0'..=b'9' => digit - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(value);
        held += 6;
        if held >= 8 {
            held -= 8;
            bytes.push(u8::try_from(bits >> held & 0xFF).ok()?);
        }
    }
    (digits.len() % 4 != 1).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_scheme_one_token() {
        let rows: &[(&[&str], Credentials<'_>)] = &[
            (&[], Credentials::Absent),
            (&[""], Credentials::Absent),
            (&["  "], Credentials::Absent),
            (&["Bearer abc"], Credentials::Token(b"abc")),
            (&["bearer   a.b-c_d~e+f/g=="], Credentials::Token(b"a.b-c_d~e+f/g==")),
            (&["Bearer"], Credentials::Malformed),
            (&["Bearer "], Credentials::Malformed),
            (&["Bearer =="], Credentials::Token(b"==")),
            (&["Bearer a=b:c|d"], Credentials::Token(b"a=b:c|d")),
            (&["Bearer a b"], Credentials::Token(b"a b")),
            (&["Bearer\ta"], Credentials::Malformed),
            (&["Basic dTpw"], Credentials::Malformed),
            (&["abc"], Credentials::Malformed),
            (&["Bearer a", "Bearer a"], Credentials::Malformed),
            (&["Bearer a,Bearer a"], Credentials::Token(b"a,Bearer a")),
        ];
        for (values, expected) in rows {
            let fields = values
                .iter()
                .map(|value| (b"authorization".as_slice(), value.as_bytes()))
                .collect();
            assert_eq!(authorization(&RequestHead::new(fields), "Bearer"), *expected, "{values:?}");
        }
    }

    #[test]
    fn the_user_of_basic_is_the_key() {
        let rows = [
            ("dTpw", Some("u")),
            ("dTo=", Some("u")),
            ("d3JpdGUta2V5Og==", Some("write-key")),
            ("d3JpdGUta2V5Og", Some("write-key")),
            ("OnB3", None),
            ("dQ==", None),
            ("d", None),
            ("d*==", None),
        ];
        for (token, expected) in rows {
            assert_eq!(
                basic_user(token.as_bytes()).as_deref(),
                expected.map(str::as_bytes),
                "{token}"
            );
        }
    }

    #[test]
    fn keys_stand_in_fields_and_parameters() {
        let head = RequestHead::new(vec![
            (b":path", b"/?k=&k=a%2Fb&l=x"),
            (b"x-key", b" a "),
            (b"x-two", b"a"),
            (b"x-two", b"a"),
            (b"x-none", b""),
        ]);
        assert_eq!(header(&head, "x-key"), Credentials::Token(b"a"));
        assert_eq!(header(&head, "x-two"), Credentials::Malformed);
        assert_eq!(
            (header(&head, "x-none"), header(&head, "x-other")),
            (Credentials::Absent, Credentials::Absent)
        );
    }

    #[test]
    fn a_parameter_holds_one_key_or_none() {
        let rows: &[(&str, Result<Option<&str>, Ambiguous>)] = &[
            ("/?k=a", Ok(Some("a"))),
            ("/?k=&k=a%2Fb&l=x", Ok(Some("a/b"))),
            ("/?k=a&k=a", Ok(Some("a"))),
            ("/?k=a&k=%61&%6B=a", Ok(Some("a"))),
            ("/?k=a&k=b", Err(Ambiguous)),
            ("/?k=a&%6b=b", Err(Ambiguous)),
            ("/?k=a&K=b", Ok(Some("a"))),
            ("/?k=", Ok(None)),
            ("/?l=x", Ok(None)),
        ];
        for (target, expected) in rows {
            let head = RequestHead::new(vec![(b":path", target.as_bytes())]);
            let found = parameter(&head, "k");
            assert_eq!(
                found.as_ref().map(Option::as_deref),
                expected.as_ref().map(|key| key.map(str::as_bytes)),
                "{target}"
            );
        }
    }

    #[test]
    fn keys_have_no_blanks_and_no_placeholders() {
        let keys = ["a", "abc:def|9", "==", "a{b}", "{", "<a", "$HOME", "\u{e9}"];
        let others = ["a b", "a\tb", "{KEY}", "{{KEY}}", "${KEY}", "<key>", "<YOUR API KEY>", "{}"];
        assert!(keys.iter().all(|key| is_plausible_key(key.as_bytes())));
        others.iter().for_each(|key| assert!(!is_plausible_key(key.as_bytes()), "{key}"));
    }
}
