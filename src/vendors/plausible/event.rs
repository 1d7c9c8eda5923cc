//! The fields of an event, and what makes them invalid (contract 1.2).
//!
//! A field has a short and a long name; the short one is taken unless it is `null` or `false`,
//! which count as absent. An empty string does not.

use super::graphemes::is_longer_than;
use super::{graphemes, invalid, props, unreadable};
use crate::rules::content_type::MediaType;
use crate::rules::json::{Invalid, Reader, Strictness, Value};
use crate::rules::url::{Url, bare_host};
use crate::verdict::Finding;
use std::borrow::Cow;

/// In graphemes: a family of seven code points is one.
const MAX_NAME_GRAPHEMES: usize = 120;
/// What is looked at of a name. Where so much is at most 120 graphemes, whether the rest is
/// more is for the vendor to say: to tell would take a hundred times as long as to read it.
const MAX_NAME_BYTES: usize = 8 * 1024;
const MAX_URL_BYTES: usize = 2000;
/// Thirty days; an engagement time from here on does not count.
const ENGAGEMENT_TIME_END_MS: i64 = 2_592_000_000;

const NO_NAME: (&str, &str) = ("event_name", "can't be blank");
const NO_URL: (&str, &str) = ("url", "is required");
const NO_DOMAIN: (&str, &str) = ("domain", "can't be blank");
const NO_ENGAGEMENT: (&str, &str) = (
    "event_name",
    "engagement event requires a valid integer value for at least one of 'sd' or 'e' fields",
);

/// The names that are looked at. The others (`i`, `v`, `w`, revenue) make no difference.
const NAMES: [&str; 16] = [
    "n", "name", "u", "url", "d", "domain", "r", "referrer", "m", "meta", "p", "props", "h",
    "hashMode", "sd", "e",
];

/// The values of [`NAMES`]; of duplicate names the first one.
#[derive(Debug, Default)]
pub struct Fields<'a> {
    values: [Option<Value<'a>>; NAMES.len()],
    /// A name stood twice, with different values.
    pub contradict: bool,
}

impl<'a> Fields<'a> {
    /// For a trace: the names that are there, and their types.
    pub fn shown(&self) -> String {
        let found = NAMES.iter().zip(&self.values);
        let found = found.filter_map(|(name, value)| {
            value.map(|value| format!("{name}: {}", value.kind().with_article()))
        });
        found.collect::<Vec<_>>().join(", ")
    }

    /// The first of these names that is there and neither `null` nor `false`.
    fn get(&self, names: &[&str]) -> Option<Value<'a>> {
        names.iter().find_map(|name| {
            let index = NAMES.iter().position(|known| known == name)?;
            self.values
                .get(index)
                .copied()
                .flatten()
                .filter(|value| !matches!(value, Value::Null | Value::Bool(false)))
        })
    }
}

/// The three errors of a request that has no fields at all.
pub fn without_fields() -> Finding {
    invalid(vec![NO_DOMAIN, NO_NAME, NO_URL])
}

/// Why a body could not be read.
#[derive(Debug)]
pub enum Unreadable {
    NotJson(Invalid),
    NotAnObject,
}

impl Unreadable {
    pub fn finding(&self) -> Finding {
        match self {
            Unreadable::NotJson(invalid) => {
                unreadable(&format!("is not valid JSON: see byte {}", invalid.at))
            }
            Unreadable::NotAnObject => unreadable("is not an object"),
        }
    }
}

/// Reads the body.
///
/// # Errors
/// It is not JSON; or it is not an object, and the type is not JSON's, so that the vendor's server
/// decodes the raw body itself.
pub fn fields(body: &[u8], media_type: MediaType) -> Result<Fields<'_>, Unreadable> {
    let is_raw = !is_json(media_type);
    if body.is_empty() && !is_raw {
        return Ok(Fields::default());
    }
    let read = Reader::document(body, Strictness::Jason, |reader| {
        let mut fields = Fields::default();
        let is_object = reader.object(|reader, name| {
            let value = reader.value()?;
            let slot = NAMES
                .iter()
                .position(|known| name.is(known))
                .and_then(|index| fields.values.get_mut(index));
            match slot {
                Some(Some(first)) => fields.contradict |= *first != value,
                Some(slot) => *slot = Some(value),
                None => {}
            }
            Ok(())
        })?;
        Ok((fields, !is_object && is_raw))
    });
    match read {
        Ok((_, true)) => Err(Unreadable::NotAnObject),
        Ok((fields, false)) => Ok(fields),
        Err(invalid) => Err(Unreadable::NotJson(invalid)),
    }
}

/// A type that the vendor's server parses before its controller sees the request, up to 8 MB;
/// others are decoded as they stand, up to 1 MB.
pub fn is_json(media_type: MediaType) -> bool {
    match media_type {
        MediaType::Json | MediaType::JsonSuffix => true,
        MediaType::Absent
        | MediaType::Empty
        | MediaType::TextPlain
        | MediaType::Form
        | MediaType::Other => false,
    }
}

