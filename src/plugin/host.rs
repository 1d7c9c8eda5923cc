//! The calls out, each of which returns what became of it. With `exports`, the only file of wasm's
//! with `unsafe`.
//!
//! A buffer that the host hands over has been allocated by it through our exported [`malloc`],
//! which makes it a `Box<[u8]>`'s memory of exactly its length; a null pointer stands for nothing.
#![allow(unsafe_code)]

mod abi;

use super::fields::serialized;
use crate::filter::host::{Kind, Map};
use std::ptr::null_mut;

/// What a host call returned instead of 0: a proxy-wasm `Status` (2 bad argument, 10 internal
/// failure, …).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failed(pub u32);

pub type Result<T> = core::result::Result<T, Failed>;

#[derive(Debug, Clone, Copy)]
pub enum Level {
    Info = 2,
    Warn = 3,
    Error = 4,
    Critical = 5,
}

fn map_type(map: Map) -> u32 {
    match map {
        Map::RequestHeaders => 0,
        Map::RequestTrailers => 1,
        Map::ResponseHeaders => 2,
    }
}

#[derive(Debug, Clone, Copy)]
enum Buffer {
    RequestBody = 0,
    PluginConfiguration = 7,
}

fn metric_type(kind: Kind) -> u32 {
    match kind {
        Kind::Counter => 0,
        Kind::Gauge => 1,
        Kind::Histogram => 2,
    }
}

const CALL_RESPONSE_HEADERS: u32 = 6;
const REQUEST_STREAM: u32 = 0;
/// `Status::NotFound`: there is no such field.
const NOT_FOUND: u32 = 1;
/// No gRPC status of our own.
const NO_GRPC_STATUS: i32 = -1;

fn done(status: u32) -> Result<()> {
    if status == 0 { Ok(()) } else { Err(Failed(status)) }
}

/// Memory for the host to fill and hand over.
pub fn malloc(size: usize) -> *mut u8 {
    Box::into_raw(Box::<[u8]>::new_uninit_slice(size)).cast()
}

/// Takes over what a call handed out.
fn taken(status: u32, data: *mut u8, size: usize) -> Result<Vec<u8>> {
    done(status)?;
    if data.is_null() {
        return Ok(Vec::new());
    }
    // SAFETY: see the head of the file; the host hands a buffer over once, and has filled it.
    Ok(unsafe { Vec::from_raw_parts(data, size, size) })
}

pub fn log(level: Level, message: &str) {
    // SAFETY: pointer and length are of one string, which the host only reads during the call.
    let _ = unsafe { abi::proxy_log(level as u32, message.as_ptr(), message.len()) };
}

/// 0 stops the ticks.
pub fn set_tick_period_ms(period_ms: u32) -> Result<()> {
    done(abi::proxy_set_tick_period_milliseconds(period_ms))
}

/// Makes the calls that follow, until the end of this callback, mean another stream.
pub fn turn_to(context_id: u32) -> Result<()> {
    done(abi::proxy_set_effective_context(context_id))
}

/// Lets a stream go on whose request headers are held.
pub fn resume_request() -> Result<()> {
    done(abi::proxy_continue_stream(REQUEST_STREAM))
}

pub fn define_metric(kind: Kind, name: &str) -> Result<u32> {
    let mut id = 0;
    // SAFETY: pointer and length are of one string; `id` outlives the call.
    done(unsafe {
        abi::proxy_define_metric(metric_type(kind), name.as_ptr(), name.len(), &raw mut id)
    })?;
    Ok(id)
}

/// Counts a counter up; a gauge also down.
pub fn add(metric: u32, count: i64) -> Result<()> {
    done(abi::proxy_increment_metric(metric, count))
}

/// Adds a value to a histogram.
pub fn record(metric: u32, value: u64) -> Result<()> {
    done(abi::proxy_record_metric(metric, value))
}

/// Nanoseconds since 1970.
pub fn now_ns() -> Result<u64> {
    let mut time = 0;
    // SAFETY: the pointer outlives the call.
    done(unsafe { abi::proxy_get_current_time_nanoseconds(&raw mut time) })?;
    Ok(time)
}

pub fn plugin_configuration(size: usize) -> Result<Vec<u8>> {
    buffer(Buffer::PluginConfiguration, size)
}

/// The request body held so far, at most `size` bytes of it.
pub fn request_body(size: usize) -> Result<Vec<u8>> {
    buffer(Buffer::RequestBody, size)
}

/// Puts `bytes` in place of the first `size` bytes of the request body held so far.
pub fn replace_request_body(size: usize, bytes: &[u8]) -> Result<()> {
    // SAFETY: pointer and length are of one slice, which the host only reads during the call.
    done(unsafe {
        abi::proxy_set_buffer_bytes(
            Buffer::RequestBody as u32,
            0,
            size,
            bytes.as_ptr(),
            bytes.len(),
        )
    })
}

