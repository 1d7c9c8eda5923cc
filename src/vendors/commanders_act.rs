//! Commanders Act: `POST /events` and `POST /events/batch`, also below `/cdp` (contract, section
//! 4).
//!
//! `400` is for what is too large and for invalid JSON; everything else is answered `200` by the
//! vendor, and so forwarded.
//!
//! 1. Size, declared before a byte is read, else while the body comes: `request_too_large`.
//! 2. JSON, else `invalid_json` (also for a byte order mark), or `content_encoding` if it is not
//!    plain UTF-8; an object, with a `batch` array where the path says so, else `invalid_shape`;
//!    each event of a batch within its own limit, measured as it stands in the body, else
//!    `event_too_large`.
//! 3. The request: `missing_site_id` without `tc_s`; `missing_source_key` without `token`,
//!    `tc_skey` or a Bearer token; `content_type` if that is not `application/json`. A body of a
//!    type other than `text/plain` is not read; one with a content coding (`content_encoding`) is
//!    judged if it is JSON all the same.
//! 4. Each event: `event_invalid` if it is not an object; `event_name_missing`; `legacy_payload` in
//!    the form that ended in 2023; `timestamp_not_ms`. A batch without any: `empty_batch`.
//!
//! A request with the query parameter `ga_url_param`, or with an empty body that does not claim to
//! be JSON, comes from a Google tag that Tag Manager sends here: its event is in the query, and its
//! size alone is looked at.
//!
//! A path is a batch's if its last segment is `batch`. Of duplicate names the last one counts.

mod events;

use super::common::{
    Coding, check_content_coding, check_declared_size, invalid_json, not_json, note_json_rule,
};
use super::{
    Answer, Checks, Compiled, Configured, Contract, ErrorReply, Held, Limits, Next, Shared,
    UserAgentRule,
};
use crate::config::declare::object;
use crate::request::RequestHead;
use crate::rules::content_coding::has_byte_order_mark;
use crate::rules::content_type::{MediaType, media_type};
use crate::rules::credentials::{Credentials, authorization};
use crate::rules::endpoint::last_segment_is;
use crate::rules::json::write::{object, quoted};
use crate::rules::json::{Reader, Strictness};
use crate::rules::query;
use crate::verdict::Disposition::{self, Annotate, Reject};
use crate::verdict::{Bounded, Finding, Flow, Notes, Reason};
use events::{Fault, Shape};
use std::sync::Arc;

/// See the head of this page.
pub const CONTRACT: Contract = Contract {
    is_built_in: true,
    paths: &["/events", "/events/batch", "/cdp/events", "/cdp/events/batch"],
    // Bytes of body, inclusive, at 1,024 a KB (contract, A-1, A-2).
    limits: Limits { request_bytes: 32 * 1024, batch_bytes: 500 * 1024, event_bytes: 32 * 1024 },
    dispositions: &[
        (Reason::RequestTooLarge, Reject),
        (Reason::ContentEncoding, Annotate),
        (Reason::InvalidJson, Reject),
        (Reason::InvalidShape, Annotate),
        (Reason::EventTooLarge, Annotate),
        (Reason::EmptyBatch, Annotate),
        (Reason::MissingSiteId, Annotate),
        (Reason::MissingSourceKey, Annotate),
        (Reason::ContentType, Annotate),
        (Reason::EventInvalid, Annotate),
        (Reason::EventNameMissing, Annotate),
        (Reason::LegacyPayload, Annotate),
        (Reason::TimestampNotMs, Annotate),
    ],
    refuses_in_part: |_| false,
    success: Answer::empty(200),
    // The only error that the vendor documents.
    error: ErrorReply {
        status: |_| 400,
        content_type: "application/json",
        body: |_, finding| object(&[("error", quoted(&finding.message))]),
    },
    reply_fields: &[],
    dropped_domains_field: None,
    allow_origin: None,
    reads_grpc: false,
    user_agents: UserAgentRule::Ignored,
};

object! {
    /// Fields of Commanders Act's own: none.
    pub struct Fields {}
}

impl Configured for Fields {
    fn checks(&self, limits: Limits, _: &Arc<Shared>) -> Compiled {
        Ok(Arc::new(Policy { limits }))
    }
}

/// The checks of an endpoint.
#[derive(Debug)]
pub struct Policy {
    /// The contract's, or the operator's.
    pub limits: Limits,
}

impl Checks for Policy {
    fn head(self: Arc<Self>, head: &RequestHead<'_>, notes: &mut Notes<'_>) -> Flow<Next> {
        let Limits { request_bytes, batch_bytes, event_bytes } = self.limits;
        let is_batch = last_segment_is(head.path(), "batch");
        let max_bytes = if is_batch { batch_bytes } else { request_bytes };
        let too_large = check_declared_size(max_bytes, head, notes)?;
        let media_type = media_type(head);
        let mut faults = RequestFaults::of(head, media_type);
        if too_large {
            faults.note(notes)?;
            return Flow::Continue(Next::Nothing);
        }
        let coding = check_content_coding(head, notes)?;
        if query::has(head.path(), "ga_url_param") {
            notes.rule("Google tag", || "the query has ga_url_param".to_owned());
            faults.not_json = false;
            faults.note(notes)?;
            return Flow::Continue(Next::Size(max_bytes));
        }
        match media_type {
            MediaType::Absent | MediaType::Empty | MediaType::Json | MediaType::TextPlain => {
                let held = Body { is_batch, event_bytes, faults, coding };
                Flow::Continue(Next::body(held, max_bytes))
            }
            MediaType::JsonSuffix | MediaType::Form | MediaType::Other => {
                faults.note(notes)?;
                notes.findings.uninspected = true;
                Flow::Continue(Next::Size(max_bytes))
            }
        }
    }

