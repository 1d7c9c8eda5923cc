//! A collector of another make, as the operator's configuration describes it (`custom` of an
//! endpoint).
//!
//! In the head:
//! 1. The `User-Agent`, by `user_agents`: `bot`, `bot_suspected` (a crawler by its shape alone,
//!    too). One with a token of `opt_out_tokens` is let through; a missing or empty one is none of
//!    these.
//! 2. Credentials, if `credentials` asks for them: `unauthorized`. A key in the query that stands
//!    twice and differs is one too.
//! 3. The media type, if `media_types` lists any: `content_type`.
//! 4. Declared size over `limits.request_bytes`: `request_too_large`.
//! 5. A content coding: `content_encoding`. What is JSON all the same is judged; the rest is not
//!    looked at. Nor is it if `body` is `opaque`.
//!
//! In the body, read once:
//! 6. JSON, else `invalid_json`; or `content_encoding` if it is no plain UTF-8, and the body is not
//!    looked at. With fields to look at an object, and with `batch` an array at that place, else
//!    `invalid_shape`.
//! 7. The batch: its own bytes over `limits.batch_bytes`: `request_too_large`; more than
//!    `max_events`: `too_many_events`; an event over `limits.event_bytes`: `event_too_large`; none
//!    at all: `empty_batch`.
//! 8. The `fields` of the request: `missing_field`, `field_type`, `field_too_long`. Of an event in
//!    a batch the same faults are `event_invalid`, so that one bad event does not by default cost
//!    the good ones beside it.
//!
//! Of duplicate names the last one counts.

pub mod fields;
pub mod replies;
pub mod spec;
mod tree;
mod walk;

use crate::request::RequestHead;
use crate::rules::content_type::essence;
use crate::rules::credentials::{
    Ambiguous, Credentials, authorization, basic_user, header, is_plausible_key, parameter,
};
use crate::rules::json::{Reader, Strictness};
use crate::rules::key_digests::KeyDigests;
use crate::rules::user_agent::{Class, has_versioned_token};
use crate::vendors::{
    Awaited, Coding, Limits, Shared, check_content_coding, check_declared_size, not_json,
};
use crate::verdict::{Finding, Flow, Notes, Reason};
use fields::Fields;
use replies::Replies;
use spec::{BodyKind, CredentialsSpec, UserAgentPolicy};
use std::borrow::Cow;
use walk::{BatchSeen, Body};

/// Of bytes of body, where the operator sets no limit.
pub const REQUEST_BYTES: usize = 1024 * 1024;

/// What `custom` says, compiled.
#[derive(Debug)]
pub struct Policy {
    user_agents: UserAgentPolicy,
    opt_out_tokens: Vec<String>,
    credentials: Option<CredentialsSpec>,
    keys: Option<KeyDigests>,
    /// Lower-case essences; empty: any.
    media_types: Vec<String>,
    body: BodyKind,
    max_events: Option<usize>,
    fields: Fields,
    pub replies: Replies,
}

pub fn head(
    policy: &Policy,
    limits: &Limits,
    shared: &Shared,
    head: &RequestHead<'_>,
    notes: &mut Notes<'_>,
) -> Flow<Awaited> {
    check_user_agent(policy, shared, head, notes)?;
    if let Some(fault) = credentials_fault(policy, head) {
        notes.note(Finding::new(Reason::Unauthorized, fault))?;
    }
    let listed = |value: Cow<'_, [u8]>| {
        let essence = essence(&value);
        policy.media_types.iter().any(|known| essence.eq_ignore_ascii_case(known.as_bytes()))
    };
    if !policy.media_types.is_empty() && !head.joined("content-type").is_some_and(listed) {
        let message = format!("Content-Type must be {}", policy.media_types.join(" or "));
        notes.note(Finding::new(Reason::ContentType, message))?;
    }
    if check_declared_size(limits.request_bytes, head, notes)? {
        return Flow::Continue(Awaited::Nothing);
    }
    let coding = check_content_coding(head, notes)?;
    Flow::Continue(match (policy.body, coding) {
        (BodyKind::Json, coding) => Awaited::Custom(coding),
        (BodyKind::Opaque, Coding::Plain) => Awaited::Size(limits.request_bytes),
        (BodyKind::Opaque, Coding::Declared) => {
            notes.findings.uninspected = true;
            Awaited::Size(limits.request_bytes)
        }
    })
}

fn check_user_agent(
    policy: &Policy,
    shared: &Shared,
    head: &RequestHead<'_>,
    notes: &mut Notes<'_>,
) -> Flow {
    let user_agent = head.joined("user-agent").unwrap_or_default();
    let opted_out =
        |value: &[u8]| policy.opt_out_tokens.iter().any(|token| has_versioned_token(value, token));
    let with_libraries = match policy.user_agents {
        UserAgentPolicy::Off => return Flow::Continue(()),
        UserAgentPolicy::Bots => false,
        UserAgentPolicy::BotsAndHttpLibraries => true,
    };
    match shared.user_agents.classify(&user_agent, opted_out).class {
        Class::HttpLibrary | Class::CrawlerOnLibrary if with_libraries => {
            notes.note(Finding::new(Reason::Bot, "User-Agent of a bot"))
        }
        Class::Crawler | Class::Headless => {
            notes.note(Finding::new(Reason::Bot, "User-Agent of a bot"))
        }
        Class::CrawlerByShape | Class::CrawlerOnLibrary | Class::Suspected => {
            notes.note(Finding::new(Reason::BotSuspected, "User-Agent of an unknown product"))
        }
        Class::HttpLibrary | Class::None => Flow::Continue(()),
    }
}

