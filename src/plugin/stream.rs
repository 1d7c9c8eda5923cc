//! Envoy's callbacks for one request, handed to the filter and, while its headers are held, to the
//! watchdog.

use super::Plugin;
use super::watchdog::Release;
use crate::filter::host::Action;
use crate::filter::stream::Stream;
use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types;
use std::rc::Rc;

pub struct StreamContext {
    id: u32,
    plugin: Rc<Plugin>,
    stream: Stream,
}

impl StreamContext {
    pub fn new(id: u32, plugin: Rc<Plugin>) -> Self {
        let mut stream = Stream::new(&plugin.worker);
        stream.waits = !plugin.watchdog.is_needed();
        stream.is_watched = plugin.watchdog.is_watching();
        StreamContext { id, plugin, stream }
    }

    /// Where the watchdog has let the header section go, the first callback for the body finds out.
    fn body_began(&mut self) {
        if self.stream.is_waiting() && !self.plugin.watchdog.body_began(self.id) {
            self.stream.head_left();
        }
    }

    fn release(&self) -> Option<Release> {
        let decision = self.stream.if_let_go()?;
        Some(Release { decision, declares_body: self.stream.declares_body })
    }
}

fn action(action: Action) -> types::Action {
    match action {
        Action::Continue => types::Action::Continue,
        Action::Hold | Action::Replied => types::Action::Pause,
    }
}

/// The stream is over.
impl Drop for StreamContext {
    fn drop(&mut self) {
        if self.stream.is_waiting() {
            self.plugin.watchdog.forget(self.id);
        }
        self.stream.over(&self.plugin.context());
    }
}

impl Context for StreamContext {}

impl HttpContext for StreamContext {
    fn on_http_request_headers(&mut self, _: usize, end_of_stream: bool) -> types::Action {
        let taken = self.stream.headers(&mut self.plugin.context(), end_of_stream);
        if taken == Action::Hold {
            self.plugin.watchdog.hold(self.id, || self.release());
        }
        action(taken)
    }

    /// `size` is that of all that Envoy holds of the body, not of the last piece.
    fn on_http_request_body(&mut self, size: usize, end_of_stream: bool) -> types::Action {
        self.body_began();
        action(self.stream.body(&mut self.plugin.context(), size, end_of_stream))
    }

    fn on_http_request_trailers(&mut self, _: usize) -> types::Action {
        self.body_began();
        action(self.stream.trailers(&mut self.plugin.context()))
    }

    fn on_http_response_headers(&mut self, _: usize, _: bool) -> types::Action {
        self.stream.response_headers(&mut self.plugin.context());
        types::Action::Continue
    }
}

/// A stream before a configuration, which Envoy does not make.
pub struct Unconfigured;

impl Context for Unconfigured {}

impl HttpContext for Unconfigured {}
