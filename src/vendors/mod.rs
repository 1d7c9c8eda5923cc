//! The vendors, one a file. Each file reads from top to bottom like that vendor's contract: the
//! checks stand in the vendor's own order, and what a check says is treated by the endpoint's
//! dispositions.

pub mod commanders_act;
pub mod convert;
pub mod custom;
pub mod plausible;
pub mod userpilot;

use std::borrow::Cow;

use crate::request::RequestHead;
use crate::rules::client_ip::ClientIp;
use crate::rules::content_type::is_grpc;
use crate::rules::credentials::{Credentials, authorization};
use crate::rules::json::Invalid;
use crate::rules::referrer::SpamReferrers;
use crate::rules::user_agent::UserAgents;
use crate::rules::{content_coding, size};
use crate::vendor::Vendor;
use crate::verdict::{Finding, Flow, Notes, Reason};

/// The most bytes of body an endpoint takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    pub request_bytes: usize,
    /// A batch request, where the vendor has them.
    pub batch_bytes: usize,
    /// One event inside a batch.
    pub event_bytes: usize,
}

/// What all endpoints use.
#[derive(Debug)]
pub struct Shared {
    pub user_agents: UserAgents,
    pub spam_referrers: SpamReferrers,
    pub client_ip: ClientIp,
    /// Lower-case name of the field that holds the client's country.
    pub country_header: Option<String>,
}

/// The documented paths, for an endpoint that names none.
pub const fn default_paths(vendor: Vendor) -> &'static [&'static str] {
    match vendor {
        Vendor::Convert => convert::PATHS,
        Vendor::Plausible => plausible::PATHS,
        Vendor::Userpilot => userpilot::PATHS,
        Vendor::CommandersAct => commanders_act::PATHS,
        Vendor::Custom => &[],
    }
}

/// What an endpoint's vendor needs beyond what all endpoints have.
#[derive(Debug)]
pub enum Policy {
    Convert(convert::Policy),
    Plausible(plausible::Policy),
    Userpilot(userpilot::Policy),
    CommandersAct(commanders_act::Policy),
    Custom(Box<custom::Policy>),
}

/// What is still to be seen of a request whose head has been checked.
#[derive(Debug)]
pub enum Awaited {
    /// Nothing: the verdict is known.
    Nothing,
    /// The size of the body alone, at most so many bytes; what is in it cannot be read, or need not
    /// be.
    Size(usize),
    Convert(Coding),
    Plausible(plausible::Awaited),
    Userpilot(Coding),
    CommandersAct(commanders_act::Awaited),
    Custom(Coding),
}

/// Whether the head says that the body is encoded. It may lie: what is JSON as it stands is judged
/// all the same (contract, P5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coding {
    Plain,
    Declared,
}

/// What tells clients apart better than an address, where the vendor asks for it: their key.
pub fn client_key<'a>(policy: &Policy, head: &RequestHead<'a>) -> Option<Cow<'a, [u8]>> {
    match policy {
        Policy::Userpilot(_) => match authorization(head, "Token") {
            Credentials::Token(key) => Some(key.into()),
            Credentials::Absent | Credentials::Malformed => None,
        },
        Policy::Custom(policy) => custom::key(policy, head),
        Policy::Convert(_) | Policy::Plausible(_) | Policy::CommandersAct(_) => None,
    }
}

/// The field that a client can send, the collector would believe, and the operator does not trust;
/// lower-case.
pub fn distrusted_field(policy: &Policy) -> Option<&'static str> {
    match policy {
        Policy::Plausible(policy) => (!policy.trust_ip_type_header).then_some(plausible::IP_TYPE),
        Policy::Convert(_)
        | Policy::Userpilot(_)
        | Policy::CommandersAct(_)
        | Policy::Custom(_) => None,
    }
}

/// The checks that need the head alone.
pub fn head(
    policy: &Policy,
    limits: &Limits,
    shared: &Shared,
    head: &RequestHead<'_>,
    notes: &mut Notes<'_>,
) -> Flow<Awaited> {
    match policy {
        Policy::Convert(policy) => convert::head(policy, limits, shared, head, notes),
        Policy::Plausible(policy) => plausible::head(policy, limits, shared, head, notes),
        Policy::Userpilot(policy) => userpilot::head(policy, limits, head, notes),
        Policy::CommandersAct(policy) => commanders_act::head(policy, limits, head, notes),
        Policy::Custom(policy) => custom::head(policy, limits, shared, head, notes),
    }
}

