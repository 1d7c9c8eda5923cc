//! What Envoy can hold of a body, at several sizes of its buffers: nothing that the gate would
//! forward gets a 413 from Envoy.

use std::process::Command;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use trackgate_testing::client::{self, Answer, Call, Transport};
use trackgate_testing::collector::Collector;
use trackgate_testing::envoy::{Envoy, Host, replaced};
use trackgate_testing::gateway::{
    BUCKETING, counted, gateway, has_read, phases, post, read_bytes, shipped,
};

/// A good event at Convert of so many bytes, no two pieces of which are alike.
fn event(size: usize) -> Call {
    let mut numbers: String = (0..size / 8 + 8).map(|number| format!("{number:07} ")).collect();
    numbers.truncate(size - BUCKETING.len() - "\"x\":\"\",".len());
    let body = BUCKETING.replacen('{', &format!("{{\"x\":\"{numbers}\","), 1);
    assert_eq!(body.len(), size);
    post("/v1/track/key", &[], &body)
}

fn is_forwarded(answer: &Answer) -> bool {
    answer.header("x-collector").is_some()
}

/// The shipped configuration with buffers of so many bytes for both protocols, and none set by the
/// route.
fn with_buffers(phase: &str, limit: usize, configuration: &str) -> String {
    let text = shipped(phase);
    let value = text
        .lines()
        .find(|line| line.trim_start().starts_with("value: '{"))
        .unwrap()
        .trim()
        .to_owned();
    let text = replaced(&text, &value, &format!("value: '{configuration}'")).unwrap();
    let text =
        replaced(&text, "buffer_limit_bytes: 2097152", &format!("buffer_limit_bytes: {limit}"))
            .unwrap();
    // HTTP/2 allows no smaller window.
    let window = format!("initial_stream_window_size: {}", limit.max(65_535));
    let text = replaced(&text, "initial_stream_window_size: 2097152", &window).unwrap();
    text.replace("                request_body_buffer_limit: 4194304\n", "")
}

/// Stops a process and lets it go on, so that what a client has sent is there to be read at once.
async fn while_stopped(envoy: &Envoy, act: impl Future<Output = ()>) {
    let signal = |name: &str| {
        assert!(
            Command::new("kill").args([name, &envoy.pid().to_string()]).status().unwrap().success()
        )
    };
    signal("-STOP");
    // How much is taken while nobody reads is the kernel's affair, which does not tell when it will
    // take no more. What is not is sent when Envoy goes on.
    let _ = tokio::time::timeout(Duration::from_millis(150), act).await;
    signal("-CONT");
}

/// Sends the first bytes of the body, and the others while Envoy is not looking; the answer.
async fn in_two_reads(envoy: &Envoy, call: &Call, transport: Transport, first: usize) -> Answer {
    let bytes = client::http1_bytes(call, transport);
    let head = bytes.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
    let mut stream = TcpStream::connect(envoy.listener).await.unwrap();
    let before = read_bytes(envoy).await;
    stream.write_all(&bytes[..head + first]).await.unwrap();
    has_read(envoy, before, head + first).await;
    let mut sent = head + first;
    while_stopped(envoy, async {
        while sent < bytes.len() {
            sent += stream.write(&bytes[sent..]).await.unwrap();
        }
    })
    .await;
    client::finish(&mut stream, &bytes[sent..]).await.unwrap()
}

/// Behind the buffers of a gateway that nobody has configured for it, a module has its own: bodies
/// of the endpoint's limit are read, and larger ones judged by the gate, not by Envoy. A wasm filter
/// has no say in it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_module_makes_room_for_what_it_reads() {
    if Host::tried() == Host::Wasm {
        return;
    }
    let limit = 1_048_576;
    for buffer in [32_768, 65_536, 1_048_576] {
        let (collector, envoy) = gateway(&with_buffers("hold", buffer, "{}"), 1).await;
        let ways = [Transport::Http1, Transport::Http1Chunked(5000), Transport::Http2(10_000)];
        for way in ways {
            for size in [1000, buffer, (buffer + 1).min(limit), 100_000, limit - 1, limit] {
                let call = event(size);
                let answer = client::send(envoy.listener, &call, way).await.unwrap();
                assert!(is_forwarded(&answer), "{buffer} {size} {way:?}: {answer:?}");
                assert_eq!(verdict(&collector, &call), "pass;endpoint=convert");
            }
            // Convert takes more; the gate says that it has not read it.
            let call = event(limit + 1);
            let answer = client::send(envoy.listener, &call, way).await.unwrap();
            assert!(is_forwarded(&answer), "{buffer} {way:?}: {answer:?}");
            let found = verdict(&collector, &call);
            assert_eq!(found, "uninspected;endpoint=convert request_too_large");
        }
        let call = event(limit);
        let answer = in_two_reads(&envoy, &call, Transport::Http1Chunked(100_000), 1_000_000).await;
        assert!(is_forwarded(&answer), "{buffer}: {answer:?}");
        // Envoy has answered none of them.
        assert_eq!(counted(&envoy).await, collector.seen().len() as u64);
    }
}

