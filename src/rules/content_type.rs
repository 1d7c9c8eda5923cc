//! The media type a request declares, reduced to what the vendors tell apart.

use super::problem::Problem;
use crate::request::{RequestHead, trim};

/// The essence of `content-type` (RFC 9110 section 8.3.1): compared without regard to case,
/// parameters ignored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MediaType {
    /// The field is missing.
    Absent,
    /// The field is there and names no type: empty, blank, or parameters alone.
    Empty,
    /// `application/json`
    Json,
    /// `application/*+json`, a structured syntax suffix (RFC 6839).
    JsonSuffix,
    /// `text/plain`, which browsers send without asking for permission (CORS) and beacons by
    /// default.
    TextPlain,
    /// `application/x-www-form-urlencoded`, `multipart/form-data` or `multipart/mixed`: the types
    /// that Plausible's server (Plug) reads as a form.
    Form,
    /// Anything else, unparsable values and lists of several types included.
    Other,
}

/// The media type of a request. A repeated field is a list, which no media type is:
/// [`MediaType::Other`].
pub fn media_type(head: &RequestHead<'_>) -> MediaType {
    match head.joined("content-type") {
        Some(value) => of_value(&value),
        None => MediaType::Absent,
    }
}

/// A type that starts as gRPC's do (`application/grpc`, `application/grpc+proto`, also
/// `application/grpcx`), in any letter case.
pub fn is_grpc(head: &RequestHead<'_>) -> bool {
    const START: &[u8] = b"application/grpc";
    head.all("content-type").any(|value| {
        value.get(..START.len()).is_some_and(|start| start.eq_ignore_ascii_case(START))
    })
}

/// A value without its parameters.
pub fn essence(value: &[u8]) -> &[u8] {
    trim(value.split(|byte| *byte == b';').next().unwrap_or_default())
}

fn of_value(value: &[u8]) -> MediaType {
    let essence = essence(value);
    if essence.is_empty() {
        MediaType::Empty
    } else if essence.eq_ignore_ascii_case(b"application/json") {
        MediaType::Json
    } else if essence.eq_ignore_ascii_case(b"text/plain") {
        MediaType::TextPlain
    } else if has_json_suffix(essence) {
        MediaType::JsonSuffix
    } else if FORMS.iter().any(|form| essence.eq_ignore_ascii_case(form)) {
        MediaType::Form
    } else {
        MediaType::Other
    }
}

const FORMS: [&[u8]; 3] =
    [b"application/x-www-form-urlencoded", b"multipart/form-data", b"multipart/mixed"];

fn has_json_suffix(essence: &[u8]) -> bool {
    let Some((kind, subtype)) = essence.split_at_checked(b"application/".len()) else {
        return false;
    };
    let Some((name, suffix)) =
        subtype.len().checked_sub(5).and_then(|at| subtype.split_at_checked(at))
    else {
        return false;
    };
    kind.eq_ignore_ascii_case(b"application/")
        && suffix.eq_ignore_ascii_case(b"+json")
        && !name.is_empty()
        && name.iter().all(|byte| is_token(*byte))
}

/// A `tchar` of RFC 9110 section 5.6.2.
pub fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// Whether the text is a token (RFC 9110 section 5.6.2): at least one `tchar`, and nothing else.
pub fn is_token_text(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(is_token)
}

/// A header field's name, in lower case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldName(pub String);

impl FieldName {
    /// # Errors
    /// Not a token (RFC 9110 section 5.1).
    pub fn new(name: &str) -> Result<Self, Problem> {
        if !is_token_text(name) {
            return Err(Problem::new("", "the name of a header field", format!("{name:?}")));
        }
        Ok(FieldName(name.to_ascii_lowercase()))
    }
}

crate::config::declare::text!(FieldName = FieldName::new);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_essence_decides() {
        let rows = [
            ("application/json", MediaType::Json),
            ("Application/JSON ; charset=utf-8", MediaType::Json),
            ("application/json;", MediaType::Json),
            ("text/plain;charset=UTF-8", MediaType::TextPlain),
            ("application/csp-report+json", MediaType::JsonSuffix),
            ("application/+json", MediaType::Other),
            ("application/a b+json", MediaType::Other),
            ("text/x+json", MediaType::Other),
            ("application/jsonp", MediaType::Other),
            ("application/x-www-form-urlencoded", MediaType::Form),
            ("Application/X-WWW-Form-Urlencoded; charset=utf-8", MediaType::Form),
            ("multipart/form-data; boundary=x", MediaType::Form),
            ("multipart/mixed", MediaType::Form),
            ("multipart/related", MediaType::Other),
            ("application/json,application/json", MediaType::Other),
            ("json", MediaType::Other),
            ("", MediaType::Empty),
            (" ; charset=utf-8", MediaType::Empty),
        ];
        for (value, expected) in rows {
            let head = RequestHead::new(vec![(b"content-type", value.as_bytes())]);
            assert_eq!(media_type(&head), expected, "{value:?}");
        }
        let twice = RequestHead::new(vec![
            (b"content-type", b"text/plain"),
            (b"content-type", b"text/plain"),
        ]);
        assert_eq!(media_type(&twice), MediaType::Other);
        assert_eq!(media_type(&RequestHead::default()), MediaType::Absent);
        assert_eq!(
            media_type(&RequestHead::new(vec![(b"content-type", b"\xE9")])),
            MediaType::Other
        );
    }
}
