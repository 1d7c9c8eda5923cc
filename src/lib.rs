//! trackgate gives each request to an event-tracking endpoint one verdict, inside Envoy, before the
//! collector sees it.
//!
//! # One request
//!
//! 1. `plugin` (wasm32 only) gets the header section from Envoy, and removes every field that only
//!    the gate may set.
//! 2. [`gate::Gate::endpoint`]: whose request is it? By method, host and path; none: it goes on
//!    untouched, its body unread.
//! 3. [`gate::Gate::head`]: the vendor's checks that need no body, in the vendor's own order. A
//!    drop or reject is answered now, before a byte of body is held.
//! 4. [`gate::Inspection::body_seen`]: while the body comes, its size is watched; one byte over the
//!    limit ends it.
//! 5. [`gate::Inspection::body`]: the whole body is read once, without building a tree, and the
//!    vendor's checks finish.
//! 6. What a check finds is a [`verdict::Finding`] with a [`verdict::Reason`]. The endpoint's
//!    [`verdict::Dispositions`] say whether it is passed over, annotated, or refuses the request.
//! 7. The [`gate::Decision`] is acted upon once: [`reply`] renders the vendor's own answer, or
//!    [`annotation`] marks the request towards the collector. It is counted, and published for the
//!    access log.
//!
//! # Where things are
//!
//! | module | holds |
//! |---|---|
//! | [`request`] | the head of a request: bytes, with the meaning of repeated fields stated per getter |
//! | [`config`] | what the operator wrote, and how it becomes a gate; every way it can be wrong |
//! | [`gate`] | the compiled configuration, and the order of checks on one screen |
//! | [`verdict`] | verdicts, reasons, dispositions: closed sets, and the contract's table |
//! | [`reply`], [`annotation`] | what the client, or the collector, is told |
//! | [`rules`] | rules that several vendors share, one a file |
//! | [`vendor`] | the vendors by name |
//! | [`vendors`] | the vendors, one a file, each reading like its contract |
//! | `plugin` | the adapter to Envoy, and the only place that names `proxy_wasm` |
//!
//! The `trackgate` command is `crates/cli`; what all of it is tried with, `crates/testing`.
//!
//! The core never logs, counts, reads a clock or knows a host: it returns, callers tell. It does
//! not panic.

// `unsafe` is denied everywhere, and allowed in one file of `plugin`: in the core nobody can allow
// it.
#[forbid(unsafe_code)]
pub mod annotation;
#[forbid(unsafe_code)]
pub mod config;
#[forbid(unsafe_code)]
pub mod gate;
#[forbid(unsafe_code)]
pub mod reply;
#[forbid(unsafe_code)]
pub mod request;
#[forbid(unsafe_code)]
pub mod rules;
#[forbid(unsafe_code)]
pub mod vendor;
#[forbid(unsafe_code)]
pub mod vendors;
#[forbid(unsafe_code)]
pub mod verdict;

#[cfg(target_arch = "wasm32")]
mod plugin;
