//! The gate's verdict on a captured request, as the plugin would give it.

use super::capture::Captured;
use crate::gate::{Decision, Gate, Step};

/// `None`: the request is none of the gate's.
pub fn judge(gate: &Gate, captured: &Captured) -> Option<Decision> {
    let head = captured.head();
    let mut inspection = match gate.head(gate.endpoint(&head)?, &head)? {
        Step::Decided(decision) => return Some(decision),
        Step::Body(inspection) => inspection,
    };
    if let Some(decision) = inspection.body_seen(gate, captured.body.len()) {
        return Some(decision);
    }
    inspection.body(gate, &captured.body)
}
