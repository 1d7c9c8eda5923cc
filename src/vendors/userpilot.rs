//! Userpilot: `POST /v1/track` (contract, section 3).
//!
//! In the head:
//! 1. `Authorization: Token <API key>`, before everything else: missing, malformed, repeated, a
//!    placeholder that was never filled in, or a key that is not among the configured ones:
//!    `unauthorized`. Nothing documents the key's alphabet, so none is asked for (U-9).
//! 2. `Content-Type: application/json`, else `content_type`.
//! 3. Declared size over the limit: `request_too_large`, and the body is not looked at. Nothing is
//!    published (U-10), so it is forwarded.
//! 4. `X-API-Version: 2020-09-22`, else `api_version`.
//! 5. A content coding: `content_encoding`. What is JSON all the same is judged; the rest is not
//!    looked at.
//!
//! In the body:
//! 6. JSON, and an object, else `invalid_json`; or `content_encoding` if it is not plain UTF-8, and
//!    the body is not looked at.
//! 7. `user_id` and `event_name`: a string that is not blank. A number: `field_type`; anything
//!    else: `missing_field`.
//! 8. `metadata`, if there is any (`null` does not count): an object of primitives, else
//!    `metadata_invalid`; of at most 10 KB as it stands in the body, else `metadata_too_large`.
//! 9. A duplicate of one of these three that says something else: `json_duplicate_keys`. Which one
//!    the vendor's parser takes is not known, so only what both readings refuse is refused (U-6);
//!    or a last value that empties the field.

use super::common::{
    Coding, check_content_coding, check_declared_size, not_json, note_json_rule,
    note_media_type_rule,
};
use super::{
    Answer, Checks, Compiled, Configured, Contract, ErrorReply, Held, Limits, Next, Shared,
    UserAgentRule,
};
use crate::config::declare::object;
use crate::config::read::NotEmpty;
use crate::request::{RequestHead, trim};
use crate::rules::content_type::{MediaType, media_type};
use crate::rules::credentials::{Credentials, authorization, is_plausible_key};
use crate::rules::json::write::{array, object, quoted};
use crate::rules::json::{Reader, Result, Strictness, Value};
use crate::rules::key_digests::KeyDigests;
use crate::verdict::Disposition::{Annotate, Reject};
use crate::verdict::{Finding, Flow, Notes, Reason, field_shown};
use std::borrow::Cow;
use std::sync::Arc;

/// See the head of this page.
pub const CONTRACT: Contract = Contract {
    is_built_in: true,
    paths: &["/v1/track"],
    // Nothing is published (contract, U-10).
    limits: Limits::of_request(1024 * 1024),
    dispositions: &[
        (Reason::Unauthorized, Reject),
        (Reason::ContentType, Reject),
        (Reason::RequestTooLarge, Annotate),
        (Reason::ApiVersion, Annotate),
        (Reason::ContentEncoding, Annotate),
        (Reason::InvalidJson, Reject),
        (Reason::MissingField, Reject),
        (Reason::FieldType, Annotate),
        (Reason::MetadataInvalid, Annotate),
        (Reason::MetadataTooLarge, Annotate),
        (Reason::JsonDuplicateKeys, Annotate),
    ],
    refuses_in_part: |_| false,
    success: Answer::empty(202),
    error: ErrorReply { status: error_status, content_type: "application/json", body: error_body },
    reply_fields: &[],
    dropped_domains_field: None,
    allow_origin: None,
    reads_grpc: false,
    user_agents: UserAgentRule::Ignored,
};

/// 400 is the vendor's answer to a request that it cannot use, whatever the cause.
fn error_status(reason: Reason) -> u16 {
    if reason == Reason::ContentType { 400 } else { reason.status() }
}

/// `{"errors": [{"error": "…", "error_code": "…", "message": "…", "details": "…"}]}`
fn error_body(_: u16, finding: &Finding) -> String {
    let code = quoted(finding.reason.id());
    let entry = object(&[
        ("error", code.clone()),
        ("error_code", code),
        ("message", quoted(&finding.message)),
        ("details", finding.path.as_deref().map_or("null".to_owned(), quoted)),
    ]);
    object(&[("errors", array([entry]))])
}

/// Of the metadata's raw text (contract, U-7).
const METADATA_BYTES: usize = 10_240;

const API_VERSION: &[u8] = b"2020-09-22";

object! {
    /// Fields of Userpilot's own.
    pub struct Fields {
        /// SHA-256 of the API keys that are let in; any key if left out.
        api_keys_sha256: Option<NotEmpty<Arc<KeyDigests>>>,
    }
}

