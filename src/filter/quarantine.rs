//! A refused request is sent to a cluster of its own besides, so that it can be got back. What the
//! sender is answered does not change, and does not wait for it.
//!
//! The call belongs to the configuration, for a stream's own calls end with the stream. How many are
//! on their way is bounded; each refusal that is meant to be kept is counted once, by what became of
//! it.

mod message;

pub use message::Message;

use super::Context;
use super::host::{Host, Kind, Meter, Setup};
use super::log::LossLog;
use super::stream::{Besides, Stream};
use crate::config::declare::words;
use crate::gate::{Decision, Gate, Keeping, Quarantine as Terms};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// A cluster that has not answered by then has lost the request.
#[cfg(any(target_arch = "wasm32", feature = "module"))]
pub const TIMEOUT_MS: u32 = 5_000;

/// Requests that were to be kept, by what became of them.
pub const QUARANTINE: &str = "trackgate_quarantine_total";

words! {
    /// What became of a refused request that was to be kept.
    pub enum Fate {
        /// The cluster has answered 2xx.
        Stored = "stored",
        /// Its body is larger than what is kept.
        TooLarge = "lost_too_large",
        /// Too many were on their way.
        InFlight = "lost_in_flight",
        /// Its body did not come whole, or could not be read.
        Unread = "lost_unread",
        /// There is no such cluster, or it cannot be reached, or did not answer in time.
        Unavailable = "lost_unavailable",
        /// The cluster has answered something else.
        Refused = "lost_refused",
        /// The configuration was replaced before the cluster had answered.
        Unknown = "unknown",
    }
}

/// What has come of a request that is to be kept.
#[derive(Debug, Default)]
pub enum Aside {
    /// Nothing is known of that yet.
    #[default]
    Undecided,
    /// It is; its head was refused, and its body comes.
    Body(Vec<u8>),
    /// It is not, or has been.
    Done,
}

/// The body of a request that is refused.
#[derive(Debug, Clone, Copy)]
pub enum Body<'a> {
    /// All of it.
    Whole(&'a [u8]),
    /// It is larger than it may be.
    TooLarge,
    /// It was not read.
    Unread,
}

/// What is on its way, and what became of the others.
pub struct Quarantine<S: Setup> {
    /// By fate; none where no endpoint keeps what it refuses.
    counters: Vec<Option<S::Metric>>,
    /// How the host sends.
    pub sender: S::Sender,
    in_flight: AtomicUsize,
    drawn: AtomicU64,
    losses: LossLog,
}

impl<S: Setup> Quarantine<S> {
    pub(super) fn define(gate: &Gate, setup: &mut S) -> Self {
        let is_used = gate.endpoints.iter().any(|endpoint| endpoint.quarantine.is_some());
        let fates: &[Fate] = if is_used { &Fate::ALL } else { &[] };
        let counters = fates
            .iter()
            .map(|fate| setup.define(Kind::Counter, QUARANTINE, &[("outcome", fate.id())]))
            .collect();
        Quarantine {
            counters,
            sender: setup.sender(is_used),
            in_flight: AtomicUsize::new(0),
            drawn: AtomicU64::new(0),
            losses: LossLog::default(),
        }
    }

    fn count(&self, meter: &impl Meter<Setup = S>, fate: Fate, now_ns: impl FnOnce() -> u64) {
        if let Some(Some(counter)) = self.counters.get(fate as usize) {
            meter.increment(counter);
        }
        match fate {
            Fate::Stored => {}
            Fate::TooLarge
            | Fate::InFlight
            | Fate::Unread
            | Fate::Unavailable
            | Fate::Refused
            | Fate::Unknown => self.losses.lost(fate, now_ns),
        }
    }

    /// The share of refused requests that the operator wants.
    fn draws(&self, terms: &Terms) -> bool {
        terms.percent.includes(&self.drawn.fetch_add(1, Ordering::Relaxed).to_le_bytes())
    }

    fn takes(&self, max: usize) -> bool {
        let taken = |now: usize| (now < max).then_some(now + 1);
        self.in_flight.fetch_update(Ordering::Relaxed, Ordering::Relaxed, taken).is_ok()
    }

    /// False where none is on its way: what was sent under a configuration before this one.
    fn give_back(&self) -> bool {
        let fewer = |now: usize| now.checked_sub(1);
        self.in_flight.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fewer).is_ok()
    }

    /// One that was on its way is not any more. `status`: the cluster's answer; `None` where there
    /// was none.
    pub fn answered(
        &self,
        meter: &impl Meter<Setup = S>,
        status: Option<u16>,
        now_ns: impl FnOnce() -> u64,
    ) {
        if !self.give_back() {
            return;
        }
        let fate = match status {
            Some(200..300) => Fate::Stored,
            Some(_) => Fate::Refused,
            None => Fate::Unavailable,
        };
        self.count(meter, fate, now_ns);
    }

    /// The configuration is at work no more: nobody will tell what became of those on their way.
    pub fn retire(&self, meter: &impl Meter<Setup = S>) {
        for _ in 0..self.in_flight.swap(0, Ordering::Relaxed) {
            self.count(meter, Fate::Unknown, || 0);
        }
    }
}

