//! Any request: what is said of it can be sent, shadow mode forwards it, and its pieces do not
//! matter.

use serde_json::json;
use sfv::{Parser, visitor::Ignored};
use std::cell::LazyCell;
use trackgate::annotation;
use trackgate::gate::{Decision, Gate, Step};
use trackgate_cli::{capture::Captured, judge::judge};

/// An endpoint each of the vendors, by path.
pub const PATHS: [&str; 7] = [
    "/v1/track/key",
    "/api/event",
    "/v1/track",
    "/events?tc_s=1&token=a",
    "/events/batch?tc_s=1",
    "/custom/batch",
    "/custom",
];
pub const NAMES: [&str; 12] = [
    "user-agent",
    "content-type",
    "content-length",
    "content-encoding",
    "authorization",
    "x-api-version",
    "x-plausible-ip",
    "x-plausible-ip-type",
    "x-forwarded-for",
    "forwarded",
    "x-country",
    "x-other",
];

/// With every check switched on that a configuration can switch on.
fn gate(mode: &str) -> Gate {
    let site = json!({"page_blocklist": ["/x/**"], "hostname_allowlist": ["*a.example"], "ip_blocklist": ["10.0.0.0/8", "2001:db8::/32"], "country_blocklist": ["FR"]});
    let custom = |name: &str, paths: &[&str], batch: Option<&str>| {
        let fields = json!([{"pointer": "/type", "types": ["string"]}, {"any_of": ["/id", "/context/a~1b"], "types": ["string", "number"]}]);
        let reply = json!({"status": 200, "body": "{}"});
        let mut custom = json!({"user_agents": "bots", "fields": fields, "replies": {"drop": reply, "reject": {"status": 400}}});
        if let Some(batch) = batch {
            custom["batch"] = json!(batch);
            custom["max_events"] = json!(3);
        }
        json!({"name": name, "vendor": "custom", "paths": paths, "limits": {"request_bytes": 20_000}, "custom": custom})
    };
    let endpoints = json!([
        {"name": "convert", "vendor": "convert"},
        {"name": "plausible", "vendor": "plausible", "sites": {"a.example": site}, "trust_ip_type_header": true},
        {"name": "userpilot", "vendor": "userpilot"},
        {"name": "commanders_act", "vendor": "commanders_act"},
        custom("batch", &["/custom/batch"], Some("/batch")),
        custom("single", &["/custom"], None),
    ]);
    let whole = json!({"mode": mode, "client_ip": {"from": "vendor"}, "country_header": "x-country", "spam_referrers": {"deny": ["spam.example"]}, "endpoints": endpoints});
    Gate::load(whole.to_string().as_bytes()).expect("a good configuration")
}

thread_local! {
    static GATES: LazyCell<[Gate; 2]> = LazyCell::new(|| ["enforce", "shadow"].map(gate));
}

/// The verdict where all is enforced.
pub fn verdict(captured: &Captured) -> Decision {
    GATES.with(|gates| judge(&gates[0], captured).expect("a track path"))
}

/// # Panics
/// One of them does not hold.
pub fn check(captured: &Captured, piece: usize) {
    GATES.with(|gates| {
        let [enforce, shadow] = &**gates;
        let decision = judge(enforce, captured).expect("a track path");
        can_be_sent(&decision);
        let would = judge(shadow, captured).expect("a track path");
        assert!(would.reply_to_send().is_none(), "shadow mode refused");
        assert_eq!((would.verdict, would.reason), (decision.verdict, decision.reason));
        can_be_sent(&would);
        assert_eq!(told(&in_pieces(enforce, captured, piece)), told(&decision));
    });
}

/// A reply is valid HTTP to a library that is not ours, annotations are structured fields to
/// another, and there is a counter.
pub fn can_be_sent(decision: &Decision) {
    let (verdict, reasons, _) = told(decision);
    let outcomes = decision.endpoint.outcomes();
    assert!(
        outcomes.contains(&(decision.verdict, decision.reason)),
        "no counter: {verdict} {:?}",
        decision.reason
    );
    assert!(Parser::new(&verdict).parse_item_with_visitor(Ignored).is_ok(), "{verdict}");
    if let Some(reasons) = reasons {
        assert!(Parser::new(&reasons).parse_list_with_visitor(&mut Ignored).is_ok(), "{reasons}");
    }
    if let Some(reply) = &decision.reply {
        assert!((200..600).contains(&reply.status));
        let response = reply.headers.iter().fold(
            hyper::Response::builder().status(reply.status),
            |response, (name, value)| {
                response.header(name.as_ref() as &str, value.as_ref() as &str)
            },
        );
        assert!(response.body(()).is_ok(), "{:?}", reply.headers);
    }
}

/// What is told of a decision: verdict, reasons, reply.
fn told(decision: &Decision) -> (String, Option<String>, Option<(u16, String)>) {
    let name = &decision.endpoint.name;
    let reply = decision.reply.as_ref().map(|reply| (reply.status, reply.body.clone()));
    (annotation::verdict(decision, name), annotation::reasons(&decision.findings), reply)
}

/// As the plugin sees a body that comes in pieces.
fn in_pieces(gate: &Gate, captured: &Captured, piece: usize) -> Decision {
    let (head, size) = (captured.head(), captured.body.len());
    match gate.endpoint(&head).expect("a track path").head(&head) {
        Step::Decided(decision) => decision,
        Step::Body(mut inspection) => {
            let early = (0..size).step_by(piece.max(1)).find_map(|seen| inspection.body_seen(seen));
            let late = early.or_else(|| inspection.body_seen(size));
            late.unwrap_or_else(|| inspection.body(&captured.body))
        }
    }
}
