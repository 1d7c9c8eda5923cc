//! The native command: its words and exit codes in full, its schema, and a capture of a real Envoy
//! replayed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use trackgate::annotation;
use trackgate::cli::client::{self, Call, Transport};
use trackgate::cli::collector::Collector;
use trackgate::cli::envoy::{Envoy, replaced};
use trackgate::cli::{capture, judge::judge, schema};
use trackgate::gate::Gate;

const COMMANDS: &[&str] = &[
    "--version",
    "version --output json",
    "check tests/cli/plain.json",
    "check tests/cli/wrong.json",
    "check tests/cli/wrong.json --output json",
    "check tests/cli/suspicious.json",
    "check tests/cli/wasmplugin.yaml",
    "check tests/cli/bootstrap.yaml",
    "check envoy/hold.yaml",
    "check envoy/compat.yaml",
    "check examples/segment/trackgate.json",
    "check examples/ga4/trackgate.json",
    "check tests/cli/missing.json",
    "check tests/cli/traffic.jsonl",
    "explain tests/cli/plain.json tests/cli/request.txt",
    "explain tests/cli/plain.json tests/cli/request.txt --output json",
    "explain tests/cli/plain.json tests/cli/message.http",
    "explain tests/cli/plain.json tests/cli/plain.json",
    "replay tests/cli/plain.json tests/cli/traffic.jsonl",
    "replay tests/cli/plain.json tests/cli/traffic.jsonl --output json",
    "replay tests/cli/plain.json tests/cli/traffic.jsonl --against tests/cli/annotate.json",
    "replay tests/cli/wrong.json tests/cli/traffic.jsonl",
    "dispositions --vendor userpilot",
    "dispositions --vendor acme",
    "classify-ua tests/cli/missing.txt",
    "classify-ua tests/cli/agents.txt",
    "classify-ua tests/cli/agents.txt --vendor plausible",
    "classify-ua tests/cli/agents.txt --vendor convert",
    "classify-ua tests/cli/agents.txt --vendor commanders_act --output json",
    "classify-ua tests/cli/agents.txt --vendor custom",
    "",
    "replay --help",
];

fn trackgate(arguments: &str) -> (String, i32) {
    let output = Command::new(env!("CARGO_BIN_EXE_trackgate"))
        .args(arguments.split_ascii_whitespace())
        .stdin(Stdio::null())
        .env("COLUMNS", "110")
        .output()
        .unwrap();
    let said =
        [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap()).concat();
    (said, output.status.code().unwrap())
}

/// `tests/cli/transcript.txt` is what the commands print; TRACKGATE_WRITE_TRANSCRIPT=1 writes it
/// anew.
#[test]
fn the_command_says_what_it_says() {
    let mut transcript = String::new();
    for command in COMMANDS {
        let (said, code) = trackgate(command);
        writeln!(transcript, "$ trackgate {command}\n{}\n[exit code {code}]\n", said.trim_end())
            .unwrap();
    }
    let path = "tests/cli/transcript.txt";
    if std::env::var_os("TRACKGATE_WRITE_TRANSCRIPT").is_some() {
        std::fs::write(path, &transcript).unwrap();
    }
    let known = std::fs::read_to_string(path).unwrap();
    for (known, found) in known.split("\n\n$ ").zip(transcript.split("\n\n$ ")) {
        assert_eq!(known, found);
    }
    assert_eq!(known, transcript);
}

#[test]
fn completions_are_there_for_each_shell() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let (said, code) = trackgate(&format!("completions {shell}"));
        assert!(
            code == 0 && said.contains("trackgate") && said.contains("replay"),
            "{shell}: {said}"
        );
    }
}

#[test]
fn the_committed_schema_is_that_of_the_code() {
    let committed = std::fs::read_to_string("examples/trackgate.schema.json").unwrap();
    assert_eq!(committed, schema::text(), "`trackgate schema > examples/trackgate.schema.json`");
}

