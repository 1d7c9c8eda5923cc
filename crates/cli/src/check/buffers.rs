//! What Envoy can hold of a body, by the bootstrap around the filter, beside what the filter wants
//! to hold.

use crate::configuration::{Found, Source};
use serde_json::Value;
use std::num::NonZeroUsize;
use std::sync::Arc;
use trackgate::config::Config;
use trackgate::gate::{BodyPhase, Endpoint, Gate};
use trackgate::rules::problem::Problem;

/// Envoy's own, where the listener does not say.
const CONNECTION_BYTES: u64 = 1 << 20;
/// The same of HTTP/2's stream window.
const WINDOW_BYTES: u64 = 16 << 20;

const CONNECTION: [&str; 2] =
    ["per_connection_buffer_limit_bytes", "perConnectionBufferLimitBytes"];
const WINDOW: [&str; 2] = ["initial_stream_window_size", "initialStreamWindowSize"];
const ROUTE: [&str; 2] = ["request_body_buffer_limit", "requestBodyBufferLimit"];
const BUFFER: [&str; 2] = ["max_request_bytes", "maxRequestBytes"];

/// Problems and warnings about the listener that holds the filter. Nothing is known of one that is
/// elsewhere.
pub fn of(
    found: &Found,
    documents: &[Value],
    config: &Config,
    gate: &Gate,
) -> (Vec<Problem>, Vec<String>) {
    match found.source {
        // Nothing is found of a listener that is not in the file.
        Source::Bootstrap | Source::Module => {}
        Source::Plain | Source::WasmPlugin | Source::EnvoyFilter | Source::ExtensionPolicy => {
            return Default::default();
        }
    }
    let Some(listener) = documents.iter().find_map(|document| listener_of(document, &found.around))
    else {
        return Default::default();
    };
    match gate.body_phase {
        BodyPhase::Hold => hold(listener, config, gate),
        BodyPhase::Compat => (Vec::new(), compat(listener, gate)),
    }
}

fn hold(listener: &Value, config: &Config, gate: &Gate) -> (Vec<Problem>, Vec<String>) {
    let connection = numbers(listener, &CONNECTION).into_iter().min().unwrap_or(CONNECTION_BYTES);
    let window = numbers(listener, &WINDOW).into_iter().min().unwrap_or(WINDOW_BYTES);
    let route = numbers(listener, &ROUTE).into_iter().max().unwrap_or(0);
    let [over_http1, over_http2] = [connection.max(route), window.max(route)];
    let (wanted, holds) = (wanted(gate), over_http1.min(over_http2));
    if let Some(told) = config.written.buffer_limit_bytes.map(NonZeroUsize::get) {
        let expected = format!(
            "at most {holds}, which is what Envoy holds here (per_connection_buffer_limit_bytes {connection}, initial_stream_window_size {window})"
        );
        let is_wrong = told as u64 > holds;
        return (
            is_wrong
                .then(|| Problem::new("buffer_limit_bytes", expected, told.to_string()))
                .into_iter()
                .collect(),
            Vec::new(),
        );
    }
    let mut warnings = Vec::new();
    if wanted > holds {
        warnings.push(format!(
            "buffer_limit_bytes: not set, where Envoy holds {holds} bytes and the endpoints take {wanted}: Envoy refuses what is in between, in \
             shadow mode too"
        ));
    } else if wanted + connection > over_http1 {
        warnings.push(format!(
            "request_body_buffer_limit: less than {} on the routes: a large chunked body may be refused by Envoy, which reads \
             per_connection_buffer_limit_bytes ({connection}) at once beside the {wanted} that are held",
            wanted + connection
        ));
    }
    (Vec::new(), warnings)
}

fn compat(listener: &Value, gate: &Gate) -> Vec<String> {
    let mut warnings = Vec::new();
    let (wanted, holds) = (wanted(gate), numbers(listener, &BUFFER).into_iter().min());
    if let Some(holds) = holds.filter(|holds| *holds < wanted) {
        warnings.push(format!("max_request_bytes: {holds}, where the endpoints take {wanted}: Envoy refuses what is in between"));
    }
    if holds.is_some()
        && !has_text(
            listener,
            "type.googleapis.com/envoy.extensions.filters.http.buffer.v3.BufferPerRoute",
        )
    {
        warnings.push(
            "envoy.filters.http.buffer: on for every route: uploads are refused, WebSockets and gRPC streams hang: turn it off by BufferPerRoute \
             where the verdict is not pending"
                .to_owned(),
        );
    }
    warnings
}

/// The largest body that some endpoint takes.
fn wanted(gate: &Gate) -> u64 {
    let largest = |endpoint: &Arc<Endpoint>| {
        // A batch of `custom` is a part of a request, and no more than that.
        let has_batch_paths = endpoint.vendor.contract().limits.batch_bytes > 0;
        endpoint.limits.largest(has_batch_paths) as u64
    };
    gate.endpoints.iter().map(largest).max().unwrap_or(0)
}

/// The innermost object with `filter_chains` around a value.
pub fn listener_of<'d>(document: &'d Value, around: &Value) -> Option<&'d Value> {
    let inner = match document {
        Value::Object(members) => members.values().find_map(|member| listener_of(member, around)),
        Value::Array(list) => list.iter().find_map(|element| listener_of(element, around)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    };
    let is_listener =
        ["filter_chains", "filterChains"].iter().any(|name| document.get(name).is_some());
    inner.or_else(|| (is_listener && has(document, around)).then_some(document))
}

fn has(value: &Value, wanted: &Value) -> bool {
    value == wanted
        || match value {
            Value::Object(members) => members.values().any(|member| has(member, wanted)),
            Value::Array(list) => list.iter().any(|element| has(element, wanted)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
        }
}

fn has_text(value: &Value, text: &str) -> bool {
    has(value, &Value::String(text.to_owned()))
}

/// What a field says wherever it stands below; protobuf's JSON may write a number as a string.
fn numbers(value: &Value, names: &[&str]) -> Vec<u64> {
    let number = |value: &Value| {
        value.as_u64().or_else(|| value.as_str().and_then(|text| text.parse().ok()))
    };
    match value {
        Value::Object(members) => {
            let own = members
                .iter()
                .filter(|(name, _)| names.contains(&name.as_str()))
                .filter_map(|(_, value)| number(value));
            own.chain(members.values().flat_map(|member| numbers(member, names))).collect()
        }
        Value::Array(list) => list.iter().flat_map(|element| numbers(element, names)).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    }
}
