//! Any configuration is refused in one line, or taken.
#![no_main]

use trackgate_testing::oracles;

libfuzzer_sys::fuzz_target!(|text: &[u8]| oracles::configuration::check(text));
