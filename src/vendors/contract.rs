//! What a vendor's contract says once and for all, whatever the operator configures.

use crate::rules::user_agent::UserAgents;
use crate::verdict::{Disposition, Finding, Reason};

/// A vendor's contract. Each vendor's file has one, `CONTRACT`.
#[derive(Debug)]
pub struct Contract {
    /// The contract is built in. False where the operator describes the collector.
    pub is_built_in: bool,
    /// The documented paths, for an endpoint that names none.
    pub paths: &'static [&'static str],
    /// The most bytes that the vendor takes, or that are held where nothing is published.
    pub limits: Limits,
    /// The default treatment of each reason that the vendor's checks can give.
    pub dispositions: &'static [(Reason, Disposition)],
    /// The reasons among them that can refuse a part of a request: it is then forwarded with them,
    /// though their disposition is to refuse.
    pub refuses_in_part: fn(Reason) -> bool,
    /// The answer to a dropped request: what the vendor answers to one it took.
    pub success: Answer,
    /// The answer to a rejected request.
    pub error: ErrorReply,
    /// Header fields of every local reply, besides those of its body.
    pub reply_fields: &'static [(&'static str, &'static str)],
    /// The field in which a drop says how many tracked domains it concerns.
    pub dropped_domains_field: Option<&'static str>,
    /// `access-control-allow-origin` of local replies, where the operator sets none.
    pub allow_origin: Option<&'static str>,
    /// The body of a request with gRPC's media type is read like any other.
    pub reads_grpc: bool,
    /// What a User-Agent is to this vendor: `bot`, `bot_suspected` or neither.
    pub user_agents: UserAgentRule,
}

/// The most bytes of body that an endpoint takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// A request that is not a batch.
    pub request_bytes: usize,
    /// A batch request; 0 where the vendor has no batches.
    pub batch_bytes: usize,
    /// One event of a batch; 0 where the vendor has no batches.
    pub event_bytes: usize,
}

impl Limits {
    /// Of a vendor without batches.
    pub const fn of_request(request_bytes: usize) -> Self {
        Limits { request_bytes, batch_bytes: 0, event_bytes: 0 }
    }

    /// The most bytes that any request may have.
    pub fn largest(&self, has_batch_paths: bool) -> usize {
        if has_batch_paths { self.request_bytes.max(self.batch_bytes) } else { self.request_bytes }
    }
}

/// What a vendor answers to a request that it took.
#[derive(Debug)]
pub struct Answer {
    /// A success of the vendor's.
    pub status: u16,
    /// `content-type`, where the answer has one.
    pub content_type: Option<&'static str>,
    /// Empty where it has none.
    pub body: &'static str,
}

/// Status, header fields and body of an answer.
pub type Parts = (u16, Vec<(String, String)>, String);

impl Answer {
    /// A status and nothing else.
    pub const fn empty(status: u16) -> Self {
        Answer { status, content_type: None, body: "" }
    }

    /// As a reply has it.
    pub fn parts(&self) -> Parts {
        let content_type = self.content_type.iter();
        let fields =
            content_type.map(|value| ("content-type".to_owned(), (*value).to_owned())).collect();
        (self.status, fields, self.body.to_owned())
    }
}

/// How a vendor answers a request that it cannot use.
#[derive(Debug)]
pub struct ErrorReply {
    /// The documented status for a reason; see [`Reason::status`] where none is documented.
    pub status: fn(Reason) -> u16,
    /// `content-type` of the body.
    pub content_type: &'static str,
    /// The body, for a status.
    pub body: fn(u16, &Finding) -> String,
}

impl ErrorReply {
    /// As a reply has it.
    pub fn parts(&self, finding: &Finding) -> Parts {
        let status = match finding.reason {
            // Not the vendor's answer, but the gate's own.
            Reason::HostError => finding.reason.status(),
            reason => (self.status)(reason),
        };
        let content_type = ("content-type".to_owned(), self.content_type.to_owned());
        (status, vec![content_type], (self.body)(status, finding))
    }
}

/// How a vendor treats User-Agents.
#[derive(Debug, Clone, Copy)]
pub enum UserAgentRule {
    /// It does not look at them.
    Ignored,
    /// The reason for a value.
    Contract(fn(&UserAgents, &[u8]) -> Option<Reason>),
    /// As the endpoint's configuration says.
    Configured,
}

impl Contract {
    /// The default treatment of a reason; `None` where the vendor's checks never give it. That a
    /// call to the host fails can happen at every vendor.
    pub fn disposition(&self, reason: Reason) -> Option<Disposition> {
        if reason == Reason::HostError {
            return Some(Disposition::Annotate);
        }
        let known = self.dispositions.iter().find(|(known, _)| *known == reason);
        known.map(|(_, disposition)| *disposition)
    }
}
