//! Answers on demand: who sends the secret in `x-track-explain` is told verdict and reasons in the
//! answer, as the collector is in the request. The field itself is ours, and removed like the others.

use super::Filter;
use super::host::{Host, Map, Result, Setup};
use crate::annotation;
use crate::gate::Decision;
use crate::request::RequestHead;

/// Whether a request asks for its verdict.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// It does not, or nobody may.
    #[default]
    No,
    /// With something that is none of the secrets, or with several.
    Wrongly,
    /// With a secret.
    Rightly,
}

impl Asked {
    /// Compares by digests.
    pub fn of<S: Setup>(filter: &Filter<S>, head: &RequestHead<'_>) -> Self {
        let Some(secrets) = &filter.gate.explain else { return Asked::No };
        let mut values = head.all(&filter.explain_field);
        match (values.next(), values.next()) {
            (None, _) => Asked::No,
            (Some(secret), None) if secrets.contains(secret) => Asked::Rightly,
            (Some(_), _) => Asked::Wrongly,
        }
    }
}

/// Verdict and reasons, by the names that they have in a request.
pub fn fields<'a, S: Setup>(filter: &'a Filter<S>, decision: &Decision) -> Vec<(&'a str, String)> {
    let verdict = annotation::verdict(decision, &decision.endpoint.name);
    let reasons = annotation::reasons(&decision.findings);
    let reasons = reasons.map(|reasons| (filter.reasons_field.as_str(), reasons));
    [(filter.verdict_field.as_str(), verdict)].into_iter().chain(reasons).collect()
}

/// Into the collector's answer; what it says under these names itself does not count.
pub fn tell(host: &mut impl Host, fields: &[(String, String)]) -> Result<()> {
    let mut set = |(name, value): &(String, String)| {
        host.set_field(Map::ResponseHeaders, name, value.as_bytes())
    };
    fields.iter().try_for_each(&mut set)
}
