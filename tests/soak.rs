//! Three ledgers of mixed traffic for as long as asked, which must agree to the last request: what each client was told, what the collector
//! received, and what the counters say. `make soak MINUTES=30`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use trackgate::cli::canary::stats::{Kind, Stats};
use trackgate::cli::client::{self, Call, Transport};
use trackgate::cli::collector::{Collector, Seen};
use trackgate::cli::envoy::Envoy;

const LANES: usize = 12;
const PERSON: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:126.0) Gecko/20100101 Firefox/126.0";
const CRAWLER: &str = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)";
const VIEW: &str = r#"{"n":"pageview","u":"https://a.example/","d":"a.example"}"#;
const EVENT: &str = r#"{"accountId":"1","projectId":"2","visitors":[{"visitorId":"v","events":[{"eventType":"bucketing","data":{"experienceId":"1","variationId":"2"}}]}]}"#;

/// What a request must come to; `None`: it is none of the gate's.
struct Plan {
    call: Call,
    transport: Transport,
    status: u16,
    counted: Option<(&'static str, &'static str, &'static str)>,
    /// The client goes away in the middle of the body.
    aborts: bool,
}

/// The kinds, by the request's number: mostly good events, everything else at low rates.
fn plan(number: usize) -> Plan {
    let text =
        |fields: &[(&str, &str)]| fields.iter().map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec())).collect();
    let json = ("content-type", "application/json");
    let post = |path: &str, fields: &[(&str, &str)], body: &str| Call {
        method: "POST".to_owned(),
        path: format!("{path}{}number={number}", if path.contains('?') { '&' } else { '?' }),
        headers: text(fields),
        body: Some(body.as_bytes().to_vec()),
    };
    let transport = if number % 3 == 0 { Transport::Http1Chunked(1 + number % 40) } else { Transport::Http1 };
    let plan = |call, status, counted| Plan { call, transport, status, counted, aborts: false };
    match number % 40 {
        0 => plan(post("/api/event", &[("user-agent", CRAWLER), json], VIEW), 202, Some(("plausible", "drop", "bot"))),
        1 => plan(post("/api/event", &[("user-agent", PERSON), json], "{}"), 400, Some(("plausible", "reject", "invalid"))),
        2 => plan(post("/v1/track/key", &[("user-agent", CRAWLER), json], EVENT), 200, Some(("convert", "drop", "bot"))),
        3 => plan(post("/v1/track/key", &[("user-agent", PERSON), json], "{"), 400, Some(("convert", "reject", "invalid_json"))),
        4 => plan(post("/v1/track", &[("user-agent", PERSON), json], "{}"), 401, Some(("userpilot", "reject", "unauthorized"))),
        5 => plan(
            post("/events?tc_s=1", &[("user-agent", PERSON), json], r#"{"event_name":"a"}"#),
            202,
            Some(("commanders_act", "annotate", "missing_source_key")),
        ),
        6 => plan(
            post("/api/event", &[("user-agent", PERSON), json, ("content-encoding", "gzip")], "x"),
            202,
            Some(("plausible", "uninspected", "content_encoding")),
        ),
        7 => plan(post("/other", &[("user-agent", PERSON)], "x"), 202, None),
        8 if number % 400 == 8 => Plan {
            aborts: true,
            ..plan(post("/api/event", &[("user-agent", PERSON), json], VIEW), 0, Some(("plausible", "uninspected", "none")))
        },
        9 => plan(
            post(
                "/events/batch?tc_s=1&token=a",
                &[("user-agent", PERSON), json],
                &format!(r#"{{"batch":[{}]}}"#, vec![r#"{"event_name":"a"}"#; 200].join(",")),
            ),
            202,
            Some(("commanders_act", "pass", "none")),
        ),
        10 => plan(
            post(
                "/events?tc_s=1&token=a",
                &[("user-agent", PERSON), json],
                &format!(r#"{{"event_name":"{}"}}"#, "x".repeat(40_000)),
            ),
            400,
            Some(("commanders_act", "reject", "request_too_large")),
        ),
        odd if odd % 2 == 1 => {
            plan(post("/v1/track/key", &[("user-agent", PERSON), json], EVENT), 202, Some(("convert", "pass", "none")))
        }
        _ => plan(post("/api/event", &[("user-agent", PERSON), json], VIEW), 202, Some(("plausible", "pass", "none"))),
    }
}

fn reaches(plan: &Plan) -> bool {
    !plan.aborts && plan.counted.is_none_or(|(_, verdict, _)| ["pass", "annotate", "uninspected"].contains(&verdict))
}

fn number_of(seen: &Seen) -> usize {
    seen.path.split("number=").nth(1).unwrap().parse().unwrap()
}

struct Ledgers {
    next: AtomicUsize,
    /// How often the collector got each request.
    received: Vec<AtomicU8>,
    wrong: std::sync::Mutex<Vec<String>>,
}

impl Ledgers {
    fn complain(&self, complaint: String) {
        self.wrong.lock().unwrap().push(complaint);
    }
}

async fn lane(listener: SocketAddr, ledgers: Arc<Ledgers>, until: Instant) {
    let mut open = None;
    while Instant::now() < until {
        let number = ledgers.next.fetch_add(1, Ordering::Relaxed);
        if number >= ledgers.received.len() {
            break;
        }
        let plan = plan(number);
        let mut stream = match open.take() {
            Some(stream) => stream,
            None => TcpStream::connect(listener).await.unwrap(),
        };
        if plan.aborts {
            let bytes = client::http1_bytes(&plan.call, Transport::Http1);
            stream.write_all(&bytes[..bytes.len() - 10]).await.unwrap();
            // Envoy has it, and then the client is gone.
            tokio::time::sleep(Duration::from_millis(30)).await;
            continue;
        }
        match client::exchange(&mut stream, &plan.call, plan.transport).await {
            Ok(answer) if answer.status == plan.status && answer.header("x-collector").is_some() == reaches(&plan) => {
                // A refusal that comes before the body is whole costs the connection.
                if reaches(&plan) {
                    open = Some(stream);
                }
            }
            other => ledgers.complain(format!("{number}: expected {} {:?}, found {other:?}", plan.status, plan.counted)),
        }
    }
}

fn rss_bytes(pid: u32) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap();
    line.split_ascii_whitespace().nth(1).unwrap().parse::<usize>().unwrap() * 1024
}

/// Waits until nothing is under way any more.
async fn settle(envoy: &Envoy) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while envoy.stat("http.ingress.downstream_rq_active").await.unwrap() > 0 {
        assert!(Instant::now() < deadline, "streams are left behind");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_ledgers_agree() {
    let minutes: f64 = std::env::var("MINUTES").ok().and_then(|minutes| minutes.parse().ok()).unwrap_or(1.0);
    let ledgers = Arc::new(Ledgers {
        next: AtomicUsize::new(0),
        received: (0..50_000_000).map(|_| AtomicU8::new(0)).collect(),
        wrong: std::sync::Mutex::default(),
    });
    let book = Arc::clone(&ledgers);
    let collector = Collector::start(SocketAddr::from(([127, 0, 0, 1], 0)), move |seen| {
        let number = number_of(seen);
        book.received[number].fetch_add(1, Ordering::Relaxed);
        let plan = plan(number);
        let verdict = plan.counted.map(|(endpoint, verdict, _)| format!("{verdict};endpoint={endpoint}").into_bytes());
        if seen.header("x-track-verdict") != verdict.as_deref() || seen.body != plan.call.body {
            book.complain(format!("{number}: the collector saw {}", seen.line()));
        }
    });
    let collector = collector.await.unwrap();
    let envoy = Envoy::start(&std::fs::read_to_string("envoy/hold.yaml").unwrap(), collector.address, 1).await.unwrap();
    let (begin, until) = (Instant::now(), Instant::now() + Duration::from_secs_f64(minutes * 60.0));
    let mut lanes = tokio::task::JoinSet::new();
    for _ in 0..LANES {
        lanes.spawn(lane(envoy.listener, Arc::clone(&ledgers), until));
    }
    let early = tokio::time::sleep(Duration::from_secs_f64(minutes * 12.0));
    early.await;
    let rss_early = rss_bytes(envoy.pid());
    lanes.join_all().await;
    settle(&envoy).await;
    let rss_late = rss_bytes(envoy.pid());
    let sent = ledgers.next.load(Ordering::Relaxed).saturating_sub(0);
    compare(&ledgers, &envoy, sent).await;
    println!(
        "{sent} requests in {:?}: clients, collector and counters agree; Envoy's RSS {} MB after a fifth of the time, {} MB at the end",
        begin.elapsed(),
        rss_early >> 20,
        rss_late >> 20
    );
    assert!(rss_late < rss_early + (24 << 20), "{rss_early} {rss_late}");
}

async fn compare(ledgers: &Ledgers, envoy: &Envoy, sent: usize) {
    let wrong = ledgers.wrong.lock().unwrap().clone();
    assert!(
        wrong.is_empty(),
        "{} of {sent} went wrong:\n{}",
        wrong.len(),
        wrong.iter().take(5).cloned().collect::<Vec<_>>().join("\n")
    );
    let mut expected: BTreeMap<Kind, u64> = BTreeMap::new();
    let mut differing = Vec::new();
    for number in 0..sent {
        let plan = plan(number);
        if usize::from(ledgers.received[number].load(Ordering::Relaxed)) != usize::from(reaches(&plan)) {
            differing.push(number);
        }
        if let Some((endpoint, verdict, reason)) = plan.counted {
            let kind = Kind { endpoint: endpoint.to_owned(), verdict: verdict.to_owned(), reason: reason.to_owned() };
            *expected.entry(kind).or_default() += 1;
        }
    }
    assert!(
        differing.is_empty(),
        "{} requests reached the collector more or less often than they should: {:?}",
        differing.len(),
        &differing[..differing.len().min(5)]
    );
    let counted = Stats::parse(&envoy.admin("/stats/prometheus").await.unwrap());
    let found: BTreeMap<Kind, u64> = counted.requests.into_iter().filter(|(_, count)| *count > 0).collect();
    assert_eq!(found, expected);
    assert_eq!(counted.host_errors, 0);
}
