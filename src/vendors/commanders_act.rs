//! Commanders Act: `POST /events` and `POST /events/batch`, also below `/cdp` (contract, section
//! 4).
//!
//! `400` is for what is too large and for invalid JSON; everything else is answered `200` by the
//! vendor, and so forwarded.
//!
//! 1. Size, declared before a byte is read, else while the body comes: `request_too_large`.
//! 2. JSON, else `invalid_json` (a byte order mark is none), or `content_encoding` if it is no
//!    plain UTF-8; an object, with a `batch` array where the path says so, else `invalid_shape`;
//!    each event of a batch within its own limit, measured as it stands in the body, else
//!    `event_too_large`.
//! 3. The request: `missing_site_id` without `tc_s`; `missing_source_key` without `token`,
//!    `tc_skey` or a Bearer token; `content_type` if that is not `application/json`. A body of a
//!    type other than `text/plain` is not read; one with a content coding (`content_encoding`) is
//!    judged if it is JSON all the same.
//! 4. Each event: `event_invalid` if it is no object; `event_name_missing`; `legacy_payload` in the
//!    form that ended in 2023; `timestamp_not_ms`. A batch without any: `empty_batch`.
//!
//! A request with the query parameter `ga_url_param`, or with an empty body that does not claim to
//! be JSON, comes from a Google tag that Tag Manager sends here: its event is in the query, and its
//! size alone is looked at.
//!
//! A path is a batch's if its last segment is `batch`. Of duplicate names the last one counts.

mod events;

use crate::request::RequestHead;
use crate::rules::content_coding::has_byte_order_mark;
use crate::rules::content_type::{MediaType, media_type};
use crate::rules::credentials::{Credentials, authorization};
use crate::rules::endpoint::last_segment_is;
use crate::rules::json::{Reader, Strictness};
use crate::rules::query;
use crate::vendors::{
    Awaited as All, Coding, Limits, check_content_coding, check_declared_size, invalid_json,
    not_json,
};
use crate::verdict::{Disposition, Finding, Flow, Notes, Reason};
use events::Shape;

pub const PATHS: &[&str] = &["/events", "/events/batch", "/cdp/events", "/cdp/events/batch"];

/// Of bytes of body, inclusive, at 1,024 a KB (contract, A-1, A-2).
pub const LIMITS: Limits =
    Limits { request_bytes: 32 * 1024, batch_bytes: 500 * 1024, event_bytes: 32 * 1024 };

#[derive(Debug)]
pub struct Policy {}

/// What the head told, for when the body has been read.
#[derive(Debug)]
pub struct Awaited {
    is_batch: bool,
    pub max_bytes: usize,
    pub marks: Marks,
    coding: Coding,
}

/// What is amiss with the request itself.
#[derive(Debug)]
pub struct Marks {
    no_site_id: bool,
    no_source_key: bool,
    not_json: bool,
}

pub fn head(
    _: &Policy,
    limits: &Limits,
    head: &RequestHead<'_>,
    notes: &mut Notes<'_>,
) -> Flow<All> {
    let is_batch = last_segment_is(head.path(), "batch");
    let max_bytes = if is_batch { limits.batch_bytes } else { limits.request_bytes };
    let too_large = check_declared_size(max_bytes, head, notes)?;
    let media_type = media_type(head);
    let mut marks = marks(head, media_type);
    if too_large {
        note_marks(&marks, notes)?;
        return Flow::Continue(All::Nothing);
    }
    let coding = check_content_coding(head, notes)?;
    if query::has(head.path(), "ga_url_param") {
        marks.not_json = false;
        note_marks(&marks, notes)?;
        return Flow::Continue(All::Size(max_bytes));
    }
    match media_type {
        MediaType::Absent | MediaType::Empty | MediaType::Json | MediaType::TextPlain => {
            Flow::Continue(All::CommandersAct(Awaited { is_batch, max_bytes, marks, coding }))
        }
        MediaType::JsonSuffix | MediaType::Form | MediaType::Other => {
            note_marks(&marks, notes)?;
            notes.findings.uninspected = true;
            Flow::Continue(All::Size(max_bytes))
        }
    }
}

fn marks(head: &RequestHead<'_>, media_type: MediaType) -> Marks {
    let has = |name: &str| query::has_value(head.path(), name);
    let bearer = || matches!(authorization(head, "Bearer"), Credentials::Token(_));
    Marks {
        no_site_id: !has("tc_s"),
        no_source_key: !(has("token") || has("tc_skey") || bearer()),
        not_json: media_type != MediaType::Json,
    }
}

pub fn note_marks(marks: &Marks, notes: &mut Notes<'_>) -> Flow {
    if marks.no_site_id {
        notes.note(Finding::new(Reason::MissingSiteId, "the query parameter tc_s is required"))?;
    }
    if marks.no_source_key {
        notes.note(Finding::new(
            Reason::MissingSourceKey,
            "a source key is required: the query parameter token, or Authorization: Bearer",
        ))?;
    }
    if marks.not_json {
        notes.note(Finding::new(Reason::ContentType, "Content-Type must be application/json"))?;
    }
    Flow::Continue(())
}

pub fn body(awaited: Awaited, limits: &Limits, body: &[u8], notes: &mut Notes<'_>) -> Flow {
    let Awaited { is_batch, mut marks, coding, .. } = awaited;
    if body.is_empty() && marks.not_json {
        marks.not_json = false;
        return note_marks(&marks, notes);
    }
    let matters = |reason: Reason| notes.disposition(reason) != Some(Disposition::Pass);
    let limit = limits.event_bytes;
    let read = Reader::document(body, Strictness::Grammar, |reader| {
        if is_batch {
            events::batch(reader, limit, &matters)
        } else {
            events::single(reader, &matters)
        }
    });
    let faults = match read {
        Ok(Shape::Wrong(message)) => {
            notes.note(Finding::new(Reason::InvalidShape, message))?;
            return note_marks(&marks, notes);
        }
        Ok(Shape::Single(faults)) => faults,
        Ok(Shape::Batch { count, too_large, faults }) => {
            for index in too_large.list {
                let message = format!("batch[{index}] is larger than {limit} bytes");
                notes.note(
                    Finding::new(Reason::EventTooLarge, message).at(format!("batch[{index}]")),
                )?;
            }
            notes.note_more(Reason::EventTooLarge, too_large.more);
            if count == 0 {
                notes.note(Finding::new(Reason::EmptyBatch, "batch is empty").at("batch"))?;
            }
            faults
        }
        Err(invalid) => {
            // The vendor documents 400 for what is no JSON, and a mark is none (vector ca-041).
            match has_byte_order_mark(body) {
                true => notes.note(invalid_json(invalid))?,
                false => not_json(body, coding, invalid, notes)?,
            }
            return note_marks(&marks, notes);
        }
    };
    note_marks(&marks, notes)?;
    for fault in faults.list {
        notes.note(fault.finding())?;
    }
    notes.findings.kept.more += faults.more;
    Flow::Continue(())
}
