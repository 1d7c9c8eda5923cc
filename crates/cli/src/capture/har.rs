//! HTTP Archive (HAR 1.2), as browsers' developer tools write it. Its entries are read one after
//! the other: the responses in it, which are most of it, are passed over.

use super::bounded::Limit;
use super::fields::{Limited, Text};
use super::{Captured, Record};
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::fmt;

/// The value of `log`.
pub struct Log<'x> {
    pub name: &'x str,
    pub limit: &'x Limit,
    pub each: &'x mut dyn FnMut(Record),
}

impl<'de> DeserializeSeed<'de> for Log<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Log<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a HAR's log")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let Log { name, limit, each } = self;
        let mut has_entries = false;
        while let Some(Text(member)) = members.next_key()? {
            if member == "entries" {
                has_entries = true;
                members.next_value_seed(Entries { name, limit, each: &mut *each })?;
            } else {
                members.next_value::<IgnoredAny>()?;
            }
        }
        if !has_entries {
            limit.pass(Err(format!("{name}: log.entries: expected a list, found none")), each);
        }
        Ok(())
    }
}

struct Entries<'x> {
    name: &'x str,
    limit: &'x Limit,
    each: &'x mut dyn FnMut(Record),
}

impl<'de> DeserializeSeed<'de> for Entries<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Entries<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a HAR's list of entries")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let mut number = 0;
        while let Some(entry) = list.next_element_seed(EntryOf(self.limit))? {
            number += 1;
            self.limit.pass(entry.captured(format!("{}:{number}", self.name)), self.each);
        }
        Ok(())
    }
}

/// What is kept of an entry.
#[derive(Debug, Default)]
pub struct Entry {
    /// As it stands, so that an odd one spoils no other.
    pub request: Option<Box<RawValue>>,
    pub address: Option<String>,
}

struct EntryOf<'x>(&'x Limit);

impl<'de> DeserializeSeed<'de> for EntryOf<'_> {
    type Value = Entry;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Entry, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for EntryOf<'_> {
    type Value = Entry;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a HAR's entry")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Entry, A::Error> {
        let mut entry = Entry::default();
        while let Some(Text(member)) = members.next_key()? {
            match member.as_ref() {
                "request" => entry.request = Some(members.next_value()?),
                "connection_address" => entry.address = members.next_value()?,
                _ => {
                    self.0.skip();
                    members.next_value::<IgnoredAny>()?;
                    self.0.restart();
                }
            }
        }
        Ok(entry)
    }
}

#[derive(Deserialize)]
struct Request<'a> {
    #[serde(borrow, default)]
    method: Option<Text<'a>>,
    #[serde(borrow, default)]
    url: Option<Text<'a>>,
    #[serde(borrow, default)]
    headers: Limited<Field<'a>>,
    #[serde(borrow, default, rename = "postData")]
    data: Option<Data<'a>>,
    /// -1 where it is not known.
    #[serde(default, rename = "bodySize")]
    size: Option<f64>,
}

#[derive(Deserialize, Debug)]
struct Field<'a> {
    #[serde(borrow, default)]
    name: Option<Text<'a>>,
    #[serde(borrow, default)]
    value: Option<Text<'a>>,
}

#[derive(Deserialize)]
struct Data<'a> {
    #[serde(borrow, default)]
    text: Option<Text<'a>>,
}

impl Entry {
    /// # Errors
    /// What is missing, or of another type.
    pub fn captured(self, place: String) -> Record {
        let raw = self.request.as_deref().map_or("{}", RawValue::get);
        let request: Request<'_> =
            serde_json::from_str(raw).map_err(|error| format!("{place}: request: {error}"))?;
        let missing =
            |name: &str| format!("{place}: request.{name}: expected a string, found none");
        let Text(method) = request.method.ok_or_else(|| missing("method"))?;
        let Text(url) = request.url.ok_or_else(|| missing("url"))?;
        let (authority, path) = split(&url).ok_or_else(|| {
            format!("{place}: request.url: expected an absolute URL, found {url:?}")
        })?;
        let mut captured = Captured::new(place, &method, path, authority);
        for field in request.headers.0 {
            let (Some(Text(name)), Some(Text(value))) = (field.name, field.value) else { continue };
            // HTTP/2's pseudo-header fields are known already.
            if !name.starts_with(':') {
                captured.push(&name, value.into_owned());
            }
        }
        let has_data = request.data.is_some();
        match request.data.and_then(|data| data.text) {
            Some(Text(text)) => captured.body = text.into_owned().into_bytes(),
            // Browsers leave the text out where it is large, or a form of theirs.
            None => captured.lacks_body = has_data || request.size.is_some_and(|size| size > 0.0),
        }
        captured.address = self.address;
        Ok(captured)
    }
}

/// Authority and target.
pub fn split(url: &str) -> Option<(&str, &str)> {
    let (_, rest) = url.split_once("://")?;
    let at = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(at);
    Some((authority, if path.is_empty() { "/" } else { path }))
}
