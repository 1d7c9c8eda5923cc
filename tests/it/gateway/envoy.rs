//! Runner three: the built module in a real Envoy, over real sockets.

use crate::corpus;
use crate::corpus::{Message, Observed, Reply, Upstream, Vector};
use crate::fleet::Fleet;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use trackgate_testing::client::{self, Answer, Call, Transport};
use trackgate_testing::collector::Collector;
use trackgate_testing::envoy::{self, Envoy, Host};
use trackgate_testing::gateway;
use trackgate_testing::gateway::{
    BUCKETING, counted, gateway, own_stat, phases, post, settle, shipped,
};
use trackgate_testing::wait::within;

/// Where Envoy itself answers, or changes what was sent, before or instead of the gate: vector,
/// transport, what comes, why. An entry that does not come to pass is an error, like a difference
/// that has no entry.
const DIFFERENCES: &[(&str, &str, &str)] = &[];

fn transports(vector: &Vector) -> Vec<(&'static str, Transport)> {
    let is_long = vector.body.as_ref().is_some_and(|body| body.len() > 4096);
    let piece_bytes = vector.chunk_bytes.unwrap_or(if is_long { 16_384 } else { 7 });
    let http1 = ("http1", Transport::Http1);
    let all = match vector.body {
        Some(_) => vec![
            http1,
            ("chunked", Transport::Http1Chunked(piece_bytes)),
            ("http2", Transport::Http2(piece_bytes)),
            ("trailers", Transport::Http2Trailers),
        ],
        None => vec![http1, ("http2", Transport::Http2(1))],
    };
    all.into_iter()
        .filter(|(name, _)| !vector.http2_only || ["http2", "trailers"].contains(name))
        .collect()
}

