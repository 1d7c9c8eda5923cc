//! Foreign text on its way to a person. Everything that a command prints of a request, a capture, a
//! file's name or a configuration goes through here.
//!
//! A terminal obeys some of what it is sent, and a reader believes what looks like the command's
//! own words. So a text is shown as Rust's `escape_debug` has it: control characters, line breaks,
//! direction marks and what has no width become `\n`, `\u{1b}` or `\u{202e}`, and bytes that are
//! not UTF-8 become `\xe9`. Letters of any script, quotes and blanks stay as they are.

use serde_json::Value;
use std::fmt::{self, Display, Formatter, Write};

/// "1 error", "2 errors"
pub fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// A foreign text by itself. A backslash is doubled, so that no text can look like the escapes of
/// another.
#[derive(Debug, Clone, Copy)]
pub struct Shown<'a>(&'a [u8]);

pub fn shown<'a, T: AsRef<[u8]> + ?Sized>(text: &'a T) -> Shown<'a> {
    Shown(text.as_ref())
}

/// A file's name.
pub fn file(path: &std::path::Path) -> Shown<'_> {
    Shown(path.as_os_str().as_encoded_bytes())
}

impl Display for Shown<'_> {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        let mut text = String::with_capacity(self.0.len());
        for chunk in self.0.utf8_chunks() {
            escape(chunk.valid(), true, &mut text)?;
            chunk.invalid().iter().try_for_each(|byte| write!(text, "\\x{byte:02x}"))?;
        }
        // By itself so that a width is honoured.
        formatter.pad(&text)
    }
}

/// A sentence of ours that may hold foreign text, such as an error of a library: one line, whatever
/// stands in it. Backslashes stay, so that a part that is escaped already is not escaped twice.
pub fn line(sentence: impl Display) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = escape(&sentence.to_string(), false, &mut text);
    text
}

/// The same for several lines.
pub fn lines(sentences: impl Display) -> String {
    sentences.to_string().split('\n').map(line).collect::<Vec<_>>().join("\n")
}

/// For a page of HTML, between tags or in a quoted attribute.
pub fn html(text: impl Display) -> String {
    let mut page = String::new();
    for letter in text.to_string().chars() {
        match letter {
            '&' => page.push_str("&amp;"),
            '<' => page.push_str("&lt;"),
            '>' => page.push_str("&gt;"),
            '"' => page.push_str("&quot;"),
            '\'' => page.push_str("&#39;"),
            other => page.push(other),
        }
    }
    page
}

/// JSON on one line. What `serde_json` writes as it stands, and a terminal may obey, is written
/// `\u0000`, which is the same text to a program.
pub fn json(value: &Value) -> String {
    let mut text = String::new();
    for letter in value.to_string().chars() {
        if is_plain(letter) {
            text.push(letter);
        } else {
            for unit in letter.encode_utf16(&mut [0; 2]) {
                let _ = write!(text, "\\u{unit:04x}");
            }
        }
    }
    text
}

/// So many marks stand over one letter in some script; more would cover the lines around it.
const MAX_MARKS: usize = 4;

fn escape(text: &str, doubles_backslash: bool, into: &mut String) -> fmt::Result {
    // At the start there is no letter of the text for a mark to stand over.
    let mut marks = MAX_MARKS;
    for letter in text.chars() {
        marks = if is_mark(letter) { marks + 1 } else { 0 };
        match letter {
            mark if marks > MAX_MARKS => write!(into, "{}", mark.escape_unicode())?,
            '\\' if doubles_backslash => into.push_str("\\\\"),
            plain if is_plain(plain) => into.push(plain),
            '\n' | '\r' | '\t' | '\0' => write!(into, "{}", letter.escape_debug())?,
            other => write!(into, "{}", other.escape_unicode())?,
        }
    }
    Ok(())
}

/// Seen as what it is, wherever it is written. Marks that are set over a letter are; the standard
/// library would escape them.
fn is_plain(letter: char) -> bool {
    match letter {
        ' '..='~' => true,
        // These have neither a shape nor a width, and are letters or marks to Unicode: fillers,
        // variation selectors, the empty Braille pattern.
        '\u{34f}'
        | '\u{115f}'
        | '\u{1160}'
        | '\u{17b4}'
        | '\u{17b5}'
        | '\u{180b}'..='\u{180f}'
        | '\u{2800}'
        | '\u{3164}' => false,
        '\u{fe00}'..='\u{fe0f}' | '\u{ffa0}' | '\u{e0000}'..='\u{e0fff}' => false,
        other => {
            // After a letter the standard library leaves a mark as it is, but escapes what cannot
            // be printed.
            let mut pair = [b'x', 0, 0, 0, 0];
            let length = pair.get_mut(1..).map_or(0, |rest| other.encode_utf8(rest).len());
            let pair = pair
                .get(..=length)
                .and_then(|pair| std::str::from_utf8(pair).ok())
                .unwrap_or_default();
            pair.escape_debug().nth(1) == Some(other)
        }
    }
}

