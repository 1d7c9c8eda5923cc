//! The gate's verdict on a captured request, as the plugin would give it.

use super::capture::Captured;
use trackgate::gate::{Decision, Gate, Step};

/// `None`: the request is none of the gate's.
pub fn judge(gate: &Gate, captured: &Captured) -> Option<Decision> {
    let head = captured.head();
    let mut inspection = match gate.head(gate.endpoint(&head)?, &head)? {
        Step::Decided(decision) => return Some(decision),
        Step::Body(inspection) => inspection,
    };
    let size = captured.body.len();
    // How the body came is not known: it is let go only where all of it is more than Envoy can
    // hold.
    let unread = inspection.body_seen(gate, size).or_else(|| inspection.outgrown(gate, size, true));
    unread.or_else(|| inspection.body(gate, &captured.body))
}
