//! An HTTP client that sends exactly what it is given: any bytes in a header field, any way of
//! delivering a body.

use super::Result;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Bytes, Frame};
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const TIMEOUT: Duration = Duration::from_secs(20);

#[derive(Debug, Clone)]
pub struct Call {
    pub method: String,
    pub path: String,
    /// In order, repeats included. `host` is added, and `content-length` or `transfer-encoding` as
    /// the transport has it.
    pub headers: Vec<(String, Vec<u8>)>,
    /// `None`: the request ends with its header section.
    pub body: Option<Vec<u8>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// HTTP/1.1 with `content-length`.
    Http1,
    /// HTTP/1.1, chunked, in pieces of so many bytes.
    Http1Chunked(usize),
    /// HTTP/2 without TLS, in pieces of so many bytes.
    Http2(usize),
    /// HTTP/2 with a trailer section after the body.
    Http2Trailers,
}

#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, Vec<u8>)>,
    pub body: Vec<u8>,
}

impl Answer {
    /// The first value of a field, as text.
    pub fn header(&self, name: &str) -> Option<String> {
        let value = self.headers.iter().find(|(field, _)| field == name).map(|(_, value)| value);
        value.map(|value| String::from_utf8_lossy(value).into_owned())
    }
}

/// Sends one request on a connection of its own.
///
/// # Errors
/// No connection, no answer within twenty seconds, or one that is not HTTP.
pub async fn send(address: SocketAddr, call: &Call, transport: Transport) -> Result<Answer> {
    let answer = async {
        match transport {
            Transport::Http1 | Transport::Http1Chunked(_) => {
                let mut stream = TcpStream::connect(address).await?;
                exchange(&mut stream, call, transport).await
            }
            Transport::Http2(piece_bytes) => http2(address, call, piece_bytes, false).await,
            Transport::Http2Trailers => http2(address, call, usize::MAX, true).await,
        }
    };
    tokio::time::timeout(TIMEOUT, answer)
        .await
        .map_err(|_| format!("{} {}: no answer", call.method, call.path))?
}

/// One HTTP/1.1 request and its answer on a connection that may serve more. The answer is read
/// while the body is still being sent, for a refusal comes early and may close the connection.
///
/// # Errors
/// The connection breaks before the answer is whole, or the answer is not HTTP.
pub async fn exchange(stream: &mut TcpStream, call: &Call, transport: Transport) -> Result<Answer> {
    finish(stream, &http1_bytes(call, transport)).await
}

/// The same for a request of which only these bytes are still to be sent.
///
/// # Errors
/// As there, or no answer within twenty seconds.
pub async fn finish(stream: &mut TcpStream, bytes: &[u8]) -> Result<Answer> {
    let (mut reader, mut writer) = stream.split();
    let send = async {
        // What cannot be sent any more was not wanted: the answer tells.
        let _ = writer.write_all(bytes).await;
        std::future::pending::<()>().await;
    };
    let answer = async {
        tokio::select! {
            answer = read_answer(&mut reader) => answer,
            () = send => Err("the connection ended".into()),
        }
    };
    tokio::time::timeout(TIMEOUT, answer).await.map_err(|_| "no answer")?
}

/// What asks for the answer that ends [`statuses`].
pub const END: &str = "/end";
const END_STATUS: u16 = 299;

/// Sends bytes that need not be HTTP, and after them a request to [`END`]: the statuses of all that
/// is answered before that is, or before the connection is closed, or an answer says that it will
/// be.
///
/// # Errors
/// None of these comes within twenty seconds, or what comes is not HTTP.
pub async fn statuses(address: SocketAddr, bytes: &[u8]) -> Result<Vec<u16>> {
    let end = format!(
        "GET {END} HTTP/1.1\r\nhost: collector.example\r\nx-answer-status: {END_STATUS}\r\n\r\n"
    );
    let mut stream = TcpStream::connect(address).await?;
    // As there.
    let _ = stream.write_all(&[bytes, end.as_bytes()].concat()).await;
    let answers = async {
        let (mut held, mut statuses) = (Vec::new(), Vec::new());
        // A reset closes the connection, too.
        while !held.is_empty() || stream.read_buf(&mut held).await.unwrap_or(0) > 0 {
            let answer = read_one(&mut stream, &mut held).await?;
            if answer.status == END_STATUS {
                break;
            }
            statuses.push(answer.status);
            if answer.header("connection").is_some_and(|value| value == "close") {
                break;
            }
        }
        Ok(statuses)
    };
    tokio::time::timeout(TIMEOUT, answers).await.map_err(|_| "the answers have no end")?
}

/// The bytes of an HTTP/1.1 request.
pub fn http1_bytes(call: &Call, transport: Transport) -> Vec<u8> {
    let mut bytes =
        format!("{} {} HTTP/1.1\r\nhost: collector.example\r\n", call.method, call.path)
            .into_bytes();
    let chunked = matches!(transport, Transport::Http1Chunked(_));
    let declares = |name: &str| call.headers.iter().any(|(field, _)| field == name);
    for (name, value) in &call.headers {
        if chunked && name == "content-length" {
            continue;
        }
        bytes.extend([name.as_bytes(), b": ", value, b"\r\n"].concat());
    }
    match (&call.body, transport) {
        (Some(body), Transport::Http1Chunked(piece_bytes)) => {
            bytes.extend(b"transfer-encoding: chunked\r\n\r\n");
            for piece in body.chunks(piece_bytes.max(1)) {
                bytes.extend(format!("{:x}\r\n", piece.len()).as_bytes());
                bytes.extend([piece, b"\r\n"].concat());
            }
            bytes.extend(b"0\r\n\r\n");
        }
        (Some(body), _) => {
            if !declares("content-length") {
                bytes.extend(format!("content-length: {}\r\n", body.len()).as_bytes());
            }
            bytes.extend(b"\r\n");
            bytes.extend(body);
        }
        (None, _) => bytes.extend(b"\r\n"),
    }
    bytes
}

