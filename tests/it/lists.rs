//! Lists that a client fills: none costs more than its bytes do, however often it names the same
//! thing.

use crate::host::{Envoy, Outcome, Request, WHOLE, start};

/// Of a list's text.
const BYTES: usize = 980_000;

fn post(path: &str, body: String) -> Request {
    let headers = [
        ("content-type", "application/json"),
        ("user-agent", "Mozilla/5.0 (X11; Linux x86_64) Firefox/126.0"),
    ];
    Request {
        method: "POST".to_owned(),
        path: path.to_owned(),
        headers: headers.map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec())).to_vec(),
        body: Some(body.into_bytes()),
    }
}

fn run(configuration: &str, request: &Request) -> Outcome {
    start(configuration).request(request, WHOLE, Envoy::Hold)
}

/// Thirty patterns, each of which looks through the whole page and finds nothing; `also` is a site
/// that blocks the page.
fn sites() -> String {
    let pages: Vec<String> = (0..30).map(|index| format!("\"/*a*aa*aaa*{index}x\"")).collect();
    let pages = pages.join(",");
    format!(
        r#"{{"endpoints":[{{"name":"plausible","vendor":"plausible","sites":{{"a.example":{{"page_blocklist":[{pages}]}},
        "b.example":{{"page_blocklist":[{pages}]}},"c.example":{{"page_blocklist":["/a*"]}}}}}}]}}"#
    )
}