/// A valid event, as far as the checks behind validation need it.
#[derive(Debug)]
pub struct Event {
    /// Empty parts of the list are not domains (contract, P-16).
    pub domains: Domains,
    /// The page's, without a leading `www.`; `(none)` if the URL has none, or an empty one.
    pub hostname: String,
    /// Percent-decoded; with the fragment in hash mode.
    pub page: String,
    pub referrer: Option<String>,
}

/// The tracked domains, taken from the text one by one: a client may name half a million.
#[derive(Debug)]
pub struct Domains {
    text: String,
    is_list: bool,
}

impl Domains {
    /// Without blanks around it and a leading `www.`, in order, duplicates included. Empty parts of
    /// a list are passed over; a list of nothing else is one empty domain, which no site has.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        let mut rest = Some(self.text.as_str());
        let mut is_any = false;
        core::iter::from_fn(move || {
            while let Some(text) = rest {
                let comma =
                    if self.is_list { text.bytes().position(|byte| byte == b',') } else { None };
                let domain = bare_host(text.get(..comma.unwrap_or(text.len())).unwrap_or_default());
                rest = comma.and_then(|at| text.get(at + 1..));
                if !domain.is_empty() {
                    is_any = true;
                    return Some(domain);
                }
            }
            (!core::mem::replace(&mut is_any, true)).then_some("")
        })
    }
}

impl Event {
    /// # Errors
    /// Field and message of everything that is invalid, by field in alphabetical order.
    pub fn of(fields: &Fields<'_>) -> Result<Event, Vec<(&'static str, &'static str)>> {
        let url = url(fields);
        let parsed = url.as_deref().map(Url::parse).unwrap_or_default();
        let domains = domains(fields, if url.is_ok() { parsed.host } else { None });
        let hash_mode = hash_mode(fields);
        let errors = [
            domains.as_ref().err(),
            name_error(fields).as_ref(),
            hash_mode.as_ref().err(),
            props::error(fields.get(&["m", "meta", "p", "props"]), names_a_path(fields)).as_ref(),
            url.as_ref().err(),
        ]
        .into_iter()
        .flatten()
        .copied()
        .collect::<Vec<_>>();
        match (domains, errors.is_empty()) {
            (Ok(domains), true) => Ok(Event {
                domains,
                hostname: parsed
                    .host
                    .map(bare_host)
                    .filter(|host| !host.is_empty())
                    .unwrap_or("(none)")
                    .to_owned(),
                page: page(&parsed, hash_mode.unwrap_or(false)),
                referrer: referrer(fields.get(&["r", "referrer"])),
            }),
            (_, _) => Err(errors),
        }
    }
}

fn text<'a>(value: Option<Value<'a>>) -> Option<Cow<'a, str>> {
    match value {
        Some(Value::String(text)) => Some(text.decode()),
        Some(
            Value::Object(_) | Value::Array(_) | Value::Number(_) | Value::Bool(_) | Value::Null,
        )
        | None => None,
    }
}

fn referrer(value: Option<Value<'_>>) -> Option<String> {
    match value {
        Some(Value::String(text)) => Some(graphemes::referrer(text)),
        Some(
            Value::Object(_) | Value::Array(_) | Value::Number(_) | Value::Bool(_) | Value::Null,
        )
        | None => None,
    }
}

/// A string or an integer, not blank, not too long; and an engagement event must tell something.
fn name_error(fields: &Fields<'_>) -> Option<(&'static str, &'static str)> {
    let name = match fields.get(&["n", "name"]) {
        None => return Some(NO_NAME),
        Some(Value::String(text)) if text.is_blank() => return Some(NO_NAME),
        Some(Value::String(text)) => text.start(MAX_NAME_BYTES).0,
        Some(Value::Number(number)) if number.is_integer() => number.as_str().into(),
        Some(
            Value::Number(_) | Value::Object(_) | Value::Array(_) | Value::Bool(_) | Value::Null,
        ) => {
            return Some(("event_name", "is invalid"));
        }
    };
    if is_longer_than(&name, MAX_NAME_GRAPHEMES) {
        return Some(("event_name", "should be at most 120 character(s)"));
    }
    let tells = || has_scroll_depth(fields) || engagement_time_ms(fields) > 0;
    (name == "engagement" && !tells()).then_some(NO_ENGAGEMENT)
}