async fn read_answer(reader: &mut (impl AsyncReadExt + Unpin)) -> Result<Answer> {
    let mut held = Vec::new();
    loop {
        let answer = read_one(reader, &mut held).await?;
        if answer.status != 100 {
            return Ok(answer);
        }
    }
}

/// The next answer, a `100` too; what has come beyond it stays held.
async fn read_one(reader: &mut (impl AsyncReadExt + Unpin), held: &mut Vec<u8>) -> Result<Answer> {
    let end = loop {
        match held.windows(4).position(|window| window == b"\r\n\r\n") {
            Some(start) => break start + 4,
            None if held.is_empty() => read_first(reader, held).await?,
            None => read_more(reader, held).await?,
        }
    };
    let head: Vec<u8> = held.drain(..end).collect();
    let mut answer = parse_head(&String::from_utf8_lossy(&head))?;
    answer.body = read_body(reader, &answer, held).await?;
    Ok(answer)
}

fn parse_head(head: &str) -> Result<Answer> {
    let mut lines = head.split("\r\n").filter(|line| !line.is_empty());
    let status =
        lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|status| status.parse().ok());
    let status = status.ok_or("an answer that is not HTTP")?;
    let fields = lines.filter_map(|line| line.split_once(':'));
    let headers = fields
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().as_bytes().to_vec()))
        .collect();
    Ok(Answer { status, headers, body: Vec::new() })
}

async fn read_body(
    reader: &mut (impl AsyncReadExt + Unpin),
    answer: &Answer,
    held: &mut Vec<u8>,
) -> Result<Vec<u8>> {
    if answer.header("transfer-encoding").is_some() {
        return read_chunks(reader, held).await;
    }
    let length =
        answer.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    while held.len() < length {
        read_more(reader, held).await?;
    }
    Ok(held.drain(..length).collect())
}

async fn read_chunks(
    reader: &mut (impl AsyncReadExt + Unpin),
    held: &mut Vec<u8>,
) -> Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let Some(line) = held.windows(2).position(|window| window == b"\r\n") else {
            read_more(reader, held).await?;
            continue;
        };
        let size = String::from_utf8_lossy(held.get(..line).unwrap_or_default()).into_owned();
        let size = usize::from_str_radix(size.trim(), 16).map_err(|_| "a chunk without a size")?;
        while held.len() < line + 2 + size + 2 {
            read_more(reader, held).await?;
        }
        body.extend(held.get(line + 2..line + 2 + size).unwrap_or_default());
        held.drain(..line + 2 + size + 2);
        if size == 0 {
            return Ok(body);
        }
    }
}

/// Without a byte of an answer, whoever sent the request may send it again.
async fn read_first(reader: &mut (impl AsyncReadExt + Unpin), held: &mut Vec<u8>) -> Result<()> {
    match reader.read_buf(held).await? {
        0 => Err(std::io::Error::from(std::io::ErrorKind::UnexpectedEof).into()),
        _ => Ok(()),
    }
}

async fn read_more(reader: &mut (impl AsyncReadExt + Unpin), held: &mut Vec<u8>) -> Result<()> {
    if reader.read_buf(held).await? == 0 {
        return Err("the connection was closed before the answer was whole".into());
    }
    Ok(())
}

async fn http2(
    address: SocketAddr,
    call: &Call,
    piece_bytes: usize,
    trailers: bool,
) -> Result<Answer> {
    let stream = TcpStream::connect(address).await?;
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await?;
    let driver = tokio::spawn(connection);
    let mut request = hyper::Request::builder()
        .method(call.method.as_str())
        .uri(format!("http://collector.example{}", call.path));
    for (name, value) in &call.headers {
        request = request.header(name, value.as_slice());
    }
    let body = call.body.as_deref().unwrap_or_default();
    let mut frames: Vec<_> = body
        .chunks(piece_bytes.clamp(1, 1 << 20))
        .map(|piece| Frame::data(Bytes::copy_from_slice(piece)))
        .collect();
    if trailers {
        let fields = [("x-trailer", "1"), ("x-track-verdict", "forged")];
        let fields = fields.map(|(name, value)| {
            (
                hyper::header::HeaderName::from_static(name),
                hyper::header::HeaderValue::from_static(value),
            )
        });
        frames.push(Frame::trailers(fields.into_iter().collect()));
    }
    let frames = tokio_stream::iter(frames.into_iter().map(Ok::<_, Infallible>));
    let response = sender.send_request(request.body(StreamBody::new(frames))?).await?;
    let (head, body) = response.into_parts();
    let headers = head
        .headers
        .iter()
        .map(|(name, value)| (name.to_string(), value.as_bytes().to_vec()))
        .collect();
    let body = body.collect().await?.to_bytes().to_vec();
    driver.abort();
    Ok(Answer { status: head.status.as_u16(), headers, body })
}
