//! What Envoy gets.

use super::{Gateway, Module, Moved, Route, Wasm};
use serde_json::{Map, Value, json};

/// Filters by their type, in the order in which they stand unless `filterOrder` says otherwise.
const ORDER: [(&str, u32); 7] = [
    ("envoy.filters.http.cors", 3),
    ("envoy.filters.http.basic_auth", 8),
    ("envoy.filters.http.jwt_authn", 10),
    ("envoy.filters.http.buffer", 12),
    ("envoy.filters.http.wasm", 200),
    ("envoy.filters.http.dynamic_modules", 250),
    ("envoy.filters.http.router", 310),
];

const TYPE: &str = "type.googleapis.com/envoy.extensions.filters.http";

impl Gateway {
    /// The HTTP filters, each once.
    pub fn filters(&self) -> Vec<Value> {
        let mut filters: Vec<Value> = Vec::new();
        for route in &self.routes {
            let own = route.wasm.iter().map(Wasm::filter);
            let own = own.chain(route.modules.iter().map(Module::filter)).chain(buffer(route));
            let others = route.others.iter().map(|name| json!({"name": name}));
            for filter in own.chain(others) {
                if filters.iter().all(|known| known["name"] != filter["name"]) {
                    filters.push(filter);
                }
            }
        }
        filters.push(json!({"name": "envoy.filters.http.router", "typed_config": {"@type": format!("{TYPE}.router.v3.Router"), "suppress_envoy_headers": true}}));
        filters.sort_by_key(place);
        self.order.iter().fold(filters, reordered)
    }

    /// Envoy's routes.
    pub fn routes(&self) -> Vec<Value> {
        self.routes.iter().map(Route::xds).collect()
    }

    /// The listener, with its routes in it and one cluster for all; the port is the shipped one.
    pub fn listener(&self, name: &str) -> Value {
        let settings = &self.settings;
        let mut manager = json!({
            "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
            // Envoy Gateway says http-10080; the tests ask for this one.
            "stat_prefix": "ingress",
            "server_header_transformation": "PASS_THROUGH",
            "use_remote_address": true,
            "normalize_path": true,
            "merge_slashes": true,
            "path_with_escaped_slashes_action": settings.escaped_slashes.as_deref().unwrap_or("UNESCAPE_AND_REDIRECT"),
            "common_http_protocol_options": {"headers_with_underscores_action": settings.underscores.as_deref().unwrap_or("REJECT_REQUEST")},
            "http2_protocol_options": {
                "max_concurrent_streams": 100,
                "initial_stream_window_size": settings.stream_window.unwrap_or(65_536),
                "initial_connection_window_size": settings.connection_window.unwrap_or(1_048_576),
            },
            "http_filters": self.filters(),
            "route_config": {"name": name, "ignore_port_in_host_matching": true, "virtual_hosts": self.virtual_hosts()},
        });
        if let Some(timeout) = &settings.request_timeout {
            manager["request_timeout"] = timeout.as_str().into();
        }
        if let Some(timeout) = &settings.stream_idle_timeout {
            manager["stream_idle_timeout"] = timeout.as_str().into();
        }
        if !settings.early_remove.is_empty() {
            let mutations: Vec<Value> =
                settings.early_remove.iter().map(|name| json!({"remove": name})).collect();
            manager["early_header_mutation_extensions"] = json!([{"name": "envoy.http.early_header_mutation.header_mutation", "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation", "mutations": mutations}}]);
        }
        json!({
            "name": name,
            "per_connection_buffer_limit_bytes": settings.buffer_limit.unwrap_or(32_768),
            "default_filter_chain": {"name": name, "filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]},
        })
    }

    /// A virtual host for each name.
    fn virtual_hosts(&self) -> Vec<Value> {
        let mut hosts: Vec<(&str, Vec<Value>)> = Vec::new();
        for route in &self.routes {
            match hosts.iter_mut().find(|(host, _)| *host == route.host) {
                Some((_, routes)) => routes.push(route.xds()),
                None => hosts.push((&route.host, vec![route.xds()])),
            }
        }
        let host = |(host, routes)| json!({"name": host, "domains": [host], "routes": routes});
        hosts.into_iter().map(host).collect()
    }
}

fn prefix(name: &str) -> &str {
    name.split('/').next().unwrap_or(name)
}

fn place(filter: &Value) -> (u32, u32, String) {
    let name = filter["name"].as_str().unwrap_or_default();
    let order =
        ORDER.iter().find(|(known, _)| *known == prefix(name)).map_or(50, |(_, order)| *order);
    // Filters of one policy stand in the policy's order.
    let index = name.rsplit('/').next().and_then(|index| index.parse().ok()).unwrap_or(0);
    (order, if order >= 200 { index } else { 0 }, name.to_owned())
}

