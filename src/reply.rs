//! Local replies: what the client of a refused request gets, in the words of the vendor's own
//! documents.

use crate::request::RequestHead;
use crate::rules::json::write::{array, object, quoted};
use crate::vendor::Vendor;
use crate::vendors::Policy;
use crate::vendors::custom::replies::Parts;
use crate::vendors::plausible::response::DROPPED;
use crate::verdict::{Finding, Reason, RefusalKind};

/// A reply to send in the collector's stead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: String,
    /// For response code details: `trackgate_<reason>`.
    pub reason: Reason,
}

/// `access-control-allow-origin` of the gate's own replies, for browsers that must read them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AllowOrigin {
    /// The same value whoever asks: `*`, or one origin.
    Always(String),
    /// The request's own `Origin` where it is one of these, with leave to send credentials.
    Listed(Vec<String>),
}

/// What a reply says to the browser that asked, as the request's head tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CrossOrigin {
    Nothing,
    Always(String),
    /// The origin, if it is listed; the reply varies with it all the same.
    Credentialed(Option<String>),
}

impl CrossOrigin {
    /// A missing `Origin`, a repeated one and one that is not listed, compared byte for byte, get
    /// no leave.
    pub fn of(allowed: Option<&AllowOrigin>, head: &RequestHead<'_>) -> Self {
        let Some(allowed) = allowed else { return CrossOrigin::Nothing };
        match allowed {
            AllowOrigin::Always(value) => CrossOrigin::Always(value.clone()),
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
            CrossOrigin::Always(value) => vec![("access-control-allow-origin", value.clone())],
            CrossOrigin::Credentialed(None) => vec![("vary", "origin".to_owned())],
            CrossOrigin::Credentialed(Some(origin)) => vec![
                ("access-control-allow-origin", origin.clone()),
                ("access-control-allow-credentials", "true".to_owned()),
                ("vary", "origin".to_owned()),
            ],
        }
    }
}

/// The vendor's own answer to a refused request.
pub fn render(
    vendor: Vendor,
    policy: &Policy,
    cross_origin: &CrossOrigin,
    kind: RefusalKind,
    finding: &Finding,
) -> Reply {
    let own = match policy {
        Policy::Custom(policy) => policy.replies.get(kind, finding.reason),
        Policy::Convert(_)
        | Policy::Plausible(_)
        | Policy::Userpilot(_)
        | Policy::CommandersAct(_) => None,
    };
    let (status, mut headers, body) = own.unwrap_or_else(|| match kind {
        RefusalKind::Drop => success_look_alike(vendor),
        RefusalKind::Reject => error(vendor, finding),
    });
    headers.extend(cross_origin.fields().into_iter().map(|(name, value)| (name.to_owned(), value)));
    if vendor == Vendor::Plausible {
        if matches!(cross_origin, CrossOrigin::Nothing | CrossOrigin::Always(_)) {
            headers.push(("access-control-allow-credentials".to_owned(), "true".to_owned()));
        }
        headers.push(("access-control-expose-headers".to_owned(), String::new()));
    }
    if finding.domains > 0 && kind == RefusalKind::Drop {
        headers.push((DROPPED.to_owned(), finding.domains.to_string()));
    }
    Reply { status, headers, body, reason: finding.reason }
}

/// What the vendor answers to a request it took.
fn success_look_alike(vendor: Vendor) -> Parts {
    match vendor {
        // The SDKs take nothing but exactly 200 with a JSON body for success (contract, C-13).
        Vendor::Convert => json_reply(200, object(&[("code", quoted("BOT"))])),
        Vendor::Plausible => text_reply(202, "ok"),
        Vendor::Userpilot => (202, Vec::new(), String::new()),
        Vendor::CommandersAct | Vendor::Custom => (200, Vec::new(), String::new()),
    }
}

fn error(vendor: Vendor, finding: &Finding) -> Parts {
    let status = error_status(vendor, finding.reason);
    let message = quoted(&finding.message);
    match vendor {
        Vendor::Convert => {
            let fields =
                finding.fields.iter().map(|(field, _)| *field).filter(|field| !field.is_empty());
            let members = [
                ("code", status.to_string()),
                ("message", message),
                ("fields", array(fields.map(quoted))),
            ];
            json_reply(status, object(&members))
        }
        Vendor::Plausible => {
            let errors =
                finding.fields.iter().map(|(field, message)| (*field, array([quoted(message)])));
            let errors: Vec<(&str, String)> = errors.collect();
            let (status, _, body) = json_reply(status, object(&[("errors", object(&errors))]));
            (
                status,
                vec![("content-type".to_owned(), "application/json; charset=utf-8".to_owned())],
                body,
            )
        }
        Vendor::Userpilot => {
            let code = quoted(finding.reason.id());
            let details = finding.path.as_deref().map_or("null".to_owned(), quoted);
            let entry = object(&[
                ("error", code.clone()),
                ("error_code", code),
                ("message", message),
                ("details", details),
            ]);
            json_reply(status, object(&[("errors", array([entry]))]))
        }
        Vendor::CommandersAct | Vendor::Custom => json_reply(status, object(&[("error", message)])),
    }
}

/// The status of a reject: what the vendor documents, else the reason's own.
fn error_status(vendor: Vendor, reason: Reason) -> u16 {
    match (vendor, reason) {
        (_, Reason::HostError) => reason.status(),
        // Plug's answer to more than it takes of JSON's own types (contract 1.1).
        (Vendor::Plausible, Reason::RequestTooLarge) => reason.status(),
        // The only error that these document; Userpilot for a request that it cannot use.
        (Vendor::Plausible | Vendor::CommandersAct, _)
        | (Vendor::Userpilot, Reason::ContentType) => 400,
        (Vendor::Convert | Vendor::Userpilot | Vendor::Custom, reason) => reason.status(),
    }
}

fn json_reply(status: u16, body: String) -> Parts {
    (status, vec![("content-type".to_owned(), "application/json".to_owned())], body)
}

fn text_reply(status: u16, body: &str) -> Parts {
    (
        status,
        vec![("content-type".to_owned(), "text/plain; charset=utf-8".to_owned())],
        body.to_owned(),
    )
}
