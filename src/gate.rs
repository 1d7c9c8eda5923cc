//! The compiled configuration, and the way of one request through it.
//!
//! [`Gate::endpoint`] finds whose request it is, [`Endpoint::head`] checks what the head tells,
//! [`Inspection::body_seen`] watches the size while the body comes, and [`Inspection::body`] reads
//! it once it is whole. Each of the last three can end it with a [`Decision`]; nothing here logs,
//! counts, or knows a host.

mod decision;
mod endpoint;
mod holding;
mod inspection;
mod outcomes;
mod quarantine;

pub use decision::Decision;
pub use endpoint::Endpoint;
pub use inspection::{Inspection, Step};
pub use quarantine::{Keeping, Quarantine, QuarantineSpec, Reasons};

use crate::config::declare::words;
use crate::request::RequestHead;
use crate::rules::endpoint::{Path, Table};
use crate::rules::key_digests::KeyDigests;
use crate::vendors::Shared;
use std::sync::Arc;

words! {
    /// Whether verdicts are acted upon.
    #[derive(Default)]
    pub enum Mode {
        /// Drops and rejects are answered by the gate.
        #[default]
        Enforce = "enforce",
        /// Everything is forwarded; the annotation says what enforcement would have done.
        Shadow = "shadow",
    }
}

words! {
    /// How the request is held while its body is inspected.
    #[derive(Default)]
    pub enum BodyPhase {
        /// The filter holds the header section, and edits it when the verdict is known. Needs
        /// `allow_on_headers_stop_iteration: true` in Envoy's plugin configuration.
        #[default]
        Hold = "hold",
        /// A buffer filter after this one holds it, and the route adds the annotations from filter
        /// state.
        Compat = "compat",
    }
}

/// The compiled configuration. All workers can share one.
#[derive(Debug)]
pub struct Gate {
    /// In configuration order.
    pub endpoints: Vec<Arc<Endpoint>>,
    /// Of the endpoints' hosts and paths.
    pub table: Table<Arc<Endpoint>>,
    /// What the endpoints use together.
    pub shared: Arc<Shared>,
    /// Lower-case prefix of the header fields that are ours.
    pub header_prefix: String,
    /// How Envoy is asked to hold a request.
    pub body_phase: BodyPhase,
    /// The digest of the secret by which a request asks for its verdict.
    pub explain: Option<KeyDigests>,
}

/// The dynamic module's workers share one gate: a cell in it would be a data race.
const _: fn() = || {
    fn is_shared<T: Send + Sync>() {}
    fn is_sent<T: Send>() {}
    is_shared::<Gate>();
    is_sent::<Inspection>();
};

impl Gate {
    /// The endpoint a request belongs to: the first in configuration order whose hosts and paths
    /// match. `None`: not ours. Only POST is inspected, in any letter case, for HTTP/2 lets `post`
    /// through and some collectors fold it (contract, P3).
    pub fn endpoint(&self, head: &RequestHead<'_>) -> Option<&Arc<Endpoint>> {
        if !head.method().eq_ignore_ascii_case(b"POST") {
            return None;
        }
        self.table.find(head.authority(), &Path::of(head.path()))
    }

    /// True for a field name that is ours alone, in any letter case and with `_` for `-`.
    pub fn is_own_field(&self, name: &[u8]) -> bool {
        let prefix = self.header_prefix.as_bytes();
        // Nearly every name is passed by its first byte.
        name.first().map(fold) == prefix.first().copied()
            && name.len() >= prefix.len()
            && name.iter().map(fold).zip(prefix.iter().map(fold)).all(|(found, own)| found == own)
    }
}

/// A byte of a field's name as CGI and its kin compare it.
fn fold(byte: &u8) -> u8 {
    if *byte == b'_' { b'-' } else { byte.to_ascii_lowercase() }
}
