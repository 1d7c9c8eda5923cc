//! Userpilot: `POST /v1/track` (contract, section 3).
//!
//! In the head:
//! 1. `Authorization: Token <API key>`, before everything else: missing, malformed, repeated, or a key that is not among
//!    the configured ones: `unauthorized`.
//! 2. `Content-Type: application/json`, else `content_type`.
//! 3. Declared size over the limit: `request_too_large`.
//! 4. `X-API-Version: 2020-09-22`, else `api_version`.
//! 5. A content coding: `content_encoding`, and the body is not looked at.
//!
//! In the body:
//! 6. JSON, and an object, else `invalid_json`.
//! 7. `user_id` and `event_name`: a string that is not blank. A number: `field_type`; anything else: `missing_field`.
//! 8. `metadata`, if there is any: an object of primitives, else `metadata_invalid`; of at most 10 KB as it stands in the
//!    body, else `metadata_too_large`.
//! 9. A duplicate of one of these three that says something else: `json_duplicate_keys`. The last one counts.

use crate::request::{RequestHead, trim};
use crate::rules::content_type::{MediaType, media_type};
use crate::rules::credentials::{Credentials, authorization};
use crate::rules::json::{Kind, Reader, Result, Strictness, Value};
use crate::rules::key_digests::KeyDigests;
use crate::vendor::Vendor;
use crate::vendors::{Awaited, Limits, check_content_coding, check_declared_size, invalid_json};
use crate::verdict::{Finding, Flow, Notes, Reason};

pub const PATHS: &[&str] = &["/v1/track"];

/// Nothing is published (contract, U-10).
pub const REQUEST_BYTES: usize = 1024 * 1024;

/// Of the metadata's raw text (contract, U-7).
const METADATA_BYTES: usize = 10_240;

const API_VERSION: &[u8] = b"2020-09-22";

#[derive(Debug)]
pub struct Policy {
    /// Keys that are let in; `None`: any that is well-formed.
    pub keys: Option<KeyDigests>,
}

pub fn head(policy: &Policy, limits: &Limits, head: &RequestHead<'_>, notes: &mut Notes<'_>) -> Flow<Awaited> {
    if let Some(fault) = credentials_fault(policy, head) {
        notes.note(Finding::new(Reason::Unauthorized, fault))?;
    }
    if media_type(head) != MediaType::Json {
        notes.note(Finding::new(Reason::ContentType, "Content-Type must be application/json"))?;
    }
    if check_declared_size(Vendor::Userpilot, limits.request_bytes, head, notes)? {
        return Flow::Continue(Awaited::Nothing);
    }
    if !head.all("x-api-version").map(trim).eq([API_VERSION]) {
        notes.note(Finding::new(Reason::ApiVersion, "X-API-Version must be 2020-09-22"))?;
    }
    let encoded = check_content_coding(head, notes)?;
    Flow::Continue(if encoded { Awaited::Size(limits.request_bytes) } else { Awaited::Userpilot })
}

fn credentials_fault(policy: &Policy, head: &RequestHead<'_>) -> Option<&'static str> {
    match authorization(head, "Token") {
        Credentials::Absent => Some("Authorization is missing; it must be \"Token <API key>\""),
        Credentials::Malformed => Some("Authorization must be \"Token <API key>\", once"),
        Credentials::Token(key) => {
            let known = policy.keys.as_ref().is_none_or(|keys| keys.contains(key));
            (!known).then_some("the API key is not valid")
        }
    }
}

/// The three fields that are looked at; of duplicates the last one.
#[derive(Default)]
struct Event<'a> {
    user_id: Option<Value<'a>>,
    event_name: Option<Value<'a>>,
    metadata: Option<Value<'a>>,
    /// The first field that stood twice and said different things.
    contradicts_itself: Option<&'static str>,
}

