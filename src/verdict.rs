//! The gate's words on a request: a [`Verdict`], for [`Reason`]s, each treated by its
//! [`Disposition`].

mod bounded;
mod notes;
mod reason;
mod trace;

pub use bounded::Bounded;
pub use notes::Notes;
pub use reason::Reason;
pub use trace::{Found, Row, Trace, field_shown, quoted};

use crate::config::declare::words;
use std::borrow::Cow;
use std::ops::ControlFlow;

/// What becomes of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Verdict {
    /// Forwarded, marked clean.
    Pass,
    /// Forwarded, with the reasons in a request header.
    Annotate,
    /// Answered here with the vendor's success look-alike.
    Drop,
    /// Answered here with the vendor's documented error.
    Reject,
    /// Forwarded without having been looked at, or not in full.
    Uninspected,
}

impl Verdict {
    /// In the order of tables.
    pub const ALL: [Verdict; 5] =
        [Verdict::Pass, Verdict::Annotate, Verdict::Drop, Verdict::Reject, Verdict::Uninspected];

    /// The token in headers, metrics and logs.
    pub const fn id(self) -> &'static str {
        match self {
            Verdict::Pass => "pass",
            Verdict::Annotate => "annotate",
            Verdict::Drop => "drop",
            Verdict::Reject => "reject",
            Verdict::Uninspected => "uninspected",
        }
    }
}

words! {
    /// How a reason is treated: the contract's default, or what the operator's `actions` say. From
    /// the mildest.
    pub enum Disposition {
        /// As if it had not been found.
        Pass = "pass",
        /// Forward and name the reason.
        Annotate = "annotate",
        /// Answer with the vendor's success look-alike.
        Drop = "drop",
        /// Answer with the vendor's documented error.
        Reject = "reject",
    }
}

/// The treatment of every reason at one endpoint.
#[derive(Debug, Clone)]
pub struct Dispositions {
    of: [Option<Disposition>; Reason::COUNT],
}

impl Dispositions {
    /// The contract's defaults, with `actions` put over them.
    ///
    /// # Errors
    /// The reason that the contract never gives, so that its override could never take effect.
    pub fn new(
        contract: impl Fn(Reason) -> Option<Disposition>,
        actions: &[(Reason, Disposition)],
    ) -> Result<Self, Reason> {
        let mut of = Reason::ALL.map(contract);
        for (reason, disposition) in actions {
            match of.get_mut(*reason as usize) {
                Some(Some(slot)) => *slot = *disposition,
                Some(None) | None => return Err(*reason),
            }
        }
        Ok(Dispositions { of })
    }

    /// `None` where the vendor's checks never give this reason.
    pub fn of(&self, reason: Reason) -> Option<Disposition> {
        self.of.get(reason as usize).copied().flatten()
    }
}

/// One thing found about a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Why.
    pub reason: Reason,
    /// Where in the body: `visitors[0].events[2]`.
    pub path: Option<Cow<'static, str>>,
    /// The tracked domain it applies to, where a request names several.
    pub domain: Option<String>,
    /// Public text for the client: what is wrong and what was expected. Never a piece of the body
    /// or of a credential.
    pub message: Cow<'static, str>,
    /// Messages by field, where the vendor's error body lists them so.
    pub fields: Vec<(&'static str, &'static str)>,
    /// How many tracked domains a refusal concerns, where the vendor says so to the client.
    pub domains: usize,
}

impl Finding {
    /// A finding about the request as a whole.
    pub fn new(reason: Reason, message: impl Into<Cow<'static, str>>) -> Self {
        Finding {
            reason,
            path: None,
            domain: None,
            message: message.into(),
            fields: Vec::new(),
            domains: 0,
        }
    }

    /// With its place in the body.
    #[must_use]
    pub fn at(mut self, path: impl Into<Cow<'static, str>>) -> Self {
        self.path = Some(path.into());
        self
    }

    /// With the tracked domain that it applies to.
    #[must_use]
    pub fn for_domain(mut self, domain: impl Into<String>) -> Self {
        self.domain = Some(domain.into());
        self
    }

    /// With the number of tracked domains that it refuses.
    #[must_use]
    pub fn for_domains(mut self, count: usize) -> Self {
        self.domains = count;
        self
    }

    /// With a message for each field.
    #[must_use]
    pub fn with_fields(mut self, fields: Vec<(&'static str, &'static str)>) -> Self {
        self.fields = fields;
        self
    }
}

/// A finding that ends the checks, because its disposition is to drop or to reject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// How it is answered.
    pub kind: RefusalKind,
    /// Why.
    pub finding: Finding,
}

/// How a refusal is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusalKind {
    /// With the vendor's success look-alike.
    Drop,
    /// With the vendor's documented error.
    Reject,
}

impl RefusalKind {
    /// The verdict on a request that is refused so.
    pub const fn verdict(self) -> Verdict {
        match self {
            RefusalKind::Drop => Verdict::Drop,
            RefusalKind::Reject => Verdict::Reject,
        }
    }
}

/// What a check returns: go on, or stop here with a refusal. `?` ends the vendor's checks at the
/// first refusal.
pub type Flow<T = ()> = ControlFlow<Refusal, T>;

/// Findings to annotate, in the order they were made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Findings {
    /// A refusal's own finding is put behind them, even where the list is full.
    pub kept: Bounded<Finding>,
    /// The request, or a part of it, could not be looked at.
    pub uninspected: bool,
    /// Tracked domains that the annotation asks the collector to drop, where it names some only.
    pub dropped_domains: usize,
    /// What the checks looked at, where somebody listens.
    pub trace: Trace,
}

impl Findings {
    /// The verdict on a request that nothing refused.
    pub fn verdict(&self) -> Verdict {
        if self.uninspected {
            Verdict::Uninspected
        } else if self.kept.is_empty() {
            Verdict::Pass
        } else {
            Verdict::Annotate
        }
    }
}
