//! The filter's calls, as calls to Envoy. With `abi`, `guard` and `hooks`, the only files of the
//! module's with `unsafe`.
//!
//! Who owns what, for all that follows. Envoy's pointers to its stream and its configuration are
//! good while the hook runs to which it has given them; a [`Native`] is made at its start, and
//! cannot outlive it by its lifetime. What Envoy lends (fields, pieces of a body, attributes) is
//! good until anything is set, or the hook ends: reading borrows the [`Native`] and setting borrows
//! it exclusively, so that the compiler refuses what would read memory that is gone. What we lend
//! is read during the call.
#![allow(unsafe_code)]

mod body;
mod config;
mod reply;
mod sender;

pub use config::Config;
pub use sender::{Sender, status};

use super::abi::{self, Attribute, EnvoyBuffer, EnvoyField, ModuleBuffer, Section};
use super::metrics::{Defined, Definitions, Requests};
use crate::filter::host::{Failed, Field, Host, Kind, Map, Meter, Result};
use crate::filter::metrics::Outcome;
use crate::filter::quarantine::Message;
use crate::request::RequestHead;
use crate::rules::content_type::is_grpc;
use reply::Reply;
use std::borrow::Cow;
use std::marker::PhantomData;
use std::ptr::null_mut;
use std::time::{SystemTime, UNIX_EPOCH};

/// The stream whose hook runs.
#[derive(Debug)]
pub struct Native<'hook> {
    stream: abi::StreamPtr,
    hook: PhantomData<&'hook ()>,
}

fn section(map: Map) -> Section {
    match map {
        Map::RequestHeaders => Section::RequestHeaders,
        Map::RequestTrailers => Section::RequestTrailers,
        Map::ResponseHeaders => Section::ResponseHeaders,
    }
}

fn done(is_done: bool) -> Result<()> {
    if is_done { Ok(()) } else { Err(Failed) }
}

impl Native<'_> {
    /// # Safety
    /// The pointer is what Envoy has given to the hook that runs, and the value is gone when that
    /// ends.
    pub unsafe fn new(stream: abi::StreamPtr) -> Self {
        Native { stream, hook: PhantomData }
    }

    /// The bytes of the request body that Envoy holds, the last piece among them.
    pub fn body_size(&self) -> usize {
        body::size(self)
    }

    fn attribute(&self, attribute: Attribute) -> Option<&[u8]> {
        let mut value = EnvoyBuffer::EMPTY;
        // SAFETY: see the head of the file; `value` outlives the call.
        let is_known = unsafe {
            abi::envoy_dynamic_module_callback_http_filter_get_attribute_string(
                self.stream,
                attribute,
                &raw mut value,
            )
        };
        // SAFETY: what is lent is borrowed from `self`.
        is_known.then(|| unsafe { lent(value) })
    }

    /// Calls a setter, one of two of one form.
    fn set(&mut self, set: Setter, map: Map, name: &[u8], value: ModuleBuffer<'_>) -> Result<()> {
        // SAFETY: see the head of the file; nothing that was lent is borrowed any more.
        done(unsafe { set(self.stream, section(map), name.into(), value) })
    }

    /// The values of a metric's labels, for a call that counts.
    fn count(&self, count: CountStream, metric: &Defined, values: &[ModuleBuffer<'_>], value: u64) {
        // SAFETY: see the head of the file.
        let _ = unsafe { count(self.stream, metric.id, values.as_ptr(), values.len(), value) };
    }

    /// Counts one of a metric whose labels have these values.
    pub fn increment_labelled(&self, id: usize, values: &[ModuleBuffer<'_>]) {
        // SAFETY: see the head of the file.
        let _ = unsafe {
            abi::envoy_dynamic_module_callback_http_filter_increment_counter(
                self.stream,
                id,
                values.as_ptr(),
                values.len(),
                1,
            )
        };
    }
}

type Setter =
    unsafe extern "C" fn(abi::StreamPtr, Section, ModuleBuffer<'_>, ModuleBuffer<'_>) -> bool;
type CountStream = unsafe extern "C" fn(
    abi::StreamPtr,
    usize,
    *const ModuleBuffer<'_>,
    usize,
    u64,
) -> abi::MetricsResult;

/// # Safety
/// The caller borrows what is returned from the [`Native`] whose call has lent it.
pub unsafe fn lent<'a>(buffer: EnvoyBuffer) -> &'a [u8] {
    if buffer.data.is_null() || buffer.length == 0 {
        return b"";
    }
    // SAFETY: Envoy says that so many bytes are there.
    unsafe { std::slice::from_raw_parts(buffer.data, buffer.length) }
}

/// Nanoseconds since 1970.
pub fn now_ns() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

pub fn log(level: abi::Level, message: &str) {
    // SAFETY: Envoy reads the message during the call.
    unsafe { abi::envoy_dynamic_module_callback_log(level, message.into()) };
}

impl Meter for Native<'_> {
    type Setup = Definitions;

    fn increment(&self, metric: &Defined) {
        let count = match metric.kind {
            Kind::Gauge => abi::envoy_dynamic_module_callback_http_filter_increment_gauge,
            Kind::Counter | Kind::Histogram => {
                abi::envoy_dynamic_module_callback_http_filter_increment_counter
            }
        };
        self.count(count, metric, &metric.values(), 1);
    }

    fn decrement(&self, metric: &Defined) {
        let count = abi::envoy_dynamic_module_callback_http_filter_decrement_gauge;
        self.count(count, metric, &metric.values(), 1);
    }

    fn record(&self, metric: &Defined, value: u64) {
        let count = abi::envoy_dynamic_module_callback_http_filter_record_histogram_value;
        self.count(count, metric, &metric.values(), value);
    }

    fn count_request(&self, requests: &Requests, endpoint: usize, outcome: Outcome) {
        requests.count(self, endpoint, outcome);
    }
}

