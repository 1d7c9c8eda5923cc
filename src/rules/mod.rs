//! Rules that several vendors share, one a file. A rule looks and says; it knows neither vendors
//! nor verdicts' consequences.

pub mod bytes;
pub mod cidr;
pub mod client_ip;
pub mod content_coding;
pub mod content_type;
pub mod country;
pub mod credentials;
pub mod endpoint;
pub mod hash;
pub mod hashed;
pub mod json;
pub mod key_digests;
pub mod pattern;
pub mod patterns;
pub mod percent;
pub mod problem;
pub mod query;
pub mod referrer;
pub mod share;
pub mod size;
pub mod url;
pub mod user_agent;
