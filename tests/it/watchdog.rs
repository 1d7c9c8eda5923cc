//! What frees a stream that hangs because Envoy lacks `allow_on_headers_stop_iteration`, and leaves
//! alone one that does not: tick by tick behind the strict host, and on the real Envoy.

use crate::corpus;
use crate::host;
use crate::host::{Delivery, End, Envoy as Host, Outcome, Request, WHOLE, start};
use std::time::{Duration, Instant};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use trackgate_testing::client::{self, Call, Transport};
use trackgate_testing::envoy;
use trackgate_testing::gateway::{BUCKETING, counted, gateway, post, shipped};
use trackgate_testing::wait::until;

/// What the collector was told, and the access log.
fn marks(outcome: &Outcome) -> [Option<String>; 2] {
    let headers = &outcome.observed.upstream.as_ref().unwrap().headers;
    let marks = ["x-track-verdict", "x-track-drop-reason"].map(|name| {
        corpus::values(headers, name)
            .first()
            .map(|value| String::from_utf8_lossy(value).into_owned())
    });
    assert_eq!(marks, [outcome.verdict_state.clone(), outcome.reasons_state.clone()]);
    marks
}

fn told(verdict: &str, reasons: &str) -> [Option<String>; 2] {
    [Some(verdict.to_owned()), Some(reasons.to_owned())]
}

#[test]
fn without_the_knob_the_watchdog_lets_streams_go() {
    let mut vm = start("{}");
    for stream in 1..=3 {
        let outcome = vm.request(&host::event(), WHOLE, Host::KnobMissing);
        assert!(
            !outcome.hung && outcome.headers_left_first && outcome.ticks == 5,
            "{}",
            outcome.ticks
        );
        assert_eq!(marks(&outcome), told("uninspected;endpoint=convert", "host_error"));
        assert_eq!(vm.metric(&["trackgate_resumed_total"]), stream);
        assert_eq!(vm.metric(&["trackgate_host_errors_total"]), 0);
        assert_eq!(vm.metric(&["trackgate_requests_total"]), stream);
        assert_eq!(vm.metric(&["verdict.uninspected.reason.host_error"]), stream);
    }
    let errors = vm.host().logs.iter().filter(|(level, _)| *level == 4).count();
    assert_eq!(errors, 1, "said once");
    assert_eq!(vm.host().tick_period_ms, 250, "still watching");
}

