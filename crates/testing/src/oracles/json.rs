//! A text is JSON to our reader where it is to serde_json, is UTF-8, and is at most 127 deep.

use serde::de::IgnoredAny;
use trackgate::rules::json::{MAX_DEPTH, Reader, Strictness};

/// Arrays and objects inside each other, outside of strings.
fn depth(text: &[u8]) -> u32 {
    let (mut depth, mut most, mut in_string, mut escaped) = (0u32, 0, false, false);
    for byte in text {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => {
                depth += 1;
                most = most.max(depth);
            }
            b'}' | b']' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    most
}

/// # Panics
/// The two disagree, or the stricter reading takes what the other does not.
pub fn check(text: &[u8]) {
    let is_read =
        |strictness| Reader::document(text, strictness, |reader| reader.value().map(drop)).is_ok();
    let own = is_read(Strictness::Grammar);
    // serde_json passes over strings and numbers without converting them: the grammar alone.
    let theirs = std::str::from_utf8(text).is_ok()
        && serde_json::from_slice::<IgnoredAny>(text).is_ok()
        && depth(text) <= MAX_DEPTH;
    assert_eq!(own, theirs);
    assert!(own || !is_read(Strictness::Jason), "the stricter reading takes less");
}
