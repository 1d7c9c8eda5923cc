//! `trackgate resend`: what was refused and would pass now goes to the collector.
//!
//! Each request is marked `sending` on the disk before it is sent, and by its answer after. One that
//! a stop or a crash has left marked so may have arrived: it is told, and not sent again unless that
//! is asked for.

use super::Result;
use super::judge::judge;
use super::quarantine::{Chosen, Fate, Kept, Store, now_ms};
use super::shown;
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Request, Uri};
use hyper_util::rt::TokioIo;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::Instant;
use trackgate::annotation;
use trackgate::gate::{Decision, Gate};

/// What to send again, and where.
#[derive(Debug)]
pub struct Resend {
    pub store: PathBuf,
    pub to: Uri,
    pub configuration: PathBuf,
    pub chosen: Chosen,
    /// Requests a second.
    pub rate: f64,
    /// Nothing is sent unless this is set.
    pub send: bool,
    /// Also those that may have arrived.
    pub unsure_too: bool,
    /// Fields of the operator's, in place of those that were left out or sent.
    pub fields: Vec<(String, String)>,
    /// The field that gets the time of the refusal, in milliseconds since 1970.
    pub time_field: Option<String>,
    /// The field that gets the client's address.
    pub client_field: Option<String>,
    pub json: bool,
}

#[derive(Debug, Default)]
struct Counts {
    passes: u64,
    refused: BTreeMap<&'static str, u64>,
    not_ours: u64,
    sent: u64,
    collector_refused: u64,
    failed: u64,
}

const PAGE: usize = 256;
const TIMEOUT: Duration = Duration::from_secs(30);

/// True: all that passes is sent, or would be.
///
/// # Errors
/// The store, the configuration or the collector cannot be used.
pub fn run(resend: &Resend) -> Result<bool> {
    let mut store = Store::existing(&resend.store)?;
    let gate = super::configuration::load(&resend.configuration)?;
    if resend.unsure_too && resend.send {
        store.forget_unsure()?;
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut counts = Counts::default();
    let ended = runtime.block_on(all(resend, &mut store, &gate, &mut counts));
    let unsure = store.unsure()?;
    tell(resend, &counts, unsure);
    ended?;
    Ok(counts.collector_refused + counts.failed + unsure == 0)
}

async fn all(resend: &Resend, store: &mut Store, gate: &Gate, counts: &mut Counts) -> Result<()> {
    let mut collector = Collector { to: &resend.to, connection: None };
    let pause = Duration::from_secs_f64(1.0 / resend.rate);
    let mut next = Instant::now();
    let mut last = 0;
    loop {
        let page = store.after(last, &resend.chosen, PAGE)?;
        let Some(end) = page.last() else { return Ok(()) };
        last = end.id;
        for kept in page {
            let Some(decision) = passing(resend, gate, &kept, counts) else { continue };
            if !resend.send {
                continue;
            }
            tokio::time::sleep_until(next).await;
            next = next.max(Instant::now() - pause) + pause;
            store.mark(&[kept.id], Fate::Sending, now_ms())?;
            match collector.send(request(resend, gate, &kept, &decision)?).await? {
                Some(200..400) => {
                    store.mark(&[kept.id], Fate::Sent, now_ms())?;
                    counts.sent += 1;
                }
                Some(_) => {
                    store.mark(&[kept.id], Fate::Refused, now_ms())?;
                    counts.collector_refused += 1;
                }
                None => counts.failed += 1,
            }
            if counts.sent > 0 && counts.sent.is_multiple_of(1_000) {
                eprintln!("trackgate: {} sent", counts.sent);
            }
        }
    }
}

/// The new verdict, where it lets the request through.
fn passing(resend: &Resend, gate: &Gate, kept: &Kept, counts: &mut Counts) -> Option<Decision> {
    let mut captured = kept.refused.captured(kept.id.to_string());
    for (name, value) in &resend.fields {
        captured.fields.retain(|(known, _)| known != name);
        captured.push(name, value.as_bytes());
    }
    let Some(decision) = judge(gate, &captured) else {
        counts.not_ours += 1;
        return None;
    };
    if decision.reply_to_send().is_some() {
        *counts.refused.entry(decision.reason.map_or("-", |reason| reason.id())).or_default() += 1;
        return None;
    }
    counts.passes += 1;
    Some(decision)
}

/// As it came, with the annotations that the gate would give it now.
fn request(
    resend: &Resend,
    gate: &Gate,
    kept: &Kept,
    decision: &Decision,
) -> Result<Request<Full<Bytes>>> {
    let refused = &kept.refused;
    let mut own: Vec<(String, String)> = resend.fields.clone();
    let verdict = annotation::verdict(decision, &decision.endpoint.name);
    own.push((format!("{}verdict", gate.header_prefix), verdict));
    if let Some(reasons) = annotation::reasons(&decision.findings) {
        own.push((format!("{}drop-reason", gate.header_prefix), reasons));
    }
    own.extend(resend.time_field.clone().map(|name| (name, refused.time_ms.to_string())));
    own.extend(resend.client_field.clone().zip(refused.client.clone()));
    let mut request = Request::builder().method(refused.method.as_str()).uri(&refused.path);
    request = request.header("host", &refused.authority);
    let is_replaced = |name: &str| own.iter().any(|(known, _)| known.eq_ignore_ascii_case(name));
    for (name, value) in refused.headers.iter().filter(|(name, _)| !is_replaced(name)) {
        request = request.header(name, value.as_slice());
    }
    for (name, value) in &own {
        request = request.header(name, value);
    }
    Ok(request.body(Full::new(Bytes::from(refused.body.clone())))?)
}

struct Collector<'a> {
    to: &'a Uri,
    connection: Option<SendRequest<Full<Bytes>>>,
}

