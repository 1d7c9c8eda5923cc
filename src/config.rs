//! What the operator wrote, and how it becomes a [`Gate`].
//!
//! The configuration is strict: an unknown field, a value that cannot be used, an empty list, or an override that can
//! never take effect is a [`ConfigError`] that names the place, what was expected and what was found. `{}` is valid:
//! the four vendors on their documented paths, enforced.

mod compile;

pub use compile::compile;

use crate::gate::Mode;
use crate::rules::client_ip::ClientIpSpec;
use crate::rules::problem::Problem;
use crate::rules::referrer::SpamReferrerSpec;
use crate::rules::user_agent::UserAgentSpec;
use crate::vendors::Vendor;
use crate::vendors::plausible::sites::SiteSpec;
use crate::verdict::{Disposition, Reason};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt;

/// The plugin's configuration.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Act on verdicts, or only tell what would be done.
    #[serde(default)]
    pub mode: Mode,
    /// Header fields towards the collector start with this; client-sent fields that do are removed.
    #[serde(default = "default_header_prefix")]
    pub header_prefix: String,
    #[serde(default)]
    pub body_phase: BodyPhase,
    /// Refusals written to the log, at most so many a minute on each worker. Left out: 10.
    #[serde(default = "default_log_sample_per_minute")]
    pub log_sample_per_minute: u32,
    /// User-Agents that are always, or never, taken for bots.
    #[serde(default)]
    pub user_agents: UserAgentSpec,
    /// Overrides of the contract's dispositions, at every endpoint whose vendor gives the reason.
    #[serde(default)]
    pub actions: BTreeMap<Reason, Disposition>,
    /// The endpoints, of which the first that serves a request's host and path has it.
    #[serde(default = "default_endpoints")]
    pub endpoints: Vec<EndpointSpec>,
    /// Where the client's address comes from.
    #[serde(default)]
    pub client_ip: ClientIpSpec,
    /// The header field in which the operator's own infrastructure tells the client's country.
    pub country_header: Option<String>,
    /// Hosts that send nothing but false referrers.
    #[serde(default)]
    pub spam_referrers: SpamReferrerSpec,
}

/// How the request is held while its body is inspected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BodyPhase {
    /// The header section is held by the filter, which edits it when the verdict is known.
    /// Needs `allow_on_headers_stop_iteration: true` in Envoy's plugin configuration.
    #[default]
    Hold,
    /// A buffer filter after this one holds it, and the route adds the annotations from filter state.
    Compat,
}

/// One endpoint.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EndpointSpec {
    /// For annotations and metrics: a lower-case letter, then letters, digits and `_`.
    pub name: String,
    pub vendor: Vendor,
    /// Hosts served: `a.example`, `*.a.example`. Left out: every host.
    pub hosts: Option<Vec<String>>,
    /// Paths served. Left out: the vendor's documented ones.
    pub paths: Option<Vec<String>>,
    /// Overrides the global `mode`.
    pub mode: Option<Mode>,
    #[serde(default)]
    pub limits: LimitsSpec,
    /// Overrides the contract's dispositions and the global `actions`.
    #[serde(default)]
    pub actions: BTreeMap<Reason, Disposition>,
    /// `access-control-allow-origin` of local replies. Left out: `*` at Plausible, none elsewhere.
    pub access_control_allow_origin: Option<String>,
    /// Convert only: a missing or empty `User-Agent` is a bot. Left out: true.
    pub require_user_agent: Option<bool>,
    /// Plausible only: believe `x-plausible-ip-type`. Left out: false, for any client can send it.
    pub trust_ip_type_header: Option<bool>,
    /// Plausible only: addresses that are those of data centers, whoever says otherwise.
    pub datacenter_ranges: Option<Vec<String>>,
    /// Plausible only: what the owners of sites do not want counted, by the site's domain.
    pub sites: Option<BTreeMap<String, SiteSpec>>,
    /// Userpilot only: SHA-256 of the API keys that are let in. Left out: any key.
    pub api_keys_sha256: Option<Vec<String>>,
}

/// Limits on bodies. What is left out is the contract's.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LimitsSpec {
    pub request_bytes: Option<usize>,
    pub batch_bytes: Option<usize>,
    pub event_bytes: Option<usize>,
}

fn default_header_prefix() -> String {
    "x-track-".to_owned()
}

fn default_log_sample_per_minute() -> u32 {
    10
}

fn default_endpoints() -> Vec<EndpointSpec> {
    Vendor::ALL.map(EndpointSpec::documented).to_vec()
}

impl EndpointSpec {
    /// A vendor's endpoint as its documents have it, named like the vendor.
    fn documented(vendor: Vendor) -> Self {
        EndpointSpec {
            name: vendor.id().to_owned(),
            vendor,
            hosts: None,
            paths: None,
            mode: None,
            limits: LimitsSpec::default(),
            actions: BTreeMap::new(),
            access_control_allow_origin: None,
            require_user_agent: None,
            trust_ip_type_header: None,
            datacenter_ranges: None,
            sites: None,
            api_keys_sha256: None,
        }
    }
}

impl Config {
    /// Reads the plugin's configuration. No bytes at all are the empty configuration, which Envoy hands over where it has none.
    ///
    /// # Errors
    /// Not JSON, an unknown field, or a value of the wrong type: the first one found.
    pub fn parse(json: &[u8]) -> Result<Config, ConfigError> {
        let json = if json.is_empty() { b"{}" } else { json };
        // serde would also read a struct from a list of its fields' values.
        if json.trim_ascii_start().first().is_some_and(|byte| *byte != b'{') {
            return Err(Problem::new("", "a JSON object", "something else").into());
        }
        let mut reader = serde_json::Deserializer::from_slice(json);
        let config = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
            let path = error.path().to_string();
            // A key that cannot be read, and the document itself, have no name of their own.
            ConfigError::unreadable(path.trim_end_matches(['.', '?']).to_owned(), error.inner())
        })?;
        reader.end().map_err(|error| ConfigError::unreadable(String::new(), &error))?;
        Ok(config)
    }
}

/// Why the plugin does not start. One line: where, what was expected, what was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// `endpoints[0].limits.request_bytes`; empty for the configuration as a whole.
    pub path: String,
    pub problem: String,
}

impl ConfigError {
    /// serde's own messages already say what was expected and what was found.
    fn unreadable(path: String, error: &serde_json::Error) -> Self {
        ConfigError { path, problem: error.to_string() }
    }
}

impl From<Problem> for ConfigError {
    fn from(problem: Problem) -> Self {
        ConfigError { path: problem.at, problem: format!("expected {}, found {}", problem.expected, problem.found) }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.is_empty() {
            return write!(formatter, "configuration: {}", self.problem);
        }
        write!(formatter, "configuration: {}: {}", self.path, self.problem)
    }
}

impl std::error::Error for ConfigError {}

#[cfg(test)]
mod tests;
