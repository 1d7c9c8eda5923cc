//! `trackgate explain`: one request, every rule in the order it ran, what it saw and said, and the
//! verdict.

mod request;
mod steps;

use super::Result;
use super::capture::Captured;
use super::configuration;
use super::judge::judge;
use super::shown::{self, shown};
use super::terminal::{Colour, paint};
use serde_json::{Value, json};
use std::path::Path;
use steps::{Seen, Step};
use trackgate::annotation;
use trackgate::gate::{Decision, Endpoint, Gate};
use trackgate::verdict::{Finding, Verdict};

pub use request::parse as parse_request;

/// What a rule said.
struct Line {
    rule: &'static str,
    saw: String,
    said: Said,
}

enum Said {
    Nothing,
    Findings(Vec<String>),
    /// A refusal before it ended the checks.
    NotReached,
    /// The body was not looked at.
    NotLookedAt,
}

/// Explains the request in a file (`-`: standard input), and prints. True: it is not refused.
///
/// # Errors
/// A configuration or a request that cannot be read.
pub fn run(configuration: &Path, request: &str, as_json: bool) -> Result<bool> {
    let gate = configuration::load(configuration)?;
    let captured = request::read(request)?;
    let decision = judge(&gate, &captured);
    if as_json {
        println!("{}", shown::json(&report(&gate, &captured)));
    } else if let Some((endpoint, decision)) = judged(&gate, decision.as_ref()) {
        let lines = lines(&Seen { gate: &gate, endpoint, captured: &captured }, decision);
        print_report(endpoint, &lines, decision);
    } else {
        print_untouched(&gate, &captured);
    }
    Ok(decision.is_none_or(|decision| decision.reply_to_send().is_none()))
}

/// What `--output json` prints.
pub fn report(gate: &Gate, captured: &Captured) -> Value {
    let decision = judge(gate, captured);
    let Some((endpoint, decision)) = judged(gate, decision.as_ref()) else {
        return json!({"endpoint": null, "verdict": "untouched"});
    };
    report_json(endpoint, &lines(&Seen { gate, endpoint, captured }, decision), decision)
}

fn judged<'a>(
    gate: &'a Gate,
    decision: Option<&'a Decision>,
) -> Option<(&'a Endpoint, &'a Decision)> {
    decision.and_then(|decision| Some((gate.endpoints.get(decision.endpoint)?, decision)))
}

fn lines(seen: &Seen<'_>, decision: &Decision) -> Vec<Line> {
    let refusal = decision.reply.as_ref().map(|reply| reply.reason);
    let mut ended = false;
    let mut lines = Vec::new();
    for step in steps::of(seen.endpoint.vendor) {
        let own: Vec<&Finding> = decision
            .findings
            .kept
            .list
            .iter()
            .filter(|finding| step.reasons.contains(&finding.reason))
            .collect();
        let said = if ended {
            Said::NotReached
        } else if own.is_empty() && step.reads_body && decision.findings.uninspected {
            Said::NotLookedAt
        } else if own.is_empty() {
            Said::Nothing
        } else {
            Said::Findings(own.iter().map(|finding| told(seen.endpoint, finding)).collect())
        };
        lines.push(Line { rule: step.rule, saw: saw(step, seen, ended), said });
        ended |= refusal.is_some_and(|reason| step.reasons.contains(&reason));
    }
    lines
}

fn saw(step: &Step, seen: &Seen<'_>, ended: bool) -> String {
    if ended { String::new() } else { (step.saw)(seen) }
}

fn told(endpoint: &Endpoint, finding: &Finding) -> String {
    let disposition =
        endpoint.dispositions.of(finding.reason).map_or("-", |disposition| disposition.id());
    let mut text =
        format!("{} ({disposition}): {}", finding.reason.id(), shown::line(&finding.message));
    for (name, value) in [("at", finding.path.as_deref()), ("domain", finding.domain.as_deref())] {
        if let Some(value) = value {
            text.push_str(&format!("; {name} {}", shown(value)));
        }
    }
    text
}

fn print_untouched(gate: &Gate, captured: &Captured) {
    let names: Vec<&str> = gate.endpoints.iter().map(|endpoint| endpoint.name.as_str()).collect();
    let head = captured.head();
    println!("{} {} at {}", shown(head.method()), shown(head.path()), shown(head.authority()));
    println!("untouched: no endpoint serves it (of {}); only POST is inspected", names.join(", "));
}

fn print_report(endpoint: &Endpoint, lines: &[Line], decision: &Decision) {
    println!(
        "endpoint {} (vendor {}), {} mode\n",
        endpoint.name,
        endpoint.vendor.id(),
        decision.mode.id()
    );
    for (number, line) in lines.iter().enumerate() {
        let (mark, said) = match &line.said {
            Said::Nothing => (paint("ok", Colour::Green), String::new()),
            Said::Findings(findings) => {
                (paint("!!", Colour::Yellow), findings.join("\n            "))
            }
            Said::NotReached => (paint("--", Colour::Grey), "not reached".to_owned()),
            Said::NotLookedAt => {
                (paint("--", Colour::Grey), "the body was not looked at".to_owned())
            }
        };
        println!("{:>3}. {mark} {}", number + 1, line.rule);
        [("saw", &line.saw), ("said", &said)]
            .iter()
            .filter(|(_, text)| !text.is_empty())
            .for_each(|(name, text)| println!("       {name:>4} {text}"));
    }
    println!("\nverdict: {}", annotation::verdict(decision, &endpoint.name));
    if let Some(reason) = decision.reason {
        println!("{}: {}\nsender: {}", reason.id(), reason.meaning(), reason.advice());
    }
    if let Some(reply) = decision.reply_to_send() {
        println!("\nthe client gets, and the collector sees nothing:\n\nHTTP {}", reply.status);
        reply.headers.iter().for_each(|(name, value)| println!("{name}: {}", shown::line(value)));
        println!("\n{}", shown::line(&reply.body));
    } else {
        println!(
            "\nthe collector gets the request, with:\n\nx-track-verdict: {}",
            annotation::verdict(decision, &endpoint.name)
        );
        if let Some(reasons) = annotation::reasons(&decision.findings) {
            println!("x-track-drop-reason: {reasons}");
        }
    }
}

fn report_json(endpoint: &Endpoint, lines: &[Line], decision: &Decision) -> Value {
    let line = |line: &Line| {
        let (said, findings) = match &line.said {
            Said::Nothing => ("nothing", Vec::new()),
            Said::Findings(findings) => ("findings", findings.clone()),
            Said::NotReached => ("not_reached", Vec::new()),
            Said::NotLookedAt => ("not_looked_at", Vec::new()),
        };
        json!({"rule": line.rule, "saw": line.saw, "said": said, "findings": findings})
    };
    let reply = decision
        .reply_to_send()
        .map(|reply| json!({"status": reply.status, "headers": reply.headers, "body": reply.body}));
    json!({"endpoint": endpoint.name, "vendor": endpoint.vendor.id(), "mode": decision.mode.id(), "verdict": decision.verdict.id(),
           "reason": decision.reason.map(trackgate::verdict::Reason::id), "rules": lines.iter().map(line).collect::<Vec<_>>(), "reply": reply,
           "reasons": annotation::reasons(&decision.findings), "forwarded": !matches!((decision.reply_to_send(), decision.verdict), (Some(_), Verdict::Drop | Verdict::Reject))})
}
