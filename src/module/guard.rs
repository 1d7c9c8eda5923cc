//! What a panic costs: the request during whose hook it happens goes on uninspected, is counted,
//! and is one line in Envoy's log. Without this it would cost Envoy, with all requests in flight.
//!
//! Not caught are what ends a process whatever catches: memory that is used up, a stack that
//! overflows, undefined behaviour.

use super::abi::Level;
use super::host;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

/// Takes what a panic says to Envoy's log.
pub fn install() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        std::panic::set_hook(Box::new(|panic| {
            host::log(Level::Critical, &format!("trackgate: {panic}").replace('\n', " "));
        }));
    });
}

/// Runs a hook's work; `None` where it panicked. What it left half done is not looked at again but
/// by [`crate::filter::stream::Stream::panicked`], which relies on nothing of it.
pub fn caught<T>(work: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(work)).ok()
}
