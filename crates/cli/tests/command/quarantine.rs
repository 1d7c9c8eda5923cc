//! The quarantine's receiver and `resend`, as they are run, over real sockets and a real disk.

use super::project;
use rusqlite::Connection;
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:126.0) Gecko/20100101 Firefox/126.0";
const EVENT: &str = r#"{"n":"pageview","u":"https://a.example/","d":"a.example"}"#;

fn folder(name: &str) -> PathBuf {
    let folder = project("target/quarantine").join(format!("{name}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

struct Receiver {
    child: Child,
    address: SocketAddr,
    admin: SocketAddr,
}

impl Receiver {
    fn start(store: &Path, more: &[&str]) -> Receiver {
        let mut command = Command::new(env!("CARGO_BIN_EXE_trackgate"));
        command.args([
            "quarantine",
            "--listen",
            "127.0.0.1:0",
            "--admin",
            "127.0.0.1:0",
            "--store",
        ]);
        Self::of(command.arg(store).args(more))
    }

    fn of(command: &mut Command) -> Receiver {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut address = || {
            let line = lines.next().unwrap().unwrap();
            line.rsplit(' ').next().unwrap().parse::<SocketAddr>().unwrap()
        };
        Receiver { address: address(), admin: address(), child }
    }

    fn metric(&self, name: &str) -> u64 {
        let (_, text) =
            exchange(&mut connect(self.admin), "GET /metrics HTTP/1.1\r\nhost: a\r\n\r\n");
        let line =
            text.lines().find_map(|line| line.strip_prefix(&format!("trackgate_store_{name} ")));
        line.unwrap_or_else(|| panic!("{name}: {text}")).parse().unwrap()
    }

    /// Its exit code.
    fn stop(mut self) -> Option<i32> {
        Command::new("kill").arg(self.child.id().to_string()).status().unwrap();
        self.child.wait().unwrap().code()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream
}

/// Status and body.
fn exchange(stream: &mut TcpStream, request: &str) -> (u16, String) {
    try_exchange(stream, request).unwrap()
}

fn try_exchange(stream: &mut TcpStream, request: &str) -> Option<(u16, String)> {
    stream.write_all(request.as_bytes()).ok()?;
    let mut reader = BufReader::new(stream);
    let (mut status, mut length) = (0, 0);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let line = line.trim_end().to_ascii_lowercase();
        if let Some(rest) = line.strip_prefix("http/1.1 ") {
            status = rest.split(' ').next()?.parse().ok()?;
        } else if let Some(value) = line.strip_prefix("content-length: ") {
            length = value.parse().ok()?;
        } else if line.is_empty() {
            let mut body = vec![0; length];
            reader.read_exact(&mut body).ok()?;
            return Some((status, String::from_utf8(body).unwrap()));
        }
    }
}

/// A refused request as the gate sends it.
fn refused(id: &str, reason: &str, agent: &str, body: &str) -> String {
    format!(
        "POST /api/event?id={id} HTTP/1.1\r\nhost: collector.example\r\nuser-agent: {agent}\r\ncontent-type: text/plain\r\n\
         content-length: {}\r\nx-forwarded-for: 192.0.2.1, 127.0.0.1\r\nx-envoy-internal: true\r\n\
         x-track-verdict: drop;endpoint=plausible\r\nx-track-drop-reason: bot_suspected, {reason};path=\"a, b\"\r\n\
         x-track-status: 202\r\nx-track-vendor: plausible\r\nx-track-time: {}\r\nx-track-client: 192.0.2.1\r\n\
         x-track-forwarded-for: 192.0.2.1\r\n\r\n{body}",
        body.len(),
        1_700_000_000_000_u64 + u64::try_from(id.len()).unwrap(),
    )
}

fn rows(store: &Path, sql: &str) -> Vec<String> {
    let connection = Connection::open(store).unwrap();
    let mut select = connection.prepare(sql).unwrap();
    let rows = select.query_map([], |row| row.get::<_, rusqlite::types::Value>(0)).unwrap();
    rows.map(|value| match value.unwrap() {
        rusqlite::types::Value::Text(text) => text,
        rusqlite::types::Value::Integer(number) => number.to_string(),
        other => format!("{other:?}"),
    })
    .collect()
}

fn trackgate(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_trackgate")).args(arguments).output().unwrap()
}

#[test]
fn what_is_taken_is_a_row_that_a_person_can_query() {
    let store = folder("row").join("quarantine.db");
    let receiver = Receiver::start(&store, &["--max-age", "36500d"]);
    let mut stream = connect(receiver.address);
    assert_eq!(exchange(&mut stream, &refused("1", "bot", "curl/8", EVENT)).0, 204);
    assert_eq!(exchange(&mut stream, "GET / HTTP/1.1\r\nhost: a\r\n\r\n").0, 400);
    let row = "select endpoint||' '||vendor||' '||verdict||' '||reason||' '||status||' '||site||' '||client||' '
        ||method||' '||authority||' '||path||' '||body_bytes||' '||headers||' '||time from refused";
    assert_eq!(
        rows(&store, row),
        [
            r#"plausible plausible drop bot 202 a.example 192.0.2.1 POST collector.example /api/event?id=1 57 [["user-agent","curl/8"],["content-type","text/plain"],["x-forwarded-for","192.0.2.1"]] 1700000000001"#
        ]
    );
    assert_eq!((receiver.metric("stored_total"), receiver.metric("foreign_total")), (1, 1));
    assert!(receiver.metric("bytes") > 100);
    assert_eq!(receiver.stop(), Some(0));
    let exported = trackgate(&["quarantine", "export", "--store", store.to_str().unwrap()]);
    let line: serde_json::Value = serde_json::from_slice(&exported.stdout).unwrap();
    assert_eq!(
        (line["path"].as_str(), line["address"].as_str()),
        (Some("/api/event?id=1"), Some("192.0.2.1:0"))
    );
    let config = store.with_file_name("all.json");
    std::fs::write(&config, "{}").unwrap();
    let store = store.to_str().unwrap();
    let replayed = trackgate(&["replay", config.to_str().unwrap(), "--store", store]);
    assert!(String::from_utf8_lossy(&replayed.stdout).contains("plausible"), "{replayed:?}");
}

#[test]
fn the_oldest_make_room() {
    let store = folder("bounds").join("quarantine.db");
    let receiver = Receiver::start(&store, &["--max-bytes", "40KiB", "--max-age", "36500d"]);
    let mut stream = connect(receiver.address);
    for number in 0..400 {
        assert_eq!(
            exchange(&mut stream, &refused(&number.to_string(), "bot", "curl/8", EVENT)).0,
            204
        );
    }
    assert!(receiver.metric("bytes") <= 40 << 10);
    assert!(receiver.metric("expired_total") >= 128);
    assert_eq!(
        rows(&store, "select path from refused order by id desc limit 1"),
        ["/api/event?id=399"]
    );
    assert_eq!(receiver.stop(), Some(0));
    // Each is of 2023.
    let receiver = Receiver::start(&store, &["--max-age", "1d"]);
    assert_eq!(
        exchange(&mut connect(receiver.address), &refused("400", "bot", "curl/8", EVENT)).0,
        204
    );
    assert_eq!(rows(&store, "select count(*) from refused"), ["0"]);
}

/// Sends until the connection breaks; the ids that were acknowledged.
fn acknowledged(address: SocketAddr, name: &str) -> Vec<String> {
    let mut all = Vec::new();
    let Ok(mut stream) = TcpStream::connect(address) else { return all };
    for number in 0.. {
        let id = format!("{name}-{number}");
        match try_exchange(&mut stream, &refused(&id, "bot", "curl/8", EVENT)) {
            Some((204, _)) => all.push(format!("/api/event?id={id}")),
            Some((status, _)) => panic!("{status}"),
            None => break,
        }
    }
    all
}

#[test]
fn nothing_that_was_acknowledged_is_missing_after_a_hundred_kills() {
    let store = folder("kills").join("quarantine.db");
    let mut expected = BTreeSet::new();
    for kill in 0..100 {
        let mut receiver = Receiver::start(&store, &["--max-age", "36500d"]);
        let address = receiver.address;
        let clients: Vec<_> = (0..4)
            .map(|client| {
                std::thread::spawn(move || acknowledged(address, &format!("{kill}-{client}")))
            })
            .collect();
        std::thread::sleep(Duration::from_millis(20 + 7 * (kill % 10)));
        receiver.child.kill().unwrap();
        receiver.child.wait().unwrap();
        clients.into_iter().for_each(|client| expected.extend(client.join().unwrap()));
    }
    let found: BTreeSet<String> = rows(&store, "select path from refused").into_iter().collect();
    let missing: Vec<_> = expected.difference(&found).collect();
    assert!(missing.is_empty(), "{} of {} are missing", missing.len(), expected.len());
    assert!(expected.len() > 100, "{}", expected.len());
    assert_eq!(rows(&store, "pragma integrity_check"), ["ok"]);
    println!("{} acknowledged, {} found, integrity ok", expected.len(), found.len());
}

/// A limit on the size of files stands for a disk without room.
#[test]
fn a_full_disk_is_503_until_there_is_room() {
    let store = folder("full").join("quarantine.db");
    let script = "trap '' XFSZ; ulimit -S -f 512; exec \"$@\"";
    let mut command = Command::new("bash");
    command.args(["-c", script, "bash", env!("CARGO_BIN_EXE_trackgate")]);
    command.args([
        "quarantine",
        "--listen",
        "127.0.0.1:0",
        "--admin",
        "127.0.0.1:0",
        "--max-age",
        "36500d",
        "--store",
    ]);
    let receiver = Receiver::of(command.arg(&store));
    let mut stream = connect(receiver.address);
    let noise: String = (0..20_000_u32)
        .map(|number| format!("{:08x}", number.wrapping_mul(2_654_435_761)))
        .collect();
    let mut stored = 0;
    let status = loop {
        let (status, _) =
            exchange(&mut stream, &refused(&stored.to_string(), "bot", "curl/8", &noise));
        if status != 204 || stored > 100 {
            break status;
        }
        stored += 1;
    };
    assert_eq!(status, 503, "{stored} stored");
    assert!(receiver.metric("failed_total") >= 1);
    let limit = ["--fsize=unlimited:unlimited", "--pid", &receiver.child.id().to_string()]
        .map(str::to_owned);
    assert!(Command::new("prlimit").args(limit).status().unwrap().success());
    assert_eq!(exchange(&mut stream, &refused("after", "bot", "curl/8", &noise)).0, 204);
    assert_eq!(receiver.stop(), Some(0));
    assert_eq!(rows(&store, "select count(*) from refused"), [(stored + 1).to_string()]);
    assert_eq!(rows(&store, "pragma integrity_check"), ["ok"]);
}

/// Answers each request as it is told, and keeps what came.
fn collector(
    answer: impl Fn(&str) -> &'static str + Send + 'static,
) -> (SocketAddr, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&seen);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let mut stream = stream;
            while let Some(request) = whole(&mut reader) {
                let reply = answer(&request);
                kept.lock().unwrap().push(request);
                if reply.is_empty() || stream.write_all(reply.as_bytes()).is_err() {
                    break;
                }
            }
        }
    });
    (address, seen)
}

