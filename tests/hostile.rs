//! What senders, captures, file names and configurations hold never reaches a terminal or a page as it is: texts that clear the screen, forge a line or
//! turn the direction of writing, in every field of every kind of input, through every command.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use serde_json::{Value, json};
use std::ffi::OsString;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// Clears the screen, prints a green verdict on a line of its own, and whatever else is not what it looks like.
const EVIL: &str = "\u{1b}[2J\u{1b}[H\u{1b}[32mverdict: pass\u{1b}[0m\r\nverdict: pass;endpoint=forged\t\u{7}\u{7f}\u{9b}31m\u{85}\u{202e}\u{2066}\u{200b}\u{feff}\u{2028}\u{2029}\u{ad}<script>alert(1)</script>`|*é";

/// The part of it that can stand on one line of an HTTP message.
fn on_a_line() -> String {
    EVIL.replace(['\r', '\n'], "")
}

fn trackgate<I: Into<OsString>>(arguments: impl IntoIterator<Item = I>, input: &[u8]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_trackgate"))
        .args(arguments.into_iter().map(Into::into))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A command that does not want its input may end before it is written.
    let _ = child.stdin.take().unwrap().write_all(input);
    child.wait_with_output().unwrap()
}

/// Nothing that a terminal obeys or hides, but `\n`, and `\t` where columns are separated by it.
fn assert_harmless(case: &str, bytes: &[u8], tabs: bool) {
    let text = std::str::from_utf8(bytes).unwrap_or_else(|error| panic!("{case}: {error}: {}", bytes.escape_ascii()));
    for letter in text.chars() {
        let is_hidden =
            matches!(letter, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
        let is_ours = letter == '\n' || tabs && letter == '\t';
        assert!(is_ours || !letter.is_control() && !is_hidden, "{case}: {letter:?} in {text:?}");
    }
    assert!(!text.lines().any(|line| line.starts_with("verdict: pass;endpoint=forged")), "{case}: {text}");
}

fn run(case: &str, arguments: &[&str], input: &[u8]) -> Output {
    let output = trackgate(arguments.iter().copied(), input);
    assert_harmless(&format!("{case}: stdout of {arguments:?}"), &output.stdout, arguments[0] == "classify-ua");
    assert_harmless(&format!("{case}: stderr of {arguments:?}"), &output.stderr, false);
    assert_ne!(output.status.code(), Some(101), "{case}: {arguments:?} panicked");
    if arguments.contains(&"json") && output.status.code() != Some(2) {
        for line in output.stdout.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            serde_json::from_slice::<Value>(line).unwrap_or_else(|error| panic!("{case}: {error}"));
        }
    }
    output
}

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("trackgate-hostile-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        Folder(folder)
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> String {
        let path = self.0.join(name);
        std::fs::write(&path, bytes).unwrap();
        path.display().to_string()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A configuration under which each vendor's checks have something to say of what they saw.
fn telling() -> String {
    let evil = EVIL;
    json!({
        "country_header": "x-country",
        "user_agents": {"deny": ["evil-by-configuration\u{1b}[2J\u{202e}"]},
        "endpoints": [
            {"name": "convert", "vendor": "convert"},
            {"name": "plausible", "vendor": "plausible", "trust_ip_type_header": true,
             "sites": {evil: {"page_blocklist": ["/**"]}, "a.example": {"country_blocklist": ["FR"], "page_blocklist": [format!("/{evil}**")]}}},
            {"name": "userpilot", "vendor": "userpilot"},
            {"name": "commanders_act", "vendor": "commanders_act"},
            {"name": "custom", "vendor": "custom", "paths": ["/custom"], "custom": {
                "user_agents": "bots", "batch": "/batch", "opt_out_tokens": ["Ours"],
                "credentials": [{"in": "query", "name": format!("k{evil}")}],
                "fields": [{"pointer": format!("/{evil}"), "types": ["string"]}],
                "replies": {"drop": {"status": 200, "body": evil}, "reject": {"status": 400, "body": evil}}}},
        ]
    })
    .to_string()
}

/// `configuration` as above, or, where that cannot be used, without what makes it so.
fn configurations(folder: &Folder) -> Vec<String> {
    let custom = json!({"endpoints": [{"name": "custom", "vendor": "custom", "paths": ["/custom"], "custom": {
        "fields": [{"pointer": format!("/{EVIL}"), "types": ["string"]}], "batch": "/batch",
        "replies": {"drop": {"status": 200, "body": EVIL}, "reject": {"status": 400, "body": EVIL}}}}]});
    let sites = json!({"user_agents": {"deny": ["Evil\u{1b}[2J\u{202e}"]}, "country_header": "x-country", "endpoints": [
        {"name": "convert", "vendor": "convert"}, {"name": "userpilot", "vendor": "userpilot"}, {"name": "commanders_act", "vendor": "commanders_act"},
        {"name": "plausible", "vendor": "plausible", "trust_ip_type_header": true, "sites": {EVIL: {"page_blocklist": ["/**"]}, "a.example": {"page_blocklist": ["/x"]}}}]});
    [
        ("telling.json", telling()),
        ("custom.json", custom.to_string()),
        ("sites.json", sites.to_string()),
        ("plain.json", "{}".to_owned()),
    ]
    .into_iter()
    .map(|(name, text)| folder.write(name, text))
    .collect()
}

/// Bodies whose names and values are hostile.
fn bodies() -> Vec<String> {
    let evil = EVIL;
    vec![
        json!({"n": evil, "u": format!("https://a.example/{evil}"), "d": format!("{evil},a.example"), "r": evil, evil: evil, "p": {evil: evil}}).to_string(),
        json!({"user_id": evil, "event_name": evil, "metadata": {evil: {evil: evil}}, evil: 1}).to_string(),
        json!({"accountId": evil, "projectId": "2", "visitors": [{"visitorId": evil, "events": [{"eventType": evil, "data": {evil: evil}}]}]}).to_string(),
        json!({"batch": [{"event_name": evil, evil: evil}, {evil: 1}, 5], evil: evil}).to_string(),
        evil.to_owned(),
    ]
}

const PATHS: [&str; 6] = ["/v1/track/key", "/api/event", "/v1/track", "/events", "/custom", "/none"];
const NAMES: [&str; 9] = [
    "user-agent",
    "content-type",
    "content-length",
    "content-encoding",
    "authorization",
    "x-api-version",
    "x-country",
    "x-plausible-ip-type",
    "x-forwarded-for",
];

/// One request in each of the ways in which a person has it at hand.
fn requests(path: &str, body: &str) -> Vec<(&'static str, Vec<u8>)> {
    let (evil, line) = (EVIL, on_a_line());
    let target = format!("{path}?q={evil}");
    let headers: Vec<Value> = NAMES.iter().map(|name| json!([name, evil])).chain([json!([evil, evil])]).collect();
    let named: Vec<Value> = NAMES
        .iter()
        .map(|name| json!({"name": name, "value": evil, "key": name}))
        .chain([json!({"name": evil, "value": evil, "key": evil})])
        .collect();
    let record = json!({"id": evil, "method": "POST", "path": target, "authority": evil, "address": evil, "headers": headers, "body": body});
    let odd = json!({"id": evil, "method": evil, "path": target, "authority": evil, "headers": {evil: [evil, {evil: 1}]}});
    let entry = json!({"connection_address": evil, "request": {"method": "POST", "url": format!("https://{evil}{target}"), "headers": named, "postData": {"text": body}}});
    let bad_entry = json!({"request": {"method": evil, "url": evil, "headers": []}});
    let pseudo = [(":method", "POST"), (":path", target.as_str()), (":authority", evil), ("x-request-id", evil)];
    let fields: Vec<Value> =
        pseudo.iter().map(|(key, value)| json!({"key": key, "value": value})).chain(named.iter().cloned()).collect();
    let tap = json!({"http_buffered_trace": {"request": {"headers": fields, "body": {"as_string": body}}, "downstream_connection": {"remote_address": {"socket_address": {"address": evil, "port_value": 1}}}}});
    let fields: String = NAMES.iter().map(|name| format!("{name}: {line}\r\n")).collect();
    let oneline = |text: &str| text.replace(['\r', '\n'], " ");
    vec![
        ("message", format!("POST {path}?q={} HTTP/1.1\r\nHost: {line}\r\n{fields}{line}: {line}\r\n\r\n{body}", oneline(&line).replace([' ', '\t'], "")).into_bytes()),
        ("message of another method", format!("{} {path} HTTP/1.1\nHost: {line}\n\n", line.replace([' ', '\t'], "")).into_bytes()),
        ("no message", format!("{evil} {evil}").into_bytes()),
        ("message without a field", format!("POST {path} HTTP/1.1\n{line}\n\n").replace(": ", "").into_bytes()),
        ("bytes", [b"POST ".as_slice(), path.as_bytes(), b" HTTP/1.1\nUser-Agent: a\xFF\x9b31m\x1b[2J\nContent-Type: \xE9\n\n\xFF"].concat()),
        ("curl", format!("curl -X POST 'https://{line}{path}?{line}' -A '{line}' -H 'authorization: {evil}' -H '{line}: {evil}' -e '{evil}' -d '{}'", body.replace('\'', "")).into_bytes()),
        ("curl that lacks a value", format!("curl -X POST '--json={evil}' '{evil}' -H").into_bytes()),
        ("record", record.to_string().into_bytes()),
        ("odd record", odd.to_string().into_bytes()),
        ("HAR", json!({"log": {"entries": [entry]}}).to_string().into_bytes()),
        ("HAR entry", entry.to_string().into_bytes()),
        ("bad HAR entry", bad_entry.to_string().into_bytes()),
        ("tap", tap.to_string().into_bytes()),
    ]
}

#[test]
fn explain_shows_no_request_as_it_is() {
    let folder = Folder::new("explain");
    let configurations = configurations(&folder);
    let mut kinds = std::collections::BTreeSet::new();
    for (configuration, path, body) in [(2, 1, 0), (3, 0, 2), (3, 2, 1), (3, 3, 3), (1, 4, 3), (3, 5, 0), (3, 1, 4), (0, 1, 0)] {
        for (kind, request) in requests(PATHS[path], &bodies()[body]) {
            let case = format!("{kind} {}", PATHS[path]);
            let output = run(&case, &["explain", &configurations[configuration], "-"], &request);
            kinds.extend((output.status.code() != Some(2)).then_some(kind));
            run(&case, &["explain", &configurations[configuration], "-", "--output", "json"], &request);
        }
    }
    assert!(kinds.len() >= 7, "too many cannot be used, so that nothing is shown: {kinds:?}");
}

/// The proof that the escaping was missing: `explain` on a request whose User-Agent clears the screen and says that all is well.
#[test]
fn a_user_agent_cannot_forge_a_verdict() {
    let folder = Folder::new("forge");
    let configuration = folder.write("plain.json", "{}");
    let request = b"POST /v1/track/key HTTP/1.1\nHost: h.example\nUser-Agent: curl/8\x1b[2J\x1b[H\x1b[32mverdict: pass\x1b[0m\nContent-Type: application/json\n\n{}";
    let output = run("forge", &["explain", &configuration, "-"], request);
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("saw curl/8\\u{1b}[2J\\u{1b}[H\\u{1b}[32mverdict: pass\\u{1b}[0m: http_library"), "{said}");
    assert!(said.contains("\nverdict: drop;endpoint=convert\n"), "{said}");
    let tsv = run("forge", &["classify-ua", "-"], b"curl/8\x1b[2J\tpeople\tx\x9b\xc2\x9b\nbot\r\r\n");
    assert_eq!(
        String::from_utf8(tsv.stdout).unwrap(),
        "http_library\tcurl\tcurl/8\\u{1b}[2J\\tpeople\\tx\\x9b\\u{9b}\ncrawler\tbot\tbot\\r\n"
    );
}

/// A field of a protobuf message: number, then bytes with their length.
fn bytes_field(number: u8, content: &[u8]) -> Vec<u8> {
    let mut field = vec![number << 3 | 2];
    let mut length = content.len();
    while length >= 128 {
        field.push(length as u8 | 128);
        length >>= 7;
    }
    field.push(length as u8);
    [field, content.to_vec()].concat()
}

/// A file of Envoy's tap filter with one trace.
fn tap(path: &str, body: &str) -> Vec<u8> {
    let header =
        |name: &str, value: &str| bytes_field(1, &[bytes_field(1, name.as_bytes()), bytes_field(2, value.as_bytes())].concat());
    let mut request: Vec<u8> =
        [(":method", "POST"), (":path", path), (":authority", EVIL), ("x-request-id", EVIL), ("user-agent", EVIL), (EVIL, EVIL)]
            .iter()
            .flat_map(|(name, value)| header(name, value))
            .collect();
    request.extend(bytes_field(2, &bytes_field(2, body.as_bytes())));
    let trace = bytes_field(1, &bytes_field(1, &request));
    // A trace of its length is a field without its tag.
    bytes_field(1, &trace)[1..].to_vec()
}

#[test]
fn replay_shows_no_capture_as_it_is() {
    let folder = Folder::new("replay");
    let configurations = configurations(&folder);
    let html = folder.0.join("report.html").display().to_string();
    let name = format!("traffic {}.jsonl", EVIL.replace('/', "-"));
    let mut lines = Vec::new();
    for (path, body) in PATHS.iter().flat_map(|path| bodies().into_iter().map(move |body| (path, body))) {
        for (kind, request) in requests(path, &body) {
            if request.starts_with(b"{") || kind == "no message" {
                lines.extend([request.as_slice(), b"\n"].concat());
            }
        }
    }
    let good = br#"{"path":"/","id":"first"}"#;
    let captures = [
        folder.write(&name, [good.as_slice(), b"\n", &lines].concat()),
        folder.write(
            &format!("tap {}", on_a_line().replace('/', "-")),
            [tap("/api/event", &bodies()[0]), tap(EVIL, EVIL), vec![9, 1, 2]].concat(),
        ),
        folder.write(
            "pretty \u{1b}[2J.har",
            serde_json::to_string_pretty(&serde_json::from_slice::<Value>(&requests(PATHS[1], &bodies()[0])[9].1).unwrap())
                .unwrap(),
        ),
        folder.write("nothing \u{202e}.bin", EVIL),
    ];
    for capture in &captures {
        for configuration in &configurations[1..] {
            let output = run(capture, &["replay", configuration, capture, "--html", &html], b"");
            assert!(
                [Some(0), Some(1)].contains(&output.status.code()),
                "{capture:?}: {}",
                String::from_utf8_lossy(&output.stderr)
            );
            let page = std::fs::read(&html).unwrap();
            assert_harmless(capture, &page, false);
            let page = String::from_utf8(page).unwrap();
            assert!(!page.contains("<script") && page.contains("requests"), "{page}");
            run(capture, &["replay", configuration, capture, "--output", "json"], b"");
            run(capture, &["replay", configuration, capture, "--against", &configurations[2], "--html", &html], b"");
        }
    }
    let said = String::from_utf8(run("ids", &["replay", &configurations[3], &captures[0]], b"").stdout).unwrap();
    assert!(said.contains("\\u{1b}[2J"), "the id is shown: {said}");
}

#[test]
fn names_of_files_and_arguments_are_shown_escaped() {
    let folder = Folder::new("names");
    let name = EVIL.replace('/', "-");
    let there = folder.write(&name, "{\"mode\":1}");
    let missing = folder.0.join(format!("missing{name}")).display().to_string();
    let plain = folder.write("plain.json", "{}");
    let folder_name = folder.0.join(format!("folder{name}"));
    std::fs::create_dir(&folder_name).unwrap();
    let directory = folder_name.display().to_string();
    for file in [&there, &missing, &directory] {
        for arguments in [
            vec!["check", file],
            vec!["check", file, "--output", "json"],
            vec!["explain", file, &plain],
            vec!["explain", &plain, file],
            vec!["replay", &plain, file],
            vec!["replay", file, file],
            vec!["replay", &plain, &plain, "--against", file],
            vec!["replay", &plain, &plain, "--html", &directory],
            vec!["classify-ua", file],
            vec!["dispositions", "--vendor", file],
            vec!["canary", "--stable", file, "--canary", file],
            vec![file],
        ] {
            run("names", &arguments, b"");
        }
    }
    let not_utf8 = folder.0.join(OsString::from_vec(b"\xFF\x9b\x1b[2J".to_vec()));
    for command in ["check", "explain", "replay", "classify-ua"] {
        let output = trackgate([command.into(), not_utf8.clone().into_os_string(), not_utf8.clone().into_os_string()], b"");
        assert_harmless(command, &[output.stdout, output.stderr].concat(), false);
    }
}

#[test]
fn check_shows_no_configuration_as_it_is() {
    let folder = Folder::new("check");
    let evil = EVIL;
    let endpoint = |member: &str, value: Value| {
        let mut endpoint = json!({"name": "p", "vendor": "plausible"});
        endpoint[member] = value;
        json!({"endpoints": [endpoint]})
    };
    let mut texts: Vec<String> = vec![
        telling(),
        json!({evil: evil}).to_string(),
        json!({"mode": evil}).to_string(),
        json!({"header_prefix": evil, "country_header": evil, "client_ip": {"from": evil, evil: 1}, "enforce_percent": evil}).to_string(),
        json!({"user_agents": {"deny": [evil, ""], evil: 1}, "spam_referrers": {"deny": [evil], evil: 1}, "actions": {evil: evil}}).to_string(),
        format!("{{\"a\":1,\"a\":2}}{evil}"),
        format!("{{\"{}\":1,\"{0}\":2}}", evil.escape_unicode()).replace("\\u{", "\\u00").replace('}', ""),
        format!("{{{evil}"),
        format!("# {evil}\nstatic_resources: &{evil} *{evil}\n"),
        format!("\"{}\": [\n", on_a_line()),
        format!("a: !{} x\n", on_a_line()),
        format!("kind: WasmPlugin\nspec: {{pluginConfig: {}}}\n", json!({evil: evil, "mode": evil})),
        format!("kind: EnvoyFilter\nx: {}\n", json!({"vm_config": {"vm_id": evil}, "configuration": {"@type": evil, "value": json!({"mode": evil}).to_string()}})),
        json!({"kind": "EnvoyExtensionPolicy", "spec": {"wasm": [{"config": {evil: evil}}, {"config": {"mode": evil}}]}}).to_string(),
        evil.to_owned(),
    ];
    for member in ["name", "vendor", "access_control_allow_origin", "mode", evil] {
        texts.push(endpoint(member, json!(evil)).to_string());
    }
    for member in ["hosts", "paths", "datacenter_ranges", "api_keys_sha256"] {
        texts.push(endpoint(member, json!([evil])).to_string());
    }
    for value in [
        json!({evil: {evil: 1}}),
        json!({evil: {}}),
        json!({evil: {"page_blocklist": [evil], "ip_blocklist": [evil], "country_blocklist": [evil], "hostname_allowlist": [evil]}}),
    ] {
        texts.push(endpoint("sites", value).to_string());
    }
    for custom in [
        json!({"media_types": [evil]}),
        json!({"batch": evil}),
        json!({"fields": [{"pointer": evil}]}),
        json!({"credentials": [{"in": evil}]}),
        json!({"replies": {evil: {"status": 200}}}),
        json!({"replies": {"drop": {"status": 200, "headers": {evil: evil}}}}),
        json!({evil: 1}),
    ] {
        texts.push(json!({"endpoints": [{"name": "c", "vendor": "custom", "paths": ["/c"], "custom": custom}]}).to_string());
    }
    let mut codes = std::collections::BTreeSet::new();
    for (number, text) in texts.iter().enumerate() {
        let path = folder.write("configuration", text);
        codes.insert(run(&format!("configuration {number}"), &["check", &path], b"").status.code());
        run(&format!("configuration {number}"), &["check", &path, "--output", "json"], b"");
        run(&format!("configuration {number}"), &["replay", &path, &path], b"");
    }
    assert_eq!(codes.into_iter().flatten().collect::<Vec<_>>(), [0, 1, 2], "each of them is shown");
}

/// An admin interface whose counters grow, and bear a hostile label.
fn admin(refused: u64) -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for (round, stream) in (0u64..).zip(listener.incoming()) {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 4096]);
            let label = on_a_line().replace('"', "");
            let series = |verdict: &str, count: u64| {
                format!(
                    "trackgate_requests_total{{endpoint=\"{label}\",verdict=\"{verdict}\",reason=\"{label}\"}} {}\n",
                    round * count
                )
            };
            let text = series("pass", 10_000 - refused) + &series("drop", refused) + &series(&label, 500);
            let _ = write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{text}", text.len());
        }
    });
    address
}

