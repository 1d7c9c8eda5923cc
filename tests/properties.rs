//! What holds for any request, found by chance: the oracles that the fuzz targets use too (`fuzz/`).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod corpus;

use proptest::prelude::*;
use serde_json::{Map, Value};
use sfv::{Parser, visitor::Ignored};
use trackgate::annotation;
use trackgate::cli::capture::Captured;
use trackgate::cli::judge::judge;
use trackgate::gate::{Decision, Gate, Step};

const PATHS: [&str; 5] = ["/v1/track/key", "/api/event", "/v1/track", "/events?tc_s=1&token=a", "/events/batch?tc_s=1"];

fn gate(mode: &str) -> Gate {
    Gate::load(format!(r#"{{"mode":"{mode}","client_ip":{{"from":"vendor"}}}}"#).as_bytes()).unwrap()
}

fn request(path: &str, fields: &[(String, Vec<u8>)], body: &[u8]) -> Captured {
    let mut captured = Captured::new("x".to_owned(), "POST", path, "h.example");
    fields.iter().for_each(|(name, value)| captured.push(name, value.clone()));
    captured.body = body.to_vec();
    captured
}

/// What is told of a decision.
fn told(gate: &Gate, decision: &Decision) -> (String, Option<String>, Option<(u16, String)>) {
    let name = &gate.endpoints[decision.endpoint].name;
    let reply = decision.reply.as_ref().map(|reply| (reply.status, reply.body.clone()));
    (annotation::verdict(decision, name), annotation::reasons(&decision.findings), reply)
}

fn fields() -> impl Strategy<Value = Vec<(String, Vec<u8>)>> {
    let name = prop::sample::select(vec![
        "user-agent",
        "content-type",
        "content-length",
        "content-encoding",
        "authorization",
        "x-api-version",
        "x-plausible-ip",
        "x-forwarded-for",
        "forwarded",
        "x-other",
    ]);
    let value = prop_oneof![
        prop::sample::select(vec![
            "application/json",
            "text/plain",
            "Token abc",
            "Bearer x",
            "2020-09-22",
            "Googlebot/2.1",
            "curl/8",
            "gzip",
            "10",
            "99999999999",
            ""
        ])
        .prop_map(|text| text.as_bytes().to_vec()),
        prop::collection::vec(any::<u8>(), 0..40),
    ];
    prop::collection::vec((name.prop_map(str::to_owned), value), 0..8)
}

/// JSON that looks like the vendors' events, in part.
fn json() -> impl Strategy<Value = Value> {
    let names = vec![
        "n",
        "u",
        "d",
        "p",
        "h",
        "name",
        "accountId",
        "projectId",
        "visitors",
        "visitorId",
        "events",
        "eventType",
        "data",
        "user_id",
        "event_name",
        "metadata",
        "batch",
        "event_timestamp",
        "context",
        "properties",
        "event",
        "ключ",
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        prop::sample::select(vec![
            "pageview",
            "https://a.example/x",
            "a.example",
            "bucketing",
            "1700000000000",
            "",
            " ",
            "\"\\\u{1F600}"
        ])
        .prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 6, move |inner| {
        let name = prop::sample::select(names.clone()).prop_map(str::to_owned);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((name, inner), 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

/// The same value with its members in another order, and white space wherever it may stand.
fn respelt(value: &Value, turn: usize) -> String {
    let space = [" ", "\n", "\t", "\r\n", ""][turn % 5];
    match value {
        Value::Array(list) => {
            let list: Vec<String> = list.iter().map(|one| respelt(one, turn + 1)).collect();
            format!("{space}[{space}{}{space}]{space}", list.join(&format!("{space},")))
        }
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            if !members.is_empty() {
                let by = turn % members.len();
                members.rotate_left(by);
            }
            let members: Vec<String> = members
                .iter()
                .map(|(name, one)| format!("{}{space}:{}", Value::from((*name).clone()), respelt(one, turn + 1)))
                .collect();
            format!("{space}{{{space}{}{space}}}{space}", members.join(&format!("{space},{space}")))
        }
        scalar => format!("{space}{scalar}{space}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Any bytes get a verdict, and what is said of them can be sent: a reply is valid HTTP, an annotation valid structured fields.
    #[test]
    fn any_request_gets_an_answer_that_can_be_sent(path in prop::sample::select(PATHS.to_vec()), fields in fields(), body in prop::collection::vec(any::<u8>(), 0..200)) {
        let gate = gate("enforce");
        let decision = judge(&gate, &request(path, &fields, &body)).unwrap();
        if let Some(reply) = &decision.reply {
            prop_assert!((200..600).contains(&reply.status));
            for (name, value) in &reply.headers {
                let response = hyper::Response::builder().status(reply.status).header(name, value).body(());
                prop_assert!(response.is_ok(), "{name}: {value:?}");
            }
        }
        let (verdict, reasons, _) = told(&gate, &decision);
        prop_assert!(Parser::new(&verdict).parse_item_with_visitor(Ignored).is_ok(), "{verdict}");
        if let Some(reasons) = reasons {
            prop_assert!(Parser::new(&reasons).parse_list_with_visitor(&mut Ignored).is_ok(), "{reasons}");
        }
    }

    /// However a body is spelled, the verdict is the same.
    #[test]
    fn order_and_white_space_change_nothing(path in prop::sample::select(PATHS.to_vec()), fields in fields(), value in json(), turn in 0usize..1000) {
        let gate = gate("enforce");
        // Where sizes are measured the spelling counts, and is small here.
        let plain = judge(&gate, &request(path, &fields, value.to_string().as_bytes())).unwrap();
        let other = judge(&gate, &request(path, &fields, respelt(&value, turn).as_bytes())).unwrap();
        prop_assert_eq!((plain.verdict, plain.reason), (other.verdict, other.reason), "{} {}", value, respelt(&value, turn));
    }

    /// However a body is cut, the verdict is the same.
    #[test]
    fn pieces_change_nothing(path in prop::sample::select(PATHS.to_vec()), fields in fields(), value in json(), piece in 1usize..50) {
        let gate = gate("enforce");
        let body = value.to_string().into_bytes();
        let captured = request(path, &fields, &body);
        let whole = told(&gate, &judge(&gate, &captured).unwrap());
        let head = captured.head();
        let cut = match gate.head(gate.endpoint(&head).unwrap(), &head).unwrap() {
            Step::Decided(decision) => decision,
            Step::Body(mut inspection) => {
                let early = (0..body.len()).step_by(piece).find_map(|seen| inspection.body_seen(&gate, seen));
                early.unwrap_or_else(|| inspection.body_seen(&gate, body.len()).unwrap_or_else(|| inspection.body(&gate, &body).unwrap()))
            }
        };
        prop_assert_eq!(told(&gate, &cut), whole);
    }

    /// Shadow mode refuses nothing, and says what enforcement would have done.
    #[test]
    fn shadow_mode_forwards_everything(path in prop::sample::select(PATHS.to_vec()), fields in fields(), body in prop::collection::vec(any::<u8>(), 0..100)) {
        let (enforced, shadow) = (gate("enforce"), gate("shadow"));
        let captured = request(path, &fields, &body);
        let would = judge(&enforced, &captured).unwrap();
        let is = judge(&shadow, &captured).unwrap();
        prop_assert!(is.reply_to_send().is_none());
        prop_assert_eq!((is.verdict, is.reason), (would.verdict, would.reason));
    }

    /// A configuration of any bytes is refused or taken, and never both.
    #[test]
    fn any_configuration_is_answered(text in prop_oneof!["\\PC{0,60}", r#"\{"(mode|endpoints|actions|client_ip|user_agents)":[\[\]{}"a-z:,0-9]{0,40}\}"#]) {
        if let Err(error) = Gate::load(text.as_bytes()) {
            prop_assert!(!error.problems.is_empty());
            prop_assert!(!error.to_string().contains('\n'), "one line: {error}");
        }
    }

    /// Patterns, networks and paths of any text are refused or taken; those taken answer for any text.
    #[test]
    fn any_pattern_is_answered(pattern in "\\PC{0,20}", text in "\\PC{0,30}") {
        let site = serde_json::json!({"page_blocklist": [pattern], "hostname_allowlist": [pattern], "ip_blocklist": [pattern]});
        for (kind, list) in site.as_object().unwrap() {
            let endpoint = serde_json::json!({"name": "p", "vendor": "plausible", "sites": {"a.example": {kind: list}}});
            let Ok(gate) = Gate::load(serde_json::json!({"endpoints": [endpoint]}).to_string().as_bytes()) else { continue };
            let body = serde_json::json!({"n": "a", "u": format!("https://{text}/{text}"), "d": "a.example"}).to_string();
            let fields = [("content-type".to_owned(), b"application/json".to_vec())];
            prop_assert!(judge(&gate, &request("/api/event", &fields, body.as_bytes())).is_some());
        }
        let endpoint = serde_json::json!({"name": "c", "vendor": "convert", "paths": [pattern], "hosts": [text]});
        let _ = Gate::load(serde_json::json!({"endpoints": [endpoint]}).to_string().as_bytes());
    }
}
