//! `trackgate schema`: the configuration's JSON Schema, from the structs that hold it.

mod reference;
mod shown;

use serde_json::Value;
use trackgate::config::written::Written;

/// Pretty-printed, with a line end.
pub fn text() -> String {
    let text = serde_json::to_string_pretty(&schema()).unwrap_or_default();
    text + "\n"
}

/// The page `docs/configuration.md`.
pub fn markdown() -> String {
    reference::markdown(&schema())
}

fn schema() -> Value {
    let mut schema = Value::from(schemars::schema_for!(Written));
    without_null(&mut schema);
    schema
}

/// A paragraph is one line; a list stays one.
fn unwrapped(text: &str) -> String {
    let mut lines: Vec<String> = Vec::new();
    for line in text.lines() {
        match lines.last_mut() {
            Some(last) if !last.is_empty() && !line.is_empty() && !is_item(line) => {
                last.push(' ');
                last.push_str(line);
            }
            Some(_) | None => lines.push(line.to_owned()),
        }
    }
    lines.join("\n")
}

/// `bot`: what it means
fn is_item(line: &str) -> bool {
    line.starts_with('`') && line.contains("`: ")
}

/// An optional field may not be `null`: the filter does not take it.
fn without_null(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            if let Some(Value::String(description)) = members.get_mut("description") {
                *description = unwrapped(description);
            }
            if let Some(Value::Array(types)) = members.get_mut("type") {
                types.retain(|name| name != "null");
                if let [only] = types.as_slice() {
                    let only = only.clone();
                    members.insert("type".to_owned(), only);
                }
            }
            if let Some(Value::Array(options)) = members.get_mut("anyOf") {
                options.retain(|option| option["type"] != "null");
                if let [Value::Object(only)] = options.as_slice() {
                    let only = only.clone();
                    members.remove("anyOf");
                    members.extend(only);
                }
            }
            // A list of what a property may be has no type's names in it.
            members.values_mut().for_each(without_null);
        }
        Value::Array(list) => list.iter_mut().for_each(without_null),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
