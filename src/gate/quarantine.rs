//! Which refused requests are kept besides, and where: what the operator writes, and what of it
//! holds for one endpoint.

use super::{Decision, Mode};
use crate::config::declare::{object, text, words};
use crate::config::node::Node;
use crate::config::read::{NotEmpty, Read};
use crate::request::RequestHead;
use crate::rules::content_type::is_grpc;
use crate::rules::problem::Problem;
use crate::rules::share::Share;
use crate::rules::size;
use crate::verdict::Reason;
use std::num::NonZeroUsize;

/// A body of at most so many bytes is kept, where the operator does not say.
const MAX_BODY_BYTES: usize = 65_536;
/// So many requests are on their way at once, where the operator does not say.
const MAX_IN_FLIGHT: usize = 128;

object! {
    /// Where refused requests are sent besides; what the sender is answered does not change.
    pub struct QuarantineSpec {
        /// Envoy's name of the cluster. None of the routes may lead to it, and it must not be the
        /// collector's.
        cluster: ClusterName,
        /// For which reasons, or `all`.
        #[schemars(extend("default" = "all"))]
        reasons: Option<Reasons>,
        /// The share of refused requests, in steps of 0.01, chosen by chance.
        #[schemars(extend("default" = 100))]
        percent: Option<Share>,
        /// The largest body that is kept; a request with a larger one is not.
        #[schemars(extend("default" = MAX_BODY_BYTES))]
        max_body_bytes: Option<NonZeroUsize>,
        /// Requests that are on their way at once, on each worker in wasm and in all of Envoy in the
        /// module; more are not kept.
        #[schemars(extend("default" = MAX_IN_FLIGHT))]
        max_in_flight: Option<NonZeroUsize>,
        /// Keep `authorization`, `proxy-authorization`, `cookie` and the vendor's key as well.
        #[schemars(extend("default" = false))]
        store_credentials: Option<bool>,
    }
}

/// The name of a cluster: visible ASCII, as Envoy's own name may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterName(pub String);

text!(ClusterName = ClusterName::new, { "minLength": 1 });

impl ClusterName {
    fn new(text: &str) -> Result<Self, Problem> {
        if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Ok(ClusterName(text.to_owned()));
        }
        Err(Problem::new("", "the name of a cluster", format!("{text:?}")))
    }
}

words! {
    /// Every reason.
    pub enum All {
        /// Every reason.
        All = "all",
    }
}

/// For which reasons a refused request is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(untagged, inline))]
pub enum Reasons {
    /// For every one.
    All(All),
    /// For these alone.
    These(NotEmpty<Vec<Reason>>),
}

impl Read for Reasons {
    fn read(node: Node<'_, '_>) -> Option<Self> {
        match &node.value {
            crate::config::Json::String(_) => All::read(node).map(Reasons::All),
            _ => NotEmpty::read(node).map(Reasons::These),
        }
    }
}

impl Reasons {
    fn has(&self, reason: Reason) -> bool {
        match self {
            Reasons::All(_) => true,
            Reasons::These(list) => list.contains(&reason),
        }
    }

    /// Those that are named; none where it is every one.
    pub fn named(&self) -> &[Reason] {
        match self {
            Reasons::All(_) => &[],
            Reasons::These(list) => list,
        }
    }
}

/// Whether a body is waited for, so that a request can be kept which its head refuses.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum Keeping {
    /// No request is kept, or not this one.
    #[default]
    Nothing,
    /// It is.
    Possible,
    /// It is declared to be too large.
    TooLarge,
    /// It has no end, or is not sent before it is asked for.
    Endless,
}

/// What holds for one endpoint.
#[derive(Debug, Clone)]
pub struct Quarantine {
    /// Envoy's name of the cluster.
    pub cluster: String,
    /// For which reasons.
    pub reasons: Reasons,
    /// The share of refused requests.
    pub percent: Share,
    /// The largest body that is kept.
    pub max_body_bytes: usize,
    /// The most requests that are on their way at once.
    pub max_in_flight: usize,
    /// Fields and parameters that hold keys are kept too.
    pub stores_credentials: bool,
}

impl From<&QuarantineSpec> for Quarantine {
    fn from(spec: &QuarantineSpec) -> Self {
        Quarantine {
            cluster: spec.cluster.0.clone(),
            reasons: spec.reasons.clone().unwrap_or(Reasons::All(All::All)),
            percent: spec.percent.unwrap_or(Share::ALL),
            max_body_bytes: spec.max_body_bytes.map_or(MAX_BODY_BYTES, NonZeroUsize::get),
            max_in_flight: spec.max_in_flight.map_or(MAX_IN_FLIGHT, NonZeroUsize::get),
            stores_credentials: spec.store_credentials.unwrap_or(false),
        }
    }
}

impl Quarantine {
    /// Whether the request is one that is refused, and for one of the reasons. Shadow mode refuses
    /// nothing.
    pub fn is_for(&self, decision: &Decision) -> bool {
        match decision.mode {
            Mode::Enforce => {
                decision.reply.is_some()
                    && decision.reason.is_some_and(|reason| self.reasons.has(reason))
            }
            Mode::Shadow => false,
        }
    }

    /// Whether a request that its head refuses can be kept with its body.
    pub fn keeping(&self, head: &RequestHead<'_>) -> Keeping {
        let has_end = ["expect", "upgrade"].iter().all(|name| head.first(name).is_none());
        if !has_end || is_grpc(head) {
            return Keeping::Endless;
        }
        match size::declared(head) {
            Some(bytes) if bytes > self.max_body_bytes => Keeping::TooLarge,
            Some(_) | None => Keeping::Possible,
        }
    }
}
