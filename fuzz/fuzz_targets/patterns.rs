//! Patterns, networks, queries and paths mean what other libraries say.
#![no_main]

use libfuzzer_sys::arbitrary::{self, Arbitrary};
use trackgate_testing::oracles;

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    pattern: &'a str,
    text: &'a str,
    networks: Vec<String>,
    probe: &'a [u8],
}

libfuzzer_sys::fuzz_target!(|input: Input<'_>| {
    oracles::patterns::pattern(input.pattern, input.text);
    oracles::patterns::networks(&input.networks, input.probe);
    oracles::patterns::target(input.probe, input.text.as_bytes(), input.pattern);
});
