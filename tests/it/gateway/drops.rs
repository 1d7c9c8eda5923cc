//! A drop looks like the collector's own answer: it comes when a small body is in, and the
//! connection stays.

use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use trackgate_testing::client::{self, Answer, Call, Transport};
use trackgate_testing::gateway::{
    BUCKETING, CRAWLER, counted, gateway, has_read, head, own_stat, phases, post, read_bytes,
    settle, shipped,
};

use trackgate_testing::wait::within;

const BOT: &str = r#"{"code":"BOT"}"#;

/// A crawler's event of so many bytes.
fn crawl(size: usize) -> Call {
    post("/v1/track/key", &[("user-agent", CRAWLER.as_bytes())], &" ".repeat(size))
}

fn is_drop(answer: &Answer) -> bool {
    (answer.status, answer.body.as_slice()) == (200, BOT.as_bytes())
}

fn closes(answer: &Answer) -> bool {
    answer.header("connection").is_some_and(|value| value == "close")
}

/// With a listener whose buffer is smaller than the body: none of it is held.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_drop_keeps_the_connection() {
    for &phase in phases() {
        let bootstrap =
            shipped(phase).replace("buffer_limit_bytes: 2097152", "buffer_limit_bytes: 32768");
        let (collector, envoy) = gateway(&bootstrap, 1).await;
        let mut stream = TcpStream::connect(envoy.listener).await.unwrap();
        for round in 1..=3 {
            for size in [1, 1000, 65_536] {
                let dropped =
                    client::exchange(&mut stream, &crawl(size), Transport::Http1).await.unwrap();
                assert!(is_drop(&dropped) && !closes(&dropped), "{phase} {size}: {dropped:?}");
            }
            let event = post("/v1/track/key", &[], BUCKETING);
            assert_eq!(
                client::exchange(&mut stream, &event, Transport::Http1).await.unwrap().status,
                202
            );
            assert_eq!(
                collector.seen().len(),
                round,
                "{phase}: nothing of a drop reaches the collector"
            );
        }
        assert_eq!(envoy.stat("cluster.collector.upstream_rq_total").await.unwrap(), 3);
        assert_eq!(envoy.stat("http.ingress.downstream_cx_total").await.unwrap(), 1);
        let mut declared = crawl(30_000);
        declared.headers.push(("content-length".to_owned(), b"30000".to_vec()));
        for call in [crawl(30_000), declared] {
            assert!(is_drop(
                &client::send(envoy.listener, &call, Transport::Http2(1000)).await.unwrap()
            ));
        }
        // One that cannot be told to be small is answered at once.
        for (call, transport) in
            [(crawl(65_537), Transport::Http1), (crawl(100), Transport::Http1Chunked(10))]
        {
            let answer = client::send(envoy.listener, &call, transport).await.unwrap();
            assert!(is_drop(&answer) && closes(&answer), "{phase} {transport:?}: {answer:?}");
        }
        assert_eq!(counted(&envoy).await, 3 * 4 + 2 + 2, "{phase}");
    }
}

/// Envoy says that it will take the body, and then it is taken.
#[tokio::test]
async fn a_client_that_asks_first_is_dropped_too() {
    let (_collector, envoy) = gateway(&shipped("hold"), 1).await;
    let mut stream = TcpStream::connect(envoy.listener).await.unwrap();
    let start = head("/v1/track/key", "content-length: 9\r\nexpect: 100-continue\r\n\r\n")
        .replace("Firefox/126.0", "Googlebot/2.1");
    for _ in 0..2 {
        stream.write_all(start.as_bytes()).await.unwrap();
        let mut held = Vec::new();
        while !held.ends_with(b"\r\n\r\n") {
            assert!(within("the 100", stream.read_buf(&mut held)).await.unwrap() > 0);
        }
        assert_eq!(held, b"HTTP/1.1 100 Continue\r\n\r\n");
        let answer = client::finish(&mut stream, b"123456789").await.unwrap();
        assert!(is_drop(&answer) && !closes(&answer), "{answer:?}");
    }
}

#[tokio::test]
async fn a_client_that_leaves_is_counted_once() {
    for &phase in phases() {
        let (collector, envoy) = gateway(&shipped(phase), 1).await;
        let bytes = client::http1_bytes(&crawl(60_000), Transport::Http1);
        for part in [400, 30_000, 60_000] {
            let before = read_bytes(&envoy).await;
            let mut stream = TcpStream::connect(envoy.listener).await.unwrap();
            stream.write_all(&bytes[..part]).await.unwrap();
            has_read(&envoy, before, part).await;
        }
        settle(&envoy, Duration::from_secs(5)).await;
        let dropped =
            "trackgate_requests_total.endpoint.convert.verdict.drop.reason.bot.mode.enforce";
        assert_eq!((own_stat(&envoy, dropped).await, counted(&envoy).await), (3, 3), "{phase}");
        assert_eq!(collector.seen().len(), 0);
    }
}
