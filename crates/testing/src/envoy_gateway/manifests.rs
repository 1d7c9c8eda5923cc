//! Manifests: what a user writes.

use super::{Gateway, Module, Route, Settings, Wasm, list, moved, quantity, text, texts};
use serde_json::{Value, json};

impl Gateway {
    /// The one gateway of these manifests. An image of the filter becomes the file that was built.
    pub fn of_manifests(documents: &[Value]) -> Gateway {
        let gateway = of_kind(documents, "Gateway").next();
        // An EnvoyProxy that nothing refers to has no effect.
        let attached =
            gateway.map(|it| text(&it["spec"]["infrastructure"]["parametersRef"]["name"]));
        let proxy = of_kind(documents, "EnvoyProxy")
            .find(|proxy| attached.as_ref().is_some_and(|name| proxy["metadata"]["name"] == *name))
            .map_or(&Value::Null, |proxy| &proxy["spec"]);
        let bootstrap = proxy["bootstrap"]["value"].as_str();
        Gateway {
            settings: of_kind(documents, "ClientTrafficPolicy")
                .next()
                .map(settings)
                .unwrap_or_default(),
            order: list(&proxy["filterOrder"]).iter().map(moved).collect(),
            routes: of_kind(documents, "HTTPRoute")
                .flat_map(|resource| routes(documents, proxy, resource))
                .collect(),
            bootstrap: bootstrap.and_then(|text| serde_yaml_ng::from_str(text).ok()),
        }
    }
}

fn of_kind<'d>(documents: &'d [Value], kind: &'static str) -> impl Iterator<Item = &'d Value> {
    documents.iter().filter(move |document| document["kind"] == kind)
}

fn settings(policy: &Value) -> Settings {
    let spec = &policy["spec"];
    // `KeepUnchanged` is Envoy's `KEEP_UNCHANGED`.
    let constant = |value: &Value| {
        let letters = value.as_str()?.chars().enumerate();
        Some(letters.fold(String::new(), |mut all, (at, letter)| {
            if at > 0 && letter.is_uppercase() {
                all.push('_');
            }
            all.extend(letter.to_uppercase());
            all
        }))
    };
    let time = |name: &str| spec["timeout"]["http"][name].as_str().map(str::to_owned);
    Settings {
        buffer_limit: quantity(&spec["connection"]["bufferLimit"]),
        stream_window: quantity(&spec["http2"]["initialStreamWindowSize"]),
        connection_window: quantity(&spec["http2"]["initialConnectionWindowSize"]),
        underscores: constant(&spec["headers"]["withUnderscoresAction"]),
        escaped_slashes: constant(&spec["path"]["escapedSlashesAction"]),
        request_timeout: time("requestReceivedTimeout"),
        stream_idle_timeout: time("streamIdleTimeout"),
        early_remove: texts(&spec["headers"]["earlyRequestHeaders"]["remove"]),
    }
}

/// The routes of an HTTPRoute, with what policies put on them.
fn routes(documents: &[Value], proxy: &Value, resource: &Value) -> Vec<Route> {
    let name = &resource["metadata"]["name"];
    let policies = |kind| {
        of_kind(documents, kind).filter(move |policy| {
            list(&policy["spec"]["targetRefs"])
                .iter()
                .any(|target| target["kind"] == "HTTPRoute" && target["name"] == *name)
        })
    };
    let extension = policies("EnvoyExtensionPolicy").next().unwrap_or(&Value::Null);
    let traffic = policies("BackendTrafficPolicy").next().unwrap_or(&Value::Null);
    let buffer = &traffic["spec"]["requestBuffer"];
    let limit = quantity(&buffer["limit"]);
    let is_limit_only = buffer["mode"] == "LimitOnly";
    let host =
        resource["hostnames"][0].as_str().or_else(|| resource["spec"]["hostnames"][0].as_str());
    let mut found = Vec::new();
    for (rule_at, rule) in list(&resource["spec"]["rules"]).iter().enumerate() {
        let anything = [json!({"path": {"type": "PathPrefix", "value": "/"}})];
        let matches = if rule["matches"].is_array() { list(&rule["matches"]) } else { &anything };
        for (match_at, wanted) in matches.iter().enumerate() {
            let mut route = Route {
                name: format!(
                    "httproute/{}/{}/rule/{rule_at}/match/{match_at}/{}",
                    text(&resource["metadata"]["namespace"]),
                    text(name),
                    host.unwrap_or("*").replace('.', "_")
                ),
                host: host.unwrap_or("*").to_owned(),
                matched: matched(&wanted["path"]),
                wasm: wasm(extension),
                modules: modules(extension, proxy),
                buffer: limit.filter(|_| !is_limit_only),
                buffer_limit: limit.filter(|_| is_limit_only),
                ..Route::default()
            };
            for filter in list(&rule["filters"]) {
                let modifier = &filter["requestHeaderModifier"];
                let set = list(&modifier["set"]).iter();
                route.set.extend(set.map(|field| (text(&field["name"]), text(&field["value"]))));
                route.remove.extend(texts(&modifier["remove"]));
            }
            found.push(route);
        }
    }
    found
}

fn matched(path: &Value) -> Value {
    match (path["type"].as_str(), path["value"].as_str()) {
        (Some("Exact"), Some(path)) => json!({"path": path}),
        (_, Some("/") | None) => json!({"prefix": "/"}),
        (_, Some(prefix)) => json!({"path_separated_prefix": prefix}),
    }
}

fn id(policy: &Value, kind: &str, index: usize) -> String {
    let metadata = &policy["metadata"];
    let (namespace, name) = (text(&metadata["namespace"]), text(&metadata["name"]));
    format!("envoyextensionpolicy/{namespace}/{name}/{kind}/{index}")
}

fn config(entry: &Value) -> Option<Value> {
    Some(entry["config"].clone()).filter(|config| !config.is_null())
}

fn wasm(policy: &Value) -> Vec<Wasm> {
    let entry = |(index, entry): (usize, &Value)| {
        let id = id(policy, "wasm", index);
        Wasm {
            name: entry["name"].as_str().unwrap_or(&id).to_owned(),
            id,
            root_id: entry["rootID"].as_str().map(str::to_owned),
            config: config(entry),
            fail_open: entry["failOpen"] == true,
            code: json!({"local": {"filename": crate::host::Host::Wasm.built()}}),
            host_keys: texts(&entry["env"]["hostKeys"]),
        }
    };
    list(&policy["spec"]["wasm"]).iter().enumerate().map(entry).collect()
}

/// Modules that the attached EnvoyProxy has.
fn modules(policy: &Value, proxy: &Value) -> Vec<Module> {
    let entry = |(index, entry): (usize, &Value)| {
        let known = list(&proxy["dynamicModules"]).iter().find(|it| it["name"] == entry["name"])?;
        Some(Module {
            id: id(policy, "dynamic-module", index),
            filter_name: text(&entry["filterName"]),
            config: config(entry),
            do_not_close: known["doNotClose"] == true,
            load_globally: known["loadGlobally"] == true,
            terminal: entry["terminalFilter"] == true,
            code: json!({"local": {"filename": crate::host::Host::Module.built()}}),
        })
    };
    list(&policy["spec"]["dynamicModule"]).iter().enumerate().filter_map(entry).collect()
}
