//! Wasm stats. All are defined when the configuration is loaded, so that they stand at 0 from the
//! start; but for the counters of a configuration with more than some 400 endpoints. Envoy takes 12
//! microseconds a counter and VM, so that those beyond are defined when they are first counted up.
//!
//! Names are dot-pairs, which the shipped `stats_tags` turn into labels:
//! `trackgate_requests_total.endpoint.<e>.verdict.<v>.reason.<r>.mode.<m>`.

use super::calls::Sender;
use super::host;
use crate::filter::host::{Kind, Setup};
use crate::filter::metrics::{Outcome, REQUESTS};
use crate::gate::Gate;
use crate::verdict::{Reason, Verdict};
use std::cell::RefCell;

/// Defines the metrics.
pub struct Definitions {
    root_id: u32,
    failed: usize,
}

impl Definitions {
    pub fn new(root_id: u32) -> Self {
        Definitions { root_id, failed: 0 }
    }
}

impl Setup for Definitions {
    type Metric = u32;
    type Requests = Requests;
    type Sender = Sender;

    fn define(
        &mut self,
        kind: Kind,
        name: &'static str,
        labels: &[(&'static str, &str)],
    ) -> Option<u32> {
        let id = define(kind, name, labels);
        self.failed += usize::from(id.is_none());
        id
    }

    fn sender(&mut self, is_used: bool) -> Sender {
        Sender { root_id: is_used.then_some(self.root_id) }
    }

    /// All of them, up to [`COUNTERS_AT_START`].
    fn define_requests(&mut self, gate: &Gate) -> Requests {
        let mut left = COUNTERS_AT_START;
        let endpoints = gate.endpoints.iter().map(|endpoint| {
            let counters =
                Counters { endpoint: endpoint.name.as_str().into(), known: RefCell::default() };
            for outcome in Outcome::all(endpoint).take(left) {
                left -= 1;
                self.failed += usize::from(counters.define(outcome).is_none());
            }
            counters
        });
        Requests(endpoints.collect())
    }

    fn undefined(&self) -> usize {
        self.failed
    }
}

/// The counters that are defined when the configuration is loaded.
const COUNTERS_AT_START: usize = 10_000;

/// The counters of each endpoint, in configuration order.
pub struct Requests(Vec<Counters>);

struct Counters {
    endpoint: Box<str>,
    /// Those that are defined; none for one that could not be.
    known: RefCell<Vec<(usize, Option<u32>)>>,
}

impl Requests {
    pub fn count(&self, endpoint: usize, outcome: Outcome) {
        if let Some(counters) = self.0.get(endpoint) {
            counters.count(outcome);
        }
    }
}

impl Counters {
    fn define(&self, outcome: Outcome) -> Option<u32> {
        let id = define(Kind::Counter, REQUESTS, &outcome.labels(&self.endpoint));
        self.known.borrow_mut().push((number(outcome), id));
        id
    }

    fn count(&self, outcome: Outcome) {
        let number = number(outcome);
        let known =
            self.known.borrow().iter().find(|(known, _)| *known == number).map(|(_, id)| *id);
        if let Some(id) = known.unwrap_or_else(|| self.define(outcome)) {
            let _ = host::add(id, 1);
        }
    }
}

/// Tells outcomes apart at once.
fn number(outcome: Outcome) -> usize {
    let row = outcome.mode as usize * Verdict::ALL.len() + outcome.verdict as usize;
    row * (Reason::COUNT + 1) + outcome.reason.map_or(0, |reason| reason as usize + 1)
}

/// A dot would end the value of a label, but not that of the last one.
fn define(kind: Kind, name: &str, labels: &[(&str, &str)]) -> Option<u32> {
    let mut path = name.to_owned();
    for (place, (label, value)) in labels.iter().enumerate() {
        path.push('.');
        path.push_str(label);
        path.push('.');
        if place + 1 == labels.len() {
            path.push_str(value);
        } else {
            path.push_str(&value.replace('.', "_"));
        }
    }
    host::define_metric(kind, &path).ok()
}
