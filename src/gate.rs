//! The compiled configuration, and the order of checks on one screen.
//!
//! [`Gate::endpoint`] finds whose request it is, [`Gate::head`] checks what the head tells,
//! [`Inspection::body_seen`] watches the size while the body comes, and [`Inspection::body`] reads
//! it once it is whole. Each of the last three can end it with a [`Decision`]; nothing here logs,
//! counts, or knows a host.

mod holding;
mod outcomes;

use crate::reply::{self, AllowOrigin, CrossOrigin, Reply};
use crate::request::RequestHead;
use crate::rules::endpoint::{HostPattern, Path, PathPattern, Table};
use crate::rules::share::Share;
use crate::rules::size;
use crate::vendor::Vendor;
use crate::vendors::{self, Awaited, Limits, Policy, Shared};
use crate::verdict::{Dispositions, Finding, Findings, Flow, Notes, Reason, Refusal, Verdict};
use std::net::IpAddr;

/// Whether verdicts are acted upon.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// Drops and rejects are answered here.
    #[default]
    Enforce,
    /// Everything is forwarded; the annotation says what enforcement would have done.
    Shadow,
}

impl Mode {
    pub const ALL: [Mode; 2] = [Mode::Enforce, Mode::Shadow];

    pub const fn id(self) -> &'static str {
        match self {
            Mode::Enforce => "enforce",
            Mode::Shadow => "shadow",
        }
    }
}

/// How the request is held while its body is inspected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BodyPhase {
    /// The header section is held by the filter, which edits it when the verdict is known.
    /// Needs `allow_on_headers_stop_iteration: true` in Envoy's plugin configuration.
    #[default]
    Hold,
    /// A buffer filter after this one holds it, and the route adds the annotations from filter
    /// state.
    Compat,
}

impl BodyPhase {
    pub const ALL: [BodyPhase; 2] = [BodyPhase::Hold, BodyPhase::Compat];

    /// The word in the configuration.
    pub const fn id(self) -> &'static str {
        match self {
            BodyPhase::Hold => "hold",
            BodyPhase::Compat => "compat",
        }
    }
}

/// Where requests of one vendor come in, and how they are treated.
#[derive(Debug)]
pub struct Endpoint {
    pub name: String,
    pub vendor: Vendor,
    pub mode: Mode,
    /// The share of clients under enforcement; the others are in shadow mode.
    pub enforced: Share,
    pub hosts: Vec<HostPattern>,
    pub paths: Vec<PathPattern>,
    pub limits: Limits,
    pub dispositions: Dispositions,
    pub allow_origin: Option<AllowOrigin>,
    pub policy: Policy,
}

impl Endpoint {
    /// The modes that its requests can be in.
    pub fn modes(&self) -> &'static [Mode] {
        match (self.mode, self.enforced.is_partial()) {
            (Mode::Enforce, true) => &Mode::ALL,
            (Mode::Enforce, false) if self.enforced == Share::ALL => &[Mode::Enforce],
            (Mode::Enforce, false) | (Mode::Shadow, _) => &[Mode::Shadow],
        }
    }

    /// The mode of a request about whose client nothing could be learned: it is not put under a
    /// partial enforcement.
    fn mode_of_unknown(&self) -> Mode {
        self.modes().last().copied().unwrap_or(self.mode)
    }
}

/// The compiled configuration.
#[derive(Debug)]
pub struct Gate {
    pub endpoints: Vec<Endpoint>,
    /// Of the endpoints' hosts and paths.
    pub table: Table,
    pub shared: Shared,
    /// Lower-case prefix of the header fields that are ours.
    pub header_prefix: String,
    pub body_phase: BodyPhase,
    /// The most bytes of body that Envoy can hold; `usize::MAX` where the operator does not say.
    pub buffer_limit_bytes: usize,
}

/// What the head told.
#[derive(Debug)]
pub enum Step {
    Decided(Decision),
    /// The body is needed.
    Body(Inspection),
}

impl Gate {
    /// The endpoint a request belongs to, as an index into [`Gate::endpoints`]: the first in
    /// configuration order that serves its host and path. `None`: not ours. Only POST is inspected,
    /// in any letter case, for HTTP/2 lets `post` through and some collectors fold it (contract,
    /// P3).
    pub fn endpoint(&self, head: &RequestHead<'_>) -> Option<usize> {
        if !head.method().eq_ignore_ascii_case(b"POST") {
            return None;
        }
        self.table.find(head.authority(), &Path::of(head.path()))
    }

