//! One request, as a person has it at hand: a raw HTTP message, a curl command line, a HAR entry,
//! or a line of `replay`'s JSON.

use crate::Result;
use crate::capture::{Captured, first_of_json};
use crate::input;
use crate::shown::{self, shown};
use std::path::Path;

/// Reads a file, or standard input for `-`.
///
/// # Errors
/// It cannot be read, or is not one of the four.
pub fn read(path: &str) -> Result<Captured> {
    let bytes = input::read(Path::new(path))?;
    Ok(parse(&bytes).map_err(|problem| format!("{}: {}", shown(path), shown::line(problem)))?)
}

/// The same of bytes.
///
/// # Errors
/// They are not one of the four; one line says why, though not without what stands in the bytes.
pub fn parse(bytes: &[u8]) -> std::result::Result<Captured, String> {
    let text = bytes.trim_ascii_start();
    if text.starts_with(b"curl ") {
        return curl(&String::from_utf8_lossy(text));
    }
    if text.starts_with(b"{") {
        return first_of_json(text, "the request")
            .unwrap_or_else(|| Err("expected a request, found a HAR without entries".to_owned()));
    }
    message(text)
}

/// A message by RFC 9112, with CRLF or LF; the rest after the empty line is the body, whatever
/// `content-length` says.
fn message(text: &[u8]) -> std::result::Result<Captured, String> {
    let (head, body) = split_head(text);
    let head = String::from_utf8_lossy(head).into_owned();
    let mut lines = head.lines();
    let request_line = lines.next().unwrap_or_default();
    let mut words = request_line.split_ascii_whitespace();
    let (Some(method), Some(target), Some(version)) = (words.next(), words.next(), words.next())
    else {
        return Err(format!(
            "expected a request line such as \"POST /api/event HTTP/1.1\", a curl command or JSON, found {request_line:?}"
        ));
    };
    if !version.starts_with("HTTP/") {
        return Err(format!("expected HTTP/1.1 at the end of the request line, found {version:?}"));
    }
    let mut captured = Captured::new("the request".to_owned(), method, target, "");
    for line in lines {
        let (name, value) = line
            .split_once(':')
            .ok_or_else(|| format!("expected a header field, found {line:?}"))?;
        captured.push(name.trim(), value.trim());
    }
    captured.body = body.to_vec();
    with_authority(captured)
}

fn split_head(text: &[u8]) -> (&[u8], &[u8]) {
    for separator in [b"\r\n\r\n".as_slice(), b"\n\n"] {
        if let Some(at) = text.windows(separator.len()).position(|window| window == separator) {
            let (head, rest) = text.split_at(at);
            return (head, rest.get(separator.len()..).unwrap_or_default());
        }
    }
    (text, b"")
}

/// `:authority` from `host`, as Envoy does.
fn with_authority(mut captured: Captured) -> std::result::Result<Captured, String> {
    let host =
        captured.fields.iter().find(|(name, _)| name == "host").map(|(_, value)| value.clone());
    if let (Some(host), Some(field)) =
        (host, captured.fields.iter_mut().find(|(name, _)| name == ":authority"))
    {
        field.1 = host;
    }
    Ok(captured)
}

