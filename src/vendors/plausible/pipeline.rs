//! The reasons to drop a valid event, in the vendor's order, for each tracked domain (contract 1.3).

use super::event::Event;
use super::sites::Site;
use super::{PartialDrops, Policy};
use crate::rules::country::Country;
use crate::vendors::Shared;
use crate::verdict::{Disposition, Finding, Findings, Flow, Notes, Reason, Refusal, RefusalKind};
use std::collections::VecDeque;
use std::net::IpAddr;

/// The vendor's order.
const ORDER: [(Reason, Test); 10] = [
    (Reason::SpamReferrer, Test::Event(|seen| seen.is_spam)),
    (Reason::VerificationAgent, Test::Client(|client| client.is_verification_agent)),
    (Reason::DcIp, Test::Client(|client| client.is_datacenter)),
    (Reason::ThreatIp, Test::Client(|client| client.is_threat)),
    (Reason::SiteHostnameAllowlist, Test::Site(|site, seen| !site.allows_hostname(&seen.event.hostname))),
    (Reason::SitePageBlocklist, Test::Site(|site, seen| site.blocks_page(&seen.event.page))),
    (Reason::SiteIpBlocklist, Test::Site(|site, seen| seen.client.address.is_some_and(|address| site.blocks_address(address)))),
    (Reason::SiteCountryBlocklist, Test::Site(|site, seen| site.blocks_country(seen.client.country))),
    (Reason::Bot, Test::Client(|client| client.bot == Some(Reason::Bot))),
    (Reason::BotSuspected, Test::Client(|client| client.bot == Some(Reason::BotSuspected))),
];

/// Whether the reason is found for each domain by itself, or for a request whose body is not read, so that a request can be forwarded with it
/// though its disposition is to refuse.
pub fn refuses_domains(reason: Reason) -> bool {
    ORDER.iter().any(|(known, _)| *known == reason)
}

/// What a reason depends on.
enum Test {
    /// On the client alone, and so known from the head.
    Client(fn(&Client) -> bool),
    Event(fn(&Seen<'_>) -> bool),
    /// On the rules of the domain's site, if it has any.
    Site(fn(&Site, &Seen<'_>) -> bool),
}

struct Seen<'a> {
    event: &'a Event,
    client: &'a Client,
    is_spam: bool,
}

/// What the head told of the client.
#[derive(Debug)]
pub struct Client {
    /// `bot`, `bot_suspected` or neither.
    pub bot: Option<Reason>,
    pub is_verification_agent: bool,
    pub is_datacenter: bool,
    pub is_threat: bool,
    pub address: Option<IpAddr>,
    pub country: Country,
}

impl Client {
    /// What is known of the client where the event is not read, so that it can refuse nothing: annotated for the whole request.
    pub fn annotate(&self, notes: &mut Notes<'_>) {
        for (reason, test) in &ORDER {
            match test {
                Test::Client(applies) if applies(self) => {
                    notes.annotate(Finding::new(*reason, format!("the event was not read: {}", reason.id())));
                }
                Test::Client(_) | Test::Event(_) | Test::Site(_) => {}
            }
        }
    }
}

pub fn run(event: &Event, client: &Client, policy: &Policy, shared: &Shared, notes: &mut Notes<'_>) -> Flow {
    let is_spam = event.referrer.as_deref().is_some_and(|referrer| shared.spam_referrers.is_spam(referrer));
    let seen = Seen { event, client, is_spam };
    let mut refused: VecDeque<(RefusalKind, Finding)> = VecDeque::new();
    let mut count = 0;
    for domain in &event.domains {
        let site = policy.sites.get(domain);
        let hits = ORDER.iter().filter(|(_, test)| seen.meets(test, site)).map(|(reason, _)| *reason);
        let Some((kind, reason)) = refusal(hits, domain, notes) else { continue };
        count += 1;
        if refused.len() <= Findings::MAX {
            refused.push_back((kind, finding(reason, domain)));
        }
    }
    let whole = count == event.domains.len() || policy.partial_drops == PartialDrops::Drop;
    if whole && let Some((kind, finding)) = refused.pop_front() {
        return Flow::Break(Refusal { kind, finding: finding.for_domains(event.domains.len()) });
    }
    notes.findings.dropped_domains = count;
    notes.findings.more += count - refused.len();
    refused.into_iter().for_each(|(_, finding)| notes.keep(finding));
    Flow::Continue(())
}

impl Seen<'_> {
    fn meets(&self, test: &Test, site: Option<&Site>) -> bool {
        match test {
            Test::Client(applies) => applies(self.client),
            Test::Event(applies) => applies(self),
            Test::Site(applies) => site.is_some_and(|site| applies(site, self)),
        }
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
