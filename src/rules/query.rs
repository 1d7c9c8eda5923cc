//! Parameters in the query of a request target.

use super::percent::decoded;

/// Whether the query has the parameter with a value that is not empty. Names and values are
/// percent-decoded, `+` is a space, and letter case counts. Of a repeated parameter any value will
/// do.
pub fn has_value(target: &[u8], name: &str) -> bool {
    values(target, name).any(|value| !value.is_empty())
}

/// Whether the query has the parameter, with any value or none.
pub fn has(target: &[u8], name: &str) -> bool {
    values(target, name).next().is_some()
}

/// The values of a parameter as they stand in the target, not decoded; empty for a parameter
/// without `=`.
pub fn values<'a>(target: &'a [u8], name: &str) -> impl Iterator<Item = &'a [u8]> {
    let before_fragment = target.split(|byte| *byte == b'#').next().unwrap_or_default();
    let query = before_fragment.splitn(2, |byte| *byte == b'?').nth(1).unwrap_or_default();
    query.split(|byte| *byte == b'&').filter_map(move |pair| {
        let mut parts = pair.splitn(2, |byte| *byte == b'=');
        let found = parts.next().unwrap_or_default();
        let is_it =
            decoded(found).map(|byte| if byte == b'+' { b' ' } else { byte }).eq(name.bytes());
        is_it.then(|| parts.next().unwrap_or_default())
    })
}

/// The target with every value of the parameter left out: `?token=` for `?token=secret`. `None`
/// where there is no value.
pub fn emptied(target: &[u8], name: &str) -> Option<Vec<u8>> {
    if !has_value(target, name) {
        return None;
    }
    let (start, rest) = target.split_at(target.iter().position(|byte| *byte == b'?')? + 1);
    let end = rest.iter().position(|byte| *byte == b'#').unwrap_or(rest.len());
    let (query, fragment) = rest.split_at(end);
    let pairs = query.split(|byte| *byte == b'&').map(|pair| {
        let name_of_pair = pair.split(|byte| *byte == b'=').next().unwrap_or_default();
        let is_it = values(&[b"?", pair].concat(), name).next().is_some();
        if is_it { [name_of_pair, b"="].concat() } else { pair.to_vec() }
    });
    let pairs: Vec<Vec<u8>> = pairs.collect();
    Some([start, &pairs.join(&b'&'), fragment].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_left_out_wherever_it_stands() {
        let rows = [
            ("/events?token=a", Some("/events?token=")),
            ("/e?x=1&token=a%20b&y&t%6Fken=c=d#token=e", Some("/e?x=1&token=&y&t%6Fken=#token=e")),
            ("/e?token=&x=token", None),
            ("/e?token", None),
            ("/token=a", None),
            ("/e#?token=a", None),
        ];
        for (target, expected) in rows {
            let found = emptied(target.as_bytes(), "token");
            assert_eq!(found.as_deref(), expected.map(str::as_bytes), "{target}");
        }
    }

    #[test]
    fn names_are_decoded_and_case_counts() {
        let rows = [
            ("/events?tc_s=29", true),
            ("/events?a=1&tc_s=29&b", true),
            ("/events?tc%5Fs=29", true),
            ("/events?tc_s=&tc_s=29", true),
            ("/events?tc_s=a=b", true),
            ("/events?tc_s=", false),
            ("/events?tc_s", false),
            ("/events?TC_S=29", false),
            ("/events?xtc_s=29", false),
            ("/events#?tc_s=29", false),
            ("/events?a#&tc_s=29", false),
            ("/events", false),
            ("/tc_s=29", false),
        ];
        for (target, expected) in rows {
            assert_eq!(has_value(target.as_bytes(), "tc_s"), expected, "{target}");
        }
    }
}
