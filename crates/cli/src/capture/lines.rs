//! JSON Lines, and JSON texts one after the other: requests of our own form, HAR, or Envoy's tap
//! traces.
//!
//! Our own form: `{"id", "method", "path", "authority", "headers", "body", "body_b64", "address"}`.
//! `headers` is an object of values or lists of values, or a list of pairs; all but `path` may be
//! left out.

use super::bounded::{Bounded, Limit, end, is_endless};
use super::fields::{Headers, Text};
use super::{Captured, Record, har, tap};
use base64::Engine;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use std::fmt;
use std::io::{BufRead, BufReader, Cursor, Read};

/// One request a line; where the first line is not a whole JSON text, the texts stand one after the
/// other.
pub fn read(
    mut text: Bounded<impl BufRead>,
    name: &str,
    each: &mut dyn FnMut(Record),
) -> std::io::Result<()> {
    let limit = text.limit();
    let mut line = Vec::new();
    for number in 1.. {
        let place = format!("{name}:{number}");
        line.clear();
        match text.read_until(b'\n', &mut line) {
            Ok(0) => break,
            Ok(_) => {}
            // A HAR may stand on one line.
            Err(error) if number == 1 && is_endless(&error) => {
                limit.restart();
                return read_texts(text.map(|rest| Cursor::new(line).chain(rest)), name, each);
            }
            Err(error) => return end(error, &place, each),
        }
        if line.trim_ascii().is_empty() {
            limit.bad_record();
            continue;
        }
        let mut json = serde_json::Deserializer::from_slice(&line);
        let read = One { name, limit: &limit, each: &mut *each }.deserialize(&mut json);
        match read.and_then(|found| json.end().map(|()| found)) {
            Ok(found) => found.pass(place, &limit, each),
            Err(error) if number == 1 && error.is_eof() => {
                return read_texts(text.map(|rest| Cursor::new(line).chain(rest)), name, each);
            }
            Err(error) => limit.pass(Err(wrong(&place, &error)), each),
        }
    }
    Ok(())
}

fn read_texts(
    text: Bounded<impl BufRead>,
    name: &str,
    each: &mut dyn FnMut(Record),
) -> std::io::Result<()> {
    let limit = text.limit();
    // The parser asks for one byte at a time. What is read ahead counts a little early.
    let mut text = BufReader::with_capacity(1 << 16, text);
    for number in 1.. {
        let place = format!("{name}:{number}");
        match pass_blanks(&mut text) {
            Ok(true) => {}
            Ok(false) => break,
            Err(error) => return end(error, &place, each),
        }
        let mut json = serde_json::Deserializer::from_reader(&mut text);
        match (One { name, limit: &limit, each: &mut *each }).deserialize(&mut json) {
            Ok(found) => found.pass(place, &limit, each),
            Err(error) if error.is_io() => return end(error.into(), &place, each),
            // Where the next text begins is unknown then.
            Err(error) => {
                each(Err(wrong(&place, &error)));
                break;
            }
        }
    }
    Ok(())
}

fn wrong(place: &str, error: &serde_json::Error) -> String {
    if error.is_data() {
        format!("{place}: {error}")
    } else {
        format!("{place}: expected a JSON text, found {error}")
    }
}

/// False at the end.
fn pass_blanks(text: &mut impl BufRead) -> std::io::Result<bool> {
    loop {
        let held = text.fill_buf()?;
        let blanks = held.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        let (is_end, is_text) = (held.is_empty(), blanks < held.len());
        text.consume(blanks);
        if is_end || is_text {
            return Ok(is_text);
        }
    }
}

/// The first record of a text; `None` where it holds none.
pub fn first(text: &[u8], place: &str) -> Option<Record> {
    let mut first = None;
    let mut keep = |record: Record| {
        first.get_or_insert(record);
    };
    let limit = Limit::new();
    let mut json = serde_json::Deserializer::from_slice(text);
    let read = One { name: place, limit: &limit, each: &mut keep }.deserialize(&mut json);
    match read.and_then(|found| json.end().map(|()| found)) {
        Ok(found) => found.pass(place.to_owned(), &limit, &mut keep),
        Err(error) => keep(Err(wrong(place, &error))),
    }
    first
}

