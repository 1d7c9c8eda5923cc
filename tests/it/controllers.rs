//! Envoy Gateway's and Istio's manifests in a real Envoy, as the controllers turn them into a
//! configuration (`golden` compares Envoy Gateway's part with its own test data; of Istio there is
//! none).

use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};
use trackgate_testing::client::{self, Transport};
use trackgate_testing::collector::Collector;
use trackgate_testing::envoy::Envoy;
use trackgate_testing::envoy_gateway::{Gateway, apply};
use trackgate_testing::gateway;
use trackgate_testing::gateway::{BUCKETING, CRAWLER, gateway, post};
use trackgate_testing::istio::{self, Profile};

pub fn documents(text: &str) -> Vec<Value> {
    serde_yaml_ng::Deserializer::from_str(text)
        .map(|document| Value::deserialize(document).unwrap())
        .collect()
}

/// Our manifests, but for kinds that are left out; enforced, so that something is refused, and for
/// the host that the client names.
fn ours(files: &[&str], without: &[&str]) -> Vec<Value> {
    manifests("envoy-gateway", files, without)
}

fn manifests(folder: &str, files: &[&str], without: &[&str]) -> Vec<Value> {
    let mut found = Vec::new();
    for file in files {
        let text = trackgate_testing::read(&format!("examples/{folder}/{file}.yaml")).unwrap();
        let text = text
            .replace("mode: shadow", "mode: enforce")
            .replace(r#""mode": "shadow""#, r#""mode": "enforce""#);
        found.extend(documents(&text.replace("collect.example", "collector.example")));
    }
    found.retain(|document| without.iter().all(|kind| document["kind"] != *kind));
    found
}

fn of_kind<'d>(documents: &'d mut [Value], kind: &str) -> &'d mut Value {
    documents.iter_mut().find(|document| document["kind"] == kind).unwrap()
}

/// Envoy with what the controller makes of manifests.
fn bootstrap(documents: &[Value]) -> String {
    let made = Gateway::of_manifests(documents);
    let mut listener = made.listener("default/eg/http");
    for policy in documents.iter().filter(|it| it["kind"] == "EnvoyPatchPolicy") {
        apply(&mut listener, policy).unwrap();
    }
    let stats = made.bootstrap.map_or(json!({}), |it| it["stats_config"].clone());
    around(&listener, &stats)
}

