//! trackgate gives each request to an event-tracking endpoint one verdict, inside Envoy, before the
//! collector sees it.
//!
//! ```
//! use trackgate::gate::{Gate, Step};
//! use trackgate::request::HeadBuf;
//! use trackgate::verdict::{Reason, Verdict};
//!
//! let gate = Gate::load(b"{}")?;
//! let fields = [("User-Agent", "curl/8.5.0"), ("Content-Type", "application/json")];
//! let head = HeadBuf::new("POST", "/v1/track/my-sdk-key", "collector.example", fields);
//! let head = head.head();
//! let endpoint = gate.endpoint(&head).expect("the path is one of Convert's");
//! let decision = match endpoint.head(&head) {
//!     Step::Decided(decision) => decision,
//!     Step::Body(inspection) => inspection.body(b"{}"),
//! };
//! assert_eq!((decision.verdict, decision.reason), (Verdict::Drop, Some(Reason::Bot)));
//! let reply = decision.reply_to_send().expect("a drop is answered");
//! assert_eq!((reply.status, reply.body.as_str()), (200, r#"{"code":"BOT"}"#));
//! # Ok::<(), trackgate::config::ConfigError>(())
//! ```
//!
//! # One request
//!
//! 1. `plugin` (wasm) or `module` (native) gets the header section from Envoy, and removes every field that only
//!    the gate may set.
//! 2. [`gate::Gate::endpoint`]: whose request is it? By method, host and path; none: it goes on
//!    untouched, its body unread.
//! 3. [`gate::Endpoint::head`]: the vendor's checks that need no body, in the vendor's own order. A
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
//! | [`config`] | what the operator wrote, and how it becomes a gate; every way it can be wrong; the macros by which vendors and rules declare their own part of it |
//! | [`gate`] | the compiled configuration, and the order of checks on one screen |
//! | [`verdict`] | verdicts, reasons, dispositions: closed sets, and the contract's table |
//! | [`reply`], [`annotation`] | what the client, or the collector, gets |
//! | [`rules`] | rules that several vendors share, one a file |
//! | [`vendors`] | the vendors, one a file: what each says whatever is configured (`CONTRACT`), and its checks |
//! | `filter` | one stream in either host: when what is asked of the gate, and what is done about it |
//! | `plugin` | the wasm host |
//! | `module` | the native host, with the feature of that name |
//!
//! The `trackgate` command is `crates/cli`; what all of it is tried with, `crates/testing`.
//!
//! The core never logs, counts, reads a clock or knows a host: it returns, callers tell. It does
//! not panic.

#![warn(missing_docs)]

// `unsafe` is denied everywhere, and allowed in `simd`, in two files of `plugin` and in those of
// `module` that say so: in the rest of the core nobody can allow it.
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
mod simd;
#[forbid(unsafe_code)]
pub mod vendors;
#[forbid(unsafe_code)]
pub mod verdict;

#[cfg(any(target_arch = "wasm32", feature = "module", test))]
#[forbid(unsafe_code)]
mod filter;
#[cfg(feature = "module")]
mod module;
#[cfg(target_arch = "wasm32")]
mod plugin;
