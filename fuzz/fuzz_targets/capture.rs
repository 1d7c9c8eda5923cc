//! Any captured traffic is read to its end, and tap traces as another library reads them.
#![no_main]

#[path = "../../tests/oracles/mod.rs"]
mod oracles;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    oracles::capture::check(data);
    oracles::capture::trace(data);
});
