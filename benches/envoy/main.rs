//! What a request costs Envoy's worker thread, with one filter or another: CPU time from the
//! kernel's schedstat, not the clock.
//!
//! One Envoy, pinned to one core, has a listener for each filter with a direct response behind it;
//! the load comes from the other core. In each round every filter gets one burst, in an order that
//! rotates, so that what disturbs one disturbs the others. Told are the 5th percentile of the
//! rounds, and the mean of the
//! paired differences to the wasm filter that only holds the body, with a bootstrap interval of 95
//! %. `make bench-envoy` writes `benches/envoy.md` and `benches/envoy.svg`.
//!
//! A direct response that comes before the body is whole makes Envoy close an HTTP/1 connection. So
//! filters that hold nothing are measured with requests that have no body, and refusals, which come
//! before the body, over HTTP/2.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod connection;
mod filters;
mod memory;
mod report;

use connection::Connection;
use filters::{FILTERS, bootstrap};
use report::{plot, quiet, table};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use trackgate_testing::client::Call;
use trackgate_testing::collector::Collector;
use trackgate_testing::envoy::{Envoy, free_port};

const BROWSER: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36";
const CRAWLER: &str = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)";

fn event(bytes: usize) -> String {
    let one =
        r#"{"eventType":"bucketing","data":{"experienceId":"100243","variationId":"100382"}}"#;
    let events = vec![one; (bytes / (one.len() + 1)).max(1)].join(",");
    format!(
        r#"{{"accountId":"10022898","projectId":"10025986","enrichData":true,"source":"js-sdk","visitors":[{{"visitorId":"3f1d2c4b-95a7-4f0a-a4b4-6d8f4a2c7e90","segments":{{"country":"US","visitorType":"new"}},"events":[{events}]}}]}}"#
    )
}

fn post(path: &str, user_agent: &str, body: String) -> Call {
    let fields = [
        ("user-agent", user_agent),
        ("content-type", "application/json"),
        ("accept", "*/*"),
        ("accept-encoding", "gzip, deflate, br"),
        ("accept-language", "en-GB,en;q=0.9"),
        ("origin", "https://www.example.com"),
        ("referer", "https://www.example.com/page"),
        ("x-request-id", "b1f3a0c2-5a0e-4b7c-9a54-0d6f6f8a2f11"),
    ];
    Call {
        method: "POST".to_owned(),
        path: path.to_owned(),
        headers: fields.map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec())).to_vec(),
        body: Some(body.into_bytes()),
    }
}

struct Workload {
    name: &'static str,
    call: Call,
    /// Requests a burst.
    burst: usize,
    filters: &'static [&'static str],
    protocols: &'static [bool],
}

const HOLDING: &[&str] =
    &["buffer", "wasm, holds the body", "lua", "ext_authz", "trackgate, wasm", "trackgate, module"];
const KEEPING: &[&str] = &[
    "wasm, holds the body",
    "trackgate, wasm",
    "trackgate, module",
    "trackgate, wasm, keeping",
    "trackgate, module, keeping",
];
const BOTH: &[bool] = &[false, true];

fn workloads() -> Vec<Workload> {
    let convert = |name, body: String, burst| Workload {
        name,
        call: post("/v1/track/key", BROWSER, body),
        burst,
        filters: HOLDING,
        protocols: BOTH,
    };
    let bare = Call { body: Some(Vec::new()), ..post("/api/orders", BROWSER, String::new()) };
    vec![
        convert(
            "small, 47 bytes",
            r#"{"accountId":"1","projectId":"2","visitors":[]}"#.to_owned(),
            200,
        ),
        convert("typical, 400 bytes", event(200), 200),
        convert("32 KB", event(32_000), 60),
        convert("500 KB", event(500_000), 6),
        Workload {
            name: "refused: a crawler",
            call: post("/v1/track/key", CRAWLER, event(200)),
            burst: 200,
            filters: KEEPING,
            protocols: &[true],
        },
        Workload {
            name: "not a track path, no body",
            call: bare,
            burst: 200,
            filters: &FILTERS[..10],
            protocols: BOTH,
        },
    ]
}

/// CPU time of Envoy's worker thread so far.
fn cpu_ns(envoy_pid: u32) -> u64 {
    for task in std::fs::read_dir(format!("/proc/{envoy_pid}/task")).unwrap() {
        let task = task.unwrap().path();
        if std::fs::read_to_string(task.join("comm"))
            .unwrap_or_default()
            .starts_with("wrk:worker_0")
        {
            let stat = std::fs::read_to_string(task.join("schedstat")).unwrap();
            return stat.split(' ').next().unwrap().parse().unwrap();
        }
    }
    panic!("Envoy has no worker thread");
}

/// Microseconds a request, by filter, in the order of the rounds.
type Costs = BTreeMap<&'static str, Vec<f64>>;