/// The options of curl that make a request: `-X`, `-H`, `-A`, `-e`, `-u`, `-d` and its kin,
/// `--json`, `--url`. Others that say how to send it are passed over.
fn curl(command: &str) -> std::result::Result<Captured, String> {
    let words = shell_words(command)?;
    let mut words = words.iter().skip(1);
    let (mut method, mut url, mut fields, mut data) = (None, None, Vec::new(), Vec::new());
    while let Some(word) = words.next() {
        let (option, attached) = attached_value(word);
        let mut value = || {
            attached
                .clone()
                .or_else(|| words.next().cloned())
                .ok_or_else(|| format!("expected a value after {}, found none", shown(word)))
        };
        match option {
            "-X" | "--request" => method = Some(value()?),
            "-H" | "--header" => fields.push(value()?),
            "-A" | "--user-agent" => fields.push(format!("user-agent: {}", value()?)),
            "-e" | "--referer" => fields.push(format!("referer: {}", value()?)),
            "-d" | "--data" | "--data-raw" | "--data-binary" | "--data-ascii" => {
                data.push(value()?)
            }
            "--json" => {
                data.push(value()?);
                fields.push("content-type: application/json".to_owned());
            }
            "--url" => url = Some(value()?),
            "-o" | "--output" | "-w" | "--write-out" | "-m" | "--max-time" | "--resolve"
            | "--cacert" => drop(value()?),
            flag if flag.starts_with('-') => {}
            _ => url = Some(word.clone()),
        }
    }
    let url = url.ok_or("expected a URL in the curl command, found none")?;
    let url = if url.contains("://") { url } else { format!("http://{url}") };
    let (authority, path) =
        crate::capture::split_url(&url).ok_or_else(|| format!("expected a URL, found {url:?}"))?;
    let default_method = if data.is_empty() { "GET" } else { "POST" };
    let mut captured = Captured::new(
        "the request".to_owned(),
        method.as_deref().unwrap_or(default_method),
        path,
        authority,
    );
    for field in &fields {
        let (name, value) = field
            .split_once(':')
            .ok_or_else(|| format!("expected a header field, found {field:?}"))?;
        captured.push(name.trim(), value.trim());
    }
    let has =
        |captured: &Captured, name: &str| captured.fields.iter().any(|(field, _)| field == name);
    if !has(&captured, "user-agent") {
        captured.push("user-agent", "curl/8.0");
    }
    if !data.is_empty() && !has(&captured, "content-type") {
        captured.push("content-type", "application/x-www-form-urlencoded");
    }
    captured.body = data.join("&").into_bytes();
    Ok(captured)
}

/// `--data=x` and `-XPOST`.
fn attached_value(word: &str) -> (&str, Option<String>) {
    if let Some((option, value)) = word.split_once('=').filter(|_| word.starts_with("--")) {
        return (option, Some(value.to_owned()));
    }
    match word.split_at_checked(2) {
        Some((option @ ("-X" | "-H" | "-A" | "-d" | "-e"), value)) if !value.is_empty() => {
            (option, Some(value.to_owned()))
        }
        Some(_) | None => (word, None),
    }
}

/// The words of a POSIX shell command: quotes, backslashes, and `\` before a line's end.
fn shell_words(command: &str) -> std::result::Result<Vec<String>, String> {
    let (mut words, mut word) = (Vec::new(), None::<String>);
    let mut letters = command.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\'' => {
                let word = word.get_or_insert_default();
                loop {
                    match letters.next() {
                        Some('\'') => break,
                        Some(inner) => word.push(inner),
                        None => return Err("expected a closing ', found the end".to_owned()),
                    }
                }
            }
            '"' => {
                let word = word.get_or_insert_default();
                loop {
                    match letters.next() {
                        Some('"') => break,
                        Some('\\') => word.extend(letters.next()),
                        Some(inner) => word.push(inner),
                        None => return Err("expected a closing \", found the end".to_owned()),
                    }
                }
            }
            '\\' => match letters.next() {
                Some('\n') | None => {}
                Some(escaped) => word.get_or_insert_default().push(escaped),
            },
            space if space.is_whitespace() => words.extend(word.take()),
            other => word.get_or_insert_default().push(other),
        }
    }
    words.extend(word);
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn curl_commands_are_read() {
        let captured = parse(b"curl -i 'https://h.example/api/event?a=1' \\\n  -H \"Content-Type: text/plain\" -A 'x y' --data-raw '{\"a\":\"it'\\''s\"}'").unwrap();
        let head = captured.head();
        assert_eq!(
            (head.method(), head.path(), head.authority()),
            (b"POST".as_slice(), b"/api/event?a=1".as_slice(), b"h.example".as_slice())
        );
        assert_eq!(head.first("content-type"), Some(b"text/plain".as_slice()));
        assert_eq!(head.first("user-agent"), Some(b"x y".as_slice()));
        assert_eq!(captured.body, b"{\"a\":\"it's\"}");
    }

    #[test]
    fn messages_are_read() {
        let captured =
            parse(b"POST /x HTTP/1.1\r\nHost: h.example\r\nA: 1\r\nA: 2\r\n\r\nbody\r\n").unwrap();
        let head = captured.head();
        assert_eq!(
            (head.authority(), head.all("a").count(), captured.body.as_slice()),
            (b"h.example".as_slice(), 2, b"body\r\n".as_slice())
        );
        assert!(parse(b"hello").unwrap_err().starts_with("expected a request line"));
    }
}
