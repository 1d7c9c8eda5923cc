//! What trackgate is tried with: a real Envoy, a client, a collector, the demo, and what holds for
//! any input.
#![forbid(unsafe_code)]

pub mod canary_demo;
pub mod client;
pub mod collector;
pub mod demo;
pub mod ecds;
pub mod envoy;
pub mod envoy_gateway;
pub mod gateway;
pub mod host;
pub mod istio;
pub mod oracles;
pub mod quarantine_demo;
pub mod run;
pub mod sites;
pub mod wait;

use std::path::{Path, PathBuf};
pub use trackgate_cli::Result;

/// A file of the project, by its path in it; tests run elsewhere.
pub fn path(file: impl AsRef<Path>) -> PathBuf {
    let member = Path::new(env!("CARGO_MANIFEST_DIR"));
    member.ancestors().nth(2).unwrap_or(member).join(file)
}

/// A text of the project.
///
/// # Errors
/// It cannot be read: its path, and why.
pub fn read(file: &str) -> Result<String> {
    Ok(std::fs::read_to_string(path(file)).map_err(|error| format!("{file}: {error}"))?)
}
