//! The reasons to drop a valid event, in the vendor's order, for each tracked domain (contract
//! 1.3).
//!
//! A site is judged once a request, however often a client names it; so are all that have no rules.
//! Each mention counts.

use super::event::Event;
use super::sites::Site;
use super::{PartialDrops, Policy};
use crate::rules::bytes::is_same;
use crate::rules::country::Country;
use crate::vendors::Shared;
use crate::verdict::{Bounded, Disposition, Finding, Flow, Notes, Reason, Refusal, RefusalKind};
use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;

/// The vendor's order.
const ORDER: [(Reason, Test); 10] = [
    (Reason::SpamReferrer, Test::Event(|seen| seen.is_spam)),
    (Reason::VerificationAgent, Test::Client(|client| client.is_verification_agent)),
    (Reason::DcIp, Test::Client(|client| client.is_datacenter)),
    (Reason::ThreatIp, Test::Client(|client| client.is_threat)),
    (
        Reason::SiteHostnameAllowlist,
        Test::Site(|site, seen| !site.allows_hostname(&seen.event.hostname)),
    ),
    (Reason::SitePageBlocklist, Test::Site(|site, seen| site.blocks_page(&seen.event.page))),
    (
        Reason::SiteIpBlocklist,
        Test::Site(|site, seen| {
            seen.client.address.is_some_and(|address| site.blocks_address(address))
        }),
    ),
    (
        Reason::SiteCountryBlocklist,
        Test::Site(|site, seen| site.blocks_country(seen.client.country)),
    ),
    (Reason::Bot, Test::Client(|client| client.bot == Some(Reason::Bot))),
    (Reason::BotSuspected, Test::Client(|client| client.bot == Some(Reason::BotSuspected))),
];

/// Whether the reason is found for each domain by itself, or for a request whose body is not read,
/// so that a request can be forwarded with it though its disposition is to refuse.
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
    /// What is known of the client where the event is not read, so that it can refuse nothing:
    /// annotated for the whole request.
    pub fn annotate(&self, notes: &mut Notes<'_>) {
        for (reason, test) in &ORDER {
            match test {
                Test::Client(applies) if applies(self) => {
                    notes.annotate(Finding::new(
                        *reason,
                        format!("the event was not read: {}", reason.id()),
                    ));
                }
                Test::Client(_) | Test::Event(_) | Test::Site(_) => {}
            }
        }
    }
}

pub fn run(
    event: &Event,
    client: &Client,
    policy: &Policy,
    shared: &Shared,
    notes: &mut Notes<'_>,
) -> Flow {
    let is_spam =
        event.referrer.as_deref().is_some_and(|referrer| shared.spam_referrers.is_spam(referrer));
    let seen = Seen { event, client, is_spam };
    let mut judged = Judged::default();
    let mut refused: VecDeque<(RefusalKind, Finding)> = VecDeque::new();
    let (mut count, mut mentions) = (0, 0);
    for domain in event.domains.iter() {
        mentions += 1;
        let judgement = judged.of(domain, policy, |site| judge(&seen, site, notes));
        let Some(judgement) = judgement else { continue };
        judgement.annotated.iter().for_each(|reason| notes.keep_with(|| finding(*reason, domain)));
        let Some((kind, reason)) = judgement.refused else { continue };
        count += 1;
        if refused.len() <= Bounded::<Finding>::MAX {
            refused.push_back((kind, finding(reason, domain)));
        }
    }
    let whole = count == mentions || policy.partial_drops == PartialDrops::Drop;
    if whole && let Some((kind, finding)) = refused.pop_front() {
        return Flow::Break(Refusal { kind, finding: finding.for_domains(mentions) });
    }
    notes.findings.dropped_domains = count;
    notes.findings.kept.more += count - refused.len();
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

/// What the checks say of a site.
#[derive(Default)]
struct Judgement {
    /// The first reason that refuses.
    refused: Option<(RefusalKind, Reason)>,
    /// Those before it that annotate.
    annotated: Vec<Reason>,
}

impl Judgement {
    fn is_clean(&self) -> bool {
        self.refused.is_none() && self.annotated.is_empty()
    }
}

fn judge(seen: &Seen<'_>, site: Option<&Site>, notes: &Notes<'_>) -> Judgement {
    let mut judgement = Judgement::default();
    for (reason, _) in ORDER.iter().filter(|(_, test)| seen.meets(test, site)) {
        match notes.disposition(*reason) {
            Some(Disposition::Drop) => judgement.refused = Some((RefusalKind::Drop, *reason)),
            Some(Disposition::Reject) => judgement.refused = Some((RefusalKind::Reject, *reason)),
            Some(Disposition::Annotate) => judgement.annotated.push(*reason),
            Some(Disposition::Pass) | None => {}
        }
        if judgement.refused.is_some() {
            break;
        }
    }
    judgement
}

/// The judgements so far. Sites without rules share one, so that there are never more than the
/// configuration has sites.
#[derive(Default)]
struct Judged<'d> {
    /// By the site's number the place of its judgement; in order, for hashes could be made to meet.
    by_site: BTreeMap<u64, usize>,
    judgements: Vec<Judgement>,
    /// The domain before, which is often the one again, and the place of its judgement.
    last: (&'d str, usize),
}

impl<'d> Judged<'d> {
    fn of(
        &mut self,
        domain: &'d str,
        policy: &Policy,
        judge: impl FnOnce(Option<&Site>) -> Judgement,
    ) -> Option<&Judgement> {
        if self.judgements.is_empty() || !is_same(self.last.0.as_bytes(), domain.as_bytes()) {
            let site = policy.sites.get(domain);
            let place = *self
                .by_site
                .entry(site.map_or(u64::MAX, |site| site.number))
                .or_insert(self.judgements.len());
            if place == self.judgements.len() {
                self.judgements.push(judge(site));
            }
            self.last = (domain, place);
        }
        self.judgements.get(self.last.1).filter(|judgement| !judgement.is_clean())
    }
}

fn finding(reason: Reason, domain: &str) -> Finding {
    Finding::new(reason, format!("the event was dropped: {}", reason.id()))
        .for_domain(domain)
        .with_fields(vec![("request", "was dropped")])
}
