//! The counters of Envoy's `/stats/prometheus` that a canary is judged by.

use std::collections::BTreeMap;

/// Requests of one endpoint with one verdict and reason.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Kind {
    pub endpoint: String,
    pub verdict: String,
    pub reason: String,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub struct Stats {
    pub requests: BTreeMap<Kind, u64>,
    pub host_errors: u64,
    pub resumed: u64,
    /// Responses downstream, and those of class 5xx.
    pub responses: u64,
    pub server_errors: u64,
    /// Downstream request time: cumulative counts by upper bound in milliseconds.
    pub latency_buckets: Vec<(f64, u64)>,
}

impl Stats {
    pub fn parse(text: &str) -> Stats {
        let mut stats = Stats::default();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let Some((series, value)) = line.rsplit_once(' ') else { continue };
            let value = value.parse::<f64>().unwrap_or(0.0) as u64;
            let (name, labels) = series.split_once('{').unwrap_or((series, ""));
            stats.count(name, |wanted| label(labels, wanted), value);
        }
        stats
    }

    /// Adds the value of one series; of others than ours and Envoy's responses nothing.
    pub fn count(&mut self, name: &str, label: impl Fn(&str) -> String, value: u64) {
        let is_admins = || label("envoy_http_conn_manager_prefix") == "admin";
        match own(name).unwrap_or(name) {
            "trackgate_requests_total" => {
                let kind = Kind {
                    endpoint: label("endpoint"),
                    verdict: label("verdict"),
                    reason: label("reason"),
                };
                *self.requests.entry(kind).or_default() += value;
            }
            "trackgate_host_errors_total" => self.host_errors += value,
            "trackgate_resumed_total" => self.resumed += value,
            "envoy_http_downstream_rq_xx" if !is_admins() => {
                self.responses += value;
                self.server_errors +=
                    if label("envoy_response_code_class") == "5" { value } else { 0 };
            }
            "envoy_http_downstream_rq_time_bucket" if !is_admins() => {
                self.add_bucket(label("le").parse().unwrap_or(f64::INFINITY), value);
            }
            _ => {}
        }
    }

    /// Adds what another Envoy counted.
    pub fn add(&mut self, other: &Stats) {
        for (kind, count) in &other.requests {
            *self.requests.entry(kind.clone()).or_default() += count;
        }
        self.host_errors += other.host_errors;
        self.resumed += other.resumed;
        self.responses += other.responses;
        self.server_errors += other.server_errors;
        for (bound, count) in &other.latency_buckets {
            self.add_bucket(*bound, *count);
        }
    }

    fn add_bucket(&mut self, bound: f64, count: u64) {
        match self.latency_buckets.iter_mut().find(|(known, _)| *known == bound) {
            Some((_, known)) => *known += count,
            None => self.latency_buckets.push((bound, count)),
        }
    }

    /// No series of the gate at all.
    pub fn is_empty(&self) -> bool {
        self.requests.is_empty()
    }

    /// What was counted after `earlier`. A counter that is smaller than it was has begun anew.
    pub fn since(&self, earlier: &Stats) -> Stats {
        let minus = |now: u64, then: u64| if now < then { now } else { now - then };
        let requests = self.requests.iter().map(|(kind, now)| {
            (kind.clone(), minus(*now, earlier.requests.get(kind).copied().unwrap_or(0)))
        });
        let latency = self.latency_buckets.iter().map(|(bound, now)| {
            let then = earlier
                .latency_buckets
                .iter()
                .find(|(known, _)| known == bound)
                .map_or(0, |(_, count)| *count);
            (*bound, minus(*now, then))
        });
        Stats {
            requests: requests.collect(),
            host_errors: minus(self.host_errors, earlier.host_errors),
            resumed: minus(self.resumed, earlier.resumed),
            responses: minus(self.responses, earlier.responses),
            server_errors: minus(self.server_errors, earlier.server_errors),
            latency_buckets: latency.collect(),
        }
    }

    pub fn total(&self) -> u64 {
        self.requests.values().sum()
    }

    pub fn of_endpoint(&self, endpoint: &str) -> u64 {
        self.requests
            .iter()
            .filter(|(kind, _)| kind.endpoint == endpoint)
            .map(|(_, count)| count)
            .sum()
    }

    /// The upper bound of the bucket in which the quantile lies; `None` where nothing was measured,
    /// or it lies beyond the last one.
    pub fn latency_ms(&self, quantile: f64) -> Option<f64> {
        let total = self
            .latency_buckets
            .iter()
            .map(|(_, count)| *count)
            .max()
            .filter(|total| *total > 0)?;
        let mut buckets = self.latency_buckets.clone();
        buckets.sort_by(|(a, _), (b, _)| a.total_cmp(b));
        let bound = buckets
            .iter()
            .find(|(_, count)| *count as f64 >= quantile * total as f64)
            .map(|(bound, _)| *bound);
        bound.filter(|bound| bound.is_finite())
    }
}

/// The name of a metric of the gate's without what its host puts before it: nothing in wasm,
/// `envoy_dynamicmodulescustom_` in a native module, or what its operator has named instead.
fn own(name: &str) -> Option<&str> {
    name.get(name.find("trackgate_")?..)
}

/// A label's value; empty if it is missing.
fn label(labels: &str, wanted: &str) -> String {
    let start = format!("{wanted}=\"");
    let found = labels.split(&start).nth(1).and_then(|rest| rest.split('"').next());
    found.unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_host_names_them_in_its_way() {
        for name in ["", "envoy_dynamicmodulescustom_", "envoy_gate_"] {
            let line = "trackgate_requests_total{endpoint=\"a\",verdict=\"drop\",reason=\"bot\"} 3";
            assert_eq!(Stats::parse(&format!("{name}{line}")).total(), 3, "{name}");
        }
        assert!(Stats::parse("envoy_cluster_upstream_rq_total{} 3").is_empty());
    }

    #[test]
    fn counters_are_read_and_subtracted() {
        let text = |count: u64| {
            format!(
                "# TYPE x counter\ntrackgate_requests_total{{endpoint=\"a\",mode=\"enforce\",reason=\"bot\",verdict=\"drop\"}} {count}\n\
                 envoy_http_downstream_rq_xx{{envoy_response_code_class=\"5\",envoy_http_conn_manager_prefix=\"ingress\"}} 3\n\
                 envoy_http_downstream_rq_time_bucket{{envoy_http_conn_manager_prefix=\"ingress\",le=\"5\"}} {count}\n\
                 envoy_http_downstream_rq_time_bucket{{envoy_http_conn_manager_prefix=\"ingress\",le=\"+Inf\"}} {}\n",
                count + 1
            )
        };
        let (before, after) = (Stats::parse(&text(10)), Stats::parse(&text(110)));
        let between = after.since(&before);
        assert_eq!(
            (
                between.total(),
                between.of_endpoint("a"),
                between.of_endpoint("b"),
                between.server_errors
            ),
            (100, 100, 0, 0)
        );
        assert_eq!((between.latency_ms(0.5), between.latency_ms(0.99)), (Some(5.0), Some(5.0)));
        assert_eq!(before.since(&after).total(), 10, "begun anew");
    }
}
