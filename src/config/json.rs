//! The configuration's JSON as a tree. Request bodies have their own reader, which builds none;
//! this one is built on it.

use super::ConfigError;
use crate::rules::json::{Invalid, Kind, Reader, Result, Strictness};
use std::borrow::Cow;

/// A JSON value.
#[derive(Debug, Clone, PartialEq)]
pub enum Json<'a> {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// As written.
    Number(&'a str),
    /// Decoded.
    String(Cow<'a, str>),
    /// In order.
    List(Vec<Json<'a>>),
    /// Members in the order they stand; no name stands twice.
    Object(Vec<(Cow<'a, str>, Json<'a>)>),
}

impl<'a> Json<'a> {
    /// # Errors
    /// Not JSON (where, by line and column), or an object that names a member twice.
    pub fn parse(text: &'a [u8]) -> std::result::Result<Self, ConfigError> {
        let mut twice = None;
        // Half a surrogate names no character, so that a text with one could not mean what was
        // written.
        let read = Reader::document(text, Strictness::Jason, |reader| value(reader, &mut twice));
        match (read, twice) {
            (Err(_), _) if is_struct(text) => Err(ConfigError::whole(
                "expected JSON, found the bytes of a google.protobuf.Struct, as Envoy hands it over: use google.protobuf.StringValue".to_owned(),
            )),
            (Err(Invalid { at }), _) => {
                let (place, fault) = (place(text, at), fault(text, at));
                Err(ConfigError::whole(format!("invalid JSON at {place}: {fault}")))
            }
            (Ok(_), Some((name, at))) => {
                let place = place(text, at);
                Err(ConfigError::whole(format!("duplicate field {name:?} at {place}")))
            }
            (Ok(value), None) => Ok(value),
        }
    }

    /// What stands here, for an error: the value itself where it is short.
    pub fn shown(&self) -> String {
        match self {
            Json::Null => "null".to_owned(),
            Json::Bool(value) => value.to_string(),
            Json::Number(text) => (*text).to_owned(),
            Json::String(text) if text.chars().count() <= 80 => format!("{text:?}"),
            Json::String(_) => "a long string".to_owned(),
            Json::List(list) if list.is_empty() => "an empty list".to_owned(),
            Json::List(_) => "a list".to_owned(),
            Json::Object(_) => "an object".to_owned(),
        }
    }
}

/// A serialized Struct begins with the tag of its first member, and has that of the member's value
/// further on, which as it stands is in no JSON.
fn is_struct(text: &[u8]) -> bool {
    text.first() == Some(&0x0A) && text.contains(&0x12)
}

type Twice = Option<(String, usize)>;

fn value<'a>(reader: &mut Reader<'a>, twice: &mut Twice) -> Result<Json<'a>> {
    Ok(match reader.kind()? {
        Kind::Null => reader.value().map(|_| Json::Null)?,
        Kind::Bool => Json::Bool(matches!(reader.value()?, crate::rules::json::Value::Bool(true))),
        Kind::Number => Json::Number(reader.number()?.as_str()),
        Kind::String => Json::String(reader.text()?.decode()),
        Kind::Array => {
            let mut list = Vec::new();
            reader.array(|reader, _| {
                list.push(value(reader, twice)?);
                Ok(())
            })?;
            Json::List(list)
        }
        Kind::Object => Json::Object(object(reader, twice)?),
    })
}

fn object<'a>(reader: &mut Reader<'a>, twice: &mut Twice) -> Result<Vec<(Cow<'a, str>, Json<'a>)>> {
    let mut members = Vec::new();
    let mut names = std::collections::HashSet::new();
    reader.object(|reader, name| {
        let at = reader.position();
        let name = name.decode();
        if !names.insert(crate::rules::hash::hash(name.as_bytes())) && twice.is_none() {
            *twice = Some((name.clone().into_owned(), at));
        }
        let value = value(reader, twice)?;
        members.push((name, value));
        Ok(())
    })?;
    Ok(members)
}

/// Line and column, both from 1; columns are bytes.
fn place(text: &[u8], at: usize) -> String {
    let before = text.get(..at).unwrap_or(text);
    let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
    let column = before.iter().rev().take_while(|byte| **byte != b'\n').count() + 1;
    format!("line {line} column {column}")
}

/// What is wrong there, by what stands before and after.
fn fault(text: &[u8], at: usize) -> String {
    let before = text.get(..at).unwrap_or(text).trim_ascii_end().last().copied();
    let rest = String::from_utf8_lossy(text.get(at..).unwrap_or_default());
    match (before, rest.trim_start().chars().next()) {
        (_, None) => "the text ends here".to_owned(),
        (Some(b','), Some(close @ ('}' | ']'))) => format!("a comma before \"{close}\""),
        (Some(b'"' | b'}' | b']' | b'0'..=b'9' | b'e' | b'l'), Some(next @ ('"' | '{' | '['))) => {
            format!("a comma is missing before {:?}", next.to_string())
        }
        (Some(b'[' | b'{' | b':' | b','), Some('[' | '{')) => "nested too deeply".to_owned(),
        (_, Some('\'')) => "a string stands in double quotes".to_owned(),
        (_, Some('/' | '#')) => "JSON has no comments".to_owned(),
        (_, Some('\\')) => "an escape that names no character".to_owned(),
        (_, Some(char::REPLACEMENT_CHARACTER)) => "a byte that is not UTF-8".to_owned(),
        (_, Some(found)) => format!("unexpected {:?}", found.to_string()),
    }
}
