//! The words of a command line, as a POSIX shell or Windows' cmd takes them apart.

/// The words, by the shell that the text is written for.
///
/// # Errors
/// A quote that is not closed.
pub fn words(command: &str) -> Result<Vec<Vec<u8>>, String> {
    if is_cmd(command) { windows(&without_carets(command)) } else { posix(command) }
}

/// Browsers put a caret before each quote, and at the end of each line.
fn is_cmd(command: &str) -> bool {
    let after_name = command.split_once(char::is_whitespace).map_or("", |(_, rest)| rest);
    after_name.trim_start().starts_with('^')
        || command.lines().any(|line| line.trim_end_matches('\r').ends_with(" ^"))
}

/// A caret makes what follows stand for itself, and is gone with the line's end that follows.
fn without_carets(command: &str) -> String {
    let mut text = String::with_capacity(command.len());
    let mut letters = command.chars().filter(|letter| *letter != '\r');
    while let Some(letter) = letters.next() {
        match letter {
            '^' => text.extend(letters.next().filter(|letter| *letter != '\n')),
            other => text.push(other),
        }
    }
    text
}

#[derive(Default)]
struct Words {
    whole: Vec<Vec<u8>>,
    open: Option<Vec<u8>>,
}

impl Words {
    fn push(&mut self, letter: char) {
        let mut bytes = [0; 4];
        self.word().extend(letter.encode_utf8(&mut bytes).as_bytes());
    }

    /// There is a word, though it may be empty.
    fn word(&mut self) -> &mut Vec<u8> {
        self.open.get_or_insert_default()
    }

    fn end(&mut self) {
        self.whole.extend(self.open.take());
    }
}

/// By the rules of Windows' C library: backslashes are plain but before a quote.
fn windows(command: &str) -> Result<Vec<Vec<u8>>, String> {
    let mut words = Words::default();
    let (mut is_quoted, mut backslashes) = (false, 0);
    for letter in command.chars() {
        if letter == '\\' {
            backslashes += 1;
            continue;
        }
        let kept = if letter == '"' { backslashes / 2 } else { backslashes };
        (0..kept).for_each(|_| words.push('\\'));
        let is_escaped = letter == '"' && backslashes % 2 == 1;
        backslashes = 0;
        match letter {
            '"' if !is_escaped => {
                is_quoted = !is_quoted;
                words.word();
            }
            space if space.is_whitespace() && !is_quoted => words.end(),
            other => words.push(other),
        }
    }
    (0..backslashes).for_each(|_| words.push('\\'));
    words.end();
    if is_quoted { Err("expected a closing \", found the end".to_owned()) } else { Ok(words.whole) }
}

/// Quotes, `$'…'`, backslashes, and `\` before a line's end.
fn posix(command: &str) -> Result<Vec<Vec<u8>>, String> {
    let mut words = Words::default();
    let mut letters = command.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '\'' => quoted(&mut letters, &mut words, '\'', None)?,
            '"' => quoted(&mut letters, &mut words, '"', Some(shell_escape))?,
            '$' if letters.peek() == Some(&'\'') => {
                letters.next();
                quoted(&mut letters, &mut words, '\'', Some(c_escape))?;
            }
            '\\' => match letters.next() {
                Some('\n') | None => {}
                Some('\r') if letters.peek() == Some(&'\n') => drop(letters.next()),
                Some(escaped) => words.push(escaped),
            },
            space if space.is_whitespace() => words.end(),
            other => words.push(other),
        }
    }
    words.end();
    Ok(words.whole)
}

type Letters<'a> = std::iter::Peekable<std::str::Chars<'a>>;

