//! Body size: what a request declares, before a byte of it has been read.

use crate::request::{RequestHead, trim};

/// True when `content-length` declares more than `max_bytes`.
///
/// Missing or unreadable: false, for the bytes are counted as they come as well. Repeated: the largest counts,
/// though a proxy refuses such a request before it comes here.
pub fn declares_more_than(head: &RequestHead<'_>, max_bytes: usize) -> bool {
    head.all("content-length").flat_map(|value| value.split(|byte| *byte == b',')).any(|value| {
        let digits = trim(value);
        let is_number = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
        is_number && exceeds(digits, max_bytes)
    })
}

/// Digits that do not fit a number are more than any limit.
fn exceeds(digits: &[u8], max_bytes: usize) -> bool {
    let parsed = core::str::from_utf8(digits).ok().and_then(|digits| digits.parse::<u64>().ok());
    parsed.is_none_or(|declared| declared > max_bytes as u64)
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
            let fields = values.iter().map(|value| (b"content-length".as_slice(), value.as_bytes())).collect();
            assert_eq!(declares_more_than(&RequestHead::new(fields), 32768), *expected, "{values:?}");
        }
    }
}
