//! Where refused requests go: to a cluster that is there, and that no route leads to.

use serde_json::Value;
use trackgate::gate::Gate;
use trackgate::rules::problem::OneLine;

/// A warning for each cluster that is missing, or that gets other traffic too.
pub fn of(gate: &Gate, documents: &[Value]) -> Vec<String> {
    let quarantines = gate.endpoints.iter().filter_map(|endpoint| endpoint.quarantine.as_ref());
    let mut names: Vec<&str> = quarantines.map(|it| it.cluster.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    let mut around = Around::default();
    documents.iter().for_each(|document| around.search(document));
    let mut found = Vec::new();
    for name in names {
        let shown = format!("quarantine.cluster: {:?}", OneLine(name).to_string());
        if around.routed.contains(&name) {
            found.push(format!(
                "{shown} is a cluster that a route leads to: what is refused would arrive there after all; name a cluster of its own"
            ));
        } else if !around.known.is_empty() && !around.is_dynamic && !around.known.contains(&name) {
            found.push(format!(
                "{shown} is none of the clusters here: what is refused would be lost"
            ));
        }
    }
    found
}

#[derive(Default)]
struct Around<'a> {
    /// Names of clusters in the bootstrap.
    known: Vec<&'a str>,
    /// Others may come.
    is_dynamic: bool,
    /// Clusters of routes.
    routed: Vec<&'a str>,
}

impl<'a> Around<'a> {
    fn search(&mut self, value: &'a Value) {
        match value {
            Value::Object(members) => {
                for (name, member) in members {
                    match (name.as_str(), member) {
                        ("cluster", Value::String(cluster)) => self.routed.push(cluster),
                        ("clusters", Value::Array(list)) => {
                            let name = |one: &'a Value| one.get("name")?.as_str();
                            let named = list.iter().filter_map(name);
                            // Of a route's weighted clusters there are weights.
                            if list.iter().any(|one| one.get("weight").is_some()) {
                                self.routed.extend(named);
                            } else {
                                self.known.extend(named);
                            }
                        }
                        ("cds_config", _) => self.is_dynamic = true,
                        _ => {}
                    }
                    self.search(member);
                }
            }
            Value::Array(list) => list.iter().for_each(|element| self.search(element)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
}
