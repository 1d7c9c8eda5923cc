//! JSON Lines, and JSON texts one after the other: requests of our own form, HAR, or Envoy's tap traces.
//!
//! Our own form: `{"id", "method", "path", "authority", "headers", "body", "body_b64", "address"}`. `headers` is an object of
//! values or lists of values, or a list of pairs; all but `path` may be left out.

use super::{Captured, Record, har, tap};
use base64::Engine;
use serde::Deserialize;
use serde_json::Value;
use std::borrow::Cow;
use std::io::BufRead;

/// One request a line; where the first line is not a whole JSON text, the texts stand one after the other.
pub fn read(mut text: impl BufRead, name: &str, each: &mut dyn FnMut(Record)) -> std::io::Result<()> {
    let mut line = Vec::new();
    let mut number = 0;
    while text.read_until(b'\n', &mut line)? > 0 {
        number += 1;
        let is_first = number == 1;
        if !line.trim_ascii().is_empty() {
            match parse(&line, name, number, each) {
                Ok(()) => {}
                Err(error) if is_first && error.is_eof() => return read_texts(line.chain_with(text), name, each),
                Err(error) => each(Err(format!("{name}:{number}: expected a JSON text, found {error}"))),
            }
        }
        line.clear();
    }
    Ok(())
}

trait ChainWith {
    fn chain_with<R: BufRead>(self, rest: R) -> std::io::Chain<std::io::Cursor<Vec<u8>>, R>;
}

impl ChainWith for Vec<u8> {
    fn chain_with<R: BufRead>(self, rest: R) -> std::io::Chain<std::io::Cursor<Vec<u8>>, R> {
        std::io::Read::chain(std::io::Cursor::new(self), rest)
    }
}

fn read_texts(text: impl BufRead, name: &str, each: &mut dyn FnMut(Record)) -> std::io::Result<()> {
    for (index, value) in serde_json::Deserializer::from_reader(text).into_iter::<Value>().enumerate() {
        match value {
            Ok(value) => trace_or_har(&value, name, index + 1, each),
            Err(error) if error.is_io() => return Err(error.into()),
            // Where the next text begins cannot be told then.
            Err(error) => {
                each(Err(format!("{name}:{}: expected a JSON text, found {error}", index + 1)));
                break;
            }
        }
    }
    Ok(())
}

fn parse(line: &[u8], name: &str, number: usize, each: &mut dyn FnMut(Record)) -> serde_json::Result<()> {
    match serde_json::from_slice::<Line<'_>>(line) {
        Ok(line) if line.path.is_some() => {
            each(line.captured(|| format!("{name}:{number}")));
            Ok(())
        }
        Ok(_) => {
            trace_or_har(&serde_json::from_slice(line)?, name, number, each);
            Ok(())
        }
        Err(error) if error.is_data() => {
            each(Err(format!("{name}:{number}: {error}")));
            Ok(())
        }
        Err(error) => Err(error),
    }
}

fn trace_or_har(value: &Value, name: &str, number: usize, each: &mut dyn FnMut(Record)) {
    let place = format!("{name}:{number}");
    if value.get("log").is_some() {
        har::read(value, name, each);
    } else if value.get("http_buffered_trace").is_some() {
        each(tap::of_json(value, place));
    } else {
        each(record(value, place));
    }
}

/// One request of our own form.
///
/// # Errors
/// What is missing, or of another type.
pub fn record(value: &Value, place: String) -> Record {
    let line = Line::deserialize(value).map_err(|error| format!("{place}: {error}"))?;
    line.captured(|| place.clone())
}

#[derive(Deserialize)]
struct Line<'a> {
    #[serde(borrow, default)]
    id: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    method: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    path: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    authority: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    address: Option<Cow<'a, str>>,
    #[serde(default)]
    headers: Headers,
    #[serde(borrow, default)]
    body: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    body_b64: Option<Cow<'a, str>>,
}

#[derive(Deserialize, Default)]
#[serde(untagged)]
enum Headers {
    Pairs(Vec<(String, String)>),
    Map(serde_json::Map<String, Value>),
    #[default]
    None,
}

impl Line<'_> {
    fn captured(self, place: impl Fn() -> String) -> Record {
        let Some(path) = &self.path else {
            return Err(format!("{}: expected a request with \"path\", a HAR or a tap trace, found none of these", place()));
        };
        let id = self.id.map_or_else(&place, Cow::into_owned);
        let mut captured = Captured::new(
            id,
            self.method.as_deref().unwrap_or("POST"),
            path,
            self.authority.as_deref().unwrap_or("captured.example"),
        );
        match self.headers {
            Headers::Pairs(pairs) => pairs.into_iter().for_each(|(name, value)| captured.push(&name, value)),
            Headers::Map(map) => {
                for (name, value) in map {
                    push_values(&mut captured, &name, value)
                        .map_err(|found| format!("{}: headers.{name}: expected a text, found {found}", place()))?;
                }
            }
            Headers::None => {}
        }
        captured.address = self.address.map(Cow::into_owned);
        captured.body = match (self.body, self.body_b64) {
            (_, Some(encoded)) => base64::engine::general_purpose::STANDARD
                .decode(encoded.as_bytes())
                .map_err(|error| format!("{}: body_b64: expected Base64, found {error}", place()))?,
            (body, None) => body.map(Cow::into_owned).unwrap_or_default().into_bytes(),
        };
        Ok(captured)
    }
}

fn push_values(captured: &mut Captured, name: &str, value: Value) -> Result<(), String> {
    match value {
        Value::String(text) => captured.push(name, text),
        Value::Array(values) => {
            for value in values {
                push_values(captured, name, value)?;
            }
        }
        other => return Err(other.to_string()),
    }
    Ok(())
}
