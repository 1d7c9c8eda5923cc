//! Runner one: the core natively.

use crate::corpus;
use crate::corpus::{Fields, Observed, Reply, Upstream, Vector};
use trackgate::annotation;
use trackgate::gate::{Decision, Endpoint, Gate, Inspection, Step};
use trackgate::request::RequestHead;
use trackgate::vendors::Vendor;
use trackgate::verdict::Verdict;
use trackgate::verdict::{Disposition, Findings, Reason};

/// How the body arrives: in pieces of so many bytes.
fn run(vector: &Vector, piece_bytes: usize) -> Observed {
    let gate = Gate::load(vector.config.as_bytes()).unwrap();
    let fields = fields(vector);
    let mut head = RequestHead::new(
        fields.iter().map(|(name, value)| (name.as_bytes(), value.as_slice())).collect(),
    );
    head.set_source_address(b"127.0.0.1:50000");
    match decide(&gate, &head, vector, piece_bytes) {
        Some(decision) => observed(&gate, &decision, vector),
        None => forwarded(&gate, None, vector, Vec::new()),
    }
}

fn fields(vector: &Vector) -> Fields {
    let mut fields = vec![
        (":method".to_owned(), vector.method.clone().into_bytes()),
        (":path".to_owned(), vector.path.clone().into_bytes()),
        (":authority".to_owned(), b"collector.example".to_vec()),
    ];
    fields.extend(vector.headers.iter().cloned());
    fields
}

fn decide(
    gate: &Gate,
    head: &RequestHead<'_>,
    vector: &Vector,
    piece_bytes: usize,
) -> Option<Decision> {
    let mut inspection = match gate.endpoint(head)?.head(head) {
        Step::Decided(decision) => return Some(decision),
        Step::Body(inspection) => inspection,
    };
    let body = vector.body.as_deref().unwrap_or_default();
    for seen in
        (0..body.len()).step_by(piece_bytes.min(body.len().max(1))).skip(1).chain([body.len()])
    {
        if let Some(decision) = inspection.body_seen(seen) {
            return Some(decision);
        }
    }
    Some(inspection.body(body))
}

fn observed(gate: &Gate, decision: &Decision, vector: &Vector) -> Observed {
    if let Some(reply) = decision.reply_to_send() {
        let reply = Reply {
            status: reply.status,
            headers: reply
                .headers
                .iter()
                .map(|(name, value)| (name.clone(), value.clone().into_bytes()))
                .collect(),
            body: reply.body.clone().into_bytes(),
            details: Some(format!("trackgate_{}", reply.reason.id())),
        };
        return Observed { reply: Some(reply), upstream: None };
    }
    let endpoint = &decision.endpoint;
    let own = |name: &str| format!("{}{name}", gate.header_prefix);
    let mut marks =
        vec![(own("verdict"), annotation::verdict(decision, &endpoint.name).into_bytes())];
    marks.extend(
        annotation::reasons(&decision.findings)
            .map(|value| (own("drop-reason"), value.into_bytes())),
    );
    forwarded(gate, Some(&decision.endpoint), vector, marks)
}

/// Stripping is the plugin's work; here it is only what the collector is to see.
fn forwarded(gate: &Gate, endpoint: Option<&Endpoint>, vector: &Vector, marks: Fields) -> Observed {
    let is_removed = |name: &str| {
        gate.is_own_field(name.as_bytes())
            || endpoint.is_some_and(|endpoint| endpoint.distrusts(name.as_bytes()))
    };
    let kept = vector.headers.iter().filter(|(name, _)| !is_removed(name)).cloned();
    let upstream = Upstream { headers: kept.chain(marks).collect(), message: None };
    Observed { reply: None, upstream: Some(upstream) }
}

