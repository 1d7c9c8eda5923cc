//! Bodies that Envoy cannot hold, and bodies that nobody wants: piece by piece, behind the strict
//! host.

use crate::corpus;
use crate::host::{Delivery, End, Envoy, Outcome, Request, Vm, WHOLE, event, start};

const LIMIT: usize = 300;
const FRAME: usize = 16_384;

/// A VM behind an Envoy that holds so many bytes, and has been told so.
fn tight(members: &str, limit: usize) -> Vm {
    let mut vm = start(&format!(r#"{{"buffer_limit_bytes":{limit}{members}}}"#));
    vm.host().buffer_limit = limit;
    vm
}

/// A good event of so many bytes, no two pieces of which are alike.
fn sized(size: usize) -> Request {
    let body = event().body.unwrap();
    let filling: String = (0..size).map(|number| format!("{number} ")).collect();
    let filled = size - body.len() - r#""x":"","#.len();
    let body = [br#"{"x":""#, &filling.as_bytes()[..filled], br#"","#, &body[1..]].concat();
    assert_eq!(body.len(), size);
    Request { body: Some(body), ..event() }
}

fn declared(request: Request) -> Request {
    let mut request = request;
    let size = request.body.as_ref().map_or(0, Vec::len).to_string();
    request.headers.push(("content-length".to_owned(), size.into_bytes()));
    request
}

fn verdict(outcome: &Outcome, request: &Request) -> String {
    let upstream = outcome.observed.upstream.as_ref().unwrap_or_else(|| panic!("{outcome:?}"));
    assert_eq!(upstream.body(), request.body.as_deref(), "the collector got another body");
    let told = |name: &str| {
        corpus::values(&upstream.headers, name)
            .first()
            .map(|value| String::from_utf8_lossy(value).into_owned())
    };
    [told("x-track-verdict"), told("x-track-drop-reason")]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join(" ")
}

const PASS: &str = "pass;endpoint=convert";
const UNREAD: &str = "uninspected;endpoint=convert request_too_large";

#[test]
fn what_does_not_fit_is_let_go_whole() {
    for piece_bytes in [1, 7, 100, 299, 300, usize::MAX] {
        for size in [200, LIMIT - 1, LIMIT, LIMIT + 1, 599, 900] {
            let mut vm = tight("", LIMIT);
            let request = sized(size);
            // No piece is larger than the buffer.
            let delivery = Delivery { piece_bytes: piece_bytes.min(LIMIT), end: End::Http1 };
            let outcome = vm.request(&request, delivery, Envoy::Hold);
            assert_eq!(
                verdict(&outcome, &request),
                if size <= LIMIT { PASS } else { UNREAD },
                "{size} in {piece_bytes}"
            );
            assert_eq!(
                (
                    vm.metric(&["trackgate_requests_total"]),
                    vm.metric(&["trackgate_host_errors_total"])
                ),
                (1, 0)
            );
        }
    }
}

#[test]
fn what_declares_too_much_is_let_go_by_its_head() {
    for envoy in [Envoy::Hold, Envoy::Compat] {
        let members = if envoy == Envoy::Compat { r#","body_phase":"compat""# } else { "" };
        for (size, expected) in [(LIMIT, PASS), (LIMIT + 1, UNREAD)] {
            let request = declared(sized(size));
            let outcome = tight(members, LIMIT).request(&request, WHOLE, envoy);
            assert_eq!(verdict(&outcome, &request), expected);
            assert_eq!(outcome.calls.contains(&"proxy_get_buffer_bytes"), size <= LIMIT);
        }
    }
}

/// A frame of HTTP/2 that is the last one comes with the end: so much room is left for it, unless
/// the size is declared.
#[test]
fn room_is_left_for_the_last_frame() {
    let limit = 40_000;
    for (size, is_declared, expected) in [
        (limit - FRAME, false, PASS),
        (limit, false, UNREAD),
        (limit, true, PASS),
        (limit + 1, true, UNREAD),
        (3 * limit, false, UNREAD),
    ] {
        for end in [End::Http2, End::Trailers] {
            let request = if is_declared { declared(sized(size)) } else { sized(size) };
            let outcome = tight("", limit).request(
                &request,
                Delivery { piece_bytes: FRAME, end },
                Envoy::Hold,
            );
            assert_eq!(verdict(&outcome, &request), expected, "{size} {end:?}");
        }
    }
}

/// What is refused for its size before it outgrows the buffer needs no room beside it; in shadow
/// mode nothing is refused.
#[test]
fn what_would_be_refused_is_not_let_go() {
    let limited = r#","endpoints":[{"name":"convert","vendor":"convert","limits":{"request_bytes":23616},"actions":{"request_too_large":"reject"}}]"#;
    let request = sized(30_000);
    for end in [End::Http1, End::Http2, End::Trailers] {
        let delivery = Delivery { piece_bytes: FRAME, end };
        let outcome = tight(limited, 40_000).request(&request, delivery, Envoy::Hold);
        assert_eq!(
            outcome.observed.reply.unwrap().details.unwrap(),
            "trackgate_request_too_large",
            "{end:?}"
        );
        let shadow = format!(r#"{limited},"mode":"shadow""#);
        let outcome = tight(&shadow, 40_000).request(&request, delivery, Envoy::Hold);
        let found = verdict(&outcome, &request);
        let expected = [
            "reject;endpoint=convert;mode=shadow;status=413 request_too_large",
            "uninspected;endpoint=convert;mode=shadow request_too_large",
        ];
        assert!(expected.contains(&found.as_str()), "{end:?} {found}");
    }
}

#[test]
fn a_reason_that_is_passed_over_is_not_named() {
    let request = declared(sized(LIMIT + 1));
    let outcome = tight(r#","actions":{"request_too_large":"pass"}"#, LIMIT).request(
        &request,
        WHOLE,
        Envoy::Hold,
    );
    assert_eq!(verdict(&outcome, &request), "uninspected;endpoint=convert");
}

/// A host call that fails never makes half a body out of a whole one.
#[test]
fn no_part_of_a_body_is_lost() {
    for (call, times) in [
        ("proxy_set_buffer_bytes", 8),
        ("proxy_get_buffer_bytes", 8),
        ("proxy_continue_stream", 1),
        ("proxy_get_property", 3),
    ] {
        for at in 0..times {
            for size in [250, 700] {
                let mut vm = tight("", LIMIT);
                vm.host().fail(call, at, 10);
                // Where nothing can be taken out of it the buffer may overflow, which is as bad as
                // it was.
                vm.host().buffer_limit = 0;
                let request = sized(size);
                let outcome = vm.request(
                    &request,
                    Delivery { piece_bytes: 100, end: End::Http1 },
                    Envoy::Hold,
                );
                let case = format!("{call} #{at}, {size} bytes: {outcome:?}");
                assert!(!outcome.hung, "{case}");
                match (&outcome.observed.reply, &outcome.observed.upstream) {
                    (Some(reply), None) => assert_eq!(reply.status, 503, "{case}"),
                    (None, Some(upstream)) => {
                        assert_eq!(upstream.body(), request.body.as_deref(), "{case}")
                    }
                    _ => panic!("{case}"),
                }
                assert_eq!(vm.metric(&["trackgate_requests_total"]), 1, "{case}");
            }
        }
    }
}

fn bot(size: usize) -> Request {
    let mut request = declared(Request { body: Some(vec![b' '; size]), ..event() });
    request.headers[0].1 = b"curl/8".to_vec();
    request
}

/// A drop waits for a small body that is declared, holds none of it, and is counted once.
#[test]
fn a_drop_is_answered_when_its_small_body_is_in() {
    for envoy in [Envoy::Hold, Envoy::Compat] {
        let phase = if envoy == Envoy::Compat { "compat" } else { "hold" };
        for end in [End::Http1, End::Http2, End::Trailers, End::Abort(0), End::Abort(2)] {
            let mut vm = start(&format!(r#"{{"body_phase":"{phase}"}}"#));
            vm.host().buffer_limit = 1000;
            let outcome = vm.request(&bot(65_536), Delivery { piece_bytes: 1000, end }, envoy);
            let aborted = matches!(end, End::Abort(_));
            assert_eq!(outcome.observed.reply.is_some(), !aborted, "{phase} {end:?}");
            assert!(outcome.observed.upstream.is_none() && !outcome.hung);
            assert_eq!(vm.metric(&["trackgate_requests_total"]), 1, "{phase} {end:?}");
            assert_eq!(vm.metric(&["verdict.drop.reason.bot"]), 1, "{phase} {end:?}");
        }
    }
}

#[test]
fn what_is_answered_at_once() {
    let mut expects = bot(100);
    expects.headers.push(("expect".to_owned(), b"100-continue".to_vec()));
    let chunked = Request {
        headers: bot(100)
            .headers
            .into_iter()
            .filter(|(name, _)| name != "content-length")
            .collect(),
        ..bot(100)
    };
    let mut rejected = declared(Request { path: "/v1/validate".to_owned(), ..event() });
    rejected.path = "/v1/track".to_owned();
    for (name, request) in
        [("large", bot(65_537)), ("chunked", chunked), ("expects", expects), ("a reject", rejected)]
    {
        let outcome = start("{}").request(&request, WHOLE, Envoy::Hold);
        assert!(outcome.observed.reply.is_some(), "{name}: {outcome:?}");
        let waits = outcome.calls.iter().filter(|call| **call == "proxy_set_buffer_bytes").count();
        assert_eq!(waits, 0, "{name}");
    }
}
