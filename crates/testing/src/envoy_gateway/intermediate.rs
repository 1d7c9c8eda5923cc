//! The translator's own intermediate form (`xds-ir`), in which its golden files begin.

use super::{Gateway, Module, Route, Settings, Wasm, list, moved, quantity, text, texts};
use serde_json::{Value, json};

impl Gateway {
    /// Each listener of an `xds-ir` file.
    pub fn of_intermediate(file: &Value) -> Vec<Gateway> {
        let gateway = |listener: &Value| Gateway {
            settings: Settings {
                buffer_limit: quantity(&listener["connection"]["bufferLimit"]),
                ..Settings::default()
            },
            order: list(&file["filterOrder"]).iter().map(moved).collect(),
            routes: list(&listener["routes"]).iter().map(route).collect(),
            bootstrap: None,
        };
        list(&file["http"]).iter().map(gateway).collect()
    }
}

fn route(route: &Value) -> Route {
    let extensions = &route["envoyExtensions"];
    let security = &route["security"];
    let others = [
        security["cors"].is_object().then(|| "envoy.filters.http.cors".to_owned()),
        security["jwt"].is_object().then(|| "envoy.filters.http.jwt_authn".to_owned()),
        security["basicAuth"].is_object().then(|| {
            format!("envoy.filters.http.basic_auth/{}", text(&security["basicAuth"]["name"]))
        }),
    ];
    Route {
        name: text(&route["name"]),
        host: text(&route["hostname"]),
        matched: matched(&route["pathMatch"]),
        wasm: list(&extensions["wasms"]).iter().map(wasm).collect(),
        modules: list(&extensions["dynamicModules"]).iter().map(module).collect(),
        buffer: quantity(&route["traffic"]["requestBuffer"]["limit"]),
        buffer_limit: quantity(&route["traffic"]["requestBodyBufferLimit"]),
        others: others.into_iter().flatten().collect(),
        set: Vec::new(),
        remove: Vec::new(),
    }
}

fn matched(path: &Value) -> Value {
    match (path["exact"].as_str(), path["prefix"].as_str()) {
        (Some(exact), _) => json!({"path": exact}),
        (None, Some("/") | None) => json!({"prefix": "/"}),
        (None, Some(prefix)) => json!({"path_separated_prefix": prefix}),
    }
}

fn wasm(wasm: &Value) -> Wasm {
    let code = &wasm["httpWasmCode"];
    let remote = json!({
        "http_uri": {"cluster": "wasm_cluster", "timeout": "10s", "uri": code["servingURL"]},
        "retry_policy": {"num_retries": 10, "retry_back_off": {"base_interval": "1s", "max_interval": "30s"}},
        "sha256": code["sha256"],
    });
    Wasm {
        id: text(&wasm["name"]),
        name: text(&wasm["wasmName"]),
        root_id: wasm["rootID"].as_str().map(str::to_owned),
        config: Some(wasm["config"].clone()).filter(|config| !config.is_null()),
        fail_open: wasm["failOpen"] == true,
        code: json!({"remote": remote}),
        host_keys: texts(&wasm["hostKeys"]),
    }
}

fn module(module: &Value) -> Module {
    let remote = &module["remote"];
    let code = if remote.is_object() {
        let url = text(&remote["url"]);
        let host = url.trim_start_matches("https://").split('/').next().unwrap_or_default();
        let cluster = format!("{}_443", host.replace('.', "_"));
        json!({"remote": {"http_uri": {"cluster": cluster, "timeout": "10s", "uri": url}, "sha256": remote["sha256"]}})
    } else {
        json!({"local": {"filename": module["path"]}})
    };
    Module {
        id: text(&module["name"]),
        filter_name: text(&module["filterName"]),
        config: Some(module["config"].clone()).filter(|config| !config.is_null()),
        do_not_close: module["doNotClose"] == true,
        load_globally: module["loadGlobally"] == true,
        terminal: module["terminalFilter"] == true,
        code,
    }
}
