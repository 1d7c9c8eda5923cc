//! UTF-8 (RFC 3629), checked sixteen bytes at a time: of a text of ideographs the standard
//! library's check makes the module's dearest part.
//!
//! What is not ASCII goes through an automaton that takes one shift a byte (Per Vognsen's): each
//! byte has a row of all states' successors, and a state is the place of its own successor in a
//! row.

const HIGHS: u128 = u128::from_le_bytes([0x80; 16]);

/// The bytes before the first one that is not UTF-8; all of them where the text is.
pub fn valid_up_to(bytes: &[u8]) -> usize {
    let mut rest = after_ascii(bytes);
    let mut state = BETWEEN;
    while let Some((sixteen, after)) = rest.split_first_chunk::<16>() {
        let mut now = state;
        for byte in sixteen {
            now = next(now, *byte);
        }
        match now & 63 {
            FAULT => break,
            BETWEEN => rest = after_ascii(after),
            _ => rest = after,
        }
        state = now & 63;
    }
    // The few bytes in which it ends or ceases to be UTF-8, from the start of the character that is
    // not whole before them.
    let at = bytes.len() - rest.len();
    let begun = if state == BETWEEN {
        0
    } else {
        bytes.iter().take(at).rev().take_while(|byte| **byte < 0xC0).count() + 1
    };
    let start = at - begun;
    start
        + core::str::from_utf8(bytes.get(start..).unwrap_or_default())
            .map_or_else(|error| error.valid_up_to(), str::len)
}

fn after_ascii(bytes: &[u8]) -> &[u8] {
    let mut rest = bytes;
    while let Some((sixteen, after)) = rest.split_first_chunk::<16>()
        && u128::from_le_bytes(*sixteen) & HIGHS == 0
    {
        rest = after;
    }
    rest
}

// The states: before a character; in it, so many bytes before its end; after a first byte that
// restricts the second.
const FAULT: u64 = 0;
const BETWEEN: u64 = 6;
const ONE_MORE: u64 = 12;
const TWO_MORE: u64 = 18;
const THREE_MORE: u64 = 24;
const AFTER_E0: u64 = 30;
const AFTER_ED: u64 = 36;
const AFTER_F0: u64 = 42;
const AFTER_F4: u64 = 48;

#[allow(clippy::indexing_slicing)] // by the compiler
const ROWS: [u64; 256] = {
    let mut rows = [0; 256];
    let mut byte = 0;
    while byte < rows.len() {
        let first = match byte {
            0..0x80 => BETWEEN,
            0xC2..0xE0 => ONE_MORE,
            0xE0 => AFTER_E0,
            0xED => AFTER_ED,
            0xE1..0xF0 => TWO_MORE,
            0xF0 => AFTER_F0,
            0xF1..0xF4 => THREE_MORE,
            0xF4 => AFTER_F4,
            _ => FAULT,
        };
        let mut row = first << BETWEEN;
        if matches!(byte, 0x80..0xC0) {
            row |= BETWEEN << ONE_MORE | ONE_MORE << TWO_MORE | TWO_MORE << THREE_MORE;
            row |= if byte < 0xA0 { ONE_MORE << AFTER_ED } else { ONE_MORE << AFTER_E0 };
            row |= if byte < 0x90 { TWO_MORE << AFTER_F4 } else { TWO_MORE << AFTER_F0 };
        }
        rows[byte] = row;
        byte += 1;
    }
    rows
};

/// The lowest six bits are the state.
#[inline(always)]
fn next(state: u64, byte: u8) -> u64 {
    ROWS.get(usize::from(byte)).map_or(FAULT, |row| row >> (state & 63))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn standard(bytes: &[u8]) -> usize {
        core::str::from_utf8(bytes).map_or_else(|error| error.valid_up_to(), str::len)
    }

    /// Each pair of first bytes, with what may follow, wherever in a word it stands.
    #[test]
    fn every_first_pair_is_judged_as_the_standard_library_does() {
        for pair in 0..=u16::MAX {
            for tail in
                [&[0x80, 0x80][..], &[0xBF, 0xBF], &[0x80], &[0x7F, 0x80], &[0x80, 0xC0], &[]]
            {
                let text = [b"abc\xE4\xBA\xBA".as_slice(), &pair.to_be_bytes(), tail, b"abcdefgh"]
                    .concat();
                for start in [0, 3] {
                    let text = &text[start..];
                    assert_eq!(valid_up_to(text), standard(text), "{text:x?}");
                }
            }
        }
    }

    proptest! {
        #[test]
        fn texts_and_their_damage(text: String, at: usize, byte: u8, cut: usize) {
            let mut bytes = text.into_bytes();
            let (place, end) = (at % bytes.len().max(1), cut % (bytes.len() + 1));
            if let Some(place) = bytes.get_mut(place) {
                *place = byte;
            }
            prop_assert_eq!(valid_up_to(&bytes), standard(&bytes));
            prop_assert_eq!(valid_up_to(&bytes[..end]), standard(&bytes[..end]));
        }
    }
}
