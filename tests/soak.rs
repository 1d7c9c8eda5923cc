//! Four ledgers of mixed traffic for as long as asked, which must agree to the last request: what
//! each client was told, what the collector received, what the quarantine keeps of the refused ones,
//! and what the counters say. `make soak MINUTES=30`; `PAUSE_MS=5` lets each client rest so long after each request, and `PHASE=compat`
//! takes the other shipped configuration.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use trackgate_cli::canary::stats::{Kind, Stats};
use trackgate_cli::quarantine::{Chosen, Store};
use trackgate_testing::client::{self, Answer, Call, Transport};
use trackgate_testing::collector::{Collector, Seen};
use trackgate_testing::ecds;
use trackgate_testing::envoy::{Envoy, free_port, replaced};
use trackgate_testing::gateway::{
    BUCKETING, CRAWLER, VIEW, own_stat, post as call, rss, settle, shipped,
};
use trackgate_testing::quarantine_demo::{receive, with_cluster};
use trackgate_testing::wait::{until, within};

const LANES: usize = 12;
const ENDPOINTS: [(&str, &str); 5] = [
    ("/api/event", "plausible"),
    ("/v1/track/key", "convert"),
    ("/v1/track", "userpilot"),
    ("/events/batch", "commanders_act"),
    ("/events", "commanders_act"),
];

/// What a request must come to.
struct Plan {
    call: Call,
    transport: Transport,
    status: u16,
    reaches: bool,
    /// Endpoint, verdict and reason; `None`: it is none of the gate's.
    counted: Option<(&'static str, &'static str, &'static str)>,
    /// The client goes away in the middle of the body.
    aborts: bool,
}

impl Plan {
    /// A request that the collector gets and takes.
    fn passes(number: usize, path: &str, fields: &[(&str, &[u8])], body: &str) -> Plan {
        let endpoint = ENDPOINTS
            .iter()
            .find(|(prefix, _)| path.starts_with(prefix))
            .map(|(_, name)| (*name, "pass", "none"));
        Plan {
            call: call(
                &format!("{path}{}number={number}", if path.contains('?') { '&' } else { '?' }),
                fields,
                body,
            ),
            transport: if number.is_multiple_of(3) {
                Transport::Http1Chunked(1 + number % 40)
            } else {
                Transport::Http1
            },
            status: 202,
            reaches: true,
            counted: endpoint,
            aborts: false,
        }
    }

    fn judged(self, verdict: &'static str, reason: &'static str) -> Plan {
        Plan { counted: self.counted.map(|(endpoint, _, _)| (endpoint, verdict, reason)), ..self }
    }

    fn refused(self, status: u16, verdict: &'static str, reason: &'static str) -> Plan {
        Plan { status, reaches: false, ..self.judged(verdict, reason) }
    }

