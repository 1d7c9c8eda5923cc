//! The `trackgate` command; native only.

pub mod canary;
pub mod canary_demo;
pub mod capture;
pub mod check;
pub mod classify_ua;
pub mod client;
pub mod collector;
pub mod configuration;
pub mod demo;
pub mod dispositions;
pub mod envoy;
pub mod explain;
pub mod input;
pub mod judge;
pub mod reasons;
pub mod replay;
pub mod run;
pub mod schema;
pub mod shown;
pub mod terminal;

/// What goes wrong in the command, with a text for the person at the terminal.
pub type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;
