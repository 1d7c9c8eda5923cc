//! What stands around the gate in an Envoy: another gate, internal redirects, routes on which it is
//! disabled, `100 (Continue)` of the collector.

use std::io::ErrorKind;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use trackgate_testing::client::{self, Call, Transport};
use trackgate_testing::collector::{Collector, Seen};
use trackgate_testing::envoy::{Envoy, replaced};
use trackgate_testing::gateway;
use trackgate_testing::gateway::{
    BUCKETING, CRAWLER, PERSON, active_requests, counted, gateway, head, phases, post, shipped,
};
use trackgate_testing::wait::{until, within};

/// How many requests the collector was asked.
const ASKED: &str = "cluster.collector.upstream_rq_total";
const TRACK: &str = "/v1/track/key";
const PASS: &str = "x-track-verdict: pass;endpoint=convert";
const FORGED: [(&str, &[u8]); 3] =
    [("x-track-verdict", b"pending"), ("x-gate-verdict", b"pending"), ("x-gate-new", b"forged")];

/// The shipped bootstrap with two gates in its chain, each with members of its own in the
/// configuration.
fn two_gates(phase: &str, first: &str, second: &str) -> String {
    let text = shipped(phase);
    let (before, rest) = text.split_once("          - name: trackgate\n").unwrap();
    let after =
        ["          # Must stand after trackgate", "          - name: envoy.filters.http.router"];
    let (gate, after) =
        rest.split_at(after.iter().filter_map(|start| rest.find(start)).min().unwrap());
    let with = |name: &str, members: &str| {
        let phase = format!("{{\"body_phase\": \"{phase}\"");
        let whole =
            if members.is_empty() { format!("{phase}}}") } else { format!("{phase}, {members}}}") };
        let gate = gate.replace("value: '{}'", &format!("value: '{whole}'"));
        let gate = gate
            .replace(&format!("{phase}}}"), &whole)
            .replace("vm_id: trackgate", &format!("vm_id: {name}"));
        format!("          - name: {name}\n{gate}")
    };
    format!("{before}{}{}{after}", with("first", first), with("second", second))
}

fn call(path: &str, user_agent: &str, fields: &[(&str, &[u8])], body: &str) -> Call {
    post(path, &[fields, &[("user-agent", user_agent.as_bytes())]].concat(), body)
}

async fn status(envoy: &Envoy, call: Call) -> u16 {
    client::send(envoy.listener, &call, Transport::Http1).await.unwrap().status
}

fn marks_of(seen: &Seen) -> Vec<String> {
    let own = seen
        .headers
        .iter()
        .filter(|(name, _)| name.starts_with("x-track-") || name.starts_with("x-gate-"));
    let mut marks: Vec<String> =
        own.map(|(name, value)| format!("{name}: {}", String::from_utf8_lossy(value))).collect();
    marks.sort();
    marks
}

/// What each request told the collector, since so many.
fn marks(collector: &Collector, since: usize) -> Vec<Vec<String>> {
    collector.seen()[since..].iter().map(marks_of).collect()
}

/// A good event, a crawler's, a bad one, and one that is not the gate's.
async fn four(envoy: &Envoy) -> [u16; 4] {
    [
        status(envoy, call(TRACK, PERSON, &FORGED, BUCKETING)).await,
        status(envoy, call(TRACK, CRAWLER, &FORGED, BUCKETING)).await,
        status(envoy, call(TRACK, PERSON, &FORGED, "{")).await,
        status(envoy, call("/other", PERSON, &FORGED, "x")).await,
    ]
}

const SHADOW: &str = r#""mode": "shadow""#;
const GATE_PREFIX: &str = r#""mode": "shadow", "header_prefix": "x-gate-""#;

/// What is refused is refused by whichever gate does; each counts what comes to it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_gates_in_one_chain() {
    let own = vec!["x-gate-new: forged", "x-gate-verdict: pending"];
    for &phase in phases() {
        // With one prefix the last gate removes what the first has written, and fields of another
        // prefix are nobody's.
        let (collector, envoy) = gateway(&two_gates(phase, SHADOW, ""), 1).await;
        assert_eq!(four(&envoy).await, [202, 200, 400, 202], "{phase}");
        assert_eq!(
            marks(&collector, 0),
            [[own.clone(), vec![PASS]].concat(), own.clone()],
            "{phase}"
        );
        assert_eq!(counted(&envoy).await, 6, "{phase}: three verdicts of each");
        // With two, the collector gets both, and neither can be forged. In compat mode Envoy writes
        // the shipped fields alone.
        let (collector, envoy) = gateway(&two_gates(phase, GATE_PREFIX, ""), 1).await;
        assert_eq!(four(&envoy).await, [202, 200, 400, 202], "{phase}");
        let first = if phase == "hold" {
            "pass;endpoint=convert;mode=shadow"
        } else {
            "pending;endpoint=convert"
        };
        assert_eq!(
            marks(&collector, 0),
            [vec![format!("x-gate-verdict: {first}"), PASS.to_owned()], vec![]],
            "{phase}"
        );
        assert_eq!(counted(&envoy).await, 6, "{phase}");
    }
}

