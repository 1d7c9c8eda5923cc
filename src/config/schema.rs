//! The shape of the configuration for editors and validators: structs that are never filled, from
//! which its JSON Schema is made. A test compares their names with those that are read. Native
//! only.
#![allow(dead_code, missing_debug_implementations, reason = "only their shape is used")]

use schemars::JsonSchema;
use std::collections::BTreeMap;

/// The configuration of the trackgate filter. `{}` is the four vendors on their documented paths,
/// enforced.
#[derive(JsonSchema)]
#[schemars(title = "trackgate", deny_unknown_fields)]
pub struct Plugin {
    /// For editors: where this schema is.
    #[schemars(rename = "$schema")]
    schema: Option<String>,
    /// Act on verdicts, or only tell what would be done.
    mode: Option<Mode>,
    /// The share of clients under enforcement, in steps of 0.01; the others are in shadow mode.
    #[schemars(range(min = 0, max = 100))]
    enforce_percent: Option<f64>,
    /// How the names of the annotations start, and of what is removed from requests: `x-track-` if
    /// left out.
    #[schemars(length(min = 3, max = 64), regex(pattern = "-$"))]
    header_prefix: Option<String>,
    body_phase: Option<BodyPhase>,
    /// The most bytes of body that Envoy can hold, the smaller of
    /// `per_connection_buffer_limit_bytes` and `initial_stream_window_size`: a body that would not
    /// fit is forwarded uninspected.
    #[schemars(range(min = 1))]
    buffer_limit_bytes: Option<u32>,
    /// Refusals in the log, at most so many a minute on each worker: 10 if left out.
    log_sample_per_minute: Option<u32>,
    user_agents: Option<UserAgents>,
    #[schemars(description = reason_meanings())]
    actions: Option<Actions>,
    /// The first that serves a request's host and path has it.
    #[schemars(length(min = 1))]
    endpoints: Option<Vec<Endpoint>>,
    client_ip: Option<ClientIp>,
    /// The header field in which your own infrastructure tells the client's country.
    country_header: Option<String>,
    spam_referrers: Option<SpamReferrers>,
}

#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
enum Mode {
    /// Drops and rejects are answered by the gate.
    Enforce,
    /// Everything is forwarded; the annotation says what enforcement would have done.
    Shadow,
}

#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
enum BodyPhase {
    /// The filter holds the header section; needs `allow_on_headers_stop_iteration`.
    Hold,
    /// A buffer filter behind holds it.
    Compat,
}

/// Parts of User-Agents that are always, or never, bots; `allow` comes first.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct UserAgents {
    deny: Option<Vec<NonEmpty>>,
    allow: Option<Vec<NonEmpty>>,
}

#[derive(JsonSchema)]
#[schemars(transparent)]
struct NonEmpty(#[schemars(length(min = 1))] String);

/// Hosts that send nothing but false referrers.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct SpamReferrers {
    /// Use the list that is built in: true if left out.
    builtin: Option<bool>,
    /// Hosts below a listed one are listed too: false if left out.
    subdomains: Option<bool>,
    deny: Option<Vec<String>>,
    allow: Option<Vec<String>>,
}

/// Where the client's address comes from.
#[derive(JsonSchema)]
#[schemars(tag = "from", rename_all = "snake_case", deny_unknown_fields)]
enum ClientIp {
    /// The downstream connection, as Envoy sees it.
    Connection {},
    /// The entry of a header field that the outermost trusted proxy has written, counted from the
    /// right.
    Header {
        name: String,
        #[schemars(range(min = 1))]
        trusted_hops: u32,
    },
    /// Plausible's own order of fields: only behind a hop that sets or removes all of them.
    Vendor {},
}

type Actions = BTreeMap<Reason, Action>;

fn reason_ids() -> Vec<&'static str> {
    crate::verdict::Reason::ALL.iter().map(|reason| reason.id()).collect()
}

/// For editors, which show it beside the field.
fn reason_meanings() -> String {
    let lines = crate::verdict::Reason::ALL
        .iter()
        .map(|reason| format!("\n`{}`: {}", reason.id(), reason.meaning()));
    format!(
        "Overrides of the contract's treatment of reasons, where an endpoint gives them.{}",
        lines.collect::<String>()
    )
}

