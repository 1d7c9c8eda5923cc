//! What an operator sees: a real Prometheus scrapes the real Envoy; labels, dashboard, access log
//! and alerts are proven by queries. Run by `make test-observability`, which installs Prometheus.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use serde_json::Value;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use trackgate_cli::canary::{Source, stats::Stats};
use trackgate_testing::client::{self, Call, Transport};
use trackgate_testing::collector::Collector;
use trackgate_testing::envoy::{Envoy, free_port, replaced};
use trackgate_testing::gateway;
use trackgate_testing::gateway::{BUCKETING, CRAWLER, PERSON, VIEW, shipped};
use trackgate_testing::host::Host;

/// Half of the clients of one endpoint are under enforcement, another endpoint is in shadow mode.
const CONFIGURATION: &str = r#"{"endpoints":[{"name":"convert","vendor":"convert","mode":"shadow"},{"name":"plausible","vendor":"plausible"},{"name":"userpilot","vendor":"userpilot","enforce_percent":50},{"name":"commanders_act","vendor":"commanders_act"}]}"#;

struct Prometheus {
    child: Child,
    address: SocketAddr,
    folder: PathBuf,
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

impl Prometheus {
    /// The example's configuration, scraping every second.
    async fn start(envoy: &Envoy) -> Prometheus {
        let port = free_port().unwrap();
        let folder = std::env::temp_dir()
            .join(format!("trackgate-prometheus-{}-{port}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let text = trackgate_testing::read("examples/prometheus/prometheus.yml").unwrap();
        let text =
            replaced(&text, "scrape_interval: 15s", "scrape_interval: 1s\n  scrape_timeout: 1s")
                .unwrap();
        let text = replaced(&text, "127.0.0.1:9901", &envoy.admin.to_string()).unwrap();
        std::fs::write(folder.join("prometheus.yml"), text).unwrap();
        std::fs::copy(
            trackgate_testing::path("examples/prometheus/rules.yml"),
            folder.join("rules.yml"),
        )
        .unwrap();
        let child = Command::new("prometheus")
            .arg(format!("--config.file={}", folder.join("prometheus.yml").display()))
            .arg(format!("--storage.tsdb.path={}", folder.join("data").display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .args(["--log.level=error"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("prometheus does not start; use `make test-observability`");
        Prometheus { child, address: SocketAddr::from(([127, 0, 0, 1], port)), folder }
    }

    /// The series of an instant query; empty while it does not serve yet.
    async fn query(&self, expression: &str) -> Vec<Value> {
        let encoded: String = expression.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let call = Call {
            method: "GET".to_owned(),
            path: format!("/api/v1/query?query={encoded}"),
            headers: Vec::new(),
            body: None,
        };
        let Ok(answer) = client::send(self.address, &call, Transport::Http1).await else {
            return Vec::new();
        };
        let answer: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        assert_ne!(answer["status"], "error", "{expression}: {answer}");
        answer["data"]["result"].as_array().cloned().unwrap_or_default()
    }

    /// Waits until a query has series whose sum is `expected`.
    async fn expect(&self, expression: &str, expected: f64) {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            let series = self.query(expression).await;
            let values = series
                .iter()
                .map(|series| series["value"][1].as_str().unwrap().parse::<f64>().unwrap());
            if !series.is_empty() && values.sum::<f64>() == expected {
                return;
            }
            assert!(
                Instant::now() < deadline,
                "{expression}: expected {expected}, found {series:?}"
            );
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
}

async fn gateway() -> (Collector, Envoy) {
    gateway::gateway(
        &replaced(&shipped("hold"), "value: '{}'", &format!("value: '{CONFIGURATION}'")).unwrap(),
        2,
    )
    .await
}

async fn post(envoy: &Envoy, path: &str, user_agent: &str, extra: &[(&str, &str)], body: &str) {
    let fields = [("user-agent", user_agent)];
    let fields: Vec<(&str, &[u8])> =
        fields.iter().chain(extra).map(|(name, value)| (*name, value.as_bytes())).collect();
    client::send(envoy.listener, &gateway::post(path, &fields, body), Transport::Http1)
        .await
        .unwrap();
}

/// Five of each: passed, dropped, rejected, in shadow, under a partial enforcement, not inspected.
async fn traffic(envoy: &Envoy) {
    for client in 0..5 {
        post(envoy, "/api/event", PERSON, &[], VIEW).await;
        post(envoy, "/api/event", CRAWLER, &[], VIEW).await;
        post(envoy, "/api/event", PERSON, &[], "{}").await;
        post(envoy, "/api/event", PERSON, &[("content-encoding", "gzip")], "\u{1f}packed").await;
        post(envoy, "/v1/track/key", PERSON, &[], BUCKETING).await;
        post(envoy, "/v1/track/key", CRAWLER, &[], BUCKETING).await;
        post(envoy, "/events?tc_s=1&token=a", PERSON, &[], r#"{"event_name":"a"}"#).await;
        let key = format!("Token key{client}");
        post(envoy, "/v1/track", PERSON, &[("authorization", &key)], "{}").await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn prometheus_sees_labels_and_the_dashboard_has_series() {
    let (_collector, envoy) = gateway().await;
    let prometheus = Prometheus::start(&envoy).await;
    traffic(&envoy).await;
    for (labels, count) in [
        (r#"endpoint="plausible",verdict="pass",reason="none",mode="enforce""#, 5.0),
        (r#"endpoint="plausible",verdict="drop",reason="bot",mode="enforce""#, 5.0),
        (r#"endpoint="plausible",verdict="reject",reason="invalid",mode="enforce""#, 5.0),
        (
            r#"endpoint="plausible",verdict="uninspected",reason="content_encoding",mode="enforce""#,
            5.0,
        ),
        (r#"endpoint="convert",verdict="pass",reason="none",mode="shadow""#, 5.0),
        (r#"endpoint="convert",verdict="drop",reason="bot",mode="shadow""#, 5.0),
        (r#"endpoint="commanders_act",verdict="pass",reason="none",mode="enforce""#, 5.0),
        (r#"endpoint="userpilot",verdict="reject",reason="missing_field""#, 5.0),
    ] {
        prometheus.expect(&format!("{}{{{labels}}}", own("requests_total")), count).await;
    }
    let userpilot = format!("{}{{endpoint=\"userpilot\"}}", own("requests_total"));
    prometheus.expect(&format!("count(count by (mode) ({userpilot}))"), 2.0).await;
    let info = own("config_info");
    let version = env!("CARGO_PKG_VERSION");
    prometheus.expect(&format!("count({info}{{version={version:?}}} > 0)"), 1.0).await;
    for name in [own("host_errors_total"), own(own_failures())] {
        prometheus.expect(&name, 0.0).await;
    }
    dashboard(&prometheus, &envoy).await;
    canary_reads_from(&prometheus, &envoy).await;
}

/// What `trackgate canary --prometheus` finds is what the admin interface tells, a scrape later.
async fn canary_reads_from(prometheus: &Prometheus, envoy: &Envoy) {
    let admin = envoy.admin.to_string();
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let (scraped, asked) = both_sources(prometheus.address, admin.clone()).await;
        assert_eq!(scraped.keys().collect::<Vec<_>>(), [&admin]);
        if scraped[&admin].requests == asked[&admin].requests {
            assert!(scraped[&admin].total() >= 40, "{scraped:?}");
            assert!(scraped[&admin].responses >= 40 && scraped[&admin].latency_ms(0.5).is_some());
            return;
        }
        assert!(
            Instant::now() < deadline,
            "Prometheus: {:?}, Envoy: {:?}",
            scraped[&admin].requests,
            asked[&admin].requests
        );
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// What each Envoy counted, by its address.
type Read = BTreeMap<String, Stats>;

async fn both_sources(prometheus: SocketAddr, admin: String) -> (Read, Read) {
    let scraped = Source::Prometheus {
        url: format!("http://{prometheus}/"),
        matchers: vec![format!("instance={admin:?}")],
    };
    let asked = Source::Admin(vec![admin]);
    let read = tokio::task::spawn_blocking(move || {
        [scraped.read(), asked.read()].map(|read| read.map_err(|error| error.to_string()))
    });
    let [scraped, asked] = read.await.unwrap();
    (scraped.unwrap(), asked.unwrap())
}

/// The name that Prometheus sees of a metric.
fn own(name: &str) -> String {
    match Host::tried() {
        Host::Wasm => format!("trackgate_{name}"),
        Host::Module => format!("envoy_dynamicmodulescustom_trackgate_{name}"),
    }
}

/// What only one host counts: streams that the watchdog let go, or panics.
fn own_failures() -> &'static str {
    match Host::tried() {
        Host::Wasm => "resumed_total",
        Host::Module => "panics_total",
    }
}

/// Every query of the dashboard returns series while there is traffic, but for those of the other
/// host.
async fn dashboard(prometheus: &Prometheus, envoy: &Envoy) {
    let text = trackgate_testing::read("examples/grafana/trackgate.json").unwrap();
    let dashboard: Value = serde_json::from_str(&text).unwrap();
    let targets = dashboard["panels"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|panel| panel["type"] != "row")
        .inspect(|panel| assert!(panel["description"].as_str().unwrap().ends_with('.')))
        .flat_map(|panel| panel["targets"].as_array().unwrap());
    let variables = [
        ("$__rate_interval", "10s"),
        ("${host}", "(.+_)?"),
        ("$endpoint", ".+"),
        ("$instance", ".+"),
    ];
    let expression = |target: &Value| {
        let text = target["expr"].as_str().unwrap().to_owned();
        let text = variables.iter().fold(text, |text, (name, value)| text.replace(name, value));
        assert!(!text.contains('$'), "{text}");
        text
    };
    let mut open: Vec<String> = targets
        .map(expression)
        .filter(|expression| {
            let is_of_one = ["resumed_total", "panics_total", "_vm_reload"]
                .iter()
                .any(|n| expression.contains(n));
            !is_of_one
                || expression.contains(own_failures())
                || expression.contains("host_errors_total")
        })
        .collect();
    assert!(open.len() >= 18, "{open:?}");
    let deadline = Instant::now() + Duration::from_secs(30);
    while !open.is_empty() {
        assert!(Instant::now() < deadline, "no series: {open:?}");
        traffic(envoy).await;
        tokio::time::sleep(Duration::from_millis(500)).await;
        let mut empty = Vec::new();
        for expression in open {
            let series = prometheus.query(&expression).await;
            // NaN is what a quantile of nothing is.
            if series.iter().all(|series| series["value"][1] == "NaN") {
                empty.push(expression);
            }
        }
        open = empty;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_access_log_tells_verdict_reasons_and_who_answered() {
    let (_collector, envoy) = gateway().await;
    post(&envoy, "/api/event?case=drop", CRAWLER, &[], VIEW).await;
    post(&envoy, "/v1/track/key?case=shadow", CRAWLER, &[], BUCKETING).await;
    post(&envoy, "/events?case=annotate", PERSON, &[], r#"{"event_name":"a"}"#).await;
    post(&envoy, "/other?case=none", PERSON, &[], "").await;
    let lines = gateway::logged(&envoy, 4).await;
    let seen: Vec<_> = lines
        .iter()
        .map(|line| (line["verdict"].as_str(), line["reasons"].as_str(), line["details"].as_str()))
        .collect();
    let annotated = "missing_site_id, missing_source_key";
    let expected = [
        (Some("drop;endpoint=plausible"), Some("bot;domain=\"a.example\""), Some("trackgate_bot")),
        (Some("drop;endpoint=convert;mode=shadow;status=200"), Some("bot"), Some("via_upstream")),
        (Some("annotate;endpoint=commanders_act"), Some(annotated), Some("via_upstream")),
        (None, None, Some("via_upstream")),
    ];
    assert_eq!(seen, expected);
}

#[test]
fn the_alerts_fire_when_they_should() {
    for arguments in [
        ["check", "rules", "rules.yml"],
        ["test", "rules", "rules_test.yml"],
        ["check", "config", "prometheus.yml"],
    ] {
        let output = Command::new("timeout")
            .args(["60", "promtool"])
            .args(arguments)
            .current_dir(trackgate_testing::path("examples/prometheus"))
            .output()
            .unwrap();
        let said = [output.stdout, output.stderr]
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .concat();
        assert!(output.status.success(), "{arguments:?}: {said}");
    }
}
