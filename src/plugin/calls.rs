//! The filter's calls, as host calls of the current stream.

use super::metrics::{Definitions, Requests};
use super::{fields, host};
use crate::filter::host::{Failed, Field, Host, Map, Meter, Result};
use crate::filter::metrics::Outcome;
use crate::filter::quarantine::{Message, TIMEOUT_MS};
use std::borrow::Cow;

/// The stream, or the root, whose callback runs.
#[derive(Debug, Clone, Copy)]
pub struct Wasm {
    pub context_id: u32,
}

/// The root that calls to clusters belong to; `None` where there are none.
#[derive(Debug, Clone, Copy)]
pub struct Sender {
    pub root_id: Option<u32>,
}

impl From<host::Failed> for Failed {
    fn from(_: host::Failed) -> Self {
        Failed
    }
}

impl Meter for Wasm {
    type Setup = Definitions;

    fn increment(&self, metric: &u32) {
        let _ = host::add(*metric, 1);
    }

    fn decrement(&self, metric: &u32) {
        let _ = host::add(*metric, -1);
    }

    fn record(&self, metric: &u32, value: u64) {
        let _ = host::record(*metric, value);
    }

    fn count_request(&self, requests: &Requests, endpoint: usize, outcome: Outcome) {
        requests.count(endpoint, outcome);
    }
}

impl Host for Wasm {
    fn fields<T>(&self, map: Map, read: impl FnOnce(Vec<Field<'_>>) -> T) -> Result<T> {
        let section = host::header_map(map)?;
        Ok(read(fields::pairs(&section)))
    }

    fn field(&self, map: Map, name: &str) -> Result<Cow<'_, [u8]>> {
        Ok(Cow::Owned(host::header(map, name)?))
    }

    /// A list of capabilities that was written for an earlier version may not grant the call.
    fn add_field(&mut self, map: Map, name: &str, value: &[u8]) -> Result<()> {
        match host::add_header(map, name, value) {
            Ok(()) => Ok(()),
            Err(_) => self.set_field(map, name, value),
        }
    }

    fn set_field(&mut self, map: Map, name: &str, value: &[u8]) -> Result<()> {
        Ok(host::set_header(map, name, value)?)
    }

    fn remove_field(&mut self, map: Map, name: &[u8]) -> Result<()> {
        Ok(host::remove_header(map, name)?)
    }

    fn body(&self, size: usize) -> Result<Cow<'_, [u8]>> {
        Ok(Cow::Owned(host::request_body(size)?))
    }

    fn replace_body(&mut self, size: usize, bytes: &[u8]) -> Result<()> {
        Ok(host::replace_request_body(size, bytes)?)
    }

    fn source_address(&self) -> Cow<'_, [u8]> {
        Cow::Owned(host::property("source\0address").unwrap_or_default())
    }

    fn is_http1(&self) -> bool {
        host::property("request\0protocol").is_ok_and(|protocol| protocol.starts_with(b"HTTP/1"))
    }

    fn now_ns(&self) -> u64 {
        host::now_ns().unwrap_or(0)
    }

    /// Filter state `wasm.<name>`.
    fn publish(&mut self, name: &str, value: &[u8]) -> Result<()> {
        Ok(host::set_property(name, value)?)
    }

    fn reply(
        &mut self,
        status: u16,
        details: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Result<()> {
        Ok(host::send_local_response(status, details, headers, body)?)
    }

    /// As a call of the root, for those of a stream end with it.
    fn send_aside(&mut self, sender: &Sender, message: Message) -> Result<()> {
        host::turn_to(sender.root_id.ok_or(Failed)?)?;
        let sent = host::call(&message.cluster, &message.fields, &message.body, TIMEOUT_MS);
        host::turn_to(self.context_id)?;
        Ok(sent?)
    }

    /// The operator's: Envoy asks no wasm filter.
    fn make_room(&mut self, _size: usize) {}

    /// What is held leaves when the callback ends: the piece makes room for what goes before it.
    fn send_ahead(&mut self, size: usize, first: &[u8]) -> Result<Vec<u8>> {
        let piece = host::request_body(size)?;
        host::replace_request_body(size, first)?;
        host::resume_request()?;
        Ok(piece)
    }
}
