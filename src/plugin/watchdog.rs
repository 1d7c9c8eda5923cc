//! Frees streams that hang because Envoy lacks `allow_on_headers_stop_iteration: true`.
//!
//! Without the knob a stream whose headers are held never gets a body callback, though its body
//! arrives. Until a callback has come, and so proven that the knob is set, the held streams are
//! watched, and one that has waited for [`PATIENCE_TICKS`] while its body arrived is let go: marked
//! `uninspected`, for nothing is known of its body yet, which is read all the same when it comes.
//!
//! A client that is slow to send its first byte is no such stream. One that has declared a body
//! (`content-length`) waits for as long as Envoy waits for its bytes: a body that has arrived would
//! have been seen. Of a body without a byte nothing is seen to arrive, so where none is declared
//! [`SILENCE_TICKS`] end the wait.

use super::calls::Wasm;
use super::host;
use super::metrics::Definitions;
use crate::filter::host::{Action, Kind, Meter, Setup};
use crate::filter::{Context, act};
use crate::gate::Decision;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

pub const TICK_MS: u32 = 250;
/// A stream is let go after more than one second and no more than one and a quarter.
const PATIENCE_TICKS: u32 = 5;
/// The same where no byte of an undeclared body has arrived, which proves nothing: after five
/// seconds.
const SILENCE_TICKS: u32 = 20;

/// Bytes that have arrived of the current stream's request; `None` where the host does not tell.
fn received() -> Option<u64> {
    let bytes = host::property("request\0total_size").ok()?;
    bytes.try_into().ok().map(u64::from_le_bytes)
}

pub struct Watchdog {
    /// Counts streams that have been let go.
    resumed: Option<u32>,
    /// The knob is set.
    proven: Cell<bool>,
    /// The knob is missing, and it has been said.
    told: Cell<bool>,
    /// The streams whose headers are held and whose body has not begun.
    held: RefCell<Vec<Held>>,
}

/// What becomes of a stream that has to be let go.
pub struct Release {
    pub decision: Rc<Decision>,
    /// The client has said that bytes of body will come.
    pub declares_body: bool,
}

struct Held {
    context_id: u32,
    ticks: u32,
    /// What [`received`] was when the headers were all there was.
    headers: Option<u64>,
    release: Release,
}

impl Held {
    /// The current stream's body has begun to arrive; so it is taken to have where the host does
    /// not tell.
    fn body_arrived(&self) -> bool {
        self.headers.is_none() || received() != self.headers
    }
}

impl Watchdog {
    pub fn define(definitions: &mut Definitions) -> Self {
        Watchdog {
            resumed: definitions.define(Kind::Counter, "trackgate_resumed_total", &[]),
            proven: Cell::new(false),
            told: Cell::new(false),
            held: RefCell::default(),
        }
    }

    /// The knob is not yet known to be set.
    pub fn is_watching(&self) -> bool {
        !self.proven.get()
    }

    /// The knob is known to be missing.
    pub fn is_needed(&self) -> bool {
        self.told.get()
    }

    /// `release` is asked for only while the knob is not proven.
    pub fn hold(&self, context_id: u32, release: impl FnOnce() -> Option<Release>) {
        if !self.proven.get()
            && let Some(release) = release()
        {
            self.held.borrow_mut().push(Held {
                context_id,
                ticks: 0,
                headers: received(),
                release,
            });
        }
    }

    /// A body or trailers callback has come. False where the stream had been let go before, so that
    /// its headers are gone.
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

    /// Lets streams go that have waited too long, one by one, each as the current stream.
    pub fn tick(&self, cx: &mut Context<'_, Wasm>) {
        if self.proven.get() {
            self.held.borrow_mut().clear();
            let _ = host::set_tick_period_ms(0);
            return;
        }
        // Letting a stream go may call back, for its body, before it returns.
        let waiting = std::mem::take(&mut *self.held.borrow_mut());
        for mut stream in waiting {
            stream.ticks += 1;
            if stream.ticks >= PATIENCE_TICKS
                && host::turn_to(stream.context_id).is_ok()
                && self.is_stuck(&stream)
            {
                self.let_go(cx, &stream.release.decision);
            } else {
                self.held.borrow_mut().push(stream);
            }
        }
    }

    /// Lets the current stream go, or answers it, in place of a callback that does not come. The
    /// stream itself counts its verdict, when its body comes or when it is over.
    fn let_go(&self, cx: &mut Context<'_, Wasm>, decision: &Decision) {
        if let Some(resumed) = self.resumed {
            cx.host.increment(&resumed);
        }
        let done = act(cx, decision, true, false);
        if done.is_err() {
            cx.filter.metrics.count_host_error(&cx.host);
        }
        if done != Ok(Action::Replied) && host::resume_request().is_err() {
            cx.filter.metrics.count_host_error(&cx.host);
        }
    }

    fn is_stuck(&self, stream: &Held) -> bool {
        if stream.body_arrived() {
            self.tell();
            return true;
        }
        !stream.release.declares_body && (self.told.get() || stream.ticks >= SILENCE_TICKS)
    }

    fn tell(&self) {
        if !self.told.replace(true) {
            log::error!(
                "trackgate: a request got no body callback while its headers were held, and was let go uninspected. Set \
                 allow_on_headers_stop_iteration: true in the plugin's configuration (Envoy 1.35 or newer), or use \"body_phase\": \"compat\"."
            );
        }
    }
}
