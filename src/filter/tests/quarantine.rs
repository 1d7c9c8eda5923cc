//! What becomes of a refused request besides its answer.

use super::fake::{Definitions, Fake};
use super::{FIREFOX, Filter, Worker};
use crate::filter::Context;
use crate::filter::host::Action;
use crate::filter::quarantine::Message;
use crate::filter::stream::Stream;

const CURL: &str = "curl/8.5.0";
const QUARANTINE: &str = r#"{"quarantine":{"cluster":"aside"}}"#;

struct Gate {
    filter: Filter<Definitions>,
    worker: Worker,
}

/// What a request has led to.
struct Came {
    host: Fake,
    actions: Vec<Action>,
}

impl Came {
    fn outcomes(&self) -> Vec<&'static str> {
        let all = self.host.metrics.borrow();
        all.iter().filter(|name| !name.starts_with("trackgate_")).copied().collect()
    }

    fn aside(&self) -> &Message {
        let [message] = self.host.aside.as_slice() else {
            panic!("{} requests aside", self.host.aside.len())
        };
        message
    }
}

impl Gate {
    fn new(config: &str) -> Self {
        let filter = Filter::load(config.as_bytes(), &mut Definitions).unwrap();
        Gate { filter, worker: Worker::default() }
    }

    /// A request to Convert in these pieces; the client goes away before the end of one that is
    /// not `whole`.
    fn send(
        &self,
        fields: &[(&str, &str)],
        pieces: &[&[u8]],
        whole: bool,
        fails_at: Option<usize>,
    ) -> Came {
        let usual =
            [(":method", "POST"), (":path", "/v1/track/key"), ("content-type", "application/json")];
        let request = usual
            .iter()
            .filter(|(name, _)| fields.iter().all(|(own, _)| own != name))
            .chain(fields)
            .map(|(name, value)| ((*name).into(), (*value).into()))
            .collect();
        let host = Fake { request, fails_at, ..Fake::default() };
        let mut cx = Context { filter: &self.filter, worker: &self.worker, host };
        let mut stream = Stream::new(&self.worker);
        let mut actions = vec![stream.headers(&mut cx, pieces.is_empty())];
        for (place, piece) in pieces.iter().enumerate() {
            if actions.last() != Some(&Action::Hold) {
                break;
            }
            cx.host.body.extend_from_slice(piece);
            let size = cx.host.body.len();
            actions.push(stream.body(&mut cx, size, whole && place + 1 == pieces.len()));
        }
        stream.over(&cx);
        Came { host: cx.host, actions }
    }

    fn answered(&self, status: Option<u16>) -> Vec<&'static str> {
        let host = Fake::default();
        self.filter.quarantine.answered(&host, status, || 0);
        host.metrics.into_inner()
    }
}

#[test]
fn a_request_that_its_body_refuses_is_sent_aside_as_it_came() {
    let gate = Gate::new(
        r#"{"quarantine":{"cluster":"aside"},
            "endpoints":[{"name":"u","vendor":"userpilot"}]}"#,
    );
    let fields = [
        (":path", "/v1/track"),
        ("user-agent", FIREFOX),
        ("authorization", "Token secret"),
        ("cookie", "session=1"),
        ("x-api-version", "2020-09-22"),
        ("x-forwarded-for", "198.51.100.7"),
        ("x-envoy-retry-on", "5xx"),
        ("x-track-verdict", "forged"),
        ("content-length", "1"),
    ];
    let came = gate.send(&fields, &[b"{"], true, None);
    assert_eq!(
        (came.actions.as_slice(), came.host.replies.len()),
        (&[Action::Hold, Action::Replied][..], 1)
    );
    let message = came.aside();
    assert_eq!((message.cluster.as_str(), message.body.as_slice()), ("aside", &b"{"[..]));
    let shown: Vec<String> = message
        .fields
        .iter()
        .map(|(name, value)| {
            format!("{}: {}", String::from_utf8_lossy(name), String::from_utf8_lossy(value))
        })
        .collect();
    assert_eq!(
        shown,
        [
            ":method: POST",
            "content-type: application/json",
            ":path: /v1/track",
            &format!("user-agent: {FIREFOX}"),
            "x-api-version: 2020-09-22",
            "x-track-verdict: reject;endpoint=u",
            "x-track-drop-reason: invalid_json",
            "x-track-status: 400",
            "x-track-vendor: userpilot",
            "x-track-time: 0",
            "x-track-client: 192.0.2.1",
            "x-track-key: 2bb80d53",
            "x-track-forwarded-for: 198.51.100.7",
            "x-track-redacted: authorization, cookie",
        ]
    );
}

