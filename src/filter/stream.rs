//! One request: the host's callbacks in, calls to the host out. Which request gets which verdict is
//! the gate's.
//!
//! A stream gets its verdict exactly once, in `finish`, whichever callback ends it: headers, body
//! or trailers that end the request, a body over the limit, a failed host call, or the client's
//! going away.

use super::explain::{self, Asked};
use super::fields::{answer_as_http, forged, strip, tell_dropped};
use super::head::Seen;
use super::host::{Action, Host, Map, Result};
use super::kept::Kept;
use super::quarantine::{Aside, Body, Fate};
use super::{Context, Worker};
use crate::annotation;
use crate::gate::{BodyPhase, Decision, Endpoint, Inspection, Step};
use crate::request::HeadBuf;
use crate::verdict::Findings;
use std::rc::Rc;
use std::sync::Arc;

pub struct Stream {
    pub(super) state: State,
    /// The answer to a request that is dropped for its head may wait for its body.
    pub waits: bool,
    /// The host watches the stream while its header section is held.
    pub is_watched: bool,
    /// The client has said that bytes of body will come; known of a stream that is watched.
    pub declares_body: bool,
    /// The request header section is still here to be edited.
    pub(super) headers_held: bool,
    /// Bytes of body that have come, without those that were thrown away.
    pub(super) body_size: usize,
    pub(super) kept: Kept,
    /// What has come of the body was thrown away, for a reply that needs none of it.
    pub(super) is_discarded: bool,
    /// Tracked domains that the response must tell of.
    pub(super) dropped_domains: usize,
    /// Envoy would answer for us as it answers gRPC clients.
    pub(super) is_grpc: bool,
    /// Status and media type of a reply that it has been given so.
    pub(super) replied: Option<(u16, Option<String>)>,
    /// What only some requests need, which the others shall not pay for.
    pub(super) besides: Option<Box<Besides>>,
}

/// What becomes of a request beside its answer.
#[derive(Default)]
pub(super) struct Besides {
    /// What is kept of a request whose head was refused, while its body comes.
    pub aside: Aside,
    /// The header section, where it leaves before it is known whether the request is kept.
    pub head: Option<HeadBuf>,
    /// Its sender may know verdict and reasons.
    pub is_explained: bool,
    /// Fields that the collector's answer gets for that.
    pub explained: Vec<(String, String)>,
}

pub(super) enum State {
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
    pub fn new(worker: &Worker) -> Self {
        Stream {
            state: State::Settled,
            waits: true,
            is_watched: false,
            declares_body: false,
            headers_held: true,
            body_size: 0,
            kept: Kept::new(&worker.kept),
            is_discarded: false,
            dropped_domains: 0,
            is_grpc: false,
            replied: None,
            besides: None,
        }
    }

    /// The header section has come.
    pub fn headers<H: Host>(&mut self, cx: &mut Context<'_, H>, end_of_stream: bool) -> Action {
        let mut seen = Seen::default();
        if seen.see(cx, self.waits && !end_of_stream, self.is_watched).is_err() {
            return self.failed(cx, None, Findings::default());
        }
        if strip(&mut cx.host, Map::RequestHeaders, &seen.forged).is_err() {
            return self.failed(cx, seen.endpoint.as_ref(), Findings::default());
        }
        self.is_grpc = seen.is_grpc;
        self.declares_body = seen.declares_body;
        self.besides = seen.besides.take();
        if seen.asked == Asked::Wrongly {
            cx.filter.metrics.count_explain_refused(&cx.host);
        }
        match seen.step {
            None => Action::Continue,
            Some(Step::Decided(decision)) if end_of_stream => {
                self.finish(cx, &decision, Body::Whole(b""))
            }
            Some(Step::Decided(decision)) => {
                if self.keeps_body(cx, &decision, seen.keeping) || seen.awaits_body {
                    return self.await_body(cx, State::Answering(Rc::new(decision)));
                }
                self.finish(cx, &decision, Body::Unread)
            }
            Some(Step::Body(inspection)) if end_of_stream => self.decide(cx, inspection, b""),
            Some(Step::Body(inspection)) => self.await_body(cx, State::Inspecting(inspection)),
        }
    }

    fn await_body<H: Host>(&mut self, cx: &mut Context<'_, H>, state: State) -> Action {
        let filter = cx.filter;
        match filter.gate.body_phase {
            BodyPhase::Hold => {
                // What is discarded as it comes needs none.
                if let State::Inspecting(inspection) = &state
                    && let Some(size) = inspection.endpoint.room_for_body()
                {
                    cx.host.make_room(size);
                }
                self.state = state;
                Action::Hold
            }
            BodyPhase::Compat => {
                let name = state.endpoint().map_or("", |endpoint| &endpoint.name);
                let pending = annotation::pending(name);
                let field = &filter.verdict_field;
                if cx.host.add_field(Map::RequestHeaders, field, pending.as_bytes()).is_err() {
                    return self.failed(cx, state.endpoint(), Findings::default());
                }
                self.state = state;
                self.headers_held = false;
                Action::Continue
            }
        }
    }

    /// A piece of the body has come: `size` are the bytes of all that the host holds of it.
    pub fn body<H: Host>(
        &mut self,
        cx: &mut Context<'_, H>,
        size: usize,
        end_of_stream: bool,
    ) -> Action {
        self.body_size = self.kept.len() + size;
        self.go_on(cx, end_of_stream)
    }

