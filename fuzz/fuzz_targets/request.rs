//! Any request, its head above all: what is said of it can be sent, shadow mode forwards it, its
//! pieces do not matter.
#![no_main]

use trackgate_cli::capture::Captured;
use trackgate_testing::oracles::request::{NAMES, PATHS, check};

/// A byte for the path, then lines of a byte for the name and a value, an empty line, and the body.
fn request(data: &[u8]) -> Option<Captured> {
    let (path, mut rest) = data.split_first()?;
    let mut captured =
        Captured::new("x".to_owned(), "POST", PATHS[usize::from(*path) % PATHS.len()], "h.example");
    while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
        let (line, after) = rest.split_at(end);
        rest = &after[1..];
        let Some((name, value)) = line.split_first() else { break };
        captured.push(NAMES[usize::from(*name) % NAMES.len()], value);
    }
    captured.body = rest.to_vec();
    Some(captured)
}

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    if let Some(captured) = request(data) {
        check(&captured, 7);
    }
});
