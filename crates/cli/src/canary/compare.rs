//! Promote, hold or roll back.

use super::stats::{Kind, Stats};
use std::collections::BTreeSet;

/// What is to be done with the canary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Decision {
    Promote,
    /// Nothing speaks against it, but not enough has been seen, or something is odd.
    Hold,
    RollBack,
}

impl Decision {
    pub const fn id(self) -> &'static str {
        match self {
            Decision::Promote => "promote",
            Decision::Hold => "hold",
            Decision::RollBack => "roll back",
        }
    }

    pub const fn exit_code(self) -> u8 {
        match self {
            Decision::Promote => 0,
            Decision::Hold => 1,
            Decision::RollBack => 2,
        }
    }
}

/// What counts as a difference.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// On either side.
    pub min_requests: u64,
    /// In percentage points.
    pub min_change: f64,
    pub alpha: f64,
}

#[derive(Debug)]
pub struct Report {
    pub decision: Decision,
    pub reasons: Vec<String>,
    /// What was counted meanwhile.
    pub stable: Stats,
    pub canary: Stats,
}

pub fn compare(stable: Stats, canary: Stats, limits: Limits) -> Report {
    let mut report = Report {
        decision: Decision::Promote,
        reasons: Vec::new(),
        stable: Stats::default(),
        canary: Stats::default(),
    };
    judge(&stable, &canary, limits, &mut report);
    Report { stable, canary, ..report }
}

fn judge(stable: &Stats, canary: &Stats, limits: Limits, report: &mut Report) {
    errors(stable, canary, report);
    if stable.total().min(canary.total()) < limits.min_requests {
        report.say(
            Decision::Hold,
            format!("fewer than {} requests on one side: too few to tell", limits.min_requests),
        );
    } else {
        shares(stable, canary, limits, report);
        latency(stable, canary, report);
    }
    if report.reasons.is_empty() {
        report.reasons.push("verdicts, reasons, errors and latency are alike".to_owned());
    }
}

impl Report {
    /// The gravest reason decides.
    fn say(&mut self, decision: Decision, reason: String) {
        self.decision = self.decision.max(decision);
        self.reasons.push(format!("{}: {reason}", decision.id()));
    }
}

fn errors(stable: &Stats, canary: &Stats, report: &mut Report) {
    if canary.host_errors > 0
        && rate(canary.host_errors, canary.total()) > rate(stable.host_errors, stable.total())
    {
        report.say(
            Decision::RollBack,
            format!(
                "{} host errors at the canary, {} at the stable gateway",
                canary.host_errors, stable.host_errors
            ),
        );
    }
    if canary.resumed > stable.resumed {
        report.say(
            Decision::RollBack,
            format!("{} requests had to be freed at the canary: allow_on_headers_stop_iteration is missing", canary.resumed),
        );
    }
}

/// The part of a whole; 0 of nothing.
pub fn rate(count: u64, of: u64) -> f64 {
    count as f64 / of.max(1) as f64
}

/// What either side has counted, in the order of endpoint, verdict and reason.
pub fn kinds<'s>(stable: &'s Stats, canary: &'s Stats) -> Vec<&'s Kind> {
    let kinds: BTreeSet<&Kind> = stable.requests.keys().chain(canary.requests.keys()).collect();
    kinds.into_iter().filter(|kind| count(stable, kind) + count(canary, kind) > 0).collect()
}

