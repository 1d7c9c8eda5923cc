//! What stands around a filter: what cannot work there is an error, what may be meant a warning.

use crate::configuration::{Found, Source};
use serde_json::Value;
use trackgate::gate::BodyPhase;
use trackgate::rules::problem::Problem;

const MANAGER: &str = "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";

/// What is wrong, and what is doubtful.
#[derive(Default)]
pub struct Around {
    pub problems: Vec<Problem>,
    pub warnings: Vec<String>,
}

impl Around {
    fn problem(&mut self, at: &'static str, message: &'static str) {
        self.problems.push(Problem::of(at, message));
    }

    fn warn(&mut self, warning: &str) {
        self.warnings.push(warning.to_owned());
    }
}

/// The filter in its file; `documents` are all of that.
pub fn of(found: &Found, phase: BodyPhase, documents: &[Value]) -> Around {
    let mut around = Around::default();
    match found.source {
        Source::Plain => {}
        Source::Module => module(&mut around, phase),
        Source::Bootstrap | Source::EnvoyFilter => {
            plugin(&mut around, found);
            held(&mut around, found, phase, documents);
        }
        Source::WasmPlugin => platform(&mut around, found, phase),
        Source::ExtensionPolicy if patches_the_knob(documents) => {}
        Source::ExtensionPolicy => platform(&mut around, found, phase),
    }
    if matches!(found.source, Source::Bootstrap | Source::Module)
        && documents
            .iter()
            .any(|document| document["kind"].is_null() && contains(document, MANAGER))
    {
        manager(&mut around, found.source, documents);
    }
    around
}

/// Envoy Gateway's EnvoyPatchPolicy beside the policy can set what that cannot.
fn patches_the_knob(documents: &[Value]) -> bool {
    documents.iter().filter(|document| document["kind"] == "EnvoyPatchPolicy").any(|policy| {
        let patches = policy.pointer("/spec/jsonPatches").and_then(Value::as_array);
        patches.into_iter().flatten().any(|patch| {
            let operation = &patch["operation"];
            let names = |field: &str| {
                operation[field]
                    .as_str()
                    .is_some_and(|path| path.contains("allow_on_headers_stop_iteration"))
            };
            (names("path") || names("jsonPath")) && operation["value"] == Value::Bool(true)
        })
    })
}

fn member<'v>(value: &'v Value, snake: &str, camel: &str) -> &'v Value {
    value.get(snake).or_else(|| value.get(camel)).unwrap_or(&Value::Null)
}

/// Envoy's `PluginConfig`.
fn plugin(around: &mut Around, found: &Found) {
    let own = |snake: &str, camel: &str| member(&found.around, snake, camel);
    let kind = own("configuration", "configuration").get("@type").and_then(Value::as_str);
    if kind.is_some_and(|kind| kind.ends_with("Struct")) {
        around.problem("configuration", "a Struct reaches a wasm filter as protobuf bytes, which it does not take: use google.protobuf.StringValue");
    }
    let vm_id = own("vm_config", "vmConfig").get("vm_id").and_then(Value::as_str);
    if vm_id.unwrap_or_default().is_empty() {
        around.warn("vm_config.vm_id: empty: VMs with an empty one share data");
    }
    if own("failure_policy", "failurePolicy") != "FAIL_RELOAD" {
        around.warn("failure_policy: not FAIL_RELOAD: after a trap every request on that worker fails, or bypasses the gate");
    }
}

/// Whether the phase can work where the filter stands.
fn held(around: &mut Around, found: &Found, phase: BodyPhase, documents: &[Value]) {
    let knob =
        member(&found.around, "allow_on_headers_stop_iteration", "allowOnHeadersStopIteration");
    match phase {
        BodyPhase::Hold if *knob != Value::Bool(true) => {
            around.problem("allow_on_headers_stop_iteration", "expected true in hold mode: without it every request with a body waits for the watchdog, about a second");
        }
        BodyPhase::Compat
            if !documents
                .iter()
                .any(|document| contains(document, "envoy.filters.http.buffer")) =>
        {
            around.problem("body_phase", "\"compat\" needs envoy.filters.http.buffer after the filter: without it the head of a refused request reaches the collector");
        }
        BodyPhase::Hold | BodyPhase::Compat => {}
    }
}

fn module(around: &mut Around, phase: BodyPhase) {
    if phase == BodyPhase::Compat {
        around.problem("body_phase", "\"compat\" lets the head of a refused request reach the collector, and a module can always hold: leave it out");
    }
}

/// A resource of a platform that cannot set the knob.
fn platform(around: &mut Around, found: &Found, phase: BodyPhase) {
    if phase == BodyPhase::Hold {
        around.problem("body_phase", "this kind of resource cannot set allow_on_headers_stop_iteration: use \"compat\", with a buffer filter after the gate");
    }
    if found.source == Source::WasmPlugin
        && found.around.get("failStrategy").is_some_and(|strategy| strategy == "FAIL_OPEN")
    {
        around.warn(
            "failStrategy: FAIL_OPEN: after a trap every request on that worker bypasses the gate",
        );
    }
}

/// The connection manager, and what the bootstrap has besides.
fn manager(around: &mut Around, source: Source, documents: &[Value]) {
    let has = |wanted: &dyn Fn(&str, &Value) -> bool| {
        documents.iter().any(|document| any_member(document, wanted))
    };
    let is_set = |setting: &str| has(&|name, value| name == setting && *value == Value::Bool(true));
    for (setting, why) in [
        ("normalize_path", "the gate and the collector may see different paths"),
        ("merge_slashes", "the gate and the collector may see different paths"),
        ("use_remote_address", "the client's address comes from its own x-forwarded-for"),
        (
            "stream_error_on_invalid_http_message",
            "a 400 closes the HTTP/1.1 connection it is sent on",
        ),
    ] {
        if !is_set(setting) {
            around.warn(&format!("{setting}: not set on the connection manager: {why}"));
        }
    }
    if !has(&|name, value| name == "headers_with_underscores_action" && *value != "ALLOW") {
        around.warn("headers_with_underscores_action: not set on the connection manager: to CGI and its kin x_track_verdict is our x-track-verdict");
    }
    if !has(&|name, _| name == "access_log") {
        around.warn("access_log: none: nothing tells which request got which verdict");
    }
    if source == Source::Bootstrap && !has(&|name, _| name == "stats_tags") {
        around.warn("stats_tags: none: the counters' labels stay in their names, where Prometheus does not see them");
    }
    if is_set("proxy_100_continue") {
        around.warn("proxy_100_continue: true: a client that waits for 100 (Continue) before it sends its body hangs until Envoy answers 408, because the collector gets nothing before the body is whole: leave it out");
    }
}

fn contains(value: &Value, text: &str) -> bool {
    match value {
        Value::String(found) => found == text,
        Value::Array(list) => list.iter().any(|element| contains(element, text)),
        Value::Object(members) => members.values().any(|member| contains(member, text)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// Whether a member anywhere below is what is looked for.
fn any_member(value: &Value, wanted: &dyn Fn(&str, &Value) -> bool) -> bool {
    match value {
        Value::Array(list) => list.iter().any(|element| any_member(element, wanted)),
        Value::Object(members) => {
            members.iter().any(|(name, member)| wanted(name, member) || any_member(member, wanted))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}
