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
    let _ = writeln!(report, "{} requests", tally.requests);
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