/// In shadow mode everything is forwarded, and the annotation says what enforcement would have
/// done.
#[test]
fn in_shadow_mode_everything_is_forwarded_and_told() {
    for vector in corpus::vectors() {
        let mut shadow = vector.clone();
        shadow.config = vector.config.replacen('{', "{\"mode\":\"shadow\",", 1);
        let (enforced, shadowed) = (run(&vector, usize::MAX), run(&shadow, usize::MAX));
        let upstream =
            shadowed.upstream.unwrap_or_else(|| panic!("{}: refused in shadow mode", vector.id));
        assert!(shadowed.reply.is_none(), "{}", vector.id);
        let told = corpus::values(&upstream.headers, "x-track-verdict")
            .first()
            .map(|value| String::from_utf8_lossy(value).into_owned());
        let expected = match (&enforced.reply, &enforced.upstream) {
            (Some(reply), _) => {
                let kind =
                    if vector.expect.outcome == corpus::Outcome::Drop { "drop" } else { "reject" };
                Some(format!(
                    "{kind};endpoint={};mode=shadow;status={}",
                    vector.vendor, reply.status
                ))
            }
            (None, Some(upstream)) => corpus::values(&upstream.headers, "x-track-verdict")
                .first()
                .map(|value| format!("{};mode=shadow", String::from_utf8_lossy(value))),
            (None, None) => None,
        };
        assert_eq!(told, expected, "{}", vector.id);
    }
}

#[test]
fn every_vector_agrees_however_the_body_arrives() {
    let vectors = corpus::vectors();
    let mut faults = Vec::new();
    for vector in &vectors {
        let length = vector.body.as_ref().map_or(0, Vec::len).max(1);
        let pieces = if length > 4096 { [length, 1021] } else { [length, 1] };
        let result = pieces
            .iter()
            .try_for_each(|piece_bytes| corpus::check(vector, &run(vector, *piece_bytes)));
        faults.extend(result.err());
    }
    corpus::write_count("core", vectors.len() - faults.len(), vectors.len());
    assert!(
        faults.is_empty(),
        "{} of {} vectors disagree:\n{}",
        faults.len(),
        vectors.len(),
        faults.join("\n")
    );
}

/// The fields that are the gate's own are the configured ones, and no others.
#[test]
fn every_vector_agrees_under_another_prefix() {
    for vector in corpus::vectors() {
        let vector = vector.with_prefix("x-gate-");
        corpus::check(&vector, &run(&vector, usize::MAX)).unwrap();
    }
}

/// Whatever becomes of a request has a counter: under the vector's own configuration, in shadow
/// mode, with every reason treated otherwise, with a small buffer, and where Envoy does not hand
/// the body over.
#[test]
fn every_decision_has_a_counter() {
    let mut uncounted = Vec::new();
    for vector in corpus::vectors() {
        for configuration in variants(&vector) {
            let gate = Gate::load(configuration.as_bytes())
                .unwrap_or_else(|error| panic!("{}: {error}: {configuration}", vector.id));
            let fields = fields(&vector);
            let head = RequestHead::new(
                fields.iter().map(|(name, value)| (name.as_bytes(), value.as_slice())).collect(),
            );
            for decision in decisions(&gate, &head, &vector) {
                let endpoint = &decision.endpoint;
                let outcomes = endpoint.outcomes();
                let count = outcomes
                    .iter()
                    .filter(|outcome| **outcome == (decision.verdict, decision.reason))
                    .count();
                if count != 1 || !endpoint.modes().contains(&decision.mode) {
                    uncounted.push(format!(
                        "{}: {:?} {:?}: {count} of them under {configuration}",
                        vector.id, decision.verdict, decision.reason
                    ));
                }
            }
        }
    }
    assert!(
        uncounted.is_empty(),
        "{} decisions without a counter of their own:\n{}",
        uncounted.len(),
        uncounted.join("\n")
    );
}

