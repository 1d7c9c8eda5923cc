//! What Envoy's tap filter writes: `envoy.data.tap.v3.TraceWrapper`, as JSON or as length-delimited
//! protobuf.

use super::bounded::{Bounded, MAX_RECORD_BYTES, end};
use super::fields::{Limited, MAX_FIELDS, Text};
use super::protobuf::{Content, Fields, Malformed};
use super::{Captured, Record};
use base64::Engine;
use serde::Deserialize;
use std::io::{BufRead, Read};

/// `PROTO_BINARY_LENGTH_DELIMITED`: each trace after its length as a varint.
pub fn read_delimited(
    mut bytes: Bounded<impl BufRead>,
    name: &str,
    each: &mut dyn FnMut(Record),
) -> std::io::Result<()> {
    let limit = bytes.limit();
    let mut trace = Vec::new();
    for number in 1.. {
        let place = format!("{name}:{number}");
        let length = match varint(&mut bytes) {
            Ok(Some(length)) => length,
            Ok(None) => break,
            Err(error) => return end(error, &place, each),
        };
        if length > MAX_RECORD_BYTES {
            let most = MAX_RECORD_BYTES >> 20;
            each(Err(format!(
                "{place}: expected a length-delimited tap trace of at most {most} MiB, found a length of {length} bytes"
            )));
            break;
        }
        trace.clear();
        if let Err(error) = bytes.by_ref().take(length).read_to_end(&mut trace) {
            return end(error, &place, each);
        }
        if (trace.len() as u64) < length {
            each(Err(format!(
                "{place}: expected a trace of {length} bytes, found {} to the end of the file",
                trace.len()
            )));
            break;
        }
        limit.pass(of_bytes(&trace, place), each);
    }
    Ok(())
}

/// `None` at the end of the file.
fn varint(bytes: &mut impl BufRead) -> std::io::Result<Option<u64>> {
    let mut value = 0u64;
    for shift in (0..70).step_by(7) {
        let mut byte = [0];
        if bytes.read(&mut byte)? == 0 {
            return Ok(None);
        }
        let [byte] = byte;
        value |= u64::from(byte & 0x7F).checked_shl(shift).unwrap_or(0);
        if byte & 0x80 == 0 {
            break;
        }
    }
    Ok(Some(value))
}

/// A `TraceWrapper`. Numbers of fields are those of `envoy/data/tap/v3`; a message that stands
/// twice is read as one, as the format has it.
fn of_bytes(wrapper: &[u8], place: String) -> Record {
    let malformed = |Malformed| format!("{place}: expected a tap trace, found other bytes");
    let (mut captured, mut is_http) =
        (Captured { id: place.clone(), ..Captured::default() }, false);
    let (mut peer, mut port) = (None, 0);
    for field in Fields::of(wrapper) {
        // TraceWrapper.http_buffered_trace
        let (1, Content::Bytes(trace)) = field.map_err(malformed)? else { continue };
        is_http = true;
        for field in Fields::of(trace) {
            match field.map_err(malformed)? {
                // HttpBufferedTrace.request
                (1, Content::Bytes(request)) => read_request(request, &mut captured)
                    .map_err(|found| format!("{place}: {found}"))?,
                // HttpBufferedTrace.downstream_connection
                (3, Content::Bytes(connection)) => {
                    read_peer(connection, &mut peer, &mut port).map_err(malformed)?
                }
                _ => {}
            }
        }
    }
    if !is_http {
        return Err(format!("{place}: expected an HTTP buffered trace, found another kind"));
    }
    captured.address = peer.map(|peer| joined(&peer, port));
    Ok(with_request_id(captured))
}

