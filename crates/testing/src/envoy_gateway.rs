//! What Envoy Gateway makes of manifests: the rules of its translator (v1.8, main of 2026-09), as far
//! as our examples use them. Tested against its own golden files.
//!
//! Manifests, and the translator's own intermediate form, become a [`Gateway`]; a gateway becomes
//! Envoy's filters, routes and listener.
#![allow(clippy::indexing_slicing, reason = "what a JSON object does not have is null")]

mod intermediate;
mod manifests;
mod patch;
mod xds;

pub use patch::apply;

use serde_json::Value;

/// One HTTP listener, and what stands on it.
#[derive(Debug, Default)]
pub struct Gateway {
    pub settings: Settings,
    /// EnvoyProxy's `filterOrder`.
    pub order: Vec<Moved>,
    pub routes: Vec<Route>,
    /// EnvoyProxy's `bootstrap`, to be merged into Envoy's.
    pub bootstrap: Option<Value>,
}

/// ClientTrafficPolicy; `None` where the default stands.
#[derive(Debug, Default)]
pub struct Settings {
    pub buffer_limit: Option<u64>,
    pub stream_window: Option<u64>,
    pub connection_window: Option<u64>,
    /// As Envoy writes it: `DROP_HEADER`.
    pub underscores: Option<String>,
    /// As Envoy writes it: `KEEP_UNCHANGED`.
    pub escaped_slashes: Option<String>,
    pub request_timeout: Option<String>,
    pub stream_idle_timeout: Option<String>,
    /// Removed before routing.
    pub early_remove: Vec<String>,
}

/// All filters whose name starts with `name` go before the first, or behind the last, of another
/// type.
#[derive(Debug)]
pub struct Moved {
    pub name: String,
    pub before: Option<String>,
    pub after: Option<String>,
}

/// A route, and the filters that are on for it.
#[derive(Debug, Default)]
pub struct Route {
    pub name: String,
    pub host: String,
    /// Envoy's `RouteMatch`.
    pub matched: Value,
    pub wasm: Vec<Wasm>,
    pub modules: Vec<Module>,
    pub buffer: Option<u64>,
    /// `LimitOnly`: no filter.
    pub buffer_limit: Option<u64>,
    /// Names of filters of other policies, which the order alone concerns.
    pub others: Vec<String>,
    pub set: Vec<(String, String)>,
    pub remove: Vec<String>,
}

/// An entry of `EnvoyExtensionPolicy.wasm`.
#[derive(Debug, Clone, Default)]
pub struct Wasm {
    /// `envoyextensionpolicy/NAMESPACE/POLICY/wasm/INDEX`
    pub id: String,
    pub name: String,
    pub root_id: Option<String>,
    pub config: Option<Value>,
    pub fail_open: bool,
    /// Envoy's `AsyncDataSource`.
    pub code: Value,
    pub host_keys: Vec<String>,
}

/// An entry of `EnvoyExtensionPolicy.dynamicModule`.
#[derive(Debug, Clone, Default)]
pub struct Module {
    /// `envoyextensionpolicy/NAMESPACE/POLICY/dynamic-module/INDEX`
    pub id: String,
    pub filter_name: String,
    pub config: Option<Value>,
    pub do_not_close: bool,
    pub load_globally: bool,
    pub terminal: bool,
    /// Envoy's `AsyncDataSource`.
    pub code: Value,
}

/// `4Mi`, `32Ki`, or a number of bytes.
fn quantity(value: &Value) -> Option<u64> {
    let Some(text) = value.as_str() else { return value.as_u64() };
    let (digits, unit) =
        text.split_at(text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len()));
    let factor = match unit {
        "" => 1,
        "Ki" => 1 << 10,
        "Mi" => 1 << 20,
        _ => return None,
    };
    digits.parse::<u64>().ok().map(|number| number * factor)
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn texts(value: &Value) -> Vec<String> {
    list(value).iter().map(text).collect()
}

fn moved(value: &Value) -> Moved {
    let other = |name: &str| value[name].as_str().map(str::to_owned);
    Moved { name: text(&value["name"]), before: other("before"), after: other("after") }
}