/// One JSON text. A HAR's requests are handed over while it is read.
struct One<'x> {
    name: &'x str,
    limit: &'x Limit,
    each: &'x mut dyn FnMut(Record),
}

enum Found<'a> {
    /// Handed over.
    Har,
    Entry(har::Entry),
    Trace(tap::Trace<'a>),
    Line(Box<Line<'a>>),
}

/// A request of our own form.
#[derive(Default)]
struct Line<'a> {
    id: Option<Text<'a>>,
    method: Option<Text<'a>>,
    path: Option<Text<'a>>,
    authority: Option<Text<'a>>,
    address: Option<Text<'a>>,
    headers: Headers,
    body: Option<Text<'a>>,
    body_b64: Option<Text<'a>>,
}

impl<'de> DeserializeSeed<'de> for One<'_> {
    type Value = Found<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Found<'de>, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for One<'_> {
    type Value = Found<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a request, a HAR or a tap trace")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Found<'de>, A::Error> {
        let One { name, limit, each } = self;
        let (mut line, mut entry, mut trace, mut is_har) =
            (Box::<Line<'_>>::default(), har::Entry::default(), None, false);
        while let Some(Text(member)) = members.next_key()? {
            match member.as_ref() {
                "id" => line.id = members.next_value()?,
                "method" => line.method = members.next_value()?,
                "path" => line.path = members.next_value()?,
                "authority" => line.authority = members.next_value()?,
                "address" => line.address = members.next_value()?,
                "headers" => line.headers = members.next_value()?,
                "body" => line.body = members.next_value()?,
                "body_b64" => line.body_b64 = members.next_value()?,
                "log" => {
                    is_har = true;
                    members.next_value_seed(har::Log { name, limit, each: &mut *each })?;
                }
                "request" => entry.request = Some(members.next_value()?),
                "connection_address" => entry.address = members.next_value()?,
                "http_buffered_trace" => trace = Some(members.next_value()?),
                _ => drop(members.next_value::<IgnoredAny>()?),
            }
        }
        Ok(match trace {
            _ if is_har => Found::Har,
            Some(trace) => Found::Trace(trace),
            None if line.path.is_none() && entry.request.is_some() => Found::Entry(entry),
            None => Found::Line(line),
        })
    }
}

impl Found<'_> {
    fn pass(self, place: String, limit: &Limit, each: &mut dyn FnMut(Record)) {
        match self {
            Found::Har => {}
            Found::Entry(entry) => limit.pass(entry.captured(place), each),
            Found::Trace(trace) => limit.pass(trace.captured(place), each),
            Found::Line(line) => limit.pass(line.captured(place), each),
        }
    }
}

impl Line<'_> {
    fn captured(self, place: String) -> Record {
        let Some(Text(path)) = self.path else {
            return Err(format!(
                "{place}: expected a request with \"path\", a HAR or a tap trace, found none of these"
            ));
        };
        let text = |text: &Option<Text<'_>>, default: &str| {
            text.as_ref().map_or_else(|| default.to_owned(), |Text(text)| text.to_string())
        };
        let (method, authority) =
            (text(&self.method, "POST"), text(&self.authority, "captured.example"));
        let mut captured = Captured::new(text(&self.id, &place), &method, &path, &authority);
        let Headers(fields) = self.headers;
        fields.0.into_iter().for_each(|(name, value)| captured.push(&name, value));
        captured.address = self.address.map(|Text(address)| address.into_owned());
        captured.body = match (self.body, self.body_b64) {
            (_, Some(Text(encoded))) => base64::engine::general_purpose::STANDARD
                .decode(encoded.as_bytes())
                .map_err(|error| format!("{place}: body_b64: expected Base64, found {error}"))?,
            (body, None) => body.map_or_else(Vec::new, |Text(body)| body.into_owned().into_bytes()),
        };
        Ok(captured)
    }
}
