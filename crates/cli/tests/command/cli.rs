//! The command's words and exit codes in full, and its schema.

use super::{project, read};
use serde_json::Value;
use std::fmt::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use trackgate::config;
use trackgate::gate::Gate;
use trackgate_cli::schema;

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
    let output = Command::new("timeout")
        .args(["60", env!("CARGO_BIN_EXE_trackgate")])
        .args(arguments.split_ascii_whitespace())
        .current_dir(project(""))
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
/// A reader that has seen enough is no fault of the command's.
#[test]
fn a_pipe_that_ends_is_no_error() {
    let command = format!(
        "{} schema | head -n 1; echo \"${{PIPESTATUS[0]}}\"",
        env!("CARGO_BIN_EXE_trackgate")
    );
    let output = Command::new("bash").args(["-c", &command]).output().unwrap();
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
    // Ended by the signal, as other commands are, or done before it came.
    let code = String::from_utf8(output.stdout).unwrap();
    assert!(code.ends_with("\n141\n") || code.ends_with("\n0\n"), "{code}");
}

#[test]
fn the_command_says_what_it_says() {
    let mut transcript = String::new();
    for command in COMMANDS {
        let (said, code) = trackgate(command);
        writeln!(transcript, "$ trackgate {command}\n{}\n[exit code {code}]\n", said.trim_end())
            .unwrap();
    }
    let path = project("tests/cli/transcript.txt");
    if std::env::var_os("TRACKGATE_WRITE_TRANSCRIPT").is_some() {
        std::fs::write(&path, &transcript).unwrap();
    }
    let known = std::fs::read_to_string(&path).unwrap();
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
    let committed = read("examples/trackgate.schema.json");
    assert_eq!(committed, schema::text(), "`trackgate schema > examples/trackgate.schema.json`");
}

