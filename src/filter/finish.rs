//! How a stream comes by its verdict, exactly once: acted upon, counted, and told in the log.

use super::Context;
use super::act::act;
use super::explain;
use super::host::{Action, Host, Map};
use super::quarantine::{Body, Fate, Message, lost};
use super::stream::Stream;
use crate::gate::{BodyPhase, Decision, Endpoint};
use crate::verdict::Findings;
use std::sync::Arc;

impl Stream {
    /// Acts on the verdict and counts it.
    pub(super) fn finish<H: Host>(
        &mut self,
        cx: &mut Context<'_, H>,
        decision: &Decision,
        body: Body<'_>,
    ) -> Action {
        let aside = self.set_aside(cx, decision, body);
        self.finish_with(cx, decision, aside)
    }

    /// As [`Stream::finish`], of a request that is sent aside if it is refused.
    pub(super) fn finish_with<H: Host>(
        &mut self,
        cx: &mut Context<'_, H>,
        decision: &Decision,
        aside: Option<Message>,
    ) -> Action {
        match act(cx, decision, self.headers_held, self.is_explained()) {
            Ok(action) => {
                self.dropped_domains =
                    if self.is_told(cx) { decision.dropped_domains() } else { 0 };
                self.record(cx, decision);
                if let Some(message) = aside {
                    Stream::send_aside(cx, message);
                }
                action
            }
            Err(_) => {
                if aside.is_some() {
                    lost(cx, Fate::Unread);
                }
                self.failed(cx, Some(&decision.endpoint), Findings::default())
            }
        }
    }

    /// As [`Stream::finish`], before the body is whole.
    pub(super) fn finish_unread<H: Host>(
        &mut self,
        cx: &mut Context<'_, H>,
        decision: &Decision,
    ) -> Action {
        let action = self.finish(cx, decision, Body::TooLarge);
        let piece = self.body_size - self.kept.len();
        // Envoy may read a little more at once than its buffer holds.
        let is_too_large =
            self.headers_held && cx.host.is_http1() && piece > decision.endpoint.buffer_limit_bytes;
        if action == Action::Continue
            && (self.kept.len() > 0 || is_too_large)
            && self.kept.send_ahead(&mut cx.host, piece).is_err()
        {
            return self.lost(cx);
        }
        action
    }

    /// The one place that says what becomes of a request when a call to the host fails: as the
    /// disposition of `host_error` has it, which by default is to forward it, marked `uninspected`
    /// if it still can be, and to count it.
    pub(super) fn failed<H: Host>(
        &mut self,
        cx: &mut Context<'_, H>,
        endpoint: Option<&Arc<Endpoint>>,
        findings: Findings,
    ) -> Action {
        cx.filter.metrics.count_host_error(&cx.host);
        self.lose(cx, Fate::Unread);
        let Some(endpoint) = endpoint else { return Action::Continue };
        let decision = endpoint.host_error(findings);
        if self.headers_held {
            // It may have failed with the first of two fields added.
            for field in [&cx.filter.verdict_field, &cx.filter.reasons_field] {
                let _ = cx.host.remove_field(Map::RequestHeaders, field.as_bytes());
            }
            if self.is_discarded {
                // The collector would wait for a body that does not come.
                let _ = cx.host.set_field(Map::RequestHeaders, "content-length", b"0");
            }
        }
        let action = act(cx, &decision, self.headers_held, self.is_explained());
        let action = action.unwrap_or(Action::Continue);
        self.record(cx, &decision);
        action
    }

    /// A part of the body could not be put back: what is left of it must not be taken for all.
    pub(super) fn lost<H: Host>(&self, cx: &mut Context<'_, H>) -> Action {
        cx.filter.metrics.count_host_error(&cx.host);
        let _ = cx.host.reply(503, "trackgate_host_error", &[], b"");
        Action::Replied
    }

    fn record<H: Host>(&mut self, cx: &Context<'_, H>, decision: &Decision) {
        if let Some(reply) = decision.reply_to_send().filter(|_| self.is_grpc) {
            let content_type = reply.headers.iter().find(|(name, _)| name == "content-type");
            self.replied = Some((reply.status, content_type.map(|(_, value)| value.clone())));
        }
        let (filter, host) = (cx.filter, &cx.host);
        if let Some(besides) = &mut self.besides
            && besides.is_explained
            && decision.reply_to_send().is_none()
        {
            let fields = explain::fields(filter, decision).into_iter();
            besides.explained = fields.map(|(name, value)| (name.to_owned(), value)).collect();
        }
        filter.metrics.count(host, decision);
        if self.body_size > 0 {
            filter.metrics.record_body(host, self.body_size);
        }
        filter.refusals.refused(decision, self.body_size, || host.now_ns());
    }

    fn is_explained(&self) -> bool {
        self.besides.as_ref().is_some_and(|besides| besides.is_explained)
    }

    /// The annotations reach the collector.
    fn is_told<H: Host>(&self, cx: &Context<'_, H>) -> bool {
        match cx.filter.gate.body_phase {
            BodyPhase::Hold => self.headers_held,
            BodyPhase::Compat => true,
        }
    }
}
