//! Runner two: the built module behind a strict host.

use crate::corpus;
use crate::corpus::{Outcome as Expected, Vector};
use crate::host;
use crate::host::{Delivery, End, Envoy, Outcome, Request, Vm, WHOLE, event, start};
use std::collections::{BTreeMap, BTreeSet};
use trackgate::rules::{referrer, user_agent};

fn request(vector: &Vector) -> Request {
    Request {
        method: vector.method.clone(),
        path: vector.path.clone(),
        headers: vector.headers.clone(),
        body: vector.body.clone(),
    }
}

fn deliveries(vector: &Vector) -> Vec<Delivery> {
    // Byte by byte, a long body would take a callback for each of its bytes.
    let is_long = vector.body.as_ref().is_some_and(|body| body.len() > 4096);
    let (single, seven) = if is_long { (16_384, 9973) } else { (1, 7) };
    vec![
        WHOLE,
        Delivery { piece_bytes: single, end: End::Http1 },
        Delivery { piece_bytes: seven, end: End::Http2 },
        Delivery { piece_bytes: seven, end: End::Trailers },
    ]
}

#[test]
fn every_vector_agrees_however_the_body_arrives() {
    let vectors = corpus::vectors();
    let mut vms: BTreeMap<String, Vm> = BTreeMap::new();
    let mut faults = Vec::new();
    for vector in &vectors {
        for (envoy, phase) in [(Envoy::Hold, "hold"), (Envoy::Compat, "compat")] {
            let configuration =
                vector.config.replacen('{', &format!("{{\"body_phase\":\"{phase}\","), 1);
            let vm = vms.entry(configuration.clone()).or_insert_with(|| start(&configuration));
            for delivery in deliveries(vector) {
                let before = vm.metric(&["trackgate_requests_total"]);
                let outcome = vm.request(&request(vector), delivery, envoy);
                let counted = vm.metric(&["trackgate_requests_total"]) - before;
                let expected = u64::from(!corpus::untouched(vector));
                let fault = corpus::check(vector, &outcome.observed)
                    .err()
                    .or_else(|| fault_of_state(vector, &outcome));
                let fault = fault.or_else(|| {
                    (counted != expected).then(|| format!("{}: counted {counted} times", vector.id))
                });
                faults.extend(
                    fault.map(|fault| {
                        (vector.id.clone(), format!("{fault} ({phase}, {delivery:?})"))
                    }),
                );
            }
        }
    }
    let faulty: BTreeMap<_, _> = faults.into_iter().collect();
    corpus::write_count("wasm", vectors.len() - faulty.len(), vectors.len());
    let shown: Vec<_> = faulty.values().map(String::as_str).collect();
    assert!(
        faulty.is_empty(),
        "{} of {} vectors disagree:\n{}",
        faulty.len(),
        vectors.len(),
        shown.join("\n")
    );
}

#[test]
fn every_vector_agrees_under_another_prefix() {
    let mut vms: BTreeMap<String, Vm> = BTreeMap::new();
    for vector in corpus::vectors() {
        let vector = vector.with_prefix("x-gate-");
        let vm = vms.entry(vector.config.clone()).or_insert_with(|| start(&vector.config));
        for end in [End::Http1, End::Trailers] {
            let delivery = Delivery { end, ..WHOLE };
            let outcome = vm.request(&request(&vector), delivery, Envoy::Hold);
            corpus::check(&vector, &outcome.observed).unwrap();
            assert_eq!(fault_of_state(&vector, &outcome), None);
        }
    }
}

/// What the access log reads is what the collector is told, and where that gets nothing, what the
/// client was refused for; it is not there where the request is not the gate's.
fn fault_of_state(vector: &Vector, outcome: &Outcome) -> Option<String> {
    // What a refusal leaves of the head's findings, which its vector does not list.
    const BESIDE: [&str; 2] = ["content_encoding", "content_type"];
    if outcome.hung {
        return Some(format!("{}: hangs", vector.id));
    }
    let told = |name: &str| {
        let headers = &outcome.observed.upstream.as_ref()?.headers;
        let value = corpus::values(headers, name).first()?.to_vec();
        Some(String::from_utf8(value).unwrap())
    };
    let refused = |verdict: &str| Some(format!("{verdict};endpoint={}", vector.vendor));
    let (verdict, is_refused) = match vector.expect.outcome {
        Expected::Drop => (refused("drop"), true),
        Expected::Reject => (refused("reject"), true),
        Expected::Pass | Expected::PassAnnotated => {
            (told(&format!("{}verdict", vector.prefix)), false)
        }
    };
    let expected: BTreeSet<String> =
        vector.expect.annotate.iter().chain(&vector.expect.reason).cloned().collect();
    let mut found = corpus::reason_ids(outcome.reasons_state.as_deref().unwrap_or_default());
    if is_refused {
        found.retain(|id| expected.contains(id) || !BESIDE.contains(&id.as_str()));
    }
    (outcome.verdict_state != verdict || found != expected).then(|| {
        let state = (&outcome.verdict_state, &outcome.reasons_state);
        format!("{}: expected filter state {verdict:?} {expected:?}, found {state:?}", vector.id)
    })
}