fn event(domains: &str) -> Request {
    let page = "a".repeat(1_900);
    post(
        "/api/event",
        format!(r#"{{"n":"pageview","u":"https://a.example/{page}","d":"{domains}"}}"#),
    )
}

fn elements(one: impl Fn(usize) -> String) -> String {
    let mut list = String::new();
    for index in 0.. {
        list.push_str(&one(index));
        if list.len() >= BYTES {
            break;
        }
        list.push(',');
    }
    list
}

#[test]
fn a_site_is_judged_once_however_often_it_is_named() {
    let configuration = sites();
    let fuel = |domains: &str, verdict: &str| {
        let outcome = run(&configuration, &event(domains));
        assert_eq!(outcome.verdict_state.as_deref(), Some(verdict));
        outcome.fuel
    };
    let pass = "pass;endpoint=plausible";
    let long = "x".repeat(476);
    let few = fuel(&elements(|index| format!("{long}{index:06}.example")), pass);
    let many = fuel(&elements(|index| format!("u{:04}.com", index % 2_000)), pass);
    let known = [
        ("one", few, fuel(&elements(|_| "a.example".to_owned()), pass)),
        (
            "all blocked",
            few,
            fuel(&elements(|_| "c.example".to_owned()), "drop;endpoint=plausible"),
        ),
        (
            "two by turns",
            many,
            fuel(&elements(|index| format!("{}.example", ["a", "b"][index % 2])), pass),
        ),
        (
            "half blocked",
            many,
            fuel(
                &elements(|index| format!("{}.example", ["a", "c"][index % 2])),
                "annotate;endpoint=plausible",
            ),
        ),
    ];
    for (name, unknown, fuel) in known {
        assert!(fuel <= unknown * 3 / 2, "{name}: {fuel}, {unknown} for unknown sites");
    }
}

/// A collector whose events have forty fields, none of which must be there, so that each event is
/// looked at for all of them.
fn collectors() -> String {
    let fields = (0..40).map(|index| match index % 4 {
        0 => format!(r#"{{"pointer":"/field{index}","types":["string"],"max_length":50}}"#),
        1 => format!(r#"{{"pointer":"/user/field{index}"}}"#),
        _ => format!(r#"{{"any_of":["/list/{index}","/list/{index}/a","/user/list/{index}"]}}"#),
    });
    let fields = fields.collect::<Vec<_>>().join(",");
    let large = r#""limits":{"request_bytes":1048576,"batch_bytes":1048576,"event_bytes":1048576}"#;
    format!(
        r#"{{"endpoints":[{{"name":"convert","vendor":"convert"}},{{"name":"plausible","vendor":"plausible"}},
        {{"name":"userpilot","vendor":"userpilot","paths":["/userpilot"]}},{{"name":"commanders_act","vendor":"commanders_act",{large}}},
        {{"name":"batch","vendor":"custom","paths":["/custom"],"custom":{{"batch":"/batch","fields":[{fields}]}}}}]}}"#
    )
}

/// Fuel for a byte of the shortest elements there are, each of which is read and judged; what is
/// quadratic takes thousands.
const DEAR: u64 = 450;

/// What stands before a list, one of its elements (`N` is its number), and what stands behind.
const LISTS: &[(&str, &str, &str, &str)] = &[
    ("/v1/track/key", r#"{"accountId":"1","projectId":"1","visitors":["#, "1", "]}"),
    ("/v1/track/key", r#"{"accountId":"1","projectId":"1","visitors":["#, "{}", "]}"),
    (
        "/v1/track/key",
        r#"{"accountId":"1","projectId":"1","visitors":[{"visitorId":"v","events":["#,
        "1",
        "]}]}",
    ),
    (
        "/v1/track/key",
        r#"{"accountId":"1","projectId":"1","visitors":[{"visitorId":"v","events":["#,
        "{}",
        "]}]}",
    ),
    (
        "/v1/track/key",
        r#"{"accountId":"1","projectId":"1","visitors":[{"visitorId":"v""#,
        r#""events":[]"#,
        "}]}",
    ),
    ("/v1/track/key", r#"{"accountId":"1","projectId":"1""#, r#""visitors":[{}]"#, "}"),
    ("/v1/track/key", r#"{"accountId":"1","projectId":"1","visitors":[]"#, r#""a":1"#, "}"),
    ("/v1/track/key", r#"{"accountId":"1","projectId":"1","visitors":[],"x":["#, "1.5e3", "]}"),
    ("/api/event", r#"{"n":"x","u":"https://a.example/","p":{"#, r#""a":1"#, "}}"),
    ("/api/event", r#"{"n":"x","u":"https://a.example/","p":{"#, r#""N":null"#, "}}"),
    ("/api/event", r#"{"n":"x","u":"https://a.example/","p":{"#, r#""N":1"#, "}}"),
    ("/api/event", r#"{"u":"https://a.example/""#, r#""n":"x""#, "}"),
    ("/api/event", r#"{"n":"x","u":"https://a.example/","x":["#, "1.5e3", "]}"),
    ("/userpilot", r#"{"user_id":"u","event_name":"e","metadata":{"#, r#""a":1"#, "}}"),
    ("/userpilot", r#"{"event_name":"e""#, r#""user_id":"u""#, "}"),
    ("/events/batch?tc_s=1&token=x", r#"{"batch":["#, "1", "]}"),
    ("/events/batch?tc_s=1&token=x", r#"{"batch":["#, "{}", "]}"),
    ("/events/batch?tc_s=1&token=x", r#"{"batch":[]"#, r#""batch":[{}]"#, "}"),
    ("/custom", r#"{"batch":["#, "1", "]}"),
    ("/custom", r#"{"batch":["#, "{}", "]}"),
    ("/custom", r#"{"batch":["#, r#"{"a":1}"#, "]}"),
    ("/custom", r#"{"batch":[{"user":1"#, r#""user":1"#, "}]}"),
    ("/custom", r#"{"batch":[{"list":["#, "1", "]}]}"),
    ("/custom", r#"{"batch":[{"user":{"list":["#, "[1]", "]}}]}"),
];

#[test]
fn every_list_costs_what_its_bytes_do() {
    let mut vm = start(&collectors());
    let mut dear = Vec::new();
    for (path, before, element, after) in LISTS {
        let comma = if before.ends_with(['[', '{']) { "" } else { "," };
        let list = elements(|index| element.replace('N', &format!("{index:06}")));
        let mut request = post(path, format!("{before}{comma}{list}{after}"));
        request.headers.extend([
            ("authorization".to_owned(), b"Token a".to_vec()),
            ("x-api-version".to_owned(), b"2020-09-22".to_vec()),
        ]);
        let fuel = vm.request(&request, WHOLE, Envoy::Hold).fuel / BYTES as u64;
        if fuel > DEAR {
            dear.push(format!(
                "{path} {before}{comma}{element}: {fuel} for a byte, at most {DEAR}"
            ));
        }
    }
    assert!(dear.is_empty(), "{}", dear.join("\n"));
    let memory = vm.memory_bytes();
    assert!(memory < 10_000_000, "{memory} bytes of linear memory");
}
