//! What is done about a decision: it is published for the access log, unless the operator has that
//! off, and the request is answered, or marked and let go.

use super::Context;
use super::explain;
use super::host::{Action, Host, Map, Result};
use crate::annotation;
use crate::gate::Decision;

/// Filter state, the text of the verdict field.
const VERDICT_STATE: &str = "trackgate.verdict";
/// Filter state, the text of the reasons field; not set where there is none.
const REASONS_STATE: &str = "trackgate.reasons";

/// Publishes the verdict, and replies or lets the request go on. The request has none of our own
/// fields: what a client sent under their names has been removed. `is_explained`: a reply tells its
/// verdict and reasons.
pub fn act<H: Host>(
    cx: &mut Context<'_, H>,
    decision: &Decision,
    headers_held: bool,
    is_explained: bool,
) -> Result<Action> {
    let (filter, host) = (cx.filter, &mut cx.host);
    let verdict = annotation::verdict(decision, &decision.endpoint.name);
    let reasons = annotation::reasons(&decision.findings);
    let published =
        if filter.publishes { publish(host, &verdict, reasons.as_deref()) } else { Ok(()) };
    let reply = decision.reply_to_send();
    if reply.is_some() || headers_held {
        // The access log lacks it, and nothing else does.
        if published.is_err() {
            filter.metrics.count_host_error(host);
        }
    } else {
        published?;
    }
    if let Some(reply) = reply {
        let explained = if is_explained { explain::fields(filter, decision) } else { Vec::new() };
        let own = reply.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let explained = explained.iter().map(|(name, value)| (*name, value.as_str()));
        let headers: Vec<(&str, &str)> = own.chain(explained).collect();
        let details = format!("trackgate_{}", reply.reason.id());
        host.reply(reply.status, &details, &headers, reply.body.as_bytes())?;
        return Ok(Action::Replied);
    }
    if headers_held {
        host.add_field(Map::RequestHeaders, &filter.verdict_field, verdict.as_bytes())?;
        if let Some(reasons) = &reasons {
            host.add_field(Map::RequestHeaders, &filter.reasons_field, reasons.as_bytes())?;
        }
    }
    Ok(Action::Continue)
}

fn publish(host: &mut impl Host, verdict: &str, reasons: Option<&str>) -> Result<()> {
    host.publish(VERDICT_STATE, verdict.as_bytes())?;
    reasons.map_or(Ok(()), |reasons| host.publish(REASONS_STATE, reasons.as_bytes()))
}
