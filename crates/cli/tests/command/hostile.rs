//! What senders, captures, file names and configurations hold never reaches a terminal or a page as
//! it is: texts that clear the screen, forge a line or turn the direction of writing, in every
//! field of every kind of input, through every command.

mod inputs;

use super::project;
use inputs::{EVIL, Folder, PATHS, bodies, configurations, on_a_line, requests, tap};
use serde_json::Value;
use std::ffi::OsString;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

fn trackgate<I: Into<OsString>>(arguments: impl IntoIterator<Item = I>, input: &[u8]) -> Output {
    let mut child = Command::new("timeout")
        .args(["60", env!("CARGO_BIN_EXE_trackgate")])
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
    let text = std::str::from_utf8(bytes)
        .unwrap_or_else(|error| panic!("{case}: {error}: {}", bytes.escape_ascii()));
    for letter in text.chars() {
        let is_hidden = matches!(letter, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
        let is_ours = letter == '\n' || tabs && letter == '\t';
        assert!(is_ours || !letter.is_control() && !is_hidden, "{case}: {letter:?} in {text:?}");
    }
    assert!(
        !text.lines().any(|line| line.starts_with("verdict: pass;endpoint=forged")),
        "{case}: {text}"
    );
}

fn run(case: &str, arguments: &[&str], input: &[u8]) -> Output {
    let output = trackgate(arguments.iter().copied(), input);
    assert_harmless(
        &format!("{case}: stdout of {arguments:?}"),
        &output.stdout,
        arguments[0] == "classify-ua",
    );
    assert_harmless(&format!("{case}: stderr of {arguments:?}"), &output.stderr, false);
    assert_ne!(output.status.code(), Some(101), "{case}: {arguments:?} panicked");
    if arguments.contains(&"json") && ![Some(2), Some(3)].contains(&output.status.code()) {
        for line in output.stdout.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            serde_json::from_slice::<Value>(line).unwrap_or_else(|error| panic!("{case}: {error}"));
        }
    }
    output
}

#[test]
fn explain_shows_no_request_as_it_is() {
    let folder = Folder::new("explain");
    let configurations = configurations(&folder);
    let mut kinds = std::collections::BTreeSet::new();
    for (configuration, path, body) in
        [(2, 1, 0), (3, 0, 2), (3, 2, 1), (3, 3, 3), (1, 4, 3), (3, 5, 0), (3, 1, 4), (0, 1, 0)]
    {
        for (kind, request) in requests(PATHS[path], &bodies()[body]) {
            let case = format!("{kind} {}", PATHS[path]);
            let output = run(&case, &["explain", &configurations[configuration], "-"], &request);
            kinds.extend((output.status.code() != Some(2)).then_some(kind));
            run(
                &case,
                &["explain", &configurations[configuration], "-", "--output", "json"],
                &request,
            );
        }
    }
    assert!(kinds.len() >= 7, "too many cannot be used, so that nothing is shown: {kinds:?}");
}

/// The proof that the escaping was missing: `explain` on a request whose User-Agent clears the
/// screen and says that all is well.
#[test]
fn a_user_agent_cannot_forge_a_verdict() {
    let folder = Folder::new("forge");
    let configuration = folder.write("plain.json", "{}");
    let request = b"POST /v1/track/key HTTP/1.1\nHost: h.example\nUser-Agent: curl/8\x1b[2J\x1b[H\x1b[32mverdict: pass\x1b[0m\nContent-Type: application/json\n\n{}";
    let output = run("forge", &["explain", &configuration, "-"], request);
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(
        said.contains(
            r#"saw "curl/8\u{1b}[2J\u{1b}[H\u{1b}[32mverdict: pass\u{1b}[0m": http_library"#
        ),
        "{said}"
    );
    assert!(said.contains("\nverdict: drop;endpoint=convert\n"), "{said}");
    let tsv =
        run("forge", &["classify-ua", "-"], b"curl/8\x1b[2J\tpeople\tx\x9b\xc2\x9b\nbot\r\r\n");
    assert_eq!(
        String::from_utf8(tsv.stdout).unwrap(),
        "http_library\tcurl\tcurl/8\\u{1b}[2J\\tpeople\\tx\\x9b\\u{9b}\ncrawler\tbot\tbot\\r\n"
    );
}

