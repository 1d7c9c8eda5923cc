//! A text is JSON to our reader where it is to another.
#![no_main]

use trackgate_testing::oracles;

libfuzzer_sys::fuzz_target!(|text: &[u8]| oracles::json::check(text));
