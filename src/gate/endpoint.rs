//! An endpoint: where requests of one vendor come in, and what becomes of them.

use super::decision::{Decision, Terms};
use super::inspection::{Inspection, Step};
use super::{Mode, Quarantine, fold};
use crate::reply::{AllowOrigin, CrossOrigin};
use crate::request::RequestHead;
use crate::rules::content_type::is_grpc;
use crate::rules::endpoint::{HostPattern, PathPattern};
use crate::rules::share::Share;
use crate::vendors::{Checks, Limits, Next, Shared, Vendor};
use crate::verdict::{Dispositions, Finding, Findings, Flow, Notes, Reason};
use std::net::IpAddr;
use std::sync::Arc;

/// One endpoint of the configuration, compiled.
#[derive(Debug)]
pub struct Endpoint {
    /// Its place in the configuration, from 0.
    pub number: usize,
    /// Unique; for annotations and metrics.
    pub name: String,
    /// Whose contract it follows.
    pub vendor: Vendor,
    /// As configured; see [`Endpoint::modes`] for what a request can be in.
    pub mode: Mode,
    /// The share of clients under enforcement; the others are in shadow mode.
    pub enforced: Share,
    /// None at all: every host.
    pub hosts: Vec<HostPattern>,
    /// At least one.
    pub paths: Vec<PathPattern>,
    /// The contract's, or the operator's in their place.
    pub limits: Limits,
    /// The contract's, with the operator's `actions` over them.
    pub dispositions: Dispositions,
    /// Who may read local replies; `None`: they have no such field.
    pub allow_origin: Option<AllowOrigin>,
    /// The vendor's checks, as configured.
    pub checks: Arc<dyn Checks>,
    /// What all endpoints use.
    pub shared: Arc<Shared>,
    /// The most bytes of body that Envoy can hold; `usize::MAX` where the operator does not say.
    pub buffer_limit_bytes: usize,
    /// Where refused requests are sent besides; `None`: nowhere.
    pub quarantine: Option<Quarantine>,
}

impl Endpoint {
    /// The most bytes of body that a host must hold for a verdict; `None` where the operator has said
    /// how many there can be.
    pub fn room_for_body(&self) -> Option<usize> {
        (self.buffer_limit_bytes == usize::MAX).then(|| self.limits.largest(true))
    }

    /// Checks the head of a request to this endpoint.
    pub fn head(self: &Arc<Self>, head: &RequestHead<'_>) -> Step {
        self.head_with(head, Findings::default())
    }

    /// As [`Endpoint::head`], with a trace in the decision's findings.
    #[cfg(feature = "trace")]
    pub fn trace(self: &Arc<Self>, head: &RequestHead<'_>) -> Step {
        let trace = crate::verdict::Trace::recording();
        self.head_with(head, Findings { trace, ..Findings::default() })
    }

    fn head_with(self: &Arc<Self>, head: &RequestHead<'_>, findings: Findings) -> Step {
        let mut notes = Notes::new(&self.dispositions, findings);
        let flow = match Arc::clone(&self.checks).head(head, &mut notes) {
            Flow::Continue(next) if self.is_stream(head) => {
                unheld(&next, &mut notes).map_continue(|()| Next::Nothing)
            }
            flow => flow,
        };
        let terms = Terms {
            mode: self.mode_of(head),
            cross_origin: CrossOrigin::of(self.allow_origin.as_ref(), head),
        };
        let findings = notes.findings;
        match flow {
            Flow::Continue(next) => Inspection::start(self, head, terms, findings, next),
            Flow::Break(refusal) => {
                Step::Decided(Decision::new(self, &terms, Flow::Break(refusal), findings))
            }
        }
    }

    /// Whether a request cannot be held.
    fn is_stream(&self, head: &RequestHead<'_>) -> bool {
        let is_grpc = || !self.vendor.contract().reads_grpc && is_grpc(head);
        head.first("upgrade").is_some() || is_grpc()
    }

    /// Whether the checks look at [`RequestHead::source_address`], so that the host must be asked
    /// for it.
    pub fn wants_source_address(&self) -> bool {
        let is_address_asked = self.checks.wants_address() || self.modes().len() > 1;
        is_address_asked && self.shared.client_ip.wants_source_address()
    }

    /// True for a field that the endpoint's collector would believe and its operator does not
    /// trust, in any letter case and with `_` for `-`: it is removed, so that nobody believes it
    /// (contract, P-7).
    pub fn distrusts(&self, name: &[u8]) -> bool {
        let same =
            |field: &str| field.len() == name.len() && name.iter().map(fold).eq(field.bytes());
        self.checks.distrusted_field().is_some_and(same)
    }

    /// The verdict on a request that could not be looked at because a call to the host failed.
    pub fn host_error(self: &Arc<Self>, findings: Findings) -> Decision {
        let mut notes = Notes::new(&self.dispositions, findings);
        notes.findings.uninspected = true;
        let finding = Finding::new(Reason::HostError, "the request could not be inspected");
        let flow = notes.note(finding);
        let terms =
            Terms { mode: self.mode_of_unknown_client(), cross_origin: CrossOrigin::Nothing };
        Decision::new(self, &terms, flow, notes.findings)
    }

    /// The modes that its requests can be in.
    pub fn modes(&self) -> &'static [Mode] {
        match (self.mode, self.enforced.is_partial()) {
            (Mode::Enforce, true) => &Mode::ALL,
            (Mode::Enforce, false) if self.enforced == Share::ALL => &[Mode::Enforce],
            (Mode::Enforce, false) | (Mode::Shadow, _) => &[Mode::Shadow],
        }
    }

    /// A client of which nothing is known is not put under a partial enforcement.
    fn mode_of_unknown_client(&self) -> Mode {
        self.modes().last().copied().unwrap_or(self.mode)
    }

    /// Whether a request is under enforcement. Where only a share of the clients is, that depends
    /// on who the client is: by its key where the vendor asks for one, else by its address.
    fn mode_of(&self, head: &RequestHead<'_>) -> Mode {
        if let [mode] = self.modes() {
            return *mode;
        }
        let is_in = match self.checks.client_key(head) {
            Some(key) => self.enforced.includes(&key),
            None => match self.shared.client_ip.of(head) {
                Some(IpAddr::V4(address)) => self.enforced.includes(&address.octets()),
                Some(IpAddr::V6(address)) => self.enforced.includes(&address.octets()),
                None => return self.mode_of_unknown_client(),
            },
        };
        if is_in { Mode::Enforce } else { Mode::Shadow }
    }
}

/// A request that must not be held, for it may have no end: an upgraded connection, or a gRPC
/// stream. Its head has been checked like any other's (contract, P3).
fn unheld(next: &Next, notes: &mut Notes<'_>) -> Flow {
    next.unread(notes)?;
    let is_known = |finding: &Finding| finding.reason == Reason::ContentType;
    if !notes.findings.kept.list.iter().any(is_known) {
        let message = "a stream cannot be held, and was not read";
        notes.rule("stream", || "an upgrade, or a gRPC media type".to_owned());
        notes.annotate(Finding::new(Reason::ContentType, message));
    }
    Flow::Continue(())
}
