//! `trackgate canary`: is the canary gateway as good as the stable one?

mod compare;
mod report;
mod source;
pub mod stats;

use super::Result;
use std::time::{Duration, Instant};

pub use compare::{Decision, Limits, Report};
pub use report::print;
pub use source::Source;

/// The exit code where no decision can be given: an Envoy does not answer, or an argument is wrong.
/// Not 2, which has a roll-out rolled back.
pub const CANNOT_TELL: u8 = 3;

/// How often a line tells that it still watches.
const PROGRESS: Duration = Duration::from_secs(10);

/// What to compare, and how.
#[derive(Debug)]
pub struct Canary {
    pub stable: Source,
    pub canary: Source,
    pub watch: Duration,
    pub limits: Limits,
    pub as_json: bool,
}

/// `30s`, `5m`, `1h`, or seconds.
///
/// # Errors
/// Anything else.
pub fn duration(text: &str) -> std::result::Result<Duration, String> {
    let wrong = || format!("expected a time such as 30s, 5m or 1h, found {text:?}");
    let (digits, seconds) = match text.char_indices().last() {
        Some((at, 's')) => (text.get(..at), 1),
        Some((at, 'm')) => (text.get(..at), 60),
        Some((at, 'h')) => (text.get(..at), 3600),
        Some(_) | None => (Some(text), 1),
    };
    let count: u64 = digits.and_then(|digits| digits.parse().ok()).ok_or_else(wrong)?;
    count.checked_mul(seconds).map(Duration::from_secs).ok_or_else(wrong)
}

/// Watches, and prints the decision with its reasons.
///
/// # Errors
/// An Envoy or a Prometheus that does not answer, or has nothing of the gate.
pub fn run(asked: &Canary) -> Result<Decision> {
    let report = observe(&asked.stable, &asked.canary, || wait(asked.watch), asked.limits)?;
    if asked.as_json {
        println!("{}", report::json(&report));
    } else {
        print(&report);
    }
    Ok(report.decision)
}

/// Nothing is silent for minutes.
fn wait(watch: Duration) {
    let begin = Instant::now();
    loop {
        let left = watch.saturating_sub(begin.elapsed());
        if left.is_zero() {
            return;
        }
        std::thread::sleep(left.min(PROGRESS));
        let watched = begin.elapsed().min(watch);
        eprintln!("trackgate: watched {} s of {}", watched.as_secs(), watch.as_secs());
    }
}

/// Reads both sides' counters, waits, reads them again, and compares what was counted between.
///
/// # Errors
/// As [`run`].
pub fn observe(
    stable: &Source,
    canary: &Source,
    wait: impl FnOnce(),
    limits: Limits,
) -> Result<Report> {
    let before = (stable.read()?, canary.read()?);
    wait();
    let after = (stable.read()?, canary.read()?);
    let stable = source::between(&before.0, &after.0);
    let canary = source::between(&before.1, &after.1);
    Ok(compare::compare(stable, canary, limits))
}
