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
//! 6. JSON, else `invalid_json`; or `content_encoding` if it is not plain UTF-8, and the body is
//!    not looked at.
//! 7. An object with `accountId` and `projectId` (string or number, not empty) and `visitors`
//!    (array), else `invalid_shape`.
//! 8. No visitor at all: `empty_visitors`. A visitor or event that will be turned away downstream:
//!    `event_invalid`.
//!
//! Of duplicate names the last one counts, as in the vendor's own (Node) server.

mod shape;

use super::common::{
    Coding, check_content_coding, check_declared_size, not_json, note_json_rule,
    note_media_type_rule,
};
use super::{
    Answer, Checks, Compiled, Configured, Contract, ErrorReply, Held, Limits, Next, Shared,
    UserAgentRule,
};
use crate::config::declare::object;
use crate::request::RequestHead;
use crate::rules::content_type::{MediaType, media_type};
use crate::rules::credentials::{Credentials, authorization, is_plausible_key};
use crate::rules::json::write::{array, object, quoted};
use crate::rules::json::{Reader, Strictness};
use crate::rules::user_agent::{Class, Match, Recent, UserAgents, has_versioned_token};
use crate::verdict::Disposition::{Annotate, Drop, Reject};
use crate::verdict::{Finding, Flow, Notes, Reason, field_shown};
use std::sync::Arc;

/// See the head of this page.
pub const CONTRACT: Contract = Contract {
    is_built_in: true,
    paths: &["/v1/track/{sdkKey}", "/v1/track/{accountId}/{projectId}"],
    // Nothing is published; large enough for any batch an SDK sends (contract, C-11).
    limits: Limits::of_request(1024 * 1024),
    dispositions: &[
        (Reason::Bot, Drop),
        (Reason::BotSuspected, Annotate),
        (Reason::RequestTooLarge, Annotate),
        (Reason::AuthMalformed, Annotate),
        (Reason::ContentType, Annotate),
        (Reason::ContentEncoding, Annotate),
        (Reason::InvalidJson, Reject),
        (Reason::InvalidShape, Reject),
        (Reason::EmptyVisitors, Annotate),
        (Reason::EventInvalid, Annotate),
    ],
    refuses_in_part: |_| false,
    // The SDKs take nothing but exactly 200 with a JSON body for success (contract, C-13).
    success: Answer {
        status: 200,
        content_type: Some("application/json"),
        body: r#"{"code":"BOT"}"#,
    },
    error: ErrorReply {
        status: Reason::status,
        content_type: "application/json",
        body: error_body,
    },
    reply_fields: &[],
    dropped_domains_field: None,
    allow_origin: None,
    reads_grpc: false,
    user_agents: UserAgentRule::Contract(user_agent_reason),
};

/// `{"code": 400, "message": "…", "fields": ["visitors"]}`
fn error_body(status: u16, finding: &Finding) -> String {
    let fields = finding.fields.iter().map(|(field, _)| *field).filter(|field| !field.is_empty());
    object(&[
        ("code", status.to_string()),
        ("message", quoted(&finding.message)),
        ("fields", array(fields.map(quoted))),
    ])
}

object! {
    /// Fields of Convert's own.
    pub struct Fields {
        /// A missing or empty `User-Agent` is a bot.
        #[schemars(extend("default" = true))]
        require_user_agent: Option<bool>,
    }
}

impl Configured for Fields {
    fn checks(&self, limits: Limits, shared: &Arc<Shared>) -> Compiled {
        let require_user_agent = self.require_user_agent.unwrap_or(true);
        Ok(Arc::new(Policy { require_user_agent, limits, shared: Arc::clone(shared) }))
    }
}

/// The checks of an endpoint.
#[derive(Debug)]
pub struct Policy {
    /// A missing or empty `User-Agent` is a bot (contract, C-2).
    pub require_user_agent: bool,
    /// The contract's, or the operator's.
    pub limits: Limits,
    /// What all endpoints use.
    pub shared: Arc<Shared>,
}

impl Checks for Policy {
    fn head(self: Arc<Self>, head: &RequestHead<'_>, notes: &mut Notes<'_>) -> Flow<Next> {
        let max_bytes = self.limits.request_bytes;
        self.check_user_agent(head, notes)?;
        if check_declared_size(max_bytes, head, notes)? {
            return Flow::Continue(Next::Nothing);
        }
        check_authorization(head, notes)?;
        check_media_type(head, notes)?;
        let coding = check_content_coding(head, notes)?;
        Flow::Continue(Next::body(Body { coding }, max_bytes))
    }
}

