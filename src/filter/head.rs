//! What is found out while the request's header section is read, before anything about it is
//! changed.

use super::Context;
use super::fields::forged;
use super::host::{Host, Map, Result};
use crate::gate::Step;
use crate::request::RequestHead;
use crate::rules::content_type;

#[derive(Default)]
pub struct Seen {
    pub endpoint: Option<usize>,
    /// Fields to be removed.
    pub forged: Vec<Box<[u8]>>,
    /// Envoy would answer for us as it answers gRPC clients.
    pub is_grpc: bool,
    /// The request is dropped for its head, and the answer may wait for its body.
    pub answers_after_body: bool,
    /// `None`: not ours.
    pub step: Option<Step>,
}

impl Seen {
    /// Reads the header section and checks what it tells.
    pub fn see<H: Host>(&mut self, cx: &Context<'_, H>, waits: bool) -> Result<()> {
        let (gate, host) = (&cx.filter.gate, &cx.host);
        host.fields(Map::RequestHeaders, |fields| {
            let mut head = RequestHead::new(fields);
            #[cfg(trap)]
            super::trap_if_asked(&head);
            self.endpoint = gate.endpoint(&head);
            self.forged = forged(gate, self.endpoint, head.names());
            let Some(index) = self.endpoint else { return };
            // An address that the host cannot tell is unknown to the checks, which is not a failure.
            let wants_address = gate.wants_source_address(index);
            let address = if wants_address { host.source_address() } else { Default::default() };
            if !address.is_empty() {
                head.set_source_address(&address);
            }
            self.is_grpc = content_type::is_grpc(&head);
            self.step = gate.head(index, &head);
            if let Some(Step::Decided(decision)) = &self.step {
                self.answers_after_body = waits && decision.answers_after_body(&head);
            }
        })
    }
}
