//! `trackgate explain` on every vector: it says what the gate says, and its rules stand in the
//! gate's order, so that no finding lies behind the rule that ended the checks.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod corpus;

use base64::Engine;
use corpus::{Outcome, Vector};
use serde_json::{Value, json};
use std::io::Write;
use std::process::{Command, Stdio};

fn explained(vector: &Vector, configuration: &std::path::Path) -> Value {
    std::fs::write(configuration, &vector.config).unwrap();
    let text = |value: &[u8]| String::from_utf8(value.to_vec()).unwrap();
    let headers: Vec<(&str, String)> =
        vector.headers.iter().map(|(name, value)| (name.as_str(), text(value))).collect();
    let body =
        vector.body.as_ref().map(|body| base64::engine::general_purpose::STANDARD.encode(body));
    let request =
        json!({"method": vector.method, "path": vector.path, "headers": headers, "body_b64": body});
    let mut child = Command::new(env!("CARGO_BIN_EXE_trackgate"))
        .args(["explain", "--output", "json"])
        .arg(configuration)
        .arg("-")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(request.to_string().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{}: {error}", vector.id))
}

fn check(vector: &Vector, report: &Value) {
    let id = &vector.id;
    let verdicts: &[&str] = match vector.expect.outcome {
        Outcome::Pass => &["pass", "untouched"],
        Outcome::PassAnnotated => &["annotate", "uninspected"],
        Outcome::Drop => &["drop"],
        Outcome::Reject => &["reject"],
    };
    let verdict = report["verdict"].as_str().unwrap();
    assert!(verdicts.contains(&verdict), "{id}: {report}");
    let shown: Vec<&str> = report["rules"]
        .as_array()
        .into_iter()
        .flatten()
        .flat_map(|rule| rule["findings"].as_array().unwrap())
        .map(|finding| finding.as_str().unwrap())
        .collect();
    let expected = vector.expect.reason.iter().chain(&vector.expect.annotate);
    for reason in expected {
        assert!(
            shown.iter().any(|finding| finding.starts_with(&format!("{reason} ("))),
            "{id}: {reason} is behind the end: {report}"
        );
    }
}

#[test]
fn every_vector_is_explained_as_it_is_judged() {
    let vectors: Vec<Vector> = corpus::vectors()
        .into_iter()
        .filter(|vector| vector.headers.iter().all(|(_, value)| std::str::from_utf8(value).is_ok()))
        .collect();
    assert!(vectors.len() > 600, "{}", vectors.len());
    std::thread::scope(|scope| {
        for (number, half) in vectors.chunks(vectors.len().div_ceil(2)).enumerate() {
            let configuration = std::env::temp_dir()
                .join(format!("trackgate-explain-{}-{number}.json", std::process::id()));
            scope.spawn(move || {
                half.iter().for_each(|vector| check(vector, &explained(vector, &configuration)));
                std::fs::remove_file(configuration).unwrap();
            });
        }
    });
}