impl Policy {
    fn check_user_agent(&self, head: &RequestHead<'_>, notes: &mut Notes<'_>) -> Flow {
        let user_agent = head.joined("user-agent").unwrap_or_default();
        let found = classify(&self.shared.user_agents, head.recent(), &user_agent);
        notes.rule("User-Agent", || format!("{}: {found}", field_shown(head, "user-agent")));
        if is_empty(&user_agent) {
            return if self.require_user_agent {
                notes.note(Finding::new(Reason::Bot, "no User-Agent"))
            } else {
                Flow::Continue(())
            };
        }
        match reason(found.class) {
            Some(Reason::Bot) => notes.note(Finding::new(Reason::Bot, "User-Agent of a bot")),
            Some(reason) => notes.note(Finding::new(reason, "User-Agent of an unknown product")),
            None => Flow::Continue(()),
        }
    }
}

/// The reason for a value where a User-Agent is required: `bot`, `bot_suspected` or none.
fn user_agent_reason(user_agents: &UserAgents, user_agent: &[u8]) -> Option<Reason> {
    if is_empty(user_agent) {
        return Some(Reason::Bot);
    }
    reason(classify(user_agents, None, user_agent).class)
}

fn classify(user_agents: &UserAgents, recent: Option<&Recent>, user_agent: &[u8]) -> Match {
    let opts_out = |value: &[u8]| has_versioned_token(value, "ConvertAgent");
    user_agents.classify(recent, user_agent, opts_out)
}

/// A shape alone is never dropped (contract, C-14): the vendor's version of isbot is not known, and
/// real integrations send such values.
fn reason(class: Class) -> Option<Reason> {
    match class {
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

fn check_authorization(head: &RequestHead<'_>, notes: &mut Notes<'_>) -> Flow {
    let credentials = authorization(head, "Bearer");
    notes.rule("Authorization", || credentials.shown("Bearer"));
    let is_malformed = match credentials {
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
    Flow::Continue(())
}

fn check_media_type(head: &RequestHead<'_>, notes: &mut Notes<'_>) -> Flow {
    note_media_type_rule(head, notes);
    match media_type(head) {
        MediaType::Json | MediaType::TextPlain => Flow::Continue(()),
        MediaType::Absent
        | MediaType::Empty
        | MediaType::JsonSuffix
        | MediaType::Form
        | MediaType::Other => {
            notes.note(Finding::new(Reason::ContentType, "Content-Type must be application/json"))
        }
    }
}

/// What is kept until the body is whole.
#[derive(Debug)]
struct Body {
    coding: Coding,
}

impl Held for Body {
    fn body(self: Box<Self>, body: &[u8], notes: &mut Notes<'_>) -> Flow {
        note_json_rule(body, notes);
        let envelope = match Reader::document(body, Strictness::Grammar, shape::envelope) {
            Ok(envelope) => envelope,
            Err(invalid) => return not_json(body, self.coding, invalid, notes),
        };
        notes.rule("shape", || "accountId, projectId, visitors".to_owned());
        let fields = envelope.faults();
        if !fields.is_empty() {
            return notes.note(invalid_shape(fields));
        }
        let visitors = envelope.visitors;
        notes.rule("visitors", || format!("{} visitors", visitors.count));
        if visitors.count == 0 {
            notes.note(Finding::new(Reason::EmptyVisitors, "visitors is empty").at("visitors"))?;
        }
        notes.rule("events", || "each visitor and event".to_owned());
        for fault in visitors.faults.list {
            notes.note(Finding::new(Reason::EventInvalid, fault.message).at(fault.path()))?;
        }
        notes.note_more(Reason::EventInvalid, visitors.faults.more);
        Flow::Continue(())
    }
}

fn invalid_shape(fields: Vec<(&'static str, &'static str)>) -> Finding {
    let named = fields.iter().filter(|(field, _)| !field.is_empty());
    let path: Vec<&str> = named.map(|(field, _)| *field).collect();
    let message: Vec<String> =
        fields.iter().map(|(field, fault)| format!("{field} {fault}").trim().to_owned()).collect();
    Finding::new(Reason::InvalidShape, message.join("; ")).at(path.join(",")).with_fields(fields)
}