pub fn body(body: &[u8], notes: &mut Notes<'_>) -> Flow {
    let event = match Reader::document(body, Strictness::Grammar, event) {
        Ok(Some(event)) => event,
        Ok(None) => return notes.note(Finding::new(Reason::InvalidJson, "the body must be a JSON object")),
        Err(invalid) => return notes.note(invalid_json(invalid)),
    };
    check_required(&event, notes)?;
    if let Some(metadata) = event.metadata {
        check_metadata(metadata, notes)?;
    }
    match event.contradicts_itself {
        Some(field) => notes.note(Finding::new(Reason::JsonDuplicateKeys, format!("{field} stands twice and differs")).at(field)),
        None => Flow::Continue(()),
    }
}

fn event<'a>(reader: &mut Reader<'a>) -> Result<Option<Event<'a>>> {
    if reader.kind()? != Kind::Object {
        reader.value()?;
        return Ok(None);
    }
    let mut event = Event::default();
    reader.members(|reader, name| {
        let value = reader.value()?;
        let (field, slot) = if name.is("user_id") {
            ("user_id", &mut event.user_id)
        } else if name.is("event_name") {
            ("event_name", &mut event.event_name)
        } else if name.is("metadata") {
            ("metadata", &mut event.metadata)
        } else {
            return Ok(());
        };
        if slot.replace(value).is_some_and(|earlier| earlier != value) {
            event.contradicts_itself.get_or_insert(field);
        }
        Ok(())
    })?;
    Ok(Some(event))
}

fn check_required(event: &Event<'_>, notes: &mut Notes<'_>) -> Flow {
    let fields = [("user_id", &event.user_id), ("event_name", &event.event_name)];
    let missing: Vec<(&'static str, &'static str)> =
        fields.iter().filter_map(|(field, value)| Some((*field, missing_fault(value)?))).collect();
    if !missing.is_empty() {
        let message: Vec<String> = missing.iter().map(|(field, fault)| format!("{field} {fault}")).collect();
        let path: Vec<&str> = missing.iter().map(|(field, _)| *field).collect();
        notes.note(Finding::new(Reason::MissingField, message.join("; ")).at(path.join(",")).with_fields(missing))?;
    }
    for (field, value) in fields {
        if let Some(Value::Number(_)) = value {
            notes.note(Finding::new(Reason::FieldType, format!("{field} must be a string, found a number")).at(field))?;
        }
    }
    Flow::Continue(())
}

/// Each way of not being there told apart.
fn missing_fault(value: &Option<Value<'_>>) -> Option<&'static str> {
    match value {
        None => Some("is required"),
        Some(Value::Null) => Some("must be a string, found null"),
        Some(Value::Bool(_)) => Some("must be a string, found a boolean"),
        Some(Value::Object(_)) => Some("must be a string, found an object"),
        Some(Value::Array(_)) => Some("must be a string, found an array"),
        Some(Value::String(text)) if text.is_empty() => Some("must not be empty"),
        Some(Value::String(text)) if text.decode().trim().is_empty() => Some("must not be blank"),
        Some(Value::String(_) | Value::Number(_)) => None,
    }
}

fn check_metadata(metadata: Value<'_>, notes: &mut Notes<'_>) -> Flow {
    let Value::Object(raw) = metadata else {
        return notes.note(Finding::new(Reason::MetadataInvalid, "metadata must be an object").at("metadata"));
    };
    if !is_object_of_primitives(raw) {
        notes.note(
            Finding::new(Reason::MetadataInvalid, "metadata must hold strings, numbers, booleans and null alone").at("metadata"),
        )?;
    }
    if raw.len() > METADATA_BYTES {
        notes.note(
            Finding::new(Reason::MetadataTooLarge, format!("metadata is larger than {METADATA_BYTES} bytes")).at("metadata"),
        )?;
    }
    Flow::Continue(())
}

/// `raw` has been read once already, as a part of the body.
fn is_object_of_primitives(raw: &[u8]) -> bool {
    let mut primitive = true;
    let read = Reader::element(raw, Strictness::Grammar, |reader| {
        reader.members(|reader, _| {
            primitive &= !matches!(reader.value()?, Value::Object(_) | Value::Array(_));
            Ok(())
        })
    });
    read.is_ok() && primitive
}
