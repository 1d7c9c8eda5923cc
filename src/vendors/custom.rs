//! Any other collector, as the operator's configuration describes it (`custom` of an endpoint).
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
//! 6. JSON, else `invalid_json`; or `content_encoding` if it is not plain UTF-8, and the body is
//!    not looked at. With fields to look at an object, and with `batch` an array at that place,
//!    else `invalid_shape`.
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

use super::common::{
    Coding, check_content_coding, check_declared_size, not_json, note_json_rule,
    note_media_type_rule,
};
use super::{
    Answer, Checks, Compiled, Configured, Contract, ErrorReply, Held, Limits, Next, Parts, Shared,
    UserAgentRule,
};
use crate::config::declare::object;
use crate::config::read::NotEmpty;
use crate::request::RequestHead;
use crate::rules::content_type::essence;
use crate::rules::credentials::{
    Ambiguous, Credentials, authorization, basic_user, header, is_plausible_key, parameter,
};
use crate::rules::json::write::{object, quoted};
use crate::rules::json::{Reader, Strictness};
use crate::rules::key_digests::KeyDigests;
use crate::rules::user_agent::{Class, has_versioned_token};
use crate::verdict::Disposition::{Annotate, Drop, Reject};
use crate::verdict::{Finding, Flow, Notes, Reason, RefusalKind, field_shown};
use replies::Replies;
use spec::{BodyKind, CredentialsSpec, CustomSpec, UserAgentPolicy};
use std::borrow::Cow;
use std::sync::Arc;
use walk::{Batch, BatchSeen, Seen};

/// What holds where the configuration says nothing else.
pub const CONTRACT: Contract = Contract {
    is_built_in: false,
    paths: &[],
    // Bytes of body, where the operator sets no limit.
    limits: Limits::of_request(1024 * 1024),
    dispositions: &[
        (Reason::Bot, Drop),
        (Reason::BotSuspected, Annotate),
        (Reason::Unauthorized, Reject),
        (Reason::ContentType, Reject),
        (Reason::RequestTooLarge, Reject),
        (Reason::ContentEncoding, Annotate),
        (Reason::InvalidJson, Reject),
        (Reason::InvalidShape, Reject),
        (Reason::TooManyEvents, Reject),
        (Reason::EventTooLarge, Reject),
        (Reason::EmptyBatch, Annotate),
        (Reason::MissingField, Reject),
        (Reason::FieldType, Reject),
        (Reason::FieldTooLong, Reject),
        (Reason::EventInvalid, Annotate),
    ],
    refuses_in_part: |_| false,
    success: Answer::empty(200),
    error: ErrorReply {
        status: Reason::status,
        content_type: "application/json",
        body: |_, finding| object(&[("error", quoted(&finding.message))]),
    },
    reply_fields: &[],
    dropped_domains_field: None,
    allow_origin: None,
    reads_grpc: false,
    user_agents: UserAgentRule::Configured,
};

object! {
    /// Fields of a collector that the operator describes.
    pub struct Fields {
        /// SHA-256 of the keys that are let in; any key if left out.
        api_keys_sha256: Option<NotEmpty<Arc<KeyDigests>>>,
        /// What the collector takes.
        custom: CustomSpec,
    }
}

impl Configured for Fields {
    /// As large as the body may be, where there are batches.
    fn limits(&self, contract: Limits) -> Limits {
        match self.custom.batch {
            Some(_) => Limits { batch_bytes: usize::MAX, event_bytes: usize::MAX, ..contract },
            None => contract,
        }
    }

    fn checks(&self, limits: Limits, shared: &Arc<Shared>) -> Compiled {
        let keys = self.api_keys_sha256.as_ref().map(|keys| Arc::clone(&keys.0));
        Ok(Arc::new(self.custom.compile(keys, limits, shared)?))
    }
}

/// The checks of an endpoint: what `custom` says, compiled.
#[derive(Debug)]
pub struct Policy {
    user_agents: UserAgentPolicy,
    opt_out_tokens: Vec<String>,
    credentials: Option<CredentialsSpec>,
    keys: Option<Arc<KeyDigests>>,
    /// Lower-case essences; empty: any.
    media_types: Vec<String>,
    body: BodyKind,
    max_events: Option<usize>,
    fields: fields::Fields,
    replies: Replies,
    limits: Limits,
    shared: Arc<Shared>,
}

