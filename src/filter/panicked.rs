//! For a host that outlives a panic: see `module::guard`.

use super::Context;
use super::fields::{forged, strip};
use super::host::{Action, Host, Map};
use super::quarantine::Fate;
use super::stream::{State, Stream};
use crate::gate::Endpoint;
use crate::request::RequestHead;
use crate::verdict::Findings;
use std::sync::Arc;

impl Stream {
    /// There is nothing more to be done about the request or its body.
    pub fn has_passed(&self) -> bool {
        self.is_settled() && self.kept.len() == 0
    }

    /// A callback has panicked: what became of its work is not known, so that the request goes on as
    /// one that could not be inspected.
    pub fn panicked<H: Host>(&mut self, cx: &mut Context<'_, H>) -> Action {
        self.state = State::Settled;
        self.lose(cx, Fate::Unread);
        if !self.headers_held {
            return self.failed_unread(cx, None);
        }
        let gate = &cx.filter.gate;
        let seen = cx.host.fields(Map::RequestHeaders, |fields| {
            let head = RequestHead::new(fields);
            let endpoint = gate.endpoint(&head).cloned();
            (forged(gate, endpoint.as_deref(), head.names()), endpoint)
        });
        let Ok((forged, endpoint)) = seen else { return self.failed_unread(cx, None) };
        let _ = strip(&mut cx.host, Map::RequestHeaders, &forged);
        self.failed_unread(cx, endpoint.as_ref())
    }

    fn failed_unread<H: Host>(
        &mut self,
        cx: &mut Context<'_, H>,
        endpoint: Option<&Arc<Endpoint>>,
    ) -> Action {
        match self.failed(cx, endpoint, Findings::default()) {
            Action::Continue => self.pass_on(cx),
            action => action,
        }
    }
}
