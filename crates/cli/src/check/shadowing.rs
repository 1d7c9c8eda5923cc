//! Endpoints that no request can reach, because an earlier one serves all their hosts and paths.

use std::collections::{BTreeSet, HashMap};
use trackgate::gate::{Endpoint, Gate};
use trackgate::rules::endpoint::PathPattern;

/// The endpoints of a configuration by what they serve, so that ten thousand are compared in a
/// moment.
pub struct Index<'g> {
    /// The first endpoint that serves a host and a path, both as patterns. An empty host is every
    /// one.
    first: HashMap<(String, Vec<&'g str>), usize>,
    /// Of each path, which of its segments are any: `/v1/{key}` is `[false, true]`.
    shapes: BTreeSet<Vec<bool>>,
}

impl<'g> Index<'g> {
    pub fn of(gate: &'g Gate) -> Self {
        let mut index = Index { first: HashMap::new(), shapes: BTreeSet::new() };
        for endpoint in &gate.endpoints {
            let paths: Vec<Vec<&str>> = endpoint.paths.iter().map(segments).collect();
            index.shapes.extend(
                paths.iter().map(|path| path.iter().map(|segment| segment.is_empty()).collect()),
            );
            for host in hosts(endpoint) {
                for path in &paths {
                    index.first.entry((host.clone(), path.clone())).or_insert(endpoint.number);
                }
            }
        }
        index
    }

    /// The earlier endpoint that serves whatever this one does; where it takes several, the last
    /// that was found.
    pub fn shadowing(&self, gate: &'g Gate, number: usize) -> Option<&'g str> {
        let endpoint = gate.endpoints.get(number)?;
        let mut earlier = None;
        for host in hosts(endpoint) {
            for path in &endpoint.paths {
                earlier =
                    Some(self.serving(&host, &segments(path)).filter(|found| *found < number)?);
            }
        }
        gate.endpoints.get(earlier?).map(|endpoint| endpoint.name.as_str())
    }

    /// The first endpoint that serves all requests to these.
    fn serving(&self, host: &str, path: &[&'g str]) -> Option<usize> {
        let wider = self.shapes.iter().filter(|shape| {
            shape.len() == path.len()
                && shape.iter().zip(path).all(|(is_any, segment)| *is_any || !segment.is_empty())
        });
        let paths: Vec<Vec<&str>> = wider
            .map(|shape| {
                shape
                    .iter()
                    .zip(path)
                    .map(|(is_any, segment)| if *is_any { "" } else { *segment })
                    .collect()
            })
            .collect();
        let found = wider_hosts(host).into_iter().flat_map(|host| {
            paths
                .iter()
                .filter_map(move |path| self.first.get(&(host.clone(), path.clone())))
                .copied()
                .collect::<Vec<_>>()
        });
        found.min()
    }
}

/// Empty for every host.
fn hosts(endpoint: &Endpoint) -> Vec<String> {
    if endpoint.hosts.is_empty() {
        return vec![String::new()];
    }
    endpoint.hosts.iter().map(ToString::to_string).collect()
}

/// The host itself, every domain it is below with `*.`, and every host.
fn wider_hosts(host: &str) -> Vec<String> {
    let mut wider = vec![host.to_owned(), String::new()];
    let mut rest = host;
    while let Some((_, domain)) = rest.split_once('.') {
        wider.push(format!("*.{domain}"));
        rest = domain;
    }
    wider
}

/// An empty one is any.
fn segments(path: &PathPattern) -> Vec<&str> {
    path.segments().map(Option::unwrap_or_default).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Write;
    use std::time::{Duration, Instant};

    fn shadowed(endpoints: &str) -> Vec<Option<String>> {
        let gate = Gate::load(format!("{{\"endpoints\":[{endpoints}]}}").as_bytes()).unwrap();
        let index = Index::of(&gate);
        (0..gate.endpoints.len())
            .map(|number| index.shadowing(&gate, number).map(str::to_owned))
            .collect()
    }

    fn pair(first: &str, second: &str) -> bool {
        let endpoint =
            |name: &str, rest: &str| format!(r#"{{"name":"{name}","vendor":"convert"{rest}}}"#);
        let found = shadowed(&format!("{},{}", endpoint("a", first), endpoint("b", second)));
        assert_eq!(found[0], None);
        found[1].as_deref() == Some("a")
    }

    #[test]
    fn an_endpoint_behind_one_that_serves_as_much_is_found() {
        let rows = [
            ("", "", true),
            ("", r#","hosts":["a.example"]"#, true),
            (r#","hosts":["a.example"]"#, "", false),
            (r#","hosts":["A.example."]"#, r#","hosts":["a.example"]"#, true),
            (r#","hosts":["*.example"]"#, r#","hosts":["a.example"]"#, true),
            (r#","hosts":["*.example"]"#, r#","hosts":["*.a.example"]"#, true),
            (r#","hosts":["*.example"]"#, r#","hosts":["example"]"#, false),
            (r#","hosts":["*.example"]"#, r#","hosts":["a.example","b.test"]"#, false),
            (r#","hosts":["*.a.example"]"#, r#","hosts":["*.example"]"#, false),
            (r#","paths":["/{a}/b"]"#, r#","paths":["/a/b"]"#, true),
            (r#","paths":["/{a}/b"]"#, r#","paths":["/{x}/b"]"#, true),
            (r#","paths":["/a/b"]"#, r#","paths":["/{a}/b"]"#, false),
            (r#","paths":["/{a}/b"]"#, r#","paths":["/a/c"]"#, false),
            (r#","paths":["/{a}/{b}"]"#, r#","paths":["/a/{c}","/d/e"]"#, true),
            (r#","paths":["/{a}"]"#, r#","paths":["/a/b"]"#, false),
            (r#","paths":["/a"]"#, r#","paths":["/a","/b"]"#, false),
        ];
        for (first, second, expected) in rows {
            assert_eq!(pair(first, second), expected, "{first} {second}");
        }
    }

    #[test]
    fn ten_thousand_endpoints_take_a_moment() {
        let kinds: [fn(usize) -> String; 3] = [
            |number| format!(r#""hosts":["h{number}.example"]"#),
            |number| format!(r#""paths":["/v1/e{number}/{{key}}"]"#),
            |number| format!(r#""paths":["/{{key}}/e{number}","/v2/e{number}"]"#),
        ];
        for kind in kinds {
            let mut endpoints = String::new();
            for number in 0..10_000 {
                let _ = write!(
                    endpoints,
                    r#"{{"name":"e{number}","vendor":"convert",{}}},"#,
                    kind(number)
                );
            }
            let text = format!("{{\"endpoints\":[{}]}}", endpoints.trim_end_matches(','));
            let gate = Gate::load(text.as_bytes()).unwrap();
            let begin = Instant::now();
            let index = Index::of(&gate);
            assert!((0..10_000).all(|number| index.shadowing(&gate, number).is_none()));
            assert!(begin.elapsed() < Duration::from_secs(2), "{:?}", begin.elapsed());
        }
    }
}
