//! EnvoyPatchPolicy: a JSON patch whose place is found by an expression.

use super::{list, text};
use serde_json::Value;

/// Applies a policy's patches to a listener. An expression that finds nothing is an error there, and
/// the gateway runs on without the patch.
///
/// # Errors
/// Another listener's name, another operation, or an expression of another form than
/// `..http_filters[?(@.name=='NAME')].PATH`.
pub fn apply(listener: &mut Value, policy: &Value) -> Result<(), String> {
    for patch in list(&policy["spec"]["jsonPatches"]) {
        if patch["name"] != listener["name"] {
            return Err(format!("no listener is called {}", patch["name"]));
        }
        let operation = &patch["operation"];
        if operation["op"] != "add" {
            return Err(format!("expected add, found {}", operation["op"]));
        }
        let expression = text(&operation["jsonPath"]);
        let (filter, below) = expression
            .strip_prefix("..http_filters[?(@.name=='")
            .and_then(|rest| rest.split_once("')]."))
            .ok_or_else(|| format!("cannot follow {expression}"))?;
        let mut found = 0;
        for_each_filter(listener, &mut |it| {
            if it["name"] == filter {
                let below = below.split('.').fold(&mut *it, |value, name| &mut value[name]);
                below[text(&operation["path"]).trim_start_matches('/')] =
                    operation["value"].clone();
                found += 1;
            }
        });
        if found == 0 {
            return Err(format!("{expression} finds nothing"));
        }
    }
    Ok(())
}

fn for_each_filter(value: &mut Value, each: &mut impl FnMut(&mut Value)) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                match member {
                    Value::Array(filters) if name == "http_filters" => {
                        filters.iter_mut().for_each(&mut *each)
                    }
                    other => for_each_filter(other, each),
                }
            }
        }
        Value::Array(list) => list.iter_mut().for_each(|element| for_each_filter(element, each)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
