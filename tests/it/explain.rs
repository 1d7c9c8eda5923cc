//! `trackgate explain`: on every vector it says what the gate says, field by field; and by hand,
//! what each rule says that it saw.

use crate::corpus;
use crate::corpus::Vector;
use serde_json::{Value, json};
use trackgate::annotation;
use trackgate::gate::{Decision, Gate};
use trackgate::verdict::Reason;
use trackgate_cli::capture::Captured;
use trackgate_cli::{explain, judge};

fn captured(vector: &Vector) -> Captured {
    let mut request = Captured::new(vector.id.clone(), &vector.method, &vector.path, "h.example");
    vector.headers.iter().for_each(|(name, value)| request.push(name, value.as_slice()));
    request.body = vector.body.clone().unwrap_or_default();
    request
}

/// What explain must say of a decision that was made without a trace.
fn expected(decision: &Decision, prefix: &str) -> Value {
    let endpoint = &decision.endpoint;
    let reply = decision.reply_to_send();
    let mut fields = Vec::new();
    if reply.is_none() {
        fields.push((format!("{prefix}verdict"), annotation::verdict(decision, &endpoint.name)));
        let reasons = annotation::reasons(&decision.findings);
        fields.extend(reasons.map(|reasons| (format!("{prefix}drop-reason"), reasons)));
    }
    let reply = reply
        .map(|reply| json!({"status": reply.status, "headers": reply.headers, "body": reply.body}));
    json!({
        "endpoint": endpoint.name, "vendor": endpoint.vendor.id(), "mode": decision.mode.id(),
        "verdict": decision.verdict.id(), "reason": decision.reason.map(Reason::id),
        "reasons": annotation::reasons(&decision.findings), "reply": reply, "fields": fields,
        "forwarded": decision.reply_to_send().is_none(),
    })
}

/// The reasons of all rules, with how each is treated, that are not passed over.
fn found(report: &Value) -> Vec<String> {
    let rules = report["rules"].as_array().unwrap();
    let findings = rules.iter().flat_map(|rule| rule["findings"].as_array().unwrap());
    let ids = findings.map(|finding| finding.as_str().unwrap().split_once(')').unwrap().0);
    ids.filter(|id| !id.ends_with("(pass"))
        .map(|id| id.split_once(" (").unwrap().0.to_owned())
        .collect()
}

fn check(vector: &Vector, prefix: &str) {
    let config = vector.config.replacen('{', &format!("{{\"header_prefix\":\"{prefix}\","), 1);
    let gate = Gate::load(config.as_bytes()).unwrap();
    let captured = captured(vector);
    let decision = judge::judge(&gate, &captured);
    let report = explain::report(&gate, judge::trace(&gate, &captured).as_ref());
    let id = &vector.id;
    let Some(decision) = decision else {
        assert_eq!(report, json!({"endpoint": null, "verdict": "untouched"}), "{id}");
        return;
    };
    for (name, value) in expected(&decision, prefix).as_object().unwrap() {
        assert_eq!(&report[name], value, "{id}: {name} in {report}");
    }
    // Each reason that is annotated or refuses stands under a rule, a refusal's own last.
    let found = found(&report);
    let kept = decision.findings.kept.list.iter().map(|finding| finding.reason.id());
    for reason in kept {
        assert!(found.iter().any(|id| id == reason), "{id}: {reason} under no rule: {report}");
    }
    if let Some(reply) = &decision.reply {
        // Where several domains are judged, each has its own refusal.
        let domains = decision.findings.kept.list.iter().any(|finding| finding.domain.is_some());
        let last = found.last().map(String::as_str);
        assert!(domains || last == Some(reply.reason.id()), "{id}: {report}");
        assert_eq!(report["end"], "the rules after it do not run", "{id}");
    }
}

#[test]
fn every_vector_is_explained_as_it_is_judged() {
    for prefix in ["x-track-", "x-gate-"] {
        corpus::vectors().iter().for_each(|vector| check(vector, prefix));
    }
}

/// What the rule of this name says that it saw, and found.
fn row(
    config: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
    rule: &str,
) -> (String, String) {
    let gate = Gate::load(config.as_bytes()).unwrap();
    let mut captured = Captured::new("1".to_owned(), "POST", path, "h.example");
    headers.iter().for_each(|(name, value)| captured.push(name, *value));
    captured.body = body.as_bytes().to_vec();
    let report = explain::report(&gate, judge::trace(&gate, &captured).as_ref());
    let rules = report["rules"].as_array().unwrap();
    let row = rules.iter().find(|row| row["rule"] == rule).unwrap_or_else(|| panic!("{report}"));
    let findings = row["findings"].as_array().unwrap().iter().map(|one| one.as_str().unwrap());
    (row["saw"].as_str().unwrap().to_owned(), findings.collect::<Vec<_>>().join("; "))
}

const FIREFOX: (&str, &str) =
    ("user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:126.0) Gecko/20100101 Firefox/126.0");
const JSON: (&str, &str) = ("content-type", "application/json");

