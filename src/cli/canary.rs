//! `trackgate canary`: is the canary gateway as good as the stable one?

mod compare;
pub mod stats;

use super::Result;
use super::client::{self, Call, Transport};
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
pub async fn run(
    stable: SocketAddr,
    canary: SocketAddr,
    watch: Duration,
    limits: Limits,
    as_json: bool,
) -> Result<Decision> {
    let report = observe(stable, canary, tokio::time::sleep(watch), limits).await?;
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
pub async fn observe(
    stable: SocketAddr,
    canary: SocketAddr,
    wait: impl Future<Output = ()>,
    limits: Limits,
) -> Result<Report> {
    let before = (read(stable).await?, read(canary).await?);
    wait.await;
    let after = (read(stable).await?, read(canary).await?);
    Ok(compare::compare(&after.0.since(&before.0), &after.1.since(&before.1), limits))
}

async fn read(admin: SocketAddr) -> Result<Stats> {
    let call = Call {
        method: "GET".to_owned(),
        path: "/stats/prometheus".to_owned(),
        headers: Vec::new(),
        body: None,
    };
    let answer = client::send(admin, &call, Transport::Http1)
        .await
        .map_err(|error| format!("{admin}: {error}"))?;
    let stats = Stats::parse(&String::from_utf8_lossy(&answer.body));
    if stats.is_empty() {
        return Err(format!(
            "{admin}: expected Envoy's stats with trackgate_requests_total, found none of them"
        )
        .into());
    }
    Ok(stats)
}
