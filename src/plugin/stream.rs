//! Envoy's callbacks for one request, handed to the filter and, while its headers are held, to the
//! watchdog.

use super::Plugin;
use super::watchdog::Release;
use crate::filter::host::Action;
use crate::filter::stream::Stream;
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

    pub fn request_headers(&mut self, end_of_stream: bool) -> Action {
        let action = self.stream.headers(&mut self.plugin.context(self.id), end_of_stream);
        if action == Action::Hold {
            self.plugin.watchdog.hold(self.id, || self.release());
        }
        action
    }

    /// `size` is that of all that Envoy holds of the body, not of the last piece.
    pub fn request_body(&mut self, size: usize, end_of_stream: bool) -> Action {
        self.body_began();
        self.stream.body(&mut self.plugin.context(self.id), size, end_of_stream)
    }

    pub fn request_trailers(&mut self) -> Action {
        self.body_began();
        self.stream.trailers(&mut self.plugin.context(self.id))
    }

    pub fn response_headers(&mut self) {
        self.stream.response_headers(&mut self.plugin.context(self.id));
    }

    fn release(&self) -> Option<Release> {
        let decision = self.stream.if_let_go()?;
        Some(Release { decision, declares_body: self.stream.declares_body })
    }
}

/// The stream is over.
impl Drop for StreamContext {
    fn drop(&mut self) {
        if self.stream.is_waiting() {
            self.plugin.watchdog.forget(self.id);
        }
        self.stream.over(&self.plugin.context(self.id));
    }
}
