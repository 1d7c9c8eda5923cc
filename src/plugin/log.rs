//! What the plugin writes to Envoy's log: a line for each configuration, and a sample of the
//! refusals.
//!
//! Each line is one JSON object, and none holds a body, a key or an address.

use super::host::{self, Level};
use crate::gate::{Decision, Gate};
use crate::rules::json::write::{array, object, quoted};
use std::cell::Cell;

const MINUTE_NS: u64 = 60_000_000_000;

/// Says what was loaded.
pub fn configured(gate: &Gate, hash: &str) {
    let endpoints = gate.endpoints.iter().map(|endpoint| {
        let (name, vendor, mode) =
            (quoted(&endpoint.name), quoted(endpoint.vendor.id()), quoted(endpoint.mode.id()));
        let mut members = vec![("name", name), ("vendor", vendor), ("mode", mode)];
        members.extend(endpoint.checks.size().map(|(what, count)| (what, count.to_string())));
        object(&members)
    });
    let line = object(&[
        ("trackgate", quoted("configured")),
        ("version", quoted(super::VERSION)),
        ("hash", quoted(hash)),
        ("endpoints", array(endpoints)),
    ]);
    host::log(Level::Info, &line);
}

/// Refusals in the log, so many a minute on each worker and no more.
pub struct RefusalLog {
    per_minute: usize,
    minute: Cell<u64>,
    written: Cell<usize>,
    left_out: Cell<u64>,
}

impl RefusalLog {
    pub fn new(per_minute: usize) -> Self {
        RefusalLog {
            per_minute,
            minute: Cell::new(0),
            written: Cell::new(0),
            left_out: Cell::new(0),
        }
    }

    /// Writes a line for a drop or reject, sent or not, unless the minute has had its share;
    /// `left_out` in the next line counts those that were not written.
    pub fn refused(&self, decision: &Decision, body_bytes: usize) {
        let (Some(reply), Some(reason)) = (&decision.reply, decision.reason) else { return };
        if !self.has_room() {
            self.left_out.set(self.left_out.get() + 1);
            return;
        }
        let line = object(&[
            ("trackgate", quoted(decision.verdict.id())),
            ("endpoint", quoted(&decision.endpoint.name)),
            ("reason", quoted(reason.id())),
            ("mode", quoted(decision.mode.id())),
            ("status", reply.status.to_string()),
            ("body_bytes", body_bytes.to_string()),
            ("left_out", self.left_out.take().to_string()),
        ]);
        host::log(Level::Info, &line);
    }

    fn has_room(&self) -> bool {
        if self.per_minute == 0 {
            return false;
        }
        let minute = host::now_ns().unwrap_or(0) / MINUTE_NS;
        if self.minute.replace(minute) != minute {
            self.written.set(0);
        }
        let has_room = self.written.get() < self.per_minute;
        self.written.set(self.written.get() + usize::from(has_room));
        has_room
    }
}