impl Stream {
    /// The head has refused the request, which is not over: whether its body is waited for, to be
    /// kept with it. Decides whether the request is kept.
    pub(super) fn keeps_body<H: Host>(
        &mut self,
        cx: &Context<'_, H>,
        decision: &Decision,
        keeping: Keeping,
    ) -> bool {
        let Some(besides) = &mut self.besides else { return false };
        besides.aside = Aside::Done;
        if keeping == Keeping::Nothing || chosen(cx, decision).is_none() {
            return false;
        }
        match keeping {
            Keeping::Possible if self.waits => {
                besides.aside = Aside::Body(Vec::new());
                return true;
            }
            Keeping::TooLarge => lost(cx, Fate::TooLarge),
            Keeping::Nothing | Keeping::Possible | Keeping::Endless => lost(cx, Fate::Unread),
        }
        false
    }

    /// A piece of that body has come, and is about to be thrown away. False where the request cannot
    /// be kept any more.
    pub(super) fn keep_piece<H: Host>(&mut self, cx: &Context<'_, H>, decision: &Decision) -> bool {
        let Some(Besides { aside: Aside::Body(bytes), .. }) = self.besides.as_deref_mut() else {
            return true;
        };
        let max = decision.endpoint.quarantine.as_ref().map_or(0, |terms| terms.max_body_bytes);
        let fate = match cx.host.body(self.body_size) {
            Ok(_) if bytes.len() + self.body_size > max => Fate::TooLarge,
            Ok(piece) if piece.len() == self.body_size => {
                bytes.extend_from_slice(&piece);
                return true;
            }
            Ok(_) | Err(_) => Fate::Unread,
        };
        self.lose(cx, fate);
        false
    }

    /// What is known of the request's body is known to be all there will be.
    pub(super) fn lose<H: Host>(&mut self, cx: &Context<'_, H>, fate: Fate) {
        let Some(besides) = &mut self.besides else { return };
        match std::mem::replace(&mut besides.aside, Aside::Done) {
            Aside::Undecided | Aside::Done => {}
            Aside::Body(_) => lost(cx, fate),
        }
    }

    /// The refused request as it is kept, if it is; before it is answered, for then it is gone.
    pub(super) fn set_aside<H: Host>(
        &mut self,
        cx: &Context<'_, H>,
        decision: &Decision,
        body: Body<'_>,
    ) -> Option<Message> {
        let besides = self.besides.as_mut()?;
        let (terms, body) = match std::mem::replace(&mut besides.aside, Aside::Done) {
            Aside::Done => return None,
            Aside::Body(bytes) => (decision.endpoint.quarantine.as_ref()?, body.behind(bytes)),
            Aside::Undecided => (chosen(cx, decision)?, body.owned()),
        };
        let made = match body {
            Ok(bytes) if bytes.len() > terms.max_body_bytes => Err(Fate::TooLarge),
            Ok(bytes) => message::of(cx, decision, terms, besides.head.take(), bytes)
                .map_err(|_| Fate::Unread),
            Err(fate) => Err(fate),
        };
        made.map_err(|fate| lost(cx, fate)).ok()
    }

    /// The request has been answered.
    pub(super) fn send_aside<H: Host>(cx: &mut Context<'_, H>, message: Message) {
        let filter = cx.filter;
        if cx.host.send_aside(&filter.quarantine.sender, message).is_err() {
            lost(cx, Fate::Unavailable);
        }
    }
}

/// It has had a place among those on their way.
pub(super) fn lost<H: Host>(cx: &Context<'_, H>, fate: Fate) {
    let quarantine = &cx.filter.quarantine;
    let _ = quarantine.give_back();
    quarantine.count(&cx.host, fate, || cx.host.now_ns());
}

/// The terms of a request that is to be kept, which has a place now among those on their way.
fn chosen<'a, H: Host>(cx: &Context<'_, H>, decision: &'a Decision) -> Option<&'a Terms> {
    let quarantine = &cx.filter.quarantine;
    let terms = decision.endpoint.quarantine.as_ref().filter(|terms| terms.is_for(decision))?;
    if !quarantine.draws(terms) {
        return None;
    }
    if !quarantine.takes(terms.max_in_flight) {
        quarantine.count(&cx.host, Fate::InFlight, || cx.host.now_ns());
        return None;
    }
    Some(terms)
}

impl Body<'_> {
    fn owned(self) -> Result<Vec<u8>, Fate> {
        match self {
            Body::Whole(bytes) => Ok(bytes.to_vec()),
            Body::TooLarge => Err(Fate::TooLarge),
            Body::Unread => Err(Fate::Unread),
        }
    }

    /// The last piece of a body of which the others are kept.
    fn behind(self, mut first: Vec<u8>) -> Result<Vec<u8>, Fate> {
        first.extend(self.owned()?);
        Ok(first)
    }
}
