//! What Envoy's tap filter writes: `envoy.data.tap.v3.TraceWrapper`, as JSON or as length-delimited protobuf.

use super::{Captured, Record};
use base64::Engine;
use prost::Message;
use serde_json::Value;
use std::io::{BufRead, Read};

/// The fields of the messages that are read; numbers are those of `envoy/data/tap/v3`.
#[derive(Clone, PartialEq, Message)]
struct TraceWrapper {
    #[prost(message, optional, tag = "1")]
    http_buffered_trace: Option<HttpBufferedTrace>,
}

#[derive(Clone, PartialEq, Message)]
struct HttpBufferedTrace {
    #[prost(message, optional, tag = "1")]
    request: Option<HttpMessage>,
    #[prost(message, optional, tag = "3")]
    downstream_connection: Option<Connection>,
}

#[derive(Clone, PartialEq, Message)]
struct HttpMessage {
    #[prost(message, repeated, tag = "1")]
    headers: Vec<HeaderValue>,
    #[prost(message, optional, tag = "2")]
    body: Option<Body>,
}

#[derive(Clone, PartialEq, Message)]
struct HeaderValue {
    #[prost(string, tag = "1")]
    key: String,
    #[prost(string, tag = "2")]
    value: String,
    #[prost(bytes = "vec", tag = "3")]
    raw_value: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
struct Body {
    #[prost(bytes = "vec", tag = "1")]
    as_bytes: Vec<u8>,
    #[prost(string, tag = "2")]
    as_string: String,
    #[prost(bool, tag = "3")]
    truncated: bool,
}

#[derive(Clone, PartialEq, Message)]
struct Connection {
    #[prost(message, optional, tag = "2")]
    remote_address: Option<Address>,
}

#[derive(Clone, PartialEq, Message)]
struct Address {
    #[prost(message, optional, tag = "1")]
    socket_address: Option<SocketAddress>,
}

#[derive(Clone, PartialEq, Message)]
struct SocketAddress {
    #[prost(string, tag = "2")]
    address: String,
    #[prost(uint32, tag = "3")]
    port_value: u32,
}

/// No trace is larger: tap itself cuts bodies at what it is told to buffer.
const MAX_TRACE_BYTES: u64 = 256 << 20;

/// `PROTO_BINARY_LENGTH_DELIMITED`: each trace after its length as a varint.
pub fn read_delimited(mut bytes: impl BufRead, name: &str, each: &mut dyn FnMut(Record)) -> std::io::Result<()> {
    for number in 1usize.. {
        let place = || format!("{name}:{number}");
        let Some(length) = varint(&mut bytes)? else { break };
        if length > MAX_TRACE_BYTES {
            each(Err(format!("{}: expected a length-delimited tap trace, found a length of {length} bytes", place())));
            break;
        }
        let mut trace = Vec::new();
        bytes.by_ref().take(length).read_to_end(&mut trace)?;
        if (trace.len() as u64) < length {
            each(Err(format!("{}: expected a trace of {length} bytes, found {} to the end of the file", place(), trace.len())));
            break;
        }
        each(match TraceWrapper::decode(trace.as_slice()) {
            Ok(TraceWrapper { http_buffered_trace: Some(trace) }) => Ok(trace.captured(place())),
            Ok(_) => Err(format!("{}: expected an HTTP buffered trace, found another kind", place())),
            Err(error) => Err(format!("{}: expected a tap trace, found {error}", place())),
        });
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

impl HttpBufferedTrace {
    fn captured(self, place: String) -> Captured {
        let request = self.request.unwrap_or_default();
        let mut captured = Captured { id: place, ..Captured::default() };
        for field in request.headers {
            captured.push(&field.key, if field.value.is_empty() { field.raw_value } else { field.value.into_bytes() });
        }
        if let Some(body) = request.body {
            captured.truncated = body.truncated;
            captured.body = if body.as_bytes.is_empty() { body.as_string.into_bytes() } else { body.as_bytes };
        }
        let peer = self.downstream_connection.and_then(|connection| connection.remote_address?.socket_address);
        captured.address = peer.map(|peer| joined(&peer.address, peer.port_value.into()));
        with_request_id(captured)
    }
}

/// A trace in JSON, with bodies as text or as Base64.
pub fn of_json(value: &Value, place: String) -> Record {
    let trace = &value["http_buffered_trace"];
    let fields = trace.pointer("/request/headers").and_then(Value::as_array);
    let fields = fields.ok_or_else(|| format!("{place}: http_buffered_trace.request.headers: expected a list, found none"))?;
    let mut captured = Captured { id: place.clone(), ..Captured::default() };
    for field in fields {
        let raw = field["raw_value"].as_str().and_then(decoded);
        let text = field["value"].as_str().filter(|text| !text.is_empty()).map(|text| text.as_bytes().to_vec());
        captured.push(field["key"].as_str().unwrap_or_default(), text.or(raw).unwrap_or_default());
    }
    let body = trace.pointer("/request/body").unwrap_or(&Value::Null);
    captured.truncated = body["truncated"].as_bool().unwrap_or(false);
    captured.body = match (body["as_bytes"].as_str(), body["as_string"].as_str()) {
        (Some(encoded), _) => {
            decoded(encoded).ok_or_else(|| format!("{place}: request.body.as_bytes: expected Base64, found other text"))?
        }
        (None, text) => text.unwrap_or_default().as_bytes().to_vec(),
    };
    let peer = trace.pointer("/downstream_connection/remote_address/socket_address").unwrap_or(&Value::Null);
    captured.address = peer["address"].as_str().map(|address| joined(address, peer["port_value"].as_u64().unwrap_or(0)));
    Ok(with_request_id(captured))
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
