//! trackgate
pub mod annotation;
pub mod config;
pub mod gate;
pub mod reply;
pub mod request;
pub mod rules;
pub mod vendors;
pub mod verdict;

#[cfg(target_arch = "wasm32")]
mod plugin;
