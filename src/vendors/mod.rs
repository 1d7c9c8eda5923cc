//! The vendors, one a file. Each file reads from top to bottom like that vendor's contract: the checks stand in the
//! vendor's own order, and what a check says is treated by the endpoint's dispositions.

pub mod commanders_act;
pub mod convert;
pub mod custom;
pub mod plausible;
pub mod userpilot;

use std::borrow::Cow;

use crate::request::RequestHead;
use crate::rules::client_ip::ClientIp;
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
    /// The size of the body alone, at most so many bytes; what is in it cannot be read, or need not be.
    Size(usize),
    Convert,
    Plausible(plausible::Awaited),
    Userpilot,
    CommandersAct(commanders_act::Awaited),
    Custom,
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

/// The checks that need the head alone.
pub fn head(policy: &Policy, limits: &Limits, shared: &Shared, head: &RequestHead<'_>, notes: &mut Notes<'_>) -> Flow<Awaited> {
    match policy {
        Policy::Convert(policy) => convert::head(policy, limits, shared, head, notes),
        Policy::Plausible(policy) => plausible::head(policy, limits, shared, head, notes),
        Policy::Userpilot(policy) => userpilot::head(policy, limits, head, notes),
        Policy::CommandersAct(policy) => commanders_act::head(policy, limits, head, notes),
        Policy::Custom(policy) => custom::head(policy, limits, shared, head, notes),
    }
}

/// The checks that need the whole body; empty where the request had none.
pub fn body(policy: &Policy, limits: &Limits, shared: &Shared, awaited: Awaited, body: &[u8], notes: &mut Notes<'_>) -> Flow {
    match awaited {
        Awaited::Nothing | Awaited::Size(_) => Flow::Continue(()),
        Awaited::Convert => convert::body(body, notes),
        Awaited::Plausible(awaited) => match policy {
            Policy::Plausible(policy) => plausible::body(awaited, policy, shared, body, notes),
            Policy::Convert(_) | Policy::Userpilot(_) | Policy::CommandersAct(_) | Policy::Custom(_) => Flow::Continue(()),
        },
        Awaited::Userpilot => userpilot::body(body, notes),
        Awaited::CommandersAct(awaited) => commanders_act::body(awaited, limits, body, notes),
        Awaited::Custom => match policy {
            Policy::Custom(policy) => custom::body(policy, limits, body, notes),
            Policy::Convert(_) | Policy::Plausible(_) | Policy::Userpilot(_) | Policy::CommandersAct(_) => Flow::Continue(()),
        },
    }
}

/// The most bytes of body that are held for inspection.
pub fn max_body_bytes(limits: &Limits, awaited: &Awaited) -> usize {
    match awaited {
        Awaited::CommandersAct(awaited) => awaited.max_bytes,
        Awaited::Size(max_bytes) => *max_bytes,
        Awaited::Nothing | Awaited::Convert | Awaited::Plausible(_) | Awaited::Userpilot | Awaited::Custom => {
            limits.request_bytes
        }
    }
}

/// How the vendor says that a body is too large.
pub fn too_large(vendor: Vendor, max_bytes: usize) -> Finding {
    match vendor {
        Vendor::Plausible => plausible::unreadable(),
        Vendor::Convert | Vendor::Userpilot | Vendor::CommandersAct | Vendor::Custom => {
            Finding::new(Reason::RequestTooLarge, format!("the body is larger than {max_bytes} bytes"))
        }
    }
}

/// Notes a declared length over the limit. `Continue(true)`: it is, and the operator lets it pass, so the body is not looked at.
pub fn check_declared_size(vendor: Vendor, max_bytes: usize, head: &RequestHead<'_>, notes: &mut Notes<'_>) -> Flow<bool> {
    if !size::declares_more_than(head, max_bytes) {
        return Flow::Continue(false);
    }
    notes.findings.uninspected = true;
    notes.note(too_large(vendor, max_bytes))?;
    Flow::Continue(true)
}

/// Notes a content coding. `Continue(true)`: there is one, and the body cannot be read.
pub fn check_content_coding(head: &RequestHead<'_>, notes: &mut Notes<'_>) -> Flow<bool> {
    if !content_coding::is_encoded(head) {
        return Flow::Continue(false);
    }
    notes.findings.uninspected = true;
    notes.note(Finding::new(Reason::ContentEncoding, "the body is compressed; send it as it is"))?;
    Flow::Continue(true)
}

pub fn invalid_json(invalid: Invalid) -> Finding {
    Finding::new(Reason::InvalidJson, format!("the body is not valid JSON: see byte {}", invalid.at))
}
