//! What holds for any input, looked for by chance; `fuzz/` looks for the same by coverage.

use proptest::prelude::*;
use trackgate_cli::capture::Captured;
use trackgate_testing::oracles;

fn captured(path: &str, fields: Vec<(String, Vec<u8>)>, body: Vec<u8>) -> Captured {
    let mut captured = Captured::new("x".to_owned(), "POST", path, "h.example");
    fields.into_iter().for_each(|(name, value)| captured.push(&name, value));
    captured.body = body;
    captured
}

fn fields() -> impl Strategy<Value = Vec<(String, Vec<u8>)>> {
    let name = prop::sample::select(oracles::request::NAMES.to_vec());
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

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn any_request_is_answered(path in prop::sample::select(oracles::request::PATHS.to_vec()), fields in fields(), body in prop::collection::vec(any::<u8>(), 0..200), piece in 1usize..50) {
        oracles::request::check(&captured(path, fields, body), piece);
    }

    #[test]
    fn any_spelling_of_a_body_gets_one_verdict(data in prop::collection::vec(any::<u8>(), 0..60)) {
        oracles::body::check(&data);
    }

    #[test]
    fn json_is_what_others_take_for_json(text in r#"[\[\]{}",:0-9eE.+\- tfn\\u]{0,20}"#) {
        oracles::json::check(text.as_bytes());
    }

    #[test]
    fn annotations_are_read_back(texts in prop::collection::vec((proptest::option::of("\\PC{0,300}"), proptest::option::of(".{0,20}")), 0..20), more in any::<u32>()) {
        oracles::annotation::check(&texts, more);
    }

    #[test]
    fn any_configuration_is_answered(text in prop_oneof!["\\PC{0,60}", r#"\{"(mode|endpoints|actions|client_ip|user_agents)":[\[\]{}"a-z:,0-9]{0,40}\}"#]) {
        oracles::configuration::check(text.as_bytes());
    }

    #[test]
    fn any_capture_is_read_to_its_end(bytes in prop::collection::vec(any::<u8>(), 0..60), text in r#"[{}\[\]":,a0\n\\ ]{0,30}|curl [-'"XHd =a:/\\]{0,20}|(POST|a) /[a ?]{0,4} HTTP/1.1\n[a: \r\n]{0,12}"#) {
        oracles::capture::check(&bytes);
        oracles::capture::check(text.as_bytes());
        oracles::capture::trace(&bytes);
    }

    #[test]
    fn requests_are_read_as_they_were_written(path in "\\PC{0,8}", fields in prop::collection::vec(("[A-Za-z0-9]{0,6}", ".{0,12}"), 0..5), body in ".{0,30}|['\"\\\\$&\n]{0,9}") {
        oracles::capture::written_by_chance(&path, &fields, &body);
    }

    #[test]
    fn any_file_is_searched_for_configurations(text in r#"[-{}\[\]":,a0\n &*!|>#?.]{0,40}|(kind: WasmPlugin\nspec: |vm_config: x\nconfiguration: )[-{}\[\]":,a0\n ]{0,20}"#) {
        oracles::file::check(&text);
    }

    #[test]
    fn patterns_are_regular_expressions(pattern in "[ab/*]{1,9}|\\PC{0,20}", text in "[ab/]{0,12}|\\PC{0,30}") {
        oracles::patterns::pattern(&pattern, &text);
    }

    #[test]
    fn networks_hold_what_agrees_with_them(entries in prop::collection::vec("(10|11)\\.(0|64|128)\\.0\\.0/(8|9|1[0-9]|32)|2001:db8:[0-9a-f]{1,4}::/(3[0-9]|4[0-9]|64)|::(ffff:10\\.0\\.0\\.0)?/(0|96|104|128)|\\PC{0,12}", 0..8), probe in prop::collection::vec(any::<u8>(), 0..16)) {
        oracles::patterns::networks(&entries, &probe);
    }

    #[test]
    fn queries_are_forms(target in "(/(v1|api|[.]{1,2}|%[0-9a-f]{2}|x)?){0,5}[?#]?((tc_s|tc%5fs|a|[+])=?[b%20]{0,3}[&;#]?){0,4}|\\PC{0,30}", host in "\\PC{0,12}", pattern in "(/(v1|api|[{]key[}])){1,3}|\\PC{0,12}") {
        oracles::patterns::target(target.as_bytes(), host.as_bytes(), &pattern);
    }
}
