//! The native host: Envoy's dynamic modules. The same filter as in wasm, without a copy of what
//! Envoy holds and without a sandbox; one gate for all workers.
//!
//! Envoy loads the shared object once, calls [`hooks`] by name, and offers its calls ([`abi`]) to
//! be linked when it is loaded. A panic costs the one request during whose hook it happens: see
//! [`guard`].

mod abi;
mod guard;
mod hooks;
mod host;
mod log;
mod metrics;
#[cfg(test)]
mod tests;

use crate::filter::host::{Action, Meter};
use crate::filter::stream::Stream;
use crate::filter::{Context, Filter, Worker};
use abi::ConfigPtr;
use host::{Config, Native};
use metrics::{Defined, Definitions};
use std::cell::RefCell;
use std::sync::Arc;

/// What Envoy's `filter_name` has to be.
const FILTER_NAME: &[u8] = b"trackgate";

thread_local! {
    /// What the streams of a worker share; Envoy runs each stream on one thread.
    static WORKER: Worker = Worker::default();
}

/// One configuration at work, which all workers share.
struct Module {
    filter: Filter<Definitions>,
    /// Requests that went on uninspected because the gate panicked.
    panics: Option<Defined>,
    config: Config,
}

/// Workers share the gate, so that nothing in it may change unguarded: raw pointers, as those that
/// the hooks hand to Envoy, would hide that from the compiler.
const _: fn() = || {
    fn shared<T: Send + Sync>() {}
    shared::<Module>();
};

/// One request.
struct StreamContext {
    module: Arc<Module>,
    /// Envoy may call back while a call of ours runs: such a callback passes.
    stream: RefCell<Stream>,
}

impl Module {
    /// # Errors
    /// What is wrong with the configuration, for the log.
    fn load(config: Config, name: &[u8], json: &[u8]) -> Result<Self, String> {
        if name != FILTER_NAME {
            let found = String::from_utf8_lossy(name);
            return Err(format!("filter_name: expected \"trackgate\", found {found:?}"));
        }
        let mut definitions = Definitions::new(config);
        let panics = metrics::panics(&mut definitions);
        let filter = Filter::load(json, &mut definitions)?;
        Ok(Module { filter, panics, config: definitions.config })
    }

    /// On the main thread: sends what the workers have put down.
    fn send(&self, config: ConfigPtr) {
        while let Some(message) = self.filter.quarantine.sender.next() {
            if message.send(config).is_err() {
                self.answered(None);
            }
        }
    }

    /// What has been sent so has been answered, or not.
    fn answered(&self, status: Option<u16>) {
        self.filter.quarantine.answered(&self.config, status, host::now_ns);
    }
}

/// The configuration is replaced, or Envoy ends.
impl Drop for Module {
    fn drop(&mut self) {
        self.filter.metrics.retire(&self.config);
        self.filter.quarantine.retire(&self.config);
    }
}

impl StreamContext {
    fn new(module: Arc<Module>, envoy: &Native<'_>) -> Self {
        module.filter.metrics.begin(envoy);
        module.config.settle(envoy);
        StreamContext { stream: RefCell::new(WORKER.with(Stream::new)), module }
    }

    /// Runs a callback for the request. One that comes while another runs passes.
    fn run<'hook>(
        &self,
        envoy: Native<'hook>,
        act: impl FnOnce(&mut Stream, &mut Surroundings<'_, 'hook>) -> Action,
    ) -> Action {
        let Ok(mut stream) = self.stream.try_borrow_mut() else { return Action::Continue };
        WORKER.with(|worker| {
            let filter = &self.module.filter;
            act(&mut stream, &mut Context { filter, worker, host: envoy })
        })
    }

    /// A callback has panicked.
    fn panicked(&self, envoy: Native<'_>) -> Action {
        if let Some(panics) = &self.module.panics {
            envoy.increment(panics);
        }
        self.run(envoy, Stream::panicked)
    }
}

/// What surrounds a stream.
type Surroundings<'a, 'hook> = Context<'a, Native<'hook>>;
