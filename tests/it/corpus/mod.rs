//! The corpus that all three runners share: requests, the plugin configuration each needs, and what
//! must become of it.
//!
//! `tests/vectors/*.jsonl`, one case a line; lines starting with `#` are comments. The format is
//! that of the contract (`tests/vectors/README.md`). A runner turns each [`Vector`] into an
//! [`Observed`] and [`check`] compares it with what the vector expects.

mod body;

use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

pub type Fields = Vec<(String, Vec<u8>)>;

/// One case: a request, the configuration the gate has, and the expectation.
#[derive(Debug, Clone)]
pub struct Vector {
    pub id: String,
    /// The endpoint's name, which is also its vendor's id: `convert`, `plausible`, `userpilot`,
    /// `commanders_act`.
    pub vendor: String,
    pub method: String,
    pub path: String,
    /// Header fields in order; a repeated field stands more than once. Names are lower-case.
    pub headers: Fields,
    /// `None`: the request ends with its header section.
    pub body: Option<Vec<u8>>,
    /// The case asks for chunked delivery in pieces of this many bytes.
    pub chunk_bytes: Option<usize>,
    /// The case can be sent over HTTP/2 alone.
    pub http2_only: bool,
    /// The plugin's complete configuration, JSON.
    pub config: String,
    pub expect: Expect,
}

#[derive(Debug, Clone)]
pub struct Expect {
    pub outcome: Outcome,
    /// The verdict towards the collector, where the outcome alone does not tell it.
    pub verdict: Option<String>,
    pub status: Option<u16>,
    pub reason: Option<String>,
    /// Reason ids that `x-track-drop-reason` must carry, no more and no fewer.
    pub annotate: BTreeSet<String>,
    pub response_headers: Vec<(String, String)>,
    pub response_body: Option<String>,
    pub response_json: Option<Value>,
    pub removed_request_headers: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Pass,
    PassAnnotated,
    Drop,
    Reject,
}

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

