//! What `replay`, `explain`, `check` and `classify-ua` may take, whatever they are given: each runs
//! under limits of memory and of time that the kernel keeps.

use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// What `trackgate help replay` states.
const MEMORY_KIB: usize = 256 << 10;
/// Of CPU, which does not depend on what else runs, for an unoptimised build; an optimised one
/// takes less than a second for each.
const CPU_SECONDS: usize = 60;
const MIB: usize = 1 << 20;

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let folder =
            std::env::temp_dir().join(format!("trackgate-bounds-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        Folder(folder)
    }

    fn write(&self, name: &str, bytes: &[u8]) -> String {
        let path = self.0.join(name);
        std::fs::write(&path, bytes).unwrap();
        path.display().to_string()
    }

    /// `start`, then `again` until there are so many MiB of it, then `end`; compressed.
    fn pack(&self, name: &str, start: &[u8], again: &[u8], mib: usize, end: &[u8]) -> String {
        let path = self.0.join(name);
        let mut encoder =
            GzEncoder::new(std::fs::File::create(&path).unwrap(), Compression::fast());
        let piece = again.repeat((MIB / again.len()).max(1));
        encoder.write_all(start).unwrap();
        (0..mib * MIB / piece.len()).for_each(|_| encoder.write_all(&piece).unwrap());
        encoder.write_all(end).unwrap();
        encoder.finish().unwrap();
        path.display().to_string()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// What is said, and the exit code, under the limits of memory and time.
fn trackgate(arguments: &[&str]) -> (String, Option<i32>) {
    let output = Command::new("timeout")
        .args(["120", "sh", "-c"])
        .arg(format!("ulimit -d {MEMORY_KIB} && ulimit -t {CPU_SECONDS} && exec \"$0\" \"$@\""))
        .arg(env!("CARGO_BIN_EXE_trackgate"))
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert!(output.status.code().is_some(), "{arguments:?}: {}: {said}", output.status);
    (said, output.status.code())
}

/// The limit is one: where a record needs more, the process ends by it.
#[test]
fn the_limit_of_memory_is_kept() {
    let folder = Folder::new("limit");
    let plain = folder.write("plain.json", b"{}");
    let line = folder.write(
        "line",
        &[b"{\"path\":\"/\",\"body\":\"".as_slice(), &vec![b'a'; 31 * MIB], b"\"}"].concat(),
    );
    for (kib, succeeds) in [(MEMORY_KIB, true), (32 << 10, false)] {
        let status = Command::new("timeout")
            .args([
                "10",
                "sh",
                "-c",
                &format!("ulimit -d {kib} && exec \"$0\" \"$@\""),
                env!("CARGO_BIN_EXE_trackgate"),
                "replay",
                &plain,
                &line,
            ])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .unwrap();
        assert_eq!(status.success(), succeeds, "{kib} KiB: {status}");
    }
}

#[test]
fn a_hostile_capture_ends_soon_and_says_why() {
    let folder = Folder::new("hostile");
    let plain = folder.write("plain.json", b"{}");
    let endless = "expected a record within 32 MiB, found none that can be read; the rest of the file was skipped";
    let many = "more than 10000 header fields";
    let good = b"{\"path\":\"/\"}\n";
    let entry = br#"{"log":{"version":"1.2",
"entries":[{"request":{"method":"POST","url":"https://a.example/","headers":["#;
    let message = |number: u8, content: &[u8]| {
        let mut length = content.len();
        let mut field = vec![number << 3 | 2];
        while length > 127 {
            field.push(length as u8 | 128);
            length >>= 7;
        }
        field.push(length as u8);
        [field, content.to_vec()].concat()
    };
    let trace = |request: &[u8]| message(1, &message(1, &message(1, request)))[1..].to_vec();
    let rows = [
        (folder.pack("line.gz", b"{\"path\":\"/\",\"body\":\"", b"a", 200, b""), endless),
        (
            folder.pack(
                "second-line.gz",
                &[good.as_slice(), b"{\"path\":\""].concat(),
                b"a",
                200,
                b"",
            ),
            endless,
        ),
        (folder.pack("zeros.gz", b"", b"\0", 200, b""), endless),
        (folder.write("zeros.tap", &vec![0; 20 * MIB]), endless),
        (folder.pack("blank.gz", good, b"\n", 200, b""), endless),
        (folder.pack("blanks.gz", b"{\n\"path\":\"/\"}", b" ", 200, b""), endless),
        (folder.pack("garbage.gz", good, b"{x\n", 200, b""), endless),
        (folder.pack("nested.gz", b"", b"{\"a\":", 200, b""), endless),
        (folder.pack("nested-har.gz", br#"{"log":{"a":"#, b"[", 200, b""), endless),
        (
            folder.pack(
                "response.gz",
                b"{\"log\":\n{\"entries\":[{\"response\":\"",
                b"a",
                200,
                b"",
            ),
            endless,
        ),
        (folder.pack("name.gz", b"{\n\"", b"a", 200, b""), endless),
        (
            folder.pack(
                "fields.gz",
                b"{\"path\":\"/\",\"headers\":[",
                b"[\"\",\"\"],",
                30,
                b"[\"\",\"\"]]}",
            ),
            many,
        ),
        (
            folder.pack(
                "values.gz",
                b"{\"path\":\"/\",\"headers\":{\"a\":[",
                b"\"\",",
                30,
                b"\"\"]}}",
            ),
            many,
        ),
        (folder.pack("har-fields.gz", entry, b"{},", 30, b"{}]}}]}}"), many),
        (
            folder.pack(
                "tap-fields.gz",
                br#"{"http_buffered_trace":{"request":{"headers":["#,
                b"{},",
                30,
                b"{}]}}}",
            ),
            many,
        ),
        (folder.write("fields.tap", &trace(&[0x0A, 0].repeat(15 * MIB))), many),
        (
            folder.write("length.tap", b"\xff\xff\xff\xff\x7f"),
            "found a length of 34359738367 bytes",
        ),
    ];
    for (file, expected) in &rows {
        let (said, code) = trackgate(&["replay", &plain, file]);
        assert!(said.contains(expected), "{file}: {said}");
        assert_eq!(code, Some(1), "{file}");
    }
}

/// A record of nearly 32 MiB in each form, and captures many times as large as the memory that is
/// allowed.
#[test]
fn a_legitimate_capture_of_any_size_is_read() {
    let folder = Folder::new("large");
    let plain = folder.write("plain.json", b"{}");
    let line = br#"{"path":"/api/event","headers":{"content-type":"application/json","user-agent":"Mozilla/5.0 (X11; Linux x86_64; rv:126.0) Gecko/20100101 Firefox/126.0"},"body":"{\"n\":\"pageview\",\"u\":\"https://a.example/\",\"d\":\"a.example\"}","note":"NOTE"}"#;
    let padded = |bytes: usize| {
        String::from_utf8(line.to_vec()).unwrap().replace("NOTE", &"n".repeat(bytes)) + "\n"
    };
    let response = format!(
        "{{\"request\":{{\"method\":\"POST\",\"url\":\"https://a.example/other\"}},\"response\":\"{}\"}},",
        "r".repeat(4 * MIB)
    );
    let text = |body: &str| format!("{{\n\"path\":\"/api/event\",\"body\":\"{body}\"}}\n");
    let rows = [
        (folder.pack("lines.gz", b"", padded(20_000).as_bytes(), 300, b""), "requests", "pass"),
        (folder.pack("har.gz", br#"{"log":{"entries":["#, response.as_bytes(), 280, br#"{"request":{"method":"POST","url":"https://a.example/other"}}]}}"#), "70 requests", "untouched"),
        (folder.write("line.jsonl", padded(31 * MIB).as_bytes()), "1 requests", "pass"),
        (folder.write("escapes.jsonl", (text(&"\\u0041".repeat(5 * MIB))).as_bytes()), "1 requests", "reject"),
        (folder.write("base64.jsonl", text(&"QUFB".repeat(7 * MIB)).replace("body", "body_b64").as_bytes()), "1 requests", "reject"),
        (folder.write("one.har", &[br#"{"log":{"entries":[{"request":{"method":"POST","url":"https://a.example/api/event","postData":{"text":""#.as_slice(), &b"\\t".repeat(15 * MIB), b"\"}}}]}}"].concat()), "1 requests", "reject"),
        (folder.write("one.jsonl", &[br#"{"http_buffered_trace":{"request":{"headers":[{"key":":path","value":"/api/event"},{"key":":method","value":"POST"}],"body":{"as_bytes":""#.as_slice(), &b"QUFB".repeat(7 * MIB), b"\"}}}}"].concat()), "1 requests", "reject"),
    ];
    for (file, count, verdict) in &rows {
        let (said, code) = trackgate(&["replay", &plain, file]);
        assert!(
            said.contains(count) && said.contains(verdict) && !said.contains("could not be read"),
            "{file}: {said}"
        );
        assert_eq!(code, Some(0), "{file}");
    }
}

#[test]
fn what_is_read_as_a_whole_has_a_largest_size() {
    let folder = Folder::new("whole");
    let plain = folder.write("plain.json", b"{}");
    let large = folder.write("large", &vec![b' '; 33 * MIB]);
    let line = folder.write("line", &vec![b'a'; 2 * MIB]);
    for arguments in [
        ["check", &large, ""],
        ["explain", &large, &plain],
        ["explain", &plain, &large],
        ["check", "/dev/zero", ""],
    ] {
        let arguments: Vec<&str> =
            arguments.into_iter().filter(|argument| !argument.is_empty()).collect();
        let (said, code) = trackgate(&arguments);
        assert!(said.ends_with(": expected at most 32 MiB, found more\n"), "{arguments:?}: {said}");
        assert_eq!(code, Some(2), "{arguments:?}");
    }
    for file in [line.as_str(), "/dev/zero"] {
        let (said, code) = trackgate(&["classify-ua", file]);
        assert_eq!(
            (said, code),
            (format!("trackgate: {file}: line 1: expected at most 1 MiB, found more\n"), Some(2))
        );
    }
}

#[test]
fn a_hostile_configuration_is_refused_soon() {
    let folder = Folder::new("configuration");
    let endpoints = |one: &dyn Fn(usize) -> String, count: usize| {
        format!("{{\"endpoints\":[{}]}}", (0..count).map(one).collect::<Vec<_>>().join(","))
    };
    let rows = [
        (format!("a: {}", "[".repeat(100_000)), "more than 256 brackets are open at line 1", 2),
        (
            format!("a: &a [{}]\nb: [{}]\n", "x,".repeat(20_000), "*a,".repeat(20_000)),
            "its aliases make it more than sixty times as large",
            2,
        ),
        ("[".repeat(100_000), "more than 256 brackets", 2),
        (
            format!("{{\"a\":{}", "[".repeat(100_000)),
            "invalid JSON at line 1 column 132: nested too deeply",
            1,
        ),
        (endpoints(&|_| "1".to_owned(), 50_000), "50000 errors", 1),
        (
            endpoints(&|index| format!("{{\"name\":\"e{index}\",\"vendor\":\"x\"}}"), 5_000),
            "5000 errors",
            1,
        ),
        (
            format!(
                "{{{}}}",
                (0..20_000).map(|index| format!("\"m{index}\":1")).collect::<Vec<_>>().join(",")
            ),
            "20000 errors",
            1,
        ),
        (format!("{{\"{}\":1}}", "m".repeat(20 * MIB)), "unknown field a long string", 1),
        (format!("{{\"mode\":\"{}\"}}", "m".repeat(20 * MIB)), "found a long string", 1),
    ];
    for (text, expected, code) in rows {
        let file = folder.write("configuration", text.as_bytes());
        let (said, found) = trackgate(&["check", &file]);
        let said: String =
            said.chars().rev().take(2000).collect::<Vec<_>>().into_iter().rev().collect();
        assert!(said.contains(expected), "{said}");
        assert_eq!(found, Some(code), "{expected}");
    }
}
