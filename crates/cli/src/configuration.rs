//! The filter's configuration, wherever it stands: by itself as JSON, in an Envoy bootstrap, an
//! Istio WasmPlugin, TrafficExtension, EnvoyFilter, or an Envoy Gateway EnvoyExtensionPolicy, as YAML or JSON; for
//! wasm or for a native module.

mod yaml;

use super::shown::{file, line};
use super::{Result, input};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::de::IgnoredAny;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::path::Path;
use trackgate::gate::Gate;

/// Where a configuration was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// The file is the configuration.
    Plain,
    Bootstrap,
    /// Istio's WasmPlugin or TrafficExtension: the knob cannot be set.
    WasmPlugin,
    EnvoyFilter,
    /// Envoy Gateway's EnvoyExtensionPolicy: the knob cannot be set.
    ExtensionPolicy,
    /// A native module, in any file: it needs no knob.
    Module,
}

/// One configuration of a file.
#[derive(Debug)]
pub struct Found {
    pub source: Source,
    /// As the filter gets it.
    pub text: String,
    /// What stands around it: Envoy's `PluginConfig` or `DynamicModuleFilter`, or the resource's
    /// `spec`.
    pub around: Value,
    /// The line on which it starts, from 1, where that is plain to see.
    pub line: Option<usize>,
}

/// The only line that may be the first one of this configuration.
fn line_of(text: &str, file: &str) -> Option<usize> {
    const FIELDS: [&str; 6] =
        ["value:", "\"value\":", "pluginConfig:", "config:", "configuration:", "filter_config:"];
    let first = text.trim_start().lines().next()?.trim_end();
    let numbered = || file.lines().enumerate().map(|(index, line)| (index + 1, line));
    let only = |lines: &mut dyn Iterator<Item = (usize, &str)>| match (lines.next(), lines.next()) {
        (Some((number, _)), None) => Some(number),
        (Some(_), Some(_)) | (None, _) => None,
    };
    let has_field = |line: &str| FIELDS.iter().any(|field| line.trim_start().starts_with(field));
    only(&mut numbered().filter(|(_, line)| line.contains(first) && has_field(line)))
        .or_else(|| only(&mut numbered().filter(|(_, line)| line.trim() == first)))
        .or_else(|| {
            only(
                &mut numbered()
                    .filter(|(_, line)| matches!(line.trim(), "pluginConfig:" | "config:")),
            )
        })
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
        let plain = Found { source: Source::Plain, text, around: Value::Null, line: None };
        return Ok((vec![plain], Vec::new()));
    }
    let documents = yaml::documents(&text)?;
    let mut found = Vec::new();
    for document in &documents {
        match document["kind"].as_str() {
            Some("WasmPlugin") => {
                found.extend(resource(Source::WasmPlugin, &document["spec"], "pluginConfig"))
            }
            Some("TrafficExtension") => {
                let spec = document.pointer("/spec/wasm");
                found.extend(spec.and_then(|it| resource(Source::WasmPlugin, it, "pluginConfig")))
            }
            Some("EnvoyExtensionPolicy") => {
                let of = |list: &str, source| {
                    let entries = document.pointer(list).and_then(Value::as_array);
                    let entries = entries.into_iter().flatten();
                    entries.filter_map(move |entry| resource(source, entry, "config"))
                };
                found.extend(of("/spec/wasm", Source::ExtensionPolicy));
                found.extend(of("/spec/dynamicModule", Source::Module));
            }
            Some("EnvoyFilter") => search(document, Source::EnvoyFilter, &mut found),
            Some(_) | None => search(document, Source::Bootstrap, &mut found),
        }
    }
    for one in &mut found {
        one.line = line_of(&one.text, &text);
    }
    Ok((found, documents))
}

/// JSON that has none of the members of a file of Envoy's or a platform's, or what is
/// meant to be such JSON.
fn is_plain(text: &str) -> bool {
    if !text.trim_start().starts_with('{') {
        return serde_json::from_str::<IgnoredAny>(text).is_ok();
    }
    let members = serde_json::from_str::<BTreeMap<String, IgnoredAny>>(text).unwrap_or_default();
    ["static_resources", "dynamic_resources", "kind", "admin", "resources"]
        .iter()
        .all(|name| !members.contains_key(*name))
}

/// The resource's own field holds the configuration as an object.
fn resource(source: Source, spec: &Value, field: &str) -> Option<Found> {
    let text = spec.get(field).map_or_else(|| "{}".to_owned(), Value::to_string);
    spec.is_object().then(|| Found { source, text, around: spec.clone(), line: None })
}

/// The text of a `StringValue`, a `BytesValue` or a `Struct`; a value without its type is taken for
/// what it looks like.
fn any(value: &Value) -> String {
    let is_bytes = value["@type"].as_str().is_some_and(|kind| kind.ends_with(".BytesValue"));
    match &value["value"] {
        Value::String(text) if is_bytes => {
            let bytes = BASE64_STANDARD.decode(text).unwrap_or_default();
            String::from_utf8_lossy(&bytes).into_owned()
        }
        Value::String(text) => text.clone(),
        Value::Null => "{}".to_owned(),
        other => other.to_string(),
    }
}

fn is_module(members: &Map<String, Value>) -> bool {
    let has = |names: [&str; 2]| names.iter().find_map(|name| members.get(*name));
    has(["dynamic_module_config", "dynamicModuleConfig"]).is_some()
        && has(["filter_name", "filterName"]).is_some_and(|name| name == "trackgate")
}

/// Envoy's `PluginConfig`s and `DynamicModuleFilter`s anywhere below.
fn search(value: &Value, source: Source, found: &mut Vec<Found>) {
    match value {
        Value::Object(members) => {
            if members.contains_key("vm_config") || members.contains_key("vmConfig") {
                let text = members.get("configuration").map_or_else(|| "{}".to_owned(), any);
                found.push(Found { source, text, around: value.clone(), line: None });
                return;
            }
            if is_module(members) {
                let own =
                    ["filter_config", "filterConfig"].iter().find_map(|name| members.get(*name));
                let text = own.map_or_else(|| "{}".to_owned(), any);
                found.push(Found {
                    source: Source::Module,
                    text,
                    around: value.clone(),
                    line: None,
                });
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
