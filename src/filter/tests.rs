//! The filter behind a host that fails any call on demand. What is read cannot outlive a change:
//! the traits' borrows see to that when this is compiled.

mod fake;
mod quarantine;

use super::host::Action;
use super::metrics::{Outcome, REQUESTS};
use super::stream::Stream;
use super::{Context, Filter, Worker};
use crate::gate::Gate;
use crate::verdict::{Reason, Verdict};
use fake::{Definitions, Fake};

const CLEAN: &[u8] = br#"{"n":"pageview","u":"https://a.example/","d":"a.example"}"#;
const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:126.0) Gecko/20100101 Firefox/126.0";

/// A request, in pieces of a body.
struct Sent {
    config: &'static str,
    agent: &'static str,
    fields: &'static [(&'static str, &'static str)],
    pieces: Vec<Vec<u8>>,
    trailers: bool,
}

impl Sent {
    fn new(agent: &'static str, body: &[u8]) -> Self {
        Sent {
            config: "{}",
            agent,
            fields: &[],
            pieces: body.chunks(20).map(<[u8]>::to_vec).collect(),
            trailers: false,
        }
    }

    fn body(&self) -> Vec<u8> {
        self.pieces.concat()
    }

    /// Runs it as a host does, which stops holding what goes on. Returns the host, what went on of
    /// the body, and whether all of it did.
    fn run(&self, fails_at: Option<usize>) -> (Fake, Vec<u8>, Action) {
        let filter = Filter::load(self.config.as_bytes(), &mut Definitions).unwrap();
        let worker = Worker::default();
        let usual = [(":method", "POST"), (":path", "/api/event"), ("user-agent", self.agent)];
        let usual = usual.iter().chain(self.fields).chain(&[("content-type", "application/json")]);
        let request = usual.map(|(name, value)| ((*name).into(), (*value).into())).collect();
        let host = Fake { request, fails_at, is_http1: true, ..Fake::default() };
        let mut cx = Context { filter: &filter, worker: &worker, host };
        let mut stream = Stream::new(&worker);
        let mut went = Vec::new();
        let mut action = stream.headers(&mut cx, self.pieces.is_empty());
        let last = self.pieces.len().saturating_sub(usize::from(!self.trailers));
        for (place, piece) in self.pieces.iter().enumerate() {
            if action == Action::Replied {
                break;
            }
            cx.host.body.extend(piece);
            let before = cx.host.resumed.get();
            let size = cx.host.body.len();
            let was_held = action == Action::Hold && before == 0;
            action = stream.body(&mut cx, size, place == last);
            let is_resumed = cx.host.resumed.get() > before;
            // What is or was held passes through the host's buffer.
            let passes_buffer = was_held && (is_resumed || action != Action::Replied);
            let fits = cx.host.body.len() <= filter.gate.endpoints[0].buffer_limit_bytes;
            assert!(fits || !passes_buffer || fails_at.is_some(), "{place}: {action:?}");
            if action == Action::Continue || is_resumed {
                went.append(&mut cx.host.body);
            }
        }
        if self.trailers && action != Action::Replied {
            cx.host.trailers = vec![(b"x-track-verdict".to_vec(), b"forged".to_vec())];
            action = stream.trailers(&mut cx);
        }
        if action == Action::Continue {
            went.append(&mut cx.host.body);
        }
        stream.response_headers(&mut cx);
        stream.over(&cx);
        (cx.host, went, action)
    }
}

