//! One request: callbacks in, host calls out. Which request gets which verdict is the gate's.
//!
//! A stream gets its verdict exactly once, in [`Stream::finish`], whichever callback ends it:
//! headers, body or trailers that end the request, a body over the limit, a failed host call, or
//! the client's going away.

use super::Plugin;
use super::act::act;
use super::fields::{answer_as_http, strip, tell_dropped};
use super::host::{self, Map};
use super::kept::Kept;
use super::watchdog::Release;
use crate::annotation;
use crate::gate::{BodyPhase, Decision, Endpoint, Inspection, Step};
use crate::request::RequestHead;
use crate::rules::content_type::is_grpc;
use crate::rules::size;
use crate::verdict::Findings;
use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::Action;
use std::rc::Rc;
use std::sync::Arc;

pub struct Stream {
    context_id: u32,
    /// `None` only where Envoy makes a stream before a configuration, which it does not.
    plugin: Option<Rc<Plugin>>,
    state: State,
    /// The request header section is still here to be edited.
    headers_held: bool,
    /// Bytes of body that have come, without those that were thrown away.
    body_size: usize,
    kept: Kept,
    /// Tracked domains that the response must tell of.
    dropped_domains: usize,
    /// Envoy would answer for us as it answers gRPC clients.
    is_grpc: bool,
    /// Status and media type of a reply that it has been given so.
    replied: Option<(u16, Option<String>)>,
}

enum State {
    /// Not ours, or decided.
    Settled,
    Inspecting(Inspection),
    /// Dropped for its head; the answer waits for the body, which is thrown away as it comes.
    Answering(Rc<Decision>),
}

impl State {
    fn endpoint(&self) -> Option<&Arc<Endpoint>> {
        match self {
            State::Settled => None,
            State::Inspecting(inspection) => Some(&inspection.endpoint),
            State::Answering(decision) => Some(&decision.endpoint),
        }
    }
}

impl Stream {
    pub fn new(context_id: u32, plugin: Option<Rc<Plugin>>) -> Self {
        let kept = plugin.as_ref().map(|plugin| Kept::new(&plugin.kept)).unwrap_or_default();
        Stream {
            context_id,
            plugin,
            state: State::Settled,
            headers_held: true,
            body_size: 0,
            kept,
            dropped_domains: 0,
            is_grpc: false,
            replied: None,
        }
    }

    fn headers(&mut self, plugin: &Plugin, end_of_stream: bool) -> Action {
        let map = match host::header_map(Map::RequestHeaders) {
            Ok(map) => map,
            Err(_) => return self.failed(plugin, None, Findings::default()),
        };
        let mut head = RequestHead::new(host::pairs(&map)).with_recent(&plugin.recent);
        #[cfg(trap)]
        super::trap_if_asked(&head);
        let endpoint = plugin.gate.endpoint(&head);
        let own = endpoint.map(AsRef::as_ref);
        if strip(plugin, Map::RequestHeaders, own, head.names()).is_err() {
            return self.failed(plugin, endpoint, Findings::default());
        }
        self.is_grpc = endpoint.is_some() && is_grpc(&head);
        // An address that the host cannot tell is unknown to the checks, which is not a failure.
        let wants_address = endpoint.is_some_and(|endpoint| endpoint.wants_source_address());
        let address = if wants_address {
            host::property("source\0address").unwrap_or_default()
        } else {
            Vec::new()
        };
        if !address.is_empty() {
            head.set_source_address(&address);
        }
        match endpoint.map(|endpoint| endpoint.head(&head)) {
            None => Action::Continue,
            Some(Step::Decided(decision))
                if !end_of_stream
                    && !plugin.watchdog.is_needed()
                    && decision.answers_after_body(&head) =>
            {
                self.await_body(plugin, &head, State::Answering(Rc::new(decision)))
            }
            Some(Step::Decided(decision)) => self.finish(plugin, &decision),
            Some(Step::Body(inspection)) if end_of_stream => self.decide(plugin, inspection, b""),
            Some(Step::Body(inspection)) => {
                self.await_body(plugin, &head, State::Inspecting(inspection))
            }
        }
    }