/// A whole bootstrap with the shipped ports.
fn around(listener: &Value, stats: &Value) -> String {
    let listener = listener.to_string();
    format!(
        "admin:
  address: {{socket_address: {{address: 127.0.0.1, port_value: 9901}}}}
stats_config: {stats}
static_resources:
  listeners:
  - {{address: {{socket_address: {{address: 127.0.0.1, port_value: 10080}}}}, {}
  clusters:
  - name: collector
    connect_timeout: 10s
    load_assignment: {{cluster_name: collector, endpoints: [{{lb_endpoints: [{{endpoint: {{address: {{socket_address: {{address: 127.0.0.1, port_value: 10081}}}}}}}}]}}]}}
",
        listener.trim_start_matches('{')
    )
}

/// What becomes of `extensionpolicy.yaml` where all routes are of every host.
pub fn compat() -> String {
    let mut documents = ours(&["extensionpolicy"], &[]);
    for route in documents.iter_mut().filter(|it| it["kind"] == "HTTPRoute") {
        route["spec"].as_object_mut().unwrap().remove("hostnames");
    }
    bootstrap(&documents)
}

fn body(bytes: usize) -> String {
    let one = r#"{"visitorId":"v","events":[{"eventType":"bucketing","data":{"experienceId":"1","variationId":"2"}}]}"#;
    let visitors = vec![one; bytes / (one.len() + 1) + 1].join(",");
    format!(r#"{{"accountId":"1","projectId":"2","visitors":[{visitors}]}}"#)
}

struct Tried {
    /// Of a small event, 40 KB over HTTP/1.1, 100 KB over HTTP/2.
    statuses: [u16; 3],
    /// What a refused body and a crawler are answered.
    refused: [u16; 2],
    /// Requests that got to the collector of these two, whole or broken off.
    leaked: u64,
    is_annotated: bool,
}

async fn asked(envoy: &Envoy) -> u64 {
    envoy.stat("cluster.collector.upstream_rq_total").await.unwrap()
}

async fn tried(bootstrap: &str) -> Tried {
    let (collector, envoy): (Collector, Envoy) = gateway(bootstrap, 1).await;
    let send = async |fields: &[(&str, &[u8])], body: &str, transport| {
        let call = post("/v1/track/key", fields, body);
        client::send(envoy.listener, &call, transport).await.unwrap().status
    };
    let statuses = [
        send(&[], BUCKETING, Transport::Http1).await,
        send(&[], &body(40_000), Transport::Http1Chunked(8_000)).await,
        send(&[], &body(100_000), Transport::Http2(16_000)).await,
    ];
    let is_annotated = collector.seen().iter().all(|seen| {
        let verdict = seen.headers.iter().find(|(name, _)| name == "x-track-verdict");
        verdict.is_some_and(|(_, value)| value.starts_with(b"pass"))
    });
    gateway::settle(&envoy, Duration::from_secs(5)).await;
    let before = asked(&envoy).await;
    let crawler: [(&str, &[u8]); 1] = [("user-agent", CRAWLER.as_bytes())];
    let refused = [
        send(&[], "{", Transport::Http1Chunked(1)).await,
        send(&crawler, BUCKETING, Transport::Http1).await,
    ];
    gateway::settle(&envoy, Duration::from_secs(5)).await;
    Tried { statuses, refused, leaked: asked(&envoy).await - before, is_annotated }
}

const FITS: [u16; 3] = [202, 202, 202];

/// What becomes of requests in each shape that the manifests can have; `leaked` says whether the
/// collector sees the head of what is refused.
async fn expect(
    shape: &str,
    documents: &[Value],
    statuses: [u16; 3],
    leaks: bool,
    annotated: bool,
) {
    expect_of(shape, &bootstrap(documents), statuses, leaks, annotated).await;
}

async fn expect_of(shape: &str, bootstrap: &str, statuses: [u16; 3], leaks: bool, annotated: bool) {
    let tried = tried(bootstrap).await;
    assert_eq!(tried.statuses, statuses, "{shape}");
    assert_eq!(tried.refused, [400, 200], "{shape}");
    assert_eq!(tried.leaked > 0, leaks, "{shape}: {} at the collector", tried.leaked);
    assert_eq!(tried.is_annotated, annotated, "{shape}");
}

fn hold(mut documents: Vec<Value>) -> Vec<Value> {
    let policy = of_kind(&mut documents, "EnvoyExtensionPolicy");
    policy["spec"]["wasm"][0]["config"].as_object_mut().unwrap().remove("body_phase");
    for route in documents
        .iter_mut()
        .filter(|it| it["kind"] == "HTTPRoute" && it["metadata"]["name"] == "collector")
    {
        route["spec"]["rules"][0]["filters"] = json!([]);
    }
    documents
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn compat_as_the_example_has_it_and_without_its_parts() {
    const COMPAT: &[&str] = &["extensionpolicy"];
    expect("as it is", &ours(COMPAT, &[]), FITS, false, true).await;
    let bare = ours(COMPAT, &["BackendTrafficPolicy", "EnvoyProxy"]);
    expect("no buffer", &bare, [202, 413, 413], true, false).await;
    expect("no order", &ours(COMPAT, &["EnvoyProxy"]), FITS, true, false).await;
    let mut limit_only = ours(COMPAT, &[]);
    of_kind(&mut limit_only, "BackendTrafficPolicy")["spec"]["requestBuffer"]["mode"] =
        "LimitOnly".into();
    expect("LimitOnly", &limit_only, FITS, true, false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hold_by_a_patch_and_what_it_needs_besides() {
    const HOLD: &[&str] = &["extensionpolicy", "patchpolicy"];
    let without_buffer = || hold(ours(HOLD, &["BackendTrafficPolicy", "EnvoyProxy"]));
    expect("nothing else", &without_buffer(), [202, 413, 413], false, true).await;
    let listener = || ours(&["clienttrafficpolicy"], &[]).remove(0);
    let mut http1 = listener();
    http1["spec"].as_object_mut().unwrap().remove("http2");
    expect("bufferLimit", &[without_buffer(), vec![http1]].concat(), [202, 202, 413], false, true)
        .await;
    let both = [without_buffer(), vec![listener()]].concat();
    expect("clienttrafficpolicy.yaml", &both, FITS, false, true).await;
    let before = hold(ours(HOLD, &["EnvoyProxy"]));
    expect("buffer before the gate", &before, FITS, false, true).await;
    let mut limit_only = hold(ours(HOLD, &["EnvoyProxy"]));
    of_kind(&mut limit_only, "BackendTrafficPolicy")["spec"]["requestBuffer"]["mode"] =
        "LimitOnly".into();
    expect("LimitOnly", &limit_only, FITS, false, true).await;
    let mut small = hold(ours(HOLD, &["EnvoyProxy"]));
    of_kind(&mut small, "BackendTrafficPolicy")["spec"]["requestBuffer"]["limit"] = "16Ki".into();
    expect("a buffer below the gate's limit", &small, [202, 413, 413], false, true).await;
}

/// Without the patch the watchdog lets each request go after a second.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hold_without_the_patch_is_slow_and_loses_nothing() {
    let alone = hold(ours(&["extensionpolicy"], &["EnvoyProxy", "BackendTrafficPolicy"]));
    let (collector, envoy) = gateway(&bootstrap(&alone), 1).await;
    let begin = Instant::now();
    let call = post("/v1/track/key", &[], BUCKETING);
    let answer = client::send(envoy.listener, &call, Transport::Http1).await.unwrap();
    assert_eq!((answer.status, collector.seen().len()), (202, 1));
    assert!(begin.elapsed() > Duration::from_secs(1), "{:?}", begin.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_module_needs_nothing_else() {
    expect("dynamicmodule.yaml", &ours(&["dynamicmodule"], &[]), FITS, false, true).await;
}

fn istio(files: &[&str], profile: Profile) -> String {
    around(&istio::listener(&manifests("istio", files, &[]), profile), &json!({}))
}

/// What becomes of `wasmplugin.yaml`.
pub fn istio_compat() -> String {
    istio(&["wasmplugin"], Profile::Default)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn istio_in_each_mode_under_both_profiles() {
    for profile in [Profile::Default, Profile::Edge] {
        let shape = |file: &str| format!("{file}, {profile:?}");
        let compat = istio(&["wasmplugin"], profile);
        expect_of(&shape("wasmplugin"), &compat, FITS, false, true).await;
        let module = istio(&["dynamicmodule"], profile);
        expect_of(&shape("dynamicmodule"), &module, FITS, false, true).await;
    }
    let mut extension = manifests("istio", &["trafficextension"], &[]);
    extension.extend(manifests("istio", &["wasmplugin"], &["WasmPlugin"]));
    let extension = around(&istio::listener(&extension, Profile::Default), &json!({}));
    expect_of("trafficextension", &extension, FITS, false, true).await;
    let hold = istio(&["envoyfilter"], Profile::Default);
    expect_of("envoyfilter", &hold, FITS, false, true).await;
    // What the manifest says of EDGE: the limit is another one there, and without it Envoy refuses.
    let edge = istio(&["envoyfilter"], Profile::Edge);
    expect_of("envoyfilter, Edge", &edge, [202, 413, 413], false, true).await;
    let told = edge.replace("1048576, \\\"endpoints", "32768, \\\"endpoints");
    assert_ne!(told, edge);
    let tried = tried(&told).await;
    assert_eq!((tried.statuses, tried.refused, tried.leaked), (FITS, [400, 200], 0));
}

/// The names that the patch and the documents use are those that the controller gives.
#[test]
fn names_are_the_controllers() {
    let made = Gateway::of_manifests(&ours(&["extensionpolicy"], &[]));
    let names: BTreeSet<String> =
        made.filters().iter().map(|filter| filter["name"].as_str().unwrap().to_owned()).collect();
    assert!(
        names.contains("envoy.filters.http.wasm/envoyextensionpolicy/default/trackgate/wasm/0")
    );
    assert_eq!(
        made.routes()[0]["name"],
        "httproute/default/collector/rule/0/match/0/collector_example"
    );
}
