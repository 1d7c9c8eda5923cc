//! Where the counters come from: Envoys' own admin interfaces, or a Prometheus that has scraped them.

use super::stats::Stats;
use crate::{Result, shown};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::time::Duration;

/// One side of the comparison.
#[derive(Debug, Clone)]
pub enum Source {
    /// Addresses of admin interfaces, `host:port`.
    Admin(Vec<String>),
    /// The URL of a Prometheus, and matchers of labels that pick this side's Envoys, such as
    /// `pod=~"gateway-canary-.+"`.
    Prometheus { url: String, matchers: Vec<String> },
}

/// Longer, neither an Envoy nor a Prometheus takes to answer.
const PATIENCE: Duration = Duration::from_secs(20);
/// The stats of an Envoy with ten thousand counters of the filter are a tenth of it.
const MAX_BYTES: u64 = 64 << 20;

const WANTED: &str = "(.+_)?trackgate_(requests_total|host_errors_total|resumed_total)|envoy_http_downstream_rq_xx|envoy_http_downstream_rq_time_bucket";

impl Source {
    /// The counters now, by the Envoy they are of.
    ///
    /// # Errors
    /// One does not answer, or has nothing of the gate.
    pub fn read(&self) -> Result<BTreeMap<String, Stats>> {
        match self {
            Source::Admin(addresses) => {
                addresses.iter().map(|address| Ok((address.clone(), admin(address)?))).collect()
            }
            Source::Prometheus { url, matchers } => {
                let mut found = BTreeMap::new();
                for matcher in matchers {
                    prometheus(url, matcher, &mut found)?;
                }
                Ok(found)
            }
        }
    }
}

/// What was counted between two readings, of all Envoys that are there at the second. One that is
/// new has counted all it has since the first.
pub fn between(before: &BTreeMap<String, Stats>, after: &BTreeMap<String, Stats>) -> Stats {
    let mut sum = Stats::default();
    for (name, now) in after {
        sum.add(&before.get(name).map_or_else(|| now.clone(), |then| now.since(then)));
    }
    sum
}

fn get(url: &str, parameters: &[(&str, &str)]) -> std::result::Result<String, ureq::Error> {
    // What the environment says of proxies is not for an Envoy's admin interface.
    let asking = ureq::Agent::config_builder().proxy(None).timeout_global(Some(PATIENCE)).build();
    let answer = ureq::Agent::new_with_config(asking)
        .get(url)
        .query_pairs(parameters.iter().copied())
        .call()?;
    answer.into_body().into_with_config().limit(MAX_BYTES).lossy_utf8(true).read_to_string()
}

fn admin(address: &str) -> Result<Stats> {
    let text = get(&format!("http://{address}/stats/prometheus"), &[])
        .map_err(|error| format!("{}: {error}", shown::line(address)))?;
    let stats = Stats::parse(&text);
    if stats.is_empty() {
        return Err(format!(
            "{}: expected Envoy's stats with trackgate_requests_total, found none of them",
            shown::line(address)
        )
        .into());
    }
    Ok(stats)
}

#[derive(Deserialize)]
struct Answer {
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    result: Vec<Series>,
}

#[derive(Deserialize)]
struct Series {
    metric: BTreeMap<String, String>,
    /// Time, and the value as text.
    value: (f64, String),
}

fn prometheus(url: &str, matcher: &str, found: &mut BTreeMap<String, Stats>) -> Result<()> {
    let query = format!("{{__name__=~\"{WANTED}\",{matcher}}}");
    let endpoint = format!("{}/api/v1/query", url.trim_end_matches('/'));
    let asked = shown::line(format!("{url}: {query}"));
    let text = get(&endpoint, &[("query", &query)]).map_err(|error| format!("{asked}: {error}"))?;
    let answer: Answer = serde_json::from_str(&text)
        .map_err(|error| format!("{asked}: expected Prometheus' answer to a query: {error}"))?;
    let mut is_ours = false;
    for series in answer.data.result {
        let label = |name: &str| series.metric.get(name).cloned().unwrap_or_default();
        let value = series.value.1.parse::<f64>().unwrap_or(0.0) as u64;
        let name = label("__name__");
        is_ours |= name.ends_with("trackgate_requests_total");
        found.entry(label("instance")).or_default().count(&name, label, value);
    }
    if is_ours {
        Ok(())
    } else {
        Err(format!("{asked}: expected series of trackgate_requests_total, found none").into())
    }
}