impl Configured for Fields {
    fn checks(&self, limits: Limits, _: &Arc<Shared>) -> Compiled {
        let keys = self.api_keys_sha256.as_ref().map(|keys| Arc::clone(&keys.0));
        Ok(Arc::new(Policy { keys, limits }))
    }
}

/// The checks of an endpoint.
#[derive(Debug)]
pub struct Policy {
    /// Keys that are let in; `None`: any that is well-formed.
    pub keys: Option<Arc<KeyDigests>>,
    /// The contract's, or the operator's.
    pub limits: Limits,
}

impl Checks for Policy {
    fn head(self: Arc<Self>, head: &RequestHead<'_>, notes: &mut Notes<'_>) -> Flow<Next> {
        let max_bytes = self.limits.request_bytes;
        self.check_credentials(head, notes)?;
        note_media_type_rule(head, notes);
        if media_type(head) != MediaType::Json {
            notes
                .note(Finding::new(Reason::ContentType, "Content-Type must be application/json"))?;
        }
        if check_declared_size(max_bytes, head, notes)? {
            return Flow::Continue(Next::Nothing);
        }
        notes.rule("X-API-Version", || field_shown(head, "x-api-version"));
        if !head.all("x-api-version").map(trim).eq([API_VERSION]) {
            notes.note(Finding::new(Reason::ApiVersion, "X-API-Version must be 2020-09-22"))?;
        }
        let coding = check_content_coding(head, notes)?;
        Flow::Continue(Next::body(Body { coding }, max_bytes))
    }

    fn client_key<'a>(&self, head: &RequestHead<'a>) -> Option<Cow<'a, [u8]>> {
        match authorization(head, "Token") {
            Credentials::Token(key) => Some(key.into()),
            Credentials::Absent | Credentials::Malformed => None,
        }
    }

    fn size(&self) -> Option<(&'static str, usize)> {
        self.keys.as_ref().map(|keys| ("keys", keys.len()))
    }
}

impl Policy {
    fn check_credentials(&self, head: &RequestHead<'_>, notes: &mut Notes<'_>) -> Flow {
        let credentials = authorization(head, "Token");
        notes.rule("Authorization", || credentials.shown("Token"));
        match self.credentials_fault(credentials) {
            Some(fault) => notes.note(Finding::new(Reason::Unauthorized, fault)),
            None => Flow::Continue(()),
        }
    }

    fn credentials_fault(&self, credentials: Credentials<'_>) -> Option<&'static str> {
        match credentials {
            Credentials::Absent => Some("Authorization is missing; it must be \"Token <API key>\""),
            Credentials::Malformed => Some("Authorization must be \"Token <API key>\", once"),
            Credentials::Token(key) => {
                let known = self
                    .keys
                    .as_ref()
                    .map_or_else(|| is_plausible_key(key), |keys| keys.contains(key));
                (!known).then_some("the API key is not valid")
            }
        }
    }
}

/// The fields that are looked at, and what each holds.
type Field<'a> = Option<Value<'a>>;

/// One reading of the body: the first of duplicates everywhere, or the last.
#[derive(Default, Clone, Copy, PartialEq)]
struct Event<'a> {
    user_id: Field<'a>,
    event_name: Field<'a>,
    metadata: Field<'a>,
}

#[derive(Default)]
struct Readings<'a> {
    first: Event<'a>,
    last: Event<'a>,
    /// The first field that stood twice, with different values.
    contradicts_itself: Option<&'static str>,
}

/// What is kept until the body is whole.
#[derive(Debug)]
struct Body {
    coding: Coding,
}

impl Held for Body {
    fn body(self: Box<Self>, body: &[u8], notes: &mut Notes<'_>) -> Flow {
        note_json_rule(body, notes);
        let readings = match Reader::document(body, Strictness::Grammar, readings) {
            Ok(Some(readings)) => readings,
            Ok(None) => {
                let message = "the body must be a JSON object";
                return notes.note(Finding::new(Reason::InvalidJson, message));
            }
            Err(invalid) => return not_json(body, self.coding, invalid, notes),
        };
        notes.rule("user_id, event_name and metadata", || readings.last.shown());
        let Some(field) = readings.contradicts_itself else {
            let mut findings = readings.last.findings().into_iter();
            return findings.try_for_each(|finding| notes.note(finding));
        };
        note_both(&readings, notes)?;
        notes.rule("duplicate names", || format!("{field} stands twice"));
        let message = format!("{field} stands twice and differs");
        notes.note(Finding::new(Reason::JsonDuplicateKeys, message).at(field))
    }
}

