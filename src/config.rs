//! What the operator wrote, and how it becomes a [`Gate`].
//!
//! The configuration is strict: an unknown field, a value that cannot be used, an empty list, or an
//! override that can never take effect is a problem that names the place, what was expected and
//! what was found; all problems are told at once. `{}` is valid: the four vendors on their
//! documented paths, enforced.
//!
//! It is read by our own few lines (`json`, `node`, `read`) because a derived deserialiser ends at
//! the first problem, and took 150 KB of the module.

pub mod canonical;
mod compile;
mod json;
mod node;
mod read;
mod read_custom;
#[cfg(feature = "schema")]
pub mod schema;

pub use json::Json;

use crate::gate::{BodyPhase, Gate, Mode};
use crate::rules::client_ip::ClientIpSpec;
use crate::rules::hash::hash;
use crate::rules::problem::Problem;
use crate::rules::referrer::SpamReferrerSpec;
use crate::rules::share::Share;
use crate::rules::user_agent::UserAgentSpec;
use crate::vendors::Vendor;
use crate::vendors::custom::spec::CustomSpec;
use crate::vendors::plausible::PartialDrops;
use crate::vendors::plausible::sites::SiteSpec;
use crate::verdict::{Disposition, Reason};
use node::Problems;
use std::collections::HashSet;
use std::fmt;

/// Overrides of the contract's dispositions; a reason stands at most once.
pub type Actions = Vec<(Reason, Disposition)>;

/// The plugin's configuration.
#[derive(Debug, Clone)]
pub struct Config {
    /// Of what was written, whatever the order of its members and its white space; see
    /// [`canonical`].
    pub hash: u64,
    /// Act on verdicts, or only tell what would be done.
    pub mode: Mode,
    /// The share of clients under enforcement; the others are in shadow mode. Left out: everyone.
    pub enforce_percent: Share,
    /// Header fields towards the collector start with this; client-sent fields that do are removed.
    pub header_prefix: String,
    pub body_phase: BodyPhase,
    /// The most bytes of body that Envoy can hold: the smaller of the listener's buffer and
    /// HTTP/2's stream window. A body that would not fit is forwarded uninspected. Left out: the
    /// operator vouches that every limit of the endpoints fits.
    pub buffer_limit_bytes: Option<usize>,
    /// Refusals written to the log, at most so many a minute on each worker. Left out: 10.
    pub log_sample_per_minute: usize,
    /// User-Agents that are always, or never, taken for bots.
    pub user_agents: UserAgentSpec,
    /// Overrides of the contract's dispositions, at every endpoint whose vendor gives the reason.
    pub actions: Actions,
    /// The endpoints, of which the first that serves a request's host and path has it.
    pub endpoints: Vec<EndpointSpec>,
    /// Where the client's address comes from.
    pub client_ip: ClientIpSpec,
    /// The header field in which the operator's own infrastructure tells the client's country.
    pub country_header: Option<String>,
    /// Hosts that send nothing but false referrers.
    pub spam_referrers: SpamReferrerSpec,
}

/// One endpoint.
#[derive(Debug, Clone)]
pub struct EndpointSpec {
    /// Where it stands in the configuration: `endpoints[2]`.
    pub at: String,
    /// For annotations and metrics: a lower-case letter, then letters, digits and `_`.
    pub name: String,
    pub vendor: Vendor,
    /// Hosts served: `a.example`, `*.a.example`. Left out: every host.
    pub hosts: Option<Vec<String>>,
    /// Paths served. Left out: the vendor's documented ones.
    pub paths: Option<Vec<String>>,
    /// Overrides the global `mode`.
    pub mode: Option<Mode>,
    /// Overrides the global `enforce_percent`.
    pub enforce_percent: Option<Share>,
    pub limits: LimitsSpec,
    /// Overrides the contract's dispositions and the global `actions`.
    pub actions: Actions,
    /// `access-control-allow-origin` of local replies; `origin` is the request's own. Left out: `*`
    /// at Plausible, none elsewhere.
    pub access_control_allow_origin: Option<String>,
    /// Only where that is `origin`, and needed there: the origins that may read replies to requests
    /// with credentials.
    pub credentialed_origins: Option<Vec<String>>,
    /// Convert only: a missing or empty `User-Agent` is a bot. Left out: true.
    pub require_user_agent: Option<bool>,
    /// Plausible only: believe `x-plausible-ip-type`. Left out: false, for any client can send it.
    pub trust_ip_type_header: Option<bool>,
    /// Plausible only: addresses that are those of data centers, whoever says otherwise.
    pub datacenter_ranges: Option<Vec<String>>,
    /// Plausible only: what the owners of sites do not want counted, by the site's domain.
    pub sites: Option<Vec<(String, SiteSpec)>>,
    /// Plausible only: what becomes of a request of which some domains are refused. Left out:
    /// annotate.
    pub partial_drops: Option<PartialDrops>,
    /// Userpilot and custom only: SHA-256 of the API keys that are let in. Left out: any key.
    pub api_keys_sha256: Option<Vec<String>>,
    /// Custom only, and needed there: what the collector takes.
    pub custom: Option<CustomSpec>,
}

