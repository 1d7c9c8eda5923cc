//! Wasm stats, defined once when the configuration is loaded. Their number depends on the configuration alone.
//!
//! Names are dot-pairs, which the shipped `stats_tags` turn into labels:
//! `trackgate_requests_total.endpoint.<e>.verdict.<v>.reason.<r>.mode.<m>`. A request costs one counter, and one histogram if
//! its body was held.

use super::VERSION;
use super::host::{self, Metric};
use crate::gate::{Decision, Endpoint, Gate, Mode};
use crate::verdict::{Reason, Verdict};
use std::cell::Cell;

pub struct Metrics {
    /// By endpoint, then [`slot`].
    requests: Vec<Vec<Option<u32>>>,
    body_bytes: Option<u32>,
    host_errors: Option<u32>,
    resumed: Option<u32>,
    /// How many workers have had a request under this configuration; 0 again when it has been replaced. The VMs in which
    /// Envoy only tries a configuration are never told that it is over, and so are not counted.
    config_info: Option<u32>,
    is_at_work: Cell<bool>,
}

const SLOTS: usize = Mode::ALL.len() * Verdict::ALL.len() * (Reason::COUNT + 1);

fn slot(mode: Mode, verdict: Verdict, reason: Option<Reason>) -> usize {
    let row = mode as usize * Verdict::ALL.len() + verdict as usize;
    row * (Reason::COUNT + 1) + reason.map_or(0, |reason| reason as usize + 1)
}

impl Metrics {
    /// What cannot be defined is not counted, and said once.
    pub fn define(gate: &Gate, hash: &str) -> Self {
        let mut failed = 0usize;
        let mut define = |kind: Metric, name: &str| {
            let id = host::define_metric(kind, name).ok();
            failed += usize::from(id.is_none());
            id
        };
        // The version's dots would end the label's value.
        let version = VERSION.replace('.', "_");
        let config_info = define(Metric::Gauge, &format!("trackgate_config_info.hash.{hash}.version.{version}"));
        let body_bytes = define(Metric::Histogram, "trackgate_body_bytes");
        let mut counter = |name: &str| define(Metric::Counter, name);
        let requests = gate.endpoints.iter().map(|endpoint| define_requests(gate, endpoint, &mut counter)).collect();
        let host_errors = counter("trackgate_host_errors_total");
        let resumed = counter("trackgate_resumed_total");
        if failed > 0 {
            host::log(host::Level::Error, &format!("trackgate: {failed} metrics could not be defined and are not counted"));
        }
        Metrics { requests, body_bytes, host_errors, resumed, config_info, is_at_work: Cell::new(false) }
    }

    /// A stream has begun.
    pub fn begin(&self) {
        if !self.is_at_work.replace(true) {
            add(self.config_info, 1);
        }
    }

    /// The configuration is at work no more on this worker.
    pub fn retire(&self) {
        if self.is_at_work.replace(false) {
            add(self.config_info, -1);
        }
    }

    pub fn count(&self, decision: &Decision) {
        let slots = self.requests.get(decision.endpoint);
        increment(slots.and_then(|slots| slots.get(slot(decision.mode, decision.verdict, decision.reason)).copied().flatten()));
    }

    /// The size of a body that has been held, whatever the verdict on it.
    pub fn record_body(&self, bytes: usize) {
        if let Some(id) = self.body_bytes {
            let _ = host::record(id, bytes as u64);
        }
    }

    /// A call to the host failed while a request was inspected.
    pub fn count_host_error(&self) {
        increment(self.host_errors);
    }

    /// The watchdog let a stream go.
    pub fn count_resumed(&self) {
        increment(self.resumed);
    }
}

fn increment(metric: Option<u32>) {
    add(metric, 1);
}

fn add(metric: Option<u32>, count: i64) {
    if let Some(id) = metric {
        // Nothing is left to be done about a counter that cannot be counted up.
        let _ = host::add(id, count);
    }
}

fn define_requests(gate: &Gate, endpoint: &Endpoint, counter: &mut impl FnMut(&str) -> Option<u32>) -> Vec<Option<u32>> {
    let mut slots = vec![None; SLOTS];
    for mode in endpoint.modes() {
        for (verdict, reason) in gate.outcomes(endpoint) {
            let name = format!(
                "trackgate_requests_total.endpoint.{}.verdict.{}.reason.{}.mode.{}",
                endpoint.name,
                verdict.id(),
                reason.map_or("none", Reason::id),
                mode.id()
            );
            if let Some(place) = slots.get_mut(slot(*mode, verdict, reason)) {
                *place = counter(&name);
            }
        }
    }
    slots
}
