//! What `trackgate canary` prints, whatever it decides.

use super::compare::{count, kinds, rate};
use super::stats::{Kind, Stats};
use super::{Decision, Report};
use crate::shown;
use crate::terminal::{Colour, paint};
use serde_json::{Value, json};

/// Both sides beside each other, the reasons, and the decision in the last line.
pub fn print(report: &Report) {
    let (stable, canary) = (&report.stable, &report.canary);
    println!("{:44} {:>12} {:>12}", "", "stable", "canary");
    let row = |name: &str, stable: String, canary: String| {
        println!("{:44} {stable:>12} {canary:>12}", shown::line(name));
    };
    row("requests", stable.total().to_string(), canary.total().to_string());
    for kind in kinds(stable, canary) {
        let name = format!("{} {} {}", kind.endpoint, kind.verdict, kind.reason);
        row(&name, per_cent(share(stable, kind)), per_cent(share(canary, kind)));
    }
    row("5xx", per_cent(server_errors(stable)), per_cent(server_errors(canary)));
    row("host errors", stable.host_errors.to_string(), canary.host_errors.to_string());
    for quantile in [0.5, 0.99] {
        let name = format!("latency p{:.0}, at most", 100.0 * quantile);
        row(&name, milliseconds(stable, quantile), milliseconds(canary, quantile));
    }
    report.reasons.iter().for_each(|reason| println!("  {}", shown::line(reason)));
    let colour = match report.decision {
        Decision::Promote => Colour::Green,
        Decision::Hold => Colour::Yellow,
        Decision::RollBack => Colour::Red,
    };
    println!("{}", paint(report.decision.id(), colour));
}

pub fn json(report: &Report) -> String {
    shown::json(&json!({
        "decision": report.decision.id(),
        "reasons": report.reasons,
        "stable": side(&report.stable),
        "canary": side(&report.canary),
    }))
}

fn side(stats: &Stats) -> Value {
    let shares = stats.requests.iter().filter(|(_, count)| **count > 0).map(|(kind, count)| {
        json!({
            "endpoint": kind.endpoint,
            "verdict": kind.verdict,
            "reason": kind.reason,
            "requests": count,
            "share": share(stats, kind),
        })
    });
    json!({
        "requests": stats.total(),
        "shares": shares.collect::<Vec<_>>(),
        "responses": stats.responses,
        "server_errors": stats.server_errors,
        "host_errors": stats.host_errors,
        "latency_ms": {"p50": stats.latency_ms(0.5), "p99": stats.latency_ms(0.99)},
    })
}

/// Of the endpoint's requests.
fn share(stats: &Stats, kind: &Kind) -> f64 {
    rate(count(stats, kind), stats.of_endpoint(&kind.endpoint))
}

fn server_errors(stats: &Stats) -> f64 {
    rate(stats.server_errors, stats.responses)
}

fn per_cent(share: f64) -> String {
    format!("{:.2} %", 100.0 * share)
}

fn milliseconds(stats: &Stats, quantile: f64) -> String {
    stats.latency_ms(quantile).map_or_else(|| "-".to_owned(), |bound| format!("{bound} ms"))
}
