//! What is the native module's own: how it takes its configuration, and what a panic costs. With
//! `HOST=module`; in place of wasm there is nothing to try.

use std::path::PathBuf;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use trackgate_testing::client::{self, Answer, Call, Transport};
use trackgate_testing::collector::Collector;
use trackgate_testing::envoy::{Envoy, Host, replaced};
use trackgate_testing::gateway::{CRAWLER, VIEW, collector, counted, own_stat, post};
use trackgate_testing::gateway::{has_read, head, read_bytes};

fn is_tried() -> bool {
    Host::tried() == Host::Module
}

fn shipped() -> String {
    trackgate_testing::read("envoy/module.yaml").unwrap()
}

const STRING: &str = "                \"@type\": type.googleapis.com/google.protobuf.StringValue\n                value: '{}'\n";

fn configured(kind: &str, value: &str) -> String {
    let line = format!(
        "                \"@type\": type.googleapis.com/google.protobuf.{kind}\n                value: {value}\n"
    );
    replaced(&shipped(), STRING, &line).unwrap()
}

/// A configuration that lets bots pass, in each of the three forms that Envoy has for it.
#[tokio::test]
async fn the_configuration_is_a_string_bytes_or_a_struct() {
    if !is_tried() {
        return;
    }
    // {"actions":{"bot":"pass"}}
    let bytes = "eyJhY3Rpb25zIjp7ImJvdCI6InBhc3MifX0=";
    for (kind, value) in [
        ("StringValue", r#"'{"actions":{"bot":"pass"}}'"#),
        ("BytesValue", bytes),
        ("Struct", r#"{"actions": {"bot": "pass"}}"#),
    ] {
        let collector = collector().await;
        let text = configured(kind, value);
        let envoy = Envoy::start(&text, collector.address, 1).await.unwrap();
        let bot = post("/api/event", &[("user-agent", CRAWLER.as_bytes())], VIEW);
        let answer = client::send(envoy.listener, &bot, Transport::Http1).await.unwrap();
        assert_eq!((answer.status, collector.seen().len()), (202, 1), "{kind}");
    }
}

#[tokio::test]
async fn another_filter_name_is_refused() {
    if !is_tried() {
        return;
    }
    let text = replaced(&shipped(), "filter_name: trackgate", "filter_name: gate").unwrap();
    let nowhere = ([127, 0, 0, 1], 9).into();
    let error = Envoy::start(&text, nowhere, 1).await.unwrap_err().to_string();
    assert!(
        error.contains("trackgate: filter_name: expected \"trackgate\", found \"gate\""),
        "{error}"
    );
}

/// The module built with `--cfg trap`: it panics at a request with `x-trap`.
async fn trapping() -> (Collector, Envoy) {
    let path: PathBuf = std::env::var_os("TRACKGATE_TRAP_MODULE")
        .map_or_else(|| trackgate_testing::path("target/libtrackgate-trap.so"), PathBuf::from);
    let path = std::fs::canonicalize(&path)
        .unwrap_or_else(|error| panic!("{}: {error}; build it with `make trap`", path.display()));
    let file = Host::Module.file();
    let text = shipped().replace(file, &path.display().to_string());
    let collector = collector().await;
    let envoy = Envoy::start(&text, collector.address, 1).await.unwrap();
    (collector, envoy)
}

fn view(fields: &[(&str, &[u8])]) -> Call {
    post("/api/event", fields, VIEW)
}

async fn sent(envoy: &Envoy, call: &Call) -> Answer {
    client::send(envoy.listener, call, Transport::Http1Chunked(10)).await.unwrap()
}

/// A panic, in the head's checks or in the decision about the body, while another stream is held:
/// the one goes on, marked, the other is judged, and Envoy lives.
#[tokio::test]
async fn a_panic_costs_one_request() {
    if !is_tried() {
        return;
    }
    let (collector, envoy) = trapping().await;
    let places: [&[u8]; 2] = [b"head", b"body"];
    for (round, place) in places.into_iter().enumerate() {
        let before = (collector.seen().len(), read_bytes(&envoy).await);
        let mut held = TcpStream::connect(envoy.listener).await.unwrap();
        let head = head(
            "/api/event",
            &format!("content-length: {}\r\nconnection: close\r\n\r\n", VIEW.len()),
        );
        held.write_all(head.as_bytes()).await.unwrap();
        held.write_all(&VIEW.as_bytes()[..10]).await.unwrap();
        has_read(&envoy, before.1, head.len() + 10).await;

        let forged: (&str, &[u8]) = ("x-track-verdict", b"pass;endpoint=forged");
        let answer = sent(&envoy, &view(&[("x-trap", place), forged])).await;
        assert_eq!(answer.status, 202, "{answer:?}");
        let seen = collector.seen().pop().unwrap();
        assert_eq!(
            (seen.header("x-track-verdict"), seen.header("x-track-drop-reason")),
            (Some(b"uninspected;endpoint=plausible".as_slice()), Some(b"host_error".as_slice()))
        );
        assert_eq!(seen.body.as_deref(), Some(VIEW.as_bytes()));

        held.write_all(&VIEW.as_bytes()[10..]).await.unwrap();
        let mut answer = Vec::new();
        held.read_to_end(&mut answer).await.unwrap();
        assert!(answer.starts_with(b"HTTP/1.1 202"), "{}", String::from_utf8_lossy(&answer));
        let seen = collector.seen().pop().unwrap();
        assert_eq!(seen.header("x-track-verdict"), Some(b"pass;endpoint=plausible".as_slice()));

        assert_eq!(collector.seen().len(), before.0 + 2);
        assert_eq!(own_stat(&envoy, "trackgate_panics_total").await, round as u64 + 1);
        assert_eq!(counted(&envoy).await, 2 * (round as u64 + 1));
        let log = envoy.log();
        let lines: Vec<&str> = log.lines().filter(|line| line.contains("panicked")).collect();
        assert_eq!(lines.len(), round + 1, "{log}");
        assert!(lines[round].contains("[critical]"), "{log}");
    }
    // A path that is not ours has no mark, and goes on as well.
    let answer = sent(&envoy, &post("/other", &[("x-trap", b"head")], VIEW)).await;
    assert_eq!(answer.status, 202);
    assert_eq!(collector.seen().pop().unwrap().header("x-track-verdict"), None);
}
