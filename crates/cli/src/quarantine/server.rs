//! The receiver. On one address it takes any request, for a refused one has any path; on another it
//! tells how it is.

use super::metrics::Metrics;
use super::record::Refused;
use super::store::{Bounds, Store};
use super::writer::{self, Job};
use crate::Result;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};

/// More than the gate sends, by default.
const MAX_BODY_BYTES: usize = 64 << 20;
/// Requests that wait to be written; beyond them the answer is 503.
const MAX_WAITING: usize = 4_096;
/// For requests under way when it is told to stop.
const GRACE: Duration = Duration::from_secs(10);

/// How to serve.
#[derive(Debug)]
pub struct Serve {
    pub listen: SocketAddr,
    pub admin: Option<SocketAddr>,
    pub store: PathBuf,
    pub bounds: Bounds,
    /// How the names of the gate's own fields start.
    pub header_prefix: String,
}

/// Milliseconds since 1970.
pub fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

struct Receiver {
    prefix: String,
    jobs: mpsc::Sender<Job>,
    metrics: Arc<Metrics>,
}

/// Serves until SIGINT or SIGTERM; what has been taken by then is written.
///
/// # Errors
/// The store cannot be opened, or an address cannot be listened on.
pub fn run(serve: &Serve) -> Result<()> {
    let store = Store::open(&serve.store)?;
    let metrics = Arc::new(Metrics::default());
    let (jobs, taken) = mpsc::channel(MAX_WAITING);
    let writer = {
        let (metrics, bounds) = (Arc::clone(&metrics), serve.bounds);
        std::thread::spawn(move || writer::write(store, bounds, &metrics, taken))
    };
    let receiver = Receiver { prefix: serve.header_prefix.clone(), jobs, metrics };
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(listen(serve, Arc::new(receiver)))?;
    drop(runtime);
    writer.join().map_err(|_| "the writer has panicked".into())
}

async fn listen(serve: &Serve, receiver: Arc<Receiver>) -> Result<()> {
    let bound = async |address: SocketAddr| {
        let listener = TcpListener::bind(address).await;
        listener.map_err(|error| format!("cannot listen on {address}: {error}"))
    };
    let listener = bound(serve.listen).await?;
    println!("trackgate: quarantine listens on {}", listener.local_addr()?);
    if let Some(address) = serve.admin {
        let admin = bound(address).await?;
        println!("trackgate: /metrics and /healthz on {}", admin.local_addr()?);
        let metrics = Arc::clone(&receiver.metrics);
        tokio::spawn(tell(admin, metrics));
    }
    let under_way = GracefulShutdown::new();
    let mut stop = std::pin::pin!(stopped());
    loop {
        let stream = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                // Too many files are open, or the client has gone: the next may come.
                Err(_) => {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                    continue;
                }
            },
            () = &mut stop => break,
        };
        let receiver = Arc::clone(&receiver);
        let service = service_fn(move |request| {
            let receiver = Arc::clone(&receiver);
            async move { Ok::<_, std::convert::Infallible>(receiver.take(request).await) }
        });
        let server = auto::Builder::new(TokioExecutor::new());
        let connection = server.serve_connection(TokioIo::new(stream), service).into_owned();
        let connection = under_way.watch(connection);
        // A connection that breaks is the client's affair.
        tokio::spawn(async move { drop(connection.await) });
    }
    drop(listener);
    let _ = tokio::time::timeout(GRACE, under_way.shutdown()).await;
    Ok(())
}

async fn stopped() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminate) = signal(SignalKind::terminate()) else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
}

fn answer(status: StatusCode, text: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(text.into()));
    *response.status_mut() = status;
    response
}

impl Receiver {
    /// 2xx: it is on the disk.
    async fn take(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let (head, body) = request.into_parts();
        let Ok(body) = Limited::new(body, MAX_BODY_BYTES).collect().await else {
            return answer(
                StatusCode::PAYLOAD_TOO_LARGE,
                "the body is too large, or did not end\n",
            );
        };
        let body = body.to_bytes().to_vec();
        let refused = match Refused::read(&self.prefix, &fields(&head), body) {
            Ok(refused) => refused,
            Err(error) => {
                Metrics::add(&self.metrics.foreign, 1);
                return answer(StatusCode::BAD_REQUEST, format!("{error}\n"));
            }
        };
        let (sender, is_kept) = oneshot::channel();
        if self.jobs.try_send((refused, sender)).is_err() {
            Metrics::add(&self.metrics.failed, 1);
            return answer(StatusCode::SERVICE_UNAVAILABLE, "too many wait\n");
        }
        match is_kept.await {
            Ok(true) => answer(StatusCode::NO_CONTENT, ""),
            Ok(false) | Err(_) => answer(StatusCode::SERVICE_UNAVAILABLE, "not kept\n"),
        }
    }
}

fn fields(head: &hyper::http::request::Parts) -> Vec<(String, Vec<u8>)> {
    let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
    let mut fields = vec![
        (":method".to_owned(), head.method.as_str().as_bytes().to_vec()),
        (":path".to_owned(), path.as_bytes().to_vec()),
    ];
    if let Some(authority) = head.uri.authority() {
        fields.push((":authority".to_owned(), authority.as_str().as_bytes().to_vec()));
    }
    let own = head.headers.iter();
    fields.extend(own.map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec())));
    fields
}

async fn tell(listener: TcpListener, metrics: Arc<Metrics>) {
    while let Ok((stream, _)) = listener.accept().await {
        let metrics = Arc::clone(&metrics);
        let service = service_fn(move |request: Request<Incoming>| {
            let text = match request.uri().path() {
                "/metrics" => answer(StatusCode::OK, metrics.text()),
                "/healthz" => answer(StatusCode::OK, "ok\n"),
                _ => answer(StatusCode::NOT_FOUND, "there is /metrics and /healthz\n"),
            };
            async move { Ok::<_, std::convert::Infallible>(text) }
        });
        tokio::spawn(async move {
            let server = auto::Builder::new(TokioExecutor::new());
            let _ = server.serve_connection(TokioIo::new(stream), service).await;
        });
    }
}
