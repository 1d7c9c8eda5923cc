//! What a check is handed: where it says what it looks at and what it finds.

use super::{Disposition, Dispositions, Finding, Findings, Flow, Reason, Refusal, RefusalKind};

/// Collects what the checks find, and ends them where a disposition says so.
#[derive(Debug)]
pub struct Notes<'g> {
    dispositions: &'g Dispositions,
    /// What has been found so far.
    pub findings: Findings,
}

impl<'g> Notes<'g> {
    /// Goes on from what has been found so far.
    pub fn new(dispositions: &'g Dispositions, findings: Findings) -> Self {
        Notes { dispositions, findings }
    }

    /// A rule starts. What is found until the next one starts is this rule's. `saw` tells what it
    /// looks at, and is called only where somebody listens ([`super::Trace`]).
    #[inline]
    pub fn rule(&mut self, name: &'static str, saw: impl FnOnce() -> String) {
        self.findings.trace.rule(name, saw);
    }

    /// Treats a finding by its disposition: passes over it, keeps it, or ends the checks.
    pub fn note(&mut self, finding: Finding) -> Flow {
        match self.treat(finding.reason, || finding.clone()) {
            Some(Disposition::Pass) | None => Flow::Continue(()),
            Some(Disposition::Annotate) => {
                self.findings.kept.push(finding);
                Flow::Continue(())
            }
            Some(Disposition::Drop) => Flow::Break(Refusal { kind: RefusalKind::Drop, finding }),
            Some(Disposition::Reject) => {
                Flow::Break(Refusal { kind: RefusalKind::Reject, finding })
            }
        }
    }

    /// Annotates a finding that can refuse nothing any more, unless its disposition is to pass it
    /// over.
    pub fn annotate(&mut self, finding: Finding) {
        match self.dispositions.of(finding.reason) {
            Some(Disposition::Pass) | None => {}
            Some(Disposition::Annotate | Disposition::Drop | Disposition::Reject) => {
                self.findings.trace.found(Disposition::Annotate, || finding.clone());
                self.findings.kept.push(finding);
            }
        }
    }

    /// Annotates a finding whose treatment has been settled by [`Notes::treat`].
    pub fn keep(&mut self, finding: Finding) {
        self.findings.kept.push(finding);
    }

    /// As [`Notes::keep`], for findings that may be many: one that is only counted is not made.
    pub fn keep_with(&mut self, finding: impl FnOnce() -> Finding) {
        self.findings.kept.push_with(finding);
    }

    /// Counts findings of a reason that were made beyond those noted one by one.
    pub fn note_more(&mut self, reason: Reason, count: usize) {
        if self.dispositions.of(reason) == Some(Disposition::Annotate) {
            self.findings.kept.more += count;
        }
    }

    /// How a finding is to be treated, for a caller that settles that itself. The finding is made
    /// only where somebody listens.
    pub fn treat(
        &mut self,
        reason: Reason,
        finding: impl FnOnce() -> Finding,
    ) -> Option<Disposition> {
        let disposition = self.dispositions.of(reason);
        if let Some(disposition) = disposition {
            self.findings.trace.found(disposition, finding);
        }
        disposition
    }

    /// How the endpoint treats a reason; `None`: its vendor never gives it.
    pub fn disposition(&self, reason: Reason) -> Option<Disposition> {
        self.dispositions.of(reason)
    }
}