#[derive(JsonSchema, PartialEq, Eq, PartialOrd, Ord)]
#[schemars(transparent)]
struct Reason(#[schemars(extend("enum" = reason_ids()))] String);

#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
enum Action {
    /// As if it had not been found.
    Pass,
    /// Forward and name the reason.
    Annotate,
    /// Answer with the vendor's success look-alike.
    Drop,
    /// Answer with the vendor's documented error.
    Reject,
}

#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Endpoint {
    /// For annotations and metrics.
    #[schemars(regex(pattern = "^[a-z][a-z0-9_]{0,63}$"))]
    name: String,
    vendor: Vendor,
    /// `a.example`, `*.a.example`; every host if left out.
    #[schemars(length(min = 1))]
    hosts: Option<Vec<String>>,
    /// `/v1/track/{key}`; the vendor's own if left out.
    #[schemars(length(min = 1))]
    paths: Option<Vec<Path>>,
    mode: Option<Mode>,
    #[schemars(range(min = 0, max = 100))]
    enforce_percent: Option<f64>,
    limits: Option<Limits>,
    #[schemars(description = reason_meanings())]
    actions: Option<Actions>,
    /// In the gate's own replies: `*` at Plausible, else none, if left out. `origin`: the request's
    /// own `Origin`, if it is among `credentialed_origins`, with `access-control-allow-credentials:
    /// true`.
    access_control_allow_origin: Option<String>,
    /// Origins such as `https://a.example`; needed where `access_control_allow_origin` is `origin`,
    /// and only there.
    #[schemars(length(min = 1))]
    credentialed_origins: Option<Vec<String>>,
    /// Convert: a missing User-Agent is a bot; true if left out.
    require_user_agent: Option<bool>,
    /// Plausible: believe `x-plausible-ip-type`; false if left out.
    trust_ip_type_header: Option<bool>,
    /// Plausible: addresses and networks that are `dc_ip`.
    datacenter_ranges: Option<Vec<String>>,
    /// Plausible: what the owners of sites do not want counted, by domain.
    sites: Option<BTreeMap<String, Site>>,
    /// Plausible: what becomes of a request of which some domains are refused; `annotate` if left
    /// out.
    partial_drops: Option<PartialDrops>,
    /// Userpilot and custom: SHA-256 of the keys that are let in.
    #[schemars(length(min = 1))]
    api_keys_sha256: Option<Vec<Sha256>>,
    custom: Option<Custom>,
}

#[derive(JsonSchema)]
#[schemars(transparent)]
struct Path(#[schemars(regex(pattern = "^/."))] String);

#[derive(JsonSchema)]
#[schemars(transparent)]
struct Sha256(#[schemars(regex(pattern = "^[0-9a-fA-F]{64}$"))] String);

#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
enum Vendor {
    Convert,
    Plausible,
    Userpilot,
    CommandersAct,
    /// Described by `custom`.
    Custom,
}

#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
enum PartialDrops {
    /// Forwarded, with the refused domains annotated.
    Annotate,
    /// Refused whole.
    Drop,
}

/// Limits on bodies; the vendor's own if left out.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Limits {
    #[schemars(range(min = 1))]
    request_bytes: Option<u32>,
    #[schemars(range(min = 1))]
    batch_bytes: Option<u32>,
    #[schemars(range(min = 1))]
    event_bytes: Option<u32>,
}

#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Site {
    /// Addresses and networks.
    #[schemars(length(min = 1))]
    ip_blocklist: Option<Vec<String>>,
    /// Two letters; `ZZ` is unknown.
    #[schemars(length(min = 1))]
    country_blocklist: Option<Vec<String>>,
    /// Patterns of the page's path.
    #[schemars(length(min = 1))]
    page_blocklist: Option<Vec<String>>,
    /// Patterns of the page's hostname: one must match.
    #[schemars(length(min = 1))]
    hostname_allowlist: Option<Vec<String>>,
}

/// Any other collector.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Custom {
    #[schemars(length(min = 1))]
    media_types: Option<Vec<String>>,
    /// `json` if left out.
    body: Option<Body>,
    /// JSON pointer to the array of events; `""` is the whole body.
    batch: Option<String>,
    #[schemars(range(min = 1))]
    max_events: Option<u32>,
    credentials: Option<Credentials>,
    /// `off` if left out.
    user_agents: Option<UserAgentPolicy>,
    opt_out_tokens: Option<Vec<NonEmpty>>,
    fields: Option<Vec<Field>>,
    /// By reason, or for every `drop` or `reject`.
    replies: Option<BTreeMap<String, Reply>>,
}

#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
enum Body {
    Json,
    /// Its size alone is looked at.
    Opaque,
}

#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
enum UserAgentPolicy {
    Off,
    Bots,
    BotsAndHttpLibraries,
}

/// Where a key must be.
#[derive(JsonSchema)]
#[schemars(tag = "from", rename_all = "snake_case", deny_unknown_fields)]
enum Credentials {
    Authorization { scheme: String },
    Basic {},
    Header { name: String },
    Query { name: String },
}

/// One field (`pointer`), or several of which one is enough (`any_of`).
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Field {
    pointer: Option<String>,
    #[schemars(length(min = 1))]
    any_of: Option<Vec<String>>,
    /// `event` if left out.
    r#in: Option<Scope>,
    /// True if left out.
    required: Option<bool>,
    #[schemars(length(min = 1))]
    types: Option<Vec<Type>>,
    /// Characters of a string.
    #[schemars(range(min = 1))]
    max_length: Option<u32>,
}

#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
enum Scope {
    Event,
    Request,
}

#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
enum Type {
    String,
    Number,
    Boolean,
    Object,
    Array,
}

#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Reply {
    #[schemars(range(min = 200, max = 599))]
    status: u16,
    headers: Option<BTreeMap<String, String>>,
    body: Option<String>,
}
