//! The operator's own answers to refused requests.

use crate::rules::content_type::field_name;
use crate::rules::problem::Problem;
use crate::vendors::Parts;
use crate::verdict::{Reason, RefusalKind};

/// One answer.
#[derive(Debug, Clone)]
pub struct ReplySpec {
    /// 200 to 599.
    pub status: usize,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

/// Answers by reason, and those for all drops and rejects that have none of their own.
#[derive(Debug, Default)]
pub struct Replies {
    by_reason: Vec<(Reason, Parts)>,
    drop: Option<Parts>,
    reject: Option<Parts>,
}

impl Replies {
    /// # Errors
    /// A key that is neither a reason's id nor `drop` nor `reject`, a status outside 200 to 599, or
    /// a header field that cannot be sent.
    pub fn compile(specs: &[(String, ReplySpec)]) -> Result<Self, Problem> {
        let mut replies = Replies::default();
        for (key, spec) in specs {
            let parts = spec.compile().map_err(|problem| problem.under(key))?;
            match key.as_str() {
                "drop" => replies.drop = Some(parts),
                "reject" => replies.reject = Some(parts),
                other => match Reason::ALL.into_iter().find(|reason| reason.id() == other) {
                    Some(reason) => replies.by_reason.push((reason, parts)),
                    None => {
                        return Err(Problem::new(
                            key.clone(),
                            "a reason's id, \"drop\" or \"reject\"",
                            "another name",
                        ));
                    }
                },
            }
        }
        Ok(replies)
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
    fn compile(&self) -> Result<Parts, Problem> {
        let wrong = || Problem::new("status", "a status from 200 to 599", self.status.to_string());
        let status = u16::try_from(self.status)
            .ok()
            .filter(|status| (200..600).contains(status))
            .ok_or_else(wrong)?;
        let mut headers = Vec::new();
        for (name, value) in &self.headers {
            headers.push((
                header_name(name).map_err(|problem| problem.under("headers"))?,
                header_value(name, value)?,
            ));
        }
        Ok((status, headers, self.body.clone()))
    }
}

/// Framing is the proxy's own business.
fn header_name(name: &str) -> Result<String, Problem> {
    let lower = field_name(name)?;
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
        return Err(Problem::new(
            name.to_owned(),
            "a header field that a reply can carry",
            "one that the proxy sets itself",
        ));
    }
    Ok(lower)
}

fn header_value(name: &str, value: &str) -> Result<String, Problem> {
    if value.chars().any(char::is_control) {
        return Err(Problem::new(
            format!("headers.{name}"),
            "a value without control characters",
            "one with some",
        ));
    }
    Ok(value.to_owned())
}
