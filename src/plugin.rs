//! The wasm host: Envoy's callbacks in, and the filter's calls out; the only place that names
//! `proxy_wasm`. wasm32 only.
//!
//! The SDK gives the callbacks and types. Host calls are our own (`host`), because the SDK's panic
//! on an unexpected status or a header that is not UTF-8, and one panic fails every request in
//! flight on that worker.

mod calls;
mod host;
mod log;
mod metrics;
mod root;
mod stream;
mod watchdog;

use crate::filter::{Context, Filter, Worker};
use calls::Wasm;
use metrics::Definitions;
use proxy_wasm::traits::RootContext;
use watchdog::Watchdog;

proxy_wasm::main! {{
    std::panic::set_hook(Box::new(|panic| host::log(host::Level::Critical, &panic.to_string())));
    log::install();
    proxy_wasm::set_root_context(|_| -> Box<dyn RootContext> { Box::new(root::Root::default()) });
}}

/// One configuration at work in one VM; its streams share it.
struct Plugin {
    filter: Filter<Definitions>,
    watchdog: Watchdog,
    worker: Worker,
}

impl Plugin {
    /// What surrounds the stream whose callback runs.
    fn context(&self) -> Context<'_, Wasm> {
        Context { filter: &self.filter, worker: &self.worker, host: Wasm }
    }
}
