//! What a runner saw, compared with what the vector expects.

use super::{Expect, Fields, OF_THE_CLIENT, Outcome, PREFIX, Vector};
use serde_json::Value;
use std::collections::BTreeSet;

/// What a runner saw.
#[derive(Debug, Clone, Default)]
pub struct Observed {
    /// The gate's own reply; `None` when the request was forwarded.
    pub reply: Option<Reply>,
    /// What the collector saw; `None` when it saw nothing.
    pub upstream: Option<Upstream>,
}

#[derive(Debug, Clone)]
pub struct Reply {
    pub status: u16,
    pub headers: Fields,
    pub body: Vec<u8>,
    /// The response code details, where the runner can see them.
    pub details: Option<String>,
}

#[derive(Debug, Clone)]
pub struct Upstream {
    pub headers: Fields,
    /// `None`: nothing but the header section went through the runner's hands.
    pub message: Option<Message>,
}

#[derive(Debug, Clone)]
pub struct Message {
    pub method: String,
    pub path: String,
    /// `None`: it broke off.
    pub body: Option<Vec<u8>>,
}

impl Upstream {
    pub fn body(&self) -> Option<&[u8]> {
        self.message.as_ref()?.body.as_deref()
    }
}

/// The values of a field, in order.
pub fn values<'a>(fields: &'a Fields, name: &str) -> Vec<&'a [u8]> {
    fields
        .iter()
        .filter(|(field, _)| field.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.as_slice())
        .collect()
}

fn value(fields: &Fields, name: &str) -> Option<String> {
    let values = values(fields, name);
    assert!(values.len() <= 1, "{name} stands more than once: {fields:?}");
    values.first().map(|value| String::from_utf8_lossy(value).into_owned())
}

/// Compares what a runner saw with what the vector expects: the reply *and* what the collector saw.
pub fn check(vector: &Vector, seen: &Observed) -> Result<(), String> {
    let result = match vector.expect.outcome {
        Outcome::Pass | Outcome::PassAnnotated => check_forwarded(vector, seen),
        Outcome::Drop | Outcome::Reject => check_refused(vector, seen),
    };
    result.map_err(|problem| format!("{}: {problem}", vector.id))
}

fn check_forwarded(vector: &Vector, seen: &Observed) -> Result<(), String> {
    if let Some(reply) = &seen.reply {
        let body = String::from_utf8_lossy(&reply.body);
        return Err(format!(
            "expected it forwarded, found a local reply {} {:?} {body}",
            reply.status, reply.details
        ));
    }
    let Some(upstream) = &seen.upstream else { return Err("the collector saw nothing".to_owned()) };
    if let Some(message) = &upstream.message {
        check_message(vector, message)?;
    }
    for name in &vector.expect.removed_request_headers {
        let forged = values(&vector.headers, name);
        if values(&upstream.headers, name).iter().any(|value| forged.contains(value)) {
            return Err(format!("the client's own {name} reached the collector"));
        }
    }
    if vector.prefix != PREFIX && values(&upstream.headers, "x-track-verdict") != [OF_THE_CLIENT] {
        return Err("the client's field is changed, which is not the gate's".to_owned());
    }
    let verdict = value(&upstream.headers, &format!("{}verdict", vector.prefix));
    let reasons = value(&upstream.headers, &format!("{}drop-reason", vector.prefix));
    let found: BTreeSet<String> = reason_ids(reasons.as_deref().unwrap_or_default());
    if found != vector.expect.annotate {
        return Err(format!("expected reasons {:?}, found {found:?}", vector.expect.annotate));
    }
    let endpoint = format!("endpoint={}", vector.vendor);
    let allowed = match vector.expect.outcome {
        Outcome::Pass if untouched(vector) => vec![None],
        Outcome::Pass => vec![Some(format!("pass;{endpoint}"))],
        _ => verdicts(&vector.expect)
            .iter()
            .map(|verdict| Some(format!("{verdict};{endpoint}")))
            .collect(),
    };
    if !allowed.contains(&verdict) {
        return Err(format!("expected the verdict {allowed:?}, found {verdict:?}"));
    }
    Ok(())
}

fn check_message(vector: &Vector, message: &Message) -> Result<(), String> {
    let sent = vector.body.as_deref().unwrap_or_default();
    if message.body.as_deref() != Some(sent) {
        return Err(format!(
            "the collector saw a body of {:?} bytes, {} were sent",
            message.body.as_ref().map(Vec::len),
            sent.len()
        ));
    }
    same("method", &vector.method, &message.method)?;
    same("path", &vector.path, &message.path)
}

/// The verdicts that fit an annotated request. Where a reason leaves open whether the body was
/// read, the case may say (`verdict`).
fn verdicts(expect: &Expect) -> Vec<&str> {
    const UNREAD: [&str; 3] = ["content_encoding", "content_type", "request_too_large"];
    match &expect.verdict {
        Some(verdict) => vec![verdict],
        None if UNREAD.iter().any(|reason| expect.annotate.contains(*reason)) => {
            vec!["annotate", "uninspected"]
        }
        None => vec!["annotate"],
    }
}

/// Not a POST, or named so by its id (`-untouched`, the contract's `-is-not-ours`): the gate must
/// leave no mark on it.
pub fn untouched(vector: &Vector) -> bool {
    !vector.method.eq_ignore_ascii_case("POST")
        || ["-untouched", "-is-not-ours"].iter().any(|end| vector.id.ends_with(end))
}

fn check_refused(vector: &Vector, seen: &Observed) -> Result<(), String> {
    if let Some(upstream) = &seen.upstream {
        return Err(format!(
            "the collector saw a request that should be refused: {:?}",
            upstream.headers
        ));
    }
    let Some(reply) = &seen.reply else { return Err("no reply".to_owned()) };
    let body = String::from_utf8_lossy(&reply.body);
    if vector.expect.status != Some(reply.status) {
        return Err(format!(
            "expected status {:?}, found {} {body}",
            vector.expect.status, reply.status
        ));
    }
    if let (Some(details), Some(reason)) = (&reply.details, &vector.expect.reason) {
        same("details", &format!("trackgate_{reason}"), details)?;
    }
    for (name, expected) in &vector.expect.response_headers {
        same(name, expected, &value(&reply.headers, name).unwrap_or_default())?;
    }
    if let Some(expected) = &vector.expect.response_body {
        same("body", expected, &body)?;
    }
    if let Some(expected) = &vector.expect.response_json {
        let found: Value = serde_json::from_str(&body)
            .map_err(|error| format!("reply is not JSON: {error}: {body}"))?;
        if found != *expected {
            return Err(format!("expected body {expected}, found {found}"));
        }
    }
    Ok(())
}

fn same(what: &str, expected: &str, found: &str) -> Result<(), String> {
    if expected == found {
        Ok(())
    } else {
        Err(format!("{what}: expected {expected:?}, found {found:?}"))
    }
}

/// The tokens of a structured-field List of tokens with parameters.
pub fn reason_ids(list: &str) -> BTreeSet<String> {
    let mut quoted = false;
    let members = list.split(|c: char| {
        quoted ^= c == '"';
        c == ',' && !quoted
    });
    let ids = members.map(|member| member.split(';').next().unwrap_or_default().trim().to_owned());
    ids.filter(|id| !id.is_empty()).collect()
}
