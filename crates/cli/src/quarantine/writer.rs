//! The one thread that writes. It takes what has come within a few milliseconds and commits it as
//! one, for a commit waits for the disk.

use super::metrics::Metrics;
use super::record::Refused;
use super::store::{Bounds, Store};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot};

/// How long a request waits for others to be committed with it.
const GROUP: Duration = Duration::from_millis(2);
const MAX_GROUP: usize = 1_024;
const MAX_GROUP_BYTES: usize = 32 << 20;
/// Between lines about requests that are not kept.
const TELL: Duration = Duration::from_secs(60);

/// A request, and who waits for it: told whether it is on the disk.
pub type Job = (Refused, oneshot::Sender<bool>);

/// Until no sender is left.
pub fn write(
    mut store: Store,
    bounds: Bounds,
    metrics: &Arc<Metrics>,
    mut jobs: mpsc::Receiver<Job>,
) {
    let mut told: Option<Instant> = None;
    metrics.bytes.store(store.bytes(), Ordering::Relaxed);
    while let Some(first) = jobs.blocking_recv() {
        let (all, waiting) = group(first, &mut jobs);
        let kept = store.append(&all, bounds, crate::quarantine::server::now_ms());
        match &kept {
            Ok(gone) => {
                Metrics::add(&metrics.stored, all.len());
                Metrics::add(&metrics.expired, *gone);
                Metrics::add(&metrics.commits, 1);
            }
            Err(error) => {
                Metrics::add(&metrics.failed, all.len());
                if told.is_none_or(|at| at.elapsed() >= TELL) {
                    told = Some(Instant::now());
                    eprintln!("trackgate: not kept: {}", crate::shown::line(error));
                }
            }
        }
        metrics.bytes.store(store.bytes(), Ordering::Relaxed);
        for one in waiting {
            // Who has gone away is told nothing.
            let _ = one.send(kept.is_ok());
        }
    }
}

fn group(first: Job, jobs: &mut mpsc::Receiver<Job>) -> (Vec<Refused>, Vec<oneshot::Sender<bool>>) {
    let end = Instant::now() + GROUP;
    let mut bytes = first.0.body.len();
    let (mut all, mut waiting) = (vec![first.0], vec![first.1]);
    while all.len() < MAX_GROUP && bytes < MAX_GROUP_BYTES {
        match jobs.try_recv() {
            Ok((refused, sender)) => {
                bytes += refused.body.len();
                all.push(refused);
                waiting.push(sender);
            }
            Err(mpsc::error::TryRecvError::Disconnected) => break,
            Err(mpsc::error::TryRecvError::Empty) if Instant::now() >= end => break,
            Err(mpsc::error::TryRecvError::Empty) => {
                std::thread::sleep(Duration::from_micros(200));
            }
        }
    }
    (all, waiting)
}