/// `HttpBufferedTrace.Message`
fn read_request(message: &[u8], captured: &mut Captured) -> Result<(), String> {
    let malformed = |Malformed| "expected a tap trace, found other bytes".to_owned();
    for field in Fields::of(message) {
        match field.map_err(malformed)? {
            (1, Content::Bytes(header)) => {
                if captured.fields.len() == MAX_FIELDS {
                    return Err(format!(
                        "expected a request, found more than {MAX_FIELDS} header fields"
                    ));
                }
                let (name, value) = header_value(header).map_err(malformed)?;
                captured.push(&name, value);
            }
            (2, Content::Bytes(body)) => {
                for field in Fields::of(body) {
                    match field.map_err(malformed)? {
                        (1 | 2, content) => captured.body = content.bytes().to_vec(),
                        (3, content) => captured.truncated = content.number() != 0,
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// `HeaderValue`: `value`, or `raw_value` where that is empty.
fn header_value(message: &[u8]) -> Result<(String, Vec<u8>), Malformed> {
    let (mut key, mut value, mut raw_value) = (&b""[..], &b""[..], &b""[..]);
    for field in Fields::of(message) {
        match field? {
            (1, content) => key = content.bytes(),
            (2, content) => value = content.bytes(),
            (3, content) => raw_value = content.bytes(),
            _ => {}
        }
    }
    let value = if value.is_empty() { raw_value } else { value };
    Ok((String::from_utf8_lossy(key).into_owned(), value.to_vec()))
}

/// `Connection.remote_address.socket_address`: `address` and `port_value`.
fn read_peer(
    connection: &[u8],
    address: &mut Option<String>,
    port: &mut u64,
) -> Result<(), Malformed> {
    for remote in inside(connection, 2)? {
        for socket in inside(remote, 1)? {
            let address = address.get_or_insert_default();
            for field in Fields::of(socket) {
                match field? {
                    (2, content) => {
                        *address = String::from_utf8_lossy(content.bytes()).into_owned()
                    }
                    (3, content) => *port = content.number(),
                    _ => {}
                }
            }
        }
    }
    Ok(())
}

/// The messages that stand under a number in a message.
fn inside(message: &[u8], wanted: u64) -> Result<Vec<&[u8]>, Malformed> {
    let fields = Fields::of(message).filter_map(|field| match field {
        Ok((number, Content::Bytes(bytes))) if number == wanted => Some(Ok(bytes)),
        Ok(_) => None,
        Err(malformed) => Some(Err(malformed)),
    });
    fields.collect()
}

/// `HttpBufferedTrace` in JSON, with bodies as text or as Base64.
#[derive(Deserialize)]
pub struct Trace<'a> {
    #[serde(borrow, default)]
    request: Option<Message<'a>>,
    #[serde(borrow, default)]
    downstream_connection: Option<Connection<'a>>,
}

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow, default)]
    headers: Option<Limited<HeaderValue<'a>>>,
    #[serde(borrow, default)]
    body: Option<Body<'a>>,
}

#[derive(Deserialize, Debug)]
struct HeaderValue<'a> {
    #[serde(borrow, default)]
    key: Option<Text<'a>>,
    #[serde(borrow, default)]
    value: Option<Text<'a>>,
    #[serde(borrow, default)]
    raw_value: Option<Text<'a>>,
}

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow, default)]
    as_bytes: Option<Text<'a>>,
    #[serde(borrow, default)]
    as_string: Option<Text<'a>>,
    #[serde(default)]
    truncated: Option<bool>,
}

#[derive(Deserialize)]
struct Connection<'a> {
    #[serde(borrow, default)]
    remote_address: Option<Address<'a>>,
}

#[derive(Deserialize)]
struct Address<'a> {
    #[serde(borrow, default)]
    socket_address: Option<SocketAddress<'a>>,
}

#[derive(Deserialize)]
struct SocketAddress<'a> {
    #[serde(borrow, default)]
    address: Option<Text<'a>>,
    #[serde(default)]
    port_value: Option<u64>,
}

impl Trace<'_> {
    /// # Errors
    /// What is missing.
    pub fn captured(self, place: String) -> Record {
        let (headers, body) =
            self.request.map_or((None, None), |request| (request.headers, request.body));
        let fields = headers.ok_or_else(|| {
            format!("{place}: http_buffered_trace.request.headers: expected a list, found none")
        })?;
        let mut captured = Captured { id: place.clone(), ..Captured::default() };
        for HeaderValue { key, value, raw_value } in fields.0 {
            let raw = raw_value.and_then(|Text(text)| decoded(&text));
            let text = value
                .filter(|Text(text)| !text.is_empty())
                .map(|Text(text)| text.into_owned().into_bytes());
            captured
                .push(key.as_ref().map_or("", |Text(key)| key), text.or(raw).unwrap_or_default());
        }
        if let Some(Body { as_bytes, as_string, truncated }) = body {
            captured.truncated = truncated.unwrap_or(false);
            captured.body = match (as_bytes, as_string) {
                (Some(Text(encoded)), _) => decoded(&encoded).ok_or_else(|| {
                    format!("{place}: request.body.as_bytes: expected Base64, found other text")
                })?,
                (None, text) => {
                    text.map_or_else(Vec::new, |Text(text)| text.into_owned().into_bytes())
                }
            };
        }
        let peer = self
            .downstream_connection
            .and_then(|connection| connection.remote_address?.socket_address);
        captured.address =
            peer.and_then(|peer| Some(joined(&peer.address?.0, peer.port_value.unwrap_or(0))));
        Ok(with_request_id(captured))
    }
}

fn decoded(text: &str) -> Option<Vec<u8>> {
    base64::engine::general_purpose::STANDARD.decode(text).ok()
}

fn joined(address: &str, port: u64) -> String {
    if address.contains(':') { format!("[{address}]:{port}") } else { format!("{address}:{port}") }
}

/// The id that Envoy gave the request says more than a file and a number.
fn with_request_id(mut captured: Captured) -> Captured {
    if let Some((_, id)) = captured.fields.iter().find(|(name, _)| name == "x-request-id") {
        captured.id = String::from_utf8_lossy(id).into_owned();
    }
    captured
}
