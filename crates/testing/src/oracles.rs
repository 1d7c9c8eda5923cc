//! What holds for any input. `tests/it/properties.rs` looks for a counterexample by chance, the
//! targets of `fuzz/` by coverage.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

pub mod annotation;
pub mod body;
pub mod capture;
pub mod configuration;
pub mod file;
pub mod json;
pub mod patterns;
pub mod request;
