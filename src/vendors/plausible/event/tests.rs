use super::*;

fn errors(body: &str) -> Vec<(&'static str, &'static str)> {
    Event::of(&fields(body.as_bytes(), MediaType::Json).unwrap()).err().unwrap_or_default()
}

fn event(body: &str) -> Event {
    Event::of(&fields(body.as_bytes(), MediaType::Json).unwrap())
        .unwrap_or_else(|errors| panic!("{body}: {errors:?}"))
}

#[test]
fn names_are_counted_in_graphemes() {
    let family = "\u{1F468}\u{200D}\u{1F469}\u{200D}\u{1F467}\u{200D}\u{1F466}";
    let rows = [
        ("a", 120, true),
        ("a", 121, false),
        ("e\u{301}", 120, true),
        ("e\u{301}", 121, false),
        (family, 120, true),
        (family, 121, false),
        ("\u{e9}", 120, true),
        ("\u{e9}", 121, false),
    ];
    for (character, count, expected) in rows {
        let body = format!(r#"{{"n":"{}","u":"/","d":"a"}}"#, character.repeat(count));
        let found = errors(&body);
        let too_long = [("event_name", "should be at most 120 character(s)")];
        assert_eq!(
            found,
            if expected { &[][..] } else { &too_long[..] },
            "{count} times {character}"
        );
    }
}

#[test]
fn all_failing_fields_come_in_alphabetical_order() {
    let long = "k".repeat(301);
    let body = format!(r#"{{"n":true,"u":7,"d":" ","h":"x","p":{{"{long}":1}}}}"#);
    let expected = [
        ("domain", "can't be blank"),
        ("event_name", "is invalid"),
        ("hash_mode", "is invalid"),
        ("props", "keys should have at most 300 bytes and values 2000 bytes"),
        ("url", "must be a valid url"),
    ];
    assert_eq!(errors(&body), expected);
}

#[test]
fn null_and_false_fall_through_and_an_empty_string_does_not() {
    let rows = [
        (r#"{"n":null,"name":"x","u":"/","d":"a"}"#, true),
        (r#"{"n":false,"name":"x","u":"/","d":"a"}"#, true),
        (r#"{"n":"","name":"x","u":"/","d":"a"}"#, false),
        (r#"{"n":0,"name":"x","u":"/","d":"a"}"#, true),
        (r#"{"n":{},"name":"x","u":"/","d":"a"}"#, false),
        (r#"{"n":"x","n":"","u":"/","d":"a"}"#, true),
        (r#"{"n":"","n":"x","u":"/","d":"a"}"#, false),
        (r#"{"n":"x","u":"/","h":false,"d":"a"}"#, true),
    ];
    for (body, expected) in rows {
        assert_eq!(errors(body).is_empty(), expected, "{body}");
    }
}

#[test]
fn engagement_needs_one_valid_number() {
    let rows = [
        (r#""sd":0"#, true),
        (r#""sd":"50""#, true),
        (r#""sd":250"#, true),
        (r#""sd":99999999999999999999"#, true),
        (r#""sd":-1"#, false),
        (r#""sd":1.5"#, false),
        (r#""sd":" 5""#, false),
        (r#""sd":true"#, false),
        (r#""e":1"#, true),
        (r#""e":"1""#, true),
        (r#""e":0"#, false),
        (r#""e":-5"#, false),
        (r#""e":2591999999"#, true),
        (r#""e":2592000000"#, false),
        (r#""e":2592000000,"sd":1"#, true),
        (r#""x":1"#, false),
    ];
    for (part, expected) in rows {
        let body = format!(r#"{{"n":"engagement","u":"/","d":"a",{part}}}"#);
        assert_eq!(errors(&body), if expected { vec![] } else { vec![NO_ENGAGEMENT] }, "{part}");
    }
}

#[test]
fn domains_are_a_list_or_the_pages_host() {
    let rows: &[(&str, &[&str])] = &[
        (r#""d":"a.example, www.b.example ,a.example,""#, &["a.example", "b.example", "a.example"]),
        (r#""d":",a.example,, ,""#, &["a.example"]),
        (r#""d":",""#, &[""]),
        (r#""d":"a.example, www. ""#, &["a.example"]),
        (r#""d":"WWW.a.example""#, &["WWW.a.example"]),
        (r#""d":"www.www.a.example""#, &["www.a.example"]),
        (r#""d":7"#, &["page.example"]),
        (r#""d":null,"domain":"b.example""#, &["b.example"]),
        (r#""x":1"#, &["page.example"]),
    ];
    for (part, expected) in rows {
        let event = event(&format!(r#"{{"n":"x","u":"https://www.page.example:8080/x",{part}}}"#));
        assert_eq!(event.domains.iter().collect::<Vec<_>>(), *expected, "{part}");
    }
    assert_eq!(event(r#"{"n":"x","u":"https:///x"}"#).domains.iter().collect::<Vec<_>>(), [""]);
    assert_eq!(errors(r#"{"n":"x","u":"/x"}"#), [NO_DOMAIN]);
    assert_eq!(
        errors(r#"{"n":"x","u":"https://u@/x"}"#),
        [NO_DOMAIN],
        "userinfo alone is not a host"
    );
    assert_eq!(errors(r#"{"n":"x","u":"DATA:x"}"#), [NO_DOMAIN, ("url", "scheme is not allowed")]);
}

#[test]
fn hosts_are_trimmed_and_an_empty_one_is_none() {
    let rows = [
        ("http://example.com /x", "example.com"),
        ("https:// www.a.example/x", "a.example"),
        ("https://www.a.example", "a.example"),
        ("file:///x", "(none)"),
        ("https://u@/x", "(none)"),
        ("https://:8080/x", "(none)"),
        ("https:// /x", "(none)"),
        ("/x", "(none)"),
    ];
    for (url, expected) in rows {
        assert_eq!(
            event(&format!(r#"{{"n":"x","u":"{url}","d":"a"}}"#)).hostname,
            expected,
            "{url}"
        );
    }
}

#[test]
fn hash_mode_is_an_integer_or_nothing() {
    let rows = [
        ("0", true),
        ("\"1\"", true),
        ("\"\"", true),
        ("\" \"", true),
        ("null", true),
        ("true", false),
        ("1.5", false),
        ("\"x\"", false),
    ];
    for (value, expected) in rows {
        let body = format!(r#"{{"n":"x","u":"/","d":"a","h":{value}}}"#);
        assert_eq!(errors(&body).is_empty(), expected, "{value}");
    }
}

#[test]
fn the_server_adds_a_path_to_three_names() {
    let many =
        |count: usize| (0..count).map(|index| format!("\"k{index}\":1,")).collect::<String>();
    let long = "v".repeat(2001);
    // Name, the properties beside the long one, and whether it is among those that are surely kept.
    let rows = [
        ("\"404\"", many(28), false),
        ("\"404\"", many(29), true),
        ("404", many(29), true),
        ("\"WP Form Completions\"", many(29), true),
        ("\"Form: Submission\"", many(29), true),
        ("\"Form: Submission\"", format!("\"path\":\"/x\",{}", many(28)), false),
        ("\"form: submission\"", many(29), false),
        ("\"pageview\"", many(29), false),
        ("\"pageview\"", many(30), true),
    ];
    for (name, props, expected) in rows {
        let body = format!(r#"{{"n":{name},"u":"/","d":"a","p":{{{props}"z":"{long}"}}}}"#);
        assert_eq!(
            errors(&body).is_empty(),
            expected,
            "{name} with {} bytes of properties",
            props.len()
        );
    }
}

#[test]
fn pages_are_decoded_and_hash_mode_adds_the_fragment() {
    let rows = [
        ("https://a.example", "0", "/"),
        ("https://a.example/bl%6Fcked/x?q#f", "0", "/blocked/x"),
        ("https://a.example/app#/adm%69n", "1", "/app#/admin"),
        ("https://a.example/app#/admin", "\"1\"", "/app#/admin"),
        ("https://a.example/app#/admin", "2", "/app"),
        ("https://a.example/x%20 ", "0", "/x"),
        ("/x%", "0", "/x%"),
        ("https://a.example/%FF", "0", "/\u{fffd}"),
    ];
    for (url, hash_mode, expected) in rows {
        assert_eq!(
            event(&format!(r#"{{"n":"x","u":"{url}","d":"a","h":{hash_mode}}}"#)).page,
            expected,
            "{url} {hash_mode}"
        );
    }
}

#[test]
fn props_are_filtered_then_counted_then_measured() {
    let long = |bytes: usize| "v".repeat(bytes);
    let many =
        |count: usize| (0..count).map(|index| format!("\"k{index}\":1,")).collect::<String>();
    let rows = [
        (format!(r#"{{"k":"{}"}}"#, long(2000)), true),
        (format!(r#"{{"k":"{}"}}"#, long(2001)), false),
        (format!(r#"{{"k":"{}\u00e9"}}"#, long(1998)), true),
        (format!(r#"{{"k":"{}\u00e9"}}"#, long(1999)), false),
        (format!(r#"{{"{}":"v"}}"#, long(300)), true),
        (format!(r#"{{"{}":"v"}}"#, long(301)), false),
        (format!(r#"{{"{}":[1]}}"#, long(301)), true),
        (format!(r#"{{"{}":null}}"#, long(301)), true),
        (format!(r#"{{"{}":true}}"#, long(301)), false),
        (format!(r#"{{{}"k":"{}"}}"#, many(29), long(2001)), false),
        (format!(r#"{{{}"k":"{}"}}"#, many(30), long(2001)), true),
        (format!(r#"{{"k":"v","k":"{}"}}"#, long(2001)), true),
        (format!(r#"{{"k":[],"k":"{}"}}"#, long(2001)), true),
        (format!(r#"{{"k":1{}}}"#, "0".repeat(2000)), false),
        (format!(r#""{{\"k\":\"{}\"}}""#, long(2001)), false),
        (format!(r#""{{\"k\":\"{}\"""#, long(2001)), true),
        ("\"[1]\"".to_owned(), true),
        ("7".to_owned(), true),
    ];
    for (props, expected) in rows {
        let found = errors(&format!(r#"{{"n":"x","u":"/","d":"a","p":{props}}}"#));
        let shown: String = props.chars().take(60).collect();
        assert_eq!(found.is_empty(), expected, "{shown}… of {} bytes: {found:?}", props.len());
    }
}

#[test]
fn types_differ_in_what_is_unreadable() {
    let rows: &[(&str, bool, bool)] = &[
        ("", true, false),
        ("[]", true, false),
        ("\"x\"", true, false),
        ("{}", true, true),
        ("{", false, false),
        ("{}x", false, false),
    ];
    for (body, json, text) in rows {
        assert_eq!(fields(body.as_bytes(), MediaType::Json).is_ok(), *json, "json {body:?}");
        assert_eq!(
            fields(body.as_bytes(), MediaType::JsonSuffix).is_ok(),
            *json,
            "suffix {body:?}"
        );
        for raw in [MediaType::TextPlain, MediaType::Empty, MediaType::Other] {
            assert_eq!(fields(body.as_bytes(), raw).is_ok(), *text, "{raw:?} {body:?}");
        }
    }
}
