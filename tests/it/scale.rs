//! Large configurations: what they cost to load, in memory, and for each request.

use crate::host::{Envoy, Request, WHOLE, start};
use std::time::{Duration, Instant};
use trackgate_testing::sites::sites;

const MB: usize = 1_000_000;

fn event() -> Request {
    let fields = [
        ("content-type", "application/json"),
        ("user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:126.0) Gecko/20100101 Firefox/126.0"),
    ];
    Request {
        method: "POST".to_owned(),
        path: "/api/event".to_owned(),
        headers: fields.map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec())).to_vec(),
        body: Some(
            br#"{"n":"pageview","u":"https://site7.example/page","d":"site7.example"}"#.to_vec(),
        ),
    }
}

/// Time to load, linear memory after it, fuel of one event.
fn measure(configuration: &str) -> (Duration, usize, u64) {
    let begin = Instant::now();
    let mut vm = start(configuration);
    let (time, memory) = (begin.elapsed(), vm.memory_bytes());
    let mut fuel = 0;
    for _ in 0..4 {
        let outcome = vm.request(&event(), WHOLE, Envoy::Hold);
        assert_eq!(outcome.verdict_state.as_deref(), Some("pass;endpoint=plausible"));
        fuel = outcome.fuel;
    }
    (time, memory, fuel)
}

/// Linear memory in use once a configuration is loaded.
fn kept(configuration: &str) -> usize {
    let mut vm = start(configuration);
    vm.memory_bytes() - vm.free_bytes()
}

#[test]
fn ten_thousand_sites_with_thirty_rules_each() {
    let _ = measure("{}");
    let (_, _, few) = measure(&sites(10));
    let (time, memory, many) = measure(&sites(10_000));
    println!(
        "10,000 sites, 300,000 rules: {time:?}, {memory} bytes of linear memory, {many} fuel for an event ({few} with 10 sites)"
    );
    assert!(time < Duration::from_secs(6), "{time:?}");
    assert!(memory < 60 * MB, "{memory}");
    assert!(
        many < few + few / 50,
        "a request must not cost more the more sites there are: {many}, {few} with ten"
    );
}

#[test]
fn a_hundred_thousand_prefixes() {
    let prefixes = |count: usize| {
        let list: Vec<String> = (0..count)
            .map(|index| {
                format!("\"{}.{}.{}.0/25\"", 11 + index / 65536, index / 256 % 256, index % 256)
            })
            .collect();
        format!(
            r#"{{"endpoints":[{{"name":"plausible","vendor":"plausible","datacenter_ranges":[{}]}}]}}"#,
            list.join(",")
        )
    };
    let (_, base, few) = measure(&prefixes(10));
    let (time, memory, many) = measure(&prefixes(100_000));
    let kept = kept(&prefixes(100_000)) - kept(&prefixes(10));
    println!(
        "100,000 prefixes: {time:?}, {} bytes of linear memory at the peak of loading, {kept} kept, {many} fuel for an event ({few} with 10)",
        memory - base
    );
    assert!(kept < 4 * MB, "32 bytes a prefix, and what lies between: {kept}");
    assert!(many < few + few / 50 + 2_000, "{many}, {few} with ten");
}

#[test]
fn a_hundred_thousand_keys() {
    let keys = |count: usize| {
        let list: Vec<String> =
            (0..count).map(|index| format!("\"{:064x}\"", index * 7 + 1)).collect();
        format!(
            r#"{{"endpoints":[{{"name":"plausible","vendor":"plausible"}},{{"name":"userpilot","vendor":"userpilot","api_keys_sha256":[{}]}}]}}"#,
            list.join(",")
        )
    };
    let (time, memory, _) = measure(&keys(100_000));
    println!("100,000 keys: {time:?}, {memory} bytes of linear memory");
    assert!(time < Duration::from_secs(6) && memory < 60 * MB);
}

/// By turns of each vendor; each has a host, or a path, of its own.
fn endpoints(count: usize, what: &str) -> String {
    let vendors = ["convert", "plausible", "userpilot", "commanders_act"];
    let endpoint = |index: usize| {
        let place = match what {
            "hosts" => format!(r#""hosts":["site{index}.example","*.site{index}.example"]"#),
            _ => format!(r#""paths":["/tenant{index}/track","/tenant{index}/{{key}}/events"]"#),
        };
        format!(r#"{{"name":"endpoint_{index}","vendor":"{}",{place}}}"#, vendors[index % 4])
    };
    let last = r#"{"name":"last","vendor":"plausible"}"#;
    format!(
        r#"{{"endpoints":[{},{last}]}}"#,
        (0..count).map(endpoint).collect::<Vec<_>>().join(",")
    )
}

#[test]
fn ten_thousand_endpoints() {
    for what in ["hosts", "paths"] {
        let costs = [10, 10_000].map(|count| {
            let begin = Instant::now();
            let mut vm = start(&endpoints(count, what));
            let (time, load, memory) = (begin.elapsed(), vm.fuel_used(), vm.memory_bytes());
            let mut fuel = |path: &str, verdict: Option<&str>| {
                let request = Request { path: path.to_owned(), ..event() };
                (0..3).map(|_| vm.request(&request, WHOLE, Envoy::Hold)).fold(0, |_, outcome| {
                    assert_eq!(outcome.verdict_state.as_deref(), verdict, "{path}");
                    outcome.fuel
                })
            };
            let last = fuel("/api/event", Some("pass;endpoint=last"));
            let none = fuel("/tenant7/x/y/z", None);
            assert_eq!(vm.metric(&["endpoint.last.", "verdict.pass"]), 3, "each is counted");
            let metrics = vm.host().metrics.len();
            assert!(metrics < 10_100, "{metrics} metrics defined");
            println!(
                "{count} endpoints by {what}: {time:?}, {load} fuel to load, {memory} bytes, {last} an event, {none} no event"
            );
            (time, load, memory, last, none)
        });
        let [(_, _, _, few_last, few_none), (time, load, memory, last, none)] = costs;
        assert!(time < Duration::from_secs(6), "{time:?}");
        assert!(load < 10_000 * 150_000, "{load}");
        assert!(memory < 100 * MB, "{memory}");
        assert!(
            last < few_last + few_last / 5 && none < few_none + few_none / 5,
            "{last}, {none}; {few_last}, {few_none} with ten"
        );
    }
}