#[test]
fn every_example_is_valid_by_the_schema() {
    let schema: Value = serde_json::from_str(&schema::text()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let mut count = 0;
    for entry in std::fs::read_dir("examples").unwrap() {
        let path = entry.unwrap().path().join("trackgate.json");
        let Ok(text) = std::fs::read_to_string(&path) else { continue };
        // The dashboard bears the same name.
        if !text.contains("../trackgate.schema.json") {
            continue;
        }
        let errors: Vec<String> = validator
            .iter_errors(&serde_json::from_str(&text).unwrap())
            .map(|error| error.to_string())
            .collect();
        assert!(errors.is_empty(), "{}: {errors:?}", path.display());
        count += 1;
    }
    assert!(count >= 2);
    for wrong in [
        r#"{"mode":"off"}"#,
        r#"{"endpoints":[]}"#,
        r#"{"host":1}"#,
        r#"{"mode":null}"#,
        r#"{"actions":{"bots":"drop"}}"#,
    ] {
        assert!(!validator.is_valid(&serde_json::from_str(wrong).unwrap()), "{wrong}");
    }
}

/// The names that the reader asks for, as it tells them when it finds another.
fn names_read(json: &str) -> BTreeSet<String> {
    let error = Gate::load(json.as_bytes()).unwrap_err();
    let problem = error
        .problems
        .iter()
        .find(|problem| problem.at.ends_with("unknown_name"))
        .unwrap_or_else(|| panic!("{json}: {error}"));
    problem
        .expected
        .trim_start_matches("one of ")
        .split(", ")
        .map(|name| name.trim_matches('"').to_owned())
        .collect()
}

#[test]
fn the_schema_has_the_names_that_are_read() {
    let schema: Value = serde_json::from_str(&schema::text()).unwrap();
    let endpoint =
        |rest: &str| format!(r#"{{"endpoints":[{{"name":"c","vendor":"custom",{rest}}}]}}"#);
    let custom = |rest: &str| endpoint(&format!(r#""custom":{{{rest}}}"#));
    let x = r#""unknown_name":1"#;
    let rows = [
        ("", format!("{{{x}}}")),
        ("Endpoint", endpoint(x)),
        ("UserAgents", format!(r#"{{"user_agents":{{{x}}}}}"#)),
        ("SpamReferrers", format!(r#"{{"spam_referrers":{{{x}}}}}"#)),
        ("Limits", endpoint(&format!(r#""limits":{{{x}}}"#))),
        ("Site", endpoint(&format!(r#""sites":{{"a.example":{{{x}}}}}"#))),
        ("Custom", custom(x)),
        ("Field", custom(&format!(r#""fields":[{{"pointer":"/a",{x}}}]"#))),
        ("Reply", custom(&format!(r#""replies":{{"drop":{{"status":200,{x}}}}}"#))),
    ];
    for (definition, json) in rows {
        let object = if definition.is_empty() { &schema } else { &schema["$defs"][definition] };
        let known: BTreeSet<String> =
            object["properties"].as_object().unwrap().keys().cloned().collect();
        assert_eq!(known, names_read(&json), "{definition}");
    }
}

#[test]
fn compressed_captures_and_html_reports() {
    let folder = temporary("html");
    let packed = folder.join("traffic.jsonl.gz");
    let mut encoder = flate2::write::GzEncoder::new(
        std::fs::File::create(&packed).unwrap(),
        flate2::Compression::fast(),
    );
    std::io::Write::write_all(&mut encoder, &std::fs::read("tests/cli/traffic.jsonl").unwrap())
        .unwrap();
    encoder.finish().unwrap();
    let html = folder.join("report.html");
    let (said, code) = trackgate(&format!(
        "replay tests/cli/plain.json {} --html {}",
        packed.display(),
        html.display()
    ));
    assert_eq!(code, 1);
    assert!(
        said.contains("plausible            drop         bot")
            && said.contains("traffic.jsonl.gz:7: expected a JSON text"),
        "{said}"
    );
    let page = std::fs::read_to_string(&html).unwrap();
    assert!(
        page.starts_with("<!doctype html>")
            && page.contains("<svg")
            && page.contains("drop: 1 of 5"),
        "{page}"
    );
    assert!(!page.contains("http://") && !page.contains("https://"), "no network");
    std::fs::remove_dir_all(folder).unwrap();
}

fn temporary(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("trackgate-cli-{name}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// The shipped bootstrap with a tap filter before the gate.
fn with_tap(folder: &Path, format: &str) -> String {
    let bootstrap = std::fs::read_to_string("envoy/hold.yaml").unwrap();
    let tap = format!(
        r#"          http_filters:
          - name: envoy.filters.http.tap
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.tap.v3.Tap
              record_downstream_connection: true
              common_config:
                static_config:
                  match: {{any_match: true}}
                  output_config:
                    max_buffered_rx_bytes: 2000000
                    sinks:
                    - format: {format}
                      file_per_tap: {{path_prefix: {}/tap}}
"#,
        folder.display()
    );
    replaced(&bootstrap, "          http_filters:\n", &tap).unwrap()
}

/// One request of each kind of verdict.
fn requests() -> Vec<Call> {
    let call = |path: &str, fields: &[(&str, &str)], body: &str| Call {
        method: "POST".to_owned(),
        path: path.to_owned(),
        headers: fields
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec()))
            .collect(),
        body: Some(body.as_bytes().to_vec()),
    };
    let person =
        ("user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:126.0) Gecko/20100101 Firefox/126.0");
    let json = ("content-type", "application/json");
    let view = r#"{"n":"pageview","u":"https://a.example/é","d":"a.example"}"#;
    vec![
        call("/api/event", &[person, json], view),
        call("/api/event", &[("user-agent", "Googlebot/2.1"), json], view),
        call("/api/event", &[person, json], "{}"),
        call("/v1/track", &[person, json], "{}"),
        call(
            "/v1/track",
            &[person, json, ("authorization", "Token abc")],
            r#"{"user_id":1,"event_name":"e"}"#,
        ),
        call("/events?tc_s=1", &[person, json], r#"{"event_name":"a"}"#),
        call(
            "/events?tc_s=1&token=b",
            &[person, json],
            &format!(r#"{{"event_name":"{}"}}"#, "x".repeat(40_000)),
        ),
        call("/other", &[person], "x"),
    ]
}

/// Verdict by request id, from the access log.
async fn live_verdicts(envoy: &Envoy, count: usize) -> BTreeMap<String, Option<String>> {
    let deadline = Instant::now() + Duration::from_secs(5);
    loop {
        let text = std::fs::read_to_string(envoy.access_log()).unwrap();
        let lines: Vec<Value> =
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        if lines.len() == count {
            let text = |line: &Value, name: &str| line[name].as_str().map(str::to_owned);
            return lines
                .iter()
                .map(|line| (text(line, "request_id").unwrap(), text(line, "verdict")))
                .collect();
        }
        assert!(Instant::now() < deadline, "{lines:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn a_capture_of_a_real_envoy_replays_to_its_live_verdicts() {
    for format in ["JSON_BODY_AS_BYTES", "JSON_BODY_AS_STRING", "PROTO_BINARY_LENGTH_DELIMITED"] {
        let folder = temporary(format);
        let collector =
            Collector::start(SocketAddr::from(([127, 0, 0, 1], 0)), |_| {}).await.unwrap();
        let envoy = Envoy::start(&with_tap(&folder, format), collector.address, 1).await.unwrap();
        for call in requests() {
            client::send(envoy.listener, &call, Transport::Http1).await.unwrap();
        }
        let live = live_verdicts(&envoy, requests().len()).await;
        drop(envoy);
        let gate = Gate::load(b"").unwrap();
        let mut replayed = BTreeMap::new();
        for file in std::fs::read_dir(&folder).unwrap() {
            capture::read(&file.unwrap().path(), |_| {}, &mut |record| {
                let captured = record.unwrap();
                let verdict = judge(&gate, &captured)
                    .map(|decision| annotation::verdict(&decision, &decision.endpoint.name));
                replayed.insert(captured.id, verdict);
            })
            .unwrap();
        }
        assert_eq!(replayed, live, "{format}");
        assert_eq!(live.values().flatten().collect::<BTreeSet<_>>().len(), 7, "{live:?}");
        std::fs::remove_dir_all(folder).unwrap();
    }
}

/// As an operator writes it, and as a platform hands it over.
#[tokio::test]
async fn check_tells_the_hash_of_the_metric() {
    let folder = temporary("hash");
    let spellings = [
        r#"{"mode":"shadow","enforce_percent":50,"user_agents":{"deny":["a"],"allow":["b"]}}"#,
        r#"{ "user_agents": {"allow": ["b"], "deny": ["\u0061"]}, "enforce_percent": 50.0, "mode": "shadow" }"#,
    ];
    let mut hashes = BTreeSet::new();
    for spelling in spellings {
        let file = folder.join("configuration.json");
        std::fs::write(&file, spelling).unwrap();
        let (said, _) = trackgate(&format!("check {}", file.display()));
        let hash = said.lines().find_map(|line| line.split(": hash ").nth(1)).unwrap().to_owned();
        let (report, _) = trackgate(&format!("check {} --output json", file.display()));
        assert_eq!(
            serde_json::from_str::<Value>(&report).unwrap()["hashes"],
            serde_json::json!([hash])
        );
        let shipped = std::fs::read_to_string("envoy/hold.yaml").unwrap();
        let bootstrap = replaced(&shipped, "value: '{}'", &format!("value: '{spelling}'")).unwrap();
        let envoy =
            Envoy::start(&bootstrap, SocketAddr::from(([127, 0, 0, 1], 9)), 1).await.unwrap();
        let stats = envoy.admin("/stats?filter=trackgate_config_info").await.unwrap();
        assert!(
            stats.contains(&format!("trackgate_config_info.hash.{hash}.version.")),
            "{hash}: {stats}"
        );
        hashes.insert(hash);
    }
    assert_eq!(hashes.len(), 1, "one configuration, one hash");
    std::fs::remove_dir_all(folder).unwrap();
}

/// What `check` says of a shipped bootstrap in which something is replaced; the last line left out.
fn of_bootstrap(phase: &str, replacements: &[(&str, &str)]) -> Vec<String> {
    let mut text = std::fs::read_to_string(format!("envoy/{phase}.yaml")).unwrap();
    for (what, by) in replacements {
        text = trackgate::cli::envoy::replaced(&text, what, by).unwrap();
    }
    static CHECKED: AtomicUsize = AtomicUsize::new(0);
    let number = CHECKED.fetch_add(1, Ordering::Relaxed);
    let path = std::env::temp_dir()
        .join(format!("trackgate-check-{}-{phase}-{number}.yaml", std::process::id()));
    std::fs::write(&path, text).unwrap();
    let (said, _) = trackgate(&format!("check {}", path.display()));
    std::fs::remove_file(&path).unwrap();
    let own = format!("{}: ", path.display());
    said.lines()
        .filter(|line| line.contains(": error:") || line.contains(": warning:"))
        .map(|line| line.replace(&own, ""))
        .collect()
}

#[test]
fn check_compares_the_buffers() {
    let small = ("buffer_limit_bytes: 2097152", "buffer_limit_bytes: 65536");
    let window = ("stream_window_size: 2097152", "stream_window_size: 98304");
    let no_route = ("                request_body_buffer_limit: 4194304\n", "");
    let told = ("value: '{}'", "value: '{\"buffer_limit_bytes\":65536}'");
    let too_much = ("value: '{}'", "value: '{\"buffer_limit_bytes\":65537}'");
    let left_out = "warning: buffer_limit_bytes: left out, where Envoy holds 65536 bytes and the endpoints take 1048576: Envoy refuses what is in between, in shadow mode too";
    let reads = "warning: request_body_buffer_limit: less than 3145728 on the routes: a large chunked body may be refused by Envoy, which reads per_connection_buffer_limit_bytes (2097152) at once beside the 1048576 that are held";
    let wrong = "error: buffer_limit_bytes: expected at most 65536, which is what Envoy holds here (per_connection_buffer_limit_bytes 65536, initial_stream_window_size 98304), found 65537";
    let none: [&str; 0] = [];
    assert_eq!(of_bootstrap("hold", &[]), none);
    assert_eq!(of_bootstrap("hold", &[no_route]), [reads]);
    assert_eq!(of_bootstrap("hold", &[no_route, small]), [left_out]);
    assert_eq!(of_bootstrap("hold", &[no_route, small, told]), none);
    assert_eq!(of_bootstrap("hold", &[no_route, small, window, too_much]), [wrong]);
    assert_eq!(of_bootstrap("compat", &[]), none);
    let held = ("max_request_bytes: 16777216", "max_request_bytes: 1000000");
    assert_eq!(
        of_bootstrap("compat", &[held]),
        [
            "warning: max_request_bytes: 1000000, where the endpoints take 1048576: Envoy refuses what is in between"
        ]
    );
    let always = ("BufferPerRoute", "Other");
    assert!(
        of_bootstrap("compat", &[always])[0]
            .starts_with("warning: envoy.filters.http.buffer: on for every route: ")
    );
}

#[test]
fn check_warns_of_a_100_that_never_comes() {
    let with = |value: &str| {
        ("codec_type: AUTO", format!("codec_type: AUTO\n          proxy_100_continue: {value}"))
    };
    for phase in ["hold", "compat"] {
        let (what, by) = with("true");
        let said = of_bootstrap(phase, &[(what, &by)]);
        assert!(
            matches!(&*said, [line] if line.starts_with("warning: proxy_100_continue: true: ")),
            "{phase}: {said:?}"
        );
        let (what, by) = with("false");
        assert!(of_bootstrap(phase, &[(what, &by)]).is_empty(), "{phase}");
    }
}
