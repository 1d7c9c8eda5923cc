//! What becomes of a request, once that is known.

use super::{Endpoint, Keeping, Mode};
use crate::reply::{self, CrossOrigin, Reply};
use crate::request::RequestHead;
use crate::verdict::{Findings, Flow, Reason, Refusal, Verdict};
use std::sync::Arc;

/// What becomes of a request.
#[derive(Debug)]
pub struct Decision {
    /// Whose request it is.
    pub endpoint: Arc<Endpoint>,
    /// In shadow mode the one that enforcement would have acted upon.
    pub verdict: Verdict,
    /// Whether it is acted upon.
    pub mode: Mode,
    /// What was found, a refusal's own finding last.
    pub findings: Findings,
    /// The reason that a counter names: the refusal's, else the first one annotated.
    pub reason: Option<Reason>,
    /// The local reply of a drop or reject, which in shadow mode is not sent.
    pub reply: Option<Reply>,
}

/// How a request is to be answered, as its head tells.
#[derive(Debug)]
pub(super) struct Terms {
    pub mode: Mode,
    pub cross_origin: CrossOrigin,
}

impl Decision {
    pub(super) fn new(
        endpoint: &Arc<Endpoint>,
        terms: &Terms,
        flow: Flow,
        mut findings: Findings,
    ) -> Self {
        let (verdict, reason, reply) = match flow {
            Flow::Continue(()) => {
                let reason = findings.kept.list.first().map(|finding| finding.reason);
                (findings.verdict(), reason, None)
            }
            Flow::Break(Refusal { kind, finding }) => {
                let contract = endpoint.vendor.contract();
                let own = endpoint.checks.own_reply(kind, finding.reason);
                let reply = reply::render(contract, own, &terms.cross_origin, kind, &finding);
                let reason = finding.reason;
                findings.kept.list.push(finding);
                (kind.verdict(), Some(reason), Some(reply))
            }
        };
        let endpoint = Arc::clone(endpoint);
        Decision { endpoint, verdict, mode: terms.mode, findings, reason, reply }
    }

    /// How many tracked domains the annotation asks the collector to drop, which the response must
    /// say to the client; 0 elsewhere.
    pub fn dropped_domains(&self) -> usize {
        match (self.mode, self.verdict) {
            (Mode::Enforce, Verdict::Annotate | Verdict::Uninspected) => {
                self.findings.dropped_domains
            }
            (Mode::Enforce, Verdict::Pass | Verdict::Drop | Verdict::Reject)
            | (Mode::Shadow, _) => 0,
        }
    }

    /// Whether the body of a request that its head refuses is waited for, to be kept with it.
    pub fn keeping(&self, head: &RequestHead<'_>) -> Keeping {
        let terms = self.endpoint.quarantine.as_ref().filter(|terms| terms.is_for(self));
        terms.map_or(Keeping::Nothing, |terms| terms.keeping(head))
    }

    /// The reply to send; `None` where the request is forwarded.
    pub fn reply_to_send(&self) -> Option<&Reply> {
        match self.mode {
            Mode::Enforce => self.reply.as_ref(),
            Mode::Shadow => None,
        }
    }
}