    fn key_parameters(&self) -> Vec<&str> {
        KEY_PARAMETERS.to_vec()
    }
}

/// In which the query may hold a source key.
const KEY_PARAMETERS: [&str; 2] = ["token", "tc_skey"];

/// What is wrong with the request itself, which the vendor says after it has read the body.
#[derive(Debug)]
struct RequestFaults {
    no_site_id: bool,
    no_source_key: bool,
    not_json: bool,
}

impl RequestFaults {
    fn of(head: &RequestHead<'_>, media_type: MediaType) -> Self {
        let has = |name: &str| query::has_value(head.path(), name);
        let in_query = || KEY_PARAMETERS.iter().any(|name| has(name));
        let bearer = || matches!(authorization(head, "Bearer"), Credentials::Token(_));
        RequestFaults {
            no_site_id: !has("tc_s"),
            no_source_key: !(in_query() || bearer()),
            not_json: media_type != MediaType::Json,
        }
    }

    fn note(&self, notes: &mut Notes<'_>) -> Flow {
        notes.rule("tc_s", || shown(!self.no_site_id));
        if self.no_site_id {
            let message = "the query parameter tc_s is required";
            notes.note(Finding::new(Reason::MissingSiteId, message))?;
        }
        notes.rule("source key", || shown(!self.no_source_key));
        if self.no_source_key {
            notes.note(Finding::new(
                Reason::MissingSourceKey,
                "a source key is required: the query parameter token, or Authorization: Bearer",
            ))?;
        }
        notes.rule("media type", || {
            if self.not_json { "not application/json" } else { "application/json" }.to_owned()
        });
        if self.not_json {
            notes
                .note(Finding::new(Reason::ContentType, "Content-Type must be application/json"))?;
        }
        Flow::Continue(())
    }
}

fn shown(is_there: bool) -> String {
    if is_there { "present" } else { "missing" }.to_owned()
}

/// What is kept until the body is whole.
#[derive(Debug)]
struct Body {
    is_batch: bool,
    event_bytes: usize,
    faults: RequestFaults,
    coding: Coding,
}

impl Held for Body {
    fn body(mut self: Box<Self>, body: &[u8], notes: &mut Notes<'_>) -> Flow {
        note_json_rule(body, notes);
        if body.is_empty() && self.faults.not_json {
            self.faults.not_json = false;
            return self.faults.note(notes);
        }
        let matters = |reason: Reason| notes.disposition(reason) != Some(Disposition::Pass);
        let read = Reader::document(body, Strictness::Grammar, |reader| {
            if self.is_batch {
                events::batch(reader, self.event_bytes, &matters)
            } else {
                events::single(reader, &matters)
            }
        });
        let faults = match read {
            Ok(shape) => self.check_shape(shape, notes)?,
            Err(invalid) => {
                // The vendor documents 400 for what is not JSON; nor is a mark (vector ca-041).
                match has_byte_order_mark(body) {
                    true => notes.note(invalid_json(invalid))?,
                    false => not_json(body, self.coding, invalid, notes)?,
                }
                return self.faults.note(notes);
            }
        };
        self.faults.note(notes)?;
        notes.rule("events", || "each event".to_owned());
        for fault in faults.list {
            notes.note(fault.finding())?;
        }
        notes.findings.kept.more += faults.more;
        Flow::Continue(())
    }

    fn unread(&self, notes: &mut Notes<'_>) -> Flow {
        self.faults.note(notes)
    }
}

impl Body {
    /// The faults of the events; none where the shape is wrong.
    fn check_shape(&self, shape: Shape, notes: &mut Notes<'_>) -> Flow<Bounded<Fault>> {
        notes.rule("shape", || if self.is_batch { "a batch" } else { "an event" }.to_owned());
        match shape {
            Shape::Wrong(message) => {
                notes.note(Finding::new(Reason::InvalidShape, message))?;
                Flow::Continue(Bounded::default())
            }
            Shape::Single(faults) => Flow::Continue(faults),
            Shape::Batch { count, too_large, faults } => {
                let limit = self.event_bytes;
                notes
                    .rule("batch", || format!("{count} events; the limit of one is {limit} bytes"));
                for index in too_large.list {
                    let message = format!("batch[{index}] is larger than {limit} bytes");
                    let finding = Finding::new(Reason::EventTooLarge, message);
                    notes.note(finding.at(format!("batch[{index}]")))?;
                }
                notes.note_more(Reason::EventTooLarge, too_large.more);
                if count == 0 {
                    notes.note(Finding::new(Reason::EmptyBatch, "batch is empty").at("batch"))?;
                }
                Flow::Continue(faults)
            }
        }
    }
}
