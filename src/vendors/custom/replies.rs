//! The operator's own answers to refused requests.

use crate::config::declare::{object, text};
use crate::config::node::Node;
use crate::config::read::{Entries, Read};
use crate::rules::content_type::FieldName;
use crate::rules::problem::Problem;
use crate::vendors::Parts;
use crate::verdict::{Reason, RefusalKind};

object! {
    /// One answer.
    pub struct ReplySpec {
        /// 200 to 599.
        status: Status,
        /// Header fields, by name.
        #[schemars(default)]
        headers: Entries<ReplyField, ReplyValue>,
        /// Empty if left out.
        body: Option<String>,
    }
}

/// For what an answer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplyFor {
    /// A reason.
    Reason(Reason),
    /// All drops, or all rejects.
    All(RefusalKind),
}

text!(ReplyFor = ReplyFor::new);

impl ReplyFor {
    fn new(key: &str) -> Result<Self, Problem> {
        let reason = |key| Reason::ALL.into_iter().find(|reason| reason.id() == key);
        match key {
            "drop" => Ok(ReplyFor::All(RefusalKind::Drop)),
            "reject" => Ok(ReplyFor::All(RefusalKind::Reject)),
            other => reason(other).map(ReplyFor::Reason).ok_or_else(|| {
                Problem::new("", "a reason's id, \"drop\" or \"reject\"", format!("{key:?}"))
            }),
        }
    }
}

/// A status that ends an exchange.
#[derive(Debug, Clone, Copy)]
pub struct Status(u16);

impl Read for Status {
    fn read(node: Node<'_, '_>) -> Option<Self> {
        node.number(|text| match text.parse() {
            Ok(status @ 200..600) => Ok(Status(status)),
            Ok(_) | Err(_) => Err(Problem::new("", "a status from 200 to 599", text)),
        })
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for Status {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Status".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "integer", "minimum": 200, "maximum": 599 })
    }
}

/// The name of a header field that a reply can carry: framing is the proxy's own business.
#[derive(Debug, Clone)]
pub struct ReplyField(String);

text!(ReplyField = ReplyField::new);

impl ReplyField {
    fn new(name: &str) -> Result<Self, Problem> {
        let FieldName(lower) = FieldName::new(name)?;
        let is_framing = [
            "content-length",
            "transfer-encoding",
            "connection",
            "keep-alive",
            "upgrade",
            "te",
            "trailer",
        ]
        .contains(&lower.as_str());
        if is_framing {
            let expected = "a header field that a reply can carry";
            return Err(Problem::new("", expected, "one that the proxy sets itself"));
        }
        Ok(ReplyField(lower))
    }
}

/// The value of a header field.
#[derive(Debug, Clone)]
pub struct ReplyValue(String);

text!(ReplyValue = ReplyValue::new);

impl ReplyValue {
    fn new(value: &str) -> Result<Self, Problem> {
        if value.chars().any(char::is_control) {
            let expected = "a value without control characters";
            return Err(Problem::new("", expected, "one with some"));
        }
        Ok(ReplyValue(value.to_owned()))
    }
}

/// Answers by reason, and those for all drops and rejects that have none of their own.
#[derive(Debug, Default)]
pub struct Replies {
    by_reason: Vec<(Reason, Parts)>,
    drop: Option<Parts>,
    reject: Option<Parts>,
}

impl Replies {
    /// Puts the answers in the form in which they are asked for.
    pub fn compile(specs: &[(ReplyFor, ReplySpec)]) -> Self {
        let mut replies = Replies::default();
        for (key, spec) in specs {
            let parts = spec.parts();
            match key {
                ReplyFor::All(RefusalKind::Drop) => replies.drop = Some(parts),
                ReplyFor::All(RefusalKind::Reject) => replies.reject = Some(parts),
                ReplyFor::Reason(reason) => replies.by_reason.push((*reason, parts)),
            }
        }
        replies
    }

    /// The answer for a reason, else that for all drops or rejects; `None`: the contract's.
    pub fn get(&self, kind: RefusalKind, reason: Reason) -> Option<&Parts> {
        let own = self.by_reason.iter().find(|(known, _)| *known == reason).map(|(_, parts)| parts);
        let general = match kind {
            RefusalKind::Drop => self.drop.as_ref(),
            RefusalKind::Reject => self.reject.as_ref(),
        };
        own.or(general)
    }
}

impl ReplySpec {
    fn parts(&self) -> Parts {
        let headers = self.headers.iter();
        let headers = headers.map(|(name, value)| (name.0.clone(), value.0.clone())).collect();
        (self.status.0, headers, self.body.clone().unwrap_or_default())
    }
}
