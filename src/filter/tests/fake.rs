//! A host in memory that fails any call on demand.

use crate::filter::host::{Failed, Field, Host, Kind, Map, Meter, Result, Setup};
use crate::filter::metrics::{Outcome, REQUESTS};
use crate::filter::quarantine::{Fate, Message};
use crate::gate::Gate;
use std::borrow::Cow;
use std::cell::{Cell, RefCell};

pub struct Definitions;

impl Setup for Definitions {
    type Metric = &'static str;
    type Requests = ();
    type Sender = ();

    fn define(
        &mut self,
        _: Kind,
        name: &'static str,
        labels: &[(&'static str, &str)],
    ) -> Option<&'static str> {
        let fate = Fate::ALL.iter().find(|fate| labels.contains(&("outcome", fate.id())));
        Some(fate.map_or(name, |fate| fate.id()))
    }

    fn define_requests(&mut self, _: &Gate) {}

    fn sender(&mut self, _: bool) {}

    fn undefined(&self) -> usize {
        0
    }
}

/// One stream of a host in memory.
#[derive(Default)]
pub struct Fake {
    pub request: Vec<(Vec<u8>, Vec<u8>)>,
    pub trailers: Vec<(Vec<u8>, Vec<u8>)>,
    pub response: Vec<(Vec<u8>, Vec<u8>)>,
    /// What is held of the body.
    pub body: Vec<u8>,
    pub is_http1: bool,
    /// Calls so far, in order, and the place of the one that fails.
    pub calls: RefCell<Vec<String>>,
    pub fails_at: Option<usize>,
    pub replies: Vec<u16>,
    pub outcomes: RefCell<Vec<Outcome>>,
    pub metrics: RefCell<Vec<&'static str>>,
    pub resumed: Cell<usize>,
    pub aside: Vec<Message>,
    /// Our own fields in replies.
    pub told: Vec<(String, String)>,
}

impl Fake {
    fn call(&self, name: String) -> Result<()> {
        let place = self.calls.borrow().len();
        self.calls.borrow_mut().push(name);
        if self.fails_at == Some(place) { Err(Failed) } else { Ok(()) }
    }

    fn section(&self, map: Map) -> &Vec<(Vec<u8>, Vec<u8>)> {
        match map {
            Map::RequestHeaders => &self.request,
            Map::RequestTrailers => &self.trailers,
            Map::ResponseHeaders => &self.response,
        }
    }

    fn section_mut(&mut self, map: Map) -> &mut Vec<(Vec<u8>, Vec<u8>)> {
        match map {
            Map::RequestHeaders => &mut self.request,
            Map::RequestTrailers => &mut self.trailers,
            Map::ResponseHeaders => &mut self.response,
        }
    }

    pub fn count(&self, metric: &str) -> usize {
        self.metrics.borrow().iter().filter(|known| **known == metric).count()
    }

    pub fn value(&self, name: &str) -> Option<String> {
        let found = self.request.iter().find(|(known, _)| known == name.as_bytes());
        found.map(|(_, value)| String::from_utf8(value.clone()).unwrap())
    }
}

impl Meter for Fake {
    type Setup = Definitions;

    fn increment(&self, metric: &&'static str) {
        self.metrics.borrow_mut().push(*metric);
    }

    fn decrement(&self, metric: &&'static str) {
        self.metrics.borrow_mut().push(match *metric {
            "trackgate_config_info" => "-trackgate_config_info",
            other => other,
        });
    }

    fn record(&self, metric: &&'static str, _: u64) {
        self.metrics.borrow_mut().push(*metric);
    }

    fn count_request(&self, (): &(), _: usize, outcome: Outcome) {
        self.metrics.borrow_mut().push(REQUESTS);
        self.outcomes.borrow_mut().push(outcome);
    }
}

impl Host for Fake {
    fn fields<T>(&self, map: Map, read: impl FnOnce(Vec<Field<'_>>) -> T) -> Result<T> {
        self.call(format!("fields {map:?}"))?;
        let fields = self.section(map).iter();
        Ok(read(fields.map(|(name, value)| (name.as_slice(), value.as_slice())).collect()))
    }

    fn field(&self, map: Map, name: &str) -> Result<Cow<'_, [u8]>> {
        self.call(format!("field {name}"))?;
        let found = self.section(map).iter().find(|(known, _)| known == name.as_bytes());
        Ok(found.map_or(Cow::Borrowed(b""), |(_, value)| Cow::Borrowed(value)))
    }

    fn add_field(&mut self, map: Map, name: &str, value: &[u8]) -> Result<()> {
        self.call(format!("add {name}"))?;
        let section = self.section_mut(map);
        assert!(section.iter().all(|(known, _)| known != name.as_bytes()), "{name} is there");
        section.push((name.into(), value.into()));
        Ok(())
    }

    fn set_field(&mut self, map: Map, name: &str, value: &[u8]) -> Result<()> {
        self.call(format!("set {name}"))?;
        let section = self.section_mut(map);
        section.retain(|(known, _)| known != name.as_bytes());
        section.push((name.into(), value.into()));
        Ok(())
    }

    fn remove_field(&mut self, map: Map, name: &[u8]) -> Result<()> {
        self.call(format!("remove {}", String::from_utf8_lossy(name)))?;
        self.section_mut(map).retain(|(known, _)| known != name);
        Ok(())
    }

    fn body(&self, size: usize) -> Result<Cow<'_, [u8]>> {
        self.call("body".to_owned())?;
        Ok(Cow::Borrowed(self.body.get(..size).unwrap_or(&self.body)))
    }

    fn replace_body(&mut self, size: usize, bytes: &[u8]) -> Result<()> {
        self.call("replace body".to_owned())?;
        self.body.splice(..size.min(self.body.len()), bytes.iter().copied());
        Ok(())
    }

    fn source_address(&self) -> Cow<'_, [u8]> {
        Cow::Borrowed(b"192.0.2.1:1234")
    }

    fn is_http1(&self) -> bool {
        self.is_http1
    }

    fn now_ns(&self) -> u64 {
        0
    }

    fn publish(&mut self, name: &str, _: &[u8]) -> Result<()> {
        self.call(format!("publish {name}"))
    }

    fn reply(&mut self, status: u16, _: &str, headers: &[(&str, &str)], _: &[u8]) -> Result<()> {
        self.call("reply".to_owned())?;
        let own = headers.iter().filter(|(name, _)| name.starts_with("x-track-"));
        self.told.extend(own.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        self.replies.push(status);
        Ok(())
    }

    fn send_aside(&mut self, (): &(), message: Message) -> Result<()> {
        self.call("send aside".to_owned())?;
        self.aside.push(message);
        Ok(())
    }

    fn make_room(&mut self, _size: usize) {}

    fn send_ahead(&mut self, size: usize, first: &[u8]) -> Result<Vec<u8>> {
        let piece = self.body(size)?.into_owned();
        self.replace_body(size, first)?;
        self.call("resume".to_owned())?;
        self.resumed.set(self.resumed.get() + 1);
        Ok(piece)
    }
}
