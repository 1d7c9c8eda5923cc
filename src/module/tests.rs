//! The hooks, behind an Envoy in memory that frees what it has lent as early as it may.
#![allow(unsafe_code, dead_code)]

mod envoy;

use envoy::{Envoy, Loaded, Outcome, Request};

const VIEW: &[u8] = br#"{"n":"pageview","u":"https://a.example/","d":"a.example"}"#;
const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:126.0) Gecko/20100101 Firefox/126.0";
const CRAWLER: &str = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)";

fn request(agent: &str, fields: &[(&str, &str)], body: &[u8], piece: usize) -> Request {
    let usual = [
        (":method", "POST"),
        (":path", "/api/event"),
        ("user-agent", agent),
        ("content-type", "application/json"),
        ("x-track-verdict", "pass;endpoint=forged"),
    ];
    let usual = usual.iter().filter(|(name, _)| fields.iter().all(|(field, _)| field != name));
    Request {
        headers: usual
            .chain(fields)
            .map(|(name, value)| ((*name).into(), (*value).into()))
            .collect(),
        pieces: body.chunks(piece).map(<[u8]>::to_vec).collect(),
        ..Request::default()
    }
}

fn run(request: &Request) -> Outcome {
    Envoy::run(&Loaded::new("trackgate", "{}").unwrap(), request)
}

/// The values of the verdict field.
fn verdicts(outcome: &Outcome) -> Vec<String> {
    let fields = outcome.state.sections[0].iter();
    let own = fields.filter(|(name, _)| name == b"x-track-verdict");
    own.map(|(_, value)| String::from_utf8(value.clone()).unwrap()).collect()
}

#[test]
fn what_is_lent_is_not_read_after_a_change() {
    for piece in [5, 20, VIEW.len()] {
        for trailers in [None, Some(vec![(b"x-track-drop-reason".to_vec(), b"forged".to_vec())])] {
            let clean = Request { trailers, ..request(FIREFOX, &[], VIEW, piece) };
            let outcome = run(&clean);
            assert!(outcome.is_forwarded);
            assert_eq!(verdicts(&outcome), ["pass;endpoint=plausible"], "{piece}");
            assert_eq!(outcome.went, VIEW);
            assert!(outcome.state.sections[1].is_empty(), "forged");
        }
    }
}

#[test]
fn a_refusal_is_answered_once() {
    let bot = run(&request(CRAWLER, &[], VIEW, 20));
    assert_eq!((bot.is_forwarded, bot.state.replies), (false, vec![(202, b"ok".to_vec())]));
    let broken = run(&request(FIREFOX, &[], b"{", 1));
    assert_eq!((broken.is_forwarded, broken.state.replies.len()), (false, 1));
    assert_eq!(broken.state.replies[0].0, 400);
    let grpc = run(&request(CRAWLER, &[("content-type", "application/grpc")], VIEW, 20));
    assert_eq!(grpc.state.replies, [(202, b"ok".to_vec())]);
}

#[test]
fn a_client_that_leaves_is_counted_once() {
    let pieces = VIEW.len().div_ceil(10);
    for leaves_after in 1..=pieces {
        let request =
            Request { leaves_after: Some(leaves_after), ..request(FIREFOX, &[], VIEW, 10) };
        let outcome = run(&request);
        assert!(!outcome.is_forwarded);
        let counted: Vec<_> =
            outcome.state.counted.iter().filter(|(key, _)| key.contains("plausible")).collect();
        assert_eq!(counted.len(), 1, "{counted:?}");
    }
}

#[test]
fn a_body_that_envoys_buffer_cannot_hold_goes_on_whole() {
    let json = r#"{"buffer_limit_bytes":40}"#;
    let loaded = Loaded::new("trackgate", json).unwrap();
    for piece in [10, 30, 45, 100] {
        for size in [39, 40, 41, 90, 300] {
            let body = vec![b' '; size];
            let outcome = Envoy::run(&loaded, &request(FIREFOX, &[], &body, piece));
            assert_eq!(
                outcome.went.len() + outcome.state.replies.len() * size,
                size,
                "{piece} {size}"
            );
        }
    }
}

/// Envoy would answer 413 to what its own buffer cannot hold.
#[test]
fn there_is_room_for_each_body_that_is_held() {
    let of = |limit: u64, json: &str, piece: usize| {
        let request = Request { buffer_limit: limit, ..request(FIREFOX, &[], VIEW, piece) };
        Envoy::run(&Loaded::new("trackgate", json).unwrap(), &request).state.buffer_limit
    };
    assert_eq!(of(32_768, "{}", 20), 32_768 + 1_000_000);
    assert_eq!(of(0, "{}", 20), 0, "as much as comes");
    assert_eq!(of(32_768, r#"{"buffer_limit_bytes":32768}"#, 20), 32_768, "the operator's");
    let other = r#"{"endpoints":[{"name":"userpilot","vendor":"userpilot"}]}"#;
    assert_eq!(of(32_768, other, 20), 32_768, "not ours");
}

#[test]
fn a_configuration_that_is_wrong_is_refused() {
    for (name, json) in [("gate", "{}"), ("trackgate", "{"), ("", "")] {
        assert!(Loaded::new(name, json).is_none(), "{name} {json}");
    }
}
