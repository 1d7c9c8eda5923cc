//! What a large configuration takes: resident memory and time until Envoy serves, by number of
//! workers.

use std::fmt::Write;
use std::time::{Duration, Instant};
use trackgate_testing::collector::Collector;
use trackgate_testing::envoy::{Envoy, replaced};
use trackgate_testing::gateway::rss;
use trackgate_testing::host::Host;
use trackgate_testing::sites::sites;

const SITES: usize = 10_000;
const WORKERS: [usize; 3] = [1, 4, 8];

/// Bytes, and how long it took until Envoy served; `None`: an Envoy without a gate.
async fn started(host: Option<Host>, json: &str, workers: usize) -> (usize, Duration) {
    let collector = Collector::start(([127, 0, 0, 1], 0).into(), |_| {}).await.unwrap();
    let file = match host {
        Some(Host::Wasm) => "envoy/hold.yaml",
        Some(Host::Module) | None => "envoy/module.yaml",
    };
    let text = trackgate_testing::read(file).unwrap();
    let text = match host {
        Some(_) => replaced(&text, "value: '{}'", &format!("value: '{json}'")).unwrap(),
        None => {
            let (before, rest) = text.split_once("          - name: trackgate\n").unwrap();
            let (_, after) =
                rest.split_once("          - name: envoy.filters.http.router").unwrap();
            format!("{before}          - name: envoy.filters.http.router{after}")
        }
    };
    let begin = Instant::now();
    let envoy = Envoy::start(&text, collector.address, workers).await.unwrap();
    let ready = begin.elapsed();
    tokio::time::sleep(Duration::from_secs(1)).await;
    (rss(&envoy), ready)
}

pub async fn table() -> String {
    let json = sites(SITES);
    let mut table = format!(
        "### Memory and start with {SITES} Plausible sites of 30 rules ({:.1} MB of JSON)\n\nResident memory over that of an Envoy without a gate, and the time until Envoy serves.\n\n| workers | wasm | module | wasm, ready after | module, ready after |\n|---|---|---|---|---|\n",
        json.len() as f64 / 1e6
    );
    for workers in WORKERS {
        let (bare, _) = started(None, "", workers).await;
        let mut row = Vec::new();
        for host in [Host::Wasm, Host::Module] {
            let (bytes, ready) = started(Some(host), &json, workers).await;
            row.push((bytes.saturating_sub(bare) >> 20, ready.as_secs_f64()));
        }
        writeln!(
            table,
            "| {workers} | +{} MB | +{} MB | {:.1} s | {:.1} s |",
            row[0].0, row[1].0, row[0].1, row[1].1
        )
        .unwrap();
    }
    table + "\n"
}
