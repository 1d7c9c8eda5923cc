//! `trackgate explain`: one request, every rule in the order it ran, what it saw and found, and the
//! verdict. What is printed of the rules is what they recorded themselves while they ran.

mod curl;
mod request;
mod shell;

use crate::Result;
use crate::capture::Captured;
use crate::configuration;
use crate::judge::trace;
use crate::shown::{self, shown};
use crate::terminal::{Colour, paint};
use serde_json::{Value, json};
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use trackgate::annotation;
use trackgate::gate::{Decision, Gate};
use trackgate::verdict::{Disposition, Found, Reason, Row};

pub use request::parse as parse_request;

/// Explains the request in a file (`-`: standard input), sent from `client` if that is told, and
/// prints. True: it is not refused.
///
/// # Errors
/// A configuration or a request that cannot be read.
pub fn run(
    configuration: &Path,
    request: &str,
    client: Option<IpAddr>,
    as_json: bool,
) -> Result<bool> {
    let gate = configuration::load(configuration)?;
    let mut captured = request::read(request)?;
    if let Some(client) = client {
        captured.address = Some(SocketAddr::new(client, 0).to_string());
    }
    let decision = trace(&gate, &captured);
    match &decision {
        _ if as_json => println!("{}", shown::json(&report(&gate, decision.as_ref()))),
        Some(decision) => print_report(&gate, decision),
        None => print_untouched(&gate, &captured),
    }
    Ok(decision.is_none_or(|decision| decision.reply_to_send().is_none()))
}

fn print_untouched(gate: &Gate, captured: &Captured) {
    let names: Vec<&str> = gate.endpoints.iter().map(|endpoint| endpoint.name.as_str()).collect();
    let head = captured.head();
    println!("{} {} at {}", shown(head.method()), shown(head.path()), shown(head.authority()));
    println!("untouched: no endpoint serves it (of {}); only POST is inspected", names.join(", "));
}

/// What ended the rules before the last one, in one line.
fn end(decision: &Decision) -> Option<&'static str> {
    match (&decision.reply, decision.findings.uninspected) {
        (Some(_), _) => Some("the rules after it do not run"),
        (None, true) => Some("the body was not inspected"),
        (None, false) => None,
    }
}

/// The header fields that the collector gets; none where it gets nothing.
fn fields(gate: &Gate, decision: &Decision) -> Vec<(String, String)> {
    if decision.reply_to_send().is_some() {
        return Vec::new();
    }
    let prefix = &gate.header_prefix;
    let verdict = annotation::verdict(decision, &decision.endpoint.name);
    let reasons = annotation::reasons(&decision.findings);
    let mut fields = vec![(format!("{prefix}verdict"), verdict)];
    fields.extend(reasons.map(|reasons| (format!("{prefix}drop-reason"), reasons)));
    fields
}

fn print_report(gate: &Gate, decision: &Decision) {
    let endpoint = &decision.endpoint;
    let (vendor, mode) = (endpoint.vendor.id(), decision.mode.id());
    println!("endpoint {} (vendor {vendor}), {mode} mode\n", endpoint.name);
    for (number, row) in decision.findings.trace.rows().iter().enumerate() {
        print_row(number + 1, row);
    }
    if let Some(end) = end(decision) {
        println!("     {} {end}", paint("--", Colour::Grey));
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
        println!("\nthe collector gets the request, with:\n");
        fields(gate, decision).iter().for_each(|(name, value)| println!("{name}: {value}"));
    }
}

fn print_row(number: usize, row: &Row) {
    let is_clean = row.found.iter().all(|found| found.disposition == Disposition::Pass);
    let mark = if is_clean { paint("ok", Colour::Green) } else { paint("!!", Colour::Yellow) };
    println!("{number:>3}. {mark} {}", row.rule);
    if !row.saw.is_empty() {
        println!("        saw {}", shown::line(&row.saw));
    }
    for found in &row.found {
        println!("      found {}", finding(found));
    }
}

/// `bot (drop): User-Agent of a bot; domain a.example`
fn finding(found: &Found) -> String {
    let Found { finding, disposition } = found;
    let message = shown::line(&finding.message);
    let mut text = format!("{} ({}): {message}", finding.reason.id(), disposition.id());
    for (name, value) in [("at", finding.path.as_deref()), ("domain", finding.domain.as_deref())] {
        if let Some(value) = value {
            text.push_str(&format!("; {name} {}", shown(value)));
        }
    }
    text
}

/// What `--output json` prints of a decision with its trace.
pub fn report(gate: &Gate, decision: Option<&Decision>) -> Value {
    let Some(decision) = decision else {
        return json!({"endpoint": null, "verdict": "untouched"});
    };
    let endpoint = &decision.endpoint;
    let row = |row: &Row| {
        let findings: Vec<String> = row.found.iter().map(finding).collect();
        json!({"rule": row.rule, "saw": row.saw, "findings": findings})
    };
    let rows: Vec<Value> = decision.findings.trace.rows().iter().map(row).collect();
    let reply = decision
        .reply_to_send()
        .map(|reply| json!({"status": reply.status, "headers": reply.headers, "body": reply.body}));
    json!({
        "endpoint": endpoint.name,
        "vendor": endpoint.vendor.id(),
        "mode": decision.mode.id(),
        "verdict": decision.verdict.id(),
        "reason": decision.reason.map(Reason::id),
        "reasons": annotation::reasons(&decision.findings),
        "rules": rows,
        "end": end(decision),
        "reply": reply,
        "fields": fields(gate, decision),
        "forwarded": decision.reply_to_send().is_none(),
    })
}