impl Checks for Policy {
    fn head(self: Arc<Self>, head: &RequestHead<'_>, notes: &mut Notes<'_>) -> Flow<Next> {
        let max_bytes = self.limits.request_bytes;
        self.check_user_agent(head, notes)?;
        self.check_credentials(head, notes)?;
        self.check_media_type(head, notes)?;
        if check_declared_size(max_bytes, head, notes)? {
            return Flow::Continue(Next::Nothing);
        }
        let coding = check_content_coding(head, notes)?;
        Flow::Continue(match (self.body, coding) {
            (BodyKind::Json, coding) => Next::body(Body { policy: self, coding }, max_bytes),
            (BodyKind::Opaque, Coding::Plain) => Next::Size(max_bytes),
            (BodyKind::Opaque, Coding::Declared) => {
                notes.findings.uninspected = true;
                Next::Size(max_bytes)
            }
        })
    }

    fn client_key<'a>(&self, head: &RequestHead<'a>) -> Option<Cow<'a, [u8]>> {
        match presented(self.credentials.as_ref()?, head) {
            Presented::Key(key) => Some(key),
            Presented::Absent | Presented::Malformed => None,
        }
    }

    fn key_field(&self) -> Option<&str> {
        match self.credentials.as_ref()? {
            CredentialsSpec::Header(key) => Some(&key.name.0),
            CredentialsSpec::Authorization(_)
            | CredentialsSpec::Basic(_)
            | CredentialsSpec::Query(_) => None,
        }
    }

    fn key_parameters(&self) -> Vec<&str> {
        match &self.credentials {
            Some(CredentialsSpec::Query(key)) => vec![&key.name.0],
            Some(
                CredentialsSpec::Authorization(_)
                | CredentialsSpec::Basic(_)
                | CredentialsSpec::Header(_),
            )
            | None => Vec::new(),
        }
    }

    fn own_reply(&self, kind: RefusalKind, reason: Reason) -> Option<&Parts> {
        self.replies.get(kind, reason)
    }
}

impl Policy {
    fn check_user_agent(&self, head: &RequestHead<'_>, notes: &mut Notes<'_>) -> Flow {
        let with_libraries = match self.user_agents {
            UserAgentPolicy::Off => return Flow::Continue(()),
            UserAgentPolicy::Bots => false,
            UserAgentPolicy::BotsAndHttpLibraries => true,
        };
        let user_agent = head.joined("user-agent").unwrap_or_default();
        let opted_out = |value: &[u8]| {
            self.opt_out_tokens.iter().any(|token| has_versioned_token(value, token))
        };
        let found = self.shared.user_agents.classify(head.recent(), &user_agent, opted_out);
        notes.rule("User-Agent", || format!("{}: {found}", field_shown(head, "user-agent")));
        match found.class {
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

    fn check_credentials(&self, head: &RequestHead<'_>, notes: &mut Notes<'_>) -> Flow {
        let Some(spec) = &self.credentials else { return Flow::Continue(()) };
        let presented = presented(spec, head);
        notes.rule("key", || format!("{}: {}", spec.place(), presented.shown()));
        let fault = match presented {
            Presented::Absent => format!("{} is missing", spec.place()),
            Presented::Malformed => {
                format!("{} is malformed, or stands more than once", spec.place())
            }
            Presented::Key(key) if self.knows(spec, &key) => return Flow::Continue(()),
            Presented::Key(_) => "the key is not valid".to_owned(),
        };
        notes.note(Finding::new(Reason::Unauthorized, fault))
    }

    fn knows(&self, spec: &CredentialsSpec, key: &[u8]) -> bool {
        match &self.keys {
            Some(keys) => keys.contains(key),
            None => !matches!(spec, CredentialsSpec::Authorization(_)) || is_plausible_key(key),
        }
    }

    fn check_media_type(&self, head: &RequestHead<'_>, notes: &mut Notes<'_>) -> Flow {
        if self.media_types.is_empty() {
            return Flow::Continue(());
        }
        note_media_type_rule(head, notes);
        let listed = |value: Cow<'_, [u8]>| {
            let essence = essence(&value);
            self.media_types.iter().any(|known| essence.eq_ignore_ascii_case(known.as_bytes()))
        };
        if head.joined("content-type").is_some_and(listed) {
            return Flow::Continue(());
        }
        let message = format!("Content-Type must be {}", self.media_types.join(" or "));
        notes.note(Finding::new(Reason::ContentType, message))
    }
}

enum Presented<'a> {
    Absent,
    Malformed,
    Key(Cow<'a, [u8]>),
}

impl Presented<'_> {
    /// For a trace: of the key nothing but its length.
    fn shown(&self) -> String {
        match self {
            Presented::Absent => "missing".to_owned(),
            Presented::Malformed => "malformed".to_owned(),
            Presented::Key(key) => format!("a key of {} bytes", key.len()),
        }
    }
}

