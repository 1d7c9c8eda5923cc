//! Where an Android agent names its device: anything may stand there (`CUBOT`, `M bot 54`, `Spider
//! 8`).

/// Splits a value before and after the part of its first comment that names an Android device: from
/// the `;` after `Android <version>` to the end of the comment, or to where a crawler begins to
/// name itself (`compatible`, a web address). Without such a part all of the value is the first
/// piece.
pub fn split(value: &[u8]) -> [&[u8]; 3] {
    let whole = [value, &[], &[]];
    let Some((start, end)) = first_comment(value) else { return whole };
    let comment = value.get(start..end).unwrap_or_default();
    let Some(android) = find(comment, b"android") else { return whole };
    let Some(from) = comment.iter().skip(android).position(|&byte| byte == b';') else {
        return whole;
    };
    let from = android + from;
    let model = comment.get(from..).unwrap_or_default();
    let length = [find(model, b"compatible"), find(model, b"http")]
        .into_iter()
        .flatten()
        .min()
        .unwrap_or(model.len());
    let (before, rest) = value.split_at(start + from);
    let (model, after) = rest.split_at(length);
    [before, model, after]
}

/// The inside of the first comment; comments may nest, and the last may be cut off.
fn first_comment(value: &[u8]) -> Option<(usize, usize)> {
    let start = value.iter().position(|&byte| byte == b'(')? + 1;
    let mut depth = 1_u32;
    for (index, byte) in value.iter().enumerate().skip(start) {
        match byte {
            b'(' => depth += 1,
            b')' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some((start, index));
        }
    }
    Some((start, value.len()))
}

/// Where `word` (in lower case) first stands, in any letter case.
pub fn find(value: &[u8], word: &[u8]) -> Option<usize> {
    let first = word.first()?;
    // Most places of a value are passed by their first byte.
    let places = value.iter().enumerate().filter(|(_, byte)| byte.to_ascii_lowercase() == *first);
    places.map(|(at, _)| at).find(|at| {
        value.get(*at..at + word.len()).is_some_and(|window| window.eq_ignore_ascii_case(word))
    })
}
