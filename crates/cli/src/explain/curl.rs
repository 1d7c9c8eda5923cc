//! A curl command, as people type it and browsers copy it.

use super::shell;
use crate::capture::{Captured, split_url};
use crate::input;
use crate::shown::shown;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::path::Path;

type Result<T> = std::result::Result<T, String>;

/// Options that take a value and say how to send the request, not what it is.
const PASSED_OVER: &str = "-o --output -w --write-out -m --max-time --connect-timeout --resolve --connect-to \
    --cacert --capath -E --cert --key -x --proxy --retry --retry-delay --limit-rate -c \
    --cookie-jar --interface --ciphers -D --dump-header --stderr";

/// Options without a value that change nothing of the request.
const FLAGS: &str = "-s --compressed --insecure --location --silent --show-error --verbose --include --fail \
    --fail-with-body --globoff --path-as-is --no-buffer --no-keepalive --progress-bar \
    --http1.0 --http1.1 --http2 --http2-prior-knowledge --http3 --ipv4 --ipv6 --raw \
    --tlsv1.2 --tlsv1.3 --ssl-no-revoke --remote-name --no-progress-meter --tcp-nodelay \
    --keepalive --no-compressed --http0.9 --tr-encoding --parallel -#";

/// Short ones, which may stand together: `-sSL`.
const SHORT_FLAGS: &str = "iskLvSfgN#046O1";

fn lists(options: &str, option: &str) -> bool {
    options.split_ascii_whitespace().any(|known| known == option)
}

/// Reads the command.
///
/// # Errors
/// An option that is not known: what it takes would be read as something else. A quote that is not
/// closed, a file that cannot be read, no URL or two.
pub fn parse(command: &str) -> Result<Captured> {
    let words = shell::words(command)?;
    let mut asked = Asked::default();
    let mut words = words.into_iter().skip(1);
    while let Some(word) = words.next() {
        let text = String::from_utf8_lossy(&word).into_owned();
        if text.len() > 1 && text.starts_with('-') {
            let (option, attached) = split(&text, &word)?;
            let mut value = || {
                attached
                    .clone()
                    .or_else(|| words.next())
                    .ok_or_else(|| format!("expected a value after {}, found none", shown(&option)))
            };
            asked.option(&option, &mut value)?;
        } else {
            asked.url(text)?;
        }
    }
    asked.request()
}

/// `--data=x` is not curl's, but is meant; `-XPOST` and `-sSXPOST` are.
fn split(text: &str, word: &[u8]) -> Result<(String, Option<Vec<u8>>)> {
    if text.starts_with("--") {
        let Some(at) = word.iter().position(|byte| *byte == b'=') else {
            return Ok((text.to_owned(), None));
        };
        let (option, value) = word.split_at(at);
        let option = String::from_utf8_lossy(option).into_owned();
        return Ok((option, Some(value.get(1..).unwrap_or_default().to_vec())));
    }
    let flags = text.chars().skip(1).take_while(|letter| SHORT_FLAGS.contains(*letter)).count();
    let rest: String = text.chars().skip(1 + flags).collect();
    let Some(letter) = rest.chars().next() else { return Ok(("-s".to_owned(), None)) };
    let option = format!("-{letter}");
    let value = rest.get(letter.len_utf8()..).unwrap_or_default();
    if matches!(letter, 'G' | 'I') && !value.is_empty() {
        return Err(format!("expected {option} to stand alone, found {}", shown(text)));
    }
    // Bytes that are no text keep as they are; flags are one byte each.
    let value = if value.is_empty() {
        None
    } else {
        word.get(1 + flags + letter.len_utf8()..).map(<[u8]>::to_vec)
    };
    Ok((option, value))
}

#[derive(Default)]
struct Asked {
    method: Option<String>,
    url: Option<String>,
    /// `name: value`
    fields: Vec<String>,
    data: Vec<Vec<u8>>,
    /// The data is the query.
    is_get: bool,
    is_head: bool,
}

impl Asked {
    fn option(&mut self, option: &str, value: &mut dyn FnMut() -> Result<Vec<u8>>) -> Result<()> {
        let mut text = || value().map(|value| String::from_utf8_lossy(&value).into_owned());
        match option {
            "-X" | "--request" => self.method = Some(text()?),
            "--url" => {
                let url = text()?;
                self.url(url)?;
            }
            "-H" | "--header" => self.fields.push(text()?),
            "-A" | "--user-agent" => self.fields.push(format!("user-agent: {}", text()?)),
            "-e" | "--referer" => {
                let referer = text()?;
                self.fields.push(format!("referer: {}", referer.trim_end_matches(";auto")));
            }
            "-b" | "--cookie" => {
                let cookies = text()?;
                if !cookies.contains('=') {
                    return Err(format!(
                        "expected cookies such as \"a=b\" after {option}, found {}, which curl takes for a file of cookies",
                        shown(&cookies)
                    ));
                }
                self.fields.push(format!("cookie: {cookies}"));
            }
            "-u" | "--user" => {
                let user = value()?;
                self.fields.push(format!("authorization: Basic {}", STANDARD.encode(user)));
            }
            "--oauth2-bearer" => self.fields.push(format!("authorization: Bearer {}", text()?)),
            "-r" | "--range" => self.fields.push(format!("range: bytes={}", text()?)),
            "-d" | "--data" | "--data-ascii" => {
                let read = data(value()?)?;
                self.data.push(read);
            }
            "--data-binary" => {
                let read = file_or(value()?)?;
                self.data.push(read);
            }
            "--data-raw" => self.data.push(value()?),
            "--data-urlencode" => {
                let encoded = urlencoded(&value()?)?;
                self.data.push(encoded);
            }
            "--json" => {
                let read = file_or(value()?)?;
                self.data.push(read);
                for field in ["content-type: application/json", "accept: application/json"] {
                    self.fields.push(field.to_owned());
                }
            }
            "-G" | "--get" => self.is_get = true,
            "-I" | "--head" => self.is_head = true,
            known if lists(PASSED_OVER, known) => drop(value()?),
            flag if lists(FLAGS, flag) => {}
            other => {
                return Err(format!(
                    "expected an option of curl's that is known here, found {}",
                    shown(other)
                ));
            }
        }
        Ok(())
    }