#[test]
fn what_the_head_told_goes_along() {
    let mut request = host::event();
    request.headers[1].1 = b"text/html".to_vec();
    let outcome = start("{}").request(&request, WHOLE, Host::KnobMissing);
    assert_eq!(marks(&outcome), told("uninspected;endpoint=convert", "content_type, host_error"));
    let outcome = start(r#"{"mode":"shadow"}"#).request(&request, WHOLE, Host::KnobMissing);
    assert_eq!(
        marks(&outcome),
        told("uninspected;endpoint=convert;mode=shadow", "content_type, host_error")
    );
}

/// The body is read all the same, so that nothing is refused for its being late; what is refused
/// for what is in it still is.
#[test]
fn without_the_knob_bodies_are_judged_all_the_same() {
    let invalid = Request { body: Some(b"{".to_vec()), ..host::event() };
    for actions in ["{}", r#"{"host_error":"reject"}"#] {
        let mut vm = start(&format!(r#"{{"actions":{actions}}}"#));
        assert_eq!(
            vm.request(&invalid, WHOLE, Host::KnobMissing).observed.reply.unwrap().status,
            400
        );
        assert_eq!(vm.metric(&["trackgate_requests_total"]), 1);
        let outcome = vm.request(&host::event(), WHOLE, Host::KnobMissing);
        assert_eq!(marks(&outcome), told("uninspected;endpoint=convert", "host_error"));
        assert_eq!(vm.metric(&["trackgate_requests_total"]), 2);
    }
}

/// A drop that waits for its body is answered by the tick, and once the knob is known to be missing
/// it does not wait.
#[test]
fn without_the_knob_drops_are_answered_too() {
    let mut vm = start("{}");
    let mut bot = host::event();
    bot.headers[0].1 = b"curl/8".to_vec();
    bot.headers.push((
        "content-length".to_owned(),
        bot.body.as_ref().unwrap().len().to_string().into_bytes(),
    ));
    for (ticks, count) in [(5, 1), (0, 2)] {
        let outcome = vm.request(&bot, WHOLE, Host::KnobMissing);
        assert_eq!((outcome.ticks, outcome.hung), (ticks, false));
        assert_eq!(outcome.observed.reply.unwrap().body, br#"{"code":"BOT"}"#);
        assert!(outcome.observed.upstream.is_none());
        assert_eq!(outcome.verdict_state.as_deref(), Some("drop;endpoint=convert"));
        assert_eq!(vm.metric(&["trackgate_requests_total"]), count);
        assert_eq!(vm.metric(&["verdict.drop.reason.bot"]), count);
    }
}

/// A client that has said how much will come is waited for; of one that has not it cannot be told
/// whether its body is over.
#[test]
fn a_slow_client_keeps_its_annotation() {
    let mut declared = host::event();
    declared.headers.push((
        "content-length".to_owned(),
        declared.body.as_ref().unwrap().len().to_string().into_bytes(),
    ));
    for (request, ticks, left_first, verdict) in [
        (&declared, 200, false, "pass;endpoint=convert"),
        (&host::event(), 19, false, "pass;endpoint=convert"),
        (&host::event(), 20, true, "uninspected;endpoint=convert"),
    ] {
        let mut vm = start("{}");
        let outcome = vm.request(request, WHOLE, Host::SlowClient(ticks));
        assert!(!outcome.hung && outcome.headers_left_first == left_first, "{ticks}");
        assert_eq!(marks(&outcome)[0].as_deref(), Some(verdict), "{ticks}");
        assert_eq!(vm.metric(&["trackgate_resumed_total"]), u64::from(left_first));
        assert_eq!(vm.metric(&["trackgate_requests_total"]), 1);
        assert_eq!(
            vm.host().logs.iter().filter(|(level, _)| *level == 4).count(),
            0,
            "no false alarm"
        );
    }
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

/// What comes of it when the knob is forgotten: nothing hangs and nothing is lost, but the
/// collector is not told what the body would have.
#[tokio::test]
async fn without_the_knob_envoys_requests_are_let_go() {
    let bootstrap = envoy::replaced(
        &shipped("hold"),
        "                allow_on_headers_stop_iteration: true\n",
        "",
    )
    .unwrap();
    let _turn = crate::turn().await;
    let (collector, envoy) = gateway(&bootstrap, 1).await;
    for round in 1..=2 {
        let begin = Instant::now();
        let answer = client::send(envoy.listener, &bucketing(), Transport::Http1).await.unwrap();
        let waited = begin.elapsed();
        assert!(answer.header("x-collector").is_some(), "{answer:?}");
        assert!(
            waited > Duration::from_millis(900) && waited < Duration::from_millis(1900),
            "{waited:?}"
        );
        assert_eq!(envoy.stat("wasmcustom.trackgate_resumed_total").await.unwrap(), round);
    }
    for seen in collector.seen() {
        assert_eq!(
            seen.header("x-track-verdict"),
            Some(b"uninspected;endpoint=convert".as_slice())
        );
        assert_eq!(seen.header("x-track-drop-reason"), Some(b"host_error".as_slice()));
    }
    let counted =
        envoy.stat("wasmcustom.trackgate_requests_total.endpoint.convert.verdict.uninspected.reason.host_error.mode.enforce");
    assert_eq!(counted.await.unwrap(), 2);
    let refused = Call { body: Some(b"{".to_vec()), ..bucketing() };
    assert_eq!(
        client::send(envoy.listener, &refused, Transport::Http1).await.unwrap().status,
        400,
        "the body is inspected all the same"
    );
    // Of a body without a byte nothing arrives; now that the knob is known to be missing it is let
    // go as soon.
    let (begin, empty) = (Instant::now(), Call { body: Some(Vec::new()), ..bucketing() });
    assert_eq!(
        client::send(envoy.listener, &empty, Transport::Http1Chunked(1)).await.unwrap().status,
        400
    );
    assert!(begin.elapsed() < Duration::from_millis(1900), "{:?}", begin.elapsed());
    let told = envoy
        .log()
        .lines()
        .filter(|line| line.contains("[error]") && line.contains("allow_on_headers_stop_iteration"))
        .count();
    assert_eq!(told, 1, "said once, at error level:\n{}", envoy.log());
}

/// The first requests of all, whose clients take more than the five seconds after which silence
/// proves something: who has declared a body is waited for, who has not is let go and marked, and
/// nobody is told to set what is set.
#[tokio::test]
async fn with_the_knob_envoys_slow_clients_are_waited_for() {
    let (collector, envoy) = gateway(&shipped("hold"), 1).await;
    let mut clients = Vec::new();
    for transport in [Transport::Http1, Transport::Http1Chunked(1000)] {
        let bytes = client::http1_bytes(&bucketing(), transport);
        let head = bytes.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
        let mut stream = TcpStream::connect(envoy.listener).await.unwrap();
        stream.write_all(&bytes[..head]).await.unwrap();
        clients.push((stream, bytes[head..].to_vec()));
    }
    tokio::time::sleep(Duration::from_millis(5600)).await;
    for (stream, body) in clients.iter_mut().rev() {
        stream.write_all(body).await.unwrap();
    }
    until("both requests", async || (collector.seen().len() >= 2).then_some(())).await;
    for seen in collector.seen() {
        let is_declared = seen.header("content-length").is_some();
        let expected =
            if is_declared { "pass;endpoint=convert" } else { "uninspected;endpoint=convert" };
        assert_eq!(seen.header("x-track-verdict"), Some(expected.as_bytes()));
        assert_eq!(seen.body.as_deref(), Some(BUCKETING.as_bytes()));
    }
    assert_eq!(envoy.stat("wasmcustom.trackgate_resumed_total").await.unwrap(), 1);
    assert_eq!(counted(&envoy).await, 2);
    assert!(!envoy.log().contains("allow_on_headers_stop_iteration"), "{}", envoy.log());
}