fn whole(reader: &mut impl BufRead) -> Option<String> {
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let start = head.len();
        if reader.read_line(&mut head).ok()? == 0 {
            return None;
        }
        let line = head.split_at(start).1.trim_end();
        if let Some(value) = line.strip_prefix("content-length: ") {
            length = value.parse().unwrap();
        }
        if line.is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(head + &String::from_utf8(body).unwrap())
}

const ACCEPTED: &str = "HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n";

#[test]
fn what_would_pass_now_is_sent_once() {
    let folder = folder("resend");
    let store = folder.join("quarantine.db");
    let receiver = Receiver::start(&store, &["--max-age", "36500d"]);
    let mut stream = connect(receiver.address);
    for number in 0..10 {
        let agent =
            if number == 3 { "Googlebot/2.1 (+http://www.google.com/bot.html)" } else { FIREFOX };
        let reason = if number == 4 { "dc_ip" } else { "site_page_blocklist" };
        assert_eq!(
            exchange(&mut stream, &refused(&number.to_string(), reason, agent, EVENT)).0,
            204
        );
    }
    drop(stream);
    receiver.stop();
    let config = folder.join("new.json");
    std::fs::write(&config, r#"{"endpoints":[{"name":"plausible","vendor":"plausible"}]}"#)
        .unwrap();
    let resend = |to: SocketAddr, more: &[&str]| {
        let url = format!("http://{to}");
        let usual = [
            "resend",
            "--store",
            store.to_str().unwrap(),
            "--config",
            config.to_str().unwrap(),
            "--to",
            &url,
            "--rate",
            "1000",
        ];
        let output = trackgate(&[&usual[..], more].concat());
        (
            output.status.code(),
            String::from_utf8(output.stdout).unwrap(),
            String::from_utf8(output.stderr).unwrap(),
        )
    };
    let (address, seen) = collector(|request| match request {
        refused if refused.contains("id=7 ") => {
            "HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n"
        }
        broken if broken.contains("id=8 ") => "",
        _ => ACCEPTED,
    });
    let (code, text, _) = resend(address, &[]);
    assert_eq!(
        (code, text.as_str()),
        (Some(0), "9 would pass now\n1 are still refused: bot\nnothing is sent without --send\n")
    );
    assert!(seen.lock().unwrap().is_empty());
    let chosen = [
        "--send",
        "--reason",
        "site_page_blocklist",
        "--site",
        "a.example",
        "--time-field",
        "x-time",
        "--client-field",
        "x-client",
    ];
    let (code, text, error) = resend(address, &chosen);
    assert_eq!(code, Some(1), "{text}{error}");
    assert!(text.contains("7 sent") || text.contains("6 sent"), "{text}");
    assert!(text.contains("1 may have arrived"), "{text}");
    let first = seen.lock().unwrap().first().unwrap().clone();
    for line in [
        "POST /api/event?id=0 HTTP/1.1",
        "host: collector.example",
        "x-time: 1700000000001",
        "x-client: 192.0.2.1",
        "x-forwarded-for: 192.0.2.1",
        "x-track-verdict: pass;endpoint=plausible",
        EVENT,
    ] {
        assert!(first.contains(line), "{line}: {first}");
    }
    let count = |id: &str| {
        seen.lock().unwrap().iter().filter(|request| request.contains(&format!("id={id} "))).count()
    };
    assert_eq!(
        (0..10).map(|id| count(&id.to_string())).collect::<Vec<_>>(),
        [1, 1, 1, 0, 0, 1, 1, 1, 1, 1]
    );
    let (_, text, _) = resend(address, &["--send"]);
    assert!(text.contains("1 sent"), "{text}");
    assert_eq!((count("4"), count("0"), count("7"), count("8")), (1, 1, 1, 1));
    let (other, seen) = collector(|_| ACCEPTED);
    let (code, text, _) = resend(other, &["--send", "--unsure-too"]);
    assert_eq!(code, Some(0), "{text}");
    assert_eq!(seen.lock().unwrap().len(), 1);
    let outcomes = rows(
        &store,
        "select outcome||' '||count(*) from refused where outcome is not null group by outcome",
    );
    assert_eq!(outcomes, ["collector_refused 1", "sent 8"]);
}

#[test]
fn what_cannot_be_used_is_said() {
    let folder = folder("errors");
    let missing = folder.join("missing.db");
    let (store, text) = (missing.to_str().unwrap(), folder.join("text.db"));
    std::fs::write(&text, "this is no database, whatever its name says about it").unwrap();
    let config = project("examples/everything.json");
    let rows: [(&[&str], &str); 6] = [
        (&["quarantine"], "required"),
        (&["quarantine", "--listen", "here", "--store", store], "invalid value 'here'"),
        (
            &["quarantine", "--listen", "127.0.0.1:0", "--store", text.to_str().unwrap()],
            "not a database",
        ),
        (&["quarantine", "export", "--store", store], "missing.db"),
        (
            &[
                "resend",
                "--store",
                store,
                "--to",
                "http://127.0.0.1:1",
                "--config",
                config.to_str().unwrap(),
            ],
            "missing.db",
        ),
        (
            &[
                "resend",
                "--store",
                store,
                "--to",
                "https://a",
                "--config",
                config.to_str().unwrap(),
            ],
            "expected http://HOST:PORT",
        ),
    ];
    for (arguments, expected) in rows {
        let output = trackgate(arguments);
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {error}");
        assert!(error.contains(expected), "{arguments:?}: {error}");
    }
    assert!(!missing.exists());
}

/// A site may be called anything.
#[test]
fn a_report_obeys_no_site() {
    let store = folder("hostile").join("quarantine.db");
    let receiver = Receiver::start(&store, &["--max-age", "36500d"]);
    let body = r#"{"n":"a","d":"\u001b[2J<script>alert(1)</script>"}"#;
    let request = refused("1", "bot", "curl/8", body);
    assert_eq!(exchange(&mut connect(receiver.address), &request).0, 204);
    for form in ["text", "html", "json"] {
        let output = trackgate(&["report", "--store", store.to_str().unwrap(), "--output", form]);
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(!text.contains('\u{1b}') && text.contains("alert"), "{text}");
        assert!(form != "html" || !text.contains("<script>"), "{text}");
    }
}
