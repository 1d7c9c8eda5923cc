use super::*;
use crate::gate::Gate;

fn error(json: &str) -> String {
    let compiled = Config::parse(json.as_bytes()).and_then(|config| Gate::compile(&config));
    compiled.err().map(|error| error.to_string()).unwrap_or_else(|| panic!("accepted: {json}"))
}

#[test]
fn the_empty_configuration_is_the_four_vendors_enforced() {
    for json in ["{}", ""] {
        let gate = Gate::compile(&Config::parse(json.as_bytes()).unwrap()).unwrap();
        let seen: Vec<_> = gate.endpoints.iter().map(|endpoint| (endpoint.name.as_str(), endpoint.mode)).collect();
        let expected = ["convert", "plausible", "userpilot", "commanders_act"].map(|name| (name, Mode::Enforce));
        assert_eq!(seen, expected);
        assert_eq!(gate.header_prefix, "x-track-");
        assert_eq!(gate.body_phase, BodyPhase::Hold);
    }
}

#[test]
fn an_error_names_the_place_what_was_expected_and_what_was_found() {
    let endpoint = |rest: &str| format!(r#"{{"endpoints":[{{"name":"c","vendor":"convert"{rest}}}]}}"#);
    let rows = [
        ("{", "configuration: EOF while parsing an object at line 1 column 1"),
        ("{} x", "configuration: trailing characters at line 1 column 4"),
        ("[]", "configuration: expected a JSON object, found something else"),
        (
            r#"{"mode":"shadows"}"#,
            "configuration: mode: unknown variant `shadows`, expected `enforce` or `shadow` at line 1 column 17",
        ),
        (
            r#"{"header_prefix":"x_"}"#,
            "configuration: header_prefix: expected the start of a header field name, such as \"x-track-\", found \"x_\"",
        ),
        (
            r#"{"endpoints":[]}"#,
            "configuration: endpoints: expected at least one endpoint, or the field left out, found an empty list",
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
            "configuration: endpoints[0].limits.request_bytes: expected at least 1, found 0",
        ),
        (
            &endpoint(r#","limits":{"batch_bytes":9}"#),
            "configuration: endpoints[0].limits.batch_bytes: expected this limit only where the vendor has batches, found vendor \"convert\", which has no batches",
        ),
        (
            &endpoint(r#","actions":{"spam_referrer":"pass"}"#),
            "configuration: endpoints[0].actions.spam_referrer: expected a reason that vendor \"convert\" gives, found one it never gives, so that the override could never take effect",
        ),
        (
            &endpoint(r#","trust_ip_type_header":true"#),
            "configuration: endpoints[0].trust_ip_type_header: expected this field only where vendor is \"plausible\", found vendor \"convert\"",
        ),
        (
            &endpoint(r#","access_control_allow_origin":"""#),
            "configuration: endpoints[0].access_control_allow_origin: expected \"*\" or an origin such as \"https://a.example\", found \"\"",
        ),
        (
            r#"{"endpoints":[{"name":"A","vendor":"convert"}]}"#,
            "configuration: endpoints[0].name: expected a lower-case letter, then letters, digits and \"_\", at most 64, found \"A\"",
        ),
        (
            r#"{"endpoints":[{"name":"c","vendor":"convert"},{"name":"c","vendor":"convert"}]}"#,
            "configuration: endpoints[1].name: expected a name of its own, found \"c\" a second time",
        ),
        (
            r#"{"actions":{"metadata_invalid":"drop"},"endpoints":[{"name":"c","vendor":"convert"}]}"#,
            "configuration: actions.metadata_invalid: expected a reason that some endpoint can give, found metadata_invalid at none of the configured endpoints' vendors",
        ),
    ];
    for (json, expected) in rows {
        assert_eq!(error(json), expected, "{json}");
    }
    let unknown = error(&endpoint(r#","host":["a"]"#));
    assert!(
        unknown.starts_with("configuration: endpoints[0].host: unknown field `host`, expected one of `name`, `vendor`, `hosts`"),
        "{unknown}"
    );
    let reason = error(r#"{"actions":{"bots":"drop"}}"#);
    assert!(
        reason.starts_with("configuration: actions: unknown variant `bots`, expected one of `bot`, `bot_suspected`"),
        "{reason}"
    );
}

#[test]
fn the_endpoints_own_actions_win() {
    let json = r#"{"actions":{"bot":"annotate","content_type":"reject"},"endpoints":[
        {"name":"c","vendor":"convert","actions":{"bot":"pass"}},{"name":"p","vendor":"plausible"}]}"#;
    let gate = Gate::compile(&Config::parse(json.as_bytes()).unwrap()).unwrap();
    let of = |index: usize, reason| gate.endpoints[index].dispositions.of(reason);
    assert_eq!(of(0, Reason::Bot), Some(Disposition::Pass));
    assert_eq!(of(0, Reason::ContentType), Some(Disposition::Reject));
    assert_eq!(of(1, Reason::Bot), Some(Disposition::Annotate));
    assert_eq!(of(1, Reason::MissingSiteId), None);
}