fn buffer(kind: Buffer, size: usize) -> Result<Vec<u8>> {
    if size == 0 {
        return Ok(Vec::new());
    }
    let (mut data, mut length) = (null_mut(), 0);
    // SAFETY: both pointers outlive the call.
    let status = unsafe {
        abi::proxy_get_buffer_bytes(kind as u32, 0, size, &raw mut data, &raw mut length)
    };
    taken(status, data, length)
}

/// All fields of a map in the ABI's form; see [`super::fields::pairs`].
pub fn header_map(map: Map) -> Result<Vec<u8>> {
    let (mut data, mut size) = (null_mut(), 0);
    // SAFETY: both pointers outlive the call.
    let status =
        unsafe { abi::proxy_get_header_map_pairs(map_type(map), &raw mut data, &raw mut size) };
    taken(status, data, size)
}

/// The first value of a field; empty where there is none.
pub fn header(map: Map, name: &str) -> Result<Vec<u8>> {
    field(map_type(map), name)
}

fn field(map: u32, name: &str) -> Result<Vec<u8>> {
    let (mut data, mut size) = (null_mut(), 0);
    // SAFETY: pointer and length are of one string; the out pointers outlive the call.
    let status = unsafe {
        abi::proxy_get_header_map_value(
            map,
            name.as_ptr(),
            name.len(),
            &raw mut data,
            &raw mut size,
        )
    };
    match taken(status, data, size) {
        Err(Failed(NOT_FOUND)) => Ok(Vec::new()),
        other => other,
    }
}

/// The status of the answer to a call that the current callback is for; `None` where there is none.
pub fn call_status() -> Option<u16> {
    let status = field(CALL_RESPONSE_HEADERS, ":status").ok()?;
    std::str::from_utf8(&status).ok()?.parse().ok()
}

/// Sends a request to a cluster, in the name of the context that is turned to.
pub fn call(
    cluster: &str,
    fields: &[(Vec<u8>, Vec<u8>)],
    body: &[u8],
    timeout_ms: u32,
) -> Result<()> {
    let (fields, trailers) = (serialized(fields), serialized::<&str>(&[]));
    let mut token = 0;
    // SAFETY: pointers and lengths are of one slice each, which the host only reads during the
    // call; `token` outlives it.
    done(unsafe {
        abi::proxy_http_call(
            cluster.as_ptr(),
            cluster.len(),
            fields.as_ptr(),
            fields.len(),
            body.as_ptr(),
            body.len(),
            trailers.as_ptr(),
            trailers.len(),
            timeout_ms,
            &raw mut token,
        )
    })
}

/// Adds a value to those that a field has.
pub fn add_header(map: Map, name: &str, value: &[u8]) -> Result<()> {
    // SAFETY: pointers and lengths are of one slice each, which the host only reads during the
    // call.
    done(unsafe {
        abi::proxy_add_header_map_value(
            map_type(map),
            name.as_ptr(),
            name.len(),
            value.as_ptr(),
            value.len(),
        )
    })
}

/// Sets a field, in place of all values it has.
pub fn set_header(map: Map, name: &str, value: &[u8]) -> Result<()> {
    // SAFETY: pointers and lengths are of one slice each, which the host only reads during the
    // call.
    done(unsafe {
        abi::proxy_replace_header_map_value(
            map_type(map),
            name.as_ptr(),
            name.len(),
            value.as_ptr(),
            value.len(),
        )
    })
}

/// Removes all values of a field.
pub fn remove_header(map: Map, name: &[u8]) -> Result<()> {
    // SAFETY: pointer and length are of one slice, which the host only reads during the call.
    done(unsafe { abi::proxy_remove_header_map_value(map_type(map), name.as_ptr(), name.len()) })
}

/// `path` is joined by NUL bytes.
pub fn property(path: &str) -> Result<Vec<u8>> {
    let (mut data, mut size) = (null_mut(), 0);
    // SAFETY: pointer and length are of one string; the out pointers outlive the call.
    let status =
        unsafe { abi::proxy_get_property(path.as_ptr(), path.len(), &raw mut data, &raw mut size) };
    taken(status, data, size)
}

/// Filter state `wasm.<path>`.
pub fn set_property(path: &str, value: &[u8]) -> Result<()> {
    // SAFETY: pointers and lengths are of one slice each, which the host only reads during the
    // call.
    done(unsafe { abi::proxy_set_property(path.as_ptr(), path.len(), value.as_ptr(), value.len()) })
}

pub fn send_local_response(
    status: u16,
    details: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Result<()> {
    let headers = serialized(headers);
    // SAFETY: pointers and lengths are of one slice each, which the host only reads during the
    // call.
    done(unsafe {
        abi::proxy_send_local_response(
            u32::from(status),
            details.as_ptr(),
            details.len(),
            body.as_ptr(),
            body.len(),
            headers.as_ptr(),
            headers.len(),
            NO_GRPC_STATUS,
        )
    })
}
