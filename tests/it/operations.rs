//! What happens when things change or break, on the real Envoy: configuration and module replaced
//! under load, and a plugin that traps, under each failure policy.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;
use trackgate_testing::client::{self, Answer, Call, Transport};
use trackgate_testing::envoy::{self, Envoy, replaced};
use trackgate_testing::gateway::{VIEW, collector, post, shipped};
use trackgate_testing::wait::until;

const FILTER: &str = "          - name: trackgate\n            typed_config:\n";
const ROUTER: &str = "          - name: envoy.filters.http.router\n";

fn temporary(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("trackgate-{name}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

fn view(number: usize) -> Call {
    post(&format!("/api/event?number={number}"), &[], VIEW)
}

/// The filter's own part of the shipped bootstrap, as a resource of its own (ECDS), and the
/// bootstrap that refers to it.
fn discovered(folder: &Path) -> (String, String) {
    let shipped = shipped("hold");
    let (before, rest) = shipped.split_once(FILTER).unwrap();
    let (filter, after) = rest.split_once(ROUTER).unwrap();
    let reference = format!(
        "          - name: trackgate\n            config_discovery:\n              config_source:\n                resource_api_version: V3\n                \
         path_config_source: {{path: {0}/ecds.yaml, watched_directory: {{path: {0}}}}}\n              \
         type_urls: [type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm]\n",
        folder.display()
    );
    let resource = format!(
        "resources:\n- \"@type\": type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig\n  name: trackgate\n  typed_config:\n{filter}"
    );
    let bootstrap =
        format!("node: {{id: test, cluster: test}}\n{before}{reference}{ROUTER}{after}");
    (bootstrap, resource)
}

/// Replaces the file as a whole, as operators do.
fn publish(folder: &Path, resource: &str, module: &Path, configuration: &str) {
    let text = replaced(
        resource,
        "filename: target/trackgate.wasm",
        &format!("filename: {}", module.display()),
    )
    .unwrap();
    let text = replaced(&text, "value: '{}'", &format!("value: '{configuration}'")).unwrap();
    std::fs::write(folder.join("next"), text).unwrap();
    std::fs::rename(folder.join("next"), folder.join("ecds.yaml")).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn neither_a_new_configuration_nor_a_new_module_loses_a_request() {
    const REQUESTS: usize = 1600;
    let folder = temporary("reload");
    let (bootstrap, resource) = discovered(&folder);
    let module = std::fs::canonicalize(envoy::module()).unwrap();
    // Another file with one byte more is another module to Envoy: a custom section without content,
    // named "v".
    let upgraded = folder.join("upgraded.wasm");
    std::fs::write(&upgraded, [std::fs::read(&module).unwrap(), vec![0, 2, 1, b'v']].concat())
        .unwrap();
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
    let stats = envoy.admin("/stats?filter=trackgate_config_info").await.unwrap();
    assert!(
        stats.trim_end().ends_with(": 2"),
        "both workers serve under the last good configuration:\n{stats}"
    );
    let rejected =
        envoy.admin("/stats?filter=extension_config_discovery.*config_fail").await.unwrap();
    assert!(rejected.trim_end().ends_with(": 1"), "{rejected}");
    std::fs::remove_dir_all(folder).unwrap();
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
        for how in ["panic", "memory"] {
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
    let module = std::fs::read(envoy::module()).unwrap();
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
        let counted = envoy.stat("wasmcustom.trackgate_host_errors_total").await.unwrap();
        assert_eq!(counted, errors, "{call}");
    }
}

fn invalid() -> Call {
    Call { body: Some(b"{}".to_vec()), ..view(1) }
}

fn bot() -> Call {
    post("/api/event", &[("user-agent", b"Googlebot/2.1")], VIEW)
}