/// A callback that does nothing costs each request 0.3 to 1 us.
const EXPORTS: [&str; 13] = [
    "_initialize",
    "malloc",
    "memory",
    "proxy_abi_version_0_2_1",
    "proxy_on_configure",
    "proxy_on_context_create",
    "proxy_on_delete",
    "proxy_on_http_call_response",
    "proxy_on_request_body",
    "proxy_on_request_headers",
    "proxy_on_request_trailers",
    "proxy_on_response_headers",
    "proxy_on_tick",
];

/// The list is the documentation of what the filter asks of its host.
#[test]
fn the_module_imports_nothing_but_the_abi_and_exports_what_it_uses() {
    let abi = include_str!("host/abi-0.2.1.txt");
    for import in host::module().imports() {
        assert_eq!(import.module(), "env", "{}", import.name());
        assert!(
            abi.lines().any(|name| name == import.name()),
            "{} is not of the proxy-wasm ABI",
            import.name()
        );
    }
    let mut exports: Vec<&str> = host::module().exports().map(|export| export.name()).collect();
    // The linker's own, which no host looks for.
    exports.retain(|name| !name.starts_with("__"));
    exports.sort_unstable();
    assert_eq!(exports, EXPORTS);
    let (size, tables) = (host::bytes().len(), user_agent::TABLE_BYTES + referrer::TABLE_BYTES);
    assert!(size - tables < 450_000, "the module has {size} bytes, {tables} of them tables");
}

#[test]
fn bytes_that_are_not_utf8_pass_in_any_field() {
    let mut vm = start("{}");
    for name in [
        "user-agent",
        "authorization",
        "content-type",
        "content-encoding",
        "content-length",
        "x-forwarded-for",
        "x-track-x",
        "cookie",
    ] {
        let mut request = event();
        request.headers.push((name.to_owned(), b"a\xE9\xFF".to_vec()));
        let outcome = vm.request(&request, WHOLE, Envoy::Hold);
        assert!(!outcome.hung, "{name}");
        assert!(outcome.observed.reply.is_some() || outcome.observed.upstream.is_some(), "{name}");
    }
    let clean = vm.request(&event(), WHOLE, Envoy::Hold);
    assert_eq!(clean.verdict_state.as_deref(), Some("pass;endpoint=convert"));
}

#[test]
fn a_host_call_that_fails_loses_no_request() {
    let calls = start("{}").request(&event(), WHOLE, Envoy::Hold).calls;
    let mut seen = BTreeMap::new();
    for call in calls {
        let at: &mut usize = seen.entry(call).or_default();
        for status in [1, 2, 10] {
            let mut vm = start("{}");
            vm.host().fail(call, *at, status);
            let outcome = vm.request(&event(), WHOLE, Envoy::Hold);
            let case = format!("{call} #{at} returns {status}");
            assert!(vm.host().has_failed(), "{case}: was not called");
            assert!(!outcome.hung && outcome.observed.upstream.is_some(), "{case}: {outcome:?}");
            // A counter that fails is nobody's loss; a property that the host cannot tell is
            // unknown; a field that cannot be added is set. Everything else is counted, and told if
            // it still can be.
            let (errors, verdict) = match call {
                "proxy_increment_metric"
                | "proxy_record_metric"
                | "proxy_get_property"
                | "proxy_add_header_map_value" => (0, Some("pass")),
                "proxy_set_property" => (1, None),
                "proxy_get_header_map_pairs" => (1, None),
                _ => (1, Some("uninspected")),
            };
            let told = verdict.map(|verdict| format!("{verdict};endpoint=convert"));
            assert_eq!(vm.metric(&["trackgate_host_errors_total"]), errors, "{case}");
            assert_eq!(outcome.verdict_state, told, "{case}");
            let uninspected = vm.metric(&["verdict.uninspected.reason.host_error"]);
            assert_eq!(uninspected, u64::from(verdict == Some("uninspected")), "{case}");
        }
        *at += 1;
    }
}

