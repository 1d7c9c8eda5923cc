//! What istiod makes of a gateway's manifests: the rules of its listener builder and of EnvoyFilter
//! (1.31), as far as our examples use them. There are no golden files of whole listeners.
#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    reason = "for tests: what a JSON object does not have is null, and what is not known here must fail"
)]

use crate::host::Host;
use serde_json::{Value, json};

/// ProxyConfig's `connectionSettings.profile`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    Default,
    Edge,
}

const MANAGER: &str = "envoy.filters.network.http_connection_manager";
const ROUTER: &str = "envoy.filters.http.router";
const CORS: &str = "envoy.filters.http.cors";
const TYPE: &str = "type.googleapis.com/envoy.extensions.filters.http";

/// The gateway's listener; one cluster, `collector`, is behind all of its routes.
///
/// # Panics
/// The manifests have something that these rules do not know.
pub fn listener(documents: &[Value], profile: Profile) -> Value {
    let mut manager = manager(profile, virtual_host(documents));
    let extensions = of_kind(documents, "WasmPlugin").chain(of_kind(documents, "TrafficExtension"));
    for extension in extensions {
        // Every phase stands before CORS.
        insert_before(&mut manager, CORS, wasm(extension));
    }
    let patches = || {
        of_kind(documents, "EnvoyFilter").flat_map(|filter| list(&filter["spec"]["configPatches"]))
    };
    for patch in patches() {
        let value = &patch["patch"]["value"];
        match patch["applyTo"].as_str() {
            // Served over ECDS to whoever asks for it.
            Some("EXTENSION_CONFIG") => {}
            Some("HTTP_FILTER") => {
                let filter = discovered(value, patches());
                let place = &patch["match"]["listener"]["filterChain"]["filter"]["subFilter"];
                insert_before(&mut manager, place["name"].as_str().unwrap_or(ROUTER), filter);
            }
            Some("NETWORK_FILTER") => merge(&mut manager, &value["typed_config"]),
            Some("VIRTUAL_HOST") => merge(&mut manager["route_config"]["virtual_hosts"][0], value),
            Some("HTTP_ROUTE") => {
                let name = &patch["match"]["routeConfiguration"]["vhost"]["route"]["name"];
                let routes = &mut manager["route_config"]["virtual_hosts"][0]["routes"];
                let routes = routes.as_array_mut().into_iter().flatten();
                routes.filter(|route| route["name"] == *name).for_each(|route| merge(route, value));
            }
            other => panic!("EnvoyFilter: applyTo {other:?} is not known here"),
        }
    }
    let mut listener = json!({
        "name": "0.0.0.0_8080",
        "filter_chains": [{"filters": [{"name": MANAGER, "typed_config": manager}]}],
    });
    if profile == Profile::Edge {
        listener["per_connection_buffer_limit_bytes"] = 32_768.into();
    }
    listener
}

