//! Envoy's callbacks, by the names and types of proxy-wasm's ABI 0.2.1. Those that do nothing here
//! are left out: the host does not call what is not there.
//!
//! `#[unsafe(no_mangle)]` is all that is unsafe: no other symbol may have such a name.
#![allow(unsafe_code)]

use super::{contexts, host, log};
use crate::filter::host::Action;

const CONTINUE: u32 = 0;
const PAUSE: u32 = 1;

#[unsafe(no_mangle)]
extern "C" fn _initialize() {
    std::panic::set_hook(Box::new(|panic| host::log(host::Level::Critical, &panic.to_string())));
    log::install();
}

#[unsafe(no_mangle)]
extern "C" fn proxy_abi_version_0_2_1() {}

#[unsafe(no_mangle)]
extern "C" fn malloc(size: usize) -> *mut u8 {
    host::malloc(size)
}

/// Without a parent it is the root of a configuration, otherwise a stream under such a root.
#[unsafe(no_mangle)]
extern "C" fn proxy_on_context_create(id: u32, parent: u32) {
    if parent == 0 {
        contexts::add_root(id);
    } else {
        contexts::add_stream(id, parent);
    }
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_configure(id: u32, size: usize) -> u32 {
    u32::from(contexts::configure(id, size))
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_tick(id: u32) {
    contexts::tick(id);
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_request_headers(id: u32, _fields: usize, end_of_stream: u32) -> u32 {
    status(contexts::with_stream(id, |stream| stream.request_headers(end_of_stream != 0)))
}

/// `size` is that of all that Envoy holds of the body, not of the last piece.
#[unsafe(no_mangle)]
extern "C" fn proxy_on_request_body(id: u32, size: usize, end_of_stream: u32) -> u32 {
    status(contexts::with_stream(id, |stream| stream.request_body(size, end_of_stream != 0)))
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_request_trailers(id: u32, _fields: usize) -> u32 {
    status(contexts::with_stream(id, |stream| stream.request_trailers()))
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_response_headers(id: u32, _fields: usize, _end_of_stream: u32) -> u32 {
    let _ = contexts::with_stream(id, |stream| stream.response_headers());
    CONTINUE
}

/// A call to a cluster has been answered; it has no fields where it has failed.
#[unsafe(no_mangle)]
extern "C" fn proxy_on_http_call_response(
    id: u32,
    _call: u32,
    _fields: usize,
    _size: usize,
    _trailers: usize,
) {
    contexts::answered(id);
}

/// The stream is over; or the configuration is replaced, or Envoy ends.
#[unsafe(no_mangle)]
extern "C" fn proxy_on_delete(id: u32) {
    contexts::remove(id);
}

fn status(action: Option<Action>) -> u32 {
    match action {
        None | Some(Action::Continue) => CONTINUE,
        Some(Action::Hold | Action::Replied) => PAUSE,
    }
}
