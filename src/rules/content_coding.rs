//! Content codings and character encodings: a body that is not plain UTF-8 cannot be inspected
//! (contract, P5).

use crate::request::{RequestHead, trim};

/// True when `content-encoding` names anything but `identity`. Missing, empty and `identity` (in
/// any case) are plain.
pub fn is_encoded(head: &RequestHead<'_>) -> bool {
    head.all("content-encoding").flat_map(|value| value.split(|byte| *byte == b',')).any(|coding| {
        let coding = trim(coding);
        !coding.is_empty() && !coding.eq_ignore_ascii_case(b"identity")
    })
}

/// A byte order mark of UTF-8, which RFC 8259 (section 8.1) lets a JSON parser refuse or pass over.
pub fn has_byte_order_mark(body: &[u8]) -> bool {
    body.starts_with(b"\xEF\xBB\xBF")
}

/// True for a body that may be text, or hold some, but not as plain UTF-8: with a byte order mark,
/// not valid UTF-8 (Latin-1, or a compressed body that does not say so), or UTF-16 or UTF-32
/// without a mark, which a NUL among the first two bytes tells (RFC 4627, section 3). What the
/// `charset` parameter says does not count. An empty body is plain.
///
/// A body that starts as JSON does and holds 0xFF is broken, not text in another encoding (the
/// contract's vector cv-104): that byte occurs in no UTF-8, and is not a letter of the languages
/// that senders write in Latin-1.
pub fn is_other_text(body: &[u8]) -> bool {
    if has_byte_order_mark(body) || body.iter().take(2).any(|byte| *byte == 0) {
        return true;
    }
    let starts_as_json = matches!(body.trim_ascii_start().first(), Some(b'{' | b'['));
    core::str::from_utf8(body).is_err() && !(starts_as_json && body.contains(&0xFF))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_text_is_utf8_without_a_mark() {
        let rows: &[(&[u8], bool)] = &[
            (b"", false),
            (b"{}", false),
            ("{\"\u{e9}\":1}".as_bytes(), false),
            (b"\xEF\xBB\xBF{}", true),
            (b"{\"\xE9\":1}", true),
            (b"\x1F\x8B\x08", true),
            (b"{\0}\0", true),
            (b"\0{\0}", true),
            (b"{}\0", false),
            (b"{\"\xFF\":1}", false),
            (b"\xFF\xFE{\0}\0", true),
            (b"\x1F\x8B\xFF", true),
        ];
        for (body, expected) in rows {
            assert_eq!(is_other_text(body), *expected, "{body:?}");
        }
    }

    #[test]
    fn only_identity_is_plain() {
        let rows = [
            ("identity", false),
            ("Identity , ", false),
            ("", false),
            ("gzip", true),
            ("identity, br", true),
            ("\u{e9}", true),
        ];
        for (value, expected) in rows {
            let head = RequestHead::new(vec![(b"content-encoding", value.as_bytes())]);
            assert_eq!(is_encoded(&head), expected, "{value:?}");
        }
        assert!(!is_encoded(&RequestHead::default()), "missing");
    }
}
