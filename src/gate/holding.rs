//! What Envoy can hold of a body, and what becomes of a request that it cannot hold to the end.
//!
//! Where a held body outgrows Envoy's buffer, Envoy itself answers 413, in shadow mode too. The operator says how large the
//! buffer is (`buffer_limit_bytes`), and a body that would not fit is let go before it is read.

use super::{Decision, Endpoint, Gate, Inspection, Mode, Step, decide};
use crate::request::RequestHead;
use crate::rules::size;
use crate::vendors::{self, Awaited};
use crate::verdict::{Disposition, Finding, Findings, Flow, Notes, Reason, Verdict};

/// The largest DATA frame of HTTP/2 that Envoy takes. The last one comes together with the end of the stream, when it is too
/// late to let go: what is held and what comes then pass through the buffer as one.
const FRAME_BYTES: usize = 16_384;

/// A declared body up to this size is awaited before a drop is answered: a reply before it would close an HTTP/1.1 connection.
const AWAITED_BYTES: usize = 65_536;

impl Gate {
    /// The next step where a body is wanted: to wait for it, unless it declares more than can be held.
    pub(super) fn hold(&self, endpoint: &Endpoint, inspection: Inspection) -> Step {
        match inspection.declared {
            Some(bytes) if bytes > self.buffer_limit_bytes => {
                let (flow, findings) = unread(endpoint, &inspection.awaited, inspection.findings, Reason::RequestTooLarge);
                Step::Decided(decide(inspection.endpoint, endpoint, inspection.mode, flow, findings))
            }
            Some(_) | None => Step::Body(inspection),
        }
    }

    /// Whether some request to an endpoint is forwarded unread for this reason, whatever its disposition there: its size, a call to the host
    /// that failed, or that it is a stream.
    pub(super) fn lets_go_for(&self, reason: Reason, endpoint: &Endpoint) -> bool {
        let is_for_size = reason == Reason::RequestTooLarge && self.buffer_limit_bytes < usize::MAX;
        let is_for_another_cause = matches!(reason, Reason::HostError | Reason::ContentType);
        (is_for_size || is_for_another_cause) && endpoint.dispositions.of(reason) != Some(Disposition::Pass)
    }
}

impl Inspection {
    /// Whether more may come than Envoy can hold: the body declares no size, and the buffer's is known.
    pub fn may_outgrow(&self, gate: &Gate) -> bool {
        gate.buffer_limit_bytes < usize::MAX && self.declared.is_none()
    }

    /// Call with the bytes of body seen so far, before the body is whole and after [`Inspection::body_seen`]: a decision where they
    /// are more than Envoy can hold, or might be with the next frame. `is_kept`: the next piece need not fit beside them.
    pub fn outgrown(&mut self, gate: &Gate, bytes: usize, is_kept: bool) -> Option<Decision> {
        let endpoint = gate.endpoints.get(self.endpoint)?;
        let limit = gate.buffer_limit_bytes;
        let fits_with_next = is_kept
            || self.declared.is_some()
            || bytes.saturating_add(FRAME_BYTES) <= limit
            || self.is_refused_within(limit, endpoint);
        if bytes <= limit && fits_with_next {
            return None;
        }
        let (flow, findings) = unread(endpoint, &self.awaited, std::mem::take(&mut self.findings), Reason::RequestTooLarge);
        Some(decide(self.endpoint, endpoint, self.mode, flow, findings))
    }

    /// A body that would outgrow the buffer is refused first.
    fn is_refused_within(&self, limit: usize, endpoint: &Endpoint) -> bool {
        let reason = vendors::too_large(&self.awaited, self.max_bytes).reason;
        let refuses = matches!(endpoint.dispositions.of(reason), Some(Disposition::Drop | Disposition::Reject));
        refuses && self.mode == Mode::Enforce && self.max_bytes <= limit
    }

    /// What the collector is told if the head has to leave before the body has been read, because Envoy does not hand it over.
    pub fn let_go(&self, gate: &Gate) -> Option<Decision> {
        let endpoint = gate.endpoints.get(self.endpoint)?;
        // What would refuse it is found again when the body has been read.
        let (_, findings) = unread(endpoint, &self.awaited, self.findings.clone(), Reason::HostError);
        Some(decide(self.endpoint, endpoint, self.mode, Flow::Continue(()), findings))
    }

    /// The head has left so. The body is read all the same, and may still be refused; if it is not, the verdict stays what the
    /// collector has been told.
    pub fn head_left(&mut self, gate: &Gate) {
        if let Some(endpoint) = gate.endpoints.get(self.endpoint) {
            let mut notes = Notes::new(&endpoint.dispositions, std::mem::take(&mut self.findings));
            notes.findings.uninspected = true;
            notes.annotate(unread_for(Reason::HostError));
            self.findings = notes.findings;
        }
    }
}

impl Decision {
    /// A drop whose body is small enough to be awaited, so that the client sees no difference from the collector's answer.
    /// Whoever wants to be told with `expect` before it sends waits for no body to be taken: it is answered at once.
    pub fn answers_after_body(&self, head: &RequestHead<'_>) -> bool {
        let is_drop = self.verdict == Verdict::Drop && self.mode == Mode::Enforce;
        is_drop
            && size::declared(head).is_some_and(|bytes| (1..=AWAITED_BYTES).contains(&bytes))
            && head.first("expect").is_none()
    }
}

/// What the head told of a request that is forwarded unread, and why it is.
fn unread(endpoint: &Endpoint, awaited: &Awaited, findings: Findings, reason: Reason) -> (Flow, Findings) {
    let mut notes = Notes::new(&endpoint.dispositions, findings);
    let flow = vendors::unread(awaited, &mut notes);
    notes.annotate(unread_for(reason));
    (flow, notes.findings)
}

fn unread_for(reason: Reason) -> Finding {
    Finding::new(reason, "the body was not inspected")
}
