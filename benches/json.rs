//! JSON natively: what the gate does with a body, beside well-kept readers that hold the same fields
//! in structs that borrow (`typed`), and that check and skip everything (`skipped`). No trees: nobody
//! who reads bodies by the million builds one.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use serde::Deserialize;
use serde::de::IgnoredAny;
use std::borrow::Cow;
use std::hint::black_box;
use trackgate::gate::{Gate, Inspection, Step};
use trackgate::request::HeadBuf;
use trackgate::rules::json::{Reader, Strictness};
use trackgate::verdict::Verdict;

const BROWSER: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36";

/// Convert's SDK sends this, with as many events as fit.
fn convert(bytes: usize) -> String {
    let one =
        r#"{"eventType":"bucketing","data":{"experienceId":"100243","variationId":"100382"}}"#;
    let events = vec![one; (bytes / (one.len() + 1)).max(1)].join(",");
    format!(
        r#"{{"accountId":"10022898","projectId":"10025986","enrichData":true,"source":"js-sdk","visitors":[{{"visitorId":"3f1d2c4b-95a7-4f0a-a4b4-6d8f4a2c7e90","segments":{{"country":"US","visitorType":"new"}},"events":[{events}]}}]}}"#
    )
}

/// A batch of Commanders Act's, as its documents show an event.
fn commanders_act(bytes: usize) -> String {
    let one = r#"{"event_name":"purchase","event_timestamp":1700000000000,"context":{"event_id":"a1b2c3","page":{"url":"https://www.example.com/shop/cart?step=2","title":"Your cart"},"device":{"user_agent":"Mozilla/5.0 (X11; Linux x86_64)","lang":"en"}},"currency":"EUR","value":12.5,"items":[{"id":"SKU_1","quantity":1,"price":9.99,"product":{"name":"Trex tshirt","brand":"Lacoste"}}],"user":{"id":"12345","email_sha256":"1f9e575ad4234c30a81d30c70affd4bb","consent_categories":[1,3]}}"#;
    let events = vec![one; bytes / (one.len() + 1)].join(",");
    format!(r#"{{"batch":[{events}]}}"#)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(dead_code, reason = "held, as the gate holds it")]
struct Envelope<'a> {
    #[serde(borrow)]
    account_id: Cow<'a, str>,
    #[serde(borrow)]
    project_id: Cow<'a, str>,
    #[serde(borrow)]
    visitors: Vec<Visitor<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(dead_code, reason = "held, as the gate holds it")]
struct Visitor<'a> {
    #[serde(borrow)]
    visitor_id: Cow<'a, str>,
    #[serde(borrow)]
    events: Vec<Event<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(dead_code, reason = "held, as the gate holds it")]
struct Event<'a> {
    #[serde(borrow)]
    event_type: Cow<'a, str>,
    #[serde(borrow)]
    data: Data<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(dead_code, reason = "held, as the gate holds it")]
struct Data<'a> {
    #[serde(borrow)]
    experience_id: Cow<'a, str>,
    #[serde(borrow)]
    variation_id: Cow<'a, str>,
}

#[derive(Deserialize)]
#[allow(dead_code, reason = "held, as the gate holds it")]
struct Batch<'a> {
    #[serde(borrow)]
    batch: Vec<Action<'a>>,
}

#[derive(Deserialize)]
#[allow(dead_code, reason = "held, as the gate holds it")]
struct Action<'a> {
    #[serde(borrow)]
    event_name: Cow<'a, str>,
    event_timestamp: Option<i64>,
    properties: Option<IgnoredAny>,
    context: Option<Context>,
}

#[derive(Deserialize)]
#[allow(dead_code, reason = "held, as the gate holds it")]
struct Context {
    event_timestamp: Option<i64>,
}

/// What the gate knows once it has seen the head.
fn inspection(gate: &Gate, path: &str) -> Inspection {
    let fields = [("user-agent", BROWSER), ("content-type", "application/json")];
    let head = HeadBuf::new("POST", path, "collector.example", fields);
    let head = head.head();
    match gate.endpoint(&head).unwrap().head(&head) {
        Step::Body(inspection) => inspection,
        Step::Decided(decision) => panic!("{decision:?}"),
    }
}

fn readers(
    criterion: &mut Criterion,
    name: &str,
    path: &str,
    text: &[u8],
    typed: [fn(&[u8]) -> bool; 2],
) {
    let gate = Gate::load(b"{}").unwrap();
    let mut group = criterion.benchmark_group(format!("{name}, {} bytes", text.len()));
    group.throughput(Throughput::Bytes(text.len() as u64));
    group.bench_function("trackgate, skipped", |bencher| {
        let skip = |text| Reader::document(text, Strictness::Grammar, |r| r.value().map(drop));
        bencher.iter(|| assert!(skip(black_box(text)).is_ok()));
    });
    group.bench_function("serde_json, skipped", |bencher| {
        bencher.iter(|| assert!(serde_json::from_slice::<IgnoredAny>(black_box(text)).is_ok()));
    });
    group.bench_function("sonic-rs, skipped", |bencher| {
        bencher.iter(|| assert!(sonic_rs::from_slice::<IgnoredAny>(black_box(text)).is_ok()));
    });
    group.bench_function("trackgate, the vendor's checks", |bencher| {
        bencher.iter_batched(
            || inspection(&gate, path),
            |inspection| assert_ne!(inspection.body(black_box(text)).verdict, Verdict::Reject),
            criterion::BatchSize::SmallInput,
        );
    });
    for (name, read) in ["serde_json, typed", "sonic-rs, typed"].into_iter().zip(typed) {
        group.bench_function(name, |bencher| bencher.iter(|| assert!(read(black_box(text)))));
    }
}

fn json(criterion: &mut Criterion) {
    let converts: [fn(&[u8]) -> bool; 2] = [
        |text| serde_json::from_slice::<Envelope<'_>>(text).is_ok(),
        |text| sonic_rs::from_slice::<Envelope<'_>>(text).is_ok(),
    ];
    let batches: [fn(&[u8]) -> bool; 2] = [
        |text| serde_json::from_slice::<Batch<'_>>(text).is_ok(),
        |text| sonic_rs::from_slice::<Batch<'_>>(text).is_ok(),
    ];
    let (small, large) = (convert(250), convert(32_000));
    let batch = commanders_act(499_000);
    readers(criterion, "Convert", "/v1/track/key", small.as_bytes(), converts);
    readers(criterion, "Convert", "/v1/track/key", large.as_bytes(), converts);
    let path = "/events/batch?tc_s=1&token=a";
    readers(criterion, "Commanders Act batch", path, batch.as_bytes(), batches);
}

criterion_group!(benches, json);
criterion_main!(benches);
