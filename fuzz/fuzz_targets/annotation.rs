//! Whatever text an annotation carries is read back.
#![no_main]

use trackgate_testing::oracles;

libfuzzer_sys::fuzz_target!(|data: (Vec<(Option<String>, Option<String>)>, u32)| {
    oracles::annotation::check(&data.0, data.1)
});
