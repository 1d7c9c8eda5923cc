//! Counts of a replay, in memory that does not grow with the traffic.

use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Ids kept as examples of each outcome, and how much of each.
const MAX_EXAMPLES: usize = 3;
const MAX_ID_LETTERS: usize = 200;
/// Problems kept of malformed records: the first ones, and the last, which tells why the rest of a
/// file was left out.
const MAX_PROBLEMS: usize = 10;
const MAX_PROBLEM_LETTERS: usize = 500;

/// What became of a request.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Outcome {
    /// Empty for a request that is not the gate's.
    pub endpoint: String,
    pub verdict: &'static str,
    /// `-` where there is none.
    pub reason: &'static str,
    pub mode: &'static str,
}

impl Outcome {
    pub const UNTOUCHED: Outcome =
        Outcome { endpoint: String::new(), verdict: "untouched", reason: "-", mode: "-" };

    fn json(&self) -> Value {
        json!({"endpoint": self.endpoint, "verdict": self.verdict, "reason": self.reason, "mode": self.mode})
    }
}

/// Another outcome under another configuration.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Change {
    pub now: Outcome,
    pub then: Outcome,
}

#[derive(Debug, Default)]
pub struct Count {
    pub requests: u64,
    pub examples: Vec<String>,
}

impl Count {
    fn add(&mut self, id: &str) {
        self.requests += 1;
        if self.examples.len() < MAX_EXAMPLES {
            self.examples.push(id.chars().take(MAX_ID_LETTERS).collect());
        }
    }
}

#[derive(Debug, Default)]
pub struct Tally {
    pub outcomes: BTreeMap<Outcome, Count>,
    pub changes: BTreeMap<Change, Count>,
    pub requests: u64,
    /// Captured in part: a verdict on what there is.
    pub truncated: u64,
    /// Captured without the body that they had: no verdict.
    pub without_body: u64,
    /// What the other configuration would do, where there is one.
    pub then: BTreeMap<&'static str, u64>,
    pub by_site: Groups,
    pub by_class: Groups,
    pub malformed: u64,
    pub problems: Vec<String>,
}

/// Sites that are told apart; those that come later are counted together.
const MAX_GROUPS: usize = 500;

/// Verdicts by some property of a request.
#[derive(Debug, Default)]
pub struct Groups(pub BTreeMap<String, BTreeMap<&'static str, u64>>);

impl Groups {
    pub fn add(&mut self, name: &str, verdict: &'static str) {
        let name: String = name.chars().take(MAX_ID_LETTERS).collect();
        let is_new = !self.0.contains_key(&name);
        let name = if is_new && self.0.len() >= MAX_GROUPS { "(others)".to_owned() } else { name };
        *self.0.entry(name).or_default().entry(verdict).or_default() += 1;
    }
}

/// Verdicts by which the sender gets the gate's answer.
pub fn is_refusal(verdict: &str) -> bool {
    matches!(verdict, "drop" | "reject")
}

impl Tally {
    /// Requests that would be refused, shadow mode or not, and in per cent of all that were judged.
    pub fn refused(&self) -> (u64, f64) {
        let refused = self.outcomes.iter().filter(|(outcome, _)| is_refusal(outcome.verdict));
        self.with_share(refused.map(|(_, count)| count.requests).sum())
    }

    /// The same under the other configuration.
    pub fn refused_then(&self) -> (u64, f64) {
        let refused = self.then.iter().filter(|(verdict, _)| is_refusal(verdict));
        self.with_share(refused.map(|(_, count)| count).sum())
    }

    fn with_share(&self, requests: u64) -> (u64, f64) {
        (requests, 100.0 * requests as f64 / self.requests.max(1) as f64)
    }

    pub fn add(&mut self, outcome: Outcome, id: &str) {
        self.requests += 1;
        self.outcomes.entry(outcome).or_default().add(id);
    }

    pub fn add_change(&mut self, change: Change, id: &str) {
        self.changes.entry(change).or_default().add(id);
    }

    pub fn add_malformed(&mut self, problem: String) {
        self.malformed += 1;
        self.problems.truncate(MAX_PROBLEMS - 1);
        self.problems.push(problem.chars().take(MAX_PROBLEM_LETTERS).collect());
    }

    /// In per cent of all requests.
    pub fn share(&self, count: &Count) -> f64 {
        100.0 * count.requests as f64 / self.requests.max(1) as f64
    }

    /// Endpoints with their numbers of requests by verdict, for charts.
    pub fn by_endpoint(&self) -> BTreeMap<&str, BTreeMap<&'static str, u64>> {
        let mut endpoints: BTreeMap<&str, BTreeMap<&'static str, u64>> = BTreeMap::new();
        for (outcome, count) in &self.outcomes {
            let name =
                if outcome.endpoint.is_empty() { "(no endpoint)" } else { &outcome.endpoint };
            *endpoints.entry(name).or_default().entry(outcome.verdict).or_default() +=
                count.requests;
        }
        endpoints
    }

    pub fn json(&self) -> Value {
        let count = |count: &Count| json!({"requests": count.requests, "examples": count.examples});
        let merged = |mut outcome: Value, count: Value| {
            if let (Some(outcome), Value::Object(count)) = (outcome.as_object_mut(), count) {
                outcome.extend(count);
            }
            outcome
        };
        let outcomes: Vec<Value> =
            self.outcomes.iter().map(|(outcome, one)| merged(outcome.json(), count(one))).collect();
        let changes: Vec<Value> = self
            .changes
            .iter()
            .map(|(change, one)| {
                merged(json!({"now": change.now.json(), "then": change.then.json()}), count(one))
            })
            .collect();
        json!({"requests": self.requests, "truncated": self.truncated, "without_body": self.without_body, "malformed": self.malformed, "problems": self.problems,
               "outcomes": outcomes, "changes": changes})
    }
}