/// What is wrong with the last reading; a reason that the first one does not give can only be
/// annotated. A last value that empties the field is refused all the same (the contract's vector
/// up-063).
fn note_both(readings: &Readings<'_>, notes: &mut Notes<'_>) -> Flow {
    let first = readings.first.findings();
    let is_emptied = [readings.last.user_id, readings.last.event_name]
        .iter()
        .any(|value| matches!(value, Some(Value::String(text)) if text.is_empty()));
    for finding in readings.last.findings() {
        let both = first.iter().any(|other| other.reason == finding.reason)
            || is_emptied && finding.reason == Reason::MissingField;
        if both || notes.disposition(finding.reason) == Some(Annotate) {
            notes.note(finding)?;
        }
    }
    Flow::Continue(())
}

/// `None`: not an object.
fn readings<'a>(reader: &mut Reader<'a>) -> Result<Option<Readings<'a>>> {
    let mut readings = Readings::default();
    let is_object = reader.object(|reader, name| {
        let value = reader.value()?;
        let Readings { first, last, .. } = &mut readings;
        let (field, first, last) = if name.is("user_id") {
            ("user_id", &mut first.user_id, &mut last.user_id)
        } else if name.is("event_name") {
            ("event_name", &mut first.event_name, &mut last.event_name)
        } else if name.is("metadata") {
            ("metadata", &mut first.metadata, &mut last.metadata)
        } else {
            return Ok(());
        };
        first.get_or_insert(value);
        if last.replace(value).is_some_and(|earlier| earlier != value) {
            readings.contradicts_itself.get_or_insert(field);
        }
        Ok(())
    })?;
    Ok(is_object.then_some(readings))
}

impl Event<'_> {
    /// For a trace: the type of each field.
    fn shown(&self) -> String {
        let fields = [&self.user_id, &self.event_name, &self.metadata];
        let kind =
            |field: &&Field<'_>| field.map_or("missing", |value| value.kind().with_article());
        let kinds: Vec<&str> = fields.iter().map(kind).collect();
        kinds.join(", ")
    }

    /// In the contract's order.
    fn findings(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        let fields = [("user_id", &self.user_id), ("event_name", &self.event_name)];
        let missing: Vec<(&'static str, &'static str)> = fields
            .iter()
            .filter_map(|(field, value)| Some((*field, missing_fault(value)?)))
            .collect();
        if !missing.is_empty() {
            let message: Vec<String> =
                missing.iter().map(|(field, fault)| format!("{field} {fault}")).collect();
            let path: Vec<&str> = missing.iter().map(|(field, _)| *field).collect();
            let finding = Finding::new(Reason::MissingField, message.join("; ")).at(path.join(","));
            findings.push(finding.with_fields(missing));
        }
        for (field, value) in fields {
            if let Some(Value::Number(_)) = value {
                findings.push(
                    Finding::new(
                        Reason::FieldType,
                        format!("{field} must be a string, found a number"),
                    )
                    .at(field),
                );
            }
        }
        findings.extend(self.metadata_findings());
        findings
    }

    fn metadata_findings(&self) -> Vec<Finding> {
        let invalid = |message| Finding::new(Reason::MetadataInvalid, message).at("metadata");
        let raw = match self.metadata {
            None | Some(Value::Null) => return Vec::new(),
            Some(Value::Object(raw)) => raw,
            Some(Value::Array(_) | Value::String(_) | Value::Number(_) | Value::Bool(_)) => {
                return vec![invalid("metadata must be an object")];
            }
        };
        let mut findings = Vec::new();
        if !is_object_of_primitives(raw) {
            findings.push(invalid("metadata must hold strings, numbers, booleans and null alone"));
        }
        if raw.len() > METADATA_BYTES {
            let message = format!("metadata is larger than {METADATA_BYTES} bytes");
            findings.push(Finding::new(Reason::MetadataTooLarge, message).at("metadata"));
        }
        findings
    }
}

/// Names each way in which a value can be missing.
fn missing_fault(value: &Option<Value<'_>>) -> Option<&'static str> {
    match value {
        None => Some("is required"),
        Some(Value::Null) => Some("must be a string, found null"),
        Some(Value::Bool(_)) => Some("must be a string, found a boolean"),
        Some(Value::Object(_)) => Some("must be a string, found an object"),
        Some(Value::Array(_)) => Some("must be a string, found an array"),
        Some(Value::String(text)) if text.is_empty() => Some("must not be empty"),
        Some(Value::String(text)) if text.is_blank() => Some("must not be blank"),
        Some(Value::String(_) | Value::Number(_)) => None,
    }
}

/// `raw` has been read once already, as a part of the body.
fn is_object_of_primitives(raw: &[u8]) -> bool {
    let mut primitive = true;
    let read = Reader::element(raw, Strictness::Grammar, |reader| {
        reader.object(|reader, _| {
            primitive &= !matches!(reader.value()?, Value::Object(_) | Value::Array(_));
            Ok(())
        })
    });
    read.is_ok() && primitive
}
