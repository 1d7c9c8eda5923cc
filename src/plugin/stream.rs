//! One request: callbacks in, host calls out. Which request gets which verdict is the gate's.
//!
//! A stream gets its verdict exactly once, in [`Stream::finish`], whichever callback ends it: headers, body or trailers
//! that end the request, a body over the limit, a failed host call, or the client's going away.

use super::Plugin;
use super::host::{self, Map};
use crate::annotation;
use crate::gate::{BodyPhase, Decision, Inspection, Step};
use crate::request::RequestHead;
use crate::vendors::plausible::response;
use crate::verdict::Findings;
use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::Action;
use std::rc::Rc;

/// Filter state `wasm.trackgate.verdict`, the text of the verdict field.
const VERDICT_STATE: &str = "trackgate.verdict";
/// Filter state `wasm.trackgate.reasons`, the text of the reasons field; not set where there is none.
const REASONS_STATE: &str = "trackgate.reasons";

pub struct Stream {
    context_id: u32,
    /// `None` only where Envoy makes a stream before a configuration, which it does not.
    plugin: Option<Rc<Plugin>>,
    state: State,
    /// The request header section is still here to be edited.
    headers_held: bool,
    /// Bytes of body in the last body callback.
    body_size: usize,
    /// Tracked domains that the response must tell of.
    dropped_domains: usize,
}

enum State {
    /// Not ours, or decided.
    Settled,
    Inspecting(Inspection),
}

impl Stream {
    pub fn new(context_id: u32, plugin: Option<Rc<Plugin>>) -> Self {
        Stream { context_id, plugin, state: State::Settled, headers_held: true, body_size: 0, dropped_domains: 0 }
    }

    fn headers(&mut self, plugin: &Plugin, end_of_stream: bool) -> Action {
        let map = match host::header_map(Map::RequestHeaders) {
            Ok(map) => map,
            Err(_) => return self.failed(plugin, None, Findings::default()),
        };
        let mut head = RequestHead::new(host::pairs(&map));
        #[cfg(trap)]
        super::trap_if_asked(&head);
        let endpoint = plugin.gate.endpoint(&head);
        if strip(plugin, Map::RequestHeaders, head.names()).is_err() {
            return self.failed(plugin, endpoint, Findings::default());
        }
        // An address that the host cannot tell is unknown to the checks, which is not a failure.
        let wants_address = endpoint.is_some_and(|index| plugin.gate.wants_source_address(index));
        let address = if wants_address { host::property("source\0address").unwrap_or_default() } else { Vec::new() };
        if !address.is_empty() {
            head.set_source_address(&address);
        }
        match endpoint.and_then(|index| plugin.gate.head(index, &head)) {
            None => Action::Continue,
            Some(Step::Decided(decision)) => self.finish(plugin, &decision),
            Some(Step::Body(inspection)) if end_of_stream => self.decide(plugin, inspection, b""),
            Some(Step::Body(inspection)) => self.await_body(plugin, inspection),
        }
    }

    fn await_body(&mut self, plugin: &Plugin, inspection: Inspection) -> Action {
        self.state = State::Inspecting(inspection);
        match plugin.gate.body_phase {
            BodyPhase::Hold => {
                plugin.watchdog.hold(self.context_id);
                Action::Pause
            }
            BodyPhase::Compat => {
                self.headers_held = false;
                Action::Continue
            }
        }
    }

    fn body(&mut self, plugin: &Plugin, end_of_stream: bool) -> Action {
        let State::Inspecting(mut inspection) = std::mem::replace(&mut self.state, State::Settled) else {
            return Action::Continue;
        };
        self.headers_held = self.headers_held && plugin.watchdog.body_began(self.context_id);
        if let Some(decision) = inspection.body_seen(&plugin.gate, self.body_size) {
            return self.finish(plugin, &decision);
        }
        if !end_of_stream {
            self.state = State::Inspecting(inspection);
            return Action::Pause;
        }
        if !inspection.reads_body() {
            return self.decide(plugin, inspection, b"");
        }
        match host::request_body(self.body_size) {
            Ok(body) if body.len() == self.body_size => self.decide(plugin, inspection, &body),
            Ok(_) | Err(_) => self.failed(plugin, Some(inspection.endpoint), inspection.findings),
        }
    }

    fn trailers(&mut self, plugin: &Plugin) -> Action {
        let stripped = host::header_map(Map::RequestTrailers)
            .and_then(|map| strip(plugin, Map::RequestTrailers, host::pairs(&map).into_iter().map(|(name, _)| name)));
        match (stripped, &self.state) {
            (Err(_), State::Inspecting(inspection)) => {
                let endpoint = inspection.endpoint;
                self.state = State::Settled;
                self.failed(plugin, Some(endpoint), Findings::default())
            }
            (Ok(()), State::Inspecting(_)) => self.body(plugin, true),
            (Err(_), State::Settled) => self.failed(plugin, None, Findings::default()),
            (Ok(()), State::Settled) => Action::Continue,
        }
    }