fn folder() -> PathBuf {
    trackgate_testing::path("tests/vectors")
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

/// Every vector of every file in `tests/vectors`, and of the examples that have cases, in file and
/// line order.
pub fn vectors() -> Vec<Vector> {
    let examples = entries(&folder().join("../../examples"));
    let cases =
        examples.iter().map(|example| example.join("cases.jsonl")).filter(|path| path.exists());
    let own = entries(&folder())
        .into_iter()
        .filter(|path| path.extension().is_some_and(|ending| ending == "jsonl"));
    let files: Vec<PathBuf> = own.chain(cases).collect();
    let vectors: Vec<Vector> = files.iter().flat_map(|file| read(file)).collect();
    let ids: BTreeSet<&str> = vectors.iter().map(|vector| vector.id.as_str()).collect();
    assert_eq!(ids.len(), vectors.len(), "vector ids must be unique");
    vectors
}

fn read(file: &Path) -> Vec<Vector> {
    let text = std::fs::read_to_string(file).unwrap();
    // An example's cases run with the example's configuration.
    let whole = std::fs::read_to_string(file.with_file_name("trackgate.json")).ok();
    text.lines()
        .filter(|line| !line.trim().is_empty() && !line.starts_with('#'))
        .map(|line| {
            let case: Value = serde_json::from_str(line)
                .unwrap_or_else(|error| panic!("{}: {error}: {line}", file.display()));
            let mut vector = vector(&case);
            vector.config = whole.clone().unwrap_or(vector.config);
            vector
        })
        .collect()
}

fn vector(case: &Value) -> Vector {
    let text = |name: &str| {
        case[name].as_str().unwrap_or_else(|| panic!("{name} missing: {case}")).to_owned()
    };
    let vendor = match case["vendor"].as_str().unwrap() {
        "commandersact" => "commanders_act".to_owned(),
        other => other.to_owned(),
    };
    Vector {
        id: text("id"),
        vendor,
        method: text("method"),
        path: text("path"),
        headers: headers(&case["headers"]),
        body: body::bytes(case),
        chunk_bytes: case["transport"]["chunk_bytes"].as_u64().map(|bytes| bytes as usize),
        http2_only: case["transport"]["protocol"] == "http2",
        config: config(case),
        expect: expect(&case["expect"]),
    }
}

/// Values are strings, a list of strings for a repeated field, or `{"base64": …}` for bytes that
/// are not UTF-8.
fn headers(fields: &Value) -> Fields {
    let one = |value: &Value| match value {
        Value::String(text) => text.clone().into_bytes(),
        other => body::base64(other["base64"].as_str().unwrap()),
    };
    let mut list = Vec::new();
    for (name, value) in fields.as_object().unwrap() {
        match value {
            Value::Array(values) => {
                list.extend(values.iter().map(|value| (name.clone(), one(value))))
            }
            value => list.push((name.clone(), one(value))),
        }
    }
    list
}

/// The configuration of the contract's vectors, amended by what the case asks for; a case of our
/// own may instead carry the whole of it as `plugin`.
fn config(case: &Value) -> String {
    if let Some(whole) = case.get("plugin") {
        return whole.to_string();
    }
    let mut plausible =
        json!({"name": "plausible", "vendor": "plausible", "trust_ip_type_header": true});
    let mut config = json!({"client_ip": {"from": "vendor"}});
    for (key, value) in case["config"]["plausible"].as_object().unwrap_or(&Map::new()) {
        match key.as_str() {
            "country_header" => config["country_header"] = value.clone(),
            "spam_referrers" => config["spam_referrers"] = json!({"builtin": false, "deny": value}),
            "shields" => plausible["sites"] = sites(value),
            other => panic!("unknown config.plausible.{other}"),
        }
    }
    config["endpoints"] = json!([
        {"name": "convert", "vendor": "convert"},
        plausible,
        {"name": "userpilot", "vendor": "userpilot"},
        {"name": "commanders_act", "vendor": "commanders_act"},
    ]);
    config.to_string()
}

fn sites(shields: &Value) -> Value {
    let renamed = |rules: &Value| -> Value {
        let rules = rules.as_object().unwrap().iter().map(|(kind, list)| {
            let name = match kind.as_str() {
                "hostname" => "hostname_allowlist".to_owned(),
                kind => format!("{kind}_blocklist"),
            };
            (name, list.clone())
        });
        Value::Object(rules.collect())
    };
    let sites =
        shields.as_object().unwrap().iter().map(|(site, rules)| (site.clone(), renamed(rules)));
    Value::Object(sites.collect())
}

fn expect(case: &Value) -> Expect {
    let strings = |name: &str| -> Vec<String> {
        let list = case[name].as_array().cloned().unwrap_or_default();
        list.iter().map(|id| id.as_str().unwrap().to_owned()).collect()
    };
    Expect {
        outcome: match case["outcome"].as_str().unwrap() {
            "pass" => Outcome::Pass,
            "pass_annotated" => Outcome::PassAnnotated,
            "drop" => Outcome::Drop,
            "reject" => Outcome::Reject,
            other => panic!("unknown outcome {other}"),
        },
        verdict: case["verdict"].as_str().map(str::to_owned),
        status: case["status"].as_u64().map(|status| status as u16),
        reason: case["reason"].as_str().map(str::to_owned),
        annotate: strings("annotate").into_iter().collect(),
        response_headers: case["response_headers"]
            .as_object()
            .map(|fields| {
                fields
                    .iter()
                    .map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned()))
                    .collect()
            })
            .unwrap_or_default(),
        response_body: case["response_body"].as_str().map(str::to_owned),
        response_json: case.get("response_json").cloned(),
        removed_request_headers: strings("removed_request_headers"),
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
    let verdict = value(&upstream.headers, "x-track-verdict");
    let reasons = value(&upstream.headers, "x-track-drop-reason");
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
        return Err(format!("expected x-track-verdict {allowed:?}, found {verdict:?}"));
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

/// Leaves the count that `make test` shows at its end.
pub fn write_count(runner: &str, agree: usize, total: usize) {
    let folder = trackgate_testing::path("target/vectors");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(
        folder.join(format!("{runner}.count")),
        format!("{agree} agree, {total} total\n"),
    )
    .unwrap();
}
