//! Parts of the schema, in words.

use super::reference::cell;
use serde_json::{Map, Value};

/// An object that the configuration may hold, with a section of its own.
pub struct Place<'a> {
    pub schema: &'a Value,
    /// The definition's name, and behind a slash that of the variant.
    pub id: String,
    pub title: String,
    object: &'a Value,
}

impl<'a> Place<'a> {
    /// The configuration itself, endpoints, and what they hold; the vendors' own fields behind them.
    pub fn all(schema: &'a Value) -> Vec<Place<'a>> {
        let whole =
            Place { schema, id: String::new(), title: "The whole".to_owned(), object: schema };
        let definitions = schema["$defs"].as_object().into_iter().flatten();
        let mut rest: Vec<_> = definitions
            .flat_map(|(name, definition)| Place::of(schema, name, definition))
            .collect();
        rest.sort_by_key(|place| !place.id.starts_with("EndpointSpec"));
        std::iter::once(whole).chain(rest).collect()
    }

    fn of(schema: &'a Value, name: &str, definition: &'a Value) -> Vec<Place<'a>> {
        let whole = Place {
            schema,
            id: name.to_owned(),
            title: title(name).to_owned(),
            object: definition,
        };
        let variants = definition["oneOf"].as_array().into_iter().flatten();
        let variants = variants.filter_map(|object| {
            let (field, word) = tag(object)?;
            let id = format!("{name}/{word}");
            Some(Place { schema, id, title: format!("{}: {field} `{word}`", title(name)), object })
        });
        let variants: Vec<Place<'_>> = variants.collect();
        if variants.is_empty() && whole.fields().next().is_none() {
            return Vec::new();
        }
        std::iter::once(whole).chain(variants).collect()
    }

    pub fn description(&self) -> Option<&'a str> {
        self.object["description"].as_str().filter(|_| !self.id.is_empty())
    }

    pub fn fields(&self) -> impl Iterator<Item = (&'a String, &'a Value)> {
        self.object["properties"].as_object().into_iter().flatten()
    }

    pub fn requires(&self, name: &str) -> bool {
        self.object["required"].as_array().is_some_and(|names| names.iter().any(|it| it == name))
    }
}

fn title(definition: &str) -> &str {
    match definition {
        "EndpointSpec" => "An endpoint",
        "LimitsSpec" => "Limits",
        "Site" => "A site",
        "SpamReferrerSpec" => "Spam referrers",
        "UserAgentSpec" => "User-Agents",
        "ClientIp" => "The client's address",
        "CredentialsSpec" => "Credentials",
        "CustomSpec" => "A collector of your own",
        "FieldSpec" => "A field",
        "ReplySpec" => "A reply",
        other => other,
    }
}

/// The field that tells variants of one definition apart, and what it says in this one.
fn tag(object: &Value) -> Option<(&String, &str)> {
    let fields = object["properties"].as_object()?;
    fields.iter().find_map(|(name, field)| Some((name, field["const"].as_str()?)))
}

/// The variant that these members are of.
pub fn variant<'a>(
    schema: &'a Value,
    members: &Map<String, Value>,
) -> Option<(&'a str, &'a Value)> {
    schema["oneOf"].as_array()?.iter().find_map(|object| {
        let (field, word) = tag(object)?;
        (members.get(field)? == word).then_some((word, object))
    })
}

/// The definition that a reference names.
pub fn resolve<'a>(schema: &'a Value, reference: &str) -> (String, &'a Value) {
    let name = reference.trim_start_matches("#/$defs/");
    (name.to_owned(), schema["$defs"].get(name).unwrap_or(&Value::Null))
}

/// A field, for a cell of a table.
pub struct Shown<'a> {
    pub schema: &'a Value,
    pub field: &'a Value,
}

impl Shown<'_> {
    /// Its type, with what a number may be.
    pub fn kind(&self) -> String {
        let part = |field| Shown { schema: self.schema, field };
        if let Some(reference) = self.field["$ref"].as_str() {
            let (name, definition) = resolve(self.schema, reference);
            return match words(definition) {
                Some(words) => words,
                None => format!("[{}](#{})", title(&name).to_lowercase(), anchor(title(&name))),
            };
        }
        if let Some(word) = self.field["const"].as_str() {
            return format!("`\"{word}\"`");
        }
        let map = &self.field["additionalProperties"];
        match self.field["type"].as_str() {
            Some("array") => format!("list of: {}", part(&self.field["items"]).kind()),
            Some("object") if map.is_object() => format!("object of: {}", part(map).kind()),
            Some("object") => {
                "object: reason to `\"pass\"`, `\"annotate\"`, `\"drop\"` or `\"reject\"`"
                    .to_owned()
            }
            Some("integer" | "number") => self.range(),
            Some(other) => other.to_owned(),
            None => "any".to_owned(),
        }
    }

    fn range(&self) -> String {
        let kind = self.field["type"].as_str().unwrap_or_default();
        match (&self.field["minimum"], &self.field["maximum"]) {
            (Value::Null, Value::Null) => kind.to_owned(),
            (minimum, Value::Null) => format!("{kind} from {minimum}"),
            (Value::Null, maximum) => format!("{kind} to {maximum}"),
            (minimum, maximum) => format!("{kind}, {minimum} to {maximum}"),
        }
    }

    /// What it is; the words that it may be, and what each means. What each reason means is on a page
    /// of its own.
    pub fn meaning(&self) -> String {
        let own = self.field["description"].as_str().unwrap_or_default();
        let lines = if self.field["properties"].is_object() { 1 } else { usize::MAX };
        let mut meaning = own.lines().take(lines).collect::<Vec<_>>().join(" ");
        if let Some(reference) = self.field["$ref"].as_str() {
            let options = resolve(self.schema, reference).1["oneOf"].as_array();
            for option in options.into_iter().flatten() {
                if let (Some(word), Some(text)) =
                    (option["const"].as_str(), option["description"].as_str())
                {
                    meaning.push_str(&format!(" `{word}`: {text}"));
                }
            }
        }
        cell(&meaning.replace('<', "&lt;"))
    }
}

fn words(definition: &Value) -> Option<String> {
    let options = definition["oneOf"].as_array()?;
    let words: Option<Vec<String>> = options
        .iter()
        .map(|option| option["const"].as_str().map(|word| format!("`\"{word}\"`")))
        .collect();
    Some(words?.join(" or "))
}

/// As mdBook makes it of a heading.
fn anchor(title: &str) -> String {
    let kept = title.to_lowercase().replace(' ', "-");
    kept.chars().filter(|letter| letter.is_alphanumeric() || *letter == '-').collect()
}
