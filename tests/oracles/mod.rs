//! What holds for any input. `tests/properties.rs` looks for a counterexample by chance, the
//! targets of `fuzz/` by coverage.

// No user of these needs them all.
#![allow(dead_code)]

pub mod annotation;
pub mod body;
pub mod capture;
pub mod configuration;
pub mod file;
pub mod json;
pub mod patterns;
pub mod request;
