//! What is legal, and probably not meant.

use super::shadowing::Index;
use crate::configuration::{Found, Source};
use serde_json::Value;
use trackgate::config::Config;
use trackgate::config::read::At;
use trackgate::config::written::EndpointSpec;
use trackgate::gate::{BodyPhase, Gate, Mode};
use trackgate::rules::client_ip::ClientIp;
use trackgate::rules::problem::OneLine;
use trackgate::rules::share::Share;
use trackgate::vendors::{VendorSpec, plausible};

/// Warnings about the configuration itself.
pub fn of(config: &Config, gate: &Gate) -> Vec<String> {
    let mut warnings = Vec::new();
    let endpoints = Index::of(gate);
    for (index, spec) in config.endpoints.iter().enumerate() {
        if let Some(earlier) = endpoints.shadowing(gate, index) {
            warnings.push(format!(
                "{}: no request can reach {:?}, because {earlier:?} stands before it and serves the same hosts and paths",
                spec.at, spec.name.0
            ));
        }
        let mode = spec.mode.or(config.written.mode).unwrap_or_default();
        let share = spec.enforce_percent.or(config.written.enforce_percent);
        if mode == Mode::Shadow && share.unwrap_or(Share::ALL) != Share::ALL {
            warnings.push(format!("{}: enforce_percent has no effect in shadow mode", named(spec)));
        }
        warnings.extend(unserved_sites(spec));
    }
    let plausibles = || config.endpoints.iter().filter_map(|spec| plausible(spec));
    let blocks_countries = |fields: &plausible::Fields| {
        let sites = fields.sites.iter().flat_map(|sites| sites.in_order());
        sites.into_iter().any(|(_, site)| site.country_blocklist.is_some())
    };
    if config.written.country_header.is_none() && plausibles().any(blocks_countries) {
        warnings.push(
            "country_header: some site blocks countries, and nothing tells the client's country: every one is unknown".to_owned(),
        );
    }
    match &config.written.client_ip {
        Some(ClientIp::Vendor(_)) => warnings.push(
            "client_ip.from: \"vendor\" believes header fields that any client can send: only behind a hop that sets or removes all of them".to_owned(),
        ),
        Some(ClientIp::Connection(_) | ClientIp::Header(_)) | None => {}
    }
    if plausibles().any(|fields| fields.trust_ip_type_header == Some(true)) {
        warnings.push(
            "trust_ip_type_header: any client can send x-plausible-ip-type: only behind a hop that sets or removes it".to_owned(),
        );
    }
    warnings
}

fn plausible(spec: &EndpointSpec) -> Option<&plausible::Fields> {
    if let VendorSpec::Plausible(fields) = &spec.vendor { Some(fields) } else { None }
}

fn named(spec: &At<EndpointSpec>) -> String {
    if spec.at.is_empty() { spec.name.0.clone() } else { spec.at.clone() }
}

/// Sites whose own rules let none of their pages through.
fn unserved_sites(spec: &At<EndpointSpec>) -> Vec<String> {
    let Some(sites) = plausible(spec).and_then(|fields| fields.sites.as_ref()) else {
        return Vec::new();
    };
    let sites = sites.in_order();
    let odd = |domain: &str| {
        domain.contains(['/', ':', ' ', '*']) || domain.is_empty() || domain != domain.trim()
    };
    let odd_names = sites.iter().filter(|(domain, _)| odd(domain));
    let mut warnings: Vec<String> = odd_names
        .map(|(domain, _)| {
            format!("{}.sites: no event can name {domain:?}: a site is named by its domain, such as \"a.example\"", spec.at)
        })
        .collect();
    let empty = sites.iter().filter(|(_, site)| {
        site.ip_blocklist.is_none()
            && site.country_blocklist.is_none()
            && site.page_blocklist.is_none()
            && site.hostname_allowlist.is_none()
    });
    warnings.extend(
        empty.map(|(domain, _)| format!("{}.sites.{}: has no rules", spec.at, OneLine(domain))),
    );
    warnings
}