/// What the collector was told, and that it got the body as it was sent.
fn verdict(collector: &Collector, call: &Call) -> String {
    let seen = collector.seen().pop().unwrap();
    assert!(
        seen.body == call.body,
        "{:?} of {:?} bytes",
        seen.body.map(|body| body.len()),
        call.body.as_ref().map(Vec::len)
    );
    let reasons =
        seen.header("x-track-drop-reason").map(|value| String::from_utf8_lossy(value).into_owned());
    let verdict =
        seen.header("x-track-verdict").map(|value| String::from_utf8_lossy(value).into_owned());
    [verdict, reasons].into_iter().flatten().collect::<Vec<_>>().join(" ")
}

/// More than the gate's limit is held when a part of it arrives that is as large as the listener's
/// buffer: how shadow mode came to refuse.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_chunked_bodies_pass_in_shadow_mode() {
    let shadow = |phase: &str, members: &str| {
        let value = format!(r#"{{"body_phase":"{phase}","mode":"shadow"{members}}}"#);
        let text = shipped(phase);
        let old =
            text.lines().find(|line| line.trim_start().starts_with("value: '{")).unwrap().trim();
        replaced(&text, old, &format!("value: '{value}'")).unwrap()
    };
    // Envoy before 1.37 does not know the route's limit.
    let told = shadow("hold", r#","buffer_limit_bytes":2097152"#)
        .replace("                request_body_buffer_limit: 4194304\n", "");
    let shipped = phases().iter().map(|phase| (*phase, shadow(phase, "")));
    for (phase, text) in shipped.chain([("told", told)]) {
        let (collector, envoy) = gateway(&text, 1).await;
        let call = event(3_000_000);
        for _ in 0..5 {
            let answer =
                in_two_reads(&envoy, &call, Transport::Http1Chunked(100_000), 1_000_000).await;
            assert!(is_forwarded(&answer), "{phase}: {answer:?}");
            assert_eq!(
                verdict(&collector, &call),
                "uninspected;endpoint=convert;mode=shadow request_too_large"
            );
        }
    }
}

/// Bodies around the buffer's size, however they come. In hold mode what does not fit is let go; in
/// compat mode the buffer filter raises the limit, and all is inspected.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_refused_for_the_size_of_envoys_buffer() {
    for limit in [32_768, 65_536, 1_048_576] {
        let cases = [("hold", "enforce"), ("hold", "shadow"), ("compat", "enforce")];
        for (phase, mode) in cases.into_iter().filter(|(phase, _)| phases().contains(phase)) {
            let told = if phase == "hold" {
                format!(r#","buffer_limit_bytes":{limit}"#)
            } else {
                String::new()
            };
            let custom =
                r#"[{"name":"convert","vendor":"convert","limits":{"request_bytes":4000000}}]"#;
            let json =
                format!(r#"{{"body_phase":"{phase}","mode":"{mode}"{told},"endpoints":{custom}}}"#);
            let (collector, envoy) = gateway(&with_buffers(phase, limit, &json), 1).await;
            let mut count = 0;
            for size in [1000, limit, limit + 1, 3 * limit] {
                let call = event(size);
                let held = phase == "compat" || size <= limit;
                let suffix = if mode == "shadow" { ";mode=shadow" } else { "" };
                let unread = format!("uninspected;endpoint=convert{suffix} request_too_large");
                let expected =
                    if held { format!("pass;endpoint=convert{suffix}") } else { unread.clone() };
                let mut check = |name: &str, answer: &Answer, expected: &[&String]| {
                    let case = format!("{limit} {phase} {mode} {size} {name}");
                    assert!(is_forwarded(answer), "{case}: {answer:?}");
                    let found = verdict(&collector, &call);
                    assert!(expected.contains(&&found), "{case}: {found}");
                    count += 1;
                };
                let first = if size > 1000 { limit.min(size) - 300 } else { 0 };
                check(
                    "declared",
                    &client::send(envoy.listener, &call, Transport::Http1).await.unwrap(),
                    &[&expected],
                );
                let chunked = Transport::Http1Chunked(5000);
                check(
                    "chunked",
                    &client::send(envoy.listener, &call, chunked).await.unwrap(),
                    &[&expected],
                );
                check(
                    "in two reads",
                    &in_two_reads(&envoy, &call, chunked, first).await,
                    &[&expected],
                );
                // The last frame comes with the end: of a body that does not declare its size, so
                // much is let go earlier.
                let near = size + 16_384 > limit;
                let framed: &[&String] =
                    if near && phase == "hold" { &[&unread] } else { &[&expected] };
                let mut declared = call.clone();
                declared.headers.push(("content-length".to_owned(), size.to_string().into_bytes()));
                check(
                    "http2, declared",
                    &client::send(envoy.listener, &declared, Transport::Http2(10_000))
                        .await
                        .unwrap(),
                    &[&expected],
                );
                check(
                    "http2",
                    &client::send(envoy.listener, &call, Transport::Http2(10_000)).await.unwrap(),
                    framed,
                );
            }
            assert_eq!(counted(&envoy).await, count);
        }
    }
}
