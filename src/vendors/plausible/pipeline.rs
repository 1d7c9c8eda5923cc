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
use crate::rules::user_agent::Match;
use crate::verdict::{Bounded, Disposition, Finding, Flow, Notes, Reason, Refusal, RefusalKind};
use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;

/// A reason to drop, and what it depends on.
#[derive(Clone, Copy)]
enum Rule {
    SpamReferrer,
    VerificationAgent,
    DatacenterAddress,
    ThreatAddress,
    SiteHostnames,
    SitePages,
    SiteAddresses,
    SiteCountries,
    Bot,
    SuspectedBot,
}

impl Rule {
    /// The vendor's order.
    const ORDER: [Rule; 10] = [
        Rule::SpamReferrer,
        Rule::VerificationAgent,
        Rule::DatacenterAddress,
        Rule::ThreatAddress,
        Rule::SiteHostnames,
        Rule::SitePages,
        Rule::SiteAddresses,
        Rule::SiteCountries,
        Rule::Bot,
        Rule::SuspectedBot,
    ];

    const fn reason(self) -> Reason {
        match self {
            Rule::SpamReferrer => Reason::SpamReferrer,
            Rule::VerificationAgent => Reason::VerificationAgent,
            Rule::DatacenterAddress => Reason::DcIp,
            Rule::ThreatAddress => Reason::ThreatIp,
            Rule::SiteHostnames => Reason::SiteHostnameAllowlist,
            Rule::SitePages => Reason::SitePageBlocklist,
            Rule::SiteAddresses => Reason::SiteIpBlocklist,
            Rule::SiteCountries => Reason::SiteCountryBlocklist,
            Rule::Bot => Reason::Bot,
            Rule::SuspectedBot => Reason::BotSuspected,
        }
    }

    /// Whether the reason is given for an event at a site; `None`: the site has no rules.
    fn applies(self, seen: &Seen<'_>, site: Option<&Site>) -> bool {
        let blocks = |test: &dyn Fn(&Site) -> bool| site.is_some_and(test);
        match self {
            Rule::SpamReferrer => seen.is_spam,
            Rule::VerificationAgent
            | Rule::DatacenterAddress
            | Rule::ThreatAddress
            | Rule::Bot
            | Rule::SuspectedBot => self.applies_to_client(seen.client),
            Rule::SiteHostnames => blocks(&|site| !site.allows_hostname(&seen.event.hostname)),
            Rule::SitePages => blocks(&|site| site.blocks_page(&seen.event.page)),
            Rule::SiteAddresses => blocks(&|site| {
                seen.client.address.is_some_and(|address| site.blocks_address(address))
            }),
            Rule::SiteCountries => blocks(&|site| site.blocks_country(seen.client.country)),
        }
    }

    /// Whether the reason is given for the client alone, and so known from the head.
    fn applies_to_client(self, client: &Client) -> bool {
        match self {
            Rule::VerificationAgent => client.is_verification_agent,
            Rule::DatacenterAddress => client.is_datacenter,
            Rule::ThreatAddress => client.is_threat,
            Rule::Bot => client.bot() == Some(Reason::Bot),
            Rule::SuspectedBot => client.bot() == Some(Reason::BotSuspected),
            Rule::SpamReferrer
            | Rule::SiteHostnames
            | Rule::SitePages
            | Rule::SiteAddresses
            | Rule::SiteCountries => false,
        }
    }

    /// For a trace: what is compared, and with what.
    fn shown(self, seen: &Seen<'_>, domain: &str, site: Option<&Site>) -> String {
        let of_site = |what: String| match site {
            Some(_) => format!("{what}, with the rules of site {domain:?}"),
            None => format!("site {domain:?} has no rules"),
        };
        let Seen { event, client, .. } = seen;
        match self {
            Rule::SpamReferrer => match &event.referrer {
                Some(referrer) => format!("referrer {referrer:?}"),
                None => "no referrer".to_owned(),
            },
            Rule::VerificationAgent => "the whole User-Agent".to_owned(),
            Rule::DatacenterAddress | Rule::ThreatAddress => {
                "the client's address and its kind, as above".to_owned()
            }
            Rule::SiteHostnames => of_site(format!("hostname {:?}", event.hostname)),
            Rule::SitePages => of_site(format!("page {:?}", event.page)),
            Rule::SiteAddresses => of_site(match client.address {
                Some(address) => format!("address {address}"),
                None => "no address".to_owned(),
            }),
            Rule::SiteCountries => of_site(format!("country {:?}", client.country)),
            Rule::Bot | Rule::SuspectedBot => client.user_agent.to_string(),
        }
    }
}

/// Whether the reason is found for each domain by itself, or for a request whose body is not read,
/// so that a request can be forwarded with it though its disposition is to refuse.
pub fn refuses_domains(reason: Reason) -> bool {
    Rule::ORDER.iter().any(|rule| rule.reason() == reason)
}

struct Seen<'a> {
    event: &'a Event,
    client: &'a Client,
    is_spam: bool,
}

/// What the head shows of the client.
#[derive(Debug)]
pub struct Client {
    pub user_agent: Match,
    pub is_verification_agent: bool,
    pub is_datacenter: bool,
    pub is_threat: bool,
    pub address: Option<IpAddr>,
    pub country: Country,
}

impl Client {
    /// `bot`, `bot_suspected` or neither.
    fn bot(&self) -> Option<Reason> {
        super::reason(self.user_agent.class)
    }

    /// What is known of the client where the event is not read, so that it can refuse nothing:
    /// annotated for the whole request.
    pub fn annotate(&self, notes: &mut Notes<'_>) {
        notes.rule("client, as the event is not read", || self.user_agent.to_string());
        for rule in Rule::ORDER.into_iter().filter(|rule| rule.applies_to_client(self)) {
            let reason = rule.reason();
            let message = format!("the event was not read: {}", reason.id());
            notes.annotate(Finding::new(reason, message));
        }
    }
}

pub fn run(event: &Event, client: &Client, policy: &Policy, notes: &mut Notes<'_>) -> Flow {
    let spam_referrers = &policy.shared.spam_referrers;
    let is_spam =
        event.referrer.as_deref().is_some_and(|referrer| spam_referrers.is_spam(referrer));
    let seen = Seen { event, client, is_spam };
    let mut judged = Judged::default();
    let mut refused: VecDeque<(RefusalKind, Finding)> = VecDeque::new();
    let (mut count, mut mentions) = (0, 0);
    for domain in event.domains.iter() {
        mentions += 1;
        let judgement = judged.of(domain, policy, |site| judge(&seen, domain, site, notes));
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

fn judge(seen: &Seen<'_>, domain: &str, site: Option<&Site>, notes: &mut Notes<'_>) -> Judgement {
    let mut judgement = Judgement::default();
    for rule in Rule::ORDER {
        let reason = rule.reason();
        notes.rule(reason.id(), || rule.shown(seen, domain, site));
        if !rule.applies(seen, site) {
            continue;
        }
        match notes.treat(reason, || finding(reason, domain)) {
            Some(Disposition::Drop) => judgement.refused = Some((RefusalKind::Drop, reason)),
            Some(Disposition::Reject) => judgement.refused = Some((RefusalKind::Reject, reason)),
            Some(Disposition::Annotate) => judgement.annotated.push(reason),
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
            let (number, site) = policy
                .sites
                .get(domain)
                .map_or((u64::MAX, None), |(number, site)| (*number, Some(site)));
            let place = *self.by_site.entry(number).or_insert(self.judgements.len());
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