    fn over(self, transport: Transport) -> Plan {
        Plan { transport, ..self }
    }
}

/// The kinds, by the request's number: mostly good events, everything else at low rates.
fn plan(number: usize) -> Plan {
    let view = |fields: &[(&str, &[u8])]| Plan::passes(number, "/api/event", fields, VIEW);
    let post = |path: &str, body: &str| Plan::passes(number, path, &[], body);
    let crawler = ("user-agent", CRAWLER.as_bytes());
    match number % 40 {
        0 => view(&[crawler]).refused(202, "drop", "bot"),
        1 => post("/api/event", "{}").refused(400, "reject", "invalid"),
        2 => {
            Plan::passes(number, "/v1/track/key", &[crawler], BUCKETING).refused(200, "drop", "bot")
        }
        3 => post("/v1/track/key", "{").refused(400, "reject", "invalid_json"),
        4 => post("/v1/track", "{}").refused(401, "reject", "unauthorized"),
        5 => {
            post("/events?tc_s=1", r#"{"event_name":"a"}"#).judged("annotate", "missing_source_key")
        }
        6 => Plan::passes(number, "/api/event", &[("content-encoding", b"gzip")], "x")
            .judged("uninspected", "content_encoding"),
        7 => post("/other", "x"),
        8 => rare(number),
        9 => post(
            "/events/batch?tc_s=1&token=a",
            &format!(r#"{{"batch":[{}]}}"#, vec![r#"{"event_name":"a"}"#; 200].join(",")),
        ),
        10 => {
            post("/events?tc_s=1&token=a", &format!(r#"{{"event_name":"{}"}}"#, "x".repeat(40_000)))
                .refused(400, "reject", "request_too_large")
        }
        odd if odd % 2 == 1 => post("/v1/track/key", BUCKETING),
        _ => view(&[]),
    }
}

/// One in four hundred each.
fn rare(number: usize) -> Plan {
    let view = |fields: &[(&str, &[u8])]| Plan::passes(number, "/api/event", fields, VIEW);
    match number / 40 % 10 {
        0 => Plan { aborts: true, transport: Transport::Http1, ..view(&[("expect", b"100-continue")]).refused(0, "uninspected", "none") },
        1 => view(&[]).over(Transport::Http2(7)),
        2 => view(&[]).over(Transport::Http2Trailers),
        3 => view(&[("X-Track-Verdict", b"drop;endpoint=forged"), ("x-track-anything", b"1")]),
        4 => view(&[("x-any", b"caf\xE9"), ("accept-language", b"\xFF")]),
        5 => Plan { status: 500, ..view(&[("x-answer-status", b"500")]) },
        6 => view(&[("x-answer-delay-ms", b"200")]),
        // The vendor's parser takes the last of two.
        7 => Plan::passes(
            number,
            "/v1/track/key",
            &[],
            r#"{"visitors":[{"visitorId":"v","events":[]}],"accountId":"1","projectId":"2","visitors":0}"#,
        )
        .refused(400, "reject", "invalid_shape"),
        8 => Plan::passes(number, "/v1/track/key", &[], &format!("{}{BUCKETING}{}", "[".repeat(200), "]".repeat(200))).refused(
            400,
            "reject",
            "invalid_json",
        ),
        // Envoy's own: no field may have a space in its name.
        _ => Plan { counted: None, ..view(&[("x-track-verdict ", b"forged")]).refused(400, "reject", "none") },
    }
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

/// Sends one request; the connection goes back if it may serve more.
async fn exchange(
    listener: SocketAddr,
    open: &mut Option<TcpStream>,
    plan: &Plan,
) -> trackgate_testing::Result<Answer> {
    match plan.transport {
        Transport::Http1 | Transport::Http1Chunked(_) => {
            let mut stream = match open.take() {
                Some(stream) => stream,
                None => TcpStream::connect(listener).await?,
            };
            let answer = client::exchange(&mut stream, &plan.call, plan.transport).await;
            // A refusal that comes before the body is whole costs the connection.
            if plan.reaches {
                *open = Some(stream);
            }
            answer
        }
        Transport::Http2(_) | Transport::Http2Trailers => {
            client::send(listener, &plan.call, plan.transport).await
        }
    }
}

/// Sends the head, and the body but for its end once Envoy has said that it has the head.
async fn abort(listener: SocketAddr, call: &Call) {
    let bytes = client::http1_bytes(call, Transport::Http1);
    let body = bytes.len() - call.body.as_ref().map_or(0, Vec::len);
    let mut stream = TcpStream::connect(listener).await.unwrap();
    stream.write_all(&bytes[..body]).await.unwrap();
    let mut held = Vec::new();
    while !held.ends_with(b"\r\n\r\n") {
        assert!(stream.read_buf(&mut held).await.unwrap() > 0);
    }
    assert!(held.starts_with(b"HTTP/1.1 100 "), "{}", String::from_utf8_lossy(&held));
    stream.write_all(&bytes[body..bytes.len() - 10]).await.unwrap();
}

async fn lane(listener: SocketAddr, ledgers: Arc<Ledgers>, until: Instant, pause: Duration) {
    let mut open = None;
    while Instant::now() < until {
        let number = ledgers.next.fetch_add(1, Ordering::Relaxed);
        if number >= ledgers.received.len() {
            break;
        }
        let plan = plan(number);
        if plan.aborts {
            within("the 100", abort(listener, &plan.call)).await;
            continue;
        }
        match exchange(listener, &mut open, &plan).await {
            Ok(answer)
                if answer.status == plan.status
                    && answer.header("x-collector").is_some() == plan.reaches => {}
            other => ledgers.complain(format!(
                "{number}: expected {} {:?}, found {other:?}",
                plan.status, plan.counted
            )),
        }
        tokio::time::sleep(pause).await;
    }
}

fn asked<T: FromStr>(name: &str) -> Option<T> {
    std::env::var(name).ok()?.parse().ok()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn four_ledgers_agree() {
    let minutes: f64 = asked("MINUTES").unwrap_or(1.0);
    let pause = Duration::from_millis(asked("PAUSE_MS").unwrap_or(0));
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
        let verdict = plan
            .counted
            .map(|(endpoint, verdict, _)| format!("{verdict};endpoint={endpoint}").into_bytes());
        if seen.header("x-track-verdict") != verdict.as_deref() || seen.body != plan.call.body {
            book.complain(format!("{number}: the collector saw {}", seen.line()));
        }
    });
    let collector = collector.await.unwrap();
    let phase = asked("PHASE").unwrap_or_else(|| "hold".to_owned());
    let folder = ecds::folder("soak").unwrap();
    let (store, database) = (local(free_port().unwrap()), folder.join("quarantine.db"));
    receive(store, &database);
    let bootstrap = with_quarantine(&shipped(&phase), store);
    let envoy = Envoy::start(&bootstrap, collector.address, 1).await.unwrap();
    let (begin, end) = (Instant::now(), Instant::now() + Duration::from_secs_f64(minutes * 60.0));
    let mut lanes = tokio::task::JoinSet::new();
    for _ in 0..LANES {
        lanes.spawn(lane(envoy.listener, Arc::clone(&ledgers), end, pause));
    }
    tokio::time::sleep(Duration::from_secs_f64(minutes * 12.0)).await;
    let rss_early = rss(&envoy);
    lanes.join_all().await;
    settle(&envoy, Duration::from_secs(10)).await;
    let rss_late = rss(&envoy);
    let sent = ledgers.next.load(Ordering::Relaxed);
    compare(&ledgers, &envoy, sent).await;
    let (kept, lost) = compare_kept(&database, &envoy, sent).await;
    std::fs::remove_dir_all(folder).unwrap();
    println!(
        "{sent} requests in {:?}: clients, collector, store ({kept} kept, {lost} too large) and counters agree; Envoy's RSS {} MB after a fifth of the time, {} MB at the end",
        begin.elapsed(),
        rss_early >> 20,
        rss_late >> 20
    );
    assert!(rss_late < rss_early + (24 << 20), "{rss_early} {rss_late}");
}

fn local(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

fn with_quarantine(shipped: &str, store: SocketAddr) -> String {
    let text = with_cluster(shipped, "kept", store).unwrap();
    let quarantine = r#""quarantine":{"cluster":"kept"}"#;
    if text.contains("value: '{}'") {
        return text.replace("value: '{}'", &format!("value: '{{{quarantine}}}'"));
    }
    replaced(&text, "value: '{", &format!("value: '{{{quarantine},")).unwrap()
}

/// What was refused is kept once, or counted as lost. Returns how many of each.
async fn compare_kept(database: &Path, envoy: &Envoy, sent: usize) -> (u64, u64) {
    let is_refused = |plan: &Plan| {
        plan.counted.is_some_and(|(_, verdict, _)| ["drop", "reject"].contains(&verdict))
    };
    let refused = (0..sent).filter(|number| is_refused(&plan(*number))).count() as u64;
    let outcome = async |name: &str| {
        own_stat(envoy, &format!("trackgate_quarantine_total.outcome.{name}")).await
    };
    let (kept, lost) = until(&format!("{refused} kept or lost"), async || {
        let (kept, lost) = (outcome("stored").await, outcome("lost_too_large").await);
        (kept + lost >= refused).then_some((kept, lost))
    })
    .await;
    assert_eq!(kept + lost, refused);
    let (store, mut found, mut last) = (Store::existing(database).unwrap(), BTreeSet::new(), 0);
    loop {
        let page = store.after(last, &Chosen::default(), 1_000).unwrap();
        let Some(end) = page.last() else { break };
        last = end.id;
        for row in page {
            let number = row.refused.path.split("number=").nth(1).unwrap().parse().unwrap();
            let plan = plan(number);
            assert!(is_refused(&plan) && found.insert(number), "{number}");
            assert_eq!(Some(row.refused.body), plan.call.body, "{number}");
            assert_eq!(row.refused.reason, plan.counted.unwrap().2, "{number}");
        }
    }
    assert_eq!(found.len() as u64, kept);
    (kept, lost)
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
        if usize::from(ledgers.received[number].load(Ordering::Relaxed))
            != usize::from(plan.reaches)
        {
            differing.push(number);
        }
        if let Some((endpoint, verdict, reason)) = plan.counted {
            let kind = Kind {
                endpoint: endpoint.to_owned(),
                verdict: verdict.to_owned(),
                reason: reason.to_owned(),
            };
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
    let found: BTreeMap<Kind, u64> =
        counted.requests.into_iter().filter(|(_, count)| *count > 0).collect();
    assert_eq!(found, expected);
    assert_eq!(counted.host_errors, 0);
}
