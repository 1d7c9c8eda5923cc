//! `Authorization: <scheme> <token68>` (RFC 9110 section 11.6.2).

use crate::request::{RequestHead, trim};

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
}