fn reordered(filters: Vec<Value>, moved: &Moved) -> Vec<Value> {
    let is = |filter: &Value, wanted: &str| {
        filter["name"].as_str().is_some_and(|name| name.starts_with(wanted))
    };
    let (taken, mut rest): (Vec<Value>, Vec<Value>) =
        filters.iter().cloned().partition(|filter| is(filter, &moved.name));
    let before = moved.before.as_ref().and_then(|it| rest.iter().position(|filter| is(filter, it)));
    let after = moved.after.as_ref().and_then(|it| rest.iter().rposition(|filter| is(filter, it)));
    match before.or(after.map(|at| at + 1)) {
        Some(at) if !taken.is_empty() => {
            rest.splice(at..at, taken);
            rest
        }
        Some(_) | None => filters,
    }
}

/// `config` as JSON text in a `StringValue`.
fn string_value(config: Option<&Value>) -> Value {
    let text = config.map(Value::to_string).unwrap_or_default();
    json!({"@type": "type.googleapis.com/google.protobuf.StringValue", "value": text})
}

impl Wasm {
    fn filter(&self) -> Value {
        let mut config = json!({
            "name": self.name,
            "configuration": string_value(self.config.as_ref()),
            "vm_config": {"vm_id": self.id, "runtime": "envoy.wasm.runtime.v8", "code": self.code},
        });
        if let Some(root_id) = &self.root_id {
            config["root_id"] = root_id.as_str().into();
        }
        if self.fail_open {
            config["fail_open"] = true.into();
        }
        if !self.host_keys.is_empty() {
            config["vm_config"]["environment_variables"] = json!({"host_env_keys": self.host_keys});
        }
        json!({"name": self.filter_name(), "disabled": true, "typed_config": {"@type": format!("{TYPE}.wasm.v3.Wasm"), "config": config}})
    }

    fn filter_name(&self) -> String {
        format!("envoy.filters.http.wasm/{}", self.id)
    }
}

impl Module {
    fn filter(&self) -> Value {
        let mut module = json!({"module": self.code});
        for (name, is_set) in
            [("do_not_close", self.do_not_close), ("load_globally", self.load_globally)]
        {
            if is_set {
                module[name] = true.into();
            }
        }
        let mut config = json!({"@type": format!("{TYPE}.dynamic_modules.v3.DynamicModuleFilter"), "dynamic_module_config": module, "filter_name": self.filter_name});
        if self.config.is_some() {
            config["filter_config"] = string_value(self.config.as_ref());
        }
        if self.terminal {
            config["terminal_filter"] = true.into();
        }
        json!({"name": self.name(), "disabled": true, "typed_config": config})
    }

    fn name(&self) -> String {
        format!("envoy.filters.http.dynamic_modules/{}", self.id)
    }
}

fn buffer(route: &Route) -> Option<Value> {
    let limit = route.buffer?;
    Some(
        json!({"name": "envoy.filters.http.buffer", "disabled": true, "typed_config": {"@type": format!("{TYPE}.buffer.v3.Buffer"), "max_request_bytes": limit}}),
    )
}

impl Route {
    fn xds(&self) -> Value {
        let mut action = json!({"cluster": "collector"});
        if self.buffer.is_none() {
            action["upgrade_configs"] = json!([{"upgrade_type": "websocket"}]);
        }
        let mut route = json!({"name": self.name, "match": self.matched, "route": action});
        let mut on = Map::new();
        let names =
            self.wasm.iter().map(Wasm::filter_name).chain(self.modules.iter().map(Module::name));
        for name in names {
            on.insert(name, json!({"@type": "type.googleapis.com/envoy.config.route.v3.FilterConfig", "config": {}}));
        }
        if let Some(limit) = self.buffer {
            on.insert("envoy.filters.http.buffer".to_owned(), json!({"@type": format!("{TYPE}.buffer.v3.BufferPerRoute"), "buffer": {"max_request_bytes": limit}}));
        }
        if !on.is_empty() {
            route["typed_per_filter_config"] = on.into();
        }
        if let Some(limit) = self.buffer_limit {
            route["request_body_buffer_limit"] = limit.into();
        }
        if !self.set.is_empty() {
            let set = self.set.iter().map(|(name, value)| json!({"header": {"key": name, "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}));
            route["request_headers_to_add"] = set.collect();
        }
        if !self.remove.is_empty() {
            route["request_headers_to_remove"] = json!(self.remove);
        }
        route
    }
}