    fn await_body(&mut self, plugin: &Plugin, head: &RequestHead<'_>, state: State) -> Action {
        match plugin.gate.body_phase {
            BodyPhase::Hold => {
                plugin.watchdog.hold(self.context_id, || release(head, &state));
                self.state = state;
                Action::Pause
            }
            BodyPhase::Compat => {
                let name = state.endpoint().map_or("", |endpoint| &endpoint.name);
                let pending = annotation::pending(name);
                let field = &plugin.verdict_field;
                if host::set_header(Map::RequestHeaders, field, pending.as_bytes()).is_err() {
                    return self.failed(plugin, state.endpoint(), Findings::default());
                }
                self.state = state;
                self.headers_held = false;
                Action::Continue
            }
        }
    }

    fn body(&mut self, plugin: &Plugin, end_of_stream: bool) -> Action {
        match std::mem::replace(&mut self.state, State::Settled) {
            State::Settled => match self.kept.put_back() {
                Ok(()) => Action::Continue,
                Err(_) => self.lost(plugin),
            },
            State::Inspecting(mut inspection) => {
                if self.has_left(plugin) {
                    inspection.head_left();
                }
                self.inspect(plugin, inspection, end_of_stream)
            }
            State::Answering(decision) => {
                self.has_left(plugin);
                let discarded = end_of_stream
                    || self.body_size == 0
                    || host::replace_request_body(self.body_size, b"").is_ok();
                if end_of_stream || !discarded {
                    return self.finish(plugin, &decision);
                }
                self.state = State::Answering(decision);
                Action::Pause
            }
        }
    }

    /// Whether the watchdog has let the header section go, which is found out by the first callback
    /// for the body.
    fn has_left(&mut self, plugin: &Plugin) -> bool {
        let has_left = self.headers_held && !plugin.watchdog.body_began(self.context_id);
        self.headers_held = self.headers_held && !has_left;
        has_left
    }

    fn inspect(
        &mut self,
        plugin: &Plugin,
        mut inspection: Inspection,
        end_of_stream: bool,
    ) -> Action {
        if let Some(decision) = inspection.body_seen(self.body_size) {
            return self.finish_unread(plugin, &decision);
        }
        if !end_of_stream {
            return self.hold(plugin, inspection);
        }
        if self.kept.put_back().is_err() {
            plugin.metrics.count(&inspection.abandoned());
            return self.lost(plugin);
        }
        if !inspection.reads_body() {
            return self.decide(plugin, inspection, b"");
        }
        match host::request_body(self.body_size) {
            Ok(body) if body.len() == self.body_size => self.decide(plugin, inspection, &body),
            Ok(_) | Err(_) => {
                let Inspection { endpoint, findings, .. } = inspection;
                self.failed(plugin, Some(&endpoint), findings)
            }
        }
    }

    /// More is to come: Envoy holds what there is, or the filter keeps it.
    fn hold(&mut self, plugin: &Plugin, mut inspection: Inspection) -> Action {
        let piece = self.body_size - self.kept.len();
        let is_http1 = || {
            host::property("request\0protocol")
                .is_ok_and(|protocol| protocol.starts_with(b"HTTP/1"))
        };
        let is_kept = self.headers_held
            && inspection.may_outgrow()
            && self.kept.has_room(piece)
            && is_http1();
        if let Some(decision) = inspection.outgrown(self.body_size, is_kept) {
            return self.finish_unread(plugin, &decision);
        }
        if is_kept && piece > 0 {
            // Where it cannot be taken out it stays, and is counted as before.
            let _ = self.kept.keep(piece);
        }
        self.state = State::Inspecting(inspection);
        Action::Pause
    }

    /// As [`Stream::finish`], before the body is whole.
    fn finish_unread(&mut self, plugin: &Plugin, decision: &Decision) -> Action {
        let action = self.finish(plugin, decision);
        let piece = self.body_size - self.kept.len();
        if action == Action::Continue && self.kept.len() > 0 && self.kept.send_ahead(piece).is_err()
        {
            return self.lost(plugin);
        }
        action
    }

    /// A part of the body could not be put back: what is left of it must not be taken for all.
    fn lost(&self, plugin: &Plugin) -> Action {
        plugin.metrics.count_host_error();
        let _ = host::send_local_response(503, "trackgate_host_error", &[], b"");
        Action::Pause
    }

