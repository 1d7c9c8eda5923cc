//! A replay's report for a terminal.

use super::tally::{Count, Outcome, Tally};
use crate::shown::{line, shown};
use crate::terminal::{Colour, paint};
use std::fmt::Write;

pub fn report(tally: &Tally, compares: bool) -> String {
    let mut report = String::new();
    if compares {
        changes(tally, &mut report);
    } else {
        outcomes(tally, &mut report);
    }
    let _ = writeln!(report, "{} requests", thousands(tally.requests));
    let _ = writeln!(report, "{}", headline(tally, compares));
    if tally.without_body > 0 {
        let _ = writeln!(
            report,
            "{} more were captured without their body, and are not judged",
            thousands(tally.without_body)
        );
    }
    if tally.truncated > 0 {
        let _ = writeln!(
            report,
            "{} of them captured in part: their verdicts are on what there is",
            tally.truncated
        );
    }
    if tally.malformed > 0 {
        let _ = writeln!(report, "{} records could not be read:", tally.malformed);
        for problem in &tally.problems {
            let _ = writeln!(report, "  {}", line(problem));
        }
    }
    report
}

/// `would refuse 29.4 % (1,234 requests)`
pub fn headline(tally: &Tally, compares: bool) -> String {
    let told = |(requests, share): (u64, f64)| {
        format!(
            "{share:.1} % ({} {})",
            thousands(requests),
            if requests == 1 { "request" } else { "requests" }
        )
    };
    let now = format!("would refuse {}", told(tally.refused()));
    if compares { format!("{now}; with --against {}", told(tally.refused_then())) } else { now }
}

/// `1,234,567`
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn outcomes(tally: &Tally, report: &mut String) {
    let _ = writeln!(
        report,
        "{:<20} {:<12} {:<24} {:<8} {:>10} {:>8}  examples",
        "endpoint", "verdict", "reason", "mode", "requests", "share"
    );
    for (outcome, count) in &tally.outcomes {
        let Outcome { endpoint, verdict, reason, mode } = outcome;
        let verdict = paint(&format!("{verdict:<12}"), colour(verdict));
        let (share, examples) = (tally.share(count), examples(count));
        let endpoint =
            if endpoint.is_empty() { "-".to_owned() } else { shown(endpoint).to_string() };
        let _ = writeln!(
            report,
            "{endpoint:<20} {verdict} {reason:<24} {mode:<8} {:>10} {share:>7.3}%  {examples}",
            count.requests
        );
    }
}

fn changes(tally: &Tally, report: &mut String) {
    if tally.changes.is_empty() {
        report.push_str("nothing would change\n");
        return;
    }
    let _ = writeln!(
        report,
        "{:<20} {:<34} {:<34} {:>10} {:>8}  examples",
        "endpoint", "now", "then", "requests", "share"
    );
    for (change, count) in &tally.changes {
        let told = |outcome: &Outcome| {
            format!("{} {} ({})", outcome.verdict, outcome.reason, outcome.mode)
        };
        let endpoint = if change.now.endpoint.is_empty() {
            &change.then.endpoint
        } else {
            &change.now.endpoint
        };
        let endpoint = shown(endpoint).to_string();
        let then = paint(&format!("{:<34}", told(&change.then)), colour(change.then.verdict));
        let (share, examples) = (tally.share(count), examples(count));
        let _ = writeln!(
            report,
            "{endpoint:<20} {:<34} {then} {:>10} {share:>7.3}%  {examples}",
            told(&change.now),
            count.requests
        );
    }
}

fn examples(count: &Count) -> String {
    count.examples.iter().map(|id| shown(id).to_string()).collect::<Vec<_>>().join(" ")
}

fn colour(verdict: &str) -> Colour {
    match verdict {
        "drop" | "reject" => Colour::Red,
        "annotate" | "uninspected" => Colour::Yellow,
        "pass" => Colour::Green,
        _ => Colour::Grey,
    }
}