    fn decide(&mut self, plugin: &Plugin, inspection: Inspection, body: &[u8]) -> Action {
        match inspection.body(&plugin.gate, body) {
            Some(decision) => self.finish(plugin, &decision),
            None => Action::Continue,
        }
    }

    /// Acts on the verdict and counts it.
    fn finish(&mut self, plugin: &Plugin, decision: &Decision) -> Action {
        match self.act(plugin, decision) {
            Ok(action) => {
                self.dropped_domains = decision.dropped_domains();
                self.record(plugin, decision);
                action
            }
            Err(_) => self.failed(plugin, Some(decision.endpoint), Findings::default()),
        }
    }

    /// The one place that says what becomes of a request when a call to the host fails: as the disposition of `host_error`
    /// has it, which by default is to forward it, marked `uninspected` if it still can be, and to count it.
    fn failed(&mut self, plugin: &Plugin, endpoint: Option<usize>, findings: Findings) -> Action {
        plugin.metrics.count_host_error();
        let Some(decision) = endpoint.and_then(|index| plugin.gate.host_error(index, findings)) else {
            return Action::Continue;
        };
        let action = self.act(plugin, &decision).unwrap_or(Action::Continue);
        self.record(plugin, &decision);
        action
    }

    fn record(&self, plugin: &Plugin, decision: &Decision) {
        plugin.metrics.count(decision);
        if self.body_size > 0 {
            plugin.metrics.record_body(self.body_size);
        }
        if let Some(endpoint) = plugin.gate.endpoints.get(decision.endpoint) {
            plugin.refusals.refused(&endpoint.name, decision, self.body_size);
        }
    }

    /// Publishes the verdict, and replies or lets the request go on.
    fn act(&self, plugin: &Plugin, decision: &Decision) -> host::Result<Action> {
        let Some(endpoint) = plugin.gate.endpoints.get(decision.endpoint) else { return Ok(Action::Continue) };
        let verdict = annotation::verdict(decision, &endpoint.name);
        let reasons = annotation::reasons(&decision.findings);
        host::set_property(VERDICT_STATE, verdict.as_bytes())?;
        if let Some(reasons) = &reasons {
            host::set_property(REASONS_STATE, reasons.as_bytes())?;
        }
        if let Some(reply) = decision.reply_to_send() {
            let headers: Vec<(&str, &str)> = reply.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            let details = format!("trackgate_{}", reply.reason.id());
            host::send_local_response(reply.status, &details, &headers, reply.body.as_bytes())?;
            return Ok(Action::Pause);
        }
        if self.headers_held {
            host::set_header(Map::RequestHeaders, &plugin.verdict_field, verdict.as_bytes())?;
            if let Some(reasons) = &reasons {
                host::set_header(Map::RequestHeaders, &plugin.reasons_field, reasons.as_bytes())?;
            }
        }
        Ok(Action::Continue)
    }
}

/// Removes what a client sent under our own prefix. `_` counts as `-`: to CGI and its kin the two are the same name.
fn strip(plugin: &Plugin, map: Map, names: impl Iterator<Item = impl AsRef<[u8]>>) -> host::Result<()> {
    for name in names {
        if plugin.gate.is_own_field(name.as_ref()) {
            host::remove_header(map, name.as_ref())?;
        }
    }
    Ok(())
}

/// The stream is over; a client that went away mid-body leaves an inspection behind.
impl Drop for Stream {
    fn drop(&mut self) {
        let state = std::mem::replace(&mut self.state, State::Settled);
        if let (Some(plugin), State::Inspecting(inspection)) = (&self.plugin, state) {
            plugin.watchdog.forget(self.context_id);
            plugin.metrics.count(&inspection.abandoned());
        }
    }
}

impl Context for Stream {}

impl HttpContext for Stream {
    fn on_http_request_headers(&mut self, _: usize, end_of_stream: bool) -> Action {
        match self.plugin.clone() {
            Some(plugin) => self.headers(&plugin, end_of_stream),
            None => Action::Continue,
        }
    }

    /// `size` is that of the whole body held so far, not of the last piece.
    fn on_http_request_body(&mut self, size: usize, end_of_stream: bool) -> Action {
        self.body_size = size;
        match self.plugin.clone() {
            Some(plugin) => self.body(&plugin, end_of_stream),
            None => Action::Continue,
        }
    }

    fn on_http_response_headers(&mut self, _: usize, _: bool) -> Action {
        if let (1.., Some(plugin)) = (self.dropped_domains, &self.plugin) {
            let amended = host::header(Map::ResponseHeaders, response::DROPPED).and_then(|theirs| {
                let count = response::amended_count(&theirs, self.dropped_domains);
                count.map_or(Ok(()), |count| host::set_header(Map::ResponseHeaders, response::DROPPED, count.as_bytes()))
            });
            if amended.is_err() {
                plugin.metrics.count_host_error();
            }
        }
        Action::Continue
    }

    /// With trailers the body callbacks never say that the stream ends: this one does.
    fn on_http_request_trailers(&mut self, _: usize) -> Action {
        match self.plugin.clone() {
            Some(plugin) => self.trailers(&plugin),
            None => Action::Continue,
        }
    }
}