/// Limits on bodies. What is left out is the contract's.
#[derive(Debug, Clone, Default)]
pub struct LimitsSpec {
    pub request_bytes: Option<usize>,
    pub batch_bytes: Option<usize>,
    pub event_bytes: Option<usize>,
}

impl EndpointSpec {
    /// A vendor's endpoint as its documents have it.
    fn documented(at: String, name: String, vendor: Vendor) -> Self {
        EndpointSpec {
            at,
            name,
            vendor,
            hosts: None,
            paths: None,
            mode: None,
            enforce_percent: None,
            limits: LimitsSpec::default(),
            actions: Actions::new(),
            access_control_allow_origin: None,
            credentialed_origins: None,
            require_user_agent: None,
            trust_ip_type_header: None,
            datacenter_ranges: None,
            sites: None,
            partial_drops: None,
            api_keys_sha256: None,
            custom: None,
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Config {
            hash: canonical::hash(&Json::Object(Vec::new())),
            mode: Mode::default(),
            enforce_percent: Share::ALL,
            header_prefix: "x-track-".to_owned(),
            body_phase: BodyPhase::default(),
            buffer_limit_bytes: None,
            log_sample_per_minute: 10,
            user_agents: UserAgentSpec::default(),
            actions: Actions::new(),
            endpoints: Vendor::built_in()
                .map(|vendor| {
                    EndpointSpec::documented(String::new(), vendor.id().to_owned(), vendor)
                })
                .collect(),
            client_ip: ClientIpSpec::default(),
            country_header: None,
            spam_referrers: SpamReferrerSpec::default(),
        }
    }
}

impl Gate {
    /// The gate that [`load`] makes.
    ///
    /// # Errors
    /// As there.
    pub fn load(text: &[u8]) -> Result<Gate, ConfigError> {
        load(text).map(|(_, gate)| gate)
    }
}

/// Reads and compiles the plugin's configuration. No bytes at all are the empty configuration,
/// which Envoy hands over where it has none.
///
/// # Errors
/// Everything that is wrong with it.
pub fn load(text: &[u8]) -> Result<(Config, Gate), ConfigError> {
    let text = if text.is_empty() { b"{}" } else { text };
    let json = Json::parse(text)?;
    let problems = Problems::default();
    let config = read::config(json, &problems);
    let gate = compile::compile(&config, &problems);
    let problems = distinct(problems.into_list());
    match gate {
        Some(gate) if problems.is_empty() => Ok((config, gate)),
        Some(_) | None => Err(ConfigError { problems }),
    }
}

/// Without those that only follow from another: of what could not be read, the default may not
/// compile either.
fn distinct(mut all: Vec<Problem>) -> Vec<Problem> {
    let mut places = HashSet::new();
    all.retain(|problem| places.insert(hash(problem.at.as_bytes())));
    all
}

/// Why the plugin does not start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// In the order they were found; at least one. An empty place is the configuration as a whole.
    pub problems: Vec<Problem>,
}

impl ConfigError {
    fn whole(expected: &'static str, found: String) -> Self {
        ConfigError { problems: vec![Problem::new("", expected, found)] }
    }
}

/// One line: the first problem, and how many more there are.
impl fmt::Display for ConfigError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("configuration: ")?;
        if let Some(first) = self.problems.first() {
            write!(formatter, "{first}")?;
        }
        match self.problems.len() {
            0 | 1 => Ok(()),
            count => write!(formatter, " (and {} more: `trackgate check` shows all)", count - 1),
        }
    }
}

impl std::error::Error for ConfigError {}

#[cfg(test)]
mod tests;
