//! What the operator wrote, and how it becomes a [`Gate`].
//!
//! The configuration is strict: an unknown field, a value that cannot be used, an empty list, or an
//! override that can never take effect is a problem that names the place, what was expected and
//! what was found; all problems are told at once. `{}` is valid: the four vendors on their
//! documented paths, enforced.
//!
//! Each object is declared once ([`declare`]), at the vendor or rule that it belongs to: the type,
//! how it is read, and its JSON Schema.

pub mod canonical;
mod compile;
pub mod declare;
mod json;
pub mod node;
pub mod read;
pub mod written;

pub use json::Json;

use crate::gate::Gate;
use crate::rules::problem::Problem;
use crate::vendors::Vendor;
use node::{Node, Path, Problems};
use read::{At, Read};
use std::fmt;
use written::{EndpointSpec, Written};

/// The plugin's configuration.
#[derive(Debug, Clone)]
pub struct Config {
    /// Of what was written, whatever the order of its members and its white space; see
    /// [`canonical`].
    pub hash: u64,
    /// What was written, without the endpoints.
    pub written: Written,
    /// The endpoints that were written, or the four vendors' documented ones. The first whose hosts
    /// and paths match handles the request.
    pub endpoints: Vec<At<EndpointSpec>>,
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
    let json = Json::parse(if text.is_empty() { b"{}" } else { text })?;
    let hash = canonical::hash(&json);
    let problems = Problems::default();
    let written = Written::read(Node { path: Path::Whole, value: json, problems: &problems });
    let Some(mut written) = written else {
        return Err(ConfigError { problems: problems.into_list() });
    };
    let endpoints = match written.endpoints.take() {
        Some(endpoints) => endpoints.0,
        None => documented()?,
    };
    let config = Config { hash, written, endpoints };
    let gate = compile::compile(&config, &problems);
    none(problems).map(|()| (config, gate))
}

/// Reads a part of a configuration.
///
/// # Errors
/// Everything that is wrong with it.
pub fn read<T: Read>(text: &[u8]) -> Result<T, ConfigError> {
    read_json(Json::parse(text)?)
}

fn read_json<T: Read>(value: Json<'_>) -> Result<T, ConfigError> {
    let problems = Problems::default();
    let read = T::read(Node { path: Path::Whole, value, problems: &problems });
    none(problems)?;
    read.ok_or_else(|| ConfigError::whole("it cannot be read".to_owned()))
}

fn none(problems: Problems) -> Result<(), ConfigError> {
    let problems = problems.into_list();
    if problems.is_empty() { Ok(()) } else { Err(ConfigError { problems }) }
}

/// Each vendor's endpoint as its documents have it.
fn documented() -> Result<Vec<At<EndpointSpec>>, ConfigError> {
    let endpoint = |vendor: Vendor| {
        let member = |name: &'static str| (name.into(), Json::String(vendor.id().into()));
        let value = read_json(Json::Object(vec![member("name"), member("vendor")]))?;
        Ok(At { at: String::new(), is_whole: true, value })
    };
    Vendor::built_in().map(endpoint).collect()
}

/// Why the plugin does not start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// In the order they were found; at least one. An empty place is the configuration as a whole.
    pub problems: Vec<Problem>,
}

impl ConfigError {
    fn whole(message: String) -> Self {
        ConfigError { problems: vec![Problem::of("", message)] }
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