/// What a backslash before the next letter does.
type Escape = fn(&mut Letters<'_>, &mut Words);

/// Up to the closing quote; without `escape` a backslash is a letter as any other.
fn quoted(
    letters: &mut Letters<'_>,
    words: &mut Words,
    close: char,
    escape: Option<Escape>,
) -> Result<(), String> {
    words.word();
    loop {
        match (letters.next(), escape) {
            (Some(letter), _) if letter == close => return Ok(()),
            (Some('\\'), Some(escape)) => escape(letters, words),
            (Some(inner), _) => words.push(inner),
            (None, _) => return Err(format!("expected a closing {close}, found the end")),
        }
    }
}

/// Between double quotes a backslash stands for itself but before the four that mean something.
fn shell_escape(letters: &mut Letters<'_>, words: &mut Words) {
    match letters.next() {
        Some('\n') | None => {}
        Some(special @ ('"' | '\\' | '$' | '`')) => words.push(special),
        Some(plain) => ['\\', plain].into_iter().for_each(|letter| words.push(letter)),
    }
}

/// In `$'…'`, as in C.
fn c_escape(letters: &mut Letters<'_>, words: &mut Words) {
    let Some(letter) = letters.next() else { return };
    match letter {
        'n' => words.push('\n'),
        't' => words.push('\t'),
        'r' => words.push('\r'),
        'a' => words.push('\u{7}'),
        'b' => words.push('\u{8}'),
        'e' | 'E' => words.push('\u{1b}'),
        'f' => words.push('\u{c}'),
        'v' => words.push('\u{b}'),
        // A byte, which need not be a character.
        'x' => {
            let byte = number(letters, 16, 2);
            words.word().push(byte as u8);
        }
        'u' => unicode(letters, words, 4),
        'U' => unicode(letters, words, 8),
        '0'..='7' => {
            let rest = number(letters, 8, 2);
            let byte = letter.to_digit(8).unwrap_or(0) * 64 + rest;
            words.word().push(byte as u8);
        }
        other => words.push(other),
    }
}

/// What browsers write of a character beyond U+FFFF is a pair of surrogates.
fn unicode(letters: &mut Letters<'_>, words: &mut Words, digits: usize) {
    let first = number(letters, 16, digits);
    let mut ahead = letters.clone();
    let is_pair = (0xD800..0xDC00).contains(&first)
        && ahead.next() == Some('\\')
        && ahead.next() == Some('u');
    let second = if is_pair { number(&mut ahead, 16, 4) } else { 0 };
    let whole = if (0xDC00..0xE000).contains(&second) {
        *letters = ahead;
        0x10000 + ((first - 0xD800) << 10 | (second - 0xDC00))
    } else {
        first
    };
    words.push(char::from_u32(whole).unwrap_or(char::REPLACEMENT_CHARACTER));
}

fn number(letters: &mut Letters<'_>, radix: u32, digits: usize) -> u32 {
    let mut value = 0;
    for _ in 0..digits {
        let Some(digit) = letters.peek().and_then(|letter| letter.to_digit(radix)) else { break };
        value = value * radix + digit;
        letters.next();
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(command: &str) -> Vec<String> {
        let words = words(command).unwrap();
        words.iter().map(|word| String::from_utf8_lossy(word).into_owned()).collect()
    }

    #[test]
    fn posix_words() {
        assert_eq!(read("curl 'a b'\\''c' \"x\\\"y\\n\\$\" ''"), ["curl", "a b'c", "x\"y\\n$", ""]);
        assert_eq!(
            read(r"curl $'it\'s\n\u00e9\ud83d\ude00\x41\101\u0021'"),
            ["curl", "it's\n\u{e9}\u{1f600}AA!"]
        );
        assert_eq!(read("curl a \\\n  -H b \\\r\n c"), ["curl", "a", "-H", "b", "c"]);
        for open in ["curl 'a", "curl \"a", "curl $'a"] {
            assert!(words(open).unwrap_err().starts_with("expected a closing"), "{open}");
        }
    }

    #[test]
    fn cmd_words() {
        let chrome = "curl ^\"https://h.example/api/event^\" ^\r\n  -H ^\"content-type: application/json^\" ^\r\n  --data-raw ^\"^{^\\^\"n^\\^\":^\\^\"50^%^ off^\\^\"^}^\"";
        assert_eq!(
            read(chrome),
            [
                "curl",
                "https://h.example/api/event",
                "-H",
                "content-type: application/json",
                "--data-raw",
                "{\"n\":\"50% off\"}"
            ]
        );
        assert_eq!(read("curl \"C:\\\\x\" ^\n a\\b \"\""), ["curl", "C:\\\\x", "a\\b", ""]);
        assert!(words("curl ^\"a").is_err());
    }
}
