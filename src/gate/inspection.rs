//! A request whose head has been checked and whose body is awaited.

use super::decision::Terms;
use super::{Decision, Endpoint};
use crate::request::RequestHead;
use crate::rules::size;
use crate::vendors::Next;
use crate::verdict::{Findings, Flow, Notes, Verdict};
use std::sync::Arc;

/// The next step after the head has been checked.
#[derive(Debug)]
pub enum Step {
    /// The verdict is known: act on it now.
    Decided(Decision),
    /// The body is needed.
    Body(Inspection),
}

/// A request whose body is awaited, whole or for its size alone.
#[derive(Debug)]
pub struct Inspection {
    /// Whose request it is.
    pub endpoint: Arc<Endpoint>,
    /// What the head showed.
    pub findings: Findings,
    pub(super) terms: Terms,
    pub(super) next: Next,
    /// Bytes of body that the head declares; looked for only where the buffer's size is known.
    pub(super) declared: Option<usize>,
}

impl Inspection {
    pub(super) fn start(
        endpoint: &Arc<Endpoint>,
        head: &RequestHead<'_>,
        terms: Terms,
        findings: Findings,
        next: Next,
    ) -> Step {
        match next {
            Next::Nothing => {
                Step::Decided(Decision::new(endpoint, &terms, Flow::Continue(()), findings))
            }
            Next::Size(_) | Next::Body { .. } => {
                let knows_buffer = endpoint.buffer_limit_bytes < usize::MAX;
                let declared = if knows_buffer { size::declared(head) } else { None };
                let endpoint = Arc::clone(endpoint);
                Inspection { endpoint, findings, terms, next, declared }.unless_too_large_to_hold()
            }
        }
    }

    /// Call with the bytes of body seen so far, each time some have come. A decision ends the
    /// inspection before the body is whole.
    pub fn body_seen(&mut self, bytes: usize) -> Option<Decision> {
        let max_bytes = self.next.max_bytes();
        if bytes <= max_bytes {
            return None;
        }
        let findings = std::mem::take(&mut self.findings);
        let mut notes = Notes::new(&self.endpoint.dispositions, findings);
        notes.rule("size", || format!("{bytes} bytes so far; the limit is {max_bytes} bytes"));
        let flow = match notes.note(self.next.too_large()) {
            Flow::Continue(()) => self.next.unread(&mut notes),
            refused @ Flow::Break(_) => refused,
        };
        let findings = notes.findings;
        Some(Decision::new(&self.endpoint, &self.terms, flow, findings))
    }

    /// Whether the content of the body is needed, or only its size.
    pub fn reads_body(&self) -> bool {
        match self.next {
            Next::Body { .. } => true,
            Next::Nothing | Next::Size(_) => false,
        }
    }

    /// The client went away before its body was whole: nothing was forwarded, and nothing is known.
    pub fn abandoned(self) -> Decision {
        let Inspection { endpoint, mut findings, terms, .. } = self;
        findings.uninspected = true;
        let verdict = Verdict::Uninspected;
        Decision { endpoint, verdict, mode: terms.mode, findings, reason: None, reply: None }
    }

    /// Checks the whole body, or an empty one where there was none.
    pub fn body(self, body: &[u8]) -> Decision {
        let Inspection { endpoint, findings, terms, next, .. } = self;
        let mut notes = Notes::new(&endpoint.dispositions, findings);
        let flow = match next {
            Next::Nothing | Next::Size(_) => Flow::Continue(()),
            Next::Body { held, .. } => held.body(body, &mut notes),
        };
        let findings = notes.findings;
        Decision::new(&endpoint, &terms, flow, findings)
    }
}
