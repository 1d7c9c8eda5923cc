//! Envoy Gateway's manifests in a real Envoy, as its translator turns them into a configuration. The
//! translator's rules are tested against its own golden files, where they stand beside the checkout.

use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use trackgate_testing::client::{self, Transport};
use trackgate_testing::collector::Collector;
use trackgate_testing::envoy::Envoy;
use trackgate_testing::envoy_gateway::{Gateway, apply};
use trackgate_testing::gateway;
use trackgate_testing::gateway::{BUCKETING, CRAWLER, gateway, post};

fn documents(text: &str) -> Vec<Value> {
    serde_yaml_ng::Deserializer::from_str(text)
        .map(|document| Value::deserialize(document).unwrap())
        .collect()
}

/// Envoy Gateway's own test data: `None` where it is not there.
fn golden(file: &str) -> Option<Value> {
    let folder = trackgate_testing::path("../shared/controllers/envoy-gateway");
    let path: PathBuf = folder.join(file);
    let text = std::fs::read_to_string(path).ok()?;
    Some(documents(&text).remove(0))
}

/// `typedConfig` as `typed_config`; names of filters and types stay.
fn snake(value: &Value) -> Value {
    let name = |name: &str| {
        if name.contains(['.', '/', '@']) {
            return name.to_owned();
        }
        let letters = name.chars().flat_map(|letter| {
            letter.is_uppercase().then_some('_').into_iter().chain(letter.to_lowercase())
        });
        letters.collect()
    };
    match value {
        Value::Object(members) => {
            members.iter().map(|(key, value)| (name(key), snake(value))).collect()
        }
        Value::Array(list) => list.iter().map(snake).collect(),
        other => other.clone(),
    }
}

/// What a golden file has, without what is not the filters' matter.
fn routes_of(file: &Value) -> Vec<Value> {
    let configurations = file.as_array().unwrap().iter();
    let hosts = configurations.flat_map(|it| it["virtual_hosts"].as_array().unwrap());
    let routes = hosts.flat_map(|host| host["routes"].as_array().unwrap().clone());
    routes
        .map(|mut route| {
            route.as_object_mut().unwrap().remove("metadata");
            // Protobuf's JSON writes a number of 64 bits as a string.
            if let Some(limit) = route.get_mut("request_body_buffer_limit") {
                *limit = limit.as_str().unwrap().parse::<u64>().unwrap().into();
            }
            if let Some(action) = route.get_mut("route") {
                action["cluster"] = "collector".into();
            }
            route
        })
        .collect()
}

fn filters_of(listener: &Value) -> Vec<Value> {
    let manager = &listener["default_filter_chain"]["filters"][0]["typed_config"];
    manager["http_filters"].as_array().unwrap().clone()
}

#[test]
fn the_generator_makes_what_envoy_gateway_makes() {
    const DATA: &str = "internal/xds/translator/testdata";
    let pairs = [
        ("", "wasm"),
        ("", "dynamicmodule"),
        ("", "request-buffer"),
        ("", "client-buffer-limit"),
        ("pr-8893/", "request-body-buffer-limit"),
    ];
    let mut compared = 0;
    for (folder, name) in pairs {
        let file = |way: &str, part: &str| {
            golden(&format!("{folder}{DATA}/{way}/xds-ir/{name}{part}.yaml"))
        };
        let (Some(from), Some(listeners), Some(routes)) =
            (file("in", ""), file("out", ".listeners"), file("out", ".routes"))
        else {
            eprintln!("skipped: Envoy Gateway's golden {name} is not beside this checkout");
            continue;
        };
        let gateways = Gateway::of_intermediate(&from);
        let listeners = snake(&listeners);
        for (gateway, listener) in gateways.iter().zip(listeners.as_array().unwrap()) {
            assert_eq!(gateway.filters(), filters_of(listener), "{name}");
            let made = gateway.listener("default/eg/http");
            let limit = "per_connection_buffer_limit_bytes";
            assert_eq!(made[limit], listener[limit], "{name}");
        }
        let made: Vec<Value> = gateways.iter().flat_map(Gateway::routes).collect();
        assert_eq!(made, routes_of(&snake(&routes)), "{name}");
        compared += 1;
    }
    let order = |way: &str, part: &str| {
        golden(&format!("{DATA}/{way}/xds-ir/custom-filter-order{part}.yaml"))
    };
    if let (Some(from), Some(listeners)) = (order("in", ""), order("out", ".listeners")) {
        let names = |filters: Vec<Value>| -> Vec<Value> {
            filters.into_iter().map(|filter| filter["name"].clone()).collect()
        };
        let made = Gateway::of_intermediate(&from).remove(0).filters();
        assert_eq!(names(made), names(filters_of(&snake(&listeners)[0])));
        compared += 1;
    }
    eprintln!("{compared} of 6 golden pairs compared");
}

/// Our manifests, but for kinds that are left out; enforced, so that something is refused, and for
/// the host that the client names.
fn ours(files: &[&str], without: &[&str]) -> Vec<Value> {
    let mut found = Vec::new();
    for file in files {
        let text = trackgate_testing::read(&format!("examples/envoy-gateway/{file}.yaml")).unwrap();
        let text = text.replace("mode: shadow", "mode: enforce");
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
    let listener = listener.to_string();
    let stats = made.bootstrap.map_or(json!({}), |it| it["stats_config"].clone());
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
    per_connection_buffer_limit_bytes: 32768
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

async fn tried(documents: &[Value]) -> Tried {
    let (collector, envoy): (Collector, Envoy) = gateway(&bootstrap(documents), 1).await;
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
    let tried = tried(documents).await;
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