/// A vector's configuration, and it with other dispositions at all endpoints.
fn variants(vector: &Vector) -> Vec<String> {
    let put = |members: &str| vector.config.replacen('{', &format!("{{{members},"), 1);
    let mut variants = vec![
        vector.config.clone(),
        put(r#""mode":"shadow""#),
        put(r#""enforce_percent":50"#),
        put(r#""buffer_limit_bytes":40"#),
    ];
    let config: serde_json::Value = serde_json::from_str(&vector.config).unwrap();
    if config.get("actions").is_some() {
        return variants;
    }
    for disposition in Disposition::ALL {
        let mut config = config.clone();
        for endpoint in config["endpoints"].as_array_mut().into_iter().flatten() {
            let vendor =
                Vendor::ALL.into_iter().find(|vendor| endpoint["vendor"] == vendor.id()).unwrap();
            let given = Reason::ALL
                .into_iter()
                .filter(|reason| vendor.contract().disposition(*reason).is_some());
            endpoint["actions"] = given
                .map(|reason| (reason.id().to_owned(), disposition.id().into()))
                .collect::<serde_json::Map<_, _>>()
                .into();
        }
        config["buffer_limit_bytes"] = 400.into();
        variants.push(config.to_string());
    }
    variants
}

/// All that can become of a request: as its body comes, if the client leaves, if Envoy does not
/// hand the body over, if a host call fails.
fn decisions(gate: &Gate, head: &RequestHead<'_>, vector: &Vector) -> Vec<Decision> {
    let body = vector.body.as_deref().unwrap_or_default();
    let Some(endpoint) = gate.endpoint(head) else { return Vec::new() };
    let inspection = || match endpoint.head(head) {
        Step::Decided(_) => None,
        Step::Body(inspection) => Some(inspection),
    };
    let mut all = vec![endpoint.host_error(Findings::default())];
    match endpoint.head(head) {
        Step::Decided(decision) => all.push(decision),
        Step::Body(mut first) => {
            let early = first.body_seen(body.len()).or_else(|| first.outgrown(body.len(), false));
            all.push(early.unwrap_or_else(|| first.body(body)));
            all.extend(inspection().map(Inspection::abandoned));
            all.extend(inspection().map(|inspection| inspection.let_go()));
            all.extend(inspection().map(|mut inspection| {
                inspection.head_left();
                inspection.body(body)
            }));
        }
    }
    all
}

/// A crawler's request from one of many addresses: who is under enforcement is told by the address,
/// or by the key.
fn is_enforced(gate: &Gate, client: u32) -> bool {
    let address = format!("{}:443", std::net::Ipv4Addr::from(0x0A00_0000 + client));
    let path = if client.is_multiple_of(2) { "/v1/track/key" } else { "/v1/track" };
    let key = format!("Token key{client}");
    let mut head = RequestHead::new(vec![
        (b":method", b"POST"),
        (b":path", path.as_bytes()),
        (b"user-agent", b"Googlebot/2.1"),
        (b"content-type", b"text/html"),
        (b"authorization", key.as_bytes()),
    ]);
    head.set_source_address(address.as_bytes());
    let endpoint = gate.endpoint(&head).unwrap();
    assert_eq!(endpoint.wants_source_address(), endpoint.modes().len() > 1);
    match endpoint.head(&head) {
        Step::Decided(decision) => decision.reply_to_send().is_some(),
        Step::Body(_) => panic!("decided by the head"),
    }
}

#[test]
fn a_share_of_the_clients_is_under_enforcement() {
    let gate = |percent: &str| {
        Gate::load(format!("{{\"enforce_percent\":{percent}}}").as_bytes()).unwrap()
    };
    let count = |percent: &str| {
        let gate = gate(percent);
        (0..20_000).filter(|client| is_enforced(&gate, *client)).collect::<Vec<u32>>()
    };
    assert!(count("0").is_empty());
    assert_eq!(count("100").len(), 20_000);
    let (five, ten) = (count("5"), count("10"));
    assert!(
        (880..1120).contains(&five.len()) && (1840..2160).contains(&ten.len()),
        "{} {}",
        five.len(),
        ten.len()
    );
    assert!(five.iter().all(|client| ten.contains(client)), "who is in at 5 % is in at 10 %");
    assert!(
        five.iter().any(|client| client.is_multiple_of(2))
            && five.iter().any(|client| !client.is_multiple_of(2))
    );
}

#[test]
fn an_endpoints_share_overrides_the_global_one() {
    let json = r#"{"enforce_percent":0,"endpoints":[{"name":"c","vendor":"convert","enforce_percent":100},{"name":"u","vendor":"userpilot"}]}"#;
    let gate = Gate::load(json.as_bytes()).unwrap();
    assert!(is_enforced(&gate, 2) && !is_enforced(&gate, 3));
}

#[test]
fn the_documents_tell_what_the_reasons_mean() {
    assert_eq!(
        include_str!("../../docs/reasons.md"),
        trackgate_cli::reasons::markdown(),
        "`cargo run -- reasons --markdown` prints it"
    );
    for reason in Reason::ALL {
        for line in [reason.meaning(), reason.advice()] {
            assert!(
                line.ends_with('.') && line.len() < 130 && !line.contains(['\n', '|']),
                "{}: {line}",
                reason.id()
            );
        }
        assert!((400..600).contains(&reason.status()), "{}", reason.id());
    }
}

/// The head of a request to Plausible.
fn to_plausible<'a>(user_agents: &[&'a str]) -> RequestHead<'a> {
    let mut fields: Vec<(&[u8], &[u8])> =
        vec![(b":method", b"POST"), (b":path", b"/api/event"), (b"content-type", b"text/plain")];
    fields.extend(user_agents.iter().map(|value| (b"user-agent".as_slice(), value.as_bytes())));
    RequestHead::new(fields)
}

