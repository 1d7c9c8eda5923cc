//! What is done about a decision: it is published for the access log, and the request is answered,
//! or marked and let go.

use super::Plugin;
use super::host::{self, Map};
use crate::annotation;
use crate::gate::Decision;
use proxy_wasm::types::Action;

/// Filter state `wasm.trackgate.verdict`, the text of the verdict field.
const VERDICT_STATE: &str = "trackgate.verdict";
/// Filter state `wasm.trackgate.reasons`, the text of the reasons field; not set where there is
/// none.
const REASONS_STATE: &str = "trackgate.reasons";

/// Publishes the verdict, and replies or lets the request go on.
pub fn act(plugin: &Plugin, decision: &Decision, headers_held: bool) -> host::Result<Action> {
    let verdict = annotation::verdict(decision, &decision.endpoint.name);
    let reasons = annotation::reasons(&decision.findings);
    host::set_property(VERDICT_STATE, verdict.as_bytes())?;
    if let Some(reasons) = &reasons {
        host::set_property(REASONS_STATE, reasons.as_bytes())?;
    }
    if let Some(reply) = decision.reply_to_send() {
        let headers: Vec<(&str, &str)> =
            reply.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let details = format!("trackgate_{}", reply.reason.id());
        host::send_local_response(reply.status, &details, &headers, reply.body.as_bytes())?;
        return Ok(Action::Pause);
    }
    if headers_held {
        host::set_header(Map::RequestHeaders, &plugin.verdict_field, verdict.as_bytes())?;
        if let Some(reasons) = &reasons {
            host::set_header(Map::RequestHeaders, &plugin.reasons_field, reasons.as_bytes())?;
        }
    }
    Ok(Action::Continue)
}

/// Lets the current stream go, or answers it: the watchdog's, in place of a callback that does not
/// come. The stream itself counts its verdict, when its body comes or when it is over.
pub fn let_go(plugin: &Plugin, decision: &Decision) {
    plugin.metrics.count_resumed();
    let done = act(plugin, decision, true);
    if done.is_err() {
        plugin.metrics.count_host_error();
    }
    if done != Ok(Action::Pause) && host::resume_request().is_err() {
        plugin.metrics.count_host_error();
    }
}