fn of_kind<'d>(documents: &'d [Value], kind: &'static str) -> impl Iterator<Item = &'d Value> {
    documents.iter().filter(move |document| document["kind"] == kind)
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn manager(profile: Profile, host: Value) -> Value {
    let mut manager = json!({
        "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        // Istio says outbound_0.0.0.0_8080; the tests ask for this one.
        "stat_prefix": "ingress",
        "use_remote_address": true,
        "normalize_path": true,
        "merge_slashes": false,
        "path_with_escaped_slashes_action": "KEEP_UNCHANGED",
        "stream_idle_timeout": "0s",
        "upgrade_configs": [{"upgrade_type": "websocket"}],
        "route_config": {"name": "http.8080", "virtual_hosts": [host]},
        "http_filters": [
            {"name": CORS, "typed_config": {"@type": format!("{TYPE}.cors.v3.Cors")}},
            {"name": ROUTER, "typed_config": {"@type": format!("{TYPE}.router.v3.Router")}},
        ],
    });
    if profile == Profile::Edge {
        merge(
            &mut manager,
            &json!({
                "merge_slashes": true,
                "path_with_escaped_slashes_action": "UNESCAPE_AND_REDIRECT",
                "common_http_protocol_options": {"headers_with_underscores_action": "REJECT_REQUEST"},
                "stream_idle_timeout": "300s",
                "request_timeout": "300s",
                "http2_protocol_options": {"max_concurrent_streams": 100, "initial_stream_window_size": 65_536, "initial_connection_window_size": 1_048_576},
            }),
        );
    }
    manager
}

/// The VirtualService's routes; one for everything where there is none.
fn virtual_host(documents: &[Value]) -> Value {
    let route = |route: &Value| {
        let headers = route["match"][0]["headers"].as_object().into_iter().flatten();
        let headers: Vec<Value> =
            headers.map(|(name, value)| json!({"name": name, "string_match": value})).collect();
        json!({"name": route["name"], "match": {"prefix": "/", "headers": headers}, "route": {"cluster": "collector"}})
    };
    let mut routes: Vec<Value> = of_kind(documents, "VirtualService")
        .flat_map(|service| list(&service["spec"]["http"]))
        .map(route)
        .collect();
    if routes.is_empty() {
        routes.push(
            json!({"name": "all", "match": {"prefix": "/"}, "route": {"cluster": "collector"}}),
        );
    }
    json!({"name": "collector", "domains": ["*"], "routes": routes})
}

/// A WasmPlugin's or TrafficExtension's filter, as the agent completes it.
fn wasm(resource: &Value) -> Value {
    let spec = &resource["spec"];
    let own = if spec["wasm"].is_object() { &spec["wasm"] } else { spec };
    let metadata = &resource["metadata"];
    let [namespace, name] =
        ["namespace", "name"].map(|field| metadata[field].as_str().unwrap_or_default());
    let policy = match own["failStrategy"].as_str() {
        Some("FAIL_OPEN") => "FAIL_OPEN",
        Some("FAIL_RELOAD") => "FAIL_RELOAD",
        Some(_) | None => "FAIL_CLOSED",
    };
    json!({"name": format!("extensions.istio.io/trafficextension/{namespace}.{name}"), "typed_config": {"@type": format!("{TYPE}.wasm.v3.Wasm"), "config": {
        "name": format!("{namespace}.{name}~istio-translated-wasmplugin"),
        "root_id": own["pluginName"],
        "configuration": {"@type": "type.googleapis.com/google.protobuf.StringValue", "value": own["pluginConfig"].to_string()},
        "failure_policy": policy,
        // The VM's id is empty.
        "vm_config": {"runtime": "envoy.wasm.runtime.v8", "code": {"local": {"filename": Host::Wasm.built()}}},
    }}})
}

/// A filter by `config_discovery` gets what EXTENSION_CONFIG adds under its name, with the file that
/// the agent fetches; a native module the file that was built.
fn discovered<'p>(filter: &Value, mut patches: impl Iterator<Item = &'p Value>) -> Value {
    let mut filter = filter.clone();
    if filter["config_discovery"].is_object() {
        let added = patches.find(|it| {
            it["applyTo"] == "EXTENSION_CONFIG" && it["patch"]["value"]["name"] == filter["name"]
        });
        let added = added.map_or(Value::Null, |it| it["patch"]["value"]["typed_config"].clone());
        filter = json!({"name": filter["name"], "typed_config": added});
        filter["typed_config"]["config"]["vm_config"]["code"] =
            json!({"local": {"filename": Host::Wasm.built()}});
    }
    if let Some(module) = filter["typed_config"].get_mut("dynamic_module_config") {
        module["module"]["local"]["filename"] = json!(Host::Module.built());
    }
    filter
}

/// A name that is not there does nothing, without a word.
fn insert_before(manager: &mut Value, name: &str, filter: Value) {
    if let Some(filters) = manager["http_filters"].as_array_mut()
        && let Some(at) = filters.iter().position(|it| it["name"] == name)
    {
        filters.insert(at, filter);
    }
}

/// A MERGE patch is one of protobuf: objects are merged, lists appended to.
fn merge(into: &mut Value, patch: &Value) {
    match (into, patch) {
        (Value::Object(members), Value::Object(patch)) => {
            patch.iter().for_each(|(name, value)| {
                merge(members.entry(name.clone()).or_insert(Value::Null), value)
            });
        }
        (Value::Array(list), Value::Array(patch)) => list.extend(patch.iter().cloned()),
        (into, patch) => *into = patch.clone(),
    }
}
