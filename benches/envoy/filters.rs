//! The filters, each behind a listener of its own in one Envoy.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::net::SocketAddr;
use trackgate_testing::host::Host;

pub const FILTERS: [&str; 12] = [
    "none",
    "buffer",
    "wasm, empty",
    "wasm, holds the body",
    "lua",
    "ext_authz",
    "trackgate, wasm",
    "trackgate, module",
    "trackgate, wasm, skipped",
    "trackgate, module, skipped",
    "trackgate, wasm, keeping",
    "trackgate, module, keeping",
];
/// Sends what it refuses to a cluster besides, which answers at once.
const KEEPING: &str = r#"{"quarantine":{"cluster":"authorizer","max_in_flight":10000}}"#;
pub const BASELINE: &str = "wasm, holds the body";

fn filter_yaml(filter: &str, authorizer: SocketAddr) -> String {
    let root = trackgate_testing::path("").display().to_string();
    let wasm = |file: &str, configuration: &str| {
        format!(
            r#"{{name: f, typed_config: {{"@type": type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm, config: {{name: f, root_id: f, allow_on_headers_stop_iteration: true, configuration: {{"@type": type.googleapis.com/google.protobuf.StringValue, value: '{configuration}'}}, vm_config: {{vm_id: "{file}", runtime: envoy.wasm.runtime.v8, code: {{local: {{filename: {file}}}}}}}}}}}}}"#
        )
    };
    match filter {
        "none" => String::new(),
        "buffer" => r#"{name: f, typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.buffer.v3.Buffer, max_request_bytes: 2097152}}"#.to_owned(),
        "wasm, empty" => wasm(&format!("{root}/target/bench/empty.wasm"), ""),
        "wasm, holds the body" => wasm(&format!("{root}/target/bench/buffer.wasm"), ""),
        "lua" => format!(
            r#"{{name: f, typed_config: {{"@type": type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua, default_source_code: {{inline_string: {:?}}}}}}}"#,
            include_str!("../modules/gate.lua")
        ),
        // 200 alone is a yes, which the collector gives where it is asked to.
        "ext_authz" => format!(
            r#"{{name: f, typed_config: {{"@type": type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthz, with_request_body: {{max_request_bytes: 2097152}}, http_service: {{server_uri: {{uri: "http://{authorizer}", cluster: authorizer, timeout: 1s}}, authorization_request: {{headers_to_add: [{{key: x-answer-status, value: "200"}}]}}}}}}}}"#
        ),
        "trackgate, wasm" => wasm(&format!("{root}/{}", Host::Wasm.file()), "{}"),
        "trackgate, module" => format!(
            r#"{{name: f, typed_config: {{"@type": type.googleapis.com/envoy.extensions.filters.http.dynamic_modules.v3.DynamicModuleFilter, dynamic_module_config: {{name: trackgate, module: {{local: {{filename: {root}/{}}}}}}}, filter_name: trackgate, filter_config: {{"@type": type.googleapis.com/google.protobuf.StringValue, value: '{{}}'}}}}}}"#,
            Host::Module.file()
        ),
        other => match other.rsplit_once(", ") {
            Some((filter, "skipped")) => skipped(&filter_yaml(filter, authorizer)),
            Some((filter, "keeping")) => filter_yaml(filter, authorizer)
                .replace("value: '{}'", &format!("value: '{KEEPING}'"))
                .replace("trackgate.wasm\",", "trackgate.wasm, keeping\","),
            _ => panic!("{other}"),
        },
    }
}

/// Asked on tracking paths alone, by the shipped matcher.
fn skipped(filter: &str) -> String {
    let text = trackgate_testing::read("envoy/skip.yaml").unwrap();
    let mut skip: serde_yaml_ng::Value = serde_yaml_ng::from_str(&text).unwrap();
    skip["name"] = "f".into();
    skip["typed_config"]["extension_config"] = serde_yaml_ng::from_str(filter).unwrap();
    serde_json::to_string(&skip).unwrap()
}

pub fn bootstrap(ports: &BTreeMap<&str, u16>, authorizer: SocketAddr) -> String {
    let mut text =
        "admin:\n  address: {socket_address: {address: 127.0.0.1, port_value: 9901}}\nstatic_resources:\n  listeners:\n"
            .to_owned();
    for (filter, port) in ports {
        let own = filter_yaml(filter, authorizer);
        let own = if own.is_empty() { String::new() } else { format!("          - {own}\n") };
        let router = r#"          - {name: envoy.filters.http.router, typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}}"#;
        write!(
            text,
            r#"  - name: l{port}
    address: {{socket_address: {{address: 127.0.0.1, port_value: {port}}}}}
    per_connection_buffer_limit_bytes: 2097152
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: ingress
          route_config:
            virtual_hosts:
            - name: all
              domains: ["*"]
              routes:
              - {{match: {{prefix: /}}, direct_response: {{status: 202, body: {{inline_string: ok}}}}}}
          http_filters:
{own}{router}
"#
        )
        .unwrap();
    }
    let authority =
        format!("{{socket_address: {{address: 127.0.0.1, port_value: {}}}}}", authorizer.port());
    text + &format!(
        "  - name: unused\n    address: {{socket_address: {{address: 127.0.0.1, port_value: 10080}}}}\n    filter_chains: [{{filters: [{{name: envoy.filters.network.echo, typed_config: {{\"@type\": type.googleapis.com/envoy.extensions.filters.network.echo.v3.Echo}}}}]}}]\n  clusters:\n  - name: authorizer\n    connect_timeout: 1s\n    load_assignment: {{cluster_name: authorizer, endpoints: [{{lb_endpoints: [{{endpoint: {{address: {authority}}}}}]}}]}}\n"
    )
}