    /// Whether the endpoint's checks look at [`RequestHead::source_address`], so that the host must
    /// be asked for it.
    pub fn wants_source_address(&self, index: usize) -> bool {
        let Some(endpoint) = self.endpoints.get(index) else { return false };
        let wants_address = match &endpoint.policy {
            Policy::Plausible(policy) => policy.wants_address(),
            Policy::Convert(_)
            | Policy::Userpilot(_)
            | Policy::CommandersAct(_)
            | Policy::Custom(_) => false,
        };
        (wants_address || endpoint.modes().len() > 1)
            && self.shared.client_ip.wants_source_address()
    }

    /// Whether a request is under enforcement. Where only a share of the clients is, that depends
    /// on who the client is: by its key where the vendor asks for one, else by its address.
    fn mode(&self, endpoint: &Endpoint, head: &RequestHead<'_>) -> Mode {
        if let [mode] = endpoint.modes() {
            return *mode;
        }
        let is_in = match vendors::client_key(&endpoint.policy, head) {
            Some(key) => endpoint.enforced.includes(&key),
            None => match self.shared.client_ip.of(head) {
                Some(IpAddr::V4(address)) => endpoint.enforced.includes(&address.octets()),
                Some(IpAddr::V6(address)) => endpoint.enforced.includes(&address.octets()),
                None => return endpoint.mode_of_unknown(),
            },
        };
        if is_in { Mode::Enforce } else { Mode::Shadow }
    }

    /// Checks the head of a request to the endpoint at `index`.
    pub fn head(&self, index: usize, head: &RequestHead<'_>) -> Option<Step> {
        let endpoint = self.endpoints.get(index)?;
        let mut notes = Notes::new(&endpoint.dispositions, Findings::default());
        let flow =
            match vendors::head(&endpoint.policy, &endpoint.limits, &self.shared, head, &mut notes)
            {
                Flow::Continue(awaited) if vendors::is_stream(endpoint.vendor, head) => {
                    vendors::unheld(&awaited, &mut notes).map_continue(|()| Awaited::Nothing)
                }
                flow => flow,
            };
        let findings = notes.findings;
        let terms = Terms {
            mode: self.mode(endpoint, head),
            cross_origin: CrossOrigin::of(endpoint.allow_origin.as_ref(), head),
        };
        Some(match flow {
            Flow::Continue(Awaited::Nothing) => {
                Step::Decided(decide(index, endpoint, &terms, Flow::Continue(()), findings))
            }
            Flow::Continue(awaited) => {
                let max_bytes = vendors::max_body_bytes(&endpoint.limits, &awaited);
                let declared =
                    if self.buffer_limit_bytes < usize::MAX { size::declared(head) } else { None };
                self.hold(
                    endpoint,
                    Inspection { endpoint: index, terms, findings, awaited, max_bytes, declared },
                )
            }
            Flow::Break(refusal) => {
                Step::Decided(decide(index, endpoint, &terms, Flow::Break(refusal), findings))
            }
        })
    }

    /// True for a field name that is ours alone, in any letter case and with `_` for `-`.
    pub fn is_own_field(&self, name: &[u8]) -> bool {
        let prefix = self.header_prefix.as_bytes();
        // Nearly every name is passed by its first byte.
        name.first().map(fold) == prefix.first().copied()
            && name.len() >= prefix.len()
            && name.iter().map(fold).zip(prefix.iter().map(fold)).all(|(found, own)| found == own)
    }

    /// True for a field that the endpoint's collector would believe and its operator does not
    /// trust, in any letter case and with `_` for `-`: it is removed, so that nobody believes it
    /// (contract, P-7).
    pub fn distrusts(&self, index: usize, name: &[u8]) -> bool {
        let distrusted = self
            .endpoints
            .get(index)
            .and_then(|endpoint| vendors::distrusted_field(&endpoint.policy));
        distrusted.is_some_and(|field| {
            field.len() == name.len() && name.iter().map(fold).eq(field.bytes())
        })
    }

    /// The verdict on a request that could not be looked at because a call to the host failed.
    pub fn host_error(&self, index: usize, findings: Findings) -> Option<Decision> {
        let endpoint = self.endpoints.get(index)?;
        let mut notes = Notes::new(&endpoint.dispositions, findings);
        notes.findings.uninspected = true;
        let flow =
            notes.note(Finding::new(Reason::HostError, "the request could not be inspected"));
        let terms = Terms { mode: endpoint.mode_of_unknown(), cross_origin: CrossOrigin::Nothing };
        Some(decide(index, endpoint, &terms, flow, notes.findings))
    }
}

