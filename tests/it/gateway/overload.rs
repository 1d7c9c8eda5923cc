//! Clients that send less than they announced, or too slowly: what they take is bounded, and the
//! others go on.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use trackgate_testing::client::{self, Transport};
use trackgate_testing::envoy::replaced;
use trackgate_testing::gateway::{active_requests, gateway, head, rss, settle, shipped, view};
use trackgate_testing::wait::until;

/// Bodies of a megabyte that stall, two hundred a second at most and four times what Envoy may
/// take: it gives them up, tells others with a 503 that they are too many, hangs nobody, and is its
/// old self when they are gone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_bodies_that_stall_are_given_up_as_memory_runs_short() {
    const HEAP: usize = 256 << 20;
    const BODY: usize = 1_000_000;
    let bootstrap = replaced(
        &shipped("hold"),
        "max_heap_size_bytes: 2147483648",
        &format!("max_heap_size_bytes: {HEAP}"),
    )
    .unwrap();
    let turn = crate::turn().await;
    let (collector, envoy) = gateway(&bootstrap, 1).await;
    let before = rss(&envoy);
    let start = head("/v1/track/key", &format!("content-length: {BODY}\r\n\r\n"));
    let bytes = [start.as_bytes(), &vec![b' '; BODY - 1]].concat();
    let mut stalled = Vec::new();
    let mut answers: BTreeMap<u16, usize> = BTreeMap::new();
    let (mut most, mut worst, flood) = (0, Duration::ZERO, Instant::now());
    for number in 0..4 * HEAP / BODY {
        let mut stream = TcpStream::connect(envoy.listener).await.unwrap();
        // Envoy reads no further where it is short of memory, and does not say so.
        let _ = tokio::time::timeout(Duration::from_millis(200), stream.write_all(&bytes)).await;
        stalled.push(stream);
        tokio::time::sleep(Duration::from_millis(5)).await;
        if number % 4 == 0 {
            let begin = Instant::now();
            *answers
                .entry(
                    client::send(envoy.listener, &view(&[]), Transport::Http1)
                        .await
                        .unwrap()
                        .status,
                )
                .or_default() += 1;
            worst = worst.max(begin.elapsed());
            most = most.max(rss(&envoy) - before);
        }
    }
    println!(
        "{} bodies of {BODY} bytes that stall, sent in {:?}: at most {most} bytes more; others got {answers:?} within {worst:?}",
        stalled.len(),
        flood.elapsed()
    );
    assert!(
        answers.keys().all(|status| [202, 503].contains(status)) && answers.contains_key(&202),
        "{answers:?}"
    );
    assert!(worst < Duration::from_secs(3), "{worst:?}");
    // Between two looks at the heap, four times a second, more may come in than it is allowed to
    // take.
    assert!(most < 2 * HEAP, "{most}");
    drop(turn);
    settle(&envoy, Duration::from_secs(45)).await;
    // The heap is looked at four times a second, and by then lets all in again.
    until("the heap", async || {
        let actions = envoy.admin("/stats?filter=^overload.*active$").await.unwrap();
        assert!(actions.contains("stop_accepting_requests"), "{actions}");
        actions.lines().all(|action| action.ends_with(": 0")).then_some(())
    })
    .await;
    for _ in 0..20 {
        assert_eq!(
            client::send(envoy.listener, &view(&[]), Transport::Http1).await.unwrap().status,
            202
        );
    }
    // All that was acknowledged, and nothing else.
    assert_eq!(collector.seen().len(), answers[&202] + 20);
}

/// How many connections this process may have open, at most ten thousand.
fn connections() -> usize {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap();
    let line = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
    let files = line
        .split_ascii_whitespace()
        .nth(3)
        .and_then(|limit| limit.parse().ok())
        .unwrap_or(10_000_usize);
    files.saturating_sub(500).min(10_000)
}

/// Ten thousand bodies that never end take what Envoy is told to hold and no more, and good
/// requests go on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_that_never_end_do_not_stop_the_others() {
    let _turn = crate::turn().await;
    let (collector, envoy) = gateway(&shipped("hold"), 1).await;
    client::send(envoy.listener, &view(&[]), Transport::Http1).await.unwrap();
    let (before, count) = (rss(&envoy), connections());
    let start = head("/api/event", "content-length: 100000\r\n\r\n{\"n\":");
    let mut open = Vec::new();
    for _ in 0..count {
        let mut stream = TcpStream::connect(envoy.listener).await.unwrap();
        stream.write_all(start.as_bytes()).await.unwrap();
        open.push(stream);
    }
    let are_held = async || (active_requests(&envoy).await >= count as u64).then_some(());
    until("all to be held", are_held).await;
    let begin = Instant::now();
    for _ in 0..20 {
        assert_eq!(
            client::send(envoy.listener, &view(&[]), Transport::Http1).await.unwrap().status,
            202
        );
    }
    assert!(begin.elapsed() < Duration::from_secs(5), "{:?}", begin.elapsed());
    let each = (rss(&envoy) - before) / count;
    println!("{count} half-sent bodies: {each} bytes of Envoy's memory each");
    assert!(each < 64 << 10, "{each}");
    drop(open);
    settle(&envoy, Duration::from_secs(20)).await;
    assert_eq!(collector.seen().len(), 21);
}

/// Sends the start of a request, and then a byte every so often; what came back when Envoy had
/// enough, and after how long.
async fn drip(
    listener: SocketAddr,
    start: String,
    byte: &[u8],
    every: Duration,
) -> (String, Duration) {
    let begin = Instant::now();
    let mut stream = TcpStream::connect(listener).await.unwrap();
    stream.write_all(start.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    loop {
        match tokio::time::timeout(every, stream.read_buf(&mut answer)).await {
            Err(_) if begin.elapsed() < Duration::from_secs(60) => {
                stream.write_all(byte).await.unwrap()
            }
            Ok(Ok(1..)) if !answer.ends_with(b"timeout") => {}
            Ok(_) | Err(_) => break,
        }
    }
    (String::from_utf8_lossy(&answer).into_owned(), begin.elapsed())
}

/// With the timeouts as they are shipped: half a minute for all of a request, and as long without a
/// byte.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_requests_are_ended_in_time() {
    let (collector, envoy) = gateway(&shipped("hold"), 1).await;
    let body = head("/api/event", "content-length: 1000\r\n\r\n{");
    let second = Duration::from_secs(1);
    let mut slow = tokio::task::JoinSet::new();
    for (name, start, byte, every) in [
        ("a body that drips", body.clone(), b" ".as_slice(), second),
        (
            "chunks that drip",
            head("/api/event", "transfer-encoding: chunked\r\n\r\n"),
            b"1\r\n \r\n",
            second,
        ),
        ("a body that stalls", body, b"", 60 * second),
        ("a header section that drips", head("/api/event", "x-a: "), b"a", second),
    ] {
        let listener = envoy.listener;
        slow.spawn(async move { (name, drip(listener, start, byte, every).await) });
    }
    while let Some(ended) = slow.join_next().await {
        let (name, (answer, waited)) = ended.unwrap();
        assert!(answer.starts_with("HTTP/1.1 408 "), "{name}: {answer:?} after {waited:?}");
        assert!((25..35).contains(&waited.as_secs()), "{name}: {waited:?}");
    }
    settle(&envoy, Duration::from_secs(5)).await;
    assert_eq!(collector.seen().len(), 0);
}
