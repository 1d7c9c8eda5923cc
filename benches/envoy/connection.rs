//! A connection that sends one request again and again.

use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use trackgate_testing::client::{Call, Transport, http1_bytes};

pub enum Connection {
    Http1(TcpStream, Vec<u8>),
    Http2(hyper::client::conn::http2::SendRequest<Full<Bytes>>, Call),
}

impl Connection {
    pub async fn open(address: SocketAddr, call: &Call, is_http2: bool) -> Connection {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        if !is_http2 {
            return Connection::Http1(stream, http1_bytes(call, Transport::Http1));
        }
        let (sender, connection) =
            hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
                .await
                .unwrap();
        tokio::spawn(connection);
        Connection::Http2(sender, call.clone())
    }

    pub async fn exchange(&mut self) -> u16 {
        match self {
            Connection::Http1(stream, bytes) => {
                stream.write_all(bytes).await.unwrap();
                let mut answer = Vec::with_capacity(1024);
                loop {
                    assert!(
                        stream.read_buf(&mut answer).await.unwrap() > 0,
                        "the connection was closed"
                    );
                    let text = String::from_utf8_lossy(&answer);
                    let Some(end) = text.find("\r\n\r\n") else { continue };
                    let length: usize = text
                        .split("content-length: ")
                        .nth(1)
                        .and_then(|rest| rest.split("\r\n").next()?.parse().ok())
                        .unwrap_or(0);
                    if answer.len() >= end + 4 + length {
                        return text.split(' ').nth(1).unwrap().parse().unwrap();
                    }
                }
            }
            Connection::Http2(sender, call) => {
                let mut request =
                    hyper::Request::post(format!("http://collector.example{}", call.path));
                for (name, value) in &call.headers {
                    request = request.header(name, value.as_slice());
                }
                let body = Full::new(Bytes::from(call.body.clone().unwrap()));
                let response = sender.send_request(request.body(body).unwrap()).await.unwrap();
                let status = response.status().as_u16();
                response.into_body().collect().await.unwrap();
                status
            }
        }
    }
}
