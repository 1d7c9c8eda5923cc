//! Any file is searched for configurations within bounds.
#![no_main]

#[path = "../../tests/oracles/mod.rs"]
mod oracles;

libfuzzer_sys::fuzz_target!(|text: &str| oracles::file::check(text));
