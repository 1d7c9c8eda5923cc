//! Traffic that is not the gate's, beside it on one listener in compat mode: it must not be held.
//! Once with the shipped bootstrap, and once each with what Istio and Envoy Gateway make of their
//! examples.

use http_body_util::StreamBody;
use hyper::body::{Bytes, Frame};
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_stream::StreamExt;
use trackgate_testing::client::{self, Transport};
use trackgate_testing::envoy::{Envoy, replaced};
use trackgate_testing::gateway::{BUCKETING, gateway, post, shipped};

const SOON: Duration = Duration::from_secs(5);

/// The shipped bootstrap, with WebSockets allowed.
fn with_upgrades(bootstrap: &str) -> String {
    replaced(
        bootstrap,
        "          codec_type: AUTO\n",
        "          codec_type: AUTO\n          upgrade_configs: [{upgrade_type: websocket}]\n",
    )
    .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_other_traffic_is_held() {
    let mut cases = tokio::task::JoinSet::new();
    for (name, bootstrap) in [
        ("shipped", with_upgrades(&shipped("compat"))),
        ("istio", crate::controllers::istio_compat()),
        ("envoy gateway", crate::controllers::compat()),
    ] {
        cases.spawn(async move {
            judged_and_uploaded(name, &bootstrap).await;
            let upstream = streaming_upstream().await;
            let envoy = Envoy::start(&bootstrap, upstream, 1).await.unwrap();
            tokio::time::timeout(SOON, websocket(envoy.listener))
                .await
                .unwrap_or_else(|_| panic!("{name}: the WebSocket hangs"));
            tokio::time::timeout(SOON, bidi(envoy.listener))
                .await
                .unwrap_or_else(|_| panic!("{name}: the stream hangs"));
        });
    }
    cases.join_all().await;
}

async fn judged_and_uploaded(name: &str, bootstrap: &str) {
    let (collector, envoy) = gateway(bootstrap, 1).await;
    let forged: &[(&str, &[u8])] =
        &[("x-track-verdict", b"pending"), ("x-track-drop-reason", b"forged")];
    for transport in [Transport::Http1, Transport::Http1Chunked(70_000), Transport::Http2(100_000)]
    {
        let upload = post("/upload", forged, &" ".repeat(3 << 20));
        let answer = client::send(envoy.listener, &upload, transport).await.unwrap();
        assert_eq!(
            (answer.status, answer.header("x-collector").is_some()),
            (202, true),
            "{name} {transport:?}"
        );
        let seen = collector.seen().pop().unwrap();
        assert_eq!(seen.body.as_ref().map(Vec::len), Some(3 << 20));
        assert_eq!(
            (seen.header("x-track-verdict"), seen.header("x-track-drop-reason")),
            (None, None),
            "{name}"
        );
        // Nothing of a request that is refused reaches the collector, and a good one is marked; 100
        // KB fit whatever the listener's buffer.
        let before = collector.seen().len();
        let refused = post("/v1/track/key", forged, "{");
        assert_eq!(
            client::send(envoy.listener, &refused, transport).await.unwrap().status,
            400,
            "{name}"
        );
        let good = post("/v1/track/key", forged, &format!("{BUCKETING}{}", " ".repeat(100_000)));
        assert_eq!(
            client::send(envoy.listener, &good, transport).await.unwrap().status,
            202,
            "{name}"
        );
        let seen = collector.seen();
        assert_eq!(seen.len(), before + 1, "{name}");
        assert_eq!(
            seen[before].header("x-track-verdict"),
            Some(b"pass;endpoint=convert".as_slice()),
            "{name}"
        );
        assert_eq!(seen[before].header("x-track-drop-reason"), None, "{name}");
    }
}

/// Answers before the request is over: a WebSocket with an echo, anything else once some of its
/// body has come.
async fn streaming_upstream() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut held = Vec::new();
                let told = |held: &[u8], text: &[u8]| {
                    held.windows(text.len()).any(|window| window == text)
                };
                while !told(&held, b"\r\n\r\n")
                    || !told(&held, b"upgrade: websocket") && !told(&held, b"message one")
                {
                    if stream.read_buf(&mut held).await.unwrap_or(0) == 0 {
                        return;
                    }
                }
                if !told(&held, b"upgrade: websocket") {
                    let _ = stream
                        .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nheard")
                        .await;
                    return;
                }
                let switched = "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n";
                let _ = stream.write_all(switched.as_bytes()).await;
                let (mut reader, mut writer) = stream.split();
                let _ = tokio::io::copy(&mut reader, &mut writer).await;
            });
        }
    });
    address
}

async fn websocket(listener: SocketAddr) {
    let mut stream = TcpStream::connect(listener).await.unwrap();
    let head = "GET /socket HTTP/1.1\r\nhost: a.example\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut held = Vec::new();
    while !held.ends_with(b"\r\n\r\n") {
        assert!(stream.read_buf(&mut held).await.unwrap() > 0);
    }
    assert!(held.starts_with(b"HTTP/1.1 101 "), "{}", String::from_utf8_lossy(&held));
    stream.write_all(b"over and back").await.unwrap();
    let mut back = [0; 13];
    stream.read_exact(&mut back).await.unwrap();
    assert_eq!(&back, b"over and back");
}

/// A gRPC stream over HTTP/2: the other side answers while this one has not ended.
async fn bidi(listener: SocketAddr) {
    let stream = TcpStream::connect(listener).await.unwrap();
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
            .await
            .unwrap();
    let driver = tokio::spawn(connection);
    let frames =
        tokio_stream::once(Ok::<_, Infallible>(Frame::data(Bytes::from_static(b"message one"))));
    let request = hyper::Request::builder()
        .method("POST")
        .uri("http://a.example/package.Service/Method")
        .header("content-type", "application/grpc")
        .body(StreamBody::new(frames.chain(tokio_stream::pending())))
        .unwrap();
    assert_eq!(sender.send_request(request).await.unwrap().status(), 200);
    driver.abort();
}
