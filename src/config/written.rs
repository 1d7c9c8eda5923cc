//! What the operator writes, but for the vendors' own fields.

use super::declare::{object, text};
use super::read::{At, Entries, NotEmpty};
use crate::gate::{BodyPhase, Mode, QuarantineSpec};
use crate::rules::client_ip::ClientIp;
use crate::rules::content_type::{FieldName, is_token_text};
use crate::rules::endpoint::{HostPattern, PathPattern};
use crate::rules::key_digests::KeyDigests;
use crate::rules::problem::Problem;
use crate::rules::referrer::SpamReferrerSpec;
use crate::rules::share::Share;
use crate::rules::user_agent::UserAgentSpec;
use crate::vendors::{Limits, VendorSpec};
use crate::verdict::{Disposition, Reason};
use std::num::NonZeroUsize;

/// Overrides of the contract's dispositions; a reason stands at most once.
pub type Actions = Entries<Reason, Disposition>;

object! {
    /// The configuration of the trackgate filter. `{}` is the four vendors on their documented
    /// paths, enforced.
    #[schemars(title = "trackgate")]
    pub struct Written {
        /// For editors: where this schema is.
        schema as "$schema": Option<String>,
        /// Act on verdicts, or only tell what would be done.
        #[schemars(extend("default" = "enforce"))]
        mode: Option<Mode>,
        /// The share of clients under enforcement, in steps of 0.01; the others are in shadow mode.
        #[schemars(extend("default" = 100))]
        enforce_percent: Option<Share>,
        /// How the names of the annotations start, and of what is removed from requests.
        #[schemars(extend("default" = "x-track-"))]
        header_prefix: Option<HeaderPrefix>,
        /// How the request is held while its body is inspected.
        #[schemars(extend("default" = "hold"))]
        body_phase: Option<BodyPhase>,
        /// The most bytes of body that Envoy can hold, the smaller of
        /// `per_connection_buffer_limit_bytes` and `initial_stream_window_size`: a body that would
        /// not fit is forwarded uninspected. If left out, you vouch that every limit of the
        /// endpoints fits.
        buffer_limit_bytes: Option<NonZeroUsize>,
        /// Tell verdict and reasons as filter state as well, for an access log; `compat` needs it.
        #[schemars(extend("default" = true))]
        filter_state: Option<bool>,
        /// Refusals in the log, at most so many a minute on each worker.
        #[schemars(extend("default" = 10))]
        log_sample_per_minute: Option<usize>,
        /// Parts of User-Agents that are always, or never, bots.
        user_agents: Option<UserAgentSpec>,
        /// Overrides of the contract's treatment of reasons, where an endpoint gives them.
        #[schemars(default, description = Reason::meanings())]
        actions: Actions,
        /// The first whose hosts and paths match handles the request. If left out: the four vendors
        /// on their documented paths.
        endpoints: Option<NotEmpty<Vec<At<EndpointSpec>>>>,
        /// Where the client's address comes from: the connection if left out.
        client_ip: Option<ClientIp>,
        /// The header field in which your own infrastructure tells the client's country.
        country_header: Option<FieldName>,
        /// Hosts that send nothing but false referrers.
        spam_referrers: Option<SpamReferrerSpec>,
        /// Where refused requests are sent besides, so that they can be got back; nowhere if left
        /// out.
        quarantine: Option<QuarantineSpec>,
        /// SHA-256 of secrets: a request that has one in `x-track-explain` is told verdict and
        /// reasons in its answer. If left out nobody is told.
        explain_sha256: Option<NotEmpty<KeyDigests>>,
    }
}

object! {
    /// Where requests of one vendor come in.
    pub struct EndpointSpec {
        /// For annotations and metrics.
        name: EndpointName,
        /// `a.example`, `*.a.example`; every host if left out.
        hosts: Option<NotEmpty<Vec<HostPattern>>>,
        /// `/v1/track/{key}`; the vendor's own if left out.
        paths: Option<NotEmpty<Vec<PathPattern>>>,
        /// Overrides the global `mode`.
        mode: Option<Mode>,
        /// Overrides the global `enforce_percent`.
        enforce_percent: Option<Share>,
        /// Limits on bodies; the vendor's own if left out.
        limits: Option<LimitsSpec>,
        /// Overrides of the contract's treatment of reasons, and of the global `actions`.
        #[schemars(default, description = Reason::meanings())]
        actions: Actions,
        /// In the gate's own replies: `*` at Plausible, else none, if left out. `origin`: the
        /// request's own `Origin`, if it is among `credentialed_origins`, with
        /// `access-control-allow-credentials: true`.
        access_control_allow_origin: Option<AllowOriginSpec>,
        /// Origins such as `https://a.example`; needed where `access_control_allow_origin` is
        /// `origin`, and only there.
        credentialed_origins: Option<NotEmpty<Vec<Origin>>>,
        /// In place of the global `quarantine`; with `"percent": 0` nothing is sent.
        quarantine: Option<QuarantineSpec>,
        ..vendor: VendorSpec,
    }
}