#[test]
fn keys_are_kept_where_the_operator_says_so() {
    let kept = Gate::new(r#"{"quarantine":{"cluster":"aside","store_credentials":true}}"#);
    let not = Gate::new(QUARANTINE);
    let fields = [
        (":path", "/events?tc_s=1&token=k"),
        ("authorization", "Bearer b"),
        ("user-agent", FIREFOX),
    ];
    let value = |came: &Came, name: &str| {
        let found = came.aside().fields.iter().find(|(known, _)| known == name.as_bytes());
        found.map(|(_, value)| String::from_utf8(value.clone()).unwrap())
    };
    let came = kept.send(&fields, &[b"{"], true, None);
    assert_eq!(value(&came, ":path").unwrap(), "/events?tc_s=1&token=k");
    assert_eq!(value(&came, "authorization").unwrap(), "Bearer b");
    assert_eq!(value(&came, "x-track-redacted"), None);
    let came = not.send(&fields, &[b"{"], true, None);
    assert_eq!(value(&came, ":path").unwrap(), "/events?tc_s=1&token=");
    assert_eq!(value(&came, "authorization"), None);
    assert_eq!(value(&came, "x-track-redacted").unwrap(), "?token, authorization");
}

#[test]
fn a_request_that_its_head_refuses_waits_for_its_body() {
    let declared = [("user-agent", CURL), ("content-length", "5")];
    for fields in [&declared[..], &declared[..1]] {
        let came = Gate::new(QUARANTINE).send(fields, &[b"12", b"34", b"5"], true, None);
        assert_eq!(came.aside().body, b"12345");
        assert_eq!(came.host.replies, [200]);
        assert_eq!(came.host.body, b"5", "what is kept is not held as well");
        let none = Gate::new("{}").send(fields, &[b"12", b"34", b"5"], true, None);
        assert_eq!((none.host.replies.as_slice(), none.host.aside.len()), (&[200][..], 0));
    }
    let bare = Gate::new(QUARANTINE).send(&declared[..1], &[], true, None);
    assert_eq!((bare.aside().body.len(), bare.actions), (0, vec![Action::Replied]));
}

#[test]
fn what_cannot_be_kept_is_answered_all_the_same_and_counted() {
    let gate = Gate::new(r#"{"quarantine":{"cluster":"aside","max_body_bytes":4}}"#);
    let bot = ("user-agent", CURL);
    type Row<'a> = (&'a [(&'a str, &'a str)], &'a [&'a [u8]], bool, &'a [&'a str]);
    let rows: [Row<'_>; 8] = [
        (&[bot, ("content-length", "4")], &[b"1234"], true, &[]),
        (&[bot, ("content-length", "5")], &[b"12345"], true, &["lost_too_large"]),
        (&[bot], &[b"12", b"34"], true, &[]),
        (&[bot], &[b"12", b"345", b"6"], true, &["lost_too_large"]),
        (&[bot], &[b"12", b"34"], false, &["lost_unread"]),
        (&[bot, ("expect", "100-continue")], &[b"12"], true, &["lost_unread"]),
        (&[bot, ("upgrade", "x")], &[b"12"], true, &["lost_unread"]),
        (&[("user-agent", FIREFOX)], &[b"[1,2,"], true, &["lost_too_large"]),
    ];
    for (fields, pieces, whole, expected) in rows {
        let came = gate.send(fields, pieces, whole, None);
        assert_eq!(came.outcomes(), expected, "{fields:?} {pieces:?}");
        assert_eq!(came.host.aside.len(), usize::from(expected.is_empty()));
        let is_answered = usize::from(whole);
        assert_eq!(came.host.replies.len(), is_answered, "{fields:?}");
        if expected.is_empty() {
            assert_eq!(gate.answered(Some(204)), ["stored"]);
        }
    }
    assert!(gate.answered(Some(204)).is_empty(), "every place has been given back");
}

