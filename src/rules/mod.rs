//! Rules that several vendors share, one a file. A rule looks and says; it knows neither vendors nor verdicts' consequences.

pub mod content_coding;
pub mod content_type;
pub mod credentials;
pub mod endpoint;
pub mod json;
pub mod problem;
pub mod share;
pub mod size;
pub mod user_agent;
