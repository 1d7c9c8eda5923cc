//! The gate's verdict on a captured request, as the filter would give it.

use super::capture::Captured;
use std::sync::Arc;
use trackgate::gate::{Decision, Endpoint, Gate, Step};
use trackgate::request::RequestHead;

/// `None`: the request is not the gate's.
pub fn judge(gate: &Gate, captured: &Captured) -> Option<Decision> {
    judge_by(gate, captured, Endpoint::head)
}

/// As [`judge`], with a trace of the checks in the decision's findings.
pub fn trace(gate: &Gate, captured: &Captured) -> Option<Decision> {
    judge_by(gate, captured, Endpoint::trace)
}

fn judge_by(
    gate: &Gate,
    captured: &Captured,
    check: fn(&Arc<Endpoint>, &RequestHead<'_>) -> Step,
) -> Option<Decision> {
    let head = captured.head();
    let mut inspection = match check(gate.endpoint(&head)?, &head) {
        Step::Decided(decision) => return Some(decision),
        Step::Body(inspection) => inspection,
    };
    let size = captured.body.len();
    // How the body came is not known: it is let go only where all of it is more than Envoy can
    // hold.
    let unread = inspection.body_seen(size).or_else(|| inspection.outgrown(size, true));
    Some(unread.unwrap_or_else(|| inspection.body(&captured.body)))
}
