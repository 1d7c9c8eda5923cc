//! What a request costs, counted and not timed: wasmtime's fuel, host calls, bytes copied across
//! the boundary, and the VM's linear memory after a few of its kind.
//!
//! `benches/cost.tsv` holds the figures. A figure that has grown by more than 2 % fails, unless the
//! table is changed in the same commit: `make cost` writes it anew. Fuel depends on the compiler,
//! which the table's first line names: with another one (Debian's, where rustup has no wasm target)
//! fuel may be 15 % more, the other figures still 2 %.

use crate::host::{Envoy, Request, Vm, WHOLE, start};
use std::collections::BTreeMap;
use std::fmt::Write;

const TABLE: &str = "benches/cost.tsv";
const HEADING: &str = "vendor\tcase\tbody_bytes\tfuel\thost_calls\tcopied_bytes\tmemory_bytes\n";
const BROWSER: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36";
const CRAWLER: &str = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)";

/// Twelve header fields, as a browser sends them through a proxy.
fn post(path: &str, user_agent: &str, extra: &[(&str, &str)], body: String) -> Request {
    let mut fields = vec![
        ("user-agent", user_agent.to_owned()),
        ("content-type", "application/json".to_owned()),
        ("content-length", body.len().to_string()),
        ("accept", "*/*".to_owned()),
        ("accept-encoding", "gzip, deflate, br".to_owned()),
        ("accept-language", "en-GB,en;q=0.9".to_owned()),
        ("origin", "https://www.example.com".to_owned()),
        ("referer", "https://www.example.com/page".to_owned()),
        ("x-forwarded-for", "203.0.113.9".to_owned()),
        ("x-request-id", "b1f3a0c2-5a0e-4b7c-9a54-0d6f6f8a2f11".to_owned()),
    ];
    fields.extend(extra.iter().map(|(name, value)| (*name, (*value).to_owned())));
    Request {
        method: "POST".to_owned(),
        path: path.to_owned(),
        headers: fields
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value.into_bytes()))
            .collect(),
        body: Some(body.into_bytes()),
    }
}

/// Repeats `item` until the whole has about so many bytes.
fn list(item: &str, bytes: usize) -> String {
    vec![item; (bytes / (item.len() + 1)).max(1)].join(",")
}

type Case = (&'static str, &'static str, Request);

fn cases() -> Vec<Case> {
    [convert(), plausible(), userpilot(), commanders_act(), unmatched()].concat()
}

fn convert() -> Vec<Case> {
    const PATH: &str = "/v1/track/10007679";
    let event =
        r#"{"eventType":"bucketing","data":{"experienceId":"100243","variationId":"100382"}}"#;
    let body = |events: String| {
        format!(
            r#"{{"accountId":"10022898","projectId":"10025986","enrichData":true,"source":"js-sdk","visitors":[{{"visitorId":"3f1d2c4b-95a7-4f0a-a4b4-6d8f4a2c7e90","segments":{{"country":"US","visitorType":"new"}},"events":[{events}]}}]}}"#
        )
    };
    let small = r#"{"accountId":"1","projectId":"2","visitors":[]}"#.to_owned();
    vec![
        ("convert", "small", post(PATH, BROWSER, &[], small)),
        ("convert", "typical", post(PATH, BROWSER, &[], body(list(event, 200)))),
        ("convert", "refused_in_headers", post(PATH, CRAWLER, &[], body(list(event, 200)))),
        (
            "convert",
            "refused_in_body",
            post(
                PATH,
                BROWSER,
                &[],
                body(list(event, 200)).replace("\"accountId\":\"10022898\",", ""),
            ),
        ),
        ("convert", "32_kb", post(PATH, BROWSER, &[], body(list(event, 32_000)))),
        ("convert", "500_kb", post(PATH, BROWSER, &[], body(list(event, 500_000)))),
    ]
}