/// A byte of a field's name as CGI and its kin compare it.
fn fold(byte: &u8) -> u8 {
    if *byte == b'_' { b'-' } else { byte.to_ascii_lowercase() }
}

/// A request whose head has been checked and whose body is awaited.
#[derive(Debug)]
pub struct Inspection {
    pub endpoint: usize,
    terms: Terms,
    pub findings: Findings,
    awaited: Awaited,
    max_bytes: usize,
    /// Bytes of body that the head declares; looked for only where the buffer's size is known.
    declared: Option<usize>,
}

impl Inspection {
    /// Call with the bytes of body seen so far, each time some have come. A decision ends the
    /// inspection before the body is whole.
    pub fn body_seen(&mut self, gate: &Gate, bytes: usize) -> Option<Decision> {
        if bytes <= self.max_bytes {
            return None;
        }
        let endpoint = gate.endpoints.get(self.endpoint)?;
        let mut notes = Notes::new(&endpoint.dispositions, std::mem::take(&mut self.findings));
        let flow = match notes.note(vendors::too_large(&self.awaited, self.max_bytes)) {
            Flow::Continue(()) => vendors::unread(&self.awaited, &mut notes),
            refused @ Flow::Break(_) => refused,
        };
        Some(decide(self.endpoint, endpoint, &self.terms, flow, notes.findings))
    }

    /// Whether the content of the body is needed, or only its size.
    pub fn reads_body(&self) -> bool {
        !matches!(self.awaited, Awaited::Nothing | Awaited::Size(_))
    }

    /// The client went away before its body was whole: nothing was forwarded, and nothing is known.
    pub fn abandoned(mut self) -> Decision {
        self.findings.uninspected = true;
        Decision {
            endpoint: self.endpoint,
            verdict: Verdict::Uninspected,
            mode: self.terms.mode,
            findings: self.findings,
            reason: None,
            reply: None,
        }
    }

    /// Checks the whole body, or an empty one where there was none.
    pub fn body(self, gate: &Gate, body: &[u8]) -> Option<Decision> {
        let endpoint = gate.endpoints.get(self.endpoint)?;
        let mut notes = Notes::new(&endpoint.dispositions, self.findings);
        let flow = vendors::body(
            &endpoint.policy,
            &endpoint.limits,
            &gate.shared,
            self.awaited,
            body,
            &mut notes,
        );
        Some(decide(self.endpoint, endpoint, &self.terms, flow, notes.findings))
    }
}

/// What becomes of a request.
#[derive(Debug)]
pub struct Decision {
    /// Index into [`Gate::endpoints`].
    pub endpoint: usize,
    pub verdict: Verdict,
    pub mode: Mode,
    /// What was found, a refusal's own finding last.
    pub findings: Findings,
    /// The reason that a counter names: the refusal's, else the first one annotated.
    pub reason: Option<Reason>,
    /// The local reply of a drop or reject, which in shadow mode is not sent.
    pub reply: Option<Reply>,
}

impl Decision {
    /// How many tracked domains the collector was told to drop, which the response must tell the
    /// client; 0 elsewhere.
    pub fn dropped_domains(&self) -> usize {
        match (self.mode, self.verdict) {
            (Mode::Enforce, Verdict::Annotate | Verdict::Uninspected) => {
                self.findings.dropped_domains
            }
            (Mode::Enforce, Verdict::Pass | Verdict::Drop | Verdict::Reject)
            | (Mode::Shadow, _) => 0,
        }
    }

    /// The reply to send; `None` where the request is forwarded.
    pub fn reply_to_send(&self) -> Option<&Reply> {
        match self.mode {
            Mode::Enforce => self.reply.as_ref(),
            Mode::Shadow => None,
        }
    }
}

/// How a request is to be answered, as its head tells.
#[derive(Debug)]
struct Terms {
    mode: Mode,
    cross_origin: CrossOrigin,
}

fn decide(
    index: usize,
    endpoint: &Endpoint,
    terms: &Terms,
    flow: Flow,
    mut findings: Findings,
) -> Decision {
    let (verdict, reason, reply) = match flow {
        Flow::Continue(()) => {
            (findings.verdict(), findings.kept.list.first().map(|finding| finding.reason), None)
        }
        Flow::Break(Refusal { kind, finding }) => {
            let reply = reply::render(
                endpoint.vendor,
                &endpoint.policy,
                &terms.cross_origin,
                kind,
                &finding,
            );
            let reason = finding.reason;
            findings.kept.list.push(finding);
            (kind.verdict(), Some(reason), Some(reply))
        }
    };
    Decision { endpoint: index, verdict, mode: terms.mode, findings, reason, reply }
}
