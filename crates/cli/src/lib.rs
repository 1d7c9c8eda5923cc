//! What the `trackgate` command does. It prints what the library says, and decides nothing about
//! requests.
#![forbid(unsafe_code)]

pub mod arguments;
pub mod canary;
pub mod capture;
pub mod check;
pub mod classify_ua;
pub mod configuration;
pub mod dispositions;
pub mod explain;
pub mod input;
pub mod judge;
pub mod quarantine;
pub mod reasons;
pub mod replay;
pub mod report;
pub mod resend;
pub mod schema;
pub mod shown;
pub mod terminal;

/// What goes wrong in the command, with a text for the person at the terminal.
pub type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;
