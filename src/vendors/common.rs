//! Checks that several vendors make in the same words.

use crate::request::RequestHead;
use crate::rules::json::Invalid;
use crate::rules::{content_coding, size};
use crate::verdict::{Finding, Flow, Notes, Reason, field_shown};

/// Whether the head says that the body is encoded. It may lie: what is JSON as it stands is judged
/// all the same (contract, P5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coding {
    Plain,
    Declared,
}

pub fn request_too_large(max_bytes: usize) -> Finding {
    Finding::new(Reason::RequestTooLarge, format!("the body is larger than {max_bytes} bytes"))
}

/// Notes a declared length over the limit. `Continue(true)`: it is, and lets the request pass, so
/// the body is not looked at.
pub fn check_declared_size(
    max_bytes: usize,
    head: &RequestHead<'_>,
    notes: &mut Notes<'_>,
) -> Flow<bool> {
    note_size_rule(max_bytes, head, notes);
    if !size::declares_more_than(head, max_bytes) {
        return Flow::Continue(false);
    }
    notes.findings.uninspected = true;
    notes.note(request_too_large(max_bytes))?;
    Flow::Continue(true)
}

pub fn note_size_rule(max_bytes: usize, head: &RequestHead<'_>, notes: &mut Notes<'_>) {
    notes.rule("size", || {
        let declared = field_shown(head, "content-length");
        format!("content-length: {declared}; the limit is {max_bytes} bytes")
    });
}

pub fn note_media_type_rule(head: &RequestHead<'_>, notes: &mut Notes<'_>) {
    notes.rule("media type", || format!("content-type: {}", field_shown(head, "content-type")));
}

/// Notes a content coding.
pub fn check_content_coding(head: &RequestHead<'_>, notes: &mut Notes<'_>) -> Flow<Coding> {
    notes.rule("content coding", || {
        format!("content-encoding: {}", field_shown(head, "content-encoding"))
    });
    if !content_coding::is_encoded(head) {
        return Flow::Continue(Coding::Plain);
    }
    notes
        .note(Finding::new(Reason::ContentEncoding, "the body is compressed; send it as it is"))?;
    Flow::Continue(Coding::Declared)
}

pub fn note_json_rule(body: &[u8], notes: &mut Notes<'_>) {
    notes.rule("JSON", || format!("{} bytes of body", body.len()));
}

/// The body is not JSON as it stands. Where it is encoded, by the head's word or by its own bytes,
/// nobody can tell what is in it, and it is forwarded `uninspected`; else it is `invalid_json`
/// (contract, P5).
pub fn not_json(body: &[u8], coding: Coding, invalid: Invalid, notes: &mut Notes<'_>) -> Flow {
    match coding {
        Coding::Declared => {
            notes.findings.uninspected = true;
            Flow::Continue(())
        }
        Coding::Plain if content_coding::is_other_text(body) => {
            notes.findings.uninspected = true;
            notes.note(Finding::new(
                Reason::ContentEncoding,
                "the body must be UTF-8 without a byte order mark",
            ))
        }
        Coding::Plain => notes.note(invalid_json(invalid)),
    }
}

pub fn invalid_json(invalid: Invalid) -> Finding {
    let message = format!("the body is not valid JSON: see byte {}", invalid.at);
    Finding::new(Reason::InvalidJson, message)
}
