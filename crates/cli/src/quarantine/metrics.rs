//! What the receiver counts, as Prometheus reads it.

use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};

#[derive(Debug, Default)]
pub struct Metrics {
    /// On the disk.
    pub stored: AtomicU64,
    /// Answered 503: the disk is full, or too many wait.
    pub failed: AtomicU64,
    /// Answered 400: not the gate's.
    pub foreign: AtomicU64,
    /// Deleted because newer ones needed the room, or for their age.
    pub expired: AtomicU64,
    /// Bytes of all that is kept.
    pub bytes: AtomicU64,
    pub commits: AtomicU64,
}

impl Metrics {
    pub fn add(counter: &AtomicU64, count: usize) {
        counter.fetch_add(count as u64, Ordering::Relaxed);
    }

    pub fn text(&self) -> String {
        let rows = [
            ("stored_total", "counter", &self.stored),
            ("failed_total", "counter", &self.failed),
            ("foreign_total", "counter", &self.foreign),
            ("expired_total", "counter", &self.expired),
            ("commits_total", "counter", &self.commits),
            ("bytes", "gauge", &self.bytes),
        ];
        let mut text = String::new();
        for (name, kind, value) in rows {
            let (name, value) = (format!("trackgate_store_{name}"), value.load(Ordering::Relaxed));
            let _ = writeln!(text, "# TYPE {name} {kind}\n{name} {value}");
        }
        text
    }
}
