//! The filter, whatever host it runs in: one stream's state machine, what it counts and logs, and
//! how a decision is acted upon.
//!
//! A host ([`host`]) is a shell around it, `plugin` for wasm and `module` for a native one: it turns Envoy's callbacks into calls
//! of a [`stream::Stream`], and what that asks for into host calls. Logging goes through the `log`
//! crate, for which each host installs its own logger.

mod act;
mod answering;
mod explain;
mod fields;
mod finish;
mod head;
pub mod host;
mod kept;
mod log;
pub mod metrics;
#[cfg(feature = "module")]
mod panicked;
pub mod quarantine;
pub mod stream;
#[cfg(test)]
mod tests;
#[cfg(any(target_arch = "wasm32", test))]
mod watched;

#[cfg(target_arch = "wasm32")]
pub use act::act;

use crate::config;
use crate::gate::Gate;
use crate::rules::user_agent::Recent;
use host::{Host, Meter, Setup};
use log::RefusalLog;
use metrics::Metrics;
use quarantine::Quarantine;

/// Refusals in the log, at most so many a minute on each worker, where the operator does not say.
const LOG_SAMPLE_PER_MINUTE: usize = 10;

/// Seen in the log and as a label, so that a fleet can be checked for drift.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// One configuration at work; its streams share it.
pub struct Filter<S: Setup> {
    pub gate: Gate,
    pub metrics: Metrics<S>,
    /// Refused requests on their way to where they are kept.
    pub quarantine: Quarantine<S>,
    refusals: RefusalLog,
    /// Verdict and reasons are told as filter state as well.
    publishes: bool,
    /// `x-track-verdict`
    verdict_field: String,
    /// `x-track-drop-reason`
    reasons_field: String,
    /// `x-track-explain`
    explain_field: String,
}

impl<S: Setup> Filter<S> {
    /// Loads a configuration, says so in the log, and defines its metrics.
    ///
    /// # Errors
    /// What is wrong with it, for the log.
    pub fn load(json: &[u8], setup: &mut S) -> Result<Self, String> {
        let (config, gate) = config::load(json).map_err(|error| error.to_string())?;
        let hash = format!("{:016x}", config.hash);
        log::configured(&gate, &hash);
        Ok(Filter {
            metrics: Metrics::define(&gate, &hash, setup),
            quarantine: Quarantine::define(&gate, setup),
            refusals: RefusalLog::new(
                config.written.log_sample_per_minute.unwrap_or(LOG_SAMPLE_PER_MINUTE),
            ),
            publishes: config.written.filter_state.unwrap_or(true),
            verdict_field: format!("{}verdict", gate.header_prefix),
            reasons_field: format!("{}drop-reason", gate.header_prefix),
            explain_field: format!("{}explain", gate.header_prefix),
            gate,
        })
    }
}

/// What the streams of one worker share, under whichever configuration.
#[derive(Default)]
pub struct Worker {
    kept: kept::Total,
    recent: Recent,
}

/// What surrounds a stream while one of its callbacks runs.
pub struct Context<'a, H: Host> {
    pub filter: &'a Filter<<H as Meter>::Setup>,
    pub worker: &'a Worker,
    pub host: H,
}

/// In a build for the tests of failure policies alone (`make trap`): a panic, or all memory taken,
/// which otherwise never happens.
#[cfg(trap)]
#[allow(clippy::panic)]
fn trap_if_asked(asked: &[u8], here: &[u8]) {
    match asked {
        b"memory" => loop {
            std::mem::forget(std::hint::black_box(Vec::<u8>::with_capacity(1 << 24)));
        },
        asked if asked == here => panic!("asked to trap"),
        _ => {}
    }
}