    fn trailers(&mut self, plugin: &Plugin) -> Action {
        let stripped = host::header_map(Map::RequestTrailers).and_then(|map| {
            strip(
                plugin,
                Map::RequestTrailers,
                None,
                host::pairs(&map).into_iter().map(|(name, _)| name),
            )
        });
        match (stripped, &self.state) {
            (_, State::Answering(_)) | (Ok(()), State::Inspecting(_)) => self.body(plugin, true),
            // What is kept of the body cannot be put back any more.
            (_, State::Settled) if self.kept.len() > 0 => self.lost(plugin),
            (Err(_), State::Inspecting(inspection)) => {
                let endpoint = Arc::clone(&inspection.endpoint);
                self.state = State::Settled;
                self.failed(plugin, Some(&endpoint), Findings::default())
            }
            (Err(_), State::Settled) => self.failed(plugin, None, Findings::default()),
            (Ok(()), State::Settled) => Action::Continue,
        }
    }

    fn decide(&mut self, plugin: &Plugin, inspection: Inspection, body: &[u8]) -> Action {
        let decision = inspection.body(body);
        self.finish(plugin, &decision)
    }

    /// Acts on the verdict and counts it.
    fn finish(&mut self, plugin: &Plugin, decision: &Decision) -> Action {
        match act(plugin, decision, self.headers_held) {
            Ok(action) => {
                self.dropped_domains =
                    if self.is_told(plugin) { decision.dropped_domains() } else { 0 };
                self.record(plugin, decision);
                action
            }
            Err(_) => self.failed(plugin, Some(&decision.endpoint), Findings::default()),
        }
    }

    /// The one place that says what becomes of a request when a call to the host fails: as the
    /// disposition of `host_error` has it, which by default is to forward it, marked `uninspected`
    /// if it still can be, and to count it.
    fn failed(
        &mut self,
        plugin: &Plugin,
        endpoint: Option<&Arc<Endpoint>>,
        findings: Findings,
    ) -> Action {
        plugin.metrics.count_host_error();
        let Some(endpoint) = endpoint else { return Action::Continue };
        let decision = endpoint.host_error(findings);
        let action = act(plugin, &decision, self.headers_held).unwrap_or(Action::Continue);
        self.record(plugin, &decision);
        action
    }

    fn record(&mut self, plugin: &Plugin, decision: &Decision) {
        if let Some(reply) = decision.reply_to_send().filter(|_| self.is_grpc) {
            let content_type = reply.headers.iter().find(|(name, _)| name == "content-type");
            self.replied = Some((reply.status, content_type.map(|(_, value)| value.clone())));
        }
        plugin.metrics.count(decision);
        if self.body_size > 0 {
            plugin.metrics.record_body(self.body_size);
        }
        plugin.refusals.refused(decision, self.body_size);
    }

    /// The annotations reach the collector.
    fn is_told(&self, plugin: &Plugin) -> bool {
        match plugin.gate.body_phase {
            BodyPhase::Hold => self.headers_held,
            BodyPhase::Compat => true,
        }
    }
}

/// What becomes of a held stream for which Envoy makes no callback.
fn release(head: &RequestHead<'_>, state: &State) -> Option<Release> {
    let decision = match state {
        State::Settled => return None,
        State::Inspecting(inspection) => Rc::new(inspection.let_go()),
        State::Answering(decision) => Rc::clone(decision),
    };
    Some(Release { decision, declares_body: size::declared(head).is_some_and(|bytes| bytes > 0) })
}

/// The stream is over; a client that went away mid-body leaves an inspection behind.
impl Drop for Stream {
    fn drop(&mut self) {
        let Some(plugin) = &self.plugin else { return };
        let state = std::mem::replace(&mut self.state, State::Settled);
        let decision = match state {
            State::Settled => return,
            State::Inspecting(inspection) => Rc::new(inspection.abandoned()),
            State::Answering(decision) => decision,
        };
        plugin.watchdog.forget(self.context_id);
        plugin.metrics.count(&decision);
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

    /// `size` is that of all that Envoy holds of the body, not of the last piece.
    fn on_http_request_body(&mut self, size: usize, end_of_stream: bool) -> Action {
        self.body_size = self.kept.len() + size;
        match self.plugin.clone() {
            Some(plugin) => self.body(&plugin, end_of_stream),
            None => Action::Continue,
        }
    }

    fn on_http_response_headers(&mut self, _: usize, _: bool) -> Action {
        if let (Some((status, content_type)), Some(plugin)) = (self.replied.take(), &self.plugin)
            && answer_as_http(status, content_type.as_deref()).is_err()
        {
            plugin.metrics.count_host_error();
        }
        if let (1.., Some(plugin)) = (self.dropped_domains, &self.plugin)
            && tell_dropped(self.dropped_domains).is_err()
        {
            plugin.metrics.count_host_error();
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
