//! The worst text that a client can write into each field that some vendor looks at, counted in
//! fuel against plain letters of as many bytes. What is quadratic costs a thousand times as much at
//! this size, and shows.

use crate::host::{Envoy, Request, Vm, WHOLE, start};

const BYTES: usize = 980_000;

/// `unit` over and over, cut between two of them.
fn filled(unit: &str, bytes: usize) -> String {
    unit.repeat(bytes / unit.len())
}

fn texts(bytes: usize) -> Vec<(&'static str, String)> {
    let ideographs: String = (0x4E00..0x4E00 + 1_990).filter_map(char::from_u32).collect();
    let marks = "\u{301}\u{FE0F}\u{1AB0}\u{903}\u{20D0}\u{E0100}";
    let mut texts: Vec<(&'static str, String)> = vec![
        ("ideographs", filled(&ideographs, bytes)),
        (
            "ideographs, then one mark",
            format!("{ideographs}{}", filled("\u{FE0F}", bytes - ideographs.len())),
        ),
    ];
    let units = [
        ("one mark", "\u{301}"),
        ("marks", marks),
        ("letter and mark", "e\u{301}"),
        ("emoji joined", "\u{1F469}\u{200D}"),
        ("jamo", "\u{1100}"),
        ("escaped letters", "\\u0041"),
        ("escaped pairs", "\\uD83D\\uDE00"),
        ("escaped halves", "\\uD83D"),
        ("escaped backslashes", "\\\\"),
        ("escaped quotes", "\\\""),
        ("escaped line ends", "\\n"),
        ("letter, escape", "a\\n"),
        ("blanks", " "),
        ("wide blanks", "\u{3000}"),
        ("percent signs", "%"),
        ("percent", "%41"),
        ("dots", "."),
        ("commas", ","),
        ("letters and commas", "a,"),
        ("slashes", "/"),
        ("at signs", "@"),
        ("colons", ":"),
        ("digits", "7"),
    ];
    texts.extend(units.map(|(name, unit)| (name, filled(unit, bytes))));
    texts
}

fn post(path: &str, headers: &[(&str, &str)], body: String) -> Request {
    let mut fields = vec![
        ("user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:126.0) Gecko/20100101 Firefox/126.0"),
        ("content-type", "application/json"),
        ("authorization", "Token abc"),
        ("x-api-version", "2020-09-22"),
    ];
    fields.retain(|(name, _)| !headers.iter().any(|(other, _)| name == other));
    fields.extend(headers);
    Request {
        method: "POST".to_owned(),
        path: path.to_owned(),
        headers: fields
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec()))
            .collect(),
        body: Some(body.into_bytes()),
    }
}

