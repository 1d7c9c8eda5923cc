//! Requests that no HTTP library would send, byte for byte to the real Envoy, and a collector that
//! is down, slow or broken. What a library would send is in `tests/vectors/attacks.jsonl`.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use trackgate_testing::client::{self, Transport};
use trackgate_testing::envoy::Envoy;
use trackgate_testing::gateway::{VIEW, active_requests, gateway, head, settle, shipped, view};
use trackgate_testing::wait::until;

fn whole(target: &str, extra: &str, body: &str) -> String {
    format!("{}content-length: {}\r\n\r\n{body}", head(target, extra), body.len())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bytes_that_no_library_would_send() {
    let (collector, envoy) = gateway(&shipped("hold"), 1).await;
    let chunked = "transfer-encoding: chunked\r\n\r\n";
    let size = VIEW.len();
    // Name, bytes, what the client gets, and how many requests the collector sees of it.
    let rows: Vec<(&str, String, &[u16], usize)> = vec![
        ("as it should be", whole("/api/event", "", VIEW), &[202], 1),
        ("absolute form", whole("http://h.example/api/event", "", "{"), &[400], 0),
        ("absolute form, valid", whole("http://h.example/api/event", "", VIEW), &[202], 1),
        (
            "two content-lengths that differ",
            format!(
                "{}content-length: 3\r\ncontent-length: 4\r\n\r\n{{}}  ",
                head("/api/event", "")
            ),
            &[400],
            0,
        ),
        (
            "content-length and chunks",
            format!(
                "{}content-length: 2\r\n{chunked}2\r\n{{}}\r\n0\r\n\r\n",
                head("/api/event", "")
            ),
            &[400],
            0,
        ),
        // Envoy makes it a part of the value before it, which it stays to the collector.
        (
            "a line that goes on (obs-fold)",
            whole("/api/event", "x-a: 1\r\n  x-track-verdict: forged\r\n", VIEW),
            &[202],
            1,
        ),
        ("a fragment in the target", whole("/events?tc_s=1#&token=a", "", "{}"), &[400], 0),
        (
            "a space before the colon",
            whole("/api/event", "x-track-verdict : forged\r\n", VIEW),
            &[400],
            0,
        ),
        ("NUL in a value", whole("/api/event", "x-a: 1\0z\r\n", VIEW), &[400], 0),
        (
            "a chunk without a size",
            format!("{}{chunked}x\r\n{{}}\r\n0\r\n\r\n", head("/api/event", "")),
            &[400],
            0,
        ),
        (
            "more body than was announced",
            whole("/api/event", "", VIEW) + "{}\r\n\r\n",
            &[202, 400],
            1,
        ),
        (
            "expect: 100-continue",
            whole("/api/event", "expect: 100-continue\r\n", VIEW),
            &[100, 202],
            1,
        ),
        (
            "expect: 100-continue, too large",
            format!(
                "{}expect: 100-continue\r\ncontent-length: 40000\r\n\r\n",
                head("/events?tc_s=1", "")
            ),
            &[100, 400],
            0,
        ),
        (
            "two requests in one segment",
            whole("/api/event", "", VIEW) + &whole("/api/event", "", "{}"),
            &[202, 400],
            1,
        ),
        ("HTTP/1.0", whole("/api/event", "", VIEW).replace("HTTP/1.1", "HTTP/1.0"), &[426], 0),
        ("a method of its own", whole("/api/event", "", VIEW).replace("POST", "post"), &[400], 0),
        (
            "one byte a chunk",
            format!(
                "{}{chunked}{}0\r\n\r\n",
                head("/api/event", ""),
                VIEW.chars().map(|letter| format!("1\r\n{letter}\r\n")).collect::<String>()
            ),
            &[202],
            1,
        ),
        (
            "a chunk extension",
            format!("{}{chunked}{size:x};x=y\r\n{VIEW}\r\n0\r\n\r\n", head("/api/event", "")),
            &[202],
            1,
        ),
    ];
    for (name, bytes, answers, reached) in rows {
        let before = collector.seen().len();
        let found = client::statuses(envoy.listener, bytes.as_bytes()).await;
        assert_eq!(found.unwrap(), answers, "{name}");
        let seen = collector.seen();
        let seen = seen[before..].iter().filter(|seen| seen.path != client::END);
        assert_eq!(seen.clone().count(), reached, "{name}");
        for seen in seen {
            let verdicts: Vec<&[u8]> = seen
                .headers
                .iter()
                .filter(|(field, _)| field == "x-track-verdict")
                .map(|(_, value)| value.as_slice())
                .collect();
            assert_eq!(
                (verdicts.as_slice(), seen.body.as_deref()),
                ([b"pass;endpoint=plausible".as_slice()].as_slice(), Some(VIEW.as_bytes())),
                "{name}"
            );
        }
    }
}

/// The rest is waited for, and nothing is said before it is there.
#[tokio::test]
async fn less_body_than_was_announced() {
    let (collector, envoy) = gateway(&shipped("hold"), 1).await;
    let bytes = format!("{}content-length: 1000\r\n\r\n{VIEW}", head("/api/event", ""));
    let mut stream = TcpStream::connect(envoy.listener).await.unwrap();
    stream.write_all(bytes.as_bytes()).await.unwrap();
    until("the request", async || (active_requests(&envoy).await == 1).then_some(())).await;
    // The one worker is done with what it has read when it has answered another.
    client::send(envoy.listener, &view(&[]), Transport::Http1).await.unwrap();
    assert_eq!(active_requests(&envoy).await, 1);
    let nothing = stream.try_read(&mut [0; 64]).unwrap_err();
    assert_eq!(nothing.kind(), ErrorKind::WouldBlock);
    drop(stream);
    settle(&envoy, Duration::from_secs(5)).await;
    assert_eq!(collector.seen().len(), 1, "the other");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn our_own_fields_cannot_be_forged() {
    let (collector, envoy) = gateway(&shipped("hold"), 1).await;
    let names = [
        "x-track-verdict",
        "X-TRACK-Verdict",
        "x_track_verdict",
        "X_Track-Drop_Reason",
        "x-track-drop-reason",
        "x-track-",
        "x-track-new",
    ];
    for name in names {
        // On a track path, on any other, and behind the body.
        for (target, body) in [("/api/event", VIEW), ("/other", "x")] {
            let bytes = whole(target, &format!("{name}: forged;endpoint=evil\r\n"), body);
            let found = client::statuses(envoy.listener, bytes.as_bytes()).await.unwrap();
            assert_eq!(found, [202], "{name} {target}");
        }
        let trailer = format!(
            "{}transfer-encoding: chunked\r\n\r\n{:x}\r\n{VIEW}\r\n0\r\n{name}: forged\r\n\r\n",
            head("/api/event", ""),
            VIEW.len()
        );
        let found = client::statuses(envoy.listener, trailer.as_bytes()).await.unwrap();
        assert_eq!(found, [202], "{name} as a trailer");
    }
    for seen in collector.seen() {
        let forged = seen
            .headers
            .iter()
            .find(|(_, value)| value.windows(6).any(|window| window == b"forged"));
        assert!(forged.is_none(), "{forged:?}");
    }
}

async fn in_front_of(collector: SocketAddr) -> Envoy {
    Envoy::start(&shipped("hold"), collector, 1).await.unwrap()
}

/// What the collector does is told to the client, and hangs nobody.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_that_fails_hangs_nobody() {
    let (collector, envoy) = gateway(&shipped("hold"), 1).await;
    let slow =
        client::send(envoy.listener, &view(&[("x-answer-delay-ms", b"300")]), Transport::Http1)
            .await
            .unwrap();
    let failing =
        client::send(envoy.listener, &view(&[("x-answer-status", b"500")]), Transport::Http1)
            .await
            .unwrap();
    assert_eq!((slow.status, failing.status), (202, 500));
    assert_eq!(collector.seen().len(), 2);
    drop(collector);
    // One that resets each connection once it has the request.
    let resetting = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = resetting.local_addr().unwrap();
    let task = tokio::spawn(async move {
        while let Ok((mut stream, _)) = resetting.accept().await {
            let _ = stream.read(&mut [0; 64]).await;
            let _ = stream.set_zero_linger();
        }
    });
    for (name, envoy) in [
        ("down", in_front_of(SocketAddr::from(([127, 0, 0, 1], 9))).await),
        ("resetting", in_front_of(address).await),
    ] {
        let begin = Instant::now();
        let answer = client::send(envoy.listener, &view(&[]), Transport::Http1).await.unwrap();
        assert_eq!(answer.status, 503, "{name}");
        assert!(begin.elapsed() < Duration::from_secs(3), "{name}");
        // What the gate refuses it refuses without the collector.
        let mut invalid = view(&[]);
        invalid.body = Some(b"{}".to_vec());
        assert_eq!(
            client::send(envoy.listener, &invalid, Transport::Http1).await.unwrap().status,
            400,
            "{name}"
        );
        assert_eq!(active_requests(&envoy).await, 0, "{name}");
    }
    task.abort();
}