#[test]
fn only_what_is_refused_for_a_reason_that_is_asked_for_is_kept() {
    let bot: &[(&str, &str)] = &[("user-agent", CURL)];
    let rows = [
        (r#"{"mode":"shadow","quarantine":{"cluster":"aside"}}"#, 0),
        (r#"{"quarantine":{"cluster":"aside","reasons":["invalid_json"]}}"#, 0),
        (r#"{"quarantine":{"cluster":"aside","reasons":["invalid_json","bot"]}}"#, 1),
        (r#"{"quarantine":{"cluster":"aside","reasons":"all"}}"#, 1),
        (r#"{"quarantine":{"cluster":"aside","percent":0}}"#, 0),
        (
            r#"{"quarantine":{"cluster":"aside"},"endpoints":[{"name":"c","vendor":"convert",
                "quarantine":{"cluster":"aside","percent":0}}]}"#,
            0,
        ),
        (r#"{"endpoints":[{"name":"c","vendor":"convert","quarantine":{"cluster":"other"}}]}"#, 1),
    ];
    for (config, kept) in rows {
        let came = Gate::new(config).send(bot, &[], true, None);
        assert_eq!((came.host.aside.len(), came.outcomes().len()), (kept, 0), "{config}");
    }
    let event = br#"{"accountId":"1","projectId":"2","visitors":[]}"#;
    let good = Gate::new(QUARANTINE).send(&[("user-agent", FIREFOX)], &[event], true, None);
    assert_eq!(good.actions, [Action::Hold, Action::Continue]);
    assert_eq!(good.host.aside.len() + good.outcomes().len(), 0);
    let half = Gate::new(r#"{"quarantine":{"cluster":"aside","percent":50,"max_in_flight":2000}}"#);
    let kept: usize = (0..1_000).map(|_| half.send(bot, &[], true, None).host.aside.len()).sum();
    assert!((450..550).contains(&kept), "{kept}");
}

#[test]
fn only_so_many_are_on_their_way() {
    let gate = Gate::new(r#"{"quarantine":{"cluster":"aside","max_in_flight":2}}"#);
    let send = || gate.send(&[("user-agent", CURL)], &[], true, None).outcomes();
    assert_eq!((send().len(), send().len(), send()), (0, 0, vec!["lost_in_flight"]));
    assert_eq!(gate.answered(Some(200)), ["stored"]);
    assert_eq!((send().len(), send()), (0, vec!["lost_in_flight"]));
    assert_eq!(gate.answered(Some(503)), ["lost_refused"]);
    assert_eq!(gate.answered(None), ["lost_unavailable"]);
    send();
    let host = Fake::default();
    gate.filter.quarantine.retire(&host);
    assert_eq!(host.metrics.into_inner(), ["unknown"]);
}

#[test]
fn a_failed_call_loses_no_place() {
    let gate = Gate::new(QUARANTINE);
    let fields = [("user-agent", CURL)];
    let calls = gate.send(&fields, &[b"12", b"3"], true, None).host.calls.into_inner().len();
    assert_eq!(gate.answered(Some(200)), ["stored"]);
    for place in 0..calls {
        let came = gate.send(&fields, &[b"12", b"3"], true, Some(place));
        let kept = came.host.aside.len();
        assert!(kept + came.outcomes().len() <= 1, "{place}");
        assert_eq!(gate.answered(Some(200)).len(), kept, "{place}: {:?}", came.outcomes());
    }
}

#[test]
fn who_knows_the_secret_is_told() {
    // SHA-256 of `open sesame`.
    let gate = Gate::new(
        r#"{"explain_sha256":["41ef4bb0b23661e66301aac36066912dac037827b4ae63a7b1165a5aa93ed4eb"]}"#,
    );
    let ask = |agent, secret| {
        gate.send(&[("user-agent", agent), ("x-track-explain", secret)], &[], true, None)
    };
    let told = |came: &Came| came.host.told.clone();
    let refused = ask(CURL, "open sesame");
    assert_eq!(
        told(&refused),
        [("x-track-verdict", "drop;endpoint=convert"), ("x-track-drop-reason", "bot")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
    );
    assert_eq!(refused.host.count("trackgate_explain_refused_total"), 0);
    let wrong = ask(CURL, "open sesam");
    assert_eq!((told(&wrong).len(), wrong.host.count("trackgate_explain_refused_total")), (0, 1));
    assert!(ask(FIREFOX, "open sesame").host.value("x-track-explain").is_none());
}
