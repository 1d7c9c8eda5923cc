//! Frees streams that hang because Envoy lacks `allow_on_headers_stop_iteration: true`.
//!
//! Without the knob a stream whose headers are held never gets a body callback, though its body arrives. Until a callback has come, and so
//! proven that the knob is set, the held streams are watched, and one that has waited for [`PATIENCE_TICKS`] while its body arrived is let go:
//! the body is then inspected all the same, but the headers have left and cannot be annotated any more. A client that is slow to send its first
//! byte is no such stream, and waits; [`SILENCE_TICKS`] end that too, for a body without a byte arrives unseen.

use super::host;
use std::cell::{Cell, RefCell};

pub const TICK_MS: u32 = 250;
/// A stream is let go after more than one second and no more than one and a quarter.
const PATIENCE_TICKS: u32 = 5;
/// The same where no byte of the body has arrived, which proves nothing: after five seconds.
const SILENCE_TICKS: u32 = 20;

/// Bytes that have arrived of the current stream's request; `None` where the host does not tell.
fn received() -> Option<u64> {
    let bytes = host::property("request\0total_size").ok()?;
    bytes.try_into().ok().map(u64::from_le_bytes)
}

#[derive(Default)]
pub struct Watchdog {
    /// The knob is set.
    proven: Cell<bool>,
    /// The knob is missing, and it has been said.
    told: Cell<bool>,
    /// The streams whose headers are held and whose body has not begun.
    held: RefCell<Vec<Held>>,
}

struct Held {
    context_id: u32,
    ticks: u32,
    /// What [`received`] was when the headers were all there was.
    headers: Option<u64>,
}

impl Held {
    /// The current stream's body has begun to arrive; so it is taken to have where the host does not tell.
    fn body_arrived(&self) -> bool {
        self.headers.is_none() || received() != self.headers
    }
}

impl Watchdog {
    pub fn hold(&self, context_id: u32) {
        if !self.proven.get() {
            self.held.borrow_mut().push(Held { context_id, ticks: 0, headers: received() });
        }
    }

    /// A body or trailers callback has come. False where the stream had been let go before, so that its headers are gone.
    pub fn body_began(&self, context_id: u32) -> bool {
        if self.proven.get() {
            return true;
        }
        let was_held = self.take(context_id);
        self.proven.set(was_held);
        was_held
    }

    /// The stream is over.
    pub fn forget(&self, context_id: u32) {
        if !self.proven.get() {
            self.take(context_id);
        }
    }

    fn take(&self, context_id: u32) -> bool {
        let mut held = self.held.borrow_mut();
        // The newest are at the end.
        let place = held.iter().rposition(|stream| stream.context_id == context_id);
        place.is_some_and(|place| {
            held.swap_remove(place);
            true
        })
    }

    /// Lets go of streams that have waited too long; returns how many.
    pub fn tick(&self) -> usize {
        if self.proven.get() {
            self.held.borrow_mut().clear();
            let _ = host::set_tick_period_ms(0);
            return 0;
        }
        // Letting a stream go calls back, for its body, before it returns.
        let waiting = std::mem::take(&mut *self.held.borrow_mut());
        let mut resumed = 0;
        for mut stream in waiting {
            stream.ticks += 1;
            if stream.ticks >= PATIENCE_TICKS && host::turn_to(stream.context_id).is_ok() && self.is_stuck(&stream) {
                resumed += usize::from(host::resume_request().is_ok());
            } else {
                self.held.borrow_mut().push(stream);
            }
        }
        resumed
    }

    fn is_stuck(&self, stream: &Held) -> bool {
        if stream.body_arrived() {
            self.tell();
            return true;
        }
        self.told.get() || stream.ticks >= SILENCE_TICKS
    }

    fn tell(&self) {
        if !self.told.replace(true) {
            host::log(
                host::Level::Error,
                "trackgate: a request got no body callback while its headers were held, and was let go without annotation. Set \
                 allow_on_headers_stop_iteration: true in the plugin's configuration (Envoy 1.35 or newer), or use \"body_phase\": \"compat\".",
            );
        }
    }
}
