//! Captured traffic of any bytes is read to its end; what others can read of it is read as they do,
//! and what we write is read back.

use prost::Message;
use serde_json::json;
use trackgate_cli::capture::{Captured, Record, read_plain};
use trackgate_cli::{explain, shown};

fn records(bytes: &[u8]) -> Vec<Record> {
    let mut records = Vec::new();
    read_plain(bytes, "f", &mut |record| records.push(record)).expect("memory can be read");
    records
}

/// # Panics
/// More is found than stands there, or an error is not one line.
pub fn check(bytes: &[u8]) {
    let records = records(bytes);
    assert!(records.len() <= bytes.len() + 1, "a record takes a byte");
    for record in records {
        match record {
            Ok(captured) => assert!(
                captured.fields.len() <= 10_003
                    && captured.head().names().count() == captured.fields.len()
            ),
            Err(error) => assert!(
                error.starts_with("f") && !shown::line(&error).contains(['\n', '\u{1b}']),
                "{error:?}"
            ),
        }
    }
    // One request: a message, a command, or JSON.
    if let Err(error) = explain::parse_request(bytes) {
        assert!(!error.is_empty() && !shown::line(error).contains('\n'));
    }
}

#[derive(Clone, PartialEq, Message)]
struct Wrapper {
    #[prost(message, optional, tag = "1")]
    trace: Option<Trace>,
}

#[derive(Clone, PartialEq, Message)]
struct Trace {
    #[prost(message, optional, tag = "1")]
    request: Option<Request>,
    #[prost(message, optional, tag = "3")]
    connection: Option<Connection>,
}

#[derive(Clone, PartialEq, Message)]
struct Request {
    #[prost(message, repeated, tag = "1")]
    headers: Vec<Header>,
    #[prost(message, optional, tag = "2")]
    body: Option<Body>,
}

#[derive(Clone, PartialEq, Message)]
struct Header {
    #[prost(string, tag = "1")]
    key: String,
    #[prost(string, tag = "2")]
    value: String,
    #[prost(bytes = "vec", tag = "3")]
    raw_value: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
struct Body {
    #[prost(oneof = "Content", tags = "1, 2")]
    content: Option<Content>,
    #[prost(bool, tag = "3")]
    truncated: bool,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum Content {
    #[prost(bytes, tag = "1")]
    Bytes(Vec<u8>),
    #[prost(string, tag = "2")]
    Text(String),
}

#[derive(Clone, PartialEq, Message)]
struct Connection {
    #[prost(message, optional, tag = "2")]
    remote: Option<Address>,
}

#[derive(Clone, PartialEq, Message)]
struct Address {
    #[prost(message, optional, tag = "1")]
    socket: Option<Socket>,
}

#[derive(Clone, PartialEq, Message)]
struct Socket {
    #[prost(string, tag = "2")]
    address: String,
    #[prost(uint32, tag = "3")]
    port: u32,
}

fn delimited(trace: &[u8]) -> Vec<u8> {
    let mut file = Vec::new();
    prost::encode_length_delimiter(trace.len(), &mut file).expect("room");
    [file, trace.to_vec()].concat()
}

/// A tap trace of any bytes says to us what it says to prost, where prost takes it.
///
/// # Panics
/// It does not.
pub fn trace(bytes: &[u8]) {
    let file = delimited(bytes);
    // A file that begins like JSON is taken for JSON.
    if file.trim_ascii_start().first() == Some(&b'{') {
        return;
    }
    let Some(Ok(found)) = records(&file).pop() else {
        // Groups, which we do not take, begin with a byte like these.
        let has_group = bytes.iter().any(|byte| byte & 7 == 3);
        let theirs = Wrapper::decode(bytes).ok().and_then(|wrapper| wrapper.trace);
        return assert!(has_group || theirs.is_none(), "{theirs:?}");
    };
    let Ok(Wrapper { trace: Some(theirs) }) = Wrapper::decode(bytes) else { return };
    let request = theirs.request.unwrap_or_default();
    let fields: Vec<(String, Vec<u8>)> = request
        .headers
        .into_iter()
        .map(|header| {
            let value =
                if header.value.is_empty() { header.raw_value } else { header.value.into_bytes() };
            (header.key.to_ascii_lowercase(), value)
        })
        .collect();
    assert_eq!(found.fields, fields);
    let body = request.body.unwrap_or_default();
    assert_eq!(found.truncated, body.truncated);
    let content = match body.content {
        Some(Content::Bytes(bytes)) => bytes,
        Some(Content::Text(text)) => text.into_bytes(),
        None => Vec::new(),
    };
    assert_eq!(found.body, content);
    let socket = theirs.connection.and_then(|connection| connection.remote?.socket);
    assert_eq!(found.address.is_some(), socket.is_some());
    if let (Some(address), Some(socket)) = (found.address, socket) {
        assert!(
            address.contains(&socket.address) && address.ends_with(&format!(":{}", socket.port)),
            "{address}"
        );
    }
}

/// The same, without what a command or a header field cannot hold.
///
/// # Panics
/// As there.
pub fn written_by_chance(path: &str, fields: &[(String, String)], body: &str) {
    let token = |text: &str| {
        text.chars()
            .filter(char::is_ascii_alphanumeric)
            .take(20)
            .collect::<String>()
            .to_ascii_lowercase()
    };
    let line = |text: &str| text.replace(['\r', '\n', '\0'], "");
    let fields: Vec<(String, String)> =
        fields.iter().map(|(name, value)| (token(name), line(value))).collect();
    written(&token(path), &fields, body);
}

/// A request that is written as a line, an entry of a HAR, a trace or a command is read back.
///
/// # Panics
/// It is another.
pub fn written(path: &str, fields: &[(String, String)], body: &str) {
    let mut expected = Captured::new("x".to_owned(), "POST", path, "h.example");
    fields.iter().for_each(|(name, value)| expected.push(name, value.as_bytes()));
    expected.body = body.as_bytes().to_vec();
    let line = json!({"id": "x", "method": "POST", "path": path, "authority": "h.example", "headers": fields, "body": body});
    let pretty = serde_json::to_string_pretty(&line).expect("text");
    for text in [line.to_string(), pretty, format!("{line}\n\n{line}")] {
        for record in records(text.as_bytes()) {
            assert_eq!(record.as_ref(), Ok(&expected), "{text}");
        }
    }
    let raw: Vec<_> = expected
        .fields
        .iter()
        .map(|(name, value)| Header {
            key: name.clone(),
            value: String::new(),
            raw_value: value.clone(),
        })
        .collect();
    let request = Request {
        headers: raw,
        body: Some(Body { content: Some(Content::Text(body.to_owned())), truncated: false }),
    };
    let bytes =
        Wrapper { trace: Some(Trace { request: Some(request), connection: None }) }.encode_to_vec();
    trace(&bytes);
    let quoted = |text: &str| format!("'{}'", text.replace('\'', "'\\''"));
    let mut command = "curl".to_owned();
    for (name, value) in fields {
        command.push_str(&format!(" -H {}", quoted(&format!("{name}: {value}"))));
    }
    command.push_str(&format!(
        " --data-raw={} -XPOST --url {}",
        quoted(body),
        quoted(&format!("https://h.example/{path}"))
    ));
    let read = explain::parse_request(command.as_bytes())
        .unwrap_or_else(|error| panic!("{command}: {error}"));
    assert_eq!(
        (read.head().path(), read.body.as_slice()),
        (format!("/{path}").as_bytes(), body.as_bytes()),
        "{command}"
    );
}
