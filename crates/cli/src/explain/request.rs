//! One request, as a person has it at hand: a raw HTTP message, a curl command line, a HAR entry,
//! or a line of `replay`'s JSON.

use super::curl;
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
    if text.starts_with(b"curl ") || text.starts_with(b"curl.exe ") {
        return curl::parse(&String::from_utf8_lossy(text));
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

#[cfg(test)]
mod tests {
    use super::*;

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