#[test]
fn a_missing_field_is_told_from_one_that_says_so() {
    let saw = |headers: &[(&str, &str)]| row("{}", "/v1/track/k", headers, "{}", "User-Agent");
    assert_eq!(saw(&[]), ("missing: none".into(), "bot (drop): no User-Agent".into()));
    assert_eq!(saw(&[("user-agent", "")]).0, "\"\": none");
    assert_eq!(saw(&[("user-agent", "none")]).0, "\"none\": suspected, by rule \"unknown_agent\"");
    assert_eq!(
        saw(&[("user-agent", "curl/8.5.0")]),
        (
            "\"curl/8.5.0\": http_library, by rule \"curl\"".into(),
            "bot (drop): User-Agent of a bot".into()
        )
    );
    assert_eq!(
        saw(&[("user-agent", "ConvertAgent/1")]).0,
        "\"ConvertAgent/1\": none, by rule \"opt_out\""
    );
    assert_eq!(
        saw(&[("user-agent", "a"), ("user-agent", "b")]).0,
        "\"a\", \"b\": suspected, by rule \"unknown_agent\"",
        "each value of a repeated field"
    );
}

#[test]
fn tokens_of_the_configuration_opt_out() {
    let config = r#"{"endpoints":[{"name":"c","vendor":"custom","paths":["/c"],"custom":{"user_agents":"bots","opt_out_tokens":["AcmeMonitor"]}}]}"#;
    let saw = |agent| row(config, "/c", &[("user-agent", agent)], "{}", "User-Agent").0;
    assert_eq!(saw("AcmeMonitor/2 bot"), "\"AcmeMonitor/2 bot\": none, by rule \"opt_out\"");
    assert!(saw("AcmeMonitor bot").contains("crawler"), "{}", saw("AcmeMonitor bot"));
}

#[test]
fn where_json_ends_is_told_at_each_vendor() {
    let broken = r#"{"a":1,}"#;
    let plausible = row("{}", "/api/event", &[FIREFOX, JSON], broken, "JSON");
    assert_eq!(plausible.0, "8 bytes of body");
    assert!(
        plausible.1.starts_with("invalid (reject): the body is not valid JSON: see byte 7"),
        "{}",
        plausible.1
    );
    let convert = row("{}", "/v1/track/k", &[FIREFOX, JSON], broken, "JSON");
    assert_eq!(convert.1, "invalid_json (reject): the body is not valid JSON: see byte 7");
}

#[test]
fn a_shield_says_what_it_compared() {
    let config = r#"{"endpoints":[{"name":"p","vendor":"plausible","sites":{"a.example":{"hostname_allowlist":["*.a.example"],"page_blocklist":["/x/**"]}}}]}"#;
    let body = r#"{"n":"pageview","u":"https://www.shop.example/x/y?q=1","d":"a.example","r":"https://r.example/"}"#;
    let saw = |rule| row(config, "/api/event", &[FIREFOX, JSON], body, rule);
    let (hostname, finding) = saw("site_hostname_allowlist");
    assert_eq!(hostname, "hostname \"shop.example\", with the rules of site \"a.example\"");
    assert!(finding.starts_with("site_hostname_allowlist (drop): "), "{finding}");
    assert_eq!(saw("spam_referrer").0, "referrer \"https://r.example/\"");
    let elsewhere = body.replace("\"d\":\"a.example\"", "\"d\":\"b.example\"");
    let pages = row(config, "/api/event", &[FIREFOX, JSON], &elsewhere, "site_page_blocklist");
    assert_eq!(pages, ("site \"b.example\" has no rules".into(), String::new()));
}

#[test]
fn no_key_is_shown() {
    let key = "Zm9vYmFyYmF6";
    let authorization = format!("Token {key}");
    let headers =
        [JSON, ("authorization", authorization.as_str()), ("x-api-version", "2020-09-22")];
    let (saw, found) = row("{}", "/v1/track", &headers, "{}", "Authorization");
    assert_eq!((saw.as_str(), found.as_str()), ("authorization: Token and a key of 12 bytes", ""));
    let other = [JSON, ("authorization", "Basic Zm9vYmFyYmF6")];
    let (saw, found) = row("{}", "/v1/track", &other, "{}", "Authorization");
    assert!(!saw.contains(key) && !found.contains(key), "{saw} {found}");
}

#[test]
fn sizes_stand_beside_their_limits() {
    let long = format!(r#"{{"event_name":"{}"}}"#, "x".repeat(40_000));
    let saw = row("{}", "/events?tc_s=1&token=b", &[FIREFOX, JSON], &long, "size");
    assert_eq!(saw.0, "content-length: missing; the limit is 32768 bytes");
    let declared = [FIREFOX, JSON, ("content-length", "40017")];
    let saw = row("{}", "/events?tc_s=1&token=b", &declared, &long, "size");
    assert_eq!(
        saw,
        (
            "content-length: \"40017\"; the limit is 32768 bytes".into(),
            "request_too_large (reject): the body is larger than 32768 bytes".into()
        )
    );
}