#[test]
fn every_example_is_valid_by_the_schema() {
    let schema: Value = serde_json::from_str(&schema::text()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let mut count = 0;
    for entry in std::fs::read_dir(project("examples")).unwrap() {
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

fn problems(json: &str) -> Vec<String> {
    let error = Gate::load(json.as_bytes()).unwrap_err();
    error.problems.iter().map(ToString::to_string).collect()
}

/// Of a value that no field takes, each name that the schema has is complained of for the value,
/// and one that it does not have for the name.
#[test]
fn the_schema_has_the_names_that_are_read() {
    let schema: Value = serde_json::from_str(&schema::text()).unwrap();
    let endpoint =
        |rest: &str| format!(r#"{{"endpoints":[{{"name":"c","vendor":"custom",{rest}}}]}}"#);
    let custom = |rest: &str| endpoint(&format!(r#""custom":{{{rest}}}"#));
    type Row<'a> = (&'a str, &'a dyn Fn(&str) -> String);
    let rows: [Row<'_>; 9] = [
        ("", &|x| format!("{{{x}}}")),
        ("EndpointSpec", &endpoint),
        ("UserAgentSpec", &|x| format!(r#"{{"user_agents":{{{x}}}}}"#)),
        ("SpamReferrerSpec", &|x| format!(r#"{{"spam_referrers":{{{x}}}}}"#)),
        ("LimitsSpec", &|x| endpoint(&format!(r#""limits":{{{x}}}"#))),
        ("Site", &|x| {
            let site = format!(r#""sites":{{"a.example":{{{x}}}}}"#);
            endpoint(&site).replace("\"custom\"", "\"plausible\"")
        }),
        ("CustomSpec", &custom),
        ("FieldSpec", &|x| custom(&format!(r#""fields":[{{{x}}}]"#))),
        ("ReplySpec", &|x| custom(&format!(r#""replies":{{"drop":{{"status":200,{x}}}}}"#))),
    ];
    let mut count = 0;
    for (definition, json) in rows {
        let object = if definition.is_empty() { &schema } else { &schema["$defs"][definition] };
        let names = object["properties"].as_object().unwrap().keys();
        for name in names.filter(|name| !["name", "status"].contains(&name.as_str())) {
            let found = problems(&json(&format!("{name:?}:null")));
            assert!(
                found.iter().any(|problem| problem.contains(&format!("{name}: expected "))),
                "{definition} {name}: {found:?}"
            );
            count += 1;
        }
        let found = problems(&json(r#""unknown_name":1"#));
        assert!(
            found.iter().any(|problem| problem.contains("unknown field \"unknown_name\"")),
            "{definition}: {found:?}"
        );
    }
    assert!(count > 40, "{count}");
}

#[test]
fn compressed_captures_and_html_reports() {
    let folder = temporary("html");
    let packed = folder.join("traffic.jsonl.gz");
    let mut encoder = flate2::write::GzEncoder::new(
        std::fs::File::create(&packed).unwrap(),
        flate2::Compression::fast(),
    );
    std::io::Write::write_all(&mut encoder, read("tests/cli/traffic.jsonl").as_bytes()).unwrap();
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

/// As an operator writes it, and as a platform hands it over: the hash that Envoy's metric has.
#[test]
fn check_tells_the_hash_of_the_configuration() {
    let folder = temporary("hash");
    for spelling in [
        r#"{"mode":"shadow","enforce_percent":50,"user_agents":{"deny":["a"],"allow":["b"]}}"#,
        r#"{ "user_agents": {"allow": ["b"], "deny": ["\u0061"]}, "enforce_percent": 50.0, "mode": "shadow" }"#,
    ] {
        let file = folder.join("configuration.json");
        std::fs::write(&file, spelling).unwrap();
        let (config, _) = config::load(spelling.as_bytes()).unwrap();
        let hash = format!("{:016x}", config.hash);
        let (said, _) = trackgate(&format!("check {}", file.display()));
        assert!(said.contains(&format!(": hash {hash}\n")), "{said}");
        let (report, _) = trackgate(&format!("check {} --output json", file.display()));
        assert_eq!(
            serde_json::from_str::<Value>(&report).unwrap()["hashes"],
            serde_json::json!([hash])
        );
    }
    std::fs::remove_dir_all(folder).unwrap();
}

/// What `check` complains about in a shipped bootstrap in which something is replaced; but for the
/// hosts, which none of them names.
fn of_bootstrap(phase: &str, replacements: &[(&str, &str)]) -> Vec<String> {
    let mut text = read(&format!("envoy/{phase}.yaml"));
    for (what, by) in replacements {
        assert!(text.contains(what), "{phase}: {what}");
        text = text.replace(what, by);
    }
    static CHECKED: AtomicUsize = AtomicUsize::new(0);
    let number = CHECKED.fetch_add(1, Ordering::Relaxed);
    let path = std::env::temp_dir()
        .join(format!("trackgate-check-{}-{phase}-{number}.yaml", std::process::id()));
    std::fs::write(&path, text).unwrap();
    let (said, _) = trackgate(&format!("check {}", path.display()));
    std::fs::remove_file(&path).unwrap();
    let own = format!("{}:", path.display());
    // `FILE:LINE: error: …`
    let without_place = |line: &str| {
        let rest = line.strip_prefix(&own).unwrap_or(line);
        rest.split_once(": ").map_or(rest, |(_, message)| message).to_owned()
    };
    said.lines()
        .filter(|line| line.contains(": error:") || line.contains(": warning:"))
        .filter(|line| !line.ends_with("another service behind this listener is judged as well"))
        .map(without_place)
        .collect()
}

#[test]
fn check_compares_the_buffers() {
    let small = ("buffer_limit_bytes: 2097152", "buffer_limit_bytes: 65536");
    let window = ("stream_window_size: 2097152", "stream_window_size: 98304");
    let no_route = ("                request_body_buffer_limit: 4194304\n", "");
    let told = ("value: '{}'", "value: '{\"buffer_limit_bytes\":65536}'");
    let too_much = ("value: '{}'", "value: '{\"buffer_limit_bytes\":65537}'");
    let left_out = "warning: buffer_limit_bytes: not set, where Envoy holds 65536 bytes and the endpoints take 1048576: Envoy refuses what is in between, in shadow mode too";
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

/// One thing taken away or changed, and the one complaint about it.
#[test]
fn check_says_what_cannot_work_and_what_is_missing() {
    let compat = "value: '{\"body_phase\": \"compat\"}'";
    let rows: &[(&str, &str, &str, &str)] = &[
        (
            "hold",
            "allow_on_headers_stop_iteration: true",
            "vm_config_2: {}",
            "error: allow_on_headers_stop_iteration: expected true",
        ),
        (
            "hold",
            "value: '{}'",
            compat,
            "error: body_phase: \"compat\" needs envoy.filters.http.buffer",
        ),
        (
            "hold",
            "protobuf.StringValue",
            "protobuf.Struct",
            "error: configuration: a Struct reaches",
        ),
        ("hold", "vm_id: trackgate", "vm_id: ''", "warning: vm_config.vm_id: empty"),
        ("hold", "FAIL_RELOAD", "FAIL_OPEN", "warning: failure_policy: not FAIL_RELOAD"),
        (
            "hold",
            "normalize_path: true",
            "normalize_path: false",
            "warning: normalize_path: not set",
        ),
        ("hold", "merge_slashes: true", "merge_slashes: false", "warning: merge_slashes: not set"),
        (
            "hold",
            "use_remote_address: true",
            "use_remote_address: false",
            "warning: use_remote_address: not set",
        ),
        (
            "hold",
            "stream_error_on_invalid_http_message: true",
            "server_name: a",
            "warning: stream_error_on_invalid_http_message: not set",
        ),
        ("hold", "DROP_HEADER", "ALLOW", "warning: headers_with_underscores_action: not set"),
        ("hold", "access_log:", "other:", "warning: access_log: none"),
        ("hold", "stats_tags:", "other:", "warning: stats_tags: none"),
        (
            "compat",
            "- name: envoy.filters.http.buffer\n",
            "- name: other\n",
            "error: body_phase: \"compat\" needs envoy.filters.http.buffer",
        ),
        ("module", "value: '{}'", compat, "error: body_phase: \"compat\" lets the head"),
        (
            "module",
            "normalize_path: true",
            "normalize_path: false",
            "warning: normalize_path: not set",
        ),
        ("module", "protobuf.StringValue", "protobuf.Struct", ""),
    ];
    for (phase, what, by, expected) in rows {
        let said = of_bootstrap(phase, &[(what, by)]);
        match *expected {
            "" => assert!(said.is_empty(), "{phase} {what}: {said:?}"),
            expected => assert!(
                matches!(&*said, [line] if line.starts_with(expected)),
                "{phase} {what}: {said:?}"
            ),
        }
    }
}

#[test]
fn check_is_strict_where_it_is_asked() {
    let said = |arguments: &str| trackgate(arguments).1;
    assert_eq!(said("check envoy/hold.yaml"), 0);
    assert_eq!(said("check envoy/hold.yaml --strict"), 1);
    let folder = temporary("empty");
    let file = folder.join("empty.yaml");
    std::fs::write(&file, "\n").unwrap();
    let (said, code) = trackgate(&format!("check {}", file.display()));
    assert_eq!(code, 2, "{said}");
    std::fs::remove_dir_all(folder).unwrap();
}

/// A folder of one file a request, as Envoy's tap writes them; a HAR without a body's text; a format
/// that is not read.
#[test]
fn replay_reads_folders_and_says_what_it_cannot_read() {
    let folder = std::env::temp_dir().join(format!("trackgate-folder-{}", std::process::id()));
    std::fs::create_dir_all(folder.join("tap")).unwrap();
    let record = |agent: &str| {
        format!(
            r#"{{"method":"POST","path":"/v1/track/key","authority":"a.example","headers":[["user-agent","{agent}"],["content-type","application/json"]],"body":"{{\"accountId\":1,\"projectId\":2,\"visitors\":[]}}"}}"#
        )
    };
    std::fs::write(folder.join("tap/1.json"), record("curl/8")).unwrap();
    std::fs::write(
        folder.join("tap/2.json"),
        record("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"),
    )
    .unwrap();
    let entry = |data: &str| {
        format!(
            r#"{{"request":{{"method":"POST","url":"https://a.example/v1/track/key","headers":[],"bodySize":90,{data}"httpVersion":"h2"}}}}"#
        )
    };
    let har = format!(
        r#"{{"log":{{"entries":[{},{}]}}}}"#,
        entry(""),
        entry(r#""postData":{"mimeType":"application/json"},"#)
    );
    std::fs::write(folder.join("browser.har"), har).unwrap();
    let shown = folder.display();
    let page = folder.join("report.html");
    let (said, code) =
        trackgate(&format!("replay tests/cli/plain.json {shown} --html {}", page.display()));
    assert_eq!(code, 0, "{said}");
    for part in
        ["2 requests", "would refuse 50.0 % (1 request)", "2 more were captured without their body"]
    {
        assert!(said.contains(part), "{part}: {said}");
    }
    let html = std::fs::read_to_string(&page).unwrap();
    for part in [
        "would refuse 50.0 %",
        "hash ",
        "By site, or host",
        "http_library",
        "color-scheme:light dark",
        "1.json",
    ] {
        assert!(html.contains(part), "{part}: {html}");
    }
    std::fs::write(folder.join("a.zip"), b"PK\x03\x04....").unwrap();
    let (said, code) = trackgate(&format!("replay tests/cli/plain.json {shown}/a.zip"));
    assert!(code == 2 && said.contains("found a zip archive: unpack it"), "{said}");
    std::fs::create_dir_all(folder.join("empty")).unwrap();
    let (said, code) = trackgate(&format!("replay tests/cli/plain.json {shown}/empty"));
    assert!(code == 2 && said.contains("expected captures in the folder, found no file"), "{said}");
    std::fs::remove_dir_all(&folder).unwrap();
}
