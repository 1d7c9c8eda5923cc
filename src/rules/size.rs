//! Body size: what a request declares, before a byte of it has been read.

use crate::request::{RequestHead, trim};

/// The bytes that `content-length` declares; a number that does not fit is `usize::MAX`.
///
/// Missing or unreadable: `None`, for the bytes are counted as they come as well. Repeated: the
/// largest counts, though a proxy refuses such a request before it comes here.
pub fn declared(head: &RequestHead<'_>) -> Option<usize> {
    head.all("content-length")
        .flat_map(|value| value.split(|byte| *byte == b','))
        .filter_map(number)
        .max()
}

/// True when `content-length` declares more than `max_bytes`.
pub fn declares_more_than(head: &RequestHead<'_>, max_bytes: usize) -> bool {
    declared(head).is_some_and(|bytes| bytes > max_bytes)
}

fn number(value: &[u8]) -> Option<usize> {
    let digits = trim(value);
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let parsed = core::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok());
    Some(parsed.unwrap_or(usize::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_itself_passes() {
        let rows: &[(&[&str], bool)] = &[
            (&[], false),
            (&["32768"], false),
            (&["32769"], true),
            (&[" 32769 "], true),
            (&["99999999999999999999999999"], true),
            (&["5", "32769"], true),
            (&["5, 32769"], true),
            (&[""], false),
            (&["x"], false),
            (&["-32769"], false),
        ];
        for (values, expected) in rows {
            let fields = values
                .iter()
                .map(|value| (b"content-length".as_slice(), value.as_bytes()))
                .collect();
            assert_eq!(
                declares_more_than(&RequestHead::new(fields), 32768),
                *expected,
                "{values:?}"
            );
        }
    }
}
