//! A request that is written in any of the forms that the command takes is read back.
#![no_main]

use trackgate_testing::oracles;

libfuzzer_sys::fuzz_target!(|data: (String, Vec<(String, String)>, String)| {
    oracles::capture::written_by_chance(&data.0, &data.1, &data.2)
});
