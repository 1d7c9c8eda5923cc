//! `trackgate schema`: the configuration's JSON Schema, from the structs that mirror it.

use serde_json::Value;
use trackgate::config::schema::Plugin;

/// Pretty-printed, with a line end.
pub fn text() -> String {
    let mut schema = Value::from(schemars::schema_for!(Plugin));
    without_null(&mut schema);
    let text = serde_json::to_string_pretty(&schema).unwrap_or_default();
    text + "\n"
}

/// An optional field may not be `null`: the filter does not take it.
fn without_null(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
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
