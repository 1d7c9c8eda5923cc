//! Any captured traffic is read to its end, and tap traces as another library reads them.
#![no_main]

use trackgate_testing::oracles;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    oracles::capture::check(data);
    oracles::capture::trace(data);
});
