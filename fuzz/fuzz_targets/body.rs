//! Bodies that look like each vendor's events: their spelling does not matter.
#![no_main]

use trackgate_testing::oracles;

libfuzzer_sys::fuzz_target!(|data: &[u8]| oracles::body::check(data));
