//! The reasons to drop a valid event, in the vendor's order, for each tracked domain (contract 1.3).

use super::Policy;
use super::event::Event;
use super::sites::Site;
use crate::rules::country::Country;
use crate::rules::user_agent::Class;
use crate::vendors::Shared;
use crate::verdict::{Disposition, Finding, Flow, Notes, Reason, Refusal, RefusalKind};
use std::net::IpAddr;

const ORDER: [Reason; 10] = [
    Reason::SpamReferrer,
    Reason::VerificationAgent,
    Reason::DcIp,
    Reason::ThreatIp,
    Reason::SiteHostnameAllowlist,
    Reason::SitePageBlocklist,
    Reason::SiteIpBlocklist,
    Reason::SiteCountryBlocklist,
    Reason::Bot,
    Reason::BotSuspected,
];

/// What the head told of the client.
#[derive(Debug)]
pub struct Client {
    pub class: Class,
    pub is_verification_agent: bool,
    pub is_datacenter: bool,
    pub is_threat: bool,
    pub address: Option<IpAddr>,
    pub country: Country,
}

pub fn run(event: &Event, client: &Client, policy: &Policy, shared: &Shared, notes: &mut Notes<'_>) -> Flow {
    let is_spam = event.referrer.as_deref().is_some_and(|referrer| shared.spam_referrers.is_spam(referrer));
    let mut refused: Vec<(RefusalKind, Finding)> = Vec::new();
    let mut count = 0;
    for domain in &event.domains {
        let site = policy.sites.get(domain);
        let hits = ORDER.into_iter().filter(|reason| applies(*reason, event, client, site, is_spam));
        let Some((kind, reason)) = refusal(hits, domain, notes) else { continue };
        count += 1;
        if refused.len() <= crate::verdict::Findings::MAX {
            refused.push((kind, finding(reason, domain)));
        }
    }
    if count < event.domains.len() {
        notes.findings.dropped_domains = count;
        refused.into_iter().for_each(|(_, finding)| notes.keep(finding));
        return Flow::Continue(());
    }
    match refused.into_iter().next() {
        Some((kind, finding)) => Flow::Break(Refusal { kind, finding: finding.for_domains(count) }),
        None => Flow::Continue(()),
    }
}

/// The first reason that refuses the domain; those that only annotate are noted on the way.
fn refusal(hits: impl Iterator<Item = Reason>, domain: &str, notes: &mut Notes<'_>) -> Option<(RefusalKind, Reason)> {
    for reason in hits {
        match notes.disposition(reason) {
            Some(Disposition::Drop) => return Some((RefusalKind::Drop, reason)),
            Some(Disposition::Reject) => return Some((RefusalKind::Reject, reason)),
            Some(Disposition::Annotate) => notes.keep(finding(reason, domain)),
            Some(Disposition::Pass) | None => {}
        }
    }
    None
}

fn finding(reason: Reason, domain: &str) -> Finding {
    Finding::new(reason, format!("the event was dropped: {}", reason.id()))
        .for_domain(domain)
        .with_fields(vec![("request", "was dropped")])
}

fn applies(reason: Reason, event: &Event, client: &Client, site: Option<&Site>, is_spam: bool) -> bool {
    match reason {
        Reason::SpamReferrer => is_spam,
        Reason::VerificationAgent => client.is_verification_agent,
        Reason::DcIp => client.is_datacenter,
        Reason::ThreatIp => client.is_threat,
        Reason::SiteHostnameAllowlist => site.is_some_and(|site| !site.allows_hostname(&event.hostname)),
        Reason::SitePageBlocklist => site.is_some_and(|site| site.blocks_page(&event.page)),
        Reason::SiteIpBlocklist => site.zip(client.address).is_some_and(|(site, address)| site.blocks_address(address)),
        Reason::SiteCountryBlocklist => site.is_some_and(|site| site.blocks_country(client.country)),
        Reason::Bot => matches!(client.class, Class::Crawler | Class::Headless),
        Reason::BotSuspected => matches!(client.class, Class::HttpLibrary | Class::Suspected),
        Reason::Invalid
        | Reason::InvalidJson
        | Reason::InvalidShape
        | Reason::MissingField
        | Reason::FieldType
        | Reason::ContentType
        | Reason::ContentEncoding
        | Reason::RequestTooLarge
        | Reason::EventTooLarge
        | Reason::Unauthorized
        | Reason::AuthMalformed
        | Reason::ApiVersion
        | Reason::MetadataInvalid
        | Reason::MetadataTooLarge
        | Reason::JsonDuplicateKeys
        | Reason::EventInvalid
        | Reason::EventNameMissing
        | Reason::MissingSiteId
        | Reason::MissingSourceKey
        | Reason::LegacyPayload
        | Reason::TimestampNotMs
        | Reason::EmptyVisitors
        | Reason::EmptyBatch
        | Reason::TooManyEvents
        | Reason::FieldTooLong
        | Reason::HostError => false,
    }
}
