//! What is counted. The number of metrics depends on the configuration alone: requests cannot add
//! any. A request costs one counter, and one histogram if its body was held.

use super::VERSION;
use super::host::{Kind, Meter, Setup};
use crate::gate::{Decision, Gate, Mode};
use crate::verdict::{Reason, Verdict};
use std::sync::atomic::{AtomicBool, Ordering};

/// Requests by endpoint and outcome. Every request that gets a verdict is counted in one of them,
/// once.
pub const REQUESTS: &str = "trackgate_requests_total";

/// What is told apart of the requests to one endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outcome {
    pub mode: Mode,
    pub verdict: Verdict,
    pub reason: Option<Reason>,
}

impl Outcome {
    fn of(decision: &Decision) -> Self {
        Outcome { mode: decision.mode, verdict: decision.verdict, reason: decision.reason }
    }

    /// Every outcome that a request to `endpoint` can have, once; for a host that has to define each.
    #[cfg(any(target_arch = "wasm32", test))]
    pub fn all(endpoint: &crate::gate::Endpoint) -> impl Iterator<Item = Outcome> + '_ {
        endpoint.modes().iter().flat_map(|mode| {
            endpoint.outcomes().into_iter().map(|(verdict, reason)| Outcome {
                mode: *mode,
                verdict,
                reason,
            })
        })
    }

    /// The labels of [`REQUESTS`].
    pub fn labels(self, endpoint: &str) -> [(&'static str, &str); 4] {
        [
            ("endpoint", endpoint),
            ("verdict", self.verdict.id()),
            ("reason", self.reason.map_or("none", Reason::id)),
            ("mode", self.mode.id()),
        ]
    }
}

pub struct Metrics<S: Setup> {
    requests: S::Requests,
    body_bytes: Option<S::Metric>,
    host_errors: Option<S::Metric>,
    /// Requests that asked for their verdict without the secret; not there where nobody may ask.
    explain_refused: Option<S::Metric>,
    /// How many instances of the filter have had a request under this configuration; 0 again when
    /// it has been replaced. Those in which the host only tries a configuration are never told that
    /// it is over, and so are not counted.
    config_info: Option<S::Metric>,
    is_at_work: AtomicBool,
}

impl<S: Setup> Metrics<S> {
    /// What cannot be defined is not counted, and said once.
    pub(super) fn define(gate: &Gate, hash: &str, setup: &mut S) -> Self {
        let metrics = Metrics {
            config_info: setup.define(
                Kind::Gauge,
                "trackgate_config_info",
                &[("hash", hash), ("version", VERSION)],
            ),
            body_bytes: setup.define(Kind::Histogram, "trackgate_body_bytes", &[]),
            host_errors: setup.define(Kind::Counter, "trackgate_host_errors_total", &[]),
            explain_refused: gate
                .explain
                .as_ref()
                .and_then(|_| setup.define(Kind::Counter, "trackgate_explain_refused_total", &[])),
            requests: setup.define_requests(gate),
            is_at_work: AtomicBool::new(false),
        };
        let undefined = setup.undefined();
        if undefined > 0 {
            ::log::error!(
                "trackgate: {undefined} metrics could not be defined and are not counted"
            );
        }
        metrics
    }

    /// A stream has begun.
    pub fn begin(&self, meter: &impl Meter<Setup = S>) {
        if !self.is_at_work.load(Ordering::Relaxed)
            && !self.is_at_work.swap(true, Ordering::Relaxed)
            && let Some(metric) = &self.config_info
        {
            meter.increment(metric);
        }
    }

    /// The configuration is at work no more.
    pub fn retire(&self, meter: &impl Meter<Setup = S>) {
        if self.is_at_work.swap(false, Ordering::Relaxed)
            && let Some(metric) = &self.config_info
        {
            meter.decrement(metric);
        }
    }

    pub(super) fn count(&self, meter: &impl Meter<Setup = S>, decision: &Decision) {
        meter.count_request(&self.requests, decision.endpoint.number, Outcome::of(decision));
    }

    /// The size of a body that has been held, whatever the verdict on it.
    pub(super) fn record_body(&self, meter: &impl Meter<Setup = S>, bytes: usize) {
        if let Some(metric) = &self.body_bytes {
            meter.record(metric, bytes as u64);
        }
    }

    /// A request asked for its verdict without the secret.
    pub(super) fn count_explain_refused(&self, meter: &impl Meter<Setup = S>) {
        if let Some(metric) = &self.explain_refused {
            meter.increment(metric);
        }
    }

    /// A call to the host failed while a request was inspected.
    pub fn count_host_error(&self, meter: &impl Meter<Setup = S>) {
        if let Some(metric) = &self.host_errors {
            meter.increment(metric);
        }
    }
}
