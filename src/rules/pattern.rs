//! Patterns of pages and hostnames: `*` and `**` stand for any characters, `/` and none included;
//! all else stands for itself. Anchored at both ends; letter case counts.

use super::problem::Problem;

/// The longest pattern, in characters (contract 1.3).
pub const MAX_CHARACTERS: usize = 250;

/// One pattern. Kept as it was written, for there may be hundreds of thousands of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    text: Box<str>,
}

impl Pattern {
    /// # Errors
    /// Empty, or longer than [`MAX_CHARACTERS`].
    pub fn compile(text: &str) -> Result<Self, Problem> {
        let characters = text.chars().count();
        if characters == 0 || characters > MAX_CHARACTERS {
            let found = format!("one of {characters} characters");
            return Err(Problem::new(
                "",
                format!("a pattern of 1 to {MAX_CHARACTERS} characters"),
                found,
            ));
        }
        Ok(Pattern { text: text.into() })
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Linear in the text for each piece between stars; nothing is ever tried twice.
    pub fn matches(&self, text: &str) -> bool {
        let Some((first, rest)) = self.text.split_once('*') else { return *self.text == *text };
        let Some(mut left) = text.strip_prefix(first) else { return false };
        let (middle, last) = rest.rsplit_once('*').unwrap_or(("", rest));
        for piece in middle.split('*').filter(|piece| !piece.is_empty()) {
            let Some((_, after)) = left.split_once(piece) else { return false };
            left = after;
        }
        left.ends_with(last)
    }
}

crate::config::declare::text!(Pattern = Pattern::compile, {
    "minLength": 1,
    "maxLength": MAX_CHARACTERS
});

/// A pattern of pages, which starts with `/`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PagePattern(Pattern);

impl PagePattern {
    /// # Errors
    /// As [`Pattern::compile`], or it does not start with `/`.
    pub fn compile(text: &str) -> Result<Self, Problem> {
        if !text.starts_with('/') {
            return Err(Problem::new("", "a pattern that starts with \"/\"", format!("{text:?}")));
        }
        Pattern::compile(text).map(PagePattern)
    }
}

impl From<PagePattern> for Pattern {
    fn from(page: PagePattern) -> Self {
        page.0
    }
}

crate::config::declare::text!(PagePattern = PagePattern::compile, {
    "pattern": "^/",
    "maxLength": MAX_CHARACTERS
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_stand_for_anything() {
        let rows = [
            ("/test", "/test", true),
            ("/test", "/testing", false),
            ("/test/*", "/testing", false),
            ("/test*", "/test", true),
            ("/blocked/**", "/blocked/page", true),
            ("/blocked/**", "/blocked/", true),
            ("/blocked/**", "/blocked", false),
            ("/a/*/b", "/a/x/y/b", true),
            ("/a/*/b", "/a//b", true),
            ("/a/*/b", "/a/b", false),
            ("/a*a", "/aa", true),
            ("/a*a", "/a", false),
            ("/*ab*ab", "/abab", true),
            ("/*ab*ab", "/ab", false),
            ("/A", "/a", false),
            ("/a.c", "/abc", false),
            ("/(x|y)+$", "/(x|y)+$", true),
            ("*.x.com", "x.com", false),
            ("*.x.com", "a.x.com", true),
            ("*x.com", "x.com", true),
            ("*", "", true),
            ("/app#/admin", "/app#/admin", true),
            ("/\u{e9}*", "/\u{e9}t\u{e9}", true),
        ];
        for (pattern, text, expected) in rows {
            assert_eq!(
                Pattern::compile(pattern).unwrap().matches(text),
                expected,
                "{pattern} {text}"
            );
        }
    }

    #[test]
    fn length_and_start_are_checked() {
        let fault = |text: &str| PagePattern::compile(text).unwrap_err().message;
        assert!(PagePattern::compile(&format!("/{}", "a".repeat(249))).is_ok());
        let limit = "expected a pattern of 1 to 250 characters, found one of";
        assert_eq!(fault(&format!("/{}", "a".repeat(250))), format!("{limit} 251 characters"));
        let wide = |count| format!("/{}", "\u{e9}".repeat(count));
        assert!(PagePattern::compile(&wide(249)).is_ok(), "characters, not bytes");
        assert!(PagePattern::compile(&wide(250)).is_err());
        assert_eq!(Pattern::compile("").unwrap_err().message, format!("{limit} 0 characters"));
        assert_eq!(fault("a/*"), "expected a pattern that starts with \"/\", found \"a/*\"");
    }

    /// By definition: a star takes any number of characters.
    fn naive(pattern: &[u8], text: &[u8]) -> bool {
        match (pattern.split_first(), text.split_first()) {
            (Some((b'*', rest)), _) => (0..=text.len()).any(|taken| naive(rest, &text[taken..])),
            (Some((letter, rest)), Some((found, after))) => letter == found && naive(rest, after),
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        }
    }

    proptest::proptest! {
        #[test]
        fn agrees_with_the_definition(pattern in "[ab*]{1,8}", text in "[ab]{0,10}") {
            let found = Pattern::compile(&pattern).unwrap().matches(&text);
            proptest::prop_assert_eq!(found, naive(pattern.as_bytes(), text.as_bytes()));
        }
    }
}
