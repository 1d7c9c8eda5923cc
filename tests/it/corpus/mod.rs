//! The corpus that all three runners share: requests, the plugin configuration each needs, and what
//! must become of it.
//!
//! `tests/vectors/*.jsonl`, one case a line; lines starting with `#` are comments. The format is
//! that of the contract (`tests/vectors/README.md`). A runner turns each [`Vector`] into an
//! [`Observed`] and [`check`] compares it with what the vector expects.

mod body;
mod check;

pub use check::{Message, Observed, Reply, Upstream, check, reason_ids, untouched, values};

use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

pub type Fields = Vec<(String, Vec<u8>)>;

/// How the names of the gate's own fields start, unless the configuration says otherwise.
pub const PREFIX: &str = "x-track-";
/// What a client sends as `x-track-verdict` to a gate with another prefix: a field like any other.
const OF_THE_CLIENT: &[u8] = b"the client's own";

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
    /// How the names of the gate's own fields start.
    pub prefix: &'static str,
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
        prefix: PREFIX,
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

impl Vector {
    /// The same case at a gate whose fields begin otherwise.
    pub fn with_prefix(mut self, prefix: &'static str) -> Vector {
        let renamed = |name: &str| match name.get(..PREFIX.len()) {
            Some(start) if start.eq_ignore_ascii_case(PREFIX) => name.replacen(start, prefix, 1),
            Some(_) | None => name.to_owned(),
        };
        self.config = self.config.replacen('{', &format!("{{\"header_prefix\":\"{prefix}\","), 1);
        self.headers.iter_mut().for_each(|(name, _)| *name = renamed(name));
        self.headers.push(("x-track-verdict".to_owned(), OF_THE_CLIENT.to_vec()));
        let removed = &mut self.expect.removed_request_headers;
        removed.iter_mut().for_each(|name| *name = renamed(name));
        Vector { prefix, ..self }
    }
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
