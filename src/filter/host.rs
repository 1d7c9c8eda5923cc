//! What the filter asks of the proxy it runs in. Each host implements these traits once; all calls
//! are static.
//!
//! Reading takes `&self` and changing `&mut self`, because a native host hands out its own memory,
//! which its next change makes invalid: what is read is given to a closure, or borrows the host, so
//! that the compiler refuses to change anything while it is in use.

use super::metrics::Outcome;
use super::quarantine::Message;
use crate::gate::Gate;
use std::borrow::Cow;

/// A call to the host failed: what was asked for is not there, or was not done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failed;

pub type Result<T> = core::result::Result<T, Failed>;

/// Name and value of a header field.
pub type Field<'a> = (&'a [u8], &'a [u8]);

/// A section of header fields of the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Map {
    RequestHeaders,
    RequestTrailers,
    ResponseHeaders,
}

/// What the host does with the stream after a callback for its request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// All that is held goes on.
    Continue,
    /// What has come is held.
    Hold,
    /// Nothing: the request has been answered.
    Replied,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Counter,
    Gauge,
    Histogram,
}

/// What a host does while a configuration is loaded, and what that leaves behind.
pub trait Setup {
    /// A metric that has been defined.
    type Metric;
    /// The counters of requests: all that [`Meter::count_request`] needs.
    type Requests;
    /// All that [`Host::send_aside`] needs.
    type Sender;

    /// Defines a metric that stands for one combination of labels, as pairs of name and value.
    /// `None`: it could not be, and is not counted.
    fn define(
        &mut self,
        kind: Kind,
        name: &'static str,
        labels: &[(&'static str, &str)],
    ) -> Option<Self::Metric>;

    /// How the host sends requests apart from any stream; nothing where none will be.
    fn sender(&mut self, is_used: bool) -> Self::Sender;

    /// Defines [`super::metrics::REQUESTS`].
    fn define_requests(&mut self, gate: &Gate) -> Self::Requests;

    /// How many metrics could not be defined.
    fn undefined(&self) -> usize;
}

/// Counting. Nothing can be done about a metric that cannot be counted up, so nothing is returned.
pub trait Meter {
    type Setup: Setup;

    /// Counts a counter or a gauge up by one.
    fn increment(&self, metric: &<Self::Setup as Setup>::Metric);

    /// Counts a gauge down by one.
    fn decrement(&self, metric: &<Self::Setup as Setup>::Metric);

    /// Adds a value to a histogram.
    fn record(&self, metric: &<Self::Setup as Setup>::Metric, value: u64);

    /// Counts one request to the endpoint at this place in the configuration.
    fn count_request(
        &self,
        requests: &<Self::Setup as Setup>::Requests,
        endpoint: usize,
        outcome: Outcome,
    );
}

/// One stream of the host.
pub trait Host: Meter {
    /// Hands all fields of a section over, in order, repeats included.
    fn fields<T>(&self, map: Map, read: impl FnOnce(Vec<Field<'_>>) -> T) -> Result<T>;

    /// The first value of a field; empty where there is none.
    fn field(&self, map: Map, name: &str) -> Result<Cow<'_, [u8]>>;

    /// Adds a field that the section is known not to have, which costs less than setting it.
    fn add_field(&mut self, map: Map, name: &str, value: &[u8]) -> Result<()>;

    /// Sets a field, in place of all values it has.
    fn set_field(&mut self, map: Map, name: &str, value: &[u8]) -> Result<()>;

    /// Removes all values of a field.
    fn remove_field(&mut self, map: Map, name: &[u8]) -> Result<()>;

    /// The request body that is held, at most `size` bytes of it.
    fn body(&self, size: usize) -> Result<Cow<'_, [u8]>>;

    /// Puts `bytes` in place of the first `size` bytes of the request body that is held.
    fn replace_body(&mut self, size: usize, bytes: &[u8]) -> Result<()>;

    /// The address of the downstream connection, `192.0.2.1:1234` or `[2001:db8::1]:1234`; empty
    /// where the host cannot tell.
    fn source_address(&self) -> Cow<'_, [u8]>;

    /// The request came by HTTP/1.0 or 1.1; false where the host cannot tell.
    fn is_http1(&self) -> bool;

    /// Nanoseconds since 1970; 0 where the host cannot tell.
    fn now_ns(&self) -> u64;

    /// Sets filter state, for the access log.
    fn publish(&mut self, name: &str, value: &[u8]) -> Result<()>;

    /// Answers the request in place of the collector.
    fn reply(
        &mut self,
        status: u16,
        details: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Result<()>;

    /// Sends a request to a cluster, apart from the stream, which may be over by the time it is
    /// answered: what became of it is told to [`super::quarantine::Quarantine::answered`].
    fn send_aside(
        &mut self,
        sender: &<Self::Setup as Setup>::Sender,
        message: Message,
    ) -> Result<()>;

    /// Has the host hold `size` bytes of body beside what it would hold anyway, where it can be told:
    /// a module says so of its own stream; for a wasm filter the operator configures it.
    fn make_room(&mut self, size: usize);

    /// Lets a request go on that an earlier callback held, and whose last piece, `size` bytes of
    /// body, does not fit into the host's buffer beside `first`, which leaves before it. Returns
    /// what could not leave: it is kept until the next callback, by when nothing is held any more.
    fn send_ahead(&mut self, size: usize, first: &[u8]) -> Result<Vec<u8>>;
}
