//! For a host that may let go what the filter holds: see `plugin::watchdog`.

use super::stream::{State, Stream};
use crate::gate::Decision;
use std::rc::Rc;

impl Stream {
    /// The header section is held, and the body is awaited.
    pub fn is_waiting(&self) -> bool {
        self.headers_held && !matches!(self.state, State::Settled)
    }

    /// What the collector, or the client, is told if the host lets the header section go before the
    /// body has come; `None` where nothing is awaited.
    pub fn if_let_go(&self) -> Option<Rc<Decision>> {
        match &self.state {
            State::Settled => None,
            State::Inspecting(inspection) => Some(Rc::new(inspection.let_go())),
            State::Answering(decision) => Some(Rc::clone(decision)),
        }
    }

    /// The host has let the header section go so.
    pub fn head_left(&mut self) {
        self.headers_held = false;
        if let State::Inspecting(inspection) = &mut self.state {
            inspection.head_left();
        }
    }
}
