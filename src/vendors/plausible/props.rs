//! Custom properties (contract 1.2): an object, or a string that holds one; anything else has no
//! properties.
//!
//! Entries are first filtered (lists, objects, blank names and values), then cut to thirty, and
//! only what is left is measured. Which thirty are left of more, nobody can tell (contract, P-6):
//! then nothing is refused. Of three event names the server puts a `path` first, unless the sender
//! did: then twenty-nine are left.

use crate::rules::hash::hash;
use crate::rules::json::{Invalid, Reader, Result, Strictness, Text, Value};
use std::collections::BTreeMap;

const MAX_PROPS: usize = 30;
const MAX_NAME_BYTES: usize = 300;
const MAX_VALUE_BYTES: usize = 2000;

const TOO_LARGE: (&str, &str) =
    ("props", "keys should have at most 300 bytes and values 2000 bytes");

/// What is wrong with the properties, if anything is. `names_a_path`: the server adds a `path`
/// where there is none.
pub fn error(value: Option<Value<'_>>, names_a_path: bool) -> Option<(&'static str, &'static str)> {
    let props = match value {
        Some(Value::Object(raw)) => Reader::element(raw, Strictness::Jason, measure).ok()?,
        Some(Value::String(text)) => measure_text(text)?,
        Some(Value::Array(_) | Value::Number(_) | Value::Bool(_) | Value::Null) | None => {
            return None;
        }
    };
    let left = if names_a_path && !props.has_path { MAX_PROPS - 1 } else { MAX_PROPS };
    (props.too_large && props.count <= left).then_some(TOO_LARGE)
}

/// A string that holds no object has no properties.
fn measure_text(text: Text<'_>) -> Option<Props> {
    if text.after_blanks().next() != Some('{') {
        return None;
    }
    Reader::document(text.decode().as_bytes(), Strictness::Jason, measure).ok()
}

#[derive(Default)]
struct Props {
    /// Left after filtering.
    count: usize,
    too_large: bool,
    has_path: bool,
}

/// Of duplicate names the first one counts, filtered or not. With more than are taken, an error.
fn measure(reader: &mut Reader<'_>) -> Result<Props> {
    let mut props = Props::default();
    // In order, for a client could make hashes meet.
    let mut seen = BTreeMap::new();
    reader.object(|reader, name| {
        let value = reader.value()?;
        if name.is_blank() {
            return Ok(());
        }
        let name = name.decode();
        if seen.insert(hash(name.as_bytes()), props.count).is_some() {
            return Ok(());
        }
        if let Some(bytes) = value_bytes(value) {
            props.count += 1;
            // Nothing will be refused: the rest need not be read.
            if props.count > MAX_PROPS {
                return Err(Invalid { at: reader.position() });
            }
            props.has_path |= name == "path";
            props.too_large |= name.len() > MAX_NAME_BYTES || bytes > MAX_VALUE_BYTES;
        }
        Ok(())
    })?;
    Ok(props)
}

/// The bytes of the value as a string, or some number over the limit; `None` for one that is
/// filtered out.
fn value_bytes(value: Value<'_>) -> Option<usize> {
    match value {
        Value::Object(_) | Value::Array(_) | Value::Null => None,
        Value::Bool(_) => Some("false".len()),
        // A fraction is written anew, and short.
        Value::Number(number) if !number.is_integer() => Some("0.0".len()),
        Value::Number(number) => Some(number.as_str().len()),
        Value::String(text) if text.is_blank() => None,
        Value::String(text) => Some(text.start(MAX_VALUE_BYTES + 1).0.len()),
    }
}