async fn observe(
    vector: &Vector,
    case: &str,
    listener: SocketAddr,
    transport: Transport,
    collector: &Collector,
) -> Observed {
    let mut headers = vector.headers.clone();
    headers.push(("x-case".to_owned(), case.as_bytes().to_vec()));
    let call = Call {
        method: vector.method.clone(),
        path: vector.path.clone(),
        headers,
        body: vector.body.clone(),
    };
    let answer = client::send(listener, &call, transport)
        .await
        .unwrap_or_else(|error| panic!("{case}: {error}"));
    let upstream = collector.seen_with("x-case", case).pop().map(|seen| Upstream {
        headers: seen.headers,
        message: Some(Message { method: seen.method, path: seen.path, body: seen.body }),
    });
    let forwarded = answer.header("x-collector").is_some();
    let details = answer.header("x-details");
    let reply = (!forwarded).then_some(Reply {
        status: answer.status,
        headers: answer.headers,
        body: answer.body,
        details,
    });
    Observed { reply, upstream }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_vector_agrees_over_every_transport() {
    let vectors = corpus::vectors();
    let collector = Arc::new(gateway::collector().await);
    let mut faults: BTreeMap<String, String> = BTreeMap::new();
    let mut differing = Vec::new();
    for &phase in phases() {
        let configurations = vectors.iter().map(|vector| {
            vector.config.replacen('{', &format!("{{\"body_phase\":\"{phase}\","), 1)
        });
        let fleet = Arc::new(
            Fleet::start(&shipped(phase), configurations.clone(), collector.address).await.unwrap(),
        );
        let mut cases = tokio::task::JoinSet::new();
        let mut inspected = 0;
        for (vector, configuration) in vectors.iter().zip(configurations) {
            for (name, transport) in transports(vector) {
                inspected += u64::from(!corpus::untouched(vector));
                let (vector, fleet, collector, configuration) = (
                    vector.clone(),
                    Arc::clone(&fleet),
                    Arc::clone(&collector),
                    configuration.clone(),
                );
                while cases.len() >= 24 {
                    collect(cases.join_next().await.unwrap().unwrap(), &mut faults, &mut differing);
                }
                cases.spawn(async move {
                    let case = format!("{}-{phase}-{name}", vector.id);
                    let seen = observe(
                        &vector,
                        &case,
                        fleet.listener(&configuration),
                        transport,
                        &collector,
                    )
                    .await;
                    let fault = corpus::check(&vector, &seen)
                        .err()
                        .map(|fault| format!("{fault} ({phase}, {name})"));
                    (vector.id, name, fault)
                });
            }
        }
        while let Some(case) = cases.join_next().await {
            collect(case.unwrap(), &mut faults, &mut differing);
        }
        // Which one is not counted once, `tests/it/counters.rs` tells.
        assert_eq!(counted(&fleet.envoy).await, inspected, "{phase}");
    }
    for (id, transport, reason) in DIFFERENCES {
        assert!(
            differing.contains(&((*id).to_owned(), *transport)),
            "{id} over {transport} agrees, though listed: {reason}"
        );
    }
    let runner = match Host::tried() {
        Host::Wasm => "envoy",
        Host::Module => "module",
    };
    corpus::write_count(runner, vectors.len() - faults.len(), vectors.len());
    let shown: Vec<_> = faults.values().map(String::as_str).collect();
    assert!(
        faults.is_empty(),
        "{} of {} vectors disagree:\n{}",
        faults.len(),
        vectors.len(),
        shown.join("\n")
    );
}

fn collect(
    case: (String, &'static str, Option<String>),
    faults: &mut BTreeMap<String, String>,
    differing: &mut Vec<(String, &'static str)>,
) {
    let (id, transport, fault) = case;
    let Some(fault) = fault else { return };
    if DIFFERENCES.iter().any(|(listed, over, _)| *listed == id && *over == transport) {
        differing.push((id, transport));
    } else {
        faults.insert(id, fault);
    }
}

/// A good event at Convert.
fn event() -> Call {
    post("/v1/track/key", &[("user-agent", b"ConvertAgent/1.0")], BUCKETING)
}

fn is_forwarded(answer: &Answer) -> bool {
    answer.header("x-collector").is_some()
}

#[tokio::test]
async fn a_byte_that_is_not_utf8_harms_nobody() {
    let (_collector, envoy) = gateway(&shipped("hold"), 1).await;
    for name in ["user-agent", "authorization", "x-any", "content-type"] {
        for transport in [Transport::Http1, Transport::Http2(64)] {
            let mut call = event();
            call.headers.push((name.to_owned(), b"caf\xE9".to_vec()));
            client::send(envoy.listener, &call, transport).await.unwrap();
        }
    }
    let mut stream = TcpStream::connect(envoy.listener).await.unwrap();
    for request in 0..10_000 {
        let answer = client::exchange(&mut stream, &event(), Transport::Http1).await.unwrap();
        assert!(is_forwarded(&answer), "request {request}: {answer:?}");
    }
    assert_eq!(own_stat(&envoy, "trackgate_host_errors_total").await, 0);
}

#[tokio::test]
async fn aborted_requests_leave_no_stream_behind() {
    let _turn = crate::turn().await;
    let (_collector, envoy) = gateway(&shipped("hold"), 1).await;
    let listener = envoy.listener;
    abort_many(listener, 2000).await;
    settle(&envoy, Duration::from_secs(5)).await;
    let before = envoy.stat("server.memory_allocated").await.unwrap();
    abort_many(listener, 10_000).await;
    settle(&envoy, Duration::from_secs(5)).await;
    let after = envoy.stat("server.memory_allocated").await.unwrap();
    assert!(after < before + 4_000_000, "Envoy's memory grew from {before} to {after} bytes");
    let answer = client::send(listener, &event(), Transport::Http1).await.unwrap();
    assert!(is_forwarded(&answer));
}

/// Each client goes away after a part of its request that a counter picks: in its header section,
/// in its body, or when all is sent and the collector has yet to answer.
async fn abort_many(listener: SocketAddr, count: usize) {
    let mut call = event();
    call.headers.push(("x-answer-delay-ms".to_owned(), b"50".to_vec()));
    let bytes = Arc::new(client::http1_bytes(&call, Transport::Http1));
    let mut clients = tokio::task::JoinSet::new();
    for client in 0..count {
        if clients.len() >= 50 {
            clients.join_next().await.unwrap().unwrap();
        }
        let bytes = Arc::clone(&bytes);
        clients.spawn(async move {
            let mut stream = TcpStream::connect(listener).await.unwrap();
            let cut = if client % 10 == 0 { bytes.len() } else { client * 37 % bytes.len() };
            stream.write_all(&bytes[..cut]).await.unwrap();
            if client % 3 == 0 {
                tokio::task::yield_now().await;
            }
        });
    }
    within("the clients", clients.join_all()).await;
}

#[tokio::test]
async fn a_refusal_keeps_the_connection() {
    let (_collector, envoy) = gateway(&shipped("hold"), 1).await;
    let mut stream = TcpStream::connect(envoy.listener).await.unwrap();
    for _ in 0..3 {
        let refused = client::exchange(
            &mut stream,
            &Call { body: Some(b"{".to_vec()), ..event() },
            Transport::Http1,
        )
        .await
        .unwrap();
        assert_eq!(refused.status, 400);
        let taken = client::exchange(&mut stream, &event(), Transport::Http1).await.unwrap();
        assert!(is_forwarded(&taken));
    }
}

#[tokio::test]
async fn streams_without_an_end_are_never_held() {
    let _turn = crate::turn().await;
    let (collector, envoy) = gateway(&shipped("hold"), 1).await;
    let grpc = post("/v1/track/key", &[("content-type", b"application/grpc")], BUCKETING);
    let answer = client::send(envoy.listener, &grpc, Transport::Http2(10)).await.unwrap();
    assert!(is_forwarded(&answer), "{answer:?}");
    assert_eq!(
        collector.seen()[0].header("x-track-verdict"),
        Some(b"uninspected;endpoint=convert".as_slice())
    );
    let bot = post(
        "/v1/track/key",
        &[("content-type", b"Application/GRPC+proto"), ("user-agent", b"node")],
        BUCKETING,
    );
    for transport in [Transport::Http1, Transport::Http2(10)] {
        let answer = client::send(envoy.listener, &bot, transport).await.unwrap();
        assert_eq!((answer.status, collector.seen().len()), (200, 1), "{answer:?}");
        assert_eq!(
            answer.header("content-type").as_deref(),
            Some("application/json"),
            "{answer:?}"
        );
        assert!(answer.header("grpc-status").is_none(), "{answer:?}");
    }
    let mut upgrade = event();
    upgrade.headers.extend([
        ("connection".to_owned(), b"upgrade".to_vec()),
        ("upgrade".to_owned(), b"websocket".to_vec()),
    ]);
    // Envoy refuses an upgrade it was not told to allow, before it asks the filter; what counts is
    // that it answers at once.
    let begin = Instant::now();
    client::send(envoy.listener, &upgrade, Transport::Http1).await.unwrap();
    assert!(begin.elapsed() < Duration::from_millis(500));
    let counted = envoy.admin("/stats?filter=trackgate_requests_total").await.unwrap();
    let total: u64 =
        counted.lines().filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).sum();
    assert_eq!(total, 3, "{counted}");
}

#[tokio::test]
async fn a_bad_configuration_stops_the_load_with_one_line() {
    let rows = [
        (
            r#"{"mode":"on"}"#,
            "trackgate: configuration: mode: expected one of \"enforce\", \"shadow\", found \"on\"",
        ),
        (
            r#"{"endpoints":[]}"#,
            "trackgate: configuration: endpoints: expected at least one entry, or the field left out, found an empty list",
        ),
    ];
    for (configuration, expected) in rows {
        let bootstrap =
            envoy::replaced(&shipped("hold"), "value: '{}'", &format!("value: '{configuration}'"))
                .unwrap();
        let error = Envoy::start(&bootstrap, SocketAddr::from(([127, 0, 0, 1], 9)), 1)
            .await
            .unwrap_err()
            .to_string();
        let lines: Vec<&str> = error.lines().filter(|line| line.contains("trackgate: ")).collect();
        assert_eq!(lines.len(), 1, "{error}");
        assert!(lines[0].ends_with(expected), "{}", lines[0]);
    }
}

#[test]
fn envoy_accepts_the_shipped_configurations() {
    for name in ["envoy.yaml", "hold.yaml", "compat.yaml", "module.yaml"] {
        envoy::validate(&trackgate_testing::path("envoy").join(name)).unwrap();
    }
}

/// The collector's own count, if it has one that covers ours; otherwise ours. Never the sum.
#[tokio::test]
async fn the_response_tells_how_many_domains_were_dropped() {
    let sites = r#"{"a.example":{"page_blocklist":["/x"]},"b.example":{"page_blocklist":["/x"]}}"#;
    for &phase in phases() {
        let json = format!(
            r#"{{"body_phase":"{phase}","endpoints":[{{"name":"plausible","vendor":"plausible","sites":{sites}}}]}}"#
        );
        let shipped = shipped(phase);
        let value =
            shipped.lines().find(|line| line.trim_start().starts_with("value: '{")).unwrap();
        let (_collector, envoy) = gateway(
            &envoy::replaced(&shipped, value.trim(), &format!("value: '{json}'")).unwrap(),
            1,
        )
        .await;
        for (domains, theirs, told) in [
            ("a.example,c.example", None, Some("1")),
            ("a.example,b.example,c.example", Some("1"), Some("2")),
            ("a.example,b.example,c.example", Some("3"), Some("3")),
            ("c.example", None, None),
            ("c.example", Some("1"), Some("1")),
        ] {
            let mut call = event();
            call.path = "/api/event".to_owned();
            call.body = Some(
                format!(r#"{{"n":"pageview","u":"https://a.example/x","d":"{domains}"}}"#)
                    .into_bytes(),
            );
            call.headers.extend(
                theirs
                    .map(|count: &str| ("x-answer-dropped".to_owned(), count.as_bytes().to_vec())),
            );
            let answer = client::send(envoy.listener, &call, Transport::Http1).await.unwrap();
            assert!(is_forwarded(&answer), "{answer:?}");
            assert_eq!(
                answer.header("x-plausible-dropped").as_deref(),
                told,
                "{phase} {domains} {theirs:?}"
            );
        }
        let errors = envoy.admin("/stats?filter=trackgate_host_errors_total").await.unwrap();
        assert!(errors.trim_end().ends_with(": 0"), "{errors}");
    }
}

/// `make demo`, whose every row must be as expected.
#[tokio::test]
async fn the_demo_is_as_expected() {
    assert!(trackgate_testing::demo::run().await.unwrap());
}
