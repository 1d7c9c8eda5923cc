//! Texts that the vendor measures in graphemes, which take a hundred times as long to tell apart as
//! bytes to pass over.

use crate::rules::json::Text;
use crate::rules::referrer::MAX_HOST_BYTES;
use unicode_segmentation::UnicodeSegmentation;

/// What is beyond is cut off, and never an error.
const MAX_REFERRER_GRAPHEMES: usize = 2000;

/// So many bytes hold 2,000 of the longest characters, and nearly always tell where a referrer is
/// cut, or that it does not matter.
const START_BYTES: usize = 8 * 1024;

/// A grapheme has at least one byte, so that most texts need not be taken apart.
pub fn is_longer_than(text: &str, max_graphemes: usize) -> bool {
    text.len() > max_graphemes && text.graphemes(true).nth(max_graphemes).is_some()
}

fn cut(text: &str, max_graphemes: usize) -> &str {
    if text.len() <= max_graphemes {
        return text;
    }
    let end = text.grapheme_indices(true).nth(max_graphemes).map_or(text.len(), |(at, _)| at);
    text.get(..end).unwrap_or(text)
}

/// A referrer as far as its host can depend on it: cut to 2,000 graphemes, or to fewer where what
/// follows cannot change the host. That an `@` far behind can, as it ends a user's name, is all
/// that makes a long one be taken apart as a whole.
pub fn referrer(text: Text<'_>) -> String {
    let (start, is_whole) = text.start(START_BYTES);
    let short = cut(&start, MAX_REFERRER_GRAPHEMES);
    let rest = start
        .as_bytes()
        .split_at_checked(START_BYTES - MAX_HOST_BYTES)
        .map_or(&[][..], |(_, rest)| rest);
    if is_whole
        || short.len() < start.len()
        || !(rest.contains(&b'@') || text.may_hold_after(START_BYTES, b'@'))
    {
        return short.to_owned();
    }
    cut(&text.decode(), MAX_REFERRER_GRAPHEMES).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::json::{Reader, Strictness};
    use crate::rules::url::Url;
    use proptest::prelude::*;

    /// The host of what is kept, and of the text cut as it is defined; one too long to be listed is
    /// none.
    fn hosts(text: &str) -> [Option<String>; 2] {
        let json = serde_json::to_string(text).unwrap();
        let kept = Reader::document(json.as_bytes(), Strictness::Jason, |reader| {
            Ok(referrer(reader.text()?))
        })
        .unwrap();
        [kept.as_str(), cut(text, MAX_REFERRER_GRAPHEMES)].map(|text| {
            Url::parse(text).host.filter(|host| host.len() <= MAX_HOST_BYTES).map(str::to_owned)
        })
    }

    /// Wherever the user's name ends, and however many graphemes it has.
    #[test]
    fn a_long_referrer_keeps_its_host() {
        for unit in ["a", "e\u{301}", "\u{301}", "\u{4eba}", "\u{1F469}\u{200D}", "\\"] {
            for bytes in [1_900, 1_990, 2_010, 7_000, 7_200, 8_150, 8_180, 8_192, 9_000, 30_000] {
                for tail in [
                    "@spam.example/",
                    "@spam.example",
                    ":80@spam.example@b.example/x",
                    "/@b.example",
                    "@b.example:1@",
                ] {
                    let text = format!("https://{}{tail}", unit.repeat(bytes / unit.len()));
                    let [kept, cut] = hosts(&text);
                    assert_eq!(kept, cut, "{bytes} bytes of {unit:?}, then {tail}");
                }
            }
        }
        let text = format!("https://e{}@spam.example/", "\u{301}".repeat(20_000));
        assert_eq!(hosts(&text)[0].as_deref(), Some("spam.example"));
        let text = format!("https://{}@spam.example/", "a".repeat(20_000));
        assert_eq!(hosts(&text)[0], None, "it is cut before the sign");
    }

    proptest! {
        #[test]
        fn any_referrer_keeps_its_host(parts in proptest::collection::vec(("(a|e\u{301}|\u{301}|@|:|\\.|b\\.example)", 1..3_000usize), 1..8)) {
            let text: String = parts.iter().map(|(part, count)| part.repeat(*count)).collect();
            let [kept, cut] = hosts(&format!("https://{text}"));
            prop_assert_eq!(kept, cut);
        }
    }
}