fn configuration() -> String {
    let fields = (0..40)
        .map(|index| match index % 4 {
            0 => format!(r#"{{"pointer":"/field{index}","types":["string"],"max_length":50}}"#),
            1 => format!(r#"{{"pointer":"/user/field{index}"}}"#),
            2 => {
                format!(r#"{{"any_of":["/list/{index}","/list/{index}/a","/user/list/{index}"]}}"#)
            }
            _ => format!(r#"{{"pointer":"/field{index}","in":"request"}}"#),
        })
        .collect::<Vec<_>>()
        .join(",");
    let single = fields.clone();
    format!(
        r#"{{"client_ip":{{"from":"header","name":"x-forwarded-for","trusted_hops":1}},"country_header":"x-country",
        "user_agents":{{"allow":["aaaa-allowed","%41%41%42"],"deny":["denied"]}},
        "spam_referrers":{{"subdomains":true}},
        "endpoints":[
        {{"name":"plausible","vendor":"plausible","trust_ip_type_header":true,"datacenter_ranges":["192.0.2.0/24"],"sites":{{"a.example":{{"page_blocklist":["/*a*b*c*"],"hostname_allowlist":["*.a.example"]}}}}}},
        {{"name":"convert","vendor":"convert","paths":["/convert/{{key}}"]}},
        {{"name":"userpilot","vendor":"userpilot","paths":["/userpilot"]}},
        {{"name":"commanders_act","vendor":"commanders_act","limits":{{"request_bytes":1048576,"batch_bytes":1048576,"event_bytes":1048576}}}},
        {{"name":"single","vendor":"custom","paths":["/single"],"custom":{{"user_agents":"bots","opt_out_tokens":["aaab","Ab"],"credentials":{{"from":"query","name":"k"}},"fields":[{single}]}}}},
        {{"name":"batch","vendor":"custom","paths":["/batches"],"custom":{{"batch":"/batch","media_types":["application/json","text/plain","a/b"],"fields":[{fields}]}}}}
        ]}}"#
    )
}

/// Bodies with `@T@` where the text goes.
fn bodies() -> Vec<(&'static str, &'static str)> {
    let plausible = "/api/event";
    let mut bodies = Vec::new();
    for body in [
        r#"{"n":"@T@","u":"https://a.example/","d":"a.example"}"#,
        r#"{"n":"x","u":"@T@","d":"a.example"}"#,
        r#"{"n":"x","u":"https://a.example/","d":"@T@"}"#,
        r#"{"n":"x","u":"https://a.example/","d":"a.example","r":"@T@"}"#,
        r#"{"n":"x","u":"https://a.example/","d":"a.example","r":"https://@T@"}"#,
        r#"{"n":"x","u":"https://a.example/","d":"a.example","p":"@T@"}"#,
        r#"{"n":"x","u":"https://a.example/","d":"a.example","p":{"x":"@T@"}}"#,
        r#"{"n":"x","u":"https://a.example/","d":"a.example","p":{"@T@":"x"}}"#,
        r#"{"n":"x","u":"https://a.example/","d":"a.example","h":"@T@"}"#,
        r#"{"n":"engagement","u":"https://a.example/","d":"a.example","sd":"@T@"}"#,
        r#"{"n":"engagement","u":"https://a.example/","d":"a.example","e":"@T@"}"#,
        r#"{"n":"x","u":"https://a.example/","d":"a.example","x":"@T@"}"#,
        r#"{"n":"x","u":"https://a.example/","d":"a.example","@T@":"x"}"#,
    ] {
        bodies.push((plausible, body));
    }
    for body in [
        r#"{"accountId":"@T@","projectId":"1","visitors":[]}"#,
        r#"{"accountId":"1","projectId":"1","@T@":[]}"#,
        r#"{"accountId":"1","projectId":"1","visitors":[{"visitorId":"@T@","events":[]}]}"#,
        r#"{"accountId":"1","projectId":"1","visitors":[{"@T@":"v","events":[]}]}"#,
        r#"{"accountId":"1","projectId":"1","visitors":[{"visitorId":"v","events":[{"eventType":"@T@"}]}]}"#,
        r#"{"accountId":"1","projectId":"1","visitors":[{"visitorId":"v","events":[{"@T@":"bucketing"}]}]}"#,
        r#"{"accountId":"1","projectId":"1","visitors":[{"visitorId":"v","events":[{"eventType":"conversion","data":{"goalId":"@T@"}}]}]}"#,
        r#"{"accountId":"1","projectId":"1","visitors":[{"visitorId":"v","events":[{"eventType":"conversion","data":{"@T@":"x"}}]}]}"#,
    ] {
        bodies.push(("/convert/key", body));
    }
    for body in [
        r#"{"user_id":"@T@","event_name":"x"}"#,
        r#"{"user_id":"x","event_name":"@T@"}"#,
        r#"{"user_id":"x","event_name":"x","metadata":{"x":"@T@"}}"#,
        r#"{"user_id":"x","event_name":"x","metadata":{"@T@":"x"}}"#,
        r#"{"user_id":"x","event_name":"x","@T@":"x"}"#,
    ] {
        bodies.push(("/userpilot", body));
    }
    for body in [
        r#"{"event_name":"@T@"}"#,
        r#"{"event":"@T@"}"#,
        r#"{"event_name":"x","event_timestamp":"@T@"}"#,
        r#"{"event_name":"x","context":{"event_timestamp":"@T@"}}"#,
        r#"{"event_name":"x","context":{"@T@":"x"}}"#,
        r#"{"event_name":"x","@T@":"x"}"#,
    ] {
        bodies.push(("/events?tc_s=1&token=x", body));
    }
    bodies.push(("/events/batch?tc_s=1&token=x", r#"{"batch":[{"event_name":"@T@"}]}"#));
    bodies.push(("/events/batch?tc_s=1&token=x", r#"{"@T@":[{"event_name":"x"}]}"#));
    for body in [
        r#"{"field0":"@T@"}"#,
        r#"{"@T@":"x"}"#,
        r#"{"user":{"@T@":"x"}}"#,
        r#"{"list":{"@T@":"x"}}"#,
    ] {
        bodies.push(("/single?k=x", body));
    }
    for body in [r#"{"batch":[{"field0":"@T@"}]}"#, r#"{"batch":[{"@T@":"x"}]}"#, r#"{"@T@":[{}]}"#]
    {
        bodies.push(("/batches", body));
    }
    bodies
}

fn fuel(vm: &mut Vm, request: &Request) -> u64 {
    vm.request(request, WHOLE, Envoy::Hold).fuel
}

/// Fuel for a byte of a body that nobody need mind: a typical event takes over twice as much. Plain
/// letters are passed over 64 bytes at a time, so nothing else can be measured by them.
const CHEAP: u64 = 30;

/// How many times as much as plain letters a text may cost, in tenths.
fn limit(body: &str, text: &str) -> u64 {
    match text {
        // Each of a million domains is split off, cleared of blanks and looked up; what one of
        // letters costs is its bytes.
        "commas" | "letters and commas" if body.contains(r#""d":"@T@""#) => 55,
        // A property's name is decoded and hashed, for of duplicates the first one counts; plain
        // letters are compared as they stand.
        "escaped backslashes"
        | "escaped quotes"
        | "escaped letters"
        | "escaped pairs"
        | "letter, escape"
            if body.contains(r#"{"@T@":"x"}}"#) =>
        {
            58
        }
        _ => 30,
    }
}

#[test]
fn no_text_in_a_body_is_dear() {
    let mut vm = start(&configuration());
    let texts = texts(BYTES);
    let mut dear = Vec::new();
    for (path, body) in bodies() {
        let letters = fuel(&mut vm, &post(path, &[], body.replace("@T@", &filled("a", BYTES))));
        for (name, text) in &texts {
            let found = fuel(&mut vm, &post(path, &[], body.replace("@T@", text)));
            if found > (letters * limit(body, name) / 10).max(CHEAP * BYTES as u64) {
                dear.push(format!("{path} {body}: {name}: {found}, letters {letters}"));
            }
        }
    }
    assert!(dear.is_empty(), "{}", dear.join("\n"));
    let memory = vm.memory_bytes();
    assert!(memory < 8_000_000, "{memory} bytes of linear memory after bodies of a megabyte");
}

/// Envoy takes 60 KiB of header fields.
const HEAD_BYTES: usize = 58_000;

/// Fuel for a byte that nobody need mind, for a typical event takes as much. Many checks are done
/// with letters at the first one.
const DEAR: u64 = 80;

/// Fields and targets with `@T@` where the text goes.
const HEADS: [(&str, &str, &str); 17] = [
    ("/convert/key", "user-agent", "@T@"),
    ("/convert/key", "user-agent", "Mozilla/5.0 (Linux; Android 14; @T@"),
    ("/single?k=x", "user-agent", "@T@"),
    ("/userpilot", "authorization", "Token @T@"),
    ("/userpilot", "authorization", "@T@"),
    ("/convert/key", "authorization", "Bearer @T@"),
    ("/userpilot", "content-type", "@T@"),
    ("/api/event", "content-type", "application/@T@"),
    ("/batches", "content-type", "@T@"),
    ("/convert/key", "content-encoding", "@T@"),
    ("/convert/key", "content-length", "@T@"),
    ("/userpilot", "x-api-version", "@T@"),
    ("/api/event", "x-forwarded-for", "@T@"),
    ("/api/event", "x-country", "@T@"),
    ("/events?@T@", "x-other", "x"),
    ("/single?k=@T@", "x-other", "x"),
    ("/@T@", "x-other", "x"),
];

#[test]
fn no_text_in_a_head_is_dear() {
    let mut vm = start(&configuration());
    let units = [
        ("commas", ","),
        ("blanks", "a "),
        ("many blanks", "          "),
        ("semicolons", ";"),
        ("equals signs", "="),
        ("ampersands", "&"),
        ("names", "&tc_s"),
        ("percent signs", "%"),
        ("escapes", "%41"),
        ("escaped names", "&%74c_s"),
        ("dots", "."),
        ("dot segments", "/.."),
        ("slashes", "/a"),
        ("at signs", "a@a.aa"),
        ("brackets", "("),
        ("digits", "7"),
        ("addresses", "1.2.3.4, "),
        ("colons", "[::1]:"),
        ("codings", "identity,"),
        ("tokens", "ConvertAgent/ "),
        ("half a literal", "aaaa-allowe"),
        ("high bytes", "\u{e9}"),
    ];
    let mut dear = Vec::new();
    for (path, name, value) in HEADS {
        let mut cost = |text: &str| {
            let (path, value) = (path.replace("@T@", text), value.replace("@T@", text));
            fuel(&mut vm, &post(&path, &[(name, &value)], "{}".to_owned()))
        };
        let letters = cost(&filled("a", HEAD_BYTES));
        for (text, unit) in units {
            let found = cost(&filled(unit, HEAD_BYTES));
            if found > (letters * 3).max(DEAR * HEAD_BYTES as u64) {
                dear.push(format!("{path} {name}: {value}: {text}: {found}, letters {letters}"));
            }
        }
    }
    assert!(dear.is_empty(), "{}", dear.join("\n"));
}
