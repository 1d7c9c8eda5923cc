use super::*;
use crate::gate::{BodyPhase, Mode};
use crate::verdict::{Disposition, Reason};

fn error(json: &str) -> String {
    Gate::load(json.as_bytes())
        .err()
        .map(|error| error.to_string())
        .unwrap_or_else(|| panic!("accepted: {json}"))
}

#[test]
fn the_empty_configuration_is_the_four_vendors_enforced() {
    for json in ["{}", ""] {
        let gate = Gate::load(json.as_bytes()).unwrap();
        let seen: Vec<_> =
            gate.endpoints.iter().map(|endpoint| (endpoint.name.as_str(), endpoint.mode)).collect();
        let expected = ["convert", "plausible", "userpilot", "commanders_act"]
            .map(|name| (name, Mode::Enforce));
        assert_eq!(seen, expected);
        assert_eq!(gate.header_prefix, "x-track-");
        assert_eq!(gate.body_phase, BodyPhase::Hold);
    }
}

#[test]
fn an_error_names_the_place_what_was_expected_and_what_was_found() {
    let endpoint =
        |rest: &str| format!(r#"{{"endpoints":[{{"name":"c","vendor":"convert"{rest}}}]}}"#);
    let rows = [
        ("{", "configuration: invalid JSON at line 1 column 2: the text ends here"),
        ("{} x", "configuration: invalid JSON at line 1 column 4: unexpected \"x\""),
        (
            r#"{"country_header":"\ud800"}"#,
            "configuration: invalid JSON at line 1 column 20: an escape that names no character",
        ),
        (
            "{\n  \"mode\": enforce }",
            "configuration: invalid JSON at line 2 column 11: unexpected \"e\"",
        ),
        (
            "{\"mode\":\"shadow\",\n\"mode\":\"enforce\"}",
            "configuration: duplicate field \"mode\" at line 2 column 8",
        ),
        ("[]", "configuration: expected an object, found an empty list"),
        (
            "\n\u{10}\n\u{4}mode\u{12}\u{8}\u{1a}\u{6}shadow",
            "configuration: expected JSON, found the bytes of a google.protobuf.Struct, as Envoy hands it over: use google.protobuf.StringValue",
        ),
        (
            r#"{"mode":"shadows"}"#,
            "configuration: mode: expected one of \"enforce\", \"shadow\", found \"shadows\"; did you mean \"shadow\"?",
        ),
        (
            r#"{"client_ip":{"a\nb\u001b":1,"from":"connection"}}"#,
            "configuration: client_ip: unknown field \"a\\nb\\u{1b}\"",
        ),
        (
            r#"{"mode":null}"#,
            "configuration: mode: expected one of \"enforce\", \"shadow\", found null",
        ),
        (
            r#"{"enforce_percent":100.01}"#,
            "configuration: enforce_percent: expected a number from 0 to 100 in steps of 0.01, found 100.01",
        ),
        (
            r#"{"enforce_percent":0.001}"#,
            "configuration: enforce_percent: expected a number from 0 to 100 in steps of 0.01, found 0.001",
        ),
        (
            r#"{"body_phase":"compat","filter_state":false}"#,
            "configuration: filter_state: expected true in compat, where the annotations reach the collector by filter state, found false",
        ),
        (
            r#"{"log_sample_per_minute":-1}"#,
            "configuration: log_sample_per_minute: expected a whole number from 0, found -1",
        ),
        (
            r#"{"user_agents":{"deny":["a",1]}}"#,
            "configuration: user_agents.deny[1]: expected a string, found 1",
        ),
        (
            r#"{"client_ip":{"from":"header","name":"x-real-ip"}}"#,
            "configuration: client_ip: missing field \"trusted_hops\"",
        ),
        (
            r#"{"client_ip":{"from":"connection","name":"x-real-ip"}}"#,
            "configuration: client_ip: unknown field \"name\"; it is a field of \"header\"",
        ),
        (
            r#"{"endpoints":[{"name":"c"}]}"#,
            "configuration: endpoints[0]: missing field \"vendor\"",
        ),
        (
            r#"{"header_prefix":"x_"}"#,
            "configuration: header_prefix: expected the start of a header field name, such as \"x-track-\", found \"x_\"",
        ),
        (
            r#"{"endpoints":[]}"#,
            "configuration: endpoints: expected at least one entry, or the field left out, found an empty list",
        ),
        (
            &endpoint(r#","hosts":[]"#),
            "configuration: endpoints[0].hosts: expected at least one entry, or the field left out, found an empty list",
        ),
        (
            &endpoint(r#","hosts":["a b"]"#),
            "configuration: endpoints[0].hosts[0]: expected a host name such as \"a.example\" or \"*.a.example\", without port, found \"a b\"",
        ),
        (
            &endpoint(r#","paths":["/ok","x"]"#),
            "configuration: endpoints[0].paths[1]: expected a path such as \"/v1/track/{key}\", decoded and without query, found \"x\"",
        ),
        (
            &endpoint(r#","limits":{"request_bytes":0}"#),
            "configuration: endpoints[0].limits.request_bytes: expected a whole number from 1, found 0",
        ),
        (
            &endpoint(r#","limits":{"batch_bytes":9}"#),
            "configuration: endpoints[0].limits.batch_bytes: expected this limit only where there are batches, found vendor \"convert\", which has no batches here",
        ),
        (
            &endpoint(r#","actions":{"spam_referrer":"pass"}"#),
            "configuration: endpoints[0].actions.spam_referrer: expected a reason that vendor \"convert\" gives, found one it never gives, so that the override could never take effect",
        ),
        (
            &endpoint(r#","trust_ip_type_header":true"#),
            "configuration: endpoints[0]: unknown field \"trust_ip_type_header\"; it is a field of \"plausible\"",
        ),
        (
            &endpoint(r#","access_control_allow_origin":"""#),
            "configuration: endpoints[0].access_control_allow_origin: expected \"*\", \"origin\", or an origin such as \"https://a.example\", found \"\"",
        ),
        (
            r#"{"endpoints":[{"name":"A","vendor":"convert"}]}"#,
            "configuration: endpoints[0].name: expected a lower-case letter, then letters, digits and \"_\", at most 64, found \"A\"",
        ),
        (
            r#"{"endpoints":[{"name":"c","vendor":"convert"},{"name":"c","vendor":"convert"}]}"#,
            "configuration: endpoints[1]: duplicate endpoint name \"c\"",
        ),
        (
            r#"{"actions":{"metadata_invalid":"drop"},"endpoints":[{"name":"c","vendor":"convert"}]}"#,
            "configuration: actions.metadata_invalid: expected a reason that some endpoint can give, found metadata_invalid at none of the configured endpoints' vendors",
        ),
        (
            r#"{"actions":{"bot":"drop"},"endpoints":[{"name":"c","vendor":"convert","actions":{"bot":"pass"}}]}"#,
            "configuration: actions.bot: expected a reason that some endpoint gives and does not override, found one that each such endpoint overrides with its own, so that it could never take effect",
        ),
    ];
    for (json, expected) in rows {
        assert_eq!(error(json), expected, "{json}");
    }
    assert_eq!(
        error(&endpoint(r#","host":["a"]"#)),
        "configuration: endpoints[0]: unknown field \"host\"; did you mean \"hosts\"?"
    );
    assert_eq!(
        error(&endpoint(r#","api_keys_sha256":[]"#)),
        "configuration: endpoints[0]: unknown field \"api_keys_sha256\"; it is a field of \"userpilot\" and \"custom\""
    );
    let reason = error(r#"{"actions":{"bots":"drop"}}"#);
    assert!(
        reason
            .starts_with("configuration: actions.bots: expected one of \"bot\", \"bot_suspected\""),
        "{reason}"
    );
    assert!(reason.ends_with("found \"bots\"; did you mean \"bot\"?"), "{reason}");
}

#[test]
fn all_problems_are_found_at_once() {
    let json = r#"{"mode":"off","header_prefix":"","endpoints":[
        {"name":"a","vendor":"acme","paths":["x"]},
        {"name":"b","vendor":"convert","hosts":[],"sites":{}},
        {"name":"b","vendor":"convert","limits":{"event_bytes":9}},
        {"name":"b","vendor":"plausible","limits":{"request_bytes":"1k"},"sites":{"a.example":{"page_blocklist":["x"],"ips":[]}}}]}"#;
    let places: Vec<String> = Gate::load(json.as_bytes())
        .unwrap_err()
        .problems
        .into_iter()
        .map(|problem| problem.at.into_owned())
        .collect();
    let expected = [
        "mode",
        "header_prefix",
        "endpoints[0].paths[0]",
        "endpoints[0].vendor",
        "endpoints[1].hosts",
        "endpoints[1]",
        "endpoints[3].limits.request_bytes",
        "endpoints[3].sites.a.example.page_blocklist[0]",
        "endpoints[3].sites.a.example",
        "endpoints[2]",
        "endpoints[2].limits.event_bytes",
        "endpoints[3]",
    ];
    assert_eq!(places, expected);
    assert!(
        error(json).ends_with(" (and 11 more: `trackgate check` shows all)"),
        "{}",
        error(json)
    );
}

#[test]
fn each_mistake_in_each_site_is_told() {
    let site = |mistake: &str| format!("{{{mistake}}}");
    let mistakes = [
        r#""page_blocklist":["x","/ok","y"]"#,
        r#""ip_blocklist":["10.0.0.0/33"],"country_blocklist":["USA"]"#,
        r#""hostname_allowlist":[],"ip_blocklist":[1]"#,
        r#""page_blocklists":["/a"],"country_blocklist":"US""#,
        r#""hostname_allowlist":["",null]"#,
    ];
    let sites: Vec<String> = mistakes
        .iter()
        .enumerate()
        .map(|(number, mistake)| format!("\"s{number}.example\":{}", site(mistake)))
        .collect();
    let json = format!(
        r#"{{"endpoints":[{{"name":"p","vendor":"plausible","sites":{{{}}}}}]}}"#,
        sites.join(",")
    );
    let problems = Gate::load(json.as_bytes()).unwrap_err().problems;
    assert_eq!(problems.len(), 10, "{problems:?}");
}

/// `(text, what is wrong)`
#[test]
fn what_is_wrong_with_the_json_is_said() {
    let rows = [
        (r#"{"mode":"shadow",}"#, "line 1 column 18: a comma before \"}\""),
        (r#"{"a":[1,]}"#, "line 1 column 9: a comma before \"]\""),
        ("{\"a\":1\n\"b\":2}", "line 2 column 1: a comma is missing before \"\\\"\""),
        ("{'a':1}", "line 1 column 2: a string stands in double quotes"),
        ("{\n  // no\n}", "line 2 column 3: JSON has no comments"),
        ("{\"a\":\"", "line 1 column 7: the text ends here"),
    ];
    for (json, expected) in rows {
        assert_eq!(error(json), format!("configuration: invalid JSON at {expected}"), "{json}");
    }
}

#[test]
fn the_endpoints_own_actions_win() {
    let json = r#"{"actions":{"bot":"annotate","content_type":"reject"},"endpoints":[
        {"name":"c","vendor":"convert","actions":{"bot":"pass"}},{"name":"p","vendor":"plausible"}]}"#;
    let gate = Gate::load(json.as_bytes()).unwrap();
    let of = |index: usize, reason| gate.endpoints[index].dispositions.of(reason);
    assert_eq!(of(0, Reason::Bot), Some(Disposition::Pass));
    assert_eq!(of(0, Reason::ContentType), Some(Disposition::Reject));
    assert_eq!(of(1, Reason::Bot), Some(Disposition::Annotate));
    assert_eq!(of(1, Reason::MissingSiteId), None);
}
