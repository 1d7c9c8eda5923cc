//! Stats of Envoy's, with labels: their names are defined while the configuration is loaded, after
//! which nothing can be defined any more, and their values given with each count.

use super::abi::ModuleBuffer;
use super::host::{Config, Native, Sender};
use crate::filter::host::{Kind, Setup};
use crate::filter::metrics::{Outcome, REQUESTS};
use crate::gate::Gate;

/// Requests that went on uninspected because the gate panicked.
pub const PANICS: &str = "trackgate_panics_total";

/// A metric that has been defined, with the values of its labels.
#[derive(Debug, Clone)]
pub struct Defined {
    pub id: usize,
    pub kind: Kind,
    values: Box<[Box<str>]>,
}

impl Defined {
    /// Nothing is allocated for one without labels.
    pub fn values(&self) -> Vec<ModuleBuffer<'_>> {
        self.values.iter().map(|value| ModuleBuffer::from(value.as_ref())).collect()
    }
}

/// Defines the metrics.
pub struct Definitions {
    pub config: Config,
    failed: usize,
}

impl Definitions {
    pub fn new(config: Config) -> Self {
        Definitions { config, failed: 0 }
    }

    fn id(&mut self, kind: Kind, name: &str, labels: &[&str]) -> Option<usize> {
        let labels: Vec<ModuleBuffer<'_>> = labels.iter().map(|label| (*label).into()).collect();
        let id = self.config.define(kind, name, &labels);
        self.failed += usize::from(id.is_none());
        id
    }
}

/// Defines [`PANICS`].
pub fn panics(definitions: &mut Definitions) -> Option<Defined> {
    definitions.define(Kind::Counter, PANICS, &[])
}

impl Setup for Definitions {
    type Metric = Defined;
    type Requests = Requests;
    type Sender = Sender;

    fn define(
        &mut self,
        kind: Kind,
        name: &'static str,
        labels: &[(&'static str, &str)],
    ) -> Option<Defined> {
        let names: Vec<&str> = labels.iter().map(|(label, _)| *label).collect();
        let id = self.id(kind, name, &names)?;
        Some(Defined {
            id,
            kind,
            values: labels.iter().map(|(_, value)| (*value).into()).collect(),
        })
    }

    fn sender(&mut self, is_used: bool) -> Sender {
        Sender::new(&self.config, is_used)
    }

    fn define_requests(&mut self, gate: &Gate) -> Requests {
        Requests {
            id: self.id(Kind::Counter, REQUESTS, &["endpoint", "verdict", "reason", "mode"]),
            endpoints: gate
                .endpoints
                .iter()
                .map(|endpoint| endpoint.name.as_str().into())
                .collect(),
        }
    }

    fn undefined(&self) -> usize {
        self.failed
    }
}

/// One metric, and the endpoints in configuration order.
#[derive(Debug)]
pub struct Requests {
    id: Option<usize>,
    endpoints: Box<[Box<str>]>,
}

impl Requests {
    pub fn count(&self, native: &Native<'_>, endpoint: usize, outcome: Outcome) {
        if let (Some(id), Some(endpoint)) = (self.id, self.endpoints.get(endpoint)) {
            let values = outcome.labels(endpoint).map(|(_, value)| ModuleBuffer::from(value));
            native.increment_labelled(id, &values);
        }
    }
}