#[test]
fn a_reply_that_cannot_be_sent_forwards_the_request() {
    let mut request = event();
    request.headers[0].1 = b"curl/8".to_vec();
    let mut vm = start("{}");
    vm.host().fail("proxy_send_local_response", 0, 10);
    let outcome = vm.request(&request, WHOLE, Envoy::Hold);
    assert!(outcome.observed.upstream.is_some() && !outcome.hung);
    assert_eq!(outcome.verdict_state.as_deref(), Some("uninspected;endpoint=convert"));
}

#[test]
fn the_operator_may_refuse_what_could_not_be_inspected() {
    let mut vm = start(r#"{"actions":{"host_error":"reject"}}"#);
    vm.host().fail("proxy_get_buffer_bytes", 0, 10);
    let outcome = vm.request(&event(), WHOLE, Envoy::Hold);
    assert_eq!(outcome.observed.reply.map(|reply| reply.status), Some(503));
}

#[test]
fn a_stream_gets_one_verdict_however_it_ends() {
    let ends = [End::Http1, End::Http2, End::Trailers, End::Abort(0), End::Abort(1), End::Abort(5)];
    for envoy in [Envoy::Hold, Envoy::Compat, Envoy::KnobMissing] {
        let phase = if envoy == Envoy::Compat { "compat" } else { "hold" };
        for end in ends {
            let mut vm = start(&format!("{{\"body_phase\":\"{phase}\"}}"));
            vm.request(&event(), Delivery { piece_bytes: 10, end }, envoy);
            assert_eq!(vm.metric(&["trackgate_requests_total"]), 1, "{envoy:?} {end:?}");
        }
    }
}

#[test]
fn ten_thousand_streams_leave_nothing_behind() {
    let mut vm = start("{}");
    let mut ends =
        [End::Http1, End::Http2, End::Trailers, End::Abort(0), End::Abort(1), End::Abort(3)]
            .into_iter()
            .cycle();
    let mut run = |vm: &mut Vm, count: usize| {
        for _ in 0..count {
            let end = ends.next().unwrap();
            vm.request(&event(), Delivery { piece_bytes: 40, end }, Envoy::Hold);
        }
    };
    run(&mut vm, 1000);
    let before = vm.memory_bytes();
    run(&mut vm, 10_000);
    assert_eq!(vm.memory_bytes(), before, "linear memory grew");
}

#[test]
fn a_bad_configuration_stops_the_load_with_one_line() {
    let rows = [
        ("{", "trackgate: configuration: invalid JSON at line 1 column 2: the text ends here"),
        (
            r#"{"endpoints":[]}"#,
            "trackgate: configuration: endpoints: expected at least one entry, or the field left out, found an empty list",
        ),
    ];
    for (configuration, expected) in rows {
        let logs =
            Vm::start(configuration).err().unwrap_or_else(|| panic!("accepted: {configuration}"));
        assert_eq!(logs, [(4, expected.to_owned())], "{configuration}");
    }
}

#[test]
fn streams_without_an_end_are_never_held() {
    let mut vm = start("{}");
    for (name, value) in [
        ("upgrade", "websocket"),
        ("content-type", "application/grpc"),
        ("content-type", "Application/GRPC+proto"),
        ("content-type", "application/grpcx"),
    ] {
        let mut request = event();
        request.headers.retain(|(field, _)| field != name);
        request.headers.push((name.to_owned(), value.as_bytes().to_vec()));
        let outcome = vm.request(&request, WHOLE, Envoy::KnobMissing);
        assert!(!outcome.hung && !outcome.headers_left_first, "{name}: {value}");
        assert_eq!(
            outcome.verdict_state.as_deref(),
            Some("uninspected;endpoint=convert"),
            "{name}: {value}"
        );
    }
}

#[test]
fn forged_fields_are_removed_on_every_request() {
    let mut vm = start("{}");
    for path in ["/v1/track/key", "/elsewhere"] {
        let mut request = event();
        request.path = path.to_owned();
        for name in [
            "x-track-verdict",
            "x-track-drop-reason",
            "x-track-",
            "x_track_verdict",
            "x-track_other",
        ] {
            request.headers.push((name.to_owned(), b"forged".to_vec()));
        }
        let upstream = vm.request(&request, WHOLE, Envoy::Hold).observed.upstream.unwrap();
        let forged = upstream.headers.iter().filter(|(_, value)| value == b"forged").count();
        assert_eq!(forged, 0, "{path}: {:?}", upstream.headers);
    }
}

#[test]
fn refusals_are_logged_so_many_a_minute() {
    let mut vm = start(r#"{"log_sample_per_minute":2}"#);
    let mut bot = event();
    bot.headers[0].1 = b"curl/8".to_vec();
    for _ in 0..5 {
        vm.request(&bot, WHOLE, Envoy::Hold);
    }
    vm.host().now_ns += 60_000_000_000;
    vm.request(&bot, WHOLE, Envoy::Hold);
    let lines: Vec<serde_json::Value> =
        vm.host().logs.iter().map(|(_, line)| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines[0]["trackgate"], "configured");
    let refusals: Vec<_> = lines[1..]
        .iter()
        .map(|line| (line["reason"].as_str(), line["left_out"].as_u64()))
        .collect();
    assert_eq!(refusals, [(Some("bot"), Some(0)), (Some("bot"), Some(0)), (Some("bot"), Some(3))]);
}

/// Two of three domains are dropped by the collector because the gate tells it to; the client is
/// told how many.
#[test]
fn the_response_tells_how_many_domains_were_dropped() {
    let sites = r#"{"a.example":{"page_blocklist":["/x"]},"b.example":{"page_blocklist":["/**"]}}"#;
    let mut vm = start(&format!(
        r#"{{"endpoints":[{{"name":"plausible","vendor":"plausible","sites":{sites}}}]}}"#
    ));
    let request = |domains: &str| Request {
        path: "/api/event".to_owned(),
        body: Some(
            format!(r#"{{"n":"pageview","u":"https://a.example/x","d":"{domains}"}}"#).into_bytes(),
        ),
        ..event()
    };
    let told = |outcome: &Outcome| {
        let values = corpus::values(&outcome.response_headers, "x-plausible-dropped");
        values.iter().map(|value| String::from_utf8_lossy(value).into_owned()).collect::<Vec<_>>()
    };
    let outcome = vm.request(&request("a.example,c.example,b.example"), WHOLE, Envoy::Hold);
    let reasons =
        "site_page_blocklist;domain=\"a.example\", site_page_blocklist;domain=\"b.example\"";
    assert_eq!(outcome.reasons_state.as_deref(), Some(reasons));
    assert_eq!(told(&outcome), ["2"]);
    assert_eq!(told(&vm.request(&request("c.example"), WHOLE, Envoy::Hold)), [""; 0]);
}

/// By a call of the root's, and the stream goes on as itself.
#[test]
fn a_refused_request_is_sent_aside() {
    let mut vm = start(r#"{"quarantine":{"cluster":"aside","max_in_flight":2}}"#);
    let mut bot = event();
    bot.headers[0].1 = b"curl/8".to_vec();
    for envoy in [Envoy::Hold, Envoy::Hold, Envoy::Hold] {
        let outcome = vm.request(&bot, WHOLE, envoy);
        assert!(outcome.observed.upstream.is_none());
    }
    let asides = std::mem::take(&mut vm.host().asides);
    assert_eq!(asides.len(), 2, "as many as may be on their way");
    assert_eq!(Some(&asides[0].body), bot.body.as_ref());
    assert_eq!(asides[0].cluster, "aside");
    assert_eq!(corpus::values(&asides[0].headers, "x-track-verdict"), [b"drop;endpoint=convert"]);
    vm.answer(Some(200));
    vm.answer(None);
    vm.answer(Some(200));
    let count = |outcome| vm.metric(&["trackgate_quarantine_total", outcome]);
    let counts = ["stored", "lost_unavailable", "lost_in_flight", "lost_refused"].map(count);
    assert_eq!(counts, [1, 1, 1, 0], "an answer to nothing is not counted");
    vm.host().fail("proxy_http_call", 0, 10);
    vm.request(&bot, WHOLE, Envoy::Hold);
    assert_eq!(vm.metric(&["trackgate_quarantine_total", "lost_unavailable"]), 2);
}
