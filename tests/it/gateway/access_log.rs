//! No shipped access log writes the query of a request: Commanders Act sends the source's key
//! (`token`) in it, and custom collectors may.

use std::path::{Path, PathBuf};
use trackgate_testing::client::{self, Transport};
use trackgate_testing::gateway;
use trackgate_testing::gateway::{PERSON, phases, post, shipped};

/// Envoy's words for the path with its query; `%PATH%` alone has it too. `%REQ_WITHOUT_QUERY(…)%`
/// and `%PATH(NQ)%` have not.
const WITH_QUERY: [&str; 7] = [
    "%REQ(:PATH",
    "%REQ(X-ENVOY-ORIGINAL-PATH",
    "%REQUEST_HEADER(:PATH",
    "%PATH%",
    "%PATH:",
    "%PATH(WQ",
    "%PATH()",
];

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// What is wrong with a file's access logs.
fn faults(text: &str) -> Vec<String> {
    let upper = text.to_ascii_uppercase();
    let mut faults: Vec<String> = WITH_QUERY
        .iter()
        .filter(|word| upper.contains(*word))
        .map(|word| (*word).to_owned())
        .collect();
    // Without a format of its own a log has Envoy's, which has the query. On `/dev/stdout`, or by a
    // platform's `accessLog`.
    let (logs, formats) = (
        text.matches("FileAccessLog").count() + text.matches("StdoutAccessLog").count(),
        text.matches("log_format:").count(),
    );
    if logs != formats {
        faults.push(format!("{logs} access logs, {formats} of them with a format"));
    }
    faults
}

#[test]
fn no_shipped_file_logs_a_query() {
    assert_eq!(faults("path: \"%REQ(:path?:AUTHORITY)%\"").len(), 1);
    assert_eq!(
        faults(
            "\"@type\": type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog"
        )
        .len(),
        1
    );
    let mut logs = 0;
    for path in ["envoy", "examples", "scripts", "benches"]
        .iter()
        .flat_map(|folder| files(&trackgate_testing::path(folder)))
    {
        let Ok(text) = std::fs::read_to_string(&path) else { continue };
        // The README names what must not be used.
        if path.ends_with("envoy/README.md") {
            continue;
        }
        assert_eq!(faults(&text), [""; 0], "{}", path.display());
        logs += text.matches("%PATH(NQ)").count();
    }
    assert!(logs >= 4, "hold, envoy, compat and docker: {logs}");
}

#[tokio::test]
async fn a_token_does_not_reach_the_log() {
    for &phase in phases() {
        let (_collector, envoy) = gateway::gateway(&shipped(phase), 1).await;
        let event = post(
            "/events?tc_s=1&token=s3cr3t#token=s3cr3t",
            &[("user-agent", PERSON.as_bytes())],
            r#"{"event_name":"a"}"#,
        );
        client::send(envoy.listener, &event, Transport::Http1).await.unwrap();
        let refused = post("/v1/track/key?token=s3cr3t", &[("user-agent", b"curl/8")], "{}");
        client::send(envoy.listener, &refused, Transport::Http2(9)).await.unwrap();
        assert_eq!(gateway::logged(&envoy, 2).await.len(), 2);
        let log = std::fs::read_to_string(envoy.access_log()).unwrap();
        assert!(
            log.contains("\"path\":\"/events\"") && log.contains("\"path\":\"/v1/track/key\""),
            "{log}"
        );
        assert!(
            !log.contains("s3cr3t") && !log.contains("token") && !log.contains('?'),
            "{phase}: {log}"
        );
        assert!(!envoy.log().contains("s3cr3t"), "{phase}: {}", envoy.log());
    }
}
