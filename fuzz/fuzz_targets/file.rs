//! Any file is searched for configurations within bounds.
#![no_main]

use trackgate_testing::oracles;

libfuzzer_sys::fuzz_target!(|text: &str| oracles::file::check(text));
