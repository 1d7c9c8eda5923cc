//! Frees streams that hang because Envoy lacks `allow_on_headers_stop_iteration: true`.
//!
//! Without the knob a stream whose headers are held never gets a body callback. Until one has come, and so proven that
//! the knob is set, the held streams are watched, and one that has waited for [`PATIENCE_TICKS`] is let go: its body is
//! then inspected all the same, but its headers have left and cannot be annotated any more. A client that is slow to
//! send its first byte, before any other has proven the knob, is let go likewise.

use super::host;
use std::cell::{Cell, RefCell};

pub const TICK_MS: u32 = 250;
/// A stream is let go after more than one second and no more than one and a quarter.
const PATIENCE_TICKS: u32 = 5;

#[derive(Default)]
pub struct Watchdog {
    proven: Cell<bool>,
    told: Cell<bool>,
    /// The streams whose headers are held and whose body has not begun: context id, and ticks seen.
    held: RefCell<Vec<(u32, u32)>>,
}

impl Watchdog {
    pub fn hold(&self, context_id: u32) {
        if !self.proven.get() {
            self.held.borrow_mut().push((context_id, 0));
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
        let place = held.iter().rposition(|(stream, _)| *stream == context_id);
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
        let mut stuck = Vec::new();
        self.held.borrow_mut().retain_mut(|(context_id, ticks)| {
            *ticks += 1;
            let stays = *ticks < PATIENCE_TICKS;
            if !stays {
                stuck.push(*context_id);
            }
            stays
        });
        let resumed = stuck.iter().filter(|context_id| host::resume_request(**context_id).is_ok()).count();
        if resumed > 0 && !self.told.replace(true) {
            host::log(
                host::Level::Error,
                "trackgate: a request got no body callback while its headers were held, and was let go without annotation. Set \
                 allow_on_headers_stop_iteration: true in the plugin's configuration (Envoy 1.35 or newer), or use \"body_phase\": \"compat\".",
            );
        }
        resumed
    }
}
