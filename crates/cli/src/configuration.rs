//! The plugin's configuration, wherever it stands: by itself as JSON, in an Envoy bootstrap, an
//! Istio WasmPlugin, EnvoyFilter, or an Envoy Gateway EnvoyExtensionPolicy, as YAML or JSON.

mod yaml;

use super::shown::{file, line};
use super::{Result, input};
use serde::de::IgnoredAny;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;
use trackgate::gate::Gate;

/// Where a configuration was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// The file is the configuration.
    Plain,
    Bootstrap,
    /// Istio's WasmPlugin: the knob cannot be set.
    WasmPlugin,
    EnvoyFilter,
    /// Envoy Gateway's EnvoyExtensionPolicy: the knob cannot be set.
    ExtensionPolicy,
}

/// One configuration of a file.
#[derive(Debug)]
pub struct Found {
    pub source: Source,
    /// As the filter gets it.
    pub text: String,
    /// What stands around it: Envoy's `PluginConfig`, or the resource's `spec`.
    pub around: Value,
}

/// Every configuration of trackgate that a file holds.
///
/// # Errors
/// The file cannot be read, or is neither JSON nor YAML.
pub fn find(path: &Path) -> Result<(Vec<Found>, Vec<Value>)> {
    let text = String::from_utf8(input::read(path)?)
        .map_err(|error| format!("{}: expected a string, found {error}", file(path)))?;
    Ok(find_in(text)
        .map_err(|problem| format!("{}: expected JSON or YAML: {}", file(path), line(problem)))?)
}

/// The same in a string.
///
/// # Errors
/// It is neither JSON nor YAML.
pub fn find_in(text: String) -> std::result::Result<(Vec<Found>, Vec<Value>), String> {
    // A plain configuration keeps its text, so that problems name line and column.
    if is_plain(&text) {
        return Ok((vec![Found { source: Source::Plain, text, around: Value::Null }], Vec::new()));
    }
    let documents = yaml::documents(&text)?;
    let mut found = Vec::new();
    for document in &documents {
        match document["kind"].as_str() {
            Some("WasmPlugin") => {
                found.extend(resource(Source::WasmPlugin, &document["spec"], "pluginConfig"))
            }
            Some("EnvoyExtensionPolicy") => {
                let wasms = document
                    .pointer("/spec/wasm")
                    .and_then(Value::as_array)
                    .cloned()
                    .unwrap_or_default();
                found.extend(
                    wasms
                        .iter()
                        .filter_map(|wasm| resource(Source::ExtensionPolicy, wasm, "config")),
                );
            }
            Some("EnvoyFilter") => search(document, Source::EnvoyFilter, &mut found),
            Some(_) | None => search(document, Source::Bootstrap, &mut found),
        }
    }
    Ok((found, documents))
}

/// Nothing, JSON that has none of the members of a file of Envoy's or a platform's, or what is
/// meant to be such JSON.
fn is_plain(text: &str) -> bool {
    if !text.trim_start().starts_with('{') {
        return text.trim().is_empty() || serde_json::from_str::<IgnoredAny>(text).is_ok();
    }
    let members = serde_json::from_str::<BTreeMap<String, IgnoredAny>>(text).unwrap_or_default();
    ["static_resources", "dynamic_resources", "kind", "admin", "resources"]
        .iter()
        .all(|name| !members.contains_key(*name))
}

/// The resource's own field holds the configuration as an object.
fn resource(source: Source, spec: &Value, field: &str) -> Option<Found> {
    let text = spec.get(field).map_or_else(|| "{}".to_owned(), Value::to_string);
    spec.is_object().then(|| Found { source, text, around: spec.clone() })
}

/// Envoy's `PluginConfig`s anywhere below: an object with `vm_config`.
fn search(value: &Value, source: Source, found: &mut Vec<Found>) {
    match value {
        Value::Object(members) => {
            if members.contains_key("vm_config") || members.contains_key("vmConfig") {
                let text = match &members.get("configuration").unwrap_or(&Value::Null)["value"] {
                    Value::String(text) => text.clone(),
                    Value::Null => "{}".to_owned(),
                    other => other.to_string(),
                };
                found.push(Found { source, text, around: value.clone() });
                return;
            }
            members.values().for_each(|member| search(member, source, found));
        }
        Value::Array(list) => list.iter().for_each(|element| search(element, source, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// The one configuration of a file, compiled.
///
/// # Errors
/// There is no configuration, or more than one, or an invalid one: every problem, a line each.
pub fn load(path: &Path) -> Result<Gate> {
    let (found, _) = find(path)?;
    let [found] = found.as_slice() else {
        return Err(format!(
            "{}: expected one configuration of the filter, found {}",
            file(path),
            found.len()
        )
        .into());
    };
    Ok(Gate::load(found.text.as_bytes()).map_err(|error| {
        let problems: Vec<String> = error
            .problems
            .iter()
            .map(|problem| format!("{}: {}", file(path), line(problem)))
            .collect();
        problems.join("\n")
    })?)
}
