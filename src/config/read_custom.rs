//! The `custom` part of an endpoint, from the tree to what the operator wrote.

use super::node::{Fields, Node};
use crate::rules::json::Kind;
use crate::rules::problem::Problem;
use crate::vendors::custom::fields::FieldSpec;
use crate::vendors::custom::replies::ReplySpec;
use crate::vendors::custom::spec::{BodyKind, CredentialsSpec, CustomSpec, UserAgentPolicy};

pub fn custom(mut fields: Fields<'_, '_>) -> CustomSpec {
    let spec = CustomSpec {
        media_types: fields.take("media_types").and_then(Node::strings),
        body: fields
            .take("body")
            .and_then(|node| node.word(&BodyKind::ALL, BodyKind::id))
            .unwrap_or_default(),
        batch: fields.take("batch").and_then(Node::string),
        max_events: fields.take_limit("max_events"),
        credentials: fields.take("credentials").and_then(Node::fields).and_then(credentials),
        user_agents: fields
            .take("user_agents")
            .and_then(|node| node.word(&UserAgentPolicy::ALL, UserAgentPolicy::id))
            .unwrap_or_default(),
        opt_out_tokens: fields.take_strings("opt_out_tokens"),
        fields: fields
            .take("fields")
            .and_then(Node::elements)
            .unwrap_or_default()
            .into_iter()
            .filter_map(field)
            .collect(),
        replies: fields
            .take("replies")
            .and_then(Node::entries)
            .unwrap_or_default()
            .into_iter()
            .filter_map(reply)
            .collect(),
    };
    fields.finish();
    spec
}

fn credentials(mut fields: Fields<'_, '_>) -> Option<CredentialsSpec> {
    let words = ["authorization", "basic", "header", "query"];
    let expected = "\"authorization\", \"basic\", \"header\" or \"query\"";
    let spec = match fields.need("from", expected)?.word(&words, |word| word)? {
        "authorization" => {
            let scheme = fields
                .need("scheme", "an authentication scheme such as \"Bearer\"")
                .and_then(Node::string);
            scheme.map(|scheme| CredentialsSpec::Authorization { scheme })
        }
        "header" => {
            let name = fields.need("name", "the name of a header field").and_then(Node::string);
            name.map(|name| CredentialsSpec::Header { name })
        }
        "query" => {
            let name = fields.need("name", "the name of a query parameter").and_then(Node::string);
            name.map(|name| CredentialsSpec::Query { name })
        }
        _ => Some(CredentialsSpec::Basic),
    };
    fields.finish();
    spec
}

const TYPES: [Kind; 5] = [Kind::String, Kind::Number, Kind::Bool, Kind::Object, Kind::Array];

fn type_id(kind: Kind) -> &'static str {
    match kind {
        Kind::String => "string",
        Kind::Number => "number",
        Kind::Bool => "boolean",
        Kind::Object => "object",
        Kind::Array => "array",
        Kind::Null => "null",
    }
}

fn field(node: Node<'_, '_>) -> Option<FieldSpec> {
    let problems = node.problems;
    let mut fields = node.fields()?;
    let at = fields.at.clone();
    let pointer = fields.take("pointer").and_then(Node::string);
    let any_of = fields.take("any_of").and_then(Node::strings);
    let types = fields.take("types").and_then(Node::elements);
    let types: Option<Vec<Kind>> =
        types.map(|list| list.into_iter().filter_map(|node| node.word(&TYPES, type_id)).collect());
    if types.as_ref().is_some_and(Vec::is_empty) {
        problems.add(Problem::new(
            format!("{at}.types"),
            "at least one type, or the field left out",
            "none",
        ));
    }
    let scope = fields.take("in").and_then(|node| node.word(&["event", "request"], |word| word));
    let (required, max_length) =
        (fields.take_boolean("required").unwrap_or(true), fields.take_limit("max_length"));
    fields.finish();
    let any_of = match (pointer, any_of) {
        (Some(pointer), None) => vec![pointer],
        (None, Some(pointers)) if !pointers.is_empty() => pointers,
        (None, None) | (None, Some(_)) | (Some(_), Some(_)) => {
            problems.add(Problem::new(
                at,
                "\"pointer\", or \"any_of\" with at least one",
                "neither, or both",
            ));
            return None;
        }
    };
    Some(FieldSpec { any_of, in_request: scope == Some("request"), required, types, max_length })
}

fn reply((key, node): (String, Node<'_, '_>)) -> Option<(String, ReplySpec)> {
    let mut fields = node.fields()?;
    let status = fields.need("status", "a status from 200 to 599").and_then(Node::count);
    let headers = fields.take("headers").and_then(Node::entries).unwrap_or_default();
    let headers =
        headers.into_iter().filter_map(|(name, node)| Some((name, node.string()?))).collect();
    let body = fields.take("body").and_then(Node::string).unwrap_or_default();
    fields.finish();
    Some((key, ReplySpec { status: status?, headers, body }))
}