/// A gate removes its prefix's fields from requests that are not its own, too: those of a gate
/// before it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_gate_takes_the_firsts_marks_away() {
    let narrow = r#""endpoints": [{"name": "plausible", "vendor": "plausible"}]"#;
    let forged = vec!["x-gate-new: forged", "x-gate-verdict: pending"];
    let (collector, envoy) = gateway(&two_gates("hold", "", narrow), 1).await;
    assert_eq!(four(&envoy).await, [202, 200, 400, 202]);
    assert_eq!(marks(&collector, 0), [forged.clone(), forged.clone()], "unmarked, though judged");
    // In compat mode the mark that turns the buffer on is gone as well: the head of what is refused
    // is at the collector before.
    for phase in phases().iter().filter(|phase| **phase == "compat") {
        let (collector, envoy) = gateway(&two_gates(phase, "", narrow), 1).await;
        assert_eq!(four(&envoy).await, [202, 200, 400, 202]);
        gateway::settle(&envoy, Duration::from_secs(5)).await;
        let bodies: Vec<Option<usize>> =
            collector.seen().iter().map(|seen| seen.body.as_ref().map(Vec::len)).collect();
        assert_eq!(bodies, [Some(BUCKETING.len()), None, Some(1)], "broken off");
    }
    // What the first leaves behind for the access log stays where the second finds nothing.
    let (collector, envoy) =
        gateway(&two_gates("hold", SHADOW, r#""actions": {"bot": "pass"}"#), 1).await;
    assert_eq!(status(&envoy, call(TRACK, CRAWLER, &[], BUCKETING)).await, 202);
    assert_eq!(marks(&collector, 0), [[PASS]]);
    let line = &gateway::logged(&envoy, 1).await[0];
    let told = (line["verdict"].as_str(), line["reasons"].as_str());
    assert_eq!(told, (Some("pass;endpoint=convert"), Some("bot")));
}

/// Routes that follow redirects, and one before them on which the gate is disabled: `/off` as it
/// is, `/clean` with the remedy.
fn with_routes(phase: &str) -> String {
    let follow =
        "route: {cluster: collector, internal_redirect_policy: {max_internal_redirects: 1}}";
    let off = "typed_per_filter_config: {trackgate: {\"@type\": type.googleapis.com/envoy.config.route.v3.FilterConfig, disabled: true}}";
    let indent = "\n                ";
    let routes = format!(
        "              routes:\n              - match: {{prefix: /off}}{indent}{follow}{indent}{off}\n              - match: {{prefix: /clean}}{indent}{follow}{indent}request_headers_to_remove: [x-track-verdict, x-track-drop-reason]{indent}{off}\n"
    );
    let text = replaced(&shipped(phase), "route: {cluster: collector}", follow).unwrap();
    replaced(&text, "              routes:\n", &routes).unwrap()
}

/// Each pass is a request of its own to the gate: judged, marked and counted anew.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redirects_and_routes_without_the_gate() {
    // From, to, who, body; the client's status, what the collector saw of each pass, and how many
    // were counted.
    type Row = (
        &'static str,
        &'static str,
        &'static str,
        &'static str,
        u16,
        &'static [&'static [&'static str]],
        u64,
    );
    let rows: [Row; 8] = [
        (TRACK, "/v1/track/2", PERSON, BUCKETING, 202, &[&[PASS], &[PASS]], 2),
        (TRACK, "/api/event", PERSON, BUCKETING, 400, &[&[PASS]], 2),
        (TRACK, "/other", PERSON, BUCKETING, 202, &[&[PASS], &[]], 1),
        ("/other", TRACK, PERSON, BUCKETING, 202, &[&[], &[PASS]], 1),
        ("/other", TRACK, CRAWLER, BUCKETING, 200, &[&[]], 1),
        ("/other", TRACK, PERSON, "{", 400, &[&[]], 1),
        // Where the gate is disabled nobody removes what the first pass has written.
        (TRACK, "/off", PERSON, BUCKETING, 202, &[&[PASS], &[PASS]], 1),
        (TRACK, "/clean", PERSON, BUCKETING, 202, &[&[PASS], &[]], 1),
    ];
    for &phase in phases() {
        let (collector, envoy) = gateway(&with_routes(phase), 1).await;
        is_unguarded_where_disabled(phase, &collector, &envoy).await;
        for (from, to, who, body, answer, seen, verdicts) in rows {
            let (before, counted_before) = (collector.seen().len(), counted(&envoy).await);
            let location = format!("http://collector.example{to}");
            let fields =
                [("x-answer-location", location.as_bytes()), ("x-track-drop-reason", b"forged")];
            assert_eq!(
                status(&envoy, call(from, who, &fields, body)).await,
                answer,
                "{phase} {from} {to}"
            );
            assert_eq!(marks(&collector, before), seen, "{phase} {from} {to}");
            assert_eq!(counted(&envoy).await - counted_before, verdicts, "{phase} {from} {to}");
        }
        // From a route without the gate to one with it.
        let fields = [("x-answer-location", b"http://collector.example/v1/track/key".as_slice())];
        assert_eq!(status(&envoy, call("/off", CRAWLER, &fields, BUCKETING)).await, 200, "{phase}");
    }
}

/// Nothing is judged there, and nothing removed: what a client sends under the gate's names goes
/// through, unless the route removes it.
async fn is_unguarded_where_disabled(phase: &str, collector: &Collector, envoy: &Envoy) {
    let forged: [(&str, &[u8]); 2] =
        [("x-track-verdict", b"pass;endpoint=convert"), ("x-track-drop-reason", b"forged")];
    for path in ["/off", "/clean"] {
        assert_eq!(status(envoy, call(path, CRAWLER, &forged, "{")).await, 202, "{phase} {path}");
    }
    assert_eq!(marks(collector, 0), [vec!["x-track-drop-reason: forged", PASS], vec![]], "{phase}");
    assert_eq!(counted(envoy).await, 0, "{phase}");
}

/// Where the `100 (Continue)` is left to the collector, it does not come: the collector gets
/// nothing before the body is whole.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_waits_for_the_collectors_100() {
    let _turn = crate::turn().await;
    let ask = |path: &str| {
        head(path, &format!("content-length: {}\r\nexpect: 100-continue\r\n\r\n", BUCKETING.len()))
    };
    for &phase in phases() {
        let manager = "          codec_type: AUTO\n          proxy_100_continue: ";
        let text =
            replaced(&shipped(phase), "          codec_type: AUTO\n", &format!("{manager}true\n"))
                .unwrap();
        let text =
            replaced(&text, "stream_idle_timeout: 30s", "stream_idle_timeout: 1.5s").unwrap();
        let (collector, envoy) = gateway(&text, 1).await;
        // What comes to a client that waits for as long as it takes.
        for (path, first) in [("/other", "100"), (TRACK, "408")] {
            let mut stream = TcpStream::connect(envoy.listener).await.unwrap();
            stream.write_all(ask(path).as_bytes()).await.unwrap();
            let mut held = Vec::new();
            within(first, stream.read_buf(&mut held)).await.unwrap();
            let text = String::from_utf8_lossy(&held);
            assert_eq!(text.get(9..12), Some(first), "{phase} {path}");
        }
        gateway::settle(&envoy, Duration::from_secs(5)).await;
        // One that sends the body all the same, once Envoy has the head.
        let (before, asked) = (collector.seen().len(), envoy.stat(ASKED).await.unwrap());
        let mut stream = TcpStream::connect(envoy.listener).await.unwrap();
        stream.write_all(ask(TRACK).as_bytes()).await.unwrap();
        until("the head", async || (active_requests(&envoy).await == 1).then_some(())).await;
        assert_eq!(envoy.stat(ASKED).await.unwrap(), asked, "{phase}: the collector is not asked");
        assert_eq!(stream.try_read(&mut [0; 64]).unwrap_err().kind(), ErrorKind::WouldBlock);
        let answer = client::finish(&mut stream, BUCKETING.as_bytes()).await.unwrap();
        assert_eq!((answer.status, collector.seen().len()), (202, before + 1), "{phase}");
        let last = collector.seen().pop().unwrap();
        assert_eq!(
            (last.path.as_str(), marks_of(&last)),
            (TRACK, vec![PASS.to_owned()]),
            "{phase}"
        );
    }
}
