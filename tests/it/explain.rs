//! `trackgate explain` on every vector: it says what the gate says, and its rules stand in the
//! gate's order, so that no finding lies behind the rule that ended the checks.

use crate::corpus;
use crate::corpus::{Outcome, Vector};
use serde_json::Value;
use trackgate::gate::Gate;
use trackgate_cli::capture::Captured;
use trackgate_cli::explain;

fn explained(vector: &Vector) -> Value {
    let gate = Gate::load(vector.config.as_bytes()).unwrap();
    let mut request = Captured::new(vector.id.clone(), &vector.method, &vector.path, "h.example");
    vector.headers.iter().for_each(|(name, value)| request.push(name, value.as_slice()));
    request.body = vector.body.clone().unwrap_or_default();
    explain::report(&gate, &request)
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
    vectors.iter().for_each(|vector| check(vector, &explained(vector)));
}
