//! The adapter between Envoy and the gate; the only place that names `proxy_wasm`. wasm32 only.
//!
//! The SDK gives the callbacks and types. Host calls are our own (`host`), because the SDK's panic
//! on an unexpected status or a header that is not UTF-8, and one panic fails every request in
//! flight on that worker.

mod act;
mod fields;
mod host;
mod kept;
mod log;
mod metrics;
mod root;
mod stream;
mod watchdog;

use crate::gate::Gate;
use crate::rules::user_agent::Recent;
use log::RefusalLog;
use metrics::Metrics;
use proxy_wasm::traits::RootContext;
use watchdog::Watchdog;

proxy_wasm::main! {{
    std::panic::set_hook(Box::new(|panic| host::log(host::Level::Critical, &panic.to_string())));
    proxy_wasm::set_root_context(|_| -> Box<dyn RootContext> { Box::new(root::Root::default()) });
}}

/// Seen in the log and as a label, so that a fleet can be checked for drift.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// One configuration at work in one VM; its streams share it.
struct Plugin {
    gate: Gate,
    metrics: Metrics,
    watchdog: Watchdog,
    refusals: RefusalLog,
    kept: kept::Total,
    recent: Recent,
    /// `x-track-verdict`
    verdict_field: String,
    /// `x-track-drop-reason`
    reasons_field: String,
}

/// In a build for the tests of failure policies alone (`make trap`): a panic, or all memory taken,
/// which otherwise never happens.
#[cfg(trap)]
#[allow(clippy::panic)]
fn trap_if_asked(head: &crate::request::RequestHead<'_>) {
    match head.first("x-trap") {
        Some(b"memory") => loop {
            std::mem::forget(std::hint::black_box(Vec::<u8>::with_capacity(1 << 24)));
        },
        Some(_) => panic!("asked to trap"),
        None => {}
    }
}
