//! Plausible: `POST /api/event` (contract, section 1).
//!
//! Validation comes first, even for bots; everything it finds is `invalid`, answered with all
//! failing fields at once:
//! 1. `Content-Type`. Missing: the body is not read, so that all three required fields are missing.
//!    A form (urlencoded, multipart): the vendor reads it and the gate does not: `content_type`.
//!    Any other type, and an empty value: the body is JSON; a type that is neither JSON's nor
//!    `text/plain` is `content_type` as well.
//! 2. Declared size over the limit: unreadable, or `request_too_large` where the type is JSON's,
//!    for the vendor takes more of that.
//! 3. A content coding: `content_encoding`. What is JSON all the same is judged.
//! 4. JSON as Elixir's Jason reads it, and an object. An empty body or another value has no fields,
//!    if the type is JSON's; it is unreadable if the type is another.
//! 5. The fields (`event`). Of duplicate names the first one counts; that they differ is
//!    `json_duplicate_keys`, by default passed over.
//!
//! Then, for each tracked domain, the first of these that its disposition does not pass over:
//! 6. `spam_referrer`, by the referrer's host.
//! 7. `verification_agent`, by the whole `User-Agent`.
//! 8. `dc_ip`, `threat_ip`, as a trusted hop says in `x-plausible-ip-type`; `dc_ip` also by
//!    address.
//! 9. The site's rules: `site_hostname_allowlist`, `site_page_blocklist`, `site_ip_blocklist`,
//!    `site_country_blocklist`.
//! 10. `bot`: a listed crawler or a headless browser. A crawler by its shape alone, a library or an
//!     unknown product is
//!     `bot_suspected`, by default passed over; so is, without any reason, a request with an empty `User-Agent` or none.
//!
//! If every domain is refused, so is the request. If some are, `partial_drops` says: `annotate`
//! forwards it, with each refused domain annotated, and the response is made to tell how many
//! (`response`); `drop` refuses it whole.
//!
//! Where the body is not read, what 7, 8 and 10 tell from the head is annotated.

mod event;
mod graphemes;
mod pipeline;
mod props;
pub mod response;
pub mod sites;

use crate::request::RequestHead;
use crate::rules::cidr::CidrSet;
use crate::rules::content_type::{MediaType, media_type};
use crate::rules::country::Country;
use crate::rules::size;
use crate::rules::user_agent::{Class, UserAgents};
use crate::vendors::{
    Awaited as All, Coding, Limits, Shared, check_content_coding, request_too_large,
};
use crate::verdict::{Finding, Flow, Notes, Reason};
use event::Event;
use pipeline::Client;
pub use pipeline::refuses_domains;
use sites::Sites;

pub const PATHS: &[&str] = &["/api/event"];

/// How much is held, of any type (contract, P-2).
pub const REQUEST_BYTES: usize = 1_000_000;

/// In it a hop in front tells what kind of address the client has; any client can send it.
pub const IP_TYPE: &str = "x-plausible-ip-type";

const VERIFICATION_AGENT: &[u8] =
    b"Plausible Verification Agent - if abused, contact support@plausible.io";

#[derive(Debug)]
pub struct Policy {
    /// Believe [`IP_TYPE`], which any client can send unless a hop in front sets or removes it.
    /// Where it is not believed it is removed, so that the collector does not believe it either.
    pub trust_ip_type_header: bool,
    /// Addresses that are `dc_ip` whatever the header says.
    pub datacenter_ranges: CidrSet,
    pub sites: Sites,
    pub partial_drops: PartialDrops,
}

/// What becomes of a request of which some domains are refused and some are not (contract, P-17).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PartialDrops {
    /// Forwarded, with the refused domains annotated, for a collector that reads the annotation.
    #[default]
    Annotate,
    /// Refused whole: a stock Plausible, which reads no annotation, would count the refused domains
    /// as well.
    Drop,
}

impl PartialDrops {
    pub const ALL: [PartialDrops; 2] = [PartialDrops::Annotate, PartialDrops::Drop];

    /// The word in the configuration.
    pub const fn id(self) -> &'static str {
        match self {
            PartialDrops::Annotate => "annotate",
            PartialDrops::Drop => "drop",
        }
    }
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
    pub media_type: MediaType,
    pub client: Client,
    coding: Coding,
}

