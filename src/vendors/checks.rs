//! What an endpoint's vendor does with a request. Each vendor's file implements both traits.

use super::common::request_too_large;
use super::contract::{Limits, Parts};
use crate::request::RequestHead;
use crate::rules::client_ip::ClientIp;
use crate::rules::content_type::FieldName;
use crate::rules::problem::Problem;
use crate::rules::referrer::SpamReferrers;
use crate::rules::user_agent::UserAgents;
use crate::verdict::{Finding, Flow, Notes, Reason, RefusalKind};
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

/// What all endpoints of a gate use.
#[derive(Debug)]
pub struct Shared {
    /// The operator's lists of User-Agents.
    pub user_agents: UserAgents,
    /// Hosts that send nothing but false referrers.
    pub spam_referrers: SpamReferrers,
    /// Where the client's address comes from.
    pub client_ip: ClientIp,
    /// Lower-case name of the field that holds the client's country.
    pub country_header: Option<FieldName>,
}

/// A vendor's own fields in the configuration of an endpoint.
pub trait Configured {
    /// The limits where the operator sets none: the contract's.
    fn limits(&self, contract: Limits) -> Limits {
        contract
    }

    /// The checks of the endpoint.
    ///
    /// # Errors
    /// Fields that exclude each other.
    fn checks(&self, limits: Limits, shared: &Arc<Shared>) -> Compiled;
}

/// The checks of an endpoint, or why there can be none.
pub type Compiled = Result<Arc<dyn Checks>, Problem>;

/// The checks of one endpoint, in its vendor's order, made from its configuration.
pub trait Checks: Send + Sync {
    /// The checks that need the head alone.
    fn head(self: Arc<Self>, head: &RequestHead<'_>, notes: &mut Notes<'_>) -> Flow<Next>;

    /// What tells clients apart better than an address: their key, where the vendor asks for one.
    fn client_key<'a>(&self, _: &RequestHead<'a>) -> Option<Cow<'a, [u8]>> {
        None
    }

    /// The field of its own that holds a key, beside `authorization`; lower-case.
    fn key_field(&self) -> Option<&str> {
        None
    }

    /// The query parameters that hold a key.
    fn key_parameters(&self) -> Vec<&str> {
        Vec::new()
    }

    /// Whether any check looks at the client's address.
    fn wants_address(&self) -> bool {
        false
    }

    /// The field that a client can send, the collector would believe, and the operator does not
    /// trust; lower-case.
    fn distrusted_field(&self) -> Option<&'static str> {
        None
    }

    /// The operator's own answer in place of the contract's.
    fn own_reply(&self, _: RefusalKind, _: Reason) -> Option<&Parts> {
        None
    }

    /// How much of what makes a configuration large this endpoint has, for the log.
    fn size(&self) -> Option<(&'static str, usize)> {
        None
    }
}

/// What is still to be read of a request whose head has been checked.
#[derive(Debug)]
pub enum Next {
    /// Nothing: the verdict is known.
    Nothing,
    /// The body's size alone, at most so many bytes; its content cannot be read, or need not be.
    Size(usize),
    /// The body.
    Body {
        /// What the vendor keeps of the head.
        held: Box<dyn Held>,
        /// The most bytes that it may have.
        max_bytes: usize,
    },
}

impl Next {
    /// The body is needed, of at most `max_bytes`.
    pub fn body(held: impl Held + 'static, max_bytes: usize) -> Self {
        Next::Body { held: Box::new(held), max_bytes }
    }

    /// The most bytes of body that the request may have.
    pub fn max_bytes(&self) -> usize {
        match self {
            Next::Nothing => usize::MAX,
            Next::Size(max_bytes) | Next::Body { max_bytes, .. } => *max_bytes,
        }
    }

    /// How the vendor says that the body has turned out to be larger than that.
    pub fn too_large(&self) -> Finding {
        match self {
            Next::Body { held, max_bytes } => held.too_large(*max_bytes),
            Next::Nothing | Next::Size(_) => request_too_large(self.max_bytes()),
        }
    }

    /// The body will not be read: the request is marked so, and what the head showed is annotated.
    pub fn unread(&self, notes: &mut Notes<'_>) -> Flow {
        notes.findings.uninspected = true;
        match self {
            Next::Body { held, .. } => held.unread(notes),
            Next::Nothing | Next::Size(_) => Flow::Continue(()),
        }
    }
}

/// What a vendor keeps of the head until the body is whole.
pub trait Held: Send {
    /// The checks that need the body; empty where the request had none.
    fn body(self: Box<Self>, body: &[u8], notes: &mut Notes<'_>) -> Flow;

    /// The body will not be read: what the head showed is all there is, and is annotated (contract,
    /// P5). A vendor that has noted it as it was found does nothing here.
    fn unread(&self, _: &mut Notes<'_>) -> Flow {
        Flow::Continue(())
    }

    /// How the vendor says that a body has turned out to be larger than `max_bytes`.
    fn too_large(&self, max_bytes: usize) -> Finding {
        request_too_large(max_bytes)
    }
}

// As supertraits these two would put the text of every policy into the wasm: 18 KB of it.
impl fmt::Debug for dyn Checks {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Checks")
    }
}

impl fmt::Debug for dyn Held {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Held")
    }
}
