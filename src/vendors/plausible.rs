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

use super::common::{
    Coding, check_content_coding, note_json_rule, note_media_type_rule, note_size_rule,
    request_too_large,
};
use super::{
    Answer, Checks, Compiled, Configured, Contract, ErrorReply, Held, Limits, Next, Shared,
    UserAgentRule,
};
use crate::config::declare::{object, words};
use crate::request::RequestHead;
use crate::rules::cidr::CidrSet;
use crate::rules::content_type::{FieldName, MediaType, media_type};
use crate::rules::country::Country;
use crate::rules::json::write::{array, object, quoted};
use crate::rules::size;
use crate::rules::user_agent::{Class, Match, Recent, UserAgents};
use crate::verdict::Disposition::{Annotate, Drop, Pass, Reject};
use crate::verdict::{Finding, Flow, Notes, Reason, field_shown};
use event::Event;
use pipeline::Client;
use sites::Sites;
use std::sync::Arc;

/// See the head of this page.
pub const CONTRACT: Contract = Contract {
    is_built_in: true,
    paths: &["/api/event"],
    // How much is held, of any type (contract, P-2).
    limits: Limits::of_request(1_000_000),
    dispositions: &[
        (Reason::ContentType, Annotate),
        (Reason::RequestTooLarge, Annotate),
        (Reason::ContentEncoding, Annotate),
        (Reason::Invalid, Reject),
        (Reason::JsonDuplicateKeys, Pass),
        (Reason::SpamReferrer, Drop),
        (Reason::VerificationAgent, Drop),
        (Reason::DcIp, Drop),
        (Reason::ThreatIp, Drop),
        (Reason::SiteHostnameAllowlist, Drop),
        (Reason::SitePageBlocklist, Drop),
        (Reason::SiteIpBlocklist, Drop),
        (Reason::SiteCountryBlocklist, Drop),
        (Reason::Bot, Drop),
        (Reason::BotSuspected, Pass),
    ],
    refuses_in_part: pipeline::refuses_domains,
    success: Answer { status: 202, content_type: Some("text/plain; charset=utf-8"), body: "ok" },
    error: ErrorReply {
        status: error_status,
        content_type: "application/json; charset=utf-8",
        body: error_body,
    },
    reply_fields: &[
        ("access-control-allow-credentials", "true"),
        ("access-control-expose-headers", ""),
    ],
    dropped_domains_field: Some(response::DROPPED),
    allow_origin: Some("*"),
    // Its server reads the body of each media type.
    reads_grpc: true,
    user_agents: UserAgentRule::Contract(user_agent_reason),
};

/// The only error that the vendor documents is 400; of JSON's own types Plug answers 413 to more
/// than it takes (contract 1.1).
fn error_status(reason: Reason) -> u16 {
    if reason == Reason::RequestTooLarge { reason.status() } else { 400 }
}

/// `{"errors": {"domain": ["can't be blank"], …}}`
fn error_body(_: u16, finding: &Finding) -> String {
    let errors = finding.fields.iter().map(|(field, message)| (*field, array([quoted(message)])));
    let errors: Vec<(&str, String)> = errors.collect();
    object(&[("errors", object(&errors))])
}

/// In it a hop in front tells what kind of address the client has; any client can send it.
const IP_TYPE: &str = "x-plausible-ip-type";

const VERIFICATION_AGENT: &[u8] =
    b"Plausible Verification Agent - if abused, contact support@plausible.io";

object! {
    /// Fields of Plausible's own.
    pub struct Fields {
        /// Believe `x-plausible-ip-type`, which any client can send unless a hop in front sets or
        /// removes it.
        #[schemars(extend("default" = false))]
        trust_ip_type_header: Option<bool>,
        /// Addresses and networks that are `dc_ip`, whatever that field says.
        datacenter_ranges: Option<Arc<CidrSet>>,
        /// What the owners of sites do not want counted, by the site's domain.
        #[schemars(with = "Option<std::collections::BTreeMap<String, sites::Site>>")]
        sites: Option<Arc<Sites>>,
        /// What becomes of a request of which some domains are refused.
        #[schemars(extend("default" = "annotate"))]
        partial_drops: Option<PartialDrops>,
    }
}

