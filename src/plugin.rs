//! The wasm host: Envoy's callbacks in, and the filter's calls out. wasm32 only.
//!
//! Both are our own, by proxy-wasm's ABI: the SDK's calls panic on an unexpected status or a header
//! that is not UTF-8, and one panic fails every request in flight on that worker; its dispatcher
//! costs each request as much as half the checks.

mod calls;
mod contexts;
mod exports;
mod fields;
mod host;
mod log;
mod metrics;
mod root;
mod stream;
mod watchdog;

use crate::filter::{Context, Filter, Worker};
use calls::Wasm;
use metrics::Definitions;
use watchdog::Watchdog;

/// One configuration at work in one VM; its streams share it.
struct Plugin {
    filter: Filter<Definitions>,
    watchdog: Watchdog,
    worker: Worker,
}

impl Plugin {
    /// What surrounds the stream, or the root, whose callback runs.
    fn context(&self, context_id: u32) -> Context<'_, Wasm> {
        Context { filter: &self.filter, worker: &self.worker, host: Wasm { context_id } }
    }
}
