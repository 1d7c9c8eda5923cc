//! Refused requests reach a cluster of their own, through a real Envoy; the collector never.

use std::net::SocketAddr;
use trackgate_testing::client::{self, Answer, Call, Transport};
use trackgate_testing::collector::{Collector, Seen};
use trackgate_testing::envoy::{Envoy, free_port, replaced};
use trackgate_testing::gateway::{
    BUCKETING, CRAWLER, collector, gateway, own_stat, phases, post, shipped,
};
use trackgate_testing::quarantine_demo::{self, with_cluster};
use trackgate_testing::wait;

/// SHA-256 of `open sesame`.
const SECRET: &str = "41ef4bb0b23661e66301aac36066912dac037827b4ae63a7b1165a5aa93ed4eb";

/// The shipped configuration with a quarantine at an address.
fn bootstrap(phase: &str, quarantine: &str, store: SocketAddr) -> String {
    let compat = if phase == "compat" { r#""body_phase":"compat","# } else { "" };
    let json = format!(r#"{{{compat}"explain_sha256":["{SECRET}"],"quarantine":{quarantine}}}"#);
    let text = shipped(phase);
    let value = text
        .lines()
        .find(|line| line.trim_start().starts_with("value: '{"))
        .unwrap()
        .trim()
        .to_owned();
    let text = replaced(&text, &value, &format!("value: '{json}'")).unwrap();
    with_cluster(&text, "aside", store).unwrap()
}

struct Gateway {
    collector: Collector,
    store: Collector,
    envoy: Envoy,
}

impl Gateway {
    async fn start(phase: &str, quarantine: &str) -> Gateway {
        let store = collector().await;
        let (collector, envoy) = gateway(&bootstrap(phase, quarantine, store.address), 2).await;
        Gateway { collector, store, envoy }
    }

    async fn send(&self, call: &Call, transport: Transport) -> Answer {
        client::send(self.envoy.listener, call, transport).await.unwrap()
    }

    /// The requests in the store, once there are so many.
    async fn stored(&self, count: usize) -> Vec<Seen> {
        wait::until(&format!("{count} requests in the store"), async || {
            Some(self.store.seen()).filter(|seen| seen.len() >= count)
        })
        .await
    }

    async fn outcome(&self, outcome: &str) -> u64 {
        own_stat(&self.envoy, &format!("trackgate_quarantine_total.outcome.{outcome}")).await
    }

    async fn becomes(&self, outcome: &str, count: u64) {
        wait::until(&format!("{count} {outcome}"), async || {
            (self.outcome(outcome).await == count).then_some(())
        })
        .await;
    }
}

fn bot(body: &str) -> Call {
    post(
        "/v1/track/key",
        &[("user-agent", CRAWLER.as_bytes()), ("x-forwarded-for", b"198.51.100.7")],
        body,
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refused_requests_are_kept_and_answered_as_ever() {
    for phase in phases() {
        let gateway = Gateway::start(phase, r#"{"cluster":"aside"}"#).await;
        let (plain_collector, plain) =
            trackgate_testing::gateway::gateway(&shipped(phase), 1).await;
        let large = format!("{{\"x\":\"{}\",", "y".repeat(60_000));
        let calls = [
            bot(BUCKETING),
            bot(""),
            post("/v1/track/key", &[], "{"),
            post("/v1/track/key", &[], &large),
            post("/v1/track", &[("authorization", b"Token k")], "{}"),
        ];
        let mut count = 0;
        for call in &calls {
            for transport in
                [Transport::Http1, Transport::Http1Chunked(1_000), Transport::Http2(1_000)]
            {
                let kept = gateway.send(call, transport).await;
                let without = client::send(plain.listener, call, transport).await.unwrap();
                let shown = |answer: &Answer| {
                    // Whose body is waited for may go on using its connection.
                    let fields = answer.headers.iter();
                    let fields = fields.filter(|(name, _)| name != "date" && name != "connection");
                    (answer.status, fields.cloned().collect::<Vec<_>>(), answer.body.clone())
                };
                let what = format!("{phase} {transport:?} {}", call.body.iter().flatten().count());
                assert_eq!(shown(&kept), shown(&without), "{what}");
                count += 1;
                let seen = gateway.stored(count).await;
                let last = seen.last().unwrap();
                assert_eq!(last.body, call.body, "{what}");
                assert_eq!((&last.path, &last.method), (&call.path, &call.method), "{what}");
                assert!(last.header("authorization").is_none());
                let forwarded = call.headers.iter().find(|(name, _)| name == "x-forwarded-for");
                let forwarded = forwarded.map(|(_, value)| value.as_slice());
                let told = last.header("x-track-forwarded-for");
                assert!(forwarded.is_none_or(|own| told.is_some_and(|told| told.starts_with(own))));
                assert!(last.header("x-track-drop-reason").is_some());
            }
        }
        gateway.becomes("stored", count as u64).await;
        assert!(gateway.collector.seen().is_empty() && plain_collector.seen().is_empty());
        let good = gateway.send(&post("/v1/track/key", &[], BUCKETING), Transport::Http1).await;
        assert!(good.header("x-collector").is_some());
        assert_eq!(gateway.store.seen().len(), count);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_quarantine_that_is_not_there_changes_no_answer() {
    for phase in phases() {
        let missing = Gateway::start(phase, r#"{"cluster":"nowhere"}"#).await;
        assert_eq!(missing.send(&bot(BUCKETING), Transport::Http1).await.status, 200);
        missing.becomes("lost_unavailable", 1).await;
        assert!(
            missing
                .envoy
                .log()
                .contains(r#"{"trackgate":"quarantine","outcome":"lost_unavailable","lost":1}"#)
        );

        let down = SocketAddr::from(([127, 0, 0, 1], free_port().unwrap()));
        let json = r#"{"cluster":"aside","max_body_bytes":1000}"#;
        let (collector, envoy) = gateway(&bootstrap(phase, json, down), 1).await;
        let gateway =
            Gateway { store: trackgate_testing::gateway::collector().await, collector, envoy };
        assert_eq!(gateway.send(&bot(BUCKETING), Transport::Http2(1_000)).await.status, 200);
        let lost = async || {
            gateway.outcome("lost_unavailable").await + gateway.outcome("lost_refused").await
        };
        wait::until("one lost", async || (lost().await == 1).then_some(())).await;
        let large = format!("{{\"x\":\"{}\"", "y".repeat(1_000));
        assert_eq!(gateway.send(&bot(&large), Transport::Http1).await.status, 200);
        gateway.becomes("lost_too_large", 1).await;
        assert!(gateway.collector.seen().is_empty());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_with_the_secret_is_told_its_verdict() {
    for phase in phases() {
        let gateway = Gateway::start(phase, r#"{"cluster":"aside"}"#).await;
        let ask = |secret: &'static [u8], body: &str| {
            post("/v1/track/key", &[("x-track-explain", secret)], body)
        };
        let told = |answer: &Answer| {
            (answer.header("x-track-verdict"), answer.header("x-track-drop-reason"))
        };
        for transport in [Transport::Http1, Transport::Http2(1_000)] {
            let refused = gateway.send(&ask(b"open sesame", "{"), transport).await;
            let reasons =
                (Some("reject;endpoint=convert".to_owned()), Some("invalid_json".to_owned()));
            assert_eq!(told(&refused), reasons, "{phase}");
            let good = gateway.send(&ask(b"open sesame", BUCKETING), transport).await;
            assert_eq!(told(&good), (Some("pass;endpoint=convert".to_owned()), None), "{phase}");
            assert!(good.header("x-collector").is_some());
            for wrong in [&b"open sesam"[..], b""] {
                let call = post("/v1/track/key", &[("x-track-explain", wrong)], "{");
                assert_eq!(told(&gateway.send(&call, transport).await), (None, None));
            }
        }
        assert_eq!(own_stat(&gateway.envoy, "trackgate_explain_refused_total").await, 4);
        let seen = gateway.collector.seen();
        assert!(seen.iter().all(|seen| seen.header("x-track-explain").is_none()));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_wrong_rule_has_dropped_is_got_back() {
    assert!(quarantine_demo::run().await.unwrap());
}
