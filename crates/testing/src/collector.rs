//! A small collector: takes any request, keeps what reached it, and tells.
//!
//! It answers `202` with `x-collector: trackgate`, so that a client can tell its answer from a
//! local reply. A request may ask for another answer: `x-answer-status`, `x-answer-delay-ms`,
//! `x-answer-dropped` (sent back as `x-plausible-dropped`), `x-answer-location` (`302` to that
//! path, unless the request is for it already). `GET /__collector/requests` returns everything kept
//! as JSON, `DELETE` forgets it.

use super::Result;
use base64::Engine;
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::{HeaderMap, HeaderValue};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::TcpListener;
use trackgate_cli::shown::{self, shown};

/// Requests kept; the oldest go first.
const MAX_KEPT: usize = 20_000;
const CONTROL_PATH: &str = "/__collector/requests";

/// One request as it reached the collector.
#[derive(Debug, Clone)]
pub struct Seen {
    pub method: String,
    /// Path and query as they came.
    pub path: String,
    /// In order, repeats included; values are bytes.
    pub headers: Vec<(String, Vec<u8>)>,
    /// `None`: the body broke off.
    pub body: Option<Vec<u8>>,
}

impl Seen {
    /// The first value of a field.
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        self.headers.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_slice())
    }

    /// One line for people.
    pub fn line(&self) -> String {
        let text = |name: &str| {
            self.header(name).map_or_else(|| "-".to_owned(), |value| shown(value).to_string())
        };
        let size = self
            .body
            .as_ref()
            .map_or_else(|| "broken off".to_owned(), |body| format!("{} bytes", body.len()));
        format!(
            "{} {} {size} {} {}",
            shown(&self.method),
            shown(&self.path),
            text("x-track-verdict"),
            text("x-track-drop-reason")
        )
    }

    /// One line for programs.
    pub fn json(&self) -> String {
        shown::json(&self.to_json())
    }

    fn to_json(&self) -> Value {
        let headers: Vec<Value> =
            self.headers.iter().map(|(name, value)| json!([name, bytes_to_json(value)])).collect();
        json!({"method": self.method, "path": self.path, "headers": headers, "body": self.body.as_deref().map(bytes_to_json)})
    }
}

/// Text where the bytes are UTF-8, else `{"base64": …}`.
fn bytes_to_json(bytes: &[u8]) -> Value {
    match std::str::from_utf8(bytes) {
        Ok(text) => json!(text),
        Err(_) => json!({"base64": base64::engine::general_purpose::STANDARD.encode(bytes)}),
    }
}

/// A collector that serves until it is dropped.
#[derive(Debug)]
pub struct Collector {
    pub address: SocketAddr,
    seen: Arc<Mutex<VecDeque<Seen>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Collector {
    /// Serves HTTP/1.1 and HTTP/2 without TLS; `tell` is called for each request that reached it.
    ///
    /// # Errors
    /// The address cannot be listened on.
    pub async fn start(
        address: SocketAddr,
        tell: impl Fn(&Seen) + Clone + Send + Sync + 'static,
    ) -> Result<Collector> {
        let listener = TcpListener::bind(address)
            .await
            .map_err(|error| format!("cannot listen on {address}: {error}"))?;
        let address = listener.local_addr()?;
        let seen = Arc::new(Mutex::new(VecDeque::new()));
        let kept = Arc::clone(&seen);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (kept, tell) = (Arc::clone(&kept), tell.clone());
                tokio::spawn(async move {
                    let service =
                        service_fn(move |request| answer(request, Arc::clone(&kept), tell.clone()));
                    // A connection that breaks is the client's affair.
                    let _ = auto::Builder::new(TokioExecutor::new())
                        .serve_connection(TokioIo::new(stream), service)
                        .await;
                });
            }
        });
        Ok(Collector { address, seen, task })
    }

    /// All requests kept, in the order they came.
    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    /// The requests whose field `name` has this value, in the order they came.
    pub fn seen_with(&self, name: &str, value: &str) -> Vec<Seen> {
        let kept = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter().filter(|seen| seen.header(name) == Some(value.as_bytes())).cloned().collect()
    }

    /// Waits until the task ends, which it does not.
    pub async fn serve(mut self) {
        let _ = (&mut self.task).await;
    }
}

async fn answer(
    request: Request<Incoming>,
    kept: Arc<Mutex<VecDeque<Seen>>>,
    tell: impl Fn(&Seen),
) -> std::result::Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    if head.uri.path() == CONTROL_PATH {
        return Ok(control(&head.method, &kept));
    }
    let seen = Seen {
        method: head.method.to_string(),
        path: head
            .uri
            .path_and_query()
            .map_or_else(|| head.uri.path().to_owned(), ToString::to_string),
        headers: head
            .headers
            .iter()
            .map(|(name, value)| (name.to_string(), value.as_bytes().to_vec()))
            .collect(),
        body: body.collect().await.ok().map(|body| body.to_bytes().to_vec()),
    };
    tell(&seen);
    let location = head
        .headers
        .get("x-answer-location")
        .filter(|location| !location.as_bytes().ends_with(seen.path.as_bytes()))
        .cloned();
    {
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() == MAX_KEPT {
            kept.pop_front();
        }
        kept.push_back(seen);
    }
    let mut response = asked_for(&head.headers).await;
    if let Some(location) = location {
        *response.status_mut() = StatusCode::FOUND;
        response.headers_mut().insert("location", location);
    }
    Ok(response)
}

/// The answer that the request asks for. Browsers may read it, and are let through when they ask
/// first (CORS).
async fn asked_for(headers: &HeaderMap) -> Response<Full<Bytes>> {
    let number = |name: &str| {
        headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.parse::<u64>().ok())
    };
    if let Some(delay_ms) = number("x-answer-delay-ms") {
        tokio::time::sleep(Duration::from_millis(delay_ms)).await;
    }
    let mut response = Response::new(Full::new(Bytes::from_static(b"ok")));
    let status = number("x-answer-status").and_then(|status| u16::try_from(status).ok());
    *response.status_mut() =
        status.and_then(|status| StatusCode::from_u16(status).ok()).unwrap_or(StatusCode::ACCEPTED);
    response.headers_mut().insert("x-collector", HeaderValue::from_static("trackgate"));
    response.headers_mut().insert("access-control-allow-origin", HeaderValue::from_static("*"));
    if headers.contains_key("access-control-request-method") {
        *response.status_mut() = StatusCode::NO_CONTENT;
        *response.body_mut() = Full::default();
        response
            .headers_mut()
            .insert("access-control-allow-headers", HeaderValue::from_static("*"));
    }
    if let Some(dropped) = headers.get("x-answer-dropped") {
        response.headers_mut().insert("x-plausible-dropped", dropped.clone());
    }
    response
}

fn control(method: &Method, kept: &Mutex<VecDeque<Seen>>) -> Response<Full<Bytes>> {
    let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
    if method == Method::DELETE {
        kept.clear();
    }
    let list: Vec<Value> = kept.iter().map(Seen::to_json).collect();
    let mut response = Response::new(Full::new(Bytes::from(Value::Array(list).to_string())));
    response.headers_mut().insert("content-type", HeaderValue::from_static("application/json"));
    response
}
