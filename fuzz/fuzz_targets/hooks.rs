//! Any request in any pieces through the native module's hooks, behind an Envoy in memory that
//! overwrites and frees what it has lent as early as it may: what goes on goes on whole, and what is
//! counted is counted once.
#![no_main]

use std::sync::OnceLock;
use trackgate as _;
use trackgate_testing::oracles::request::{NAMES, PATHS};

#[path = "hooks/module.rs"]
mod module;

use module::envoy::{Envoy, Loaded, Request};

const CONFIGURATIONS: [&str; 4] = [
    "{}",
    r#"{"mode":"shadow"}"#,
    r#"{"buffer_limit_bytes":64}"#,
    r#"{"buffer_limit_bytes":64,"actions":{"request_too_large":"reject","content_encoding":"reject"}}"#,
];

struct Shared(Loaded);
// SAFETY: the fuzzer has one thread.
unsafe impl Send for Shared {}
// SAFETY: as above.
unsafe impl Sync for Shared {}

fn loaded(number: usize) -> &'static Loaded {
    static LOADED: [OnceLock<Shared>; 4] = [const { OnceLock::new() }; 4];
    let place = number % CONFIGURATIONS.len();
    let load = || {
        let loaded = Shared(Loaded::new("trackgate", CONFIGURATIONS[place]).unwrap());
        // The module's own hook tells Envoy's log of a panic; here somebody wants to read it.
        drop(std::panic::take_hook());
        loaded
    };
    &LOADED[place].get_or_init(load).0
}

/// A byte each for configuration, path, size of pieces and how it ends, then lines of a byte for the
/// name and a value, an empty line, and the body.
fn request(data: &[u8]) -> Option<(usize, Request)> {
    let ([configuration, path, piece, end], mut rest) = data.split_first_chunk()?;
    let path = PATHS[usize::from(*path) % PATHS.len()];
    let mut headers = vec![(b":method".to_vec(), b"POST".to_vec()), (b":path".to_vec(), path.into())];
    while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
        let (line, after) = rest.split_at(end);
        rest = &after[1..];
        let Some((name, value)) = line.split_first() else { break };
        headers.push((NAMES[usize::from(*name) % NAMES.len()].into(), value.to_vec()));
    }
    let request = Request {
        headers,
        pieces: rest.chunks(usize::from(*piece).max(1)).map(<[u8]>::to_vec).collect(),
        trailers: (end & 1 == 1).then(|| vec![(b"x-track-verdict".to_vec(), b"forged".to_vec())]),
        leaves_after: (end & 2 == 2).then_some(usize::from(end >> 2)),
        buffer_limit: 32_768,
    };
    Some((usize::from(*configuration), request))
}

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Some((configuration, request)) = request(data) else { return };
    let outcome = Envoy::run(loaded(configuration), &request);
    assert!(outcome.state.replies.len() <= 1);
    // A metric's number and its labels: endpoint, verdict, reason and mode are a request's.
    let counted = outcome.state.counted.iter().filter(|(key, _)| key.split(' ').count() == 5);
    assert!(counted.map(|(_, count)| count).sum::<u64>() <= 1, "{:?}", outcome.state.counted);
    if outcome.is_forwarded {
        assert_eq!(outcome.went, request.pieces.concat());
        let forged = outcome.state.sections[1].iter().any(|(name, _)| name == b"x-track-verdict");
        assert!(!forged);
    }
});
