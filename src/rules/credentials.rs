//! Where a request may carry a key: `Authorization: <scheme> <token68>` (RFC 9110 section 11.6.2), HTTP Basic's user
//! (RFC 7617), a header field of its own, or a query parameter.

use super::percent::decoded;
use super::query;
use crate::request::{RequestHead, trim};
use std::borrow::Cow;

/// What a request's `authorization` field holds, read for one scheme.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Credentials<'a> {
    /// No field, or an empty one.
    Absent,
    /// The scheme asked for, with a token68.
    Token(&'a [u8]),
    /// Anything else: another scheme, no token, a character no token has, a repeated field.
    Malformed,
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
    let Some(space) = value.iter().position(|byte| *byte == b' ') else { return Credentials::Malformed };
    let (name, token) = value.split_at(space);
    let token = trim(token);
    if name.eq_ignore_ascii_case(scheme.as_bytes()) && is_token68(token) {
        Credentials::Token(token)
    } else {
        Credentials::Malformed
    }
}

/// Reads a header field that holds a key and nothing else. A repeated field is [`Credentials::Malformed`].
pub fn header<'a>(head: &RequestHead<'a>, name: &str) -> Credentials<'a> {
    let mut values = head.all(name).map(trim);
    match (values.next(), values.next()) {
        (None | Some(b""), None) => Credentials::Absent,
        (Some(key), None) => Credentials::Token(key),
        (_, Some(_)) => Credentials::Malformed,
    }
}

/// The first value of a query parameter that is not empty, percent-decoded.
pub fn parameter<'a>(head: &RequestHead<'a>, name: &str) -> Option<Cow<'a, [u8]>> {
    let value = query::values(head.path(), name).find(|value| !value.is_empty())?;
    Some(if value.contains(&b'%') { Cow::Owned(decoded(value).collect()) } else { Cow::Borrowed(value) })
}

/// The user in Basic's token68, which must not be empty; `None` too if it is no Base64, or holds no colon.
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

/// At least one character of `A-Z a-z 0-9 - . _ ~ + /`, then any number of `=`.
pub fn is_token68(token: &[u8]) -> bool {
    let padding = token.iter().rev().take_while(|byte| **byte == b'=').count();
    let characters = token.get(..token.len() - padding).unwrap_or_default();
    !characters.is_empty() && characters.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-._~+/".contains(byte))
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
            (&["Bearer =="], Credentials::Malformed),
            (&["Bearer a=b"], Credentials::Malformed),
            (&["Bearer a b"], Credentials::Malformed),
            (&["Bearer {KEY}"], Credentials::Malformed),
            (&["Basic dTpw"], Credentials::Malformed),
            (&["abc"], Credentials::Malformed),
            (&["Bearer a", "Bearer a"], Credentials::Malformed),
            (&["Bearer a,Bearer a"], Credentials::Malformed),
        ];
        for (values, expected) in rows {
            let fields = values.iter().map(|value| (b"authorization".as_slice(), value.as_bytes())).collect();
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
            assert_eq!(basic_user(token.as_bytes()).as_deref(), expected.map(str::as_bytes), "{token}");
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
        assert_eq!((header(&head, "x-none"), header(&head, "x-other")), (Credentials::Absent, Credentials::Absent));
        assert_eq!(parameter(&head, "k").as_deref(), Some(b"a/b".as_slice()));
        assert_eq!(parameter(&head, "l").as_deref(), Some(b"x".as_slice()));
        assert_eq!(parameter(&head, "m"), None);
    }
}
