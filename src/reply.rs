//! Local replies: what the client of a refused request gets, in the words of the vendor's own
//! documents.

use crate::request::RequestHead;
use crate::vendors::{Contract, Parts};
use crate::verdict::{Finding, Reason, RefusalKind};
use std::sync::Arc;

/// A reply to send in the collector's stead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// 200 to 599.
    pub status: u16,
    /// Names in lower case; a name may stand twice. No framing fields.
    pub headers: Vec<(String, String)>,
    /// Empty where the answer has none.
    pub body: String,
    /// For response code details: `trackgate_<reason>`.
    pub reason: Reason,
}

/// `access-control-allow-origin` of the gate's own replies, for browsers that must read them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AllowOrigin {
    /// The same value whoever asks: `*`, or one origin.
    Always(Arc<str>),
    /// The request's own `Origin` where it is one of these, with leave to send credentials.
    Listed(Vec<Arc<str>>),
}

/// What a reply says to the browser that asked, as the request's head tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CrossOrigin {
    /// No field at all.
    Nothing,
    /// `access-control-allow-origin` with this value.
    Always(Arc<str>),
    /// The origin, if it is listed; the reply varies with it all the same.
    Credentialed(Option<Arc<str>>),
}

/// Whether the browser may send credentials.
const ALLOW_CREDENTIALS: &str = "access-control-allow-credentials";

impl CrossOrigin {
    /// A missing `Origin`, a repeated one and one that is not listed, compared byte for byte, get
    /// no leave.
    pub fn of(allowed: Option<&AllowOrigin>, head: &RequestHead<'_>) -> Self {
        let Some(allowed) = allowed else { return CrossOrigin::Nothing };
        match allowed {
            AllowOrigin::Always(value) => CrossOrigin::Always(Arc::clone(value)),
            AllowOrigin::Listed(origins) => {
                let mut asked = head.all("origin");
                let one = asked.next().filter(|_| asked.next().is_none());
                CrossOrigin::Credentialed(
                    origins.iter().find(|origin| Some(origin.as_bytes()) == one).cloned(),
                )
            }
        }
    }

    fn fields(&self) -> Vec<(&'static str, String)> {
        match self {
            CrossOrigin::Nothing => Vec::new(),
            CrossOrigin::Always(value) => vec![("access-control-allow-origin", value.to_string())],
            CrossOrigin::Credentialed(None) => vec![("vary", "origin".to_owned())],
            CrossOrigin::Credentialed(Some(origin)) => vec![
                ("access-control-allow-origin", origin.to_string()),
                (ALLOW_CREDENTIALS, "true".to_owned()),
                ("vary", "origin".to_owned()),
            ],
        }
    }

    /// Whether a vendor's own field stands in the reply. Where the operator lists origins, those
    /// alone may send credentials.
    fn lets(&self, field: &str) -> bool {
        match self {
            CrossOrigin::Nothing | CrossOrigin::Always(_) => true,
            CrossOrigin::Credentialed(_) => field != ALLOW_CREDENTIALS,
        }
    }
}

/// The vendor's answer to a refused request; `own` is the operator's in its place.
pub fn render(
    contract: &Contract,
    own: Option<&Parts>,
    cross_origin: &CrossOrigin,
    kind: RefusalKind,
    finding: &Finding,
) -> Reply {
    let (status, mut headers, body) = match (own, kind) {
        (Some(own), _) => own.clone(),
        (None, RefusalKind::Drop) => contract.success.parts(),
        (None, RefusalKind::Reject) => contract.error.parts(finding),
    };
    let mut push = |name: &str, value: String| headers.push((name.to_owned(), value));
    cross_origin.fields().into_iter().for_each(|(name, value)| push(name, value));
    for (name, value) in contract.reply_fields.iter().filter(|(name, _)| cross_origin.lets(name)) {
        push(name, (*value).to_owned());
    }
    if let (Some(name), RefusalKind::Drop, 1..) =
        (contract.dropped_domains_field, kind, finding.domains)
    {
        push(name, finding.domains.to_string());
    }
    Reply { status, headers, body, reason: finding.reason }
}
