//! The configuration reference, `docs/configuration.md`: the schema's fields, each with its type,
//! its default and an example. The examples are those of `examples/everything.json`, which is a
//! valid configuration.

use super::shown::{Place, Shown, variant};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::fmt::Write;

const EXAMPLE: &str = include_str!("../../../../examples/everything.json");

const HEAD: &str = "# Configuration reference

The configuration is one JSON object, in Envoy's `configuration` of the filter. `{}` is valid and useful: the four vendors on
their documented paths, enforced. Envoy refuses a configuration with an unknown field, a `null` or a value of another type, and
goes on with the one before it; its log names the field, what was expected and what was found.

`trackgate schema --markdown` prints this page from the structs that hold the configuration; `trackgate schema` prints the JSON
Schema, which editors read. Each example is taken from `examples/everything.json`, a configuration that has
every field.
";

/// The page.
pub fn markdown(schema: &Value) -> String {
    let example: Value = serde_json::from_str(EXAMPLE).unwrap_or_default();
    let mut examples = Examples { schema, found: BTreeMap::new() };
    examples.collect("", schema, &example);
    let mut text = HEAD.to_owned();
    for place in Place::all(schema) {
        let _ = write!(text, "\n## {}\n\n", place.title);
        if let Some(description) = place.description() {
            let _ = writeln!(text, "{description}\n");
        }
        if place.fields().next().is_some() {
            text.push_str(
                "| field | type | default | what it is | example |\n|---|---|---|---|---|\n",
            );
        }
        for (name, field) in place.fields() {
            let example = examples.found.get(&(place.id.clone(), name.clone()));
            let _ = writeln!(text, "{}", row(&place, name, field, example));
        }
    }
    text
}

fn row(place: &Place<'_>, name: &str, field: &Value, example: Option<&Value>) -> String {
    let shown = Shown { schema: place.schema, field };
    let default = match (&field["default"], place.requires(name)) {
        (_, true) => "must be there".to_owned(),
        (Value::Null, false) => "-".to_owned(),
        (default, false) => format!("`{default}`"),
    };
    let example = example.map_or_else(|| "-".to_owned(), written);
    format!(
        "| `{name}` | {} | {default} | {} | {} |",
        shown.kind(),
        shown.meaning(),
        cell(&example)
    )
}

/// What is long is shown where its parts are.
fn written(example: &Value) -> String {
    let text = example.to_string();
    match example {
        Value::Array(_) if text.len() > 200 => "below".to_owned(),
        Value::Object(_) if text.len() > 200 => "below".to_owned(),
        Value::Array(_)
        | Value::Object(_)
        | Value::Null
        | Value::Bool(_)
        | Value::Number(_)
        | Value::String(_) => format!("`{text}`"),
    }
}

/// A bar would end the cell.
pub fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

/// The first value of each field, by where the schema has it.
struct Examples<'a> {
    schema: &'a Value,
    found: BTreeMap<(String, String), Value>,
}

impl Examples<'_> {
    fn collect(&mut self, id: &str, schema: &Value, value: &Value) {
        let (id, schema) = match schema["$ref"].as_str() {
            Some(reference) => super::shown::resolve(self.schema, reference),
            None => (id.to_owned(), schema),
        };
        match value {
            Value::Object(members) => self.members(&id, schema, members),
            Value::Array(list) => {
                list.iter().for_each(|value| self.collect(&id, &schema["items"], value))
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    fn members(&mut self, id: &str, schema: &Value, members: &Map<String, Value>) {
        let own = variant(schema, members);
        for (name, value) in members {
            let variants = own.as_ref().map(|(name, variant)| (format!("{id}/{name}"), *variant));
            let places = [Some((id.to_owned(), schema)), variants].into_iter().flatten();
            for (id, schema) in places {
                if let Some(field) = schema["properties"].get(name) {
                    self.found.entry((id, name.clone())).or_insert_with(|| value.clone());
                    self.collect("", field, value);
                }
            }
            if schema["additionalProperties"].is_object() {
                self.collect("", &schema["additionalProperties"], value);
            }
        }
    }
}
