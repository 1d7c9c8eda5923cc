//! `trackgate canary`: is the canary gateway as good as the stable one?

mod compare;
pub mod stats;

use super::Result;
use super::shown;
use super::terminal::{Colour, paint};
use serde_json::json;
use stats::Stats;
use std::net::SocketAddr;
use std::time::Duration;

pub use compare::{Decision, Limits, Report};

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
    Ok(Duration::from_secs(count * seconds))
}

/// Watches, and prints the decision with its reasons.
///
/// # Errors
/// An Envoy that does not answer.
pub fn run(
    stable: SocketAddr,
    canary: SocketAddr,
    watch: Duration,
    limits: Limits,
    as_json: bool,
) -> Result<Decision> {
    let report = observe(stable, canary, || std::thread::sleep(watch), limits)?;
    if as_json {
        println!(
            "{}",
            shown::json(
                &json!({"decision": report.decision.id(), "reasons": report.reasons, "stable_requests": report.stable, "canary_requests": report.canary})
            )
        );
    } else {
        print(&report);
    }
    Ok(report.decision)
}

pub fn print(report: &Report) {
    println!("{} requests at the stable gateway, {} at the canary", report.stable, report.canary);
    report.reasons.iter().for_each(|reason| println!("  {}", shown::line(reason)));
    let colour = match report.decision {
        Decision::Promote => Colour::Green,
        Decision::Hold => Colour::Yellow,
        Decision::RollBack => Colour::Red,
    };
    println!("{}", paint(report.decision.id(), colour));
}

/// Reads both gateways' counters, waits, reads them again, and compares what was counted between.
///
/// # Errors
/// An Envoy that does not answer.
pub fn observe(
    stable: SocketAddr,
    canary: SocketAddr,
    wait: impl FnOnce(),
    limits: Limits,
) -> Result<Report> {
    let before = (read(stable)?, read(canary)?);
    wait();
    let after = (read(stable)?, read(canary)?);
    Ok(compare::compare(&after.0.since(&before.0), &after.1.since(&before.1), limits))
}

/// Longer, an Envoy does not take to answer.
const PATIENCE: Duration = Duration::from_secs(20);
/// The stats of an Envoy with ten thousand counters of the filter are a tenth of it.
const MAX_STATS_BYTES: u64 = 64 << 20;

fn read(admin: SocketAddr) -> Result<Stats> {
    // What the environment says of proxies is not for an Envoy's admin interface.
    let asking = ureq::Agent::config_builder().proxy(None).timeout_global(Some(PATIENCE)).build();
    let text = ureq::Agent::new_with_config(asking)
        .get(format!("http://{admin}/stats/prometheus"))
        .call()
        .and_then(|answer| {
            answer
                .into_body()
                .into_with_config()
                .limit(MAX_STATS_BYTES)
                .lossy_utf8(true)
                .read_to_string()
        })
        .map_err(|error| format!("{admin}: {error}"))?;
    let stats = Stats::parse(&text);
    if stats.is_empty() {
        return Err(format!(
            "{admin}: expected Envoy's stats with trackgate_requests_total, found none of them"
        )
        .into());
    }
    Ok(stats)
}