/// Microseconds a request, for each filter and round.
async fn measure(
    pid: u32,
    ports: &BTreeMap<&'static str, u16>,
    workload: &Workload,
    rounds: usize,
    is_http2: bool,
) -> Costs {
    let Workload { call, burst, filters, .. } = workload;
    let mut connections = BTreeMap::new();
    for filter in *filters {
        connections.insert(
            *filter,
            Connection::open(SocketAddr::from(([127, 0, 0, 1], ports[filter])), call, is_http2)
                .await,
        );
    }
    let mut costs = Costs::new();
    for round in 0..rounds + 2 {
        for turn in 0..filters.len() {
            let filter = filters[(round + turn) % filters.len()];
            let connection = connections.get_mut(filter).unwrap();
            let before = cpu_ns(pid);
            for _ in 0..*burst {
                let status = connection.exchange().await;
                assert!(status == 202 || status == 200, "{filter}: {status}");
            }
            // What Envoy does after its answer belongs to the request.
            tokio::time::sleep(Duration::from_millis(2)).await;
            let cost = (cpu_ns(pid) - before) as f64 / 1000.0 / *burst as f64;
            if round >= 2 {
                costs.entry(filter).or_default().push(cost);
            }
        }
    }
    costs
}

/// p50 and p99 in microseconds at a constant rate; each request's time counts from when it was due,
/// not from when it was sent.
async fn latency(port: u16, call: &Call, rate: f64, seconds: f64) -> (f64, f64) {
    const CONNECTIONS: usize = 8;
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let start = Instant::now() + Duration::from_millis(50);
    let count = (rate * seconds) as usize;
    let mut tasks = tokio::task::JoinSet::new();
    for lane in 0..CONNECTIONS {
        let mut connection = Connection::open(address, call, false).await;
        tasks.spawn(async move {
            let mut times = Vec::new();
            for index in (lane..count).step_by(CONNECTIONS) {
                let due = start + Duration::from_secs_f64(index as f64 / rate);
                tokio::time::sleep_until(due.into()).await;
                connection.exchange().await;
                times.push(due.elapsed().as_secs_f64() * 1e6);
            }
            times
        });
    }
    let mut all: Vec<f64> = tasks.join_all().await.concat();
    all.sort_by(f64::total_cmp);
    (all[all.len() / 2], all[all.len() * 99 / 100])
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    // `cargo bench` runs all benches; this one needs Envoy, and says so by its own target.
    if std::env::var_os("TRACKGATE_BENCH_ENVOY").is_none() {
        return;
    }
    let rounds: usize =
        std::env::var("ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(40);
    let authorizer = Collector::start(SocketAddr::from(([127, 0, 0, 1], 0)), |_| {}).await.unwrap();
    let ports: BTreeMap<&'static str, u16> =
        FILTERS.iter().map(|filter| (*filter, free_port().unwrap())).collect();
    let text = bootstrap(&ports, authorizer.address);
    let envoy = Envoy::launch(&text, 1).await.unwrap();
    let pid = envoy.pid();
    let pinned = std::process::Command::new("taskset")
        .args(["-a", "-p", "-c", "0", &pid.to_string()])
        .output()
        .unwrap();
    assert!(pinned.status.success(), "taskset");
    let mut report = String::from(
        "# What a request costs Envoy's worker\n\nWritten by `make bench-envoy`; see `benches/envoy/` for the method. CPU time of the worker thread, the 5th percentile of the rounds.\n\n",
    );
    let mut results = Vec::new();
    let only = std::env::var("WORKLOAD").unwrap_or_default();
    for workload in workloads().into_iter().filter(|workload| workload.name.contains(&only)) {
        for is_http2 in workload.protocols {
            let protocol = if *is_http2 { "HTTP/2" } else { "HTTP/1.1" };
            let costs = measure(pid, &ports, &workload, rounds, *is_http2).await;
            let section = table(workload.name, protocol, &costs);
            print!("{section}");
            report.push_str(&section);
            results.push((format!("{}, {protocol}", workload.name), costs));
        }
    }
    if !only.is_empty() {
        return;
    }
    let typical = workloads().remove(1).call;
    report.push_str("### Latency of a typical event at a constant 60 % load, HTTP/1.1\n\nCounted from when a request was due (no coordinated omission).\n\n| filter | requests a second | p50 µs | p99 µs |\n|---|---|---|---|\n");
    for filter in ["wasm, holds the body", "lua", "trackgate, wasm", "trackgate, module"] {
        let rate = 0.6 * 1e6 / quiet(&results[2].1[filter]);
        let (p50, p99) = latency(ports[filter], &typical, rate, 4.0).await;
        writeln!(report, "| {filter} | {rate:.0} | {p50:.0} | {p99:.0} |").unwrap();
    }
    drop(envoy);
    let memory = memory::table().await;
    print!("{memory}");
    report.push('\n');
    report.push_str(&memory);
    let folder = trackgate_testing::path("benches");
    std::fs::write(folder.join("envoy.md"), report).unwrap();
    std::fs::write(folder.join("envoy.svg"), plot(&results)).unwrap();
}
