//! Any configuration is taken or refused, in one line.
#![no_main]

use libfuzzer_sys::fuzz_target;
use trackgate::gate::Gate;

fuzz_target!(|text: &[u8]| {
    if let Err(error) = Gate::load(text) {
        assert!(!error.problems.is_empty() && !error.to_string().contains('\n'));
    }
});
