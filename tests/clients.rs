//! Real clients through the real Envoy to the collector: both of Plausible's browser trackers in a
//! Chromium, and its Python package. Run by `make test-clients`, which installs them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use serde_json::Value;
use std::collections::BTreeSet;
use std::process::Command;
use trackgate_testing::collector::Seen;
use trackgate_testing::envoy::Envoy;
use trackgate_testing::gateway::{gateway, shipped};

fn folder() -> String {
    trackgate_testing::path("tests/clients").display().to_string()
}

fn set(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set; use `make test-clients`"))
}

/// Runs to its end while collector and Envoy serve; the output.
async fn run(program: &str, arguments: &[&str]) -> String {
    let mut command = Command::new("timeout");
    command.args(["300", program]).args(arguments);
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// What the page's client got for each event: method, status, body.
async fn browse(envoy: &Envoy, who: &str) -> Vec<Value> {
    // The trackers resolve as modules beside their node_modules.
    let script = format!("{}/browser.mjs", set("CLIENT_MODULES"));
    for file in ["browser.mjs", "page.html"] {
        std::fs::copy(format!("{}/{file}", folder()), format!("{}/{file}", set("CLIENT_MODULES")))
            .unwrap();
    }
    let answers = run("node", &[&script, &format!("http://{}", envoy.listener), who]).await;
    serde_json::from_str(&answers).unwrap()
}

fn text(event: &Value, short: &str, long: &str) -> String {
    event
        .get(short)
        .or_else(|| event.get(long))
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned()
}

/// Domain and name of an event.
fn named(seen: &Seen) -> (String, String) {
    let event: Value = serde_json::from_slice(seen.body.as_deref().unwrap()).unwrap();
    (text(&event, "d", "domain"), text(&event, "n", "name"))
}

fn pairs(list: &[(&str, &str)]) -> BTreeSet<(String, String)> {
    list.iter().map(|(domain, name)| ((*domain).to_owned(), (*name).to_owned())).collect()
}

fn assert_clean(seen: &Seen) {
    assert_eq!(
        seen.header("x-track-verdict"),
        Some(b"pass;endpoint=plausible".as_slice()),
        "{}",
        seen.line()
    );
    assert_eq!(seen.header("x-track-drop-reason"), None, "{}", seen.line());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_event_of_a_persons_browser_reaches_the_collector_clean() {
    let (collector, envoy) = gateway(&shipped("hold"), 1).await;
    let answers = browse(&envoy, "person").await;
    let seen = collector.seen();
    let events: Vec<&Seen> = seen.iter().filter(|seen| seen.method == "POST").collect();
    events.iter().for_each(|seen| assert_clean(seen));
    let expected = [
        ("current.example", "pageview"),
        ("current.example", "Signup"),
        ("current.example", "Outbound Link: Click"),
        ("current.example", "engagement"),
        ("legacy.example", "pageview"),
        ("legacy.example", "Signup"),
        ("legacy.example", "Outbound Link: Click"),
        ("own.example", "Own"),
    ];
    assert_eq!(events.iter().map(|seen| named(seen)).collect::<BTreeSet<_>>(), pairs(&expected));
    assert!(
        seen.iter().any(|seen| seen.method == "OPTIONS"),
        "the browser asked before it sent JSON"
    );
    assert!(
        answers.iter().all(|answer| answer["status"] == 202 || answer["status"] == 204),
        "{answers:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_event_of_a_headless_browser_reaches_the_collector() {
    let (collector, envoy) = gateway(&shipped("hold"), 1).await;
    let answers = browse(&envoy, "headless").await;
    let posts: Vec<&Value> = answers.iter().filter(|answer| answer["method"] == "POST").collect();
    assert!(posts.len() >= 6, "{answers:?}");
    assert!(posts.iter().all(|answer| answer["status"] == 202), "{answers:?}");
    let reached: Vec<String> =
        collector.seen().iter().filter(|seen| seen.method == "POST").map(Seen::line).collect();
    assert_eq!(reached, [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_python_package_is_served() {
    let (collector, envoy) = gateway(&shipped("hold"), 1).await;
    let script = format!("{}/events.py", folder());
    run(&set("CLIENT_PYTHON"), &[&script, &format!("http://{}", envoy.listener)]).await;
    let seen = collector.seen();
    seen.iter().for_each(assert_clean);
    assert_eq!(
        seen.iter().map(named).collect::<BTreeSet<_>>(),
        pairs(&[("python.example", "pageview"), ("python.example", "Export")])
    );
}