/// Warnings about what stands around a filter in an Envoy of one's own.
pub fn of_envoy(found: &Found, phase: BodyPhase, documents: &[Value]) -> Vec<String> {
    let mut warnings = Vec::new();
    let member = |snake: &str, camel: &str| {
        found.around.get(snake).or_else(|| found.around.get(camel)).cloned().unwrap_or(Value::Null)
    };
    let has_knob = member("allow_on_headers_stop_iteration", "allowOnHeadersStopIteration")
        == Value::Bool(true);
    if phase == BodyPhase::Hold && !has_knob {
        warnings.push(
            "allow_on_headers_stop_iteration: missing or false: every request with a body waits for the watchdog, about a second"
                .to_owned(),
        );
    }
    if phase == BodyPhase::Compat
        && !documents.iter().any(|document| contains(document, "envoy.filters.http.buffer"))
    {
        warnings.push(
            "body_phase \"compat\" needs envoy.filters.http.buffer after the filter".to_owned(),
        );
    }
    if member("configuration", "configuration")
        .get("@type")
        .and_then(Value::as_str)
        .is_some_and(|kind| kind.ends_with("Struct"))
    {
        warnings.push("configuration: a Struct reaches the filter as protobuf bytes, which it does not take: use google.protobuf.StringValue".to_owned());
    }
    if member("vm_config", "vmConfig")
        .get("vm_id")
        .and_then(Value::as_str)
        .unwrap_or_default()
        .is_empty()
    {
        warnings.push("vm_config.vm_id: empty: VMs with an empty one share data".to_owned());
    }
    if member("failure_policy", "failurePolicy") != "FAIL_RELOAD" {
        warnings.push(
            "failure_policy: not FAIL_RELOAD: after a trap every request on that worker fails, or bypasses the gate".to_owned(),
        );
    }
    if found.source == Source::Bootstrap
        && documents.iter().any(|document| contains(document, MANAGER))
    {
        warnings.extend(of_manager(documents));
    }
    warnings
}

/// Warnings about what stands around a native module.
pub fn of_module(phase: BodyPhase, documents: &[Value]) -> Vec<String> {
    let mut warnings = Vec::new();
    if phase == BodyPhase::Compat {
        warnings.push("body_phase: \"compat\" has the head of a refused request reach the collector unless a buffer filter holds it; a module can hold: leave it out".to_owned());
    }
    if documents.iter().any(|document| contains(document, MANAGER)) {
        warnings.extend(of_manager(documents));
    }
    warnings
}

const MANAGER: &str = "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";

/// Warnings about the connection manager.
fn of_manager(documents: &[Value]) -> Vec<String> {
    let is_set = |setting: &str| documents.iter().any(|document| is_set(document, setting));
    let missing = ["normalize_path", "merge_slashes", "use_remote_address"]
        .into_iter()
        .filter(|setting| !is_set(setting));
    let mut warnings: Vec<String> = missing
        .map(|setting| format!("{setting}: not set on the connection manager: {}", why(setting)))
        .collect();
    if is_set("proxy_100_continue") {
        warnings.push("proxy_100_continue: true: a client that waits for 100 (Continue) before it sends its body hangs until Envoy answers 408, because the collector gets nothing before the body is whole: leave it out".to_owned());
    }
    warnings
}

fn why(setting: &str) -> &'static str {
    match setting {
        "use_remote_address" => "the client's address comes from its own x-forwarded-for",
        _ => "the gate and the collector may see different paths",
    }
}

/// Warnings about a resource of a platform that cannot set the knob.
pub fn of_platform(found: &Found, phase: BodyPhase) -> Vec<String> {
    let mut warnings = Vec::new();
    if phase == BodyPhase::Hold {
        warnings.push("body_phase: this kind of resource cannot set allow_on_headers_stop_iteration: use \"compat\", with a buffer filter after the gate".to_owned());
    }
    if found.source == Source::WasmPlugin
        && found.around.get("failStrategy").is_some_and(|strategy| strategy == "FAIL_OPEN")
    {
        warnings.push(
            "failStrategy: FAIL_OPEN: after a trap every request on that worker bypasses the gate"
                .to_owned(),
        );
    }
    warnings
}

fn contains(value: &Value, text: &str) -> bool {
    match value {
        Value::String(found) => found == text,
        Value::Array(list) => list.iter().any(|element| contains(element, text)),
        Value::Object(members) => members.values().any(|member| contains(member, text)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

fn is_set(value: &Value, name: &str) -> bool {
    match value {
        Value::Array(list) => list.iter().any(|element| is_set(element, name)),
        Value::Object(members) => {
            members.get(name) == Some(&Value::Bool(true))
                || members.values().any(|member| is_set(member, name))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}