#[test]
fn canary_shows_no_label_as_it_is() {
    let (stable, canary) = (admin(10).to_string(), admin(5000).to_string());
    for output in ["text", "json"] {
        let found = run("canary", &["canary", "--stable", &stable, "--canary", &canary, "--for", "0s", "--output", output], b"");
        let said = String::from_utf8(found.stdout).unwrap();
        assert!(said.contains("roll back") && said.contains("[2J"), "{said} {}", String::from_utf8_lossy(&found.stderr));
    }
}

#[test]
fn the_collector_shows_no_request_as_it_is() {
    for output in ["text", "json"] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_trackgate"))
            .args(["collector", "--listen", "127.0.0.1:0", "--output", output])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        std::io::BufRead::read_line(&mut std::io::BufReader::new(child.stderr.take().unwrap()), &mut line).unwrap();
        let address = line.trim().strip_prefix("listening on ").unwrap().to_owned();
        // What HTTP lets through: no C0 controls, but everything above.
        let evil: String = EVIL.chars().filter(|letter| *letter >= '\u{80}').collect();
        let mut stream = TcpStream::connect(address).unwrap();
        stream
            .write_all(
                &[
                    b"POST /x HTTP/1.1\r\nhost: h\r\nconnection: close\r\nx-track-verdict: a\x9b31m\xFF",
                    evil.as_bytes(),
                    b"\r\nx-track-drop-reason: ",
                    evil.as_bytes(),
                    b"\r\ncontent-length: 4\r\n\r\n\x1b[2J",
                ]
                .concat(),
            )
            .unwrap();
        stream.read_to_end(&mut Vec::new()).unwrap();
        Command::new("kill").arg(child.id().to_string()).status().unwrap();
        let mut said = Vec::new();
        child.stdout.take().unwrap().read_to_end(&mut said).unwrap();
        child.wait().unwrap();
        assert_harmless(output, &said, false);
        assert!(said.starts_with(if output == "text" { b"POST /x 4 bytes" } else { b"{\"body\":" }), "{}", said.escape_ascii());
    }
}

/// What is not to be forgotten when a format is added.
#[test]
fn every_source_file_that_prints_is_known() {
    let printing = |path: &Path| {
        let text = std::fs::read_to_string(path).unwrap();
        ["println!", "print!", "eprintln!", "writeln!(out", "fs::write("].iter().any(|word| text.contains(word))
    };
    fn files(folder: &Path) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
    }
    let mut found: Vec<String> =
        files(Path::new("src/cli")).iter().filter(|path| printing(path)).map(|path| path.display().to_string()).collect();
    found.sort();
    let known = [
        "src/cli/canary.rs",
        // Prints names of its own.
        "src/cli/canary_demo.rs",
        "src/cli/check.rs",
        "src/cli/classify_ua.rs",
        "src/cli/demo.rs",
        "src/cli/demo/remote.rs",
        "src/cli/explain.rs",
        "src/cli/replay.rs",
        "src/cli/run.rs",
    ];
    assert_eq!(found, known, "what it prints of others goes through `shown`, and a case of this file shows it");
}