impl Configured for Fields {
    fn checks(&self, limits: Limits, shared: &Arc<Shared>) -> Compiled {
        Ok(Arc::new(Policy {
            trust_ip_type_header: self.trust_ip_type_header.unwrap_or(false),
            datacenter_ranges: self.datacenter_ranges.clone().unwrap_or_default(),
            sites: self.sites.clone().unwrap_or_default(),
            partial_drops: self.partial_drops.unwrap_or_default(),
            limits,
            shared: Arc::clone(shared),
        }))
    }
}

/// The checks of an endpoint.
#[derive(Debug)]
pub struct Policy {
    /// Believe [`IP_TYPE`], which any client can send unless a hop in front sets or removes it.
    /// Where it is not believed it is removed, so that the collector does not believe it either.
    pub trust_ip_type_header: bool,
    /// Addresses that are `dc_ip` whatever the header says.
    pub datacenter_ranges: Arc<CidrSet>,
    /// What the sites' owners do not want counted.
    pub sites: Arc<Sites>,
    /// What becomes of a request of which some domains are refused.
    pub partial_drops: PartialDrops,
    /// The contract's, or the operator's.
    pub limits: Limits,
    /// What all endpoints use.
    pub shared: Arc<Shared>,
}

words! {
    /// What becomes of a request of which some domains are refused and some are not (contract,
    /// P-17).
    #[derive(Default)]
    pub enum PartialDrops {
        /// Forwarded, with the refused domains annotated, for a collector that reads the annotation.
        #[default]
        Annotate = "annotate",
        /// Refused whole: a stock Plausible, which reads no annotation, would count the refused
        /// domains as well.
        Drop = "drop",
    }
}

impl Checks for Policy {
    fn head(self: Arc<Self>, head: &RequestHead<'_>, notes: &mut Notes<'_>) -> Flow<Next> {
        let limit = self.limits.request_bytes;
        let media_type = media_type(head);
        let client = self.client(head);
        notes.rule("client", || self.client_shown(head, &client));
        note_media_type_rule(head, notes);
        match media_type {
            MediaType::Absent => {
                notes.note(event::without_fields())?;
                return unread(&client, limit, notes);
            }
            MediaType::Form => {
                notes.note(Finding::new(
                    Reason::ContentType,
                    "a form is not read here; send JSON",
                ))?;
                return unread(&client, limit, notes);
            }
            MediaType::Empty
            | MediaType::Json
            | MediaType::JsonSuffix
            | MediaType::TextPlain
            | MediaType::Other => {}
        }
        note_size_rule(limit, head, notes);
        if size::declares_more_than(head, limit) {
            notes.note(too_large(media_type, limit))?;
            client.annotate(notes);
            notes.findings.uninspected = true;
            return Flow::Continue(Next::Nothing);
        }
        let coding = check_content_coding(head, notes)?;
        if media_type == MediaType::Other {
            notes.note(Finding::new(
                Reason::ContentType,
                "Content-Type must be application/json or text/plain",
            ))?;
        }
        Flow::Continue(Next::body(Body { policy: self, media_type, client, coding }, limit))
    }

    fn wants_address(&self) -> bool {
        !self.datacenter_ranges.is_empty() || self.sites.have_addresses
    }

    fn distrusted_field(&self) -> Option<&'static str> {
        (!self.trust_ip_type_header).then_some(IP_TYPE)
    }

    fn size(&self) -> Option<(&'static str, usize)> {
        Some(("sites", self.sites.len()))
    }
}

/// The body is not looked at, but for its size.
fn unread(client: &Client, limit: usize, notes: &mut Notes<'_>) -> Flow<Next> {
    client.annotate(notes);
    notes.findings.uninspected = true;
    Flow::Continue(Next::Size(limit))
}

/// What the vendor says of a body over the limit: of JSON's own types it takes more (contract,
/// P-2).
fn too_large(media_type: MediaType, limit: usize) -> Finding {
    if event::is_json(media_type) { request_too_large(limit) } else { unreadable("is too large") }
}

impl Policy {
    /// What the checks behind validation need of the head.
    fn client(&self, head: &RequestHead<'_>) -> Client {
        // Of repeated fields the vendor reads the first.
        let user_agent = head.first("user-agent").unwrap_or_default();
        let ip_type = self.ip_type(head);
        let address = if self.wants_address() { self.shared.client_ip.of(head) } else { None };
        let country = match (&self.shared.country_header, ip_type) {
            (_, b"anonymous_vpn_ip") => Country::AnonymousVpn,
            (Some(name), _) => head.first(&name.0).map_or(Country::Unknown, Country::of_value),
            (None, _) => Country::Unknown,
        };
        Client {
            user_agent: classify(&self.shared.user_agents, head.recent(), user_agent),
            is_verification_agent: user_agent == VERIFICATION_AGENT,
            is_datacenter: ip_type == b"dc_ip"
                || address.is_some_and(|address| self.datacenter_ranges.contains(address)),
            is_threat: ip_type == b"threat_ip",
            address,
            country,
        }
    }