/// The names for which the vendor's server puts a `path` property of its own before the sender's
/// (contract 1.2).
fn names_a_path(fields: &Fields<'_>) -> bool {
    const NAMES: [&str; 3] = ["404", "WP Form Completions", "Form: Submission"];
    match fields.get(&["n", "name"]) {
        Some(Value::String(text)) => NAMES.iter().any(|name| text.is(name)),
        Some(Value::Number(number)) => NAMES.contains(&number.as_str()),
        Some(Value::Object(_) | Value::Array(_) | Value::Bool(_) | Value::Null) | None => false,
    }
}

/// Any integer from 0; beyond 100 it is clamped by the vendor.
fn has_scroll_depth(fields: &Fields<'_>) -> bool {
    fields.get(&["sd"]).and_then(integer).is_some_and(|depth| depth >= 0)
}

fn engagement_time_ms(fields: &Fields<'_>) -> i64 {
    let time = fields.get(&["e"]).and_then(integer).unwrap_or(0);
    if (0..ENGAGEMENT_TIME_END_MS).contains(&time) { time } else { 0 }
}

/// An integer, or a string of one with an optional sign and nothing else. What does not fit is as
/// large as can be.
fn integer(value: Value<'_>) -> Option<i64> {
    let digits = match value {
        Value::Number(number) if number.is_integer() => Cow::Borrowed(number.as_str()),
        // Most of what is not an integer shows it at once.
        Value::String(text)
            if text
                .chars()
                .next()
                .is_some_and(|first| first.is_ascii_digit() || "+-".contains(first)) =>
        {
            text.decode()
        }
        Value::String(_)
        | Value::Number(_)
        | Value::Object(_)
        | Value::Array(_)
        | Value::Bool(_)
        | Value::Null => return None,
    };
    let magnitude = digits.strip_prefix(['+', '-']).unwrap_or(&digits);
    if magnitude.is_empty() || !are_digits(magnitude.as_bytes()) {
        return None;
    }
    let limit = if digits.starts_with('-') { i64::MIN } else { i64::MAX };
    Some(digits.parse().unwrap_or(limit))
}

/// Eight at a time: the high half of each byte is 3, and adding 6 to it does not change that.
fn are_digits(text: &[u8]) -> bool {
    const ONES: u64 = 0x0101_0101_0101_0101;
    let (eights, rest) = text.as_chunks::<8>();
    eights.iter().all(|eight| {
        let word = u64::from_le_bytes(*eight);
        (word & (ONES * 0xF0)) == ONES * 0x30
            && (word.wrapping_add(ONES * 6) & (ONES * 0xF0)) == ONES * 0x30
    }) && rest.iter().all(u8::is_ascii_digit)
}

fn url<'a>(fields: &Fields<'a>) -> Result<Cow<'a, str>, (&'static str, &'static str)> {
    let value = fields.get(&["u", "url"]).ok_or(NO_URL)?;
    let url = match value {
        Value::String(text) => {
            Some(text.start(MAX_URL_BYTES + 1).0).filter(|url| url.len() <= MAX_URL_BYTES)
        }
        Value::Object(_) | Value::Array(_) | Value::Number(_) | Value::Bool(_) | Value::Null => {
            None
        }
    };
    let url = url.ok_or(("url", "must be a valid url"))?;
    match Url::parse(&url).scheme {
        Some(scheme) if scheme.eq_ignore_ascii_case("data") => {
            Err(("url", "scheme is not allowed"))
        }
        Some(_) | None => Ok(url),
    }
}

/// From the list in the field, or else the host of the page.
fn domains(
    fields: &Fields<'_>,
    host: Option<&str>,
) -> Result<Domains, (&'static str, &'static str)> {
    match text(fields.get(&["d", "domain"])) {
        None => host.map(|host| Domains { text: host.to_owned(), is_list: false }).ok_or(NO_DOMAIN),
        Some(list) if list.trim().is_empty() => Err(NO_DOMAIN),
        Some(list) => Ok(Domains { text: list.into_owned(), is_list: true }),
    }
}

/// 1 switches it on; a blank string does not count; anything else that is not an integer is an
/// error.
fn hash_mode(fields: &Fields<'_>) -> Result<bool, (&'static str, &'static str)> {
    match fields.get(&["h", "hashMode"]) {
        None => Ok(false),
        Some(Value::String(text)) if text.is_blank() => Ok(false),
        Some(value) => integer(value).map(|mode| mode == 1).ok_or(("hash_mode", "is invalid")),
    }
}

fn page(url: &Url<'_>, hash_mode: bool) -> String {
    let decoded = |text: &str| {
        String::from_utf8_lossy(
            &crate::rules::percent::decoded(text.as_bytes()).collect::<Vec<_>>(),
        )
        .into_owned()
    };
    let path = if url.path.is_empty() { "/".to_owned() } else { decoded(url.path) };
    let path = path.trim_end();
    match url.fragment {
        Some(fragment) if hash_mode => format!("{path}#{}", decoded(fragment)),
        Some(_) | None => path.to_owned(),
    }
}

#[cfg(test)]
mod tests;