pub fn head(
    policy: &Policy,
    limits: &Limits,
    shared: &Shared,
    head: &RequestHead<'_>,
    notes: &mut Notes<'_>,
) -> Flow<All> {
    let limit = limits.request_bytes;
    let media_type = media_type(head);
    let client = client(policy, shared, head);
    match media_type {
        MediaType::Absent => {
            notes.note(event::without_fields())?;
            return unread(&client, limit, notes);
        }
        MediaType::Form => {
            notes.note(Finding::new(Reason::ContentType, "a form is not read here; send JSON"))?;
            return unread(&client, limit, notes);
        }
        MediaType::Empty
        | MediaType::Json
        | MediaType::JsonSuffix
        | MediaType::TextPlain
        | MediaType::Other => {}
    }
    if size::declares_more_than(head, limit) {
        notes.note(too_large(media_type, limit))?;
        client.annotate(notes);
        notes.findings.uninspected = true;
        return Flow::Continue(All::Nothing);
    }
    let coding = check_content_coding(head, notes)?;
    if media_type == MediaType::Other {
        notes.note(Finding::new(
            Reason::ContentType,
            "Content-Type must be application/json or text/plain",
        ))?;
    }
    Flow::Continue(All::Plausible(Awaited { media_type, client, coding }))
}

/// The body is not looked at, but for its size.
fn unread(client: &Client, limit: usize, notes: &mut Notes<'_>) -> Flow<All> {
    client.annotate(notes);
    notes.findings.uninspected = true;
    Flow::Continue(All::Size(limit))
}

/// What the vendor says of a body over the limit: of JSON's own types it takes more (contract,
/// P-2).
pub fn too_large(media_type: MediaType, limit: usize) -> Finding {
    if event::is_json(media_type) { request_too_large(limit) } else { unreadable() }
}

/// What the checks behind validation need of the head.
fn client(policy: &Policy, shared: &Shared, head: &RequestHead<'_>) -> Client {
    // Of repeated fields the vendor reads the first.
    let user_agent = head.first("user-agent").unwrap_or_default();
    let ip_type =
        if policy.trust_ip_type_header { head.first(IP_TYPE).unwrap_or_default() } else { b"" };
    let address = if policy.wants_address() { shared.client_ip.of(head) } else { None };
    let country = match (&shared.country_header, ip_type) {
        (_, b"anonymous_vpn_ip") => Country::AnonymousVpn,
        (Some(name), _) => head.first(name).map_or(Country::Unknown, Country::of_value),
        (None, _) => Country::Unknown,
    };
    Client {
        bot: user_agent_reason(&shared.user_agents, user_agent),
        is_verification_agent: user_agent == VERIFICATION_AGENT,
        is_datacenter: ip_type == b"dc_ip"
            || address.is_some_and(|address| policy.datacenter_ranges.contains(address)),
        is_threat: ip_type == b"threat_ip",
        address,
        country,
    }
}

/// The reason for a value: `bot`, `bot_suspected` or none. The vendor's list has names and headless
/// browsers; it counts what only looks like a bot (contract, P-15).
pub fn user_agent_reason(user_agents: &UserAgents, user_agent: &[u8]) -> Option<Reason> {
    // The vendor's own verifier, or somebody who says so, is no bot on it.
    let opts_out = |value: &[u8]| value.starts_with(VERIFICATION_AGENT);
    match user_agents.classify(user_agent, opts_out).class {
        Class::Crawler | Class::Headless => Some(Reason::Bot),
        Class::CrawlerByShape | Class::CrawlerOnLibrary | Class::HttpLibrary | Class::Suspected => {
            Some(Reason::BotSuspected)
        }
        Class::None => None,
    }
}

pub fn body(
    awaited: Awaited,
    policy: &Policy,
    shared: &Shared,
    body: &[u8],
    notes: &mut Notes<'_>,
) -> Flow {
    let fields = match (event::fields(body, awaited.media_type), awaited.coding) {
        (Some(fields), _) => fields,
        (None, Coding::Plain) => return notes.note(unreadable()),
        (None, Coding::Declared) => {
            awaited.client.annotate(notes);
            notes.findings.uninspected = true;
            return Flow::Continue(());
        }
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