    fn ip_type<'a>(&self, head: &RequestHead<'a>) -> &'a [u8] {
        if self.trust_ip_type_header { head.first(IP_TYPE).unwrap_or_default() } else { b"" }
    }

    fn client_shown(&self, head: &RequestHead<'_>, client: &Client) -> String {
        let ip_type = match self.trust_ip_type_header {
            true => format!("{IP_TYPE}: {}", field_shown(head, IP_TYPE)),
            false => format!("{IP_TYPE} is not trusted"),
        };
        let country = match &self.shared.country_header {
            Some(FieldName(name)) => format!("{name}: {}", field_shown(head, name)),
            None => "no country_header is configured".to_owned(),
        };
        let address = match client.address {
            Some(address) => format!("address {address}"),
            None if self.wants_address() => "no address".to_owned(),
            None => "the address is not needed".to_owned(),
        };
        let user_agent = field_shown(head, "user-agent");
        format!("User-Agent {user_agent}: {}; {address}; {ip_type}; {country}", client.user_agent)
    }
}

/// The reason for a value: `bot`, `bot_suspected` or none.
fn user_agent_reason(user_agents: &UserAgents, user_agent: &[u8]) -> Option<Reason> {
    reason(classify(user_agents, None, user_agent).class)
}

fn classify(user_agents: &UserAgents, recent: Option<&Recent>, user_agent: &[u8]) -> Match {
    // Its list does not have the vendor's own verifier, or somebody who says so.
    user_agents.classify(recent, user_agent, |value| value.starts_with(VERIFICATION_AGENT))
}

/// The vendor's list has names and headless browsers; it counts what only looks like a bot
/// (contract, P-15).
fn reason(class: Class) -> Option<Reason> {
    match class {
        Class::Crawler | Class::Headless => Some(Reason::Bot),
        Class::CrawlerByShape | Class::CrawlerOnLibrary | Class::HttpLibrary | Class::Suspected => {
            Some(Reason::BotSuspected)
        }
        Class::None => None,
    }
}

/// What is kept until the body is whole.
#[derive(Debug)]
struct Body {
    policy: Arc<Policy>,
    media_type: MediaType,
    client: Client,
    coding: Coding,
}

impl Held for Body {
    fn body(self: Box<Self>, body: &[u8], notes: &mut Notes<'_>) -> Flow {
        note_json_rule(body, notes);
        let fields = match (event::fields(body, self.media_type), self.coding) {
            (Ok(fields), _) => fields,
            (Err(unreadable), Coding::Plain) => return notes.note(unreadable.finding()),
            (Err(_), Coding::Declared) => {
                self.client.annotate(notes);
                notes.findings.uninspected = true;
                return Flow::Continue(());
            }
        };
        notes.rule("fields", || fields.shown());
        let event = Event::of(&fields);
        if event.is_ok() && fields.contradict {
            notes.rule("duplicate names", || "a field stands twice".to_owned());
            notes.note(Finding::new(
                Reason::JsonDuplicateKeys,
                "a field stands twice and differs",
            ))?;
        }
        match event {
            Ok(event) => pipeline::run(&event, &self.client, &self.policy, notes),
            Err(errors) => notes.note(invalid(errors)),
        }
    }

    fn unread(&self, notes: &mut Notes<'_>) -> Flow {
        self.client.annotate(notes);
        Flow::Continue(())
    }

    fn too_large(&self, max_bytes: usize) -> Finding {
        too_large(self.media_type, max_bytes)
    }
}

/// A body that the vendor could not read as JSON; `why` is for the operator.
fn unreadable(why: &str) -> Finding {
    let mut finding = invalid(vec![("request", "Unable to parse request body as json")]);
    finding.message = format!("the body {why}").into();
    finding
}

fn invalid(errors: Vec<(&'static str, &'static str)>) -> Finding {
    let path: Vec<&str> = errors.iter().map(|(field, _)| *field).collect();
    Finding::new(Reason::Invalid, "the event is not valid").at(path.join(",")).with_fields(errors)
}
