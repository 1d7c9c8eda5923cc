//! What the filter writes to the host's log: a line for each configuration, and a sample of the
//! refusals.
//!
//! Each line is one JSON object, and none holds a body, a key or an address.

use super::VERSION;
use super::quarantine::Fate;
use crate::gate::{Decision, Gate};
use crate::rules::json::write::{array, object, quoted};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

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
        ("version", quoted(VERSION)),
        ("hash", quoted(hash)),
        ("endpoints", array(endpoints)),
    ]);
    ::log::info!("{line}");
}

/// Refused requests that were to be kept and are lost, in the log: a line a minute.
#[derive(Default)]
pub struct LossLog {
    minute: AtomicU64,
    lost: AtomicU64,
}

impl LossLog {
    pub fn lost(&self, fate: Fate, now_ns: impl FnOnce() -> u64) {
        self.lost.fetch_add(1, Ordering::Relaxed);
        // Minute 0 is none, so that the first is told at once.
        let minute = now_ns() / MINUTE_NS + 1;
        if self.minute.swap(minute, Ordering::Relaxed) != minute {
            let lost = self.lost.swap(0, Ordering::Relaxed);
            ::log::warn!(r#"{{"trackgate":"quarantine","outcome":"{}","lost":{lost}}}"#, fate.id());
        }
    }
}

/// Refusals in the log, so many a minute and no more. Where several workers share it, two that meet
/// at the turn of a minute may write a line too many.
pub struct RefusalLog {
    per_minute: usize,
    minute: AtomicU64,
    written: AtomicUsize,
    left_out: AtomicU64,
}

impl RefusalLog {
    pub fn new(per_minute: usize) -> Self {
        RefusalLog {
            per_minute,
            minute: AtomicU64::new(0),
            written: AtomicUsize::new(0),
            left_out: AtomicU64::new(0),
        }
    }

    /// Writes a line for a drop or reject, sent or not, unless the minute has had its share;
    /// `left_out` in the next line counts those that were not written.
    pub fn refused(&self, decision: &Decision, body_bytes: usize, now_ns: impl FnOnce() -> u64) {
        let (Some(reply), Some(reason)) = (&decision.reply, decision.reason) else { return };
        if !self.has_room(now_ns) {
            self.left_out.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let endpoint = &decision.endpoint.name;
        // None of the words holds anything that JSON would escape.
        ::log::info!(
            r#"{{"trackgate":"{}","endpoint":"{endpoint}","reason":"{}","mode":"{}","status":{},"body_bytes":{body_bytes},"left_out":{}}}"#,
            decision.verdict.id(),
            reason.id(),
            decision.mode.id(),
            reply.status,
            self.left_out.swap(0, Ordering::Relaxed),
        );
    }

    fn has_room(&self, now_ns: impl FnOnce() -> u64) -> bool {
        if self.per_minute == 0 {
            return false;
        }
        let minute = now_ns() / MINUTE_NS;
        if self.minute.swap(minute, Ordering::Relaxed) != minute {
            self.written.store(0, Ordering::Relaxed);
        }
        let has_room = self.written.load(Ordering::Relaxed) < self.per_minute;
        if has_room {
            self.written.fetch_add(1, Ordering::Relaxed);
        }
        has_room
    }
}
