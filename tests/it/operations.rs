//! What happens when wasm breaks, on the real Envoy: a plugin that traps, under each failure policy,
//! and host calls that are not granted.

use std::path::PathBuf;
use std::time::Duration;
use trackgate_testing::client::{self, Answer, Call, Transport};
use trackgate_testing::envoy::{Envoy, Host, replaced};
use trackgate_testing::gateway::{VIEW, collector, own_stat, post, shipped};
use trackgate_testing::wait::until;

fn view(number: usize) -> Call {
    post(&format!("/api/event?number={number}"), &[], VIEW)
}

/// The module built with `--cfg trap`: it panics at a request with `x-trap`.
fn trapping() -> PathBuf {
    let path = std::env::var_os("TRACKGATE_TRAP_WASM")
        .map_or_else(|| trackgate_testing::path("target/trackgate-trap.wasm"), PathBuf::from);
    std::fs::canonicalize(&path)
        .unwrap_or_else(|error| panic!("{}: {error}; build it with `make trap`", path.display()))
}

fn shown(answer: &Answer) -> String {
    let from = if answer.header("x-collector").is_some() { "collector" } else { "envoy" };
    format!("{} {from}", answer.status)
}

/// What a request gets that is under way when another traps, the one that traps, the one right
/// after it, and one half a second later; and how many of the last two were judged.
async fn after_a_trap(policy: &str, how: &str) -> ([String; 4], usize) {
    let collector = collector().await;
    let text = shipped("hold");
    let text = replaced(&text, "failure_policy: FAIL_RELOAD", &format!("failure_policy: {policy}"))
        .unwrap();
    let text = replaced(
        &text,
        "filename: target/trackgate.wasm}",
        &format!("filename: {}}}", trapping().display()),
    )
    .unwrap();
    let text = replaced(
        &text,
        "port_value: 10081}",
        &format!("port_value: {}}}", collector.address.port()),
    )
    .unwrap();
    let text = if policy == "FAIL_RELOAD" {
        text
    } else {
        replaced(&text, "                reload_config: {backoff: {base_interval: 0.1s}}\n", "")
            .unwrap()
    };
    let envoy = Envoy::launch(&text, 1).await.unwrap();
    let mut slow = view(0);
    slow.headers.push(("x-answer-delay-ms".to_owned(), b"2000".to_vec()));
    let listener = envoy.listener;
    let slow =
        tokio::spawn(async move { client::send(listener, &slow, Transport::Http1).await.unwrap() });
    until("the first request", async || (!collector.seen().is_empty()).then_some(())).await;
    let mut trap = view(1);
    trap.headers.push(("x-trap".to_owned(), how.as_bytes().to_vec()));
    let this = client::send(envoy.listener, &trap, Transport::Http1).await.unwrap();
    let next = client::send(envoy.listener, &view(2), Transport::Http1).await.unwrap();
    // As long as the table says; what comes of it may as well be nothing.
    tokio::time::sleep(Duration::from_millis(500)).await;
    let later = client::send(envoy.listener, &view(3), Transport::Http1).await.unwrap();
    let judged = collector
        .seen()
        .iter()
        .filter(|seen| seen.header("x-track-verdict").is_some() && !seen.path.ends_with("=0"))
        .count();
    ([slow.await.unwrap(), this, next, later].map(|answer| shown(&answer)), judged)
}

/// The table of `envoy/README.md`; memory that runs out is a trap like any other.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_failure_policy_means_what_the_table_says() {
    let rows = [
        ("FAIL_RELOAD", ["503 envoy", "503 envoy", "503 envoy", "202 collector"], 1),
        ("FAIL_CLOSED", ["503 envoy", "503 envoy", "503 envoy", "503 envoy"], 0),
        ("FAIL_OPEN", ["503 envoy", "503 envoy", "202 collector", "202 collector"], 0),
    ];
    for (policy, answers, judged) in rows {
        for how in ["head", "body", "memory"] {
            let (found, count) = after_a_trap(policy, how).await;
            assert_eq!(
                (found.each_ref().map(String::as_str), count),
                (answers, judged),
                "{policy} {how}"
            );
        }
    }
}

/// `capability_restriction_config` grants what the filter uses and no more: without one of them it
/// does not do its work.
#[tokio::test]
async fn a_host_call_that_is_not_granted_fails() {
    let shipped = shipped("hold");
    let granted: Vec<&str> =
        shipped.lines().filter_map(|line| line.trim().strip_suffix(": {}")).collect();
    assert!(granted.contains(&"proxy_send_local_response") && granted.len() > 15, "{granted:?}");
    // No call that the module does not import is granted.
    let module = std::fs::read(Host::Wasm.built()).unwrap();
    let imports = |name: &str| module.windows(name.len()).any(|window| window == name.as_bytes());
    let unused: Vec<&&str> = granted.iter().filter(|name| !imports(name)).collect();
    assert_eq!(unused, [&""; 0], "granted, and not in the module");
    let uninspected = Some("uninspected;endpoint=plausible");
    let clean = Some("pass;endpoint=plausible");
    for (call, request, answer, told, errors) in [
        // What cannot be answered goes on, marked; a bot's body has been thrown away by then.
        ("proxy_send_local_response", invalid(), "202 collector", uninspected, 1),
        ("proxy_send_local_response", bot(), "202 collector", uninspected, 1),
        // The access log alone lacks the verdict.
        ("proxy_set_property", view(1), "202 collector", clean, 1),
        ("proxy_set_property", bot(), "202 envoy", None, 1),
        // A list that was written for an earlier version.
        ("proxy_add_header_map_value", view(1), "202 collector", clean, 0),
    ] {
        let collector = collector().await;
        let line = format!("                    {call}: {{}}\n");
        let text = replaced(&shipped, &line, "").unwrap();
        let envoy = Envoy::start(&text, collector.address, 1).await.unwrap();
        let found = client::send(envoy.listener, &request, Transport::Http1).await.unwrap();
        assert_eq!(shown(&found), answer, "{call}");
        let seen = collector.seen();
        let verdict = seen.first().and_then(|request| request.header("x-track-verdict"));
        assert_eq!(verdict, told.map(str::as_bytes), "{call}");
        let counted = own_stat(&envoy, "trackgate_host_errors_total").await;
        assert_eq!(counted, errors, "{call}");
    }
}

fn invalid() -> Call {
    Call { body: Some(b"{}".to_vec()), ..view(1) }
}

fn bot() -> Call {
    post("/api/event", &[("user-agent", b"Googlebot/2.1")], VIEW)
}
