//! What Envoy can hold of a body, and what becomes of a request that it cannot hold to the end.
//!
//! Where a held body outgrows Envoy's buffer, Envoy itself answers 413, in shadow mode too. The
//! operator says how large the buffer is (`buffer_limit_bytes`), and a body that would not fit is
//! let go before it is read.

use super::{Decision, Endpoint, Inspection, Mode, Step};
use crate::request::RequestHead;
use crate::rules::size;
use crate::verdict::{Disposition, Finding, Findings, Flow, Notes, Reason, Verdict};

/// The largest DATA frame of HTTP/2 that Envoy takes. The last one comes together with the end of
/// the stream, when it is too late to let go: what is held and what comes then pass through the
/// buffer as one.
const FRAME_BYTES: usize = 16_384;

/// A declared body up to this size is awaited before a drop is answered: a reply before it would
/// close an HTTP/1.1 connection.
const AWAITED_BYTES: usize = 65_536;

impl Endpoint {
    /// Whether some request is forwarded unread for this reason, whatever its disposition: its
    /// size, a call to the host that failed, or that it is a stream.
    pub(super) fn lets_go_for(&self, reason: Reason) -> bool {
        let is_for_size = reason == Reason::RequestTooLarge && self.buffer_limit_bytes < usize::MAX;
        let is_for_another_cause = matches!(reason, Reason::HostError | Reason::ContentType);
        (is_for_size || is_for_another_cause)
            && self.dispositions.of(reason) != Some(Disposition::Pass)
    }
}

impl Inspection {
    /// The next step where a body is wanted: to wait for it, unless it declares more than can be
    /// held.
    pub(super) fn unless_too_large_to_hold(mut self) -> Step {
        match self.declared {
            Some(bytes) if bytes > self.endpoint.buffer_limit_bytes => {
                Step::Decided(self.forwarded_unread(Reason::RequestTooLarge))
            }
            Some(_) | None => Step::Body(self),
        }
    }

    /// Whether more may come than Envoy can hold: the body declares no size, and the buffer's is
    /// known.
    pub fn may_outgrow(&self) -> bool {
        self.endpoint.buffer_limit_bytes < usize::MAX && self.declared.is_none()
    }

    /// Call with the bytes of body seen so far, before the body is whole and after
    /// [`Inspection::body_seen`]: a decision where they are more than Envoy can hold, or might be
    /// with the next frame. `is_kept`: the next piece need not fit beside them.
    pub fn outgrown(&mut self, bytes: usize, is_kept: bool) -> Option<Decision> {
        let limit = self.endpoint.buffer_limit_bytes;
        let fits_with_next = is_kept
            || self.declared.is_some()
            || bytes.saturating_add(FRAME_BYTES) <= limit
            || self.is_refused_within(limit);
        if bytes <= limit && fits_with_next {
            return None;
        }
        Some(self.forwarded_unread(Reason::RequestTooLarge))
    }

    /// A body that would outgrow the buffer is refused first.
    fn is_refused_within(&self, limit: usize) -> bool {
        let refuses = matches!(
            self.endpoint.dispositions.of(self.next.too_large().reason),
            Some(Disposition::Drop | Disposition::Reject)
        );
        refuses && self.terms.mode == Mode::Enforce && self.next.max_bytes() <= limit
    }

    fn forwarded_unread(&mut self, reason: Reason) -> Decision {
        let findings = std::mem::take(&mut self.findings);
        let (flow, findings) = self.unread(findings, reason);
        Decision::new(&self.endpoint, &self.terms, flow, findings)
    }

    /// The decision if the head has to leave before the body has been read, because
    /// Envoy does not hand it over.
    pub fn let_go(&self) -> Decision {
        // What would refuse it is found again when the body has been read.
        let (_, findings) = self.unread(self.findings.clone(), Reason::HostError);
        Decision::new(&self.endpoint, &self.terms, Flow::Continue(()), findings)
    }

    /// The head has left so. The body is read all the same, and may still be refused; if it is not,
    /// the verdict stays the one that the collector has been sent.
    pub fn head_left(&mut self) {
        let findings = std::mem::take(&mut self.findings);
        let mut notes = Notes::new(&self.endpoint.dispositions, findings);
        notes.findings.uninspected = true;
        notes.annotate(unread_for(Reason::HostError));
        self.findings = notes.findings;
    }

    /// What the head showed of a request that is forwarded unread, and why it is.
    fn unread(&self, findings: Findings, reason: Reason) -> (Flow, Findings) {
        let mut notes = Notes::new(&self.endpoint.dispositions, findings);
        let flow = self.next.unread(&mut notes);
        notes.rule("buffer", || format!("Envoy holds {} bytes", self.endpoint.buffer_limit_bytes));
        notes.annotate(unread_for(reason));
        (flow, notes.findings)
    }
}

impl Decision {
    /// A drop whose body is small enough to be awaited, so that the client sees no difference from
    /// the collector's answer. Not of an upgrade, whose body has no end, nor of a client that waits
    /// to be asked for it: whom Envoy has asked has no `expect` left.
    pub fn answers_after_body(&self, head: &RequestHead<'_>) -> bool {
        let is_drop = self.verdict == Verdict::Drop && self.mode == Mode::Enforce;
        let has_end = ["expect", "upgrade"].iter().all(|name| head.first(name).is_none());
        is_drop
            && has_end
            && size::declared(head).is_some_and(|bytes| (1..=AWAITED_BYTES).contains(&bytes))
    }
}

fn unread_for(reason: Reason) -> Finding {
    Finding::new(reason, "the body was not inspected")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::Gate;

    #[test]
    fn small_bodies_with_an_end_are_awaited() {
        let enforce = Gate::load(b"{}").unwrap();
        let shadow = Gate::load(br#"{"mode":"shadow"}"#).unwrap();
        let awaits = |gate: &Gate, path: &str, agent: &str, extra: &[(&str, &str)]| {
            let usual = [
                (":method", "POST"),
                (":path", path),
                ("user-agent", agent),
                ("content-type", "application/json"),
            ];
            let fields = usual
                .iter()
                .chain(extra)
                .map(|(name, value)| (name.as_bytes(), value.as_bytes()))
                .collect();
            let head = RequestHead::new(fields);
            match gate.endpoint(&head).unwrap().head(&head) {
                Step::Decided(decision) => decision.answers_after_body(&head),
                Step::Body(_) => panic!("decided by the head"),
            }
        };
        let bot = |extra: &[(&str, &str)]| awaits(&enforce, "/v1/track/key", "curl/8", extra);
        assert!(bot(&[("content-length", "1")]) && bot(&[("content-length", "65536")]));
        assert!(
            !bot(&[]) && !bot(&[("content-length", "0")]) && !bot(&[("content-length", "65537")])
        );
        assert!(!bot(&[("content-length", "9"), ("expect", "100-continue")]));
        assert!(!bot(&[("content-length", "9"), ("upgrade", "websocket")]));
        assert!(!awaits(&shadow, "/v1/track/key", "curl/8", &[("content-length", "9")]));
        assert!(!awaits(&enforce, "/v1/track", "curl/8", &[("content-length", "9")]), "a reject");
    }
}