impl Host for Native<'_> {
    fn fields<T>(&self, map: Map, read: impl FnOnce(Vec<Field<'_>>) -> T) -> Result<T> {
        let section = section(map);
        // SAFETY: see the head of the file.
        let count = unsafe {
            abi::envoy_dynamic_module_callback_http_get_headers_size(self.stream, section)
        };
        let mut fields: Vec<EnvoyField> = Vec::with_capacity(count);
        // SAFETY: there is room for all of them.
        let is_there = unsafe {
            abi::envoy_dynamic_module_callback_http_get_headers(
                self.stream,
                section,
                fields.as_mut_ptr(),
            )
        };
        done(is_there)?;
        // SAFETY: Envoy has written so many.
        unsafe { fields.set_len(count) };
        // SAFETY: what is lent is borrowed from `self` while it is read.
        let lent = |field: &EnvoyField| unsafe { (lent(field.name), lent(field.value)) };
        Ok(read(fields.iter().map(lent).collect()))
    }

    fn field(&self, map: Map, name: &str) -> Result<Cow<'_, [u8]>> {
        let mut value = EnvoyBuffer::EMPTY;
        // SAFETY: see the head of the file; `value` outlives the call. False stands for no such
        // field as well, of which there is nothing lent.
        let _ = unsafe {
            abi::envoy_dynamic_module_callback_http_get_header(
                self.stream,
                section(map),
                name.into(),
                &raw mut value,
                0,
                null_mut(),
            )
        };
        // SAFETY: what is lent is borrowed from `self`.
        Ok(Cow::Borrowed(unsafe { lent(value) }))
    }

    fn add_field(&mut self, map: Map, name: &str, value: &[u8]) -> Result<()> {
        let add = abi::envoy_dynamic_module_callback_http_add_header;
        self.set(add, map, name.as_bytes(), value.into())
    }

    fn set_field(&mut self, map: Map, name: &str, value: &[u8]) -> Result<()> {
        let set = abi::envoy_dynamic_module_callback_http_set_header;
        self.set(set, map, name.as_bytes(), value.into())
    }

    fn remove_field(&mut self, map: Map, name: &[u8]) -> Result<()> {
        let set = abi::envoy_dynamic_module_callback_http_set_header;
        self.set(set, map, name, ModuleBuffer::NONE)
    }

    fn body(&self, size: usize) -> Result<Cow<'_, [u8]>> {
        Ok(body::first(self, size))
    }

    fn replace_body(&mut self, size: usize, bytes: &[u8]) -> Result<()> {
        body::replace(self, size, bytes)
    }

    fn source_address(&self) -> Cow<'_, [u8]> {
        Cow::Borrowed(self.attribute(Attribute::SourceAddress).unwrap_or_default())
    }

    fn is_http1(&self) -> bool {
        self.attribute(Attribute::RequestProtocol)
            .is_some_and(|protocol| protocol.starts_with(b"HTTP/1"))
    }

    fn now_ns(&self) -> u64 {
        now_ns()
    }

    fn publish(&mut self, name: &str, value: &[u8]) -> Result<()> {
        // SAFETY: see the head of the file; nothing that was lent is borrowed any more.
        done(unsafe {
            abi::envoy_dynamic_module_callback_http_set_filter_state_bytes(
                self.stream,
                name.into(),
                value.into(),
            )
        })
    }

    fn reply(
        &mut self,
        status: u16,
        details: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Result<()> {
        let reply = Reply { status, details, headers, body };
        // To a request of gRPC's Envoy would reply as gRPC does, and would not have it amended.
        let is_grpc =
            self.fields(Map::RequestHeaders, |fields| is_grpc(&RequestHead::new(fields)))?;
        if is_grpc {
            reply.send_as_response(self);
        } else {
            reply.send(self);
        }
        Ok(())
    }

    fn send_aside(&mut self, sender: &Sender, message: Message) -> Result<()> {
        sender.put(message)
    }

    /// Envoy's own limit is what it may read at once, so that both fit.
    fn make_room(&mut self, size: usize) {
        // SAFETY: see the head of the file; nothing that was lent is borrowed any more.
        unsafe {
            let limit = abi::envoy_dynamic_module_callback_http_get_buffer_limit(self.stream);
            if limit > 0 {
                let raised = limit.saturating_add(size as u64);
                abi::envoy_dynamic_module_callback_http_set_buffer_limit(self.stream, raised);
            }
        }
    }

    /// What Envoy holds leaves during the call, and the piece with the end of the hook.
    fn send_ahead(&mut self, _size: usize, first: &[u8]) -> Result<Vec<u8>> {
        body::hold_first(self, first)?;
        // SAFETY: see the head of the file; nothing that was lent is borrowed any more.
        unsafe { abi::envoy_dynamic_module_callback_http_filter_continue_decoding(self.stream) };
        Ok(Vec::new())
    }
}
