//! Wasm stats. Their number depends on the configuration alone, and all are defined when it is
//! loaded, so that they stand at 0 from the start; but for the counters of a configuration with
//! more than some 400 endpoints. Envoy takes 12 microseconds a counter and VM, so that those beyond
//! are defined when they are first counted up.
//!
//! Names are dot-pairs, which the shipped `stats_tags` turn into labels:
//! `trackgate_requests_total.endpoint.<e>.verdict.<v>.reason.<r>.mode.<m>`. A request costs one
//! counter, and one histogram if its body was held.

use super::VERSION;
use super::host::{self, Metric};
use crate::gate::{Decision, Endpoint, Gate, Mode};
use crate::verdict::{Reason, Verdict};
use std::cell::{Cell, RefCell};

pub struct Metrics {
    requests: Vec<Requests>,
    body_bytes: Option<u32>,
    host_errors: Option<u32>,
    resumed: Option<u32>,
    /// How many workers have had a request under this configuration; 0 again when it has been
    /// replaced. The VMs in which Envoy only tries a configuration are never told that it is over,
    /// and so are not counted.
    config_info: Option<u32>,
    is_at_work: Cell<bool>,
}

/// The counters that are defined when the configuration is loaded.
const COUNTERS_AT_START: usize = 10_000;

/// The counters of one endpoint.
struct Requests {
    endpoint: Box<str>,
    /// Those that are defined; none for one that could not be.
    counters: RefCell<Vec<(usize, Option<u32>)>>,
}

type Outcome = (Mode, Verdict, Option<Reason>);

/// Tells outcomes apart at once.
fn number((mode, verdict, reason): Outcome) -> usize {
    let row = mode as usize * Verdict::ALL.len() + verdict as usize;
    row * (Reason::COUNT + 1) + reason.map_or(0, |reason| reason as usize + 1)
}

impl Requests {
    fn define(
        &self,
        (mode, verdict, reason): Outcome,
        define: &mut impl FnMut(Metric, &str) -> Option<u32>,
    ) -> Option<u32> {
        let name = format!(
            "trackgate_requests_total.endpoint.{}.verdict.{}.reason.{}.mode.{}",
            self.endpoint,
            verdict.id(),
            reason.map_or("none", Reason::id),
            mode.id()
        );
        let id = define(Metric::Counter, &name);
        self.counters.borrow_mut().push((number((mode, verdict, reason)), id));
        id
    }

    fn count(&self, outcome: Outcome) {
        let number = number(outcome);
        let known =
            self.counters.borrow().iter().find(|(known, _)| *known == number).map(|(_, id)| *id);
        increment(known.unwrap_or_else(|| {
            self.define(outcome, &mut |kind, name| host::define_metric(kind, name).ok())
        }));
    }
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
        let config_info =
            define(Metric::Gauge, &format!("trackgate_config_info.hash.{hash}.version.{version}"));
        let body_bytes = define(Metric::Histogram, "trackgate_body_bytes");
        let host_errors = define(Metric::Counter, "trackgate_host_errors_total");
        let resumed = define(Metric::Counter, "trackgate_resumed_total");
        let mut left = COUNTERS_AT_START;
        let requests = gate
            .endpoints
            .iter()
            .map(|endpoint| define_requests(endpoint, &mut left, &mut define))
            .collect();
        if failed > 0 {
            host::log(
                host::Level::Error,
                &format!("trackgate: {failed} metrics could not be defined and are not counted"),
            );
        }
        Metrics {
            requests,
            body_bytes,
            host_errors,
            resumed,
            config_info,
            is_at_work: Cell::new(false),
        }
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
        if let Some(requests) = self.requests.get(decision.endpoint.number) {
            requests.count((decision.mode, decision.verdict, decision.reason));
        }
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

/// All of an endpoint's, as long as there are some left.
fn define_requests(
    endpoint: &Endpoint,
    left: &mut usize,
    define: &mut impl FnMut(Metric, &str) -> Option<u32>,
) -> Requests {
    let requests =
        Requests { endpoint: endpoint.name.as_str().into(), counters: RefCell::default() };
    for mode in endpoint.modes() {
        for (verdict, reason) in endpoint.outcomes() {
            if *left > 0 {
                *left -= 1;
                requests.define((*mode, verdict, reason), define);
            }
        }
    }
    requests
}