fn plausible() -> Vec<Case> {
    const PATH: &str = "/api/event";
    let small = r#"{"n":"pageview","u":"https://example.com/","d":"example.com"}"#.to_owned();
    let body = |props: String| {
        format!(
            r#"{{"n":"Signup","u":"https://example.com/pricing?utm_source=newsletter","d":"example.com","r":"https://news.example.org/item","i":false,"p":{{{props}}}}}"#
        )
    };
    let typical = r#""plan":"premium","variant":"b","logged_in":"false""#.to_owned();
    vec![
        ("plausible", "small", post(PATH, BROWSER, &[], small)),
        ("plausible", "typical", post(PATH, BROWSER, &[], body(typical.clone()))),
        ("plausible", "refused_in_body", post(PATH, CRAWLER, &[], body(typical.clone()))),
        ("plausible", "invalid", post(PATH, BROWSER, &[], body(typical).replace("Signup", ""))),
        (
            "plausible",
            "500_kb",
            post(PATH, BROWSER, &[], body(list(r#""name":"value of some length""#, 500_000))),
        ),
        (
            "plausible",
            "32_kb",
            post(PATH, BROWSER, &[], body(list(r#""name":"value of some length""#, 32_000))),
        ),
    ]
}

fn userpilot() -> Vec<Case> {
    const PATH: &str = "/v1/track";
    let key: &[(&str, &str)] =
        &[("authorization", "Token NX-abcdef0123456789"), ("x-api-version", "2020-09-22")];
    let body = |metadata: String| {
        format!(r#"{{"user_id":"user_1","event_name":"subscribed","metadata":{{{metadata}}}}}"#)
    };
    let typical = r#""plan":"pro","seats":5,"trial":false"#.to_owned();
    vec![
        (
            "userpilot",
            "small",
            post(PATH, BROWSER, key, r#"{"user_id":"u","event_name":"e"}"#.to_owned()),
        ),
        ("userpilot", "typical", post(PATH, BROWSER, key, body(typical.clone()))),
        ("userpilot", "refused_in_headers", post(PATH, BROWSER, &[], body(typical.clone()))),
        (
            "userpilot",
            "refused_in_body",
            post(PATH, BROWSER, key, body(typical).replace("user_1", "")),
        ),
        (
            "userpilot",
            "500_kb",
            post(PATH, BROWSER, key, body(list(r#""name":"value of some length""#, 500_000))),
        ),
        (
            "userpilot",
            "32_kb",
            post(PATH, BROWSER, key, body(list(r#""name":"value of some length""#, 32_000))),
        ),
    ]
}

fn commanders_act() -> Vec<Case> {
    const EVENTS: &str = "/events?tc_s=123&token=abc";
    let event = |padding: usize| {
        let text = "x".repeat(padding);
        format!(
            r#"{{"event_name":"purchase","event_timestamp":1700000000000,"user":{{"id":"u1","consent_categories":["1","2"]}},"context":{{"page":{{"url":"https://www.example.com/"}}}},"id":"{text}","revenue":22.53,"currency":"EUR"}}"#
        )
    };
    let batch = format!(r#"{{"batch":[{}]}}"#, vec![event(300); 1000].join(","));
    vec![
        ("commanders_act", "small", post(EVENTS, BROWSER, &[], r#"{"event_name":"a"}"#.to_owned())),
        ("commanders_act", "typical", post(EVENTS, BROWSER, &[], event(10))),
        ("commanders_act", "refused_in_headers", post(EVENTS, BROWSER, &[], event(33_000))),
        (
            "commanders_act",
            "refused_in_body",
            post(EVENTS, BROWSER, &[], event(10).replace("22.53", "x")),
        ),
        ("commanders_act", "32_kb", post(EVENTS, BROWSER, &[], event(32_000))),
        (
            "commanders_act",
            "500_kb_batch_of_1000",
            post("/events/batch?tc_s=123&token=abc", BROWSER, &[], batch),
        ),
    ]
}

fn unmatched() -> Vec<Case> {
    vec![("none", "unmatched", post("/api/orders", BROWSER, &[], r#"{"order":1}"#.to_owned()))]
}

/// The dearest of twenty requests whose User-Agents were not seen before.
fn measure_first_of_its_user_agent(request: &Request) -> [u64; 4] {
    let mut vm = start("{}");
    // The first request of a VM does more than judge.
    let _ = figures(&mut vm, request);
    let figures = (0..20).map(|index| {
        let mut request = request.clone();
        request.headers[0].1 = BROWSER.replace("126.0", &format!("1{index:02}.0")).into_bytes();
        figures(&mut vm, &request)
    });
    figures.max().unwrap()
}

/// What one request takes once the VM is warm.
fn measure(configuration: &str, request: &Request) -> [u64; 4] {
    let mut vm = start(configuration);
    (0..4).map(|_| figures(&mut vm, request)).last().unwrap()
}

/// Fuel, host calls, bytes copied, and the linear memory after it.
fn figures(vm: &mut Vm, request: &Request) -> [u64; 4] {
    let outcome = vm.request(request, WHOLE, Envoy::Hold);
    [
        outcome.fuel,
        outcome.calls.len() as u64,
        outcome.copied_bytes as u64,
        vm.memory_bytes() as u64,
    ]
}

/// Compiler and optimiser of the module, as the build wrote them beside it.
fn tools() -> String {
    let path = format!("{}.tools", trackgate_testing::envoy::Host::Wasm.built().display());
    std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{path}: {error}; build with `make wasm`"))
        .trim()
        .to_owned()
}

fn parse(table: &str) -> BTreeMap<String, [u64; 4]> {
    let rows = table.lines().filter(|line| !line.starts_with('#')).skip(1);
    rows.map(|line| {
        let cells: Vec<&str> = line.split('\t').collect();
        (
            format!("{}\t{}", cells[0], cells[1]),
            [3, 4, 5, 6].map(|index| cells[index].parse().unwrap()),
        )
    })
    .collect()
}

#[test]
fn no_request_costs_more_than_the_table_says() {
    let mut table = format!("# {}\n{HEADING}", tools());
    let mut row = |vendor: &str, case: &str, request: &Request, figures: [u64; 4]| {
        let [fuel, calls, copied, memory] = figures;
        let bytes = request.body.as_ref().map_or(0, Vec::len);
        writeln!(table, "{vendor}\t{case}\t{bytes}\t{fuel}\t{calls}\t{copied}\t{memory}").unwrap();
    };
    for (vendor, case, request) in cases() {
        row(vendor, case, &request, measure("{}", &request));
    }
    let (vendor, case, typical) = convert().swap_remove(1);
    let first = format!("{case}, its User-Agent for the first time");
    row(vendor, &first, &typical, measure_first_of_its_user_agent(&typical));
    let untold = format!("{case}, without filter state");
    row(vendor, &untold, &typical, measure(r#"{"filter_state":false}"#, &typical));
    if std::env::var_os("TRACKGATE_WRITE_COST").is_some() {
        std::fs::write(trackgate_testing::path(TABLE), &table).unwrap();
        print!("{table}");
        return;
    }
    let committed = trackgate_testing::read(TABLE).unwrap();
    let same_tools = committed.lines().next() == table.lines().next();
    let (known, found) = (parse(&committed), parse(&table));
    assert_eq!(
        known.keys().collect::<Vec<_>>(),
        found.keys().collect::<Vec<_>>(),
        "cases; `make cost` writes the table"
    );
    let grown = found.iter().filter(|(case, figures)| {
        let slack = [if same_tools { 2 } else { 15 }, 2, 2, 2];
        let limits =
            known[*case].iter().zip(slack).map(|(figure, percent)| figure + figure * percent / 100);
        figures.iter().zip(limits).any(|(figure, limit)| *figure > limit)
    });
    let grown: Vec<String> = grown
        .map(|(case, figures)| format!("{case}: {figures:?}, was {:?}", known[case]))
        .collect();
    assert!(
        grown.is_empty(),
        "dearer than the table says:\n{}\nIf it is worth it, `make cost` writes the table",
        grown.join("\n")
    );
}