/// Each share of each endpoint's requests, as a two-proportion test; the level is divided by their
/// number (Bonferroni).
fn shares(stable: &Stats, canary: &Stats, limits: Limits, report: &mut Report) {
    let seen = kinds(stable, canary);
    let alpha = limits.alpha / (seen.len() + 1) as f64;
    for kind in seen {
        let (of_stable, of_canary) =
            (stable.of_endpoint(&kind.endpoint), canary.of_endpoint(&kind.endpoint));
        if of_stable == 0 || of_canary == 0 {
            let side = if of_canary == 0 { "the canary" } else { "the stable gateway" };
            report.say(Decision::Hold, format!("{}: no requests at {side}", kind.endpoint));
            continue;
        }
        let (before, after) =
            (rate(count(stable, kind), of_stable), rate(count(canary, kind), of_canary));
        let change = 100.0 * (after - before);
        let p = p_value(count(stable, kind), of_stable, count(canary, kind), of_canary);
        if change.abs() <= limits.min_change || p >= alpha {
            continue;
        }
        let told = format!(
            "{} {} {}: {:.2} % at the canary, {:.2} % at the stable gateway (p = {p:.1e})",
            kind.endpoint,
            kind.verdict,
            kind.reason,
            100.0 * after,
            100.0 * before
        );
        // More refused, or less looked at, is grave; less refused, or other annotations, is for a
        // person to look at.
        let is_grave =
            change > 0.0 && ["drop", "reject", "uninspected"].contains(&kind.verdict.as_str());
        // That less passes follows from what else there is more of.
        if is_grave {
            report.say(Decision::RollBack, told);
        } else if kind.verdict != "pass" {
            report.say(Decision::Hold, told);
        }
    }
    let p = p_value(stable.server_errors, stable.responses, canary.server_errors, canary.responses);
    if rate(canary.server_errors, canary.responses) > rate(stable.server_errors, stable.responses)
        && p < alpha
    {
        report.say(
            Decision::RollBack,
            format!(
                "{} of {} responses are 5xx at the canary, {} of {} at the stable gateway (p = {p:.1e})",
                canary.server_errors, canary.responses, stable.server_errors, stable.responses
            ),
        );
    }
}

pub fn count(stats: &Stats, kind: &Kind) -> u64 {
    stats.requests.get(kind).copied().unwrap_or(0)
}

/// Two-sided, by the pooled normal approximation.
fn p_value(hits_a: u64, of_a: u64, hits_b: u64, of_b: u64) -> f64 {
    if of_a == 0 || of_b == 0 {
        return 1.0;
    }
    let (a, b) = (of_a as f64, of_b as f64);
    let pooled = (hits_a + hits_b) as f64 / (a + b);
    let error = (pooled * (1.0 - pooled) * (1.0 / a + 1.0 / b)).sqrt();
    if error == 0.0 {
        return 1.0;
    }
    let z = (hits_b as f64 / b - hits_a as f64 / a) / error;
    libm::erfc(z.abs() / std::f64::consts::SQRT_2)
}

/// Buckets are wide: only a doubling, and of something that is felt, is reported.
fn latency(stable: &Stats, canary: &Stats, report: &mut Report) {
    for quantile in [0.5, 0.99] {
        if let (Some(before), Some(after)) =
            (stable.latency_ms(quantile), canary.latency_ms(quantile))
            && after > 2.0 * before
            && after - before >= 5.0
        {
            report.say(
                Decision::Hold,
                format!(
                    "p{:.0} is {after} ms at the canary, {before} ms at the stable gateway",
                    100.0 * quantile
                ),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { min_requests: 200, min_change: 0.5, alpha: 0.01 };

    fn stats(pass: u64, drop: u64) -> Stats {
        let text = format!(
            "trackgate_requests_total{{endpoint=\"a\",verdict=\"pass\",reason=\"none\"}} {pass}\n\
             trackgate_requests_total{{endpoint=\"a\",verdict=\"drop\",reason=\"bot\"}} {drop}\n"
        );
        Stats::parse(&text)
    }

    #[test]
    fn a_tail_of_the_normal_distribution() {
        assert!(
            (p_value(500, 1000, 550, 1000) - 0.0253).abs() < 1e-3,
            "{}",
            p_value(500, 1000, 550, 1000)
        );
        assert_eq!(p_value(0, 1000, 0, 1000), 1.0);
        assert_eq!(p_value(1, 0, 1, 10), 1.0);
    }

    #[test]
    fn decisions() {
        let rows = [
            (stats(9_000, 1_000), stats(905, 95), Decision::Promote),
            (stats(9_000, 1_000), stats(500, 500), Decision::RollBack),
            (stats(9_000, 1_000), stats(999, 1), Decision::Hold),
            (stats(9_000, 1_000), stats(100, 10), Decision::Hold),
            (stats(9_000, 1_000), stats(0, 0), Decision::Hold),
            (stats(1_000_000, 100_000), stats(999_000, 101_000), Decision::Promote),
        ];
        for (stable, canary, expected) in rows {
            let report = compare(stable, canary, LIMITS);
            assert_eq!(report.decision, expected, "{:?}", report.reasons);
        }
        let failing = Stats { host_errors: 1, ..stats(10, 0) };
        assert_eq!(
            compare(stats(1000, 0), failing, LIMITS).decision,
            Decision::RollBack,
            "however few"
        );
    }
}
