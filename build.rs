//! Turns the reviewable lists of `data/` into the tables that the module reads in place.

#![allow(
    clippy::indexing_slicing,
    reason = "a build script that panics stops the build, as it should"
)]

#[path = "build/spam_referrers.rs"]
mod spam_referrers;
#[path = "build/user_agent/mod.rs"]
mod user_agent;

use std::path::PathBuf;

fn main() -> Result<(), String> {
    let root = PathBuf::from(env("CARGO_MANIFEST_DIR")?);
    let out = PathBuf::from(env("OUT_DIR")?);
    spam_referrers::compile(&root, &out.join("spam_referrers.rs"))?;
    user_agent::compile(&root.join("data/user_agents"), &out.join("user_agent_table.rs"))
}

fn env(name: &str) -> Result<String, String> {
    std::env::var(name).map_err(|error| format!("{name}: {error}"))
}