    fn url(&mut self, url: String) -> Result<()> {
        match &self.url {
            Some(first) => {
                Err(format!("expected one URL, found {} and {}", shown(first), shown(&url)))
            }
            None => {
                self.url = Some(url);
                Ok(())
            }
        }
    }

    fn request(self) -> Result<Captured> {
        let url = self.url.ok_or("expected a URL in the curl command, found none")?;
        let url = if url.contains("://") { url } else { format!("http://{url}") };
        let (authority, path) =
            split_url(&url).ok_or_else(|| format!("expected a URL, found {}", shown(&url)))?;
        let is_sent = !self.data.is_empty() && !self.is_get;
        let body = self.data.join(b"&".as_slice());
        let mut path = path.split('#').next().unwrap_or_default().to_owned();
        if self.is_get && !body.is_empty() {
            path.push(if path.contains('?') { '&' } else { '?' });
            path.push_str(&String::from_utf8_lossy(&body));
        }
        let usual = match (is_sent, self.is_head) {
            (true, _) => "POST",
            (false, true) => "HEAD",
            (false, false) => "GET",
        };
        let method = self.method.as_deref().unwrap_or(usual);
        let mut captured = Captured::new("the request".to_owned(), method, &path, authority);
        let removed = add_fields(&mut captured, &self.fields)?;
        let mut usual = vec![("user-agent", "curl/8.0"), ("accept", "*/*")];
        if is_sent {
            usual.push(("content-type", "application/x-www-form-urlencoded"));
            captured.body = body;
        }
        for (name, value) in usual {
            let is_there = captured.fields.iter().any(|(field, _)| field == name);
            if !is_there && !removed.contains(&name.to_owned()) {
                captured.push(name, value);
            }
        }
        Ok(captured)
    }
}

/// `Name: value`; `Name;` is an empty one, and `Name:` removes curl's own. The names removed.
fn add_fields(captured: &mut Captured, fields: &[String]) -> Result<Vec<String>> {
    let mut removed = Vec::new();
    for field in fields {
        if let Some(name) = field.strip_suffix(';').filter(|name| !name.contains(':')) {
            captured.push(name.trim(), "");
            continue;
        }
        let (name, value) = field
            .split_once(':')
            .ok_or_else(|| format!("expected a header field, found {}", shown(field)))?;
        let (name, value) = (name.trim(), value.trim());
        match (name.eq_ignore_ascii_case("host"), value.is_empty()) {
            (_, true) => removed.push(name.to_ascii_lowercase()),
            (true, false) => {
                let authority = captured.fields.iter_mut().find(|(name, _)| name == ":authority");
                authority.into_iter().for_each(|(_, authority)| *authority = value.into());
            }
            (false, false) => captured.push(name, value),
        }
    }
    Ok(removed)
}

/// What stands there, or after `@` the file's bytes.
fn file_or(value: Vec<u8>) -> Result<Vec<u8>> {
    match value.strip_prefix(b"@") {
        Some(name) => file(name),
        None => Ok(value),
    }
}

/// As [`file_or`], without the line ends of a file.
fn data(value: Vec<u8>) -> Result<Vec<u8>> {
    match value.strip_prefix(b"@") {
        Some(name) => {
            let mut bytes = file(name)?;
            bytes.retain(|byte| !matches!(byte, b'\r' | b'\n' | 0));
            Ok(bytes)
        }
        None => Ok(value),
    }
}

fn file(name: &[u8]) -> Result<Vec<u8>> {
    let name = String::from_utf8_lossy(name);
    if name == "-" {
        return Err(
            "expected a file after @, found -: standard input holds no second text".to_owned()
        );
    }
    input::read(Path::new(name.as_ref())).map_err(|error| error.to_string())
}

/// `content`, `=content`, `name=content`, `@file`, `name@file`.
fn urlencoded(value: &[u8]) -> Result<Vec<u8>> {
    let at = value.iter().position(|byte| matches!(byte, b'=' | b'@'));
    let Some((name, rest)) = at.and_then(|at| value.split_at_checked(at)) else {
        return Ok(encode(value));
    };
    let content = match rest.split_first() {
        Some((b'@', name)) => file(name)?,
        Some((_, content)) => content.to_vec(),
        None => Vec::new(),
    };
    let mut encoded = name.to_vec();
    if !name.is_empty() {
        encoded.push(b'=');
    }
    encoded.extend(encode(&content));
    Ok(encoded)
}

fn encode(content: &[u8]) -> Vec<u8> {
    let mut encoded = Vec::new();
    for byte in content {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(byte) {
            encoded.push(*byte);
        } else {
            encoded.extend(format!("%{byte:02X}").into_bytes());
        }
    }
    encoded
}

#[cfg(test)]
mod tests;
