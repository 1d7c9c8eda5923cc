//! What frees a stream that hangs because Envoy lacks `allow_on_headers_stop_iteration`, and leaves alone one that does not: tick by tick
//! behind the strict host, and on the real Envoy.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod corpus;
mod gateway;
mod host;

use gateway::{BUCKETING, gateway, post, shipped};
use host::{Delivery, End, Envoy as Host, Request, WHOLE, start};
use std::time::{Duration, Instant};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use trackgate::cli::client::{self, Call, Transport};
use trackgate::cli::envoy;

#[test]
fn without_the_knob_the_watchdog_lets_streams_go() {
    let mut vm = start("{}");
    for stream in 1..=3 {
        let outcome = vm.request(&host::event(), WHOLE, Host::KnobMissing);
        assert!(!outcome.hung && outcome.headers_left_first && outcome.ticks == 5, "{}", outcome.ticks);
        assert_eq!(outcome.verdict_state.as_deref(), Some("pass;endpoint=convert"), "the body is inspected all the same");
        assert_eq!(vm.metric(&["trackgate_resumed_total"]), stream);
        assert_eq!(vm.metric(&["trackgate_host_errors_total"]), 0);
    }
    let errors = vm.host().logs.iter().filter(|(level, _)| *level == 4).count();
    assert_eq!(errors, 1, "said once");
    assert_eq!(vm.host().tick_period_ms, 250, "still watching");
}

/// A client that takes its time before the first byte of a body is none that hangs.
#[test]
fn a_slow_client_keeps_its_annotation() {
    let mut vm = start("{}");
    let outcome = vm.request(&host::event(), WHOLE, Host::SlowClient(19));
    assert!(!outcome.hung && !outcome.headers_left_first);
    assert!(
        outcome.observed.upstream.unwrap().headers.contains(&("x-track-verdict".to_owned(), b"pass;endpoint=convert".to_vec()))
    );
    assert_eq!(vm.metric(&["trackgate_resumed_total"]), 0);
    assert_eq!(vm.host().logs.iter().filter(|(level, _)| *level == 4).count(), 0, "no false alarm");
}

/// That of a body without a byte nothing arrives does not make it hang for good.
#[test]
fn without_the_knob_an_empty_body_is_let_go_too() {
    let mut vm = start("{}");
    let empty = Request { body: Some(Vec::new()), ..host::event() };
    let delivery = Delivery { piece_bytes: 1, end: End::Http2 };
    let outcome = vm.request(&empty, delivery, Host::KnobMissing);
    assert_eq!((outcome.observed.reply.map(|reply| reply.status), outcome.ticks), (Some(400), 20));
    // Once the knob is known to be missing there is nothing to wait for.
    vm.request(&host::event(), WHOLE, Host::KnobMissing);
    assert_eq!(vm.request(&empty, delivery, Host::KnobMissing).ticks, 5);
}

#[test]
fn with_the_knob_the_watchdog_goes_to_sleep() {
    let mut vm = start("{}");
    vm.request(&host::event(), WHOLE, Host::Hold);
    vm.tick();
    assert_eq!(vm.host().tick_period_ms, 0);
    assert_eq!(vm.metric(&["trackgate_resumed_total"]), 0);
}

fn bucketing() -> Call {
    post("/v1/track/key", &[("user-agent", b"ConvertAgent/1.0")], BUCKETING)
}

/// What comes of it when the knob is forgotten: nothing hangs and nothing is lost, but nothing is annotated either.
#[tokio::test]
async fn without_the_knob_envoys_requests_are_let_go() {
    let bootstrap = envoy::replaced(&shipped("hold"), "                allow_on_headers_stop_iteration: true\n", "").unwrap();
    let (collector, envoy) = gateway(&bootstrap, 1).await;
    for round in 1..=2 {
        let begin = Instant::now();
        let answer = client::send(envoy.listener, &bucketing(), Transport::Http1).await.unwrap();
        let waited = begin.elapsed();
        assert!(answer.header("x-collector").is_some(), "{answer:?}");
        assert!(waited > Duration::from_millis(900) && waited < Duration::from_millis(1500), "{waited:?}");
        assert_eq!(envoy.stat("wasmcustom.trackgate_resumed_total").await.unwrap(), round);
    }
    assert!(collector.seen().iter().all(|seen| seen.header("x-track-verdict").is_none()));
    let refused = Call { body: Some(b"{".to_vec()), ..bucketing() };
    assert_eq!(
        client::send(envoy.listener, &refused, Transport::Http1).await.unwrap().status,
        400,
        "the body is inspected all the same"
    );
    // Of a body without a byte nothing arrives; now that the knob is known to be missing it is let go as soon.
    let (begin, empty) = (Instant::now(), Call { body: Some(Vec::new()), ..bucketing() });
    assert_eq!(client::send(envoy.listener, &empty, Transport::Http1Chunked(1)).await.unwrap().status, 400);
    assert!(begin.elapsed() < Duration::from_millis(1500), "{:?}", begin.elapsed());
    let told =
        envoy.log().lines().filter(|line| line.contains("[error]") && line.contains("allow_on_headers_stop_iteration")).count();
    assert_eq!(told, 1, "said once, at error level:\n{}", envoy.log());
}

/// The first request of all, whose client takes its time: it waits, and nobody is told to set what is set.
#[tokio::test]
async fn with_the_knob_envoys_slow_clients_are_waited_for() {
    let (collector, envoy) = gateway(&shipped("hold"), 1).await;
    let bytes = client::http1_bytes(&bucketing(), Transport::Http1);
    let head = bytes.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
    let mut stream = TcpStream::connect(envoy.listener).await.unwrap();
    stream.write_all(&bytes[..head]).await.unwrap();
    tokio::time::sleep(Duration::from_secs(3)).await;
    stream.write_all(&bytes[head..]).await.unwrap();
    while collector.seen().is_empty() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(collector.seen()[0].header("x-track-verdict"), Some(b"pass;endpoint=convert".as_slice()));
    assert_eq!(envoy.stat("wasmcustom.trackgate_resumed_total").await.unwrap(), 0);
    assert!(!envoy.log().contains("allow_on_headers_stop_iteration"), "{}", envoy.log());
}