/// It stands over the letter before it: plain to look at, and escaped where it stands alone.
fn is_mark(letter: char) -> bool {
    letter > '~' && letter.escape_debug().next() == Some('\\') && is_plain(letter)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_a_terminal_obeys_is_visible_and_what_people_write_is_readable() {
        let rows: &[(&[u8], &str)] = &[
            (b"Mozilla/5.0 (X11; \"it's\")", "Mozilla/5.0 (X11; \"it's\")"),
            (
                "Bücher, заголовок, 日本語, हिन्दी, e\u{301}, 👍".as_bytes(),
                "Bücher, заголовок, 日本語, हिन्दी, e\u{301}, 👍",
            ),
            (
                b"\x1b[2J\x1b[32mverdict: pass\x1b[0m",
                "\\u{1b}[2J\\u{1b}[32mverdict: pass\\u{1b}[0m",
            ),
            (b"a\r\nb\tc\0\x07\x7f", "a\\r\\nb\\tc\\0\\u{7}\\u{7f}"),
            ("\u{9b}31m\u{85}\u{2028}\u{2029}".as_bytes(), "\\u{9b}31m\\u{85}\\u{2028}\\u{2029}"),
            (
                "\u{202e}fdp\u{2066}\u{2069}\u{200f}".as_bytes(),
                "\\u{202e}fdp\\u{2066}\\u{2069}\\u{200f}",
            ),
            (
                "a\u{200b}b\u{200d}\u{feff}\u{ad}\u{2060}".as_bytes(),
                "a\\u{200b}b\\u{200d}\\u{feff}\\u{ad}\\u{2060}",
            ),
            (
                "\u{3164}\u{fe0f}\u{2800}\u{a0}\u{e0041}".as_bytes(),
                "\\u{3164}\\u{fe0f}\\u{2800}\\u{a0}\\u{e0041}",
            ),
            (b"caf\xe9 \xf0\x9f", "caf\\xe9 \\xf0\\x9f"),
            (b"a\\nb", "a\\\\nb"),
            (
                "\u{301}a\u{301}\u{301}\u{301}\u{301}\u{301}".as_bytes(),
                "\\u{301}a\u{301}\u{301}\u{301}\u{301}\\u{301}",
            ),
        ];
        for (text, expected) in rows {
            assert_eq!(shown(*text).to_string(), *expected);
        }
        assert_eq!(format!("[{:<6}]", shown("a\n")), "[a\\n   ]");
    }

    #[test]
    fn a_sentence_is_one_line_and_is_not_escaped_twice() {
        let sentence = line(format!("{}: found {:?}\u{1b}", shown("a\nb"), "c\nd"));
        assert_eq!(sentence, "a\\nb: found \"c\\nd\"\\u{1b}");
        assert_eq!(line(&sentence), sentence);
        assert_eq!(lines("a\u{1b}\nb\r"), "a\\u{1b}\nb\\r");
    }

    #[test]
    fn pages_have_no_tags_but_ours() {
        assert_eq!(html(shown("<script x='&\"'>\n")), "&lt;script x=&#39;&amp;&quot;&#39;&gt;\\n");
    }

    proptest! {
        #[test]
        fn nothing_is_left_that_a_terminal_obeys(bytes in prop::collection::vec(any::<u8>(), 0..40), text: String) {
            let all = [shown(&bytes).to_string(), shown(&text).to_string(), line(&text), json(&Value::from(text.as_str()))];
            for one in all {
                prop_assert!(one.chars().all(is_plain), "{:?}", one);
            }
        }

        #[test]
        fn json_means_what_it_meant(text: String) {
            let value = serde_json::json!({ (text.as_str()): [text.as_str()] });
            prop_assert_eq!(serde_json::from_str::<Value>(&json(&value)).unwrap(), value);
        }

        /// Two texts that differ are shown differently.
        #[test]
        fn no_text_looks_like_another(one in "[\\\\nux{}1b\n\u{1b}é]{0,8}", other in "[\\\\nux{}1b\n\u{1b}é]{0,8}") {
            prop_assert_eq!(one == other, shown(&one).to_string() == shown(&other).to_string());
        }
    }
}
