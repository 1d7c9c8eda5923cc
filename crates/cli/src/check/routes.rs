//! Routes that make a path another one behind the gate: it judges what the client asked for, and the
//! collector gets what the route made of it.

use serde_json::Value;
use trackgate::gate::Gate;
use trackgate::rules::endpoint::PathPattern;
use trackgate::rules::problem::OneLine;

/// A warning for each rewrite onto an endpoint.
pub fn of(gate: &Gate, documents: &[Value]) -> Vec<String> {
    let mut found = Vec::new();
    documents.iter().for_each(|document| search(document, gate, &mut found));
    found
}

fn search(value: &Value, gate: &Gate, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                let rewrite = ["prefix_rewrite", "prefixRewrite", "path_rewrite"]
                    .contains(&name.as_str())
                    .then(|| member.as_str())
                    .flatten();
                found.extend(rewrite.and_then(|path| onto(gate, name, path)));
                search(member, gate, found);
            }
        }
        Value::Array(list) => list.iter().for_each(|element| search(element, gate, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn onto(gate: &Gate, field: &str, path: &str) -> Option<String> {
    let mut endpoints = gate.endpoints.iter();
    let endpoint = endpoints.find(|endpoint| endpoint.paths.iter().any(|it| leads_to(path, it)))?;
    Some(format!(
        "{field}: {:?} leads to the paths of {}: the gate judges the path that the client asks for, so that such a request is not judged: rewrite \
         before the gate, or name the client's path in the endpoint",
        OneLine(path).to_string(),
        endpoint.name
    ))
}

/// The segments of a rewritten prefix are the first ones of an endpoint's path.
fn leads_to(prefix: &str, path: &PathPattern) -> bool {
    let mut wanted = prefix.split('/').filter(|segment| !segment.is_empty()).peekable();
    if wanted.peek().is_none() {
        return false;
    }
    let mut segments = path.segments();
    wanted.all(|wanted| match segments.next() {
        Some(Some(segment)) => segment == wanted,
        Some(None) => true,
        None => false,
    })
}