fn cases() -> Vec<Sent> {
    let small = r#"{"buffer_limit_bytes":65536}"#;
    vec![
        Sent::new(FIREFOX, CLEAN),
        Sent::new(FIREFOX, b"{}"),
        Sent::new("Googlebot/2.1", CLEAN),
        Sent { fields: &[("content-length", "57")], ..Sent::new("Googlebot/2.1", CLEAN) },
        Sent { trailers: true, ..Sent::new(FIREFOX, CLEAN) },
        Sent {
            fields: &[("x-track-verdict", "pass"), ("X_TRACK-a", "1")],
            ..Sent::new(FIREFOX, CLEAN)
        },
        Sent { config: r#"{"body_phase":"compat"}"#, ..Sent::new(FIREFOX, CLEAN) },
        Sent { config: r#"{"mode":"shadow"}"#, ..Sent::new("Googlebot/2.1", CLEAN) },
        Sent { config: small, ..Sent::new(FIREFOX, CLEAN) },
        Sent { fields: &[("content-encoding", "gzip")], ..Sent::new(FIREFOX, b"\x1F\x8B\x08") },
        large_pieces(&[70_000, 10]),
        large_pieces(&[60_000, 70_000, 10]),
        large_pieces(&[65_000, 536, 0]),
    ]
}

/// Envoy may read more at once than its buffer holds, be it the first piece or a later one.
fn large_pieces(sizes: &[usize]) -> Sent {
    Sent {
        config: r#"{"buffer_limit_bytes":65536,"mode":"shadow"}"#,
        pieces: sizes.iter().map(|size| vec![b' '; *size]).collect(),
        ..Sent::new(FIREFOX, b"")
    }
}

#[test]
fn filter_state_is_left_out_where_nobody_reads_it() {
    let config = r#"{"filter_state":false}"#;
    for (agent, body, fields) in [(FIREFOX, CLEAN, 1), (FIREFOX, b"{}".as_slice(), 0)] {
        let (told, ..) = Sent { config: "{}", ..Sent::new(agent, body) }.run(None);
        let (host, ..) = Sent { config, ..Sent::new(agent, body) }.run(None);
        let mut calls = told.calls.take();
        calls.retain(|call| !call.starts_with("publish"));
        assert_eq!(*host.calls.borrow(), calls);
        assert_eq!(host.value("x-track-verdict").iter().count(), fields);
    }
}

#[test]
fn calls_come_in_this_order() {
    let (host, went, action) = Sent::new(FIREFOX, CLEAN).run(None);
    let clean =
        ["fields RequestHeaders", "body", "publish trackgate.verdict", "add x-track-verdict"];
    assert_eq!(*host.calls.borrow(), clean);
    assert_eq!((went.as_slice(), action), (CLEAN, Action::Continue));
    assert_eq!(host.value("x-track-verdict").as_deref(), Some("pass;endpoint=plausible"));

    let (host, went, action) = Sent::new("Googlebot/2.1", CLEAN).run(None);
    let refused = [
        "fields RequestHeaders",
        "body",
        "publish trackgate.verdict",
        "publish trackgate.reasons",
        "reply",
    ];
    assert_eq!(*host.calls.borrow(), refused);
    assert_eq!(
        (went.as_slice(), action, host.replies.as_slice()),
        (b"".as_slice(), Action::Replied, [202].as_slice())
    );
}

#[test]
fn every_stream_is_counted_once_and_no_body_is_lost() {
    for (number, case) in cases().iter().enumerate() {
        let (host, went, action) = case.run(None);
        assert_eq!(host.count(REQUESTS), 1, "{number}: {:?}", host.calls);
        assert_eq!(host.count("trackgate_host_errors_total"), 0, "{number}");
        match action {
            Action::Continue => assert_eq!(went, case.body(), "{number}"),
            Action::Replied => assert_eq!(host.replies.len(), 1, "{number}"),
            Action::Hold => panic!("{number}: held for ever"),
        }
        let forged = |name: &[u8]| name.to_ascii_lowercase().starts_with(b"x_track");
        assert!(
            host.request.iter().chain(&host.trailers).all(|(name, _)| !forged(name)),
            "{number}"
        );
    }
}

/// Whichever call fails: the request goes on whole, or has been answered; it is counted once, and
/// the failure as well.
#[test]
fn any_one_call_may_fail() {
    for (number, case) in cases().iter().enumerate() {
        let calls = case.run(None).0.calls.take();
        for (place, name) in calls.iter().enumerate() {
            let (host, went, action) = case.run(Some(place));
            let at = format!("{number}: {name} (call {place}): {:?}", host.calls);
            // What the filter keeps of a body, and cannot put back, must not go on without it.
            let is_lost = host.replies == [503];
            match action {
                Action::Continue if host.value("content-length").as_deref() == Some("0") => {
                    assert_eq!((name.as_str(), case.agent), ("reply", "Googlebot/2.1"), "{at}");
                }
                Action::Continue => assert_eq!(went, case.body(), "{at}"),
                Action::Replied => assert_eq!(host.replies.len(), 1, "{at}"),
                Action::Hold => panic!("{at}: held for ever"),
            }
            let errors = host.count("trackgate_host_errors_total");
            // Where a piece cannot be kept it stays in the host's buffer.
            let comes_before_the_verdict =
                host.calls.borrow().iter().skip(place).any(|call| call.starts_with("publish"));
            let stays = name.ends_with("body") && comes_before_the_verdict;
            assert!(errors == 1 || stays && errors == 0, "{at}: {errors} errors");
            // Without the header section nobody knows whose request it is.
            let is_unknown = place == 0;
            let counted = host.outcomes.borrow().len();
            assert_eq!(counted, usize::from(!is_unknown), "{at}");
            let verdicts: Vec<Verdict> =
                host.outcomes.borrow().iter().map(|found| found.verdict).collect();
            // The access log alone lacks the verdict, where the request itself still tells it.
            let is_told = name.starts_with("publish") && !case.config.contains("compat");
            if action == Action::Continue && errors == 1 && !is_unknown && !is_told {
                assert_eq!(verdicts, [Verdict::Uninspected], "{at}");
            }
            assert!(!is_lost || errors == 1, "{at}");
        }
    }
}

fn awaited(host: &mut Fake) {
    let fields = [
        (":method", "POST"),
        (":path", "/api/event"),
        ("user-agent", FIREFOX),
        ("content-type", "application/json"),
    ];
    host.request = fields.map(|(name, value)| (name.into(), value.into())).to_vec();
}

#[test]
fn a_client_that_goes_away_is_counted_once() {
    let filter = Filter::load(b"{}", &mut Definitions).unwrap();
    let worker = Worker::default();
    let mut cx = Context { filter: &filter, worker: &worker, host: Fake::default() };
    awaited(&mut cx.host);
    let mut stream = Stream::new(&worker);
    assert_eq!(stream.headers(&mut cx, false), Action::Hold);
    stream.over(&cx);
    stream.over(&cx);
    let outcomes = cx.host.outcomes.take();
    let [Outcome { verdict: Verdict::Uninspected, reason: None, .. }] = outcomes.as_slice() else {
        panic!("{outcomes:?}");
    };
}

/// The host has let the header section go before the body came: what it says stays true, and the
/// body is read all the same.
#[test]
fn a_head_that_has_left_is_not_edited_again() {
    for (body, action) in [(CLEAN, Action::Continue), (b"{}".as_slice(), Action::Replied)] {
        let filter = Filter::load(b"{}", &mut Definitions).unwrap();
        let worker = Worker::default();
        let mut cx = Context { filter: &filter, worker: &worker, host: Fake::default() };
        awaited(&mut cx.host);
        let mut stream = Stream::new(&worker);
        assert_eq!(stream.headers(&mut cx, false), Action::Hold);
        assert!(stream.is_waiting());
        let told = stream.if_let_go().unwrap();
        assert_eq!((told.verdict, told.reason), (Verdict::Uninspected, Some(Reason::HostError)));
        stream.head_left();
        assert!(!stream.is_waiting());
        cx.host.body = body.to_vec();
        assert_eq!(stream.body(&mut cx, body.len(), true), action);
        assert_eq!(cx.host.value("x-track-verdict"), None);
        assert!(stream.if_let_go().is_none());
        let outcomes = cx.host.outcomes.take();
        assert_eq!(outcomes.len(), 1, "{outcomes:?}");
        assert_eq!(outcomes[0].verdict == Verdict::Uninspected, action == Action::Continue);
    }
}

/// The gauge counts instances that have had a request, and forgets one that is replaced.
#[test]
fn an_instance_is_at_work_from_its_first_stream_until_it_is_replaced() {
    let filter = Filter::load(b"{}", &mut Definitions).unwrap();
    let host = Fake::default();
    filter.metrics.retire(&host);
    filter.metrics.begin(&host);
    filter.metrics.begin(&host);
    filter.metrics.retire(&host);
    filter.metrics.retire(&host);
    let seen = host.metrics.take();
    assert_eq!(seen, ["trackgate_config_info", "-trackgate_config_info"]);
}

#[test]
fn each_outcome_has_labels_of_its_own() {
    let gate = Gate::load(b"{}").unwrap();
    for endpoint in &gate.endpoints {
        let all: Vec<_> = Outcome::all(endpoint).map(|one| one.labels(&endpoint.name)).collect();
        assert!(all.len() > 10);
        assert!(all.iter().all(|labels| labels[0] == ("endpoint", endpoint.name.as_str())));
        let distinct: std::collections::BTreeSet<_> = all.iter().collect();
        assert_eq!(distinct.len(), all.len());
    }
}
