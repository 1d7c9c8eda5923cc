//! The header field by which a response tells how many domains were dropped.
//!
//! Where the gate tells the collector to drop some of several domains, the collector answers, and
//! its answer must tell the truth to the client. A collector that honours the annotation counts
//! those domains itself, among others perhaps: then its count is at least ours, and stands. A
//! smaller count, none, or one that is not a number comes from a collector that does not know of
//! the annotation, or acts on it without counting: then ours is put in its place. So the larger of
//! the two is sent, and never their sum, which would count a domain twice.

/// Sent back only where at least one domain was dropped.
pub const DROPPED: &str = "x-plausible-dropped";

/// What the field must be set to; `None` where the collector's own value stands. `collector` is
/// that value, empty if there is none.
pub fn amended_count(collector: &[u8], ours: usize) -> Option<String> {
    let theirs =
        core::str::from_utf8(collector).ok().and_then(|count| count.trim().parse::<usize>().ok());
    (theirs.unwrap_or(0) < ours).then(|| ours.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_larger_count_is_told() {
        let rows: &[(&[u8], usize, Option<&str>)] = &[
            (b"", 0, None),
            (b"2", 0, None),
            (b"", 1, Some("1")),
            (b"1", 1, None),
            (b" 3 ", 2, None),
            (b"1", 2, Some("2")),
            (b"0", 1, Some("1")),
            (b"x", 1, Some("1")),
            (b"\xE9", 1, Some("1")),
            (b"-1", 1, Some("1")),
        ];
        for (theirs, ours, expected) in rows {
            assert_eq!(amended_count(theirs, *ours).as_deref(), *expected, "{theirs:?} {ours}");
        }
    }
}
