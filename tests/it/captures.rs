//! What the command says of traffic and of a configuration, beside what a real Envoy did with them.

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use trackgate::annotation;
use trackgate::config;
use trackgate::gate::Gate;
use trackgate_cli::{capture, judge::judge};
use trackgate_testing::client::{self, Call, Transport};
use trackgate_testing::envoy::{Envoy, replaced};
use trackgate_testing::gateway::{gateway, logged, shipped};

fn temporary(name: &str) -> PathBuf {
    let folder =
        std::env::temp_dir().join(format!("trackgate-captures-{name}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// The shipped bootstrap with a tap filter before the gate.
fn with_tap(folder: &Path, format: &str) -> String {
    let bootstrap = shipped("hold");
    let tap = format!(
        r#"          http_filters:
          - name: envoy.filters.http.tap
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.tap.v3.Tap
              record_downstream_connection: true
              common_config:
                static_config:
                  match: {{any_match: true}}
                  output_config:
                    max_buffered_rx_bytes: 2000000
                    sinks:
                    - format: {format}
                      file_per_tap: {{path_prefix: {}/tap}}
"#,
        folder.display()
    );
    replaced(&bootstrap, "          http_filters:\n", &tap).unwrap()
}

/// One request of each kind of verdict.
fn requests() -> Vec<Call> {
    let call = |path: &str, fields: &[(&str, &str)], body: &str| Call {
        method: "POST".to_owned(),
        path: path.to_owned(),
        headers: fields
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec()))
            .collect(),
        body: Some(body.as_bytes().to_vec()),
    };
    let person =
        ("user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:126.0) Gecko/20100101 Firefox/126.0");
    let json = ("content-type", "application/json");
    let view = r#"{"n":"pageview","u":"https://a.example/é","d":"a.example"}"#;
    vec![
        call("/api/event", &[person, json], view),
        call("/api/event", &[("user-agent", "Googlebot/2.1"), json], view),
        call("/api/event", &[person, json], "{}"),
        call("/v1/track", &[person, json], "{}"),
        call(
            "/v1/track",
            &[person, json, ("authorization", "Token abc")],
            r#"{"user_id":1,"event_name":"e"}"#,
        ),
        call("/events?tc_s=1", &[person, json], r#"{"event_name":"a"}"#),
        call(
            "/events?tc_s=1&token=b",
            &[person, json],
            &format!(r#"{{"event_name":"{}"}}"#, "x".repeat(40_000)),
        ),
        call("/other", &[person], "x"),
    ]
}

/// Verdict by request id, from the access log.
async fn live_verdicts(envoy: &Envoy, count: usize) -> BTreeMap<String, Option<String>> {
    let text = |line: &Value, name: &str| line[name].as_str().map(str::to_owned);
    let lines = logged(envoy, count).await;
    assert_eq!(lines.len(), count);
    lines.iter().map(|line| (text(line, "request_id").unwrap(), text(line, "verdict"))).collect()
}

#[tokio::test]
async fn a_capture_of_a_real_envoy_replays_to_its_live_verdicts() {
    for format in ["JSON_BODY_AS_BYTES", "JSON_BODY_AS_STRING", "PROTO_BINARY_LENGTH_DELIMITED"] {
        let folder = temporary(format);
        let (_collector, envoy) = gateway(&with_tap(&folder, format), 1).await;
        for call in requests() {
            client::send(envoy.listener, &call, Transport::Http1).await.unwrap();
        }
        let live = live_verdicts(&envoy, requests().len()).await;
        drop(envoy);
        let gate = Gate::load(b"").unwrap();
        let mut replayed = BTreeMap::new();
        for file in std::fs::read_dir(&folder).unwrap() {
            capture::read(&file.unwrap().path(), |_| {}, &mut |record| {
                let captured = record.unwrap();
                let verdict = judge(&gate, &captured)
                    .map(|decision| annotation::verdict(&decision, &decision.endpoint.name));
                replayed.insert(captured.id, verdict);
            })
            .unwrap();
        }
        assert_eq!(replayed, live, "{format}");
        assert_eq!(live.values().flatten().collect::<BTreeSet<_>>().len(), 7, "{live:?}");
        std::fs::remove_dir_all(folder).unwrap();
    }
}

/// What `check` tells of a configuration is what an Envoy under it shows.
#[tokio::test]
async fn the_hash_of_a_configuration_is_that_of_the_metric() {
    let mut hashes = BTreeSet::new();
    for spelling in [
        r#"{"mode":"shadow","enforce_percent":50,"user_agents":{"deny":["a"],"allow":["b"]}}"#,
        r#"{ "user_agents": {"allow": ["b"], "deny": ["\u0061"]}, "enforce_percent": 50.0, "mode": "shadow" }"#,
    ] {
        let (config, _) = config::load(spelling.as_bytes()).unwrap();
        let hash = format!("{:016x}", config.hash);
        let configured = format!("value: '{spelling}'");
        let bootstrap = replaced(&shipped("hold"), "value: '{}'", &configured).unwrap();
        let envoy =
            Envoy::start(&bootstrap, SocketAddr::from(([127, 0, 0, 1], 9)), 1).await.unwrap();
        let stats = envoy.admin("/stats?filter=trackgate_config_info").await.unwrap();
        assert!(
            stats.contains(&format!("trackgate_config_info.hash.{hash}.version.")),
            "{hash}: {stats}"
        );
        hashes.insert(hash);
    }
    assert_eq!(hashes.len(), 1, "one configuration, one hash");
}