fn presented<'a>(spec: &CredentialsSpec, head: &RequestHead<'a>) -> Presented<'a> {
    let credentials = match spec {
        CredentialsSpec::Authorization(own) => authorization(head, &own.scheme.0),
        CredentialsSpec::Header(own) => header(head, &own.name.0),
        CredentialsSpec::Query(own) => {
            return match parameter(head, &own.name.0) {
                Ok(Some(key)) => Presented::Key(key),
                Ok(None) => Presented::Absent,
                Err(Ambiguous) => Presented::Malformed,
            };
        }
        CredentialsSpec::Basic(_) => match authorization(head, "Basic") {
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

/// What is kept until the body is whole.
#[derive(Debug)]
struct Body {
    policy: Arc<Policy>,
    coding: Coding,
}

impl Held for Body {
    fn body(self: Box<Self>, body: &[u8], notes: &mut Notes<'_>) -> Flow {
        let Policy { fields, limits, .. } = &*self.policy;
        note_json_rule(body, notes);
        let read = Reader::document(body, Strictness::Grammar, |reader| {
            walk::body(reader, fields, limits.event_bytes)
        });
        let seen = match read {
            Ok(seen) => seen,
            Err(invalid) => return not_json(body, self.coding, invalid, notes),
        };
        self.policy.check_shape(&seen, notes)?;
        if let BatchSeen::Array(batch) = &seen.batch {
            self.policy.check_batch(batch, notes)?;
        }
        notes.rule("fields", || format!("{} places of fields", seen.states.len()));
        for fault in fields.faults_of_request(&seen.states) {
            notes.note(Finding::new(fault.reason, fault.message).at(fault.path))?;
        }
        if let BatchSeen::Array(batch) = seen.batch {
            notes.rule("events", || "the fields of each event".to_owned());
            for fault in batch.faults.list {
                notes.note(Finding::new(Reason::EventInvalid, fault.message).at(fault.path))?;
            }
            notes.note_more(Reason::EventInvalid, batch.faults.more);
        }
        Flow::Continue(())
    }
}

impl Policy {
    fn check_shape(&self, seen: &Seen, notes: &mut Notes<'_>) -> Flow {
        notes.rule("shape", || if seen.is_object { "an object" } else { "no object" }.to_owned());
        let invalid = |message| Finding::new(Reason::InvalidShape, message);
        if !seen.is_object && self.fields.need_object() {
            return notes.note(invalid("the body must be an object".to_owned()));
        }
        let name = self.fields.batch_name();
        match seen.batch {
            BatchSeen::Array(_) | BatchSeen::NotAskedFor => Flow::Continue(()),
            BatchSeen::Missing => notes.note(invalid(format!("{name} is required"))),
            BatchSeen::NotAnArray => notes.note(invalid(format!("{name} must be an array"))),
        }
    }

    fn check_batch(&self, batch: &Batch, notes: &mut Notes<'_>) -> Flow {
        let Limits { batch_bytes, event_bytes, .. } = self.limits;
        notes.rule("batch", || format!("{} events in {} bytes", batch.count, batch.bytes));
        if batch.bytes > batch_bytes {
            let message = format!("the batch is larger than {batch_bytes} bytes");
            notes.note(Finding::new(Reason::RequestTooLarge, message))?;
        }
        if let Some(max_events) = self.max_events.filter(|max_events| batch.count > *max_events) {
            let message =
                format!("the batch has {} events, at most {max_events} are taken", batch.count);
            notes.note(Finding::new(Reason::TooManyEvents, message))?;
        }
        if let Some(index) = batch.too_large {
            let message = format!("event {index} is larger than {event_bytes} bytes");
            let finding = Finding::new(Reason::EventTooLarge, message);
            notes.note(finding.at(self.fields.event_path(index)))?;
        }
        if batch.count == 0 {
            notes.note(Finding::new(Reason::EmptyBatch, "the batch is empty"))?;
        }
        Flow::Continue(())
    }
}
