//! Configuration and module replaced under load, by ECDS.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use trackgate_testing::client::{self, Call, Transport};
use trackgate_testing::ecds;
use trackgate_testing::envoy::{Envoy, Host, replaced};
use trackgate_testing::gateway::{VIEW, collector, post, shipped};
use trackgate_testing::wait::until;

fn temporary(name: &str) -> PathBuf {
    ecds::folder(name).unwrap()
}

fn discovered(folder: &Path) -> (String, String) {
    ecds::discovered(folder, &shipped("hold")).unwrap()
}

fn publish(folder: &Path, resource: &str, module: &Path, configuration: &str) {
    ecds::publish(folder, resource, module, configuration).unwrap();
}

fn view(number: usize) -> Call {
    post(&format!("/api/event?number={number}"), &[], VIEW)
}

/// Another file with some bytes more is another module to Envoy: to wasm a custom section without
/// content, named "v", and to the loader of native ones nothing.
fn upgrade(module: Vec<u8>) -> Vec<u8> {
    [module, vec![0, 2, 1, b'v']].concat()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn neither_a_new_configuration_nor_a_new_module_loses_a_request() {
    const REQUESTS: usize = 1600;
    let folder = temporary("reload");
    let (bootstrap, resource) = discovered(&folder);
    let module = Host::tried().found().unwrap();
    let upgraded = folder.join("libupgraded.so");
    std::fs::write(&upgraded, upgrade(std::fs::read(&module).unwrap())).unwrap();
    publish(&folder, &resource, &module, "{}");
    let collector = collector().await;
    let bootstrap = replaced(
        &bootstrap,
        "port_value: 10081}",
        &format!("port_value: {}}}", collector.address.port()),
    )
    .unwrap();
    let envoy = Envoy::launch(&bootstrap, 2).await.unwrap();
    let mut pace = tokio::time::interval(Duration::from_millis(5));
    let mut calls = tokio::task::JoinSet::new();
    for number in 0..REQUESTS {
        pace.tick().await;
        match number {
            400 => publish(&folder, &resource, &module, r#"{"log_sample_per_minute":3}"#),
            800 => publish(&folder, &resource, &upgraded, r#"{"log_sample_per_minute":3}"#),
            // A configuration that is rejected: the one before it goes on serving.
            1200 => publish(&folder, &resource, &upgraded, r#"{"mode":"off"}"#),
            _ => {}
        }
        let listener = envoy.listener;
        calls.spawn(async move {
            client::send(listener, &view(number), Transport::Http1)
                .await
                .map(|answer| answer.status)
                .map_err(|error| error.to_string())
        });
    }
    let mut answers: BTreeMap<String, usize> = BTreeMap::new();
    while let Some(answer) = calls.join_next().await {
        *answers.entry(format!("{:?}", answer.unwrap())).or_default() += 1;
    }
    assert_eq!(answers, BTreeMap::from([("Ok(202)".to_owned(), REQUESTS)]));
    let seen = collector.seen();
    let verdicts = seen
        .iter()
        .filter(|seen| seen.header("x-track-verdict") == Some(b"pass;endpoint=plausible"))
        .count();
    assert_eq!((seen.len(), verdicts), (REQUESTS, REQUESTS));
    let serving = match Host::tried() {
        Host::Wasm => ": 2",
        Host::Module => ": 1",
    };
    let stats = envoy.admin("/stats?filter=trackgate_config_info").await.unwrap();
    assert!(
        stats.trim_end().ends_with(serving),
        "what serves, serves under the last good configuration:\n{stats}"
    );
    let rejected =
        envoy.admin("/stats?filter=extension_config_discovery.*config_fail").await.unwrap();
    assert!(rejected.trim_end().ends_with(": 1"), "{rejected}");
    std::fs::remove_dir_all(folder).unwrap();
}

/// Updates that Envoy has taken.
async fn taken(envoy: &Envoy) -> usize {
    let stats = envoy.admin("/stats?filter=extension_config_discovery.*config_reload$").await;
    let count = stats.unwrap().trim().rsplit_once(": ").map(|(_, count)| count.parse().unwrap());
    count.unwrap_or(0)
}

/// Many configurations one after another, while requests come all the time: none is lost, and
/// what a configuration takes is given back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_updates_lose_nothing_and_keep_nothing() {
    let _turn = crate::turn().await;
    const WARM_UP: usize = 100;
    let (updates, growth) = match Host::tried() {
        // Each is a VM for each worker; what V8 has ended it frees when it sees fit.
        Host::Wasm => (300, 5_000_000),
        Host::Module => (1000, 1_000_000),
    };
    let folder = temporary("updates");
    let (bootstrap, resource) = discovered(&folder);
    let module = Host::tried().found().unwrap();
    publish(&folder, &resource, &module, "{}");
    let collector = collector().await;
    let port = format!("port_value: {}}}", collector.address.port());
    let bootstrap = replaced(&bootstrap, "port_value: 10081}", &port).unwrap();
    let envoy = Envoy::launch(&bootstrap, 2).await.unwrap();
    let over = Arc::new(AtomicBool::new(false));
    let load = tokio::spawn(send_until(Arc::clone(&over), envoy.listener));
    let before = taken(&envoy).await;
    let mut allocated = 0;
    for number in 1..=updates {
        let json = format!(r#"{{"log_sample_per_minute":{number}}}"#);
        publish(&folder, &resource, &module, &json);
        until("the update", async || (taken(&envoy).await >= before + number).then_some(())).await;
        if number == WARM_UP {
            allocated = envoy.stat("server.memory_allocated").await.unwrap();
        }
    }
    over.store(true, Ordering::Relaxed);
    let sent = load.await.unwrap();
    let after = envoy.stat("server.memory_allocated").await.unwrap();
    assert!(after < allocated + growth, "from {allocated} to {after} bytes allocated");
    let seen = collector.seen();
    let judged = seen
        .iter()
        .filter(|seen| seen.header("x-track-verdict") == Some(b"pass;endpoint=plausible"));
    assert_eq!((judged.count(), seen.len()), (sent, sent));
    assert!(sent > updates / 2, "{sent} requests in {updates} updates");
    println!("{updates} updates, {sent} requests: none lost; from {allocated} to {after} bytes");
    std::fs::remove_dir_all(folder).unwrap();
}

/// Sends one request after another; returns how many, each of which was taken.
async fn send_until(over: Arc<AtomicBool>, listener: SocketAddr) -> usize {
    let mut sent = 0;
    while !over.load(Ordering::Relaxed) {
        let answer = client::send(listener, &view(sent), Transport::Http1Chunked(20)).await;
        assert_eq!(answer.unwrap().status, 202);
        sent += 1;
    }
    sent
}