/// The key that a request presents, in the place that the configuration names.
pub fn key<'a>(policy: &Policy, head: &RequestHead<'a>) -> Option<Cow<'a, [u8]>> {
    match presented(policy.credentials.as_ref()?, head) {
        Presented::Key(key) => Some(key),
        Presented::Absent | Presented::Malformed => None,
    }
}

enum Presented<'a> {
    Absent,
    Malformed,
    Key(Cow<'a, [u8]>),
}

fn presented<'a>(spec: &CredentialsSpec, head: &RequestHead<'a>) -> Presented<'a> {
    let credentials = match spec {
        CredentialsSpec::Authorization { scheme } => authorization(head, scheme),
        CredentialsSpec::Header { name } => header(head, name),
        CredentialsSpec::Query { name } => {
            return match parameter(head, name) {
                Ok(Some(key)) => Presented::Key(key),
                Ok(None) => Presented::Absent,
                Err(Ambiguous) => Presented::Malformed,
            };
        }
        CredentialsSpec::Basic => match authorization(head, "Basic") {
            Credentials::Token(token) => {
                return basic_user(token)
                    .map_or(Presented::Malformed, |user| Presented::Key(user.into()));
            }
            other @ (Credentials::Absent | Credentials::Malformed) => other,
        },
    };
    match credentials {
        Credentials::Absent => Presented::Absent,
        Credentials::Malformed => Presented::Malformed,
        Credentials::Token(token) => Presented::Key(token.into()),
    }
}

fn credentials_fault(policy: &Policy, head: &RequestHead<'_>) -> Option<String> {
    let spec = policy.credentials.as_ref()?;
    match presented(spec, head) {
        Presented::Absent => Some(format!("{} is missing", spec.place())),
        Presented::Malformed => {
            Some(format!("{} is malformed, or stands more than once", spec.place()))
        }
        Presented::Key(key) => {
            let known = match &policy.keys {
                Some(keys) => keys.contains(&key),
                None => {
                    !matches!(spec, CredentialsSpec::Authorization { .. }) || is_plausible_key(&key)
                }
            };
            (!known).then(|| "the key is not valid".to_owned())
        }
    }
}

pub fn body(
    coding: Coding,
    policy: &Policy,
    limits: &Limits,
    body: &[u8],
    notes: &mut Notes<'_>,
) -> Flow {
    let read = Reader::document(body, Strictness::Grammar, |reader| {
        walk::body(reader, &policy.fields, limits.event_bytes)
    });
    let seen = match read {
        Ok(seen) => seen,
        Err(invalid) => return not_json(body, coding, invalid, notes),
    };
    check_shape(policy, &seen, notes)?;
    if let BatchSeen::Array(batch) = &seen.batch {
        if batch.bytes > limits.batch_bytes {
            let message = format!("the batch is larger than {} bytes", limits.batch_bytes);
            notes.note(Finding::new(Reason::RequestTooLarge, message))?;
        }
        if let Some(max_events) = policy.max_events.filter(|max_events| batch.count > *max_events) {
            let message =
                format!("the batch has {} events, at most {max_events} are taken", batch.count);
            notes.note(Finding::new(Reason::TooManyEvents, message))?;
        }
        if let Some(index) = batch.too_large {
            let finding = Finding::new(
                Reason::EventTooLarge,
                format!("event {index} is larger than {} bytes", limits.event_bytes),
            );
            notes.note(finding.at(policy.fields.event_path(index)))?;
        }
        if batch.count == 0 {
            notes.note(Finding::new(Reason::EmptyBatch, "the batch is empty"))?;
        }
    }
    for fault in policy.fields.faults_of_request(&seen.states) {
        notes.note(Finding::new(fault.reason, fault.message).at(fault.path))?;
    }
    if let BatchSeen::Array(batch) = seen.batch {
        for fault in batch.faults.list {
            notes.note(Finding::new(Reason::EventInvalid, fault.message).at(fault.path))?;
        }
        notes.note_more(Reason::EventInvalid, batch.faults.more);
    }
    Flow::Continue(())
}

fn check_shape(policy: &Policy, seen: &Body, notes: &mut Notes<'_>) -> Flow {
    if !seen.is_object && policy.fields.need_object() {
        return notes.note(Finding::new(Reason::InvalidShape, "the body must be an object"));
    }
    match seen.batch {
        BatchSeen::Array(_) | BatchSeen::NotAskedFor => Flow::Continue(()),
        BatchSeen::Missing => notes.note(Finding::new(
            Reason::InvalidShape,
            format!("{} is required", policy.fields.batch_name()),
        )),
        BatchSeen::NotAnArray => notes.note(Finding::new(
            Reason::InvalidShape,
            format!("{} must be an array", policy.fields.batch_name()),
        )),
    }
}
