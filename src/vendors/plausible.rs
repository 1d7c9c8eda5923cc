//! Plausible: `POST /api/event` (contract, section 1).
//!
//! Validation comes first, even for bots; everything it finds is `invalid`, answered with all failing fields at once:
//! 1. `Content-Type`: `application/json`, `application/*+json` or `text/plain`. Missing: the body is not read, so that all
//!    three required fields are missing. Any other: `content_type`, and the body is not read.
//! 2. Declared size over the limit: unreadable. A content coding: `content_encoding`, and the body is not read.
//! 3. JSON as Elixir's Jason reads it, and an object. An empty body or another value has no fields, if the type is JSON; it
//!    is unreadable if the type is text.
//! 4. The fields (`event`). Of duplicate names the first one counts; that they differ is `json_duplicate_keys`, by default
//!    passed over.
//!
//! Then, for each tracked domain, the first of these that its disposition does not pass over:
//! 5. `spam_referrer`, by the referrer's host.
//! 6. `verification_agent`, by the whole `User-Agent`.
//! 7. `dc_ip`, `threat_ip`, as a trusted hop says in `x-plausible-ip-type`; `dc_ip` also by address.
//! 8. The site's rules: `site_hostname_allowlist`, `site_page_blocklist`, `site_ip_blocklist`, `site_country_blocklist`.
//! 9. `bot`: a crawler or headless browser. A library or an unknown product is `bot_suspected`, by default passed over; so
//!    is, without any reason, a request with an empty `User-Agent` or none.
//!
//! If every domain is refused, so is the request. If some are, it is forwarded, each refused domain is annotated, and the
//! response is made to tell how many (`response`).

mod event;
mod pipeline;
mod props;
pub mod response;
pub mod sites;

use crate::request::RequestHead;
use crate::rules::cidr::CidrSet;
use crate::rules::content_type::{MediaType, media_type};
use crate::rules::country::Country;
use crate::rules::user_agent::Class;
use crate::vendor::Vendor;
use crate::vendors::{Awaited as All, Limits, Shared, check_content_coding, check_declared_size};
use crate::verdict::{Finding, Flow, Notes, Reason};
use event::Event;
use pipeline::Client;
use sites::Sites;

pub const PATHS: &[&str] = &["/api/event"];

/// One limit for all types (contract, P-2).
pub const REQUEST_BYTES: usize = 1_000_000;

const VERIFICATION_AGENT: &[u8] = b"Plausible Verification Agent - if abused, contact support@plausible.io";

#[derive(Debug)]
pub struct Policy {
    /// Believe `x-plausible-ip-type`, which any client can send unless a hop in front sets or removes it.
    pub trust_ip_type_header: bool,
    /// Addresses that are `dc_ip` whatever the header says.
    pub datacenter_ranges: CidrSet,
    pub sites: Sites,
}

impl Policy {
    /// Whether any check looks at the client's address.
    pub fn wants_address(&self) -> bool {
        !self.datacenter_ranges.is_empty() || self.sites.have_addresses
    }
}

/// What the head told, for when the body has been read.
#[derive(Debug)]
pub struct Awaited {
    media_type: MediaType,
    client: Client,
}

pub fn head(policy: &Policy, limits: &Limits, shared: &Shared, head: &RequestHead<'_>, notes: &mut Notes<'_>) -> Flow<All> {
    let limit = limits.request_bytes;
    let media_type = media_type(head);
    if media_type == MediaType::Absent {
        notes.note(event::without_fields())?;
        notes.findings.uninspected = true;
        return Flow::Continue(All::Size(limit));
    }
    if check_declared_size(Vendor::Plausible, limit, head, notes)? {
        return Flow::Continue(All::Nothing);
    }
    if media_type == MediaType::Other {
        notes.note(Finding::new(Reason::ContentType, "Content-Type must be application/json or text/plain"))?;
        return Flow::Continue(All::Size(limit));
    }
    if check_content_coding(head, notes)? {
        return Flow::Continue(All::Size(limit));
    }
    Flow::Continue(All::Plausible(Awaited { media_type, client: client(policy, shared, head) }))
}

/// What the checks behind validation need of the head.
fn client(policy: &Policy, shared: &Shared, head: &RequestHead<'_>) -> Client {
    let user_agent = head.joined("user-agent").unwrap_or_default();
    let ip_type = if policy.trust_ip_type_header { head.first("x-plausible-ip-type").unwrap_or_default() } else { b"" };
    let address = if policy.wants_address() { shared.client_ip.of(head) } else { None };
    let country = match (&shared.country_header, ip_type) {
        (_, b"anonymous_vpn_ip") => Country::AnonymousVpn,
        (Some(name), _) => head.first(name).map_or(Country::Unknown, Country::of_value),
        (None, _) => Country::Unknown,
    };
    // The vendor's own verifier, or somebody who says so, is for the vendor's list of bots no bot.
    let opts_out = |value: &[u8]| value.starts_with(VERIFICATION_AGENT);
    let class = if user_agent.is_empty() { Class::None } else { shared.user_agents.classify(&user_agent, opts_out).class };
    Client {
        class,
        is_verification_agent: *user_agent == *VERIFICATION_AGENT,
        is_datacenter: ip_type == b"dc_ip" || address.is_some_and(|address| policy.datacenter_ranges.contains(address)),
        is_threat: ip_type == b"threat_ip",
        address,
        country,
    }
}

pub fn body(awaited: Awaited, policy: &Policy, shared: &Shared, body: &[u8], notes: &mut Notes<'_>) -> Flow {
    let fields = match event::fields(body, awaited.media_type) {
        Some(fields) => fields,
        None => return notes.note(unreadable()),
    };
    let event = Event::of(&fields);
    if event.is_ok() && fields.contradict {
        notes.note(Finding::new(Reason::JsonDuplicateKeys, "a field stands twice and differs"))?;
    }
    match event {
        Ok(event) => pipeline::run(&event, &awaited.client, policy, shared, notes),
        Err(errors) => notes.note(invalid(errors)),
    }
}

/// The body could not be read as JSON, or is too large to be.
pub fn unreadable() -> Finding {
    invalid(vec![("request", "Unable to parse request body as json")])
}

fn invalid(errors: Vec<(&'static str, &'static str)>) -> Finding {
    let path: Vec<&str> = errors.iter().map(|(field, _)| *field).collect();
    Finding::new(Reason::Invalid, "the event is not valid").at(path.join(",")).with_fields(errors)
}
