//! A collector, the real Envoy before it with a shipped configuration, and what clients send
//! through.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a harness that fails fails the test")]

use crate::client::Call;
use crate::collector::Collector;
use crate::envoy::{Envoy, Host};
use crate::wait::until;
use serde_json::Value;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

pub const PERSON: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:126.0) Gecko/20100101 Firefox/126.0";
pub const CRAWLER: &str =
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)";
/// A good event at Plausible's `/api/event`.
pub const VIEW: &str = r#"{"n":"pageview","u":"https://a.example/","d":"a.example"}"#;
/// A good event at Convert's `/v1/track/{key}`.
pub const BUCKETING: &str = r#"{"accountId":"1","projectId":"2","visitors":[{"visitorId":"v","events":[{"eventType":"bucketing","data":{"experienceId":"1","variationId":"2"}}]}]}"#;

/// The shipped configuration `hold` or `compat`; a module has one of its own, and holds.
pub fn shipped(phase: &str) -> String {
    let file = match Host::tried() {
        Host::Wasm => phase,
        Host::Module => {
            assert_eq!(phase, "hold", "a module has no other phase");
            "module"
        }
    };
    crate::read(&format!("envoy/{file}.yaml")).unwrap()
}

/// The phases that the host has.
pub fn phases() -> &'static [&'static str] {
    match Host::tried() {
        Host::Wasm => &["hold", "compat"],
        Host::Module => &["hold"],
    }
}

pub async fn collector() -> Collector {
    Collector::start(SocketAddr::from(([127, 0, 0, 1], 0)), |_| {}).await.unwrap()
}

/// A collector and an Envoy with so many workers before it.
pub async fn gateway(bootstrap: &str, workers: usize) -> (Collector, Envoy) {
    let collector = collector().await;
    let envoy = Envoy::start(bootstrap, collector.address, workers).await.unwrap();
    (collector, envoy)
}

/// A person's JSON; `fields` are put over those two, or beside them.
pub fn post(path: &str, fields: &[(&str, &[u8])], body: &str) -> Call {
    let usual = [("user-agent", PERSON.as_bytes()), ("content-type", b"application/json")];
    let usual = usual.iter().filter(|(name, _)| fields.iter().all(|(field, _)| field != name));
    Call {
        method: "POST".to_owned(),
        path: path.to_owned(),
        headers: usual
            .chain(fields)
            .map(|(name, value)| ((*name).to_owned(), value.to_vec()))
            .collect(),
        body: Some(body.as_bytes().to_vec()),
    }
}

/// The start of a person's request as it stands on the wire: `extra` ends each of its lines, and
/// the empty line is still to come.
pub fn head(target: &str, extra: &str) -> String {
    format!(
        "POST {target} HTTP/1.1\r\nhost: h.example\r\nuser-agent: Firefox/126.0 (X11; Linux) Gecko/20100101\r\ncontent-type: application/json\r\n{extra}"
    )
}

/// A good page view.
pub fn view(fields: &[(&str, &[u8])]) -> Call {
    post("/api/event", fields, VIEW)
}

/// Bytes that Envoy has read of all clients.
pub async fn read_bytes(envoy: &Envoy) -> u64 {
    envoy.stat("http.ingress.downstream_cx_rx_bytes_total").await.unwrap()
}

/// Waits until Envoy has read so many bytes more than it had.
pub async fn has_read(envoy: &Envoy, before: u64, bytes: usize) {
    let more = before + bytes as u64;
    until("Envoy to read", async || (read_bytes(envoy).await >= more).then_some(())).await;
}

/// The access log's lines once there are so many; Envoy writes them with some delay.
pub async fn logged(envoy: &Envoy, count: usize) -> Vec<Value> {
    until("the access log", async || {
        let text = std::fs::read_to_string(envoy.access_log()).unwrap();
        let lines = text.split_inclusive('\n').filter(|line| line.ends_with('\n'));
        let lines: Vec<Value> = lines.map(|line| serde_json::from_str(line).unwrap()).collect();
        (lines.len() >= count).then_some(lines)
    })
    .await
}

pub async fn active_requests(envoy: &Envoy) -> u64 {
    envoy.stat("http.ingress.downstream_rq_active").await.unwrap()
}

/// How many requests the gate has counted, whatever became of them.
pub async fn counted(envoy: &Envoy) -> u64 {
    let stats = envoy.admin("/stats?usedonly&filter=trackgate_requests_total").await.unwrap();
    stats
        .lines()
        .filter_map(|line| line.rsplit_once(": "))
        .map(|(_, count)| count.parse::<u64>().unwrap())
        .sum()
}

/// One of the gate's stats, by the name it has after the host's prefix; 0 where there is none.
pub async fn own_stat(envoy: &Envoy, name: &str) -> u64 {
    envoy.stat(&format!("{}.{name}", Host::tried().namespace())).await.unwrap()
}

/// Waits until nothing is under way any more.
pub async fn settle(envoy: &Envoy, patience: Duration) {
    let deadline = Instant::now() + patience;
    while active_requests(envoy).await > 0 {
        assert!(
            Instant::now() < deadline,
            "streams were left behind:\n{}",
            envoy.admin("/stats?filter=http.ingress.downstream").await.unwrap()
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Memory that the process has in use, in bytes.
pub fn rss(envoy: &Envoy) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{}/status", envoy.pid())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap();
    line.split_ascii_whitespace().nth(1).unwrap().parse::<usize>().unwrap() * 1024
}