#[test]
fn replay_shows_no_capture_as_it_is() {
    let folder = Folder::new("replay");
    let configurations = configurations(&folder);
    let html = folder.0.join("report.html").display().to_string();
    let name = format!("traffic {}.jsonl", EVIL.replace('/', "-"));
    let mut lines = Vec::new();
    for (path, body) in
        PATHS.iter().flat_map(|path| bodies().into_iter().map(move |body| (path, body)))
    {
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
            serde_json::to_string_pretty(
                &serde_json::from_slice::<Value>(&requests(PATHS[1], &bodies()[0])[9].1).unwrap(),
            )
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
            run(
                capture,
                &[
                    "replay",
                    configuration,
                    capture,
                    "--against",
                    &configurations[2],
                    "--html",
                    &html,
                ],
                b"",
            );
        }
    }
    let said =
        String::from_utf8(run("ids", &["replay", &configurations[3], &captures[0]], b"").stdout)
            .unwrap();
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
        let output = trackgate(
            [command.into(), not_utf8.clone().into_os_string(), not_utf8.clone().into_os_string()],
            b"",
        );
        assert_harmless(command, &[output.stdout, output.stderr].concat(), false);
    }
}

#[test]
fn check_shows_no_configuration_as_it_is() {
    let folder = Folder::new("check");
    let texts = inputs::wrong_configurations();
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
            let text =
                series("pass", 10_000 - refused) + &series("drop", refused) + &series(&label, 500);
            let _ =
                write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{text}", text.len());
        }
    });
    address
}

#[test]
fn canary_shows_no_label_as_it_is() {
    let (stable, canary) = (admin(10).to_string(), admin(5000).to_string());
    for output in ["text", "json"] {
        let found = run(
            "canary",
            &[
                "canary", "--stable", &stable, "--canary", &canary, "--for", "0s", "--output",
                output,
            ],
            b"",
        );
        let said = String::from_utf8(found.stdout).unwrap();
        assert!(
            said.contains("roll back") && said.contains("[2J"),
            "{said} {}",
            String::from_utf8_lossy(&found.stderr)
        );
    }
}

/// What is not to be forgotten when a format is added.
#[test]
fn every_source_file_that_prints_is_known() {
    let printing = |path: &Path| {
        let text = std::fs::read_to_string(path).unwrap();
        ["println!", "print!", "eprintln!", "writeln!(out", "fs::write("]
            .iter()
            .any(|word| text.contains(word))
    };
    fn files(folder: &Path) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
    }
    let members = project("crates");
    let mut found: Vec<String> = ["cli/src", "testing/src"]
        .iter()
        .flat_map(|folder| files(&members.join(folder)))
        .filter(|path| printing(path))
        .map(|path| path.strip_prefix(&members).unwrap().display().to_string())
        .collect();
    found.sort();
    let known = [
        "cli/src/canary.rs",
        "cli/src/canary/report.rs",
        "cli/src/check.rs",
        "cli/src/classify_ua.rs",
        "cli/src/explain.rs",
        // Writes a file to read it.
        "cli/src/explain/curl/tests.rs",
        "cli/src/main.rs",
        // JSON escapes what a terminal obeys.
        "cli/src/quarantine/export.rs",
        // Addresses of the operator's, and what the database says of itself.
        "cli/src/quarantine/server.rs",
        "cli/src/quarantine/writer.rs",
        "cli/src/replay.rs",
        "cli/src/report.rs",
        // Counts, and ids of reasons.
        "cli/src/resend.rs",
        // Prints names of its own.
        "testing/src/canary_demo.rs",
        "testing/src/demo.rs",
        "testing/src/demo/remote.rs",
        // Writes a configuration of its own.
        "testing/src/ecds.rs",
        // Its collector is shown by tests/it/collector.rs.
        "testing/src/main.rs",
        "testing/src/quarantine_demo.rs",
        "testing/src/run.rs",
    ];
    assert_eq!(
        found, known,
        "what it prints of others goes through `shown`, and a case of this file shows it"
    );
}