impl Collector<'_> {
    /// The status; `None`: it broke off, so that nobody knows whether the request arrived.
    ///
    /// # Errors
    /// The collector cannot be connected to: the request has not been sent, and none will be.
    async fn send(&mut self, request: Request<Full<Bytes>>) -> Result<Option<u16>> {
        let is_open = match &mut self.connection {
            Some(connection) => connection.ready().await.is_ok(),
            None => false,
        };
        if !is_open {
            self.connection = Some(self.connect().await?);
        }
        let Some(connection) = &mut self.connection else { return Ok(None) };
        let answered = async {
            let response = connection.send_request(request).await.ok()?;
            let status = response.status().as_u16();
            response.into_body().collect().await.ok()?;
            Some(status)
        };
        let status = tokio::time::timeout(TIMEOUT, answered).await.ok().flatten();
        if status.is_none() {
            self.connection = None;
        }
        Ok(status)
    }

    async fn connect(&self) -> Result<SendRequest<Full<Bytes>>> {
        let host = self.to.host().unwrap_or_default().trim_matches(['[', ']']);
        let port = self.to.port_u16().unwrap_or(80);
        let stream = TcpStream::connect((host, port))
            .await
            .map_err(|error| format!("{}: {error}", shown::line(self.to)))?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        tokio::spawn(async move { drop(connection.await) });
        Ok(sender)
    }
}

fn tell(resend: &Resend, counts: &Counts, unsure: u64) {
    if resend.json {
        let value = serde_json::json!({
            "passes": counts.passes, "refused": counts.refused, "not_ours": counts.not_ours,
            "sent": counts.sent, "collector_refused": counts.collector_refused, "failed": counts.failed,
            "unsure": unsure, "dry_run": !resend.send,
        });
        return println!("{}", shown::json(&value));
    }
    println!("{} would pass now", counts.passes);
    for (reason, count) in &counts.refused {
        println!("{count} are still refused: {reason}");
    }
    if counts.not_ours > 0 {
        println!("{} are for no endpoint of this configuration", counts.not_ours);
    }
    if resend.send {
        println!("{} sent, {} refused by the collector", counts.sent, counts.collector_refused);
    } else {
        println!("nothing is sent without --send");
    }
    if unsure > 0 {
        println!(
            "{unsure} may have arrived: a resend was broken off while they were sent; --unsure-too sends them again"
        );
    }
}
