//! Any request: the reply and the annotation can be sent, shadow mode forwards, and pieces change nothing.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sfv::{Parser, visitor::Ignored};
use std::cell::LazyCell;
use trackgate::annotation;
use trackgate::cli::{capture::Captured, judge::judge};
use trackgate::gate::{Gate, Step};

const PATHS: [&str; 5] = ["/v1/track/key", "/api/event", "/v1/track", "/events?tc_s=1", "/batch"];
const NAMES: [&str; 8] = ["user-agent", "content-type", "content-length", "content-encoding", "authorization", "x-plausible-ip", "forwarded", "x-api-version"];

thread_local! {
    static GATES: LazyCell<[Gate; 2]> = LazyCell::new(|| {
        ["enforce", "shadow"].map(|mode| {
            let sites = r#"{"a.example":{"page_blocklist":["/x/**"],"hostname_allowlist":["*.a.example"],"ip_blocklist":["10.0.0.0/8"]}}"#;
            let json = format!(r#"{{"mode":"{mode}","client_ip":{{"from":"vendor"}},"endpoints":[{{"name":"a","vendor":"convert"}},{{"name":"b","vendor":"plausible","sites":{sites}}},{{"name":"c","vendor":"userpilot"}},{{"name":"d","vendor":"commanders_act"}}]}}"#);
            Gate::load(json.as_bytes()).expect("a good configuration")
        })
    });
}

/// A byte for the path, then lines of a byte for the name and a value, an empty line, and the body.
fn request(data: &[u8]) -> Option<Captured> {
    let (path, mut rest) = data.split_first()?;
    let mut captured = Captured::new("x".to_owned(), "POST", PATHS[usize::from(*path) % PATHS.len()], "h.example");
    while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
        let (line, after) = rest.split_at(end);
        rest = &after[1..];
        let Some((name, value)) = line.split_first() else { break };
        captured.push(NAMES[usize::from(*name) % NAMES.len()], value);
    }
    captured.body = rest.to_vec();
    Some(captured)
}

fuzz_target!(|data: &[u8]| {
    let Some(captured) = request(data) else { return };
    GATES.with(|gates| {
        let [enforce, shadow] = &**gates;
        let decision = judge(enforce, &captured).expect("a track path");
        let name = &enforce.endpoints[decision.endpoint].name;
        let verdict = annotation::verdict(&decision, name);
        assert!(Parser::new(&verdict).parse_item_with_visitor(Ignored).is_ok(), "{verdict}");
        if let Some(reasons) = annotation::reasons(&decision.findings) {
            assert!(Parser::new(&reasons).parse_list_with_visitor(&mut Ignored).is_ok(), "{reasons}");
        }
        if let Some(reply) = &decision.reply {
            assert!((200..600).contains(&reply.status));
            assert!(reply.headers.iter().all(|(_, value)| value.bytes().all(|byte| (0x20..0x7F).contains(&byte))));
        }
        let other = judge(shadow, &captured).expect("a track path");
        assert!(other.reply_to_send().is_none() && (other.verdict, other.reason) == (decision.verdict, decision.reason));
        let head = captured.head();
        if let Some(Step::Body(mut inspection)) = enforce.head(decision.endpoint, &head) {
            let early = (0..captured.body.len()).step_by(7).find_map(|seen| inspection.body_seen(enforce, seen));
            let cut = early.or_else(|| inspection.body_seen(enforce, captured.body.len())).or_else(|| inspection.body(enforce, &captured.body));
            let cut = cut.expect("a decision");
            assert_eq!((cut.verdict, cut.reason), (decision.verdict, decision.reason));
        }
    });
});
