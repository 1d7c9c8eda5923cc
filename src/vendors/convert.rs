//! Convert: `POST /v1/track/{sdkKey}` and `/v1/track/{accountId}/{projectId}` (contract, section
//! 2).
//!
//! In the head, before a byte of body is held:
//! 1. `User-Agent`: `ConvertAgent/<version>` anywhere in it passes; a crawler, headless browser or
//!    HTTP library, an empty value (blanks are one) or a missing one is a `bot`; an unknown
//!    product, or a crawler by its shape alone, is `bot_suspected`.
//! 2. Declared size over the limit: `request_too_large`, and the body is not looked at. Nothing is
//!    published (C-11), so it is forwarded.
//! 3. `Authorization`: `Bearer <key>`, empty or missing; else `auth_malformed`.
//! 4. `Content-Type`: `application/json` or, from browsers' beacons, `text/plain`; else
//!    `content_type`.
//! 5. A content coding: `content_encoding`. What is JSON all the same is judged; the rest is not
//!    looked at.
//!
//! In the body:
//! 6. JSON, else `invalid_json`; or `content_encoding` if it is no plain UTF-8, and the body is not
//!    looked at.
//! 7. An object with `accountId` and `projectId` (string or number, not empty) and `visitors`
//!    (array), else `invalid_shape`.
//! 8. No visitor at all: `empty_visitors`. A visitor or event that will be turned away downstream:
//!    `event_invalid`.
//!
//! Of duplicate names the last one counts, as in the vendor's own (Node) server.

mod shape;

use crate::request::RequestHead;
use crate::rules::content_type::{MediaType, media_type};
use crate::rules::credentials::{Credentials, authorization, is_plausible_key};
use crate::rules::json::{Reader, Strictness};
use crate::rules::user_agent::{Class, UserAgents, has_versioned_token};
use crate::vendors::{
    Awaited, Coding, Limits, Shared, check_content_coding, check_declared_size, not_json,
};
use crate::verdict::{Finding, Flow, Notes, Reason};

pub const PATHS: &[&str] = &["/v1/track/{sdkKey}", "/v1/track/{accountId}/{projectId}"];

/// How much is held. Nothing is published; large enough for any batch an SDK sends (contract,
/// C-11).
pub const REQUEST_BYTES: usize = 1024 * 1024;

#[derive(Debug)]
pub struct Policy {
    /// A missing or empty `User-Agent` is a bot (contract, C-2).
    pub require_user_agent: bool,
}

pub fn head(
    policy: &Policy,
    limits: &Limits,
    shared: &Shared,
    head: &RequestHead<'_>,
    notes: &mut Notes<'_>,
) -> Flow<Awaited> {
    check_user_agent(policy, shared, head, notes)?;
    if check_declared_size(limits.request_bytes, head, notes)? {
        return Flow::Continue(Awaited::Nothing);
    }
    let is_malformed = match authorization(head, "Bearer") {
        Credentials::Absent => false,
        Credentials::Token(key) => !is_plausible_key(key),
        Credentials::Malformed => true,
    };
    if is_malformed {
        notes.note(Finding::new(
            Reason::AuthMalformed,
            "Authorization must be \"Bearer <sdkKeySecret>\" or left out",
        ))?;
    }
    match media_type(head) {
        MediaType::Json | MediaType::TextPlain => {}
        MediaType::Absent
        | MediaType::Empty
        | MediaType::JsonSuffix
        | MediaType::Form
        | MediaType::Other => {
            notes
                .note(Finding::new(Reason::ContentType, "Content-Type must be application/json"))?;
        }
    }
    Flow::Continue(Awaited::Convert(check_content_coding(head, notes)?))
}

fn check_user_agent(
    policy: &Policy,
    shared: &Shared,
    head: &RequestHead<'_>,
    notes: &mut Notes<'_>,
) -> Flow {
    let user_agent = head.joined("user-agent").unwrap_or_default();
    if is_empty(&user_agent) {
        return if policy.require_user_agent {
            notes.note(Finding::new(Reason::Bot, "no User-Agent"))
        } else {
            Flow::Continue(())
        };
    }
    match user_agent_reason(&shared.user_agents, &user_agent) {
        Some(Reason::Bot) => notes.note(Finding::new(Reason::Bot, "User-Agent of a bot")),
        Some(reason) => notes.note(Finding::new(reason, "User-Agent of an unknown product")),
        None => Flow::Continue(()),
    }
}

/// The reason for a value where a User-Agent is required: `bot`, `bot_suspected` or none. A shape
/// alone is never dropped (contract, C-14): the vendor's version of isbot is not known, and real
/// integrations send such values.
pub fn user_agent_reason(user_agents: &UserAgents, user_agent: &[u8]) -> Option<Reason> {
    if is_empty(user_agent) {
        return Some(Reason::Bot);
    }
    match user_agents.classify(user_agent, |value| has_versioned_token(value, "ConvertAgent")).class
    {
        Class::Crawler | Class::Headless | Class::HttpLibrary | Class::CrawlerOnLibrary => {
            Some(Reason::Bot)
        }
        Class::CrawlerByShape | Class::Suspected => Some(Reason::BotSuspected),
        Class::None => None,
    }
}

/// HTTP/2 allows a value of blanks, which counts as empty (contract, C-15).
fn is_empty(user_agent: &[u8]) -> bool {
    user_agent.trim_ascii().is_empty()
}

pub fn body(coding: Coding, body: &[u8], notes: &mut Notes<'_>) -> Flow {
    let envelope = match Reader::document(body, Strictness::Grammar, shape::envelope) {
        Ok(envelope) => envelope,
        Err(invalid) => return not_json(body, coding, invalid, notes),
    };
    let fields = envelope.faults();
    if !fields.is_empty() {
        return notes.note(invalid_shape(fields));
    }
    if envelope.visitors.count == 0 {
        notes.note(Finding::new(Reason::EmptyVisitors, "visitors is empty").at("visitors"))?;
    }
    for fault in envelope.visitors.faults.list {
        notes.note(Finding::new(Reason::EventInvalid, fault.message).at(fault.path()))?;
    }
    notes.note_more(Reason::EventInvalid, envelope.visitors.faults.more);
    Flow::Continue(())
}

fn invalid_shape(fields: Vec<(&'static str, &'static str)>) -> Finding {
    let named = fields.iter().filter(|(field, _)| !field.is_empty());
    let path: Vec<&str> = named.map(|(field, _)| *field).collect();
    let message: Vec<String> =
        fields.iter().map(|(field, fault)| format!("{field} {fault}").trim().to_owned()).collect();
    Finding::new(Reason::InvalidShape, message.join("; ")).at(path.join(",")).with_fields(fields)
}