fn judged(gate: &Gate, head: &RequestHead<'_>, body: &str) -> Decision {
    match gate.endpoint(head).unwrap().head(head) {
        Step::Decided(decision) => decision,
        Step::Body(inspection) => inspection.body(body.as_bytes()),
    }
}

/// Envoy hands repeated fields over as one, so that no vector can tell.
#[test]
fn plausible_reads_the_first_user_agent() {
    let gate = Gate::load(b"{}").unwrap();
    let (person, bot) =
        ("Mozilla/5.0 (X11; Linux x86_64; rv:126.0) Gecko/20100101 Firefox/126.0", "Googlebot/2.1");
    let event = r#"{"n":"a","u":"https://a.example/","d":"a.example"}"#;
    for (agents, expected) in [([person, bot], Verdict::Pass), ([bot, person], Verdict::Drop)] {
        assert_eq!(judged(&gate, &to_plausible(&agents), event).verdict, expected, "{agents:?}");
    }
}

#[test]
fn all_refused_domains_are_counted() {
    let domains: Vec<String> = (0..40).map(|index| format!("d{index}.example")).collect();
    let sites: Vec<String> =
        domains.iter().map(|domain| format!(r#""{domain}":{{"page_blocklist":["/x"]}}"#)).collect();
    let config = format!(
        r#"{{"endpoints":[{{"name":"plausible","vendor":"plausible","sites":{{{}}}}}]}}"#,
        sites.join(",")
    );
    let gate = Gate::load(config.as_bytes()).unwrap();
    let event = format!(
        r#"{{"n":"a","u":"https://a.example/x","d":"{},free.example"}}"#,
        domains.join(",")
    );
    let decision = judged(&gate, &to_plausible(&[]), &event);
    let reasons = annotation::reasons(&decision.findings).unwrap();
    assert!(reasons.ends_with(";more=24"), "{reasons}");
    assert_eq!(
        (reasons.matches("site_page_blocklist").count(), decision.dropped_domains()),
        (16, 40)
    );
}