    fn go_on<H: Host>(&mut self, cx: &mut Context<'_, H>, end_of_stream: bool) -> Action {
        if self.is_settled() {
            return self.pass_on(cx);
        }
        match std::mem::replace(&mut self.state, State::Settled) {
            State::Settled => Action::Continue,
            State::Inspecting(inspection) => self.inspect(cx, inspection, end_of_stream),
            State::Answering(decision) => self.answer(cx, decision, end_of_stream),
        }
    }

    pub(super) fn is_settled(&self) -> bool {
        matches!(self.state, State::Settled)
    }

    pub(super) fn pass_on<H: Host>(&mut self, cx: &mut Context<'_, H>) -> Action {
        match self.kept.put_back(&mut cx.host) {
            Ok(()) => Action::Continue,
            Err(_) => self.lost(cx),
        }
    }

    fn inspect<H: Host>(
        &mut self,
        cx: &mut Context<'_, H>,
        mut inspection: Inspection,
        end_of_stream: bool,
    ) -> Action {
        if let Some(decision) = inspection.body_seen(self.body_size) {
            return self.finish_unread(cx, &decision);
        }
        if !end_of_stream {
            return self.hold(cx, inspection);
        }
        if self.kept.put_back(&mut cx.host).is_err() {
            cx.filter.metrics.count(&cx.host, &inspection.abandoned());
            return self.lost(cx);
        }
        if !inspection.reads_body() {
            return self.decide(cx, inspection, b"");
        }
        let body = match cx.host.body(self.body_size) {
            Ok(body) if body.len() == self.body_size => body,
            Ok(_) | Err(_) => {
                let Inspection { endpoint, findings, .. } = inspection;
                return self.failed(cx, Some(&endpoint), findings);
            }
        };
        #[cfg(trap)]
        super::trap_if_asked(
            &cx.host.field(Map::RequestHeaders, "x-trap").unwrap_or_default(),
            b"body",
        );
        let decision = inspection.body(&body);
        let aside = self.set_aside(cx, &decision, Body::Whole(&body));
        drop(body);
        self.finish_with(cx, &decision, aside)
    }

    /// More is to come: the host holds what there is, or the filter keeps it.
    fn hold<H: Host>(&mut self, cx: &mut Context<'_, H>, mut inspection: Inspection) -> Action {
        let piece = self.body_size - self.kept.len();
        let is_kept = self.headers_held
            && inspection.may_outgrow()
            && self.kept.has_room(piece)
            && cx.host.is_http1();
        if let Some(decision) = inspection.outgrown(self.body_size, is_kept) {
            return self.finish_unread(cx, &decision);
        }
        if is_kept && piece > 0 {
            // Where it cannot be taken out it stays, and is counted as before.
            let _ = self.kept.keep(&mut cx.host, piece);
        }
        self.state = State::Inspecting(inspection);
        Action::Hold
    }

    /// With trailers the callbacks for the body never say that the request ends: this one does.
    pub fn trailers<H: Host>(&mut self, cx: &mut Context<'_, H>) -> Action {
        match (strip_trailers(cx), &self.state) {
            (_, State::Answering(_)) | (Ok(()), State::Inspecting(_)) => self.go_on(cx, true),
            // What is kept of the body cannot be put back any more.
            (_, State::Settled) if self.kept.len() > 0 => self.lost(cx),
            (Err(_), State::Inspecting(inspection)) => {
                let endpoint = Arc::clone(&inspection.endpoint);
                self.state = State::Settled;
                self.failed(cx, Some(&endpoint), Findings::default())
            }
            (Err(_), State::Settled) => self.failed(cx, None, Findings::default()),
            (Ok(()), State::Settled) => Action::Continue,
        }
    }

    /// The header section of the response, the collector's or our own, is on its way back.
    pub fn response_headers<H: Host>(&mut self, cx: &mut Context<'_, H>) {
        if let Some((status, content_type)) = self.replied.take()
            && answer_as_http(&mut cx.host, status, content_type.as_deref()).is_err()
        {
            cx.filter.metrics.count_host_error(&cx.host);
        }
        if let Some(besides) = &self.besides
            && explain::tell(&mut cx.host, &besides.explained).is_err()
        {
            cx.filter.metrics.count_host_error(&cx.host);
        }
        if self.dropped_domains > 0 && tell_dropped(&mut cx.host, self.dropped_domains).is_err() {
            cx.filter.metrics.count_host_error(&cx.host);
        }
    }

    /// The stream is over; a client that went away mid-body leaves an inspection behind.
    pub fn over<H: Host>(&mut self, cx: &Context<'_, H>) {
        self.lose(cx, Fate::Unread);
        if matches!(self.state, State::Settled) {
            return;
        }
        let decision = match std::mem::replace(&mut self.state, State::Settled) {
            State::Settled => return,
            State::Inspecting(inspection) => Rc::new(inspection.abandoned()),
            State::Answering(decision) => decision,
        };
        cx.filter.metrics.count(&cx.host, &decision);
    }

    fn decide<H: Host>(
        &mut self,
        cx: &mut Context<'_, H>,
        inspection: Inspection,
        body: &[u8],
    ) -> Action {
        let decision = inspection.body(body);
        self.finish(cx, &decision, Body::Whole(body))
    }
}

fn strip_trailers<H: Host>(cx: &mut Context<'_, H>) -> Result<()> {
    let gate = &cx.filter.gate;
    let forged = cx.host.fields(Map::RequestTrailers, |fields| {
        forged(gate, None, fields.into_iter().map(|(name, _)| name))
    })?;
    strip(&mut cx.host, Map::RequestTrailers, &forged)
}