object! {
    /// Limits on bodies; the vendor's own if left out.
    pub struct LimitsSpec {
        /// A request that is not a batch.
        request_bytes: Option<NonZeroUsize>,
        /// A batch.
        batch_bytes: Option<NonZeroUsize>,
        /// One event of a batch.
        event_bytes: Option<NonZeroUsize>,
    }
}

impl LimitsSpec {
    /// Over the contract's.
    ///
    /// # Errors
    /// A limit that the vendor does not have.
    pub fn over(&self, contract: Limits, vendor: &str) -> Result<Limits, Problem> {
        let one = |name: &'static str, written: Option<NonZeroUsize>, contract: usize| match written
        {
            Some(_) if contract == 0 => {
                let found = format!("vendor {vendor:?}, which has no batches here");
                Err(Problem::new(name, "this limit only where there are batches", found))
            }
            written => Ok(written.map_or(contract, NonZeroUsize::get)),
        };
        Ok(Limits {
            request_bytes: one("request_bytes", self.request_bytes, contract.request_bytes)?,
            batch_bytes: one("batch_bytes", self.batch_bytes, contract.batch_bytes)?,
            event_bytes: one("event_bytes", self.event_bytes, contract.event_bytes)?,
        })
    }
}

/// The start of a header field's name, in lower case.
#[derive(Debug, Clone)]
pub struct HeaderPrefix(pub String);

text!(HeaderPrefix = HeaderPrefix::new, { "minLength": 3, "maxLength": 64, "pattern": "-$" });

impl HeaderPrefix {
    fn new(text: &str) -> Result<Self, Problem> {
        if (3..=64).contains(&text.len()) && text.ends_with('-') && is_token_text(text) {
            return Ok(HeaderPrefix(text.to_ascii_lowercase()));
        }
        let expected = "the start of a header field name, such as \"x-track-\"";
        Err(Problem::new("", expected, format!("{text:?}")))
    }
}

impl Default for HeaderPrefix {
    fn default() -> Self {
        HeaderPrefix("x-track-".to_owned())
    }
}

/// A token of structured fields that is also fit for the name of a metric.
#[derive(Debug, Clone)]
pub struct EndpointName(pub String);

text!(EndpointName = EndpointName::new, { "pattern": "^[a-z][a-z0-9_]{0,63}$" });

impl EndpointName {
    fn new(text: &str) -> Result<Self, Problem> {
        let starts = text.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase());
        let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        if starts && text.bytes().all(fits) && text.len() <= 64 {
            return Ok(EndpointName(text.to_owned()));
        }
        let expected = "a lower-case letter, then letters, digits and \"_\", at most 64";
        Err(Problem::new("", expected, format!("{text:?}")))
    }
}

/// `*`, `origin`, or the value that every reply has.
#[derive(Debug, Clone)]
pub enum AllowOriginSpec {
    /// The request's own, if it is listed.
    Listed,
    /// Whoever asks.
    Always(String),
}

text!(AllowOriginSpec = AllowOriginSpec::new);

impl AllowOriginSpec {
    fn new(text: &str) -> Result<Self, Problem> {
        let is_value = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
        match text {
            "origin" => Ok(AllowOriginSpec::Listed),
            _ if is_value => Ok(AllowOriginSpec::Always(text.to_owned())),
            _ => {
                let expected = "\"*\", \"origin\", or an origin such as \"https://a.example\"";
                Err(Problem::new("", expected, format!("{text:?}")))
            }
        }
    }
}

/// As a browser writes it: scheme and host in lower case, no default port, no path.
#[derive(Debug, Clone)]
pub struct Origin(pub String);

text!(Origin = Origin::new);

impl Origin {
    fn new(text: &str) -> Result<Self, Problem> {
        let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
        let host = host.unwrap_or_default();
        let fits = |byte: u8| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-._:[]".contains(&byte)
        };
        if !host.is_empty() && host.bytes().all(fits) {
            return Ok(Origin(text.to_owned()));
        }
        let expected = "an origin such as \"https://a.example\", as a browser sends it";
        Err(Problem::new("", expected, format!("{text:?}")))
    }
}
