//! What is found out while the request's header section is read, before anything about it is
//! changed.

use super::Context;
use super::explain::Asked;
use super::fields::forged;
use super::host::{Host, Map, Result};
use super::stream::Besides;
use crate::gate::{BodyPhase, Endpoint, Gate, Keeping, Step};
use crate::request::RequestHead;
use crate::rules::{content_type, size};
use std::sync::Arc;

#[derive(Default)]
pub struct Seen {
    pub endpoint: Option<Arc<Endpoint>>,
    /// Whether it asks for its verdict.
    pub asked: Asked,
    /// Fields to be removed.
    pub forged: Vec<Box<[u8]>>,
    /// Envoy would answer for us as it answers gRPC clients.
    pub is_grpc: bool,
    /// The body is awaited: to be read, or before a request that is dropped for its head is answered.
    pub awaits_body: bool,
    /// Whether the body of a refused request can be kept.
    pub keeping: Keeping,
    /// There where the request may be kept, or its sender be told its verdict.
    pub besides: Option<Box<Besides>>,
    /// `None`: not ours.
    pub step: Option<Step>,
    /// The client has said that bytes of body will come; asked only of a stream that is watched.
    pub declares_body: bool,
}

impl Seen {
    /// Reads the header section and checks what it tells.
    pub fn see<H: Host>(
        &mut self,
        cx: &Context<'_, H>,
        waits: bool,
        is_watched: bool,
    ) -> Result<()> {
        let (gate, host) = (&cx.filter.gate, &cx.host);
        host.fields(Map::RequestHeaders, |fields| {
            let mut head = RequestHead::new(fields).with_recent(&cx.worker.recent);
            #[cfg(trap)]
            super::trap_if_asked(head.first("x-trap").unwrap_or_default(), b"head");
            let endpoint = gate.endpoint(&head);
            self.forged = forged(gate, endpoint.map(AsRef::as_ref), head.names());
            let Some(endpoint) = endpoint else { return };
            self.endpoint = Some(Arc::clone(endpoint));
            self.asked = Asked::of(cx.filter, &head);
            // An address that the host cannot tell is unknown to the checks, which is not a failure.
            let wants_address = endpoint.wants_source_address();
            let address = if wants_address { host.source_address() } else { Default::default() };
            if !address.is_empty() {
                head.set_source_address(&address);
            }
            self.is_grpc = content_type::is_grpc(&head);
            let step = endpoint.head(&head);
            let awaits_body = match &step {
                Step::Decided(decision) => {
                    self.keeping = decision.keeping(&head);
                    waits && decision.answers_after_body(&head)
                }
                Step::Body(_) => true,
            };
            self.awaits_body = awaits_body;
            if endpoint.quarantine.is_some() || self.asked == Asked::Rightly {
                self.besides = Some(Box::new(self.besides(gate, endpoint, &head)));
            }
            self.declares_body = is_watched && size::declared(&head).is_some_and(|bytes| bytes > 0);
            self.step = Some(step);
        })
    }

    /// Where the section leaves before the request may have to be kept, it is copied.
    fn besides(&self, gate: &Gate, endpoint: &Endpoint, head: &RequestHead<'_>) -> Besides {
        let leaves = match gate.body_phase {
            BodyPhase::Hold => false,
            BodyPhase::Compat => endpoint.quarantine.is_some(),
        };
        Besides {
            head: leaves.then(|| head.to_owned()),
            is_explained: self.asked == Asked::Rightly,
            ..Besides::default()
        }
    }
}
