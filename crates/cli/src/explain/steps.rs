//! The rules of each vendor in the order they run. A test compares the order with what the core
//! does.

use crate::capture::Captured;
use crate::shown::shown;
use trackgate::gate::{Endpoint, Gate};
use trackgate::rules::credentials::{Credentials, authorization};
use trackgate::rules::user_agent::{Class, has_versioned_token};
use trackgate::vendor::Vendor;
use trackgate::vendors::Policy;
use trackgate::verdict::Reason;

/// What a rule can look at.
pub struct Seen<'a> {
    pub gate: &'a Gate,
    pub endpoint: &'a Endpoint,
    pub captured: &'a Captured,
}

pub struct Step {
    pub rule: &'static str,
    pub reasons: &'static [Reason],
    pub reads_body: bool,
    pub saw: fn(&Seen<'_>) -> String,
}

const fn head(
    rule: &'static str,
    reasons: &'static [Reason],
    saw: fn(&Seen<'_>) -> String,
) -> Step {
    Step { rule, reasons, reads_body: false, saw }
}

const fn body(rule: &'static str, reasons: &'static [Reason]) -> Step {
    Step { rule, reasons, reads_body: true, saw: |_| String::new() }
}

const SIZE: Step = head("size", &[Reason::RequestTooLarge], size);
const CODING: Step =
    head("content coding", &[Reason::ContentEncoding], |seen| field(seen, "content-encoding"));
const MEDIA_TYPE: Step =
    head("media type", &[Reason::ContentType], |seen| field(seen, "content-type"));
const USER_AGENT: Step = head("User-Agent", &[Reason::Bot, Reason::BotSuspected], user_agent);
const JSON: Step = body("JSON", &[Reason::InvalidJson]);

pub fn of(vendor: Vendor) -> &'static [Step] {
    match vendor {
        Vendor::Convert => CONVERT,
        Vendor::Plausible => PLAUSIBLE,
        Vendor::Userpilot => USERPILOT,
        Vendor::CommandersAct => COMMANDERS_ACT,
        Vendor::Custom => CUSTOM,
    }
}

const CONVERT: &[Step] = &[
    USER_AGENT,
    SIZE,
    head("Authorization", &[Reason::AuthMalformed], |seen| credentials(seen, "Bearer")),
    MEDIA_TYPE,
    CODING,
    JSON,
    body("shape", &[Reason::InvalidShape]),
    body("visitors", &[Reason::EmptyVisitors]),
    body("events", &[Reason::EventInvalid]),
];

const PLAUSIBLE: &[Step] = &[
    MEDIA_TYPE,
    CODING,
    head("size, JSON and fields", &[Reason::Invalid, Reason::RequestTooLarge], size),
    body("duplicate names", &[Reason::JsonDuplicateKeys]),
    body("spam referrer", &[Reason::SpamReferrer]),
    head("verification agent", &[Reason::VerificationAgent], |seen| field(seen, "user-agent")),
    head("data center", &[Reason::DcIp], ip_type),
    head("threat", &[Reason::ThreatIp], ip_type),
    body("site's hostnames", &[Reason::SiteHostnameAllowlist]),
    body("site's pages", &[Reason::SitePageBlocklist]),
    head("site's addresses", &[Reason::SiteIpBlocklist], address),
    head("site's countries", &[Reason::SiteCountryBlocklist], country),
    USER_AGENT,
];

const USERPILOT: &[Step] = &[
    head("Authorization", &[Reason::Unauthorized], |seen| credentials(seen, "Token")),
    MEDIA_TYPE,
    SIZE,
    head("X-API-Version", &[Reason::ApiVersion], |seen| field(seen, "x-api-version")),
    CODING,
    JSON,
    body("user_id and event_name", &[Reason::MissingField, Reason::FieldType]),
    body("metadata", &[Reason::MetadataInvalid, Reason::MetadataTooLarge]),
    body("duplicate names", &[Reason::JsonDuplicateKeys]),
];

const COMMANDERS_ACT: &[Step] = &[
    SIZE,
    CODING,
    JSON,
    body("shape", &[Reason::InvalidShape]),
    body("size of each event", &[Reason::EventTooLarge]),
    body("batch", &[Reason::EmptyBatch]),
    head("tc_s", &[Reason::MissingSiteId], target),
    head("source key", &[Reason::MissingSourceKey], |seen| credentials(seen, "Bearer")),
    MEDIA_TYPE,
    body(
        "events",
        &[
            Reason::EventInvalid,
            Reason::EventNameMissing,
            Reason::LegacyPayload,
            Reason::TimestampNotMs,
        ],
    ),
];

const CUSTOM: &[Step] = &[
    USER_AGENT,
    head("key", &[Reason::Unauthorized], |_| String::new()),
    MEDIA_TYPE,
    SIZE,
    CODING,
    JSON,
    body("shape", &[Reason::InvalidShape]),
    body("number of events", &[Reason::TooManyEvents]),
    body("size of each event", &[Reason::EventTooLarge]),
    body("batch", &[Reason::EmptyBatch]),
    body("fields", &[Reason::MissingField, Reason::FieldType, Reason::FieldTooLong]),
    body("events", &[Reason::EventInvalid]),
];

/// What a sender wrote is only ever handed on as [`shown`].
fn field(seen: &Seen<'_>, name: &str) -> String {
    seen.captured
        .head()
        .joined(name)
        .map_or_else(|| "none".to_owned(), |value| shown(&value).to_string())
}

fn target(seen: &Seen<'_>) -> String {
    shown(seen.captured.head().path()).to_string()
}

fn size(seen: &Seen<'_>) -> String {
    let limits = &seen.endpoint.limits;
    let limit = match seen.endpoint.vendor {
        Vendor::CommandersAct => {
            format!("{} bytes, {} for a batch", limits.request_bytes, limits.batch_bytes)
        }
        Vendor::Convert | Vendor::Plausible | Vendor::Userpilot | Vendor::Custom => {
            format!("{} bytes", limits.request_bytes)
        }
    };
    format!(
        "{} bytes of body, content-length {}; the limit is {limit}",
        seen.captured.body.len(),
        field(seen, "content-length")
    )
}

/// The class and the rule that gave it.
fn user_agent(seen: &Seen<'_>) -> String {
    let head = seen.captured.head();
    let value = head.joined("user-agent").unwrap_or_default();
    let opt_out = |value: &[u8]| {
        seen.endpoint.vendor == Vendor::Convert && has_versioned_token(value, "ConvertAgent")
    };
    let found = seen.gate.shared.user_agents.classify(&value, opt_out);
    let rule = if found.rule.is_empty() {
        String::new()
    } else {
        format!(", by rule \"{}\"", shown(&found.rule))
    };
    let grounds = match found.class {
        Class::CrawlerByShape | Class::CrawlerOnLibrary => " by its shape",
        Class::Crawler | Class::Headless | Class::HttpLibrary | Class::Suspected | Class::None => {
            ""
        }
    };
    format!("{}: {}{grounds}{rule}", field(seen, "user-agent"), found.class.id())
}

/// The scheme and nothing of the key.
fn credentials(seen: &Seen<'_>, scheme: &str) -> String {
    match authorization(&seen.captured.head(), scheme) {
        Credentials::Absent => "none".to_owned(),
        Credentials::Token(token) => format!("{scheme} and a key of {} characters", token.len()),
        Credentials::Malformed => format!("something else than \"{scheme} <key>\""),
    }
}

fn ip_type(seen: &Seen<'_>) -> String {
    match &seen.endpoint.policy {
        Policy::Plausible(policy) if policy.trust_ip_type_header => {
            field(seen, "x-plausible-ip-type")
        }
        Policy::Plausible(_)
        | Policy::Convert(_)
        | Policy::Userpilot(_)
        | Policy::CommandersAct(_)
        | Policy::Custom(_) => "x-plausible-ip-type is not trusted here".to_owned(),
    }
}

fn address(seen: &Seen<'_>) -> String {
    seen.gate
        .shared
        .client_ip
        .of(&seen.captured.head())
        .map_or_else(|| "no address".to_owned(), |address| address.to_string())
}

fn country(seen: &Seen<'_>) -> String {
    match &seen.gate.shared.country_header {
        Some(name) => format!("{}: {}", shown(name), field(seen, name)),
        None => "no country_header is configured".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each reason that a vendor gives has its step.
    #[test]
    fn every_reason_has_a_step() {
        for vendor in Vendor::ALL {
            for reason in Reason::ALL {
                let has_step = of(vendor).iter().any(|step| step.reasons.contains(&reason));
                // What the plugin gives, and no rule.
                let is_given =
                    reason.default_disposition(vendor).is_some() && reason != Reason::HostError;
                assert_eq!(has_step, is_given, "{} {}", vendor.id(), reason.id());
            }
        }
    }
}
