//! The core natively, each beside a baseline that readers know.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use trackgate::gate::{Gate, Step};
use trackgate::request::RequestHead;
use trackgate::rules::pattern::Pattern;
use trackgate::rules::user_agent::classify;

const BROWSER: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36";

fn event(bytes: usize) -> Vec<u8> {
    let one =
        r#"{"eventType":"bucketing","data":{"experienceId":"100243","variationId":"100382"}}"#;
    let events = vec![one; (bytes / (one.len() + 1)).max(1)].join(",");
    format!(r#"{{"accountId":"10022898","projectId":"10025986","visitors":[{{"visitorId":"v","events":[{events}]}}]}}"#)
        .into_bytes()
}

/// The whole gate on a whole request.
fn gate(criterion: &mut Criterion) {
    let gate = Gate::load(b"").unwrap();
    let mut group = criterion.benchmark_group("gate, Convert event");
    for size in [200, 32_000] {
        let body = event(size);
        group.throughput(Throughput::Bytes(body.len() as u64));
        group.bench_function(format!("{} bytes", body.len()), |bencher| {
            bencher.iter(|| {
                let fields = vec![
                    (b":method".as_slice(), b"POST".as_slice()),
                    (b":path", b"/v1/track/key"),
                    (b"user-agent", BROWSER.as_bytes()),
                    (b"content-type", b"application/json"),
                ];
                let head = RequestHead::new(fields);
                match gate.endpoint(&head).unwrap().head(&head) {
                    Step::Decided(decision) => decision.verdict,
                    Step::Body(inspection) => inspection.body(black_box(&body)).verdict,
                }
            });
        });
    }
}

/// One User-Agent of a person, against all rules; the baseline is a set of as many patterns as the
/// lists have.
fn user_agents(criterion: &mut Criterion) {
    let lists = ["crawlers", "crawler_user_agents", "crawlerdetect", "isbot"];
    let words = lists
        .map(|list| {
            std::fs::read_to_string(format!("data/user_agents/{list}.txt")).unwrap_or_default()
        })
        .join("\n");
    let words = words
        .lines()
        .map(|line| line.split(['#', '\t']).next().unwrap_or_default().trim())
        .filter(|line| !line.is_empty());
    let set = regex::RegexSetBuilder::new(words.map(|word| format!("(?i){}", regex::escape(word))))
        .size_limit(1 << 28)
        .build()
        .unwrap();
    let mut group = criterion.benchmark_group(format!("User-Agent of {} bytes", BROWSER.len()));
    group.bench_function("trackgate", |bencher| {
        bencher.iter(|| classify(black_box(BROWSER.as_bytes())))
    });
    group.bench_function(format!("RegexSet of {} patterns", set.len()), |bencher| {
        bencher.iter(|| set.is_match(black_box(BROWSER)))
    });
}

fn patterns(criterion: &mut Criterion) {
    let (text, page) = ("/shop/**/cart*", "/shop/en/garden/cart/checkout");
    let own = Pattern::compile(text).unwrap();
    let regex = regex::Regex::new("^/shop/.*/cart.*$").unwrap();
    let mut group = criterion.benchmark_group("page pattern");
    group.bench_function("trackgate", |bencher| bencher.iter(|| own.matches(black_box(page))));
    group.bench_function("Regex", |bencher| bencher.iter(|| regex.is_match(black_box(page))));
}

criterion_group!(benches, gate, user_agents, patterns);
criterion_main!(benches);
