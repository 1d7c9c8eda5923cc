//! Percent-encoding (RFC 3986 section 2.1).

/// The bytes of a text with `%xx` resolved; a `%` without two hex digits stands for itself.
pub fn decoded(text: &[u8]) -> impl Iterator<Item = u8> {
    let mut rest = text;
    core::iter::from_fn(move || {
        let digit = |at: usize| rest.get(at).and_then(|byte| char::from(*byte).to_digit(16));
        let (byte, length) = match (rest.first()?, digit(1), digit(2)) {
            (b'%', Some(high), Some(low)) => (u8::try_from(high << 4 | low).unwrap_or(b'%'), 3),
            (byte, _, _) => (*byte, 1),
        };
        rest = rest.get(length..).unwrap_or_default();
        Some(byte)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_that_are_none_stand_for_themselves() {
        for (text, expected) in
            [("%41", "A"), ("%4", "%4"), ("%zz", "%zz"), ("%", "%"), ("%%41", "%A")]
        {
            assert_eq!(decoded(text.as_bytes()).collect::<Vec<_>>(), expected.as_bytes(), "{text}");
        }
    }
}
