//! Content codings: a compressed body cannot be inspected (contract, P5).

use crate::request::{RequestHead, trim};

/// True when `content-encoding` names anything but `identity`. Missing, empty and `identity` (in any case) are plain.
pub fn is_encoded(head: &RequestHead<'_>) -> bool {
    head.all("content-encoding").flat_map(|value| value.split(|byte| *byte == b',')).any(|coding| {
        let coding = trim(coding);
        !coding.is_empty() && !coding.eq_ignore_ascii_case(b"identity")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_identity_is_plain() {
        let rows =
            [("identity", false), ("Identity , ", false), ("", false), ("gzip", true), ("identity, br", true), ("\u{e9}", true)];
        for (value, expected) in rows {
            let head = RequestHead::new(vec![(b"content-encoding", value.as_bytes())]);
            assert_eq!(is_encoded(&head), expected, "{value:?}");
        }
        assert!(!is_encoded(&RequestHead::default()), "missing");
    }
}