/// The checks that need the whole body; empty where the request had none.
pub fn body(
    policy: &Policy,
    limits: &Limits,
    shared: &Shared,
    awaited: Awaited,
    body: &[u8],
    notes: &mut Notes<'_>,
) -> Flow {
    match awaited {
        Awaited::Nothing | Awaited::Size(_) => Flow::Continue(()),
        Awaited::Convert(coding) => convert::body(coding, body, notes),
        Awaited::Plausible(awaited) => match policy {
            Policy::Plausible(policy) => plausible::body(awaited, policy, shared, body, notes),
            Policy::Convert(_)
            | Policy::Userpilot(_)
            | Policy::CommandersAct(_)
            | Policy::Custom(_) => Flow::Continue(()),
        },
        Awaited::Userpilot(coding) => userpilot::body(coding, body, notes),
        Awaited::CommandersAct(awaited) => commanders_act::body(awaited, limits, body, notes),
        Awaited::Custom(coding) => match policy {
            Policy::Custom(policy) => custom::body(coding, policy, limits, body, notes),
            Policy::Convert(_)
            | Policy::Plausible(_)
            | Policy::Userpilot(_)
            | Policy::CommandersAct(_) => Flow::Continue(()),
        },
    }
}

/// Whether the reason can refuse a part of a request alone, which is then forwarded with it, though
/// it is no reason to annotate.
pub fn refuses_in_part(vendor: Vendor, reason: Reason) -> bool {
    match vendor {
        Vendor::Plausible => plausible::refuses_domains(reason),
        Vendor::Convert | Vendor::Userpilot | Vendor::CommandersAct | Vendor::Custom => false,
    }
}

/// The most bytes of body that are held for inspection.
pub fn max_body_bytes(limits: &Limits, awaited: &Awaited) -> usize {
    match awaited {
        Awaited::CommandersAct(awaited) => awaited.max_bytes,
        Awaited::Size(max_bytes) => *max_bytes,
        Awaited::Nothing
        | Awaited::Convert(_)
        | Awaited::Plausible(_)
        | Awaited::Userpilot(_)
        | Awaited::Custom(_) => limits.request_bytes,
    }
}

/// How the vendor says that a body has turned out to be larger than `max_bytes` while it came.
pub fn too_large(awaited: &Awaited, max_bytes: usize) -> Finding {
    match awaited {
        Awaited::Plausible(awaited) => plausible::too_large(awaited.media_type, max_bytes),
        Awaited::Nothing
        | Awaited::Size(_)
        | Awaited::Convert(_)
        | Awaited::Userpilot(_)
        | Awaited::CommandersAct(_)
        | Awaited::Custom(_) => request_too_large(max_bytes),
    }
}

/// The body will not be read: what the head told is all there is, and is annotated (contract, P5).
pub fn unread(awaited: &Awaited, notes: &mut Notes<'_>) -> Flow {
    notes.findings.uninspected = true;
    match awaited {
        Awaited::Plausible(awaited) => awaited.client.annotate(notes),
        Awaited::CommandersAct(awaited) => commanders_act::note_marks(&awaited.marks, notes)?,
        // They have noted it as they found it.
        Awaited::Nothing
        | Awaited::Size(_)
        | Awaited::Convert(_)
        | Awaited::Userpilot(_)
        | Awaited::Custom(_) => {}
    }
    Flow::Continue(())
}

/// A request that must not be held, for it may have no end: an upgraded connection, or a gRPC
/// stream. Its head has been checked like any other's (contract, P3).
pub fn unheld(awaited: &Awaited, notes: &mut Notes<'_>) -> Flow {
    unread(awaited, notes)?;
    if !notes.findings.kept.list.iter().any(|finding| finding.reason == Reason::ContentType) {
        notes.annotate(Finding::new(
            Reason::ContentType,
            "a stream cannot be held, and was not read",
        ));
    }
    Flow::Continue(())
}

/// Whether a request cannot be held. At Plausible no media type is an exemption: its server reads
/// the body of each.
pub fn is_stream(vendor: Vendor, head: &RequestHead<'_>) -> bool {
    head.first("upgrade").is_some() || vendor != Vendor::Plausible && is_grpc(head)
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
    if !size::declares_more_than(head, max_bytes) {
        return Flow::Continue(false);
    }
    notes.findings.uninspected = true;
    notes.note(request_too_large(max_bytes))?;
    Flow::Continue(true)
}

/// Notes a content coding.
pub fn check_content_coding(head: &RequestHead<'_>, notes: &mut Notes<'_>) -> Flow<Coding> {
    if !content_coding::is_encoded(head) {
        return Flow::Continue(Coding::Plain);
    }
    notes
        .note(Finding::new(Reason::ContentEncoding, "the body is compressed; send it as it is"))?;
    Flow::Continue(Coding::Declared)
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
    Finding::new(
        Reason::InvalidJson,
        format!("the body is not valid JSON: see byte {}", invalid.at),
    )
}
