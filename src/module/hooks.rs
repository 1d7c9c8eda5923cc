//! Envoy's hooks, by the names of its ABI. Those that do nothing here have to be there as well.
//!
//! Ownership: a configuration is an `Arc<Module>` of which Envoy keeps one count, from `config_new`
//! to `config_destroy`; a stream is a `Box<StreamContext>` that Envoy keeps from `filter_new` to
//! `filter_destroy`. Envoy calls the hooks of one stream one after another, on one thread.
#![allow(unsafe_code)]

use super::abi::{ConfigPtr, EnvoyBuffer, EnvoyField, StreamPtr, VERSION};
use super::host::{self, Config, Native};
use super::{Module, StreamContext, Surroundings, guard, log};
use crate::filter::host::Action;
use crate::filter::stream::Stream;
use std::ffi::{c_char, c_void};
use std::mem::ManuallyDrop;
use std::ptr::null;
use std::sync::Arc;

/// Ours, of a configuration.
type ModulePtr = *const Module;
/// Ours, of a stream.
type ContextPtr = *const StreamContext;

const CONTINUE: u32 = 0;
/// Of headers and trailers.
const STOP: u32 = 1;
/// Of a body: what has come is held.
const STOP_AND_BUFFER: u32 = 1;
/// Of a body: what has come is thrown away.
const STOP_NO_BUFFER: u32 = 3;

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_on_program_init() -> *const c_char {
    guard::install();
    log::install();
    VERSION.as_ptr()
}

/// On the main thread. Null stops Envoy from loading the configuration, after one line that says
/// why.
///
/// # Safety
/// Called by Envoy alone, as all that follow; name and JSON are good during the call.
#[unsafe(no_mangle)]
unsafe extern "C" fn envoy_dynamic_module_on_http_filter_config_new(
    config: ConfigPtr,
    name: EnvoyBuffer,
    json: EnvoyBuffer,
) -> ModulePtr {
    let loaded = guard::caught(|| {
        // SAFETY: Envoy has lent them until the hook ends.
        let (name, json) = unsafe { (host::lent(name), host::lent(json)) };
        // SAFETY: `Module` is dropped by the hook that destroys the configuration.
        Module::load(unsafe { Config::new(config) }, name, json)
    });
    match loaded {
        Some(Ok(module)) => Arc::into_raw(Arc::new(module)),
        Some(Err(error)) => {
            ::log::error!("trackgate: {error}");
            null()
        }
        None => null(),
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn envoy_dynamic_module_on_http_filter_config_destroy(module: ModulePtr) {
    if !module.is_null() {
        // SAFETY: Envoy gives its count back, once.
        let module = unsafe { Arc::from_raw(module) };
        let _ = guard::caught(|| drop(module));
    }
}

/// On the main thread, for what a worker has put down.
#[unsafe(no_mangle)]
unsafe extern "C" fn envoy_dynamic_module_on_http_filter_config_scheduled(
    config: ConfigPtr,
    module: ModulePtr,
    _event: u64,
) {
    // SAFETY: Envoy keeps its count until the configuration is destroyed.
    if let Some(module) = unsafe { module.as_ref() } {
        let _ = guard::caught(|| module.send(config));
    }
}

/// On the main thread: a cluster has answered, or has not.
#[unsafe(no_mangle)]
unsafe extern "C" fn envoy_dynamic_module_on_http_filter_config_http_callout_done(
    _: ConfigPtr,
    module: ModulePtr,
    _id: u64,
    result: u32,
    fields: *const EnvoyField,
    field_count: usize,
    _body: *const EnvoyBuffer,
    _pieces: usize,
) {
    // SAFETY: Envoy keeps its count until the configuration is destroyed.
    if let Some(module) = unsafe { module.as_ref() } {
        // SAFETY: Envoy has lent the fields until the hook ends.
        let _ =
            guard::caught(|| module.answered(unsafe { host::status(result, fields, field_count) }));
    }
}

/// Null closes the stream, which no other way out of a panic is worse than.
#[unsafe(no_mangle)]
unsafe extern "C" fn envoy_dynamic_module_on_http_filter_new(
    module: ModulePtr,
    stream: StreamPtr,
) -> ContextPtr {
    guard::caught(|| {
        // SAFETY: Envoy keeps its count until the configuration is destroyed, after its streams.
        let module = ManuallyDrop::new(unsafe { Arc::from_raw(module) });
        // SAFETY: Envoy's pointer is good during the hook, at whose end the value is gone.
        let envoy = unsafe { Native::new(stream) };
        let context = StreamContext::new(Arc::clone(&module), &envoy);
        Box::into_raw(Box::new(context)).cast_const()
    })
    .unwrap_or(null())
}

/// Runs a hook for a request; one that panics lets it go.
fn run<'hook>(
    stream: StreamPtr,
    context: ContextPtr,
    act: impl FnOnce(&mut Stream, &mut Surroundings<'_, 'hook>) -> Action,
) -> Action {
    // SAFETY: Envoy keeps the stream until it has it destroyed, and runs its hooks on one thread.
    let Some(context) = (unsafe { context.as_ref() }) else { return Action::Continue };
    // SAFETY: Envoy's pointer is good during the hook, at whose end the value is gone.
    let envoy = || unsafe { Native::<'hook>::new(stream) };
    guard::caught(|| context.run(envoy(), act))
        .or_else(|| guard::caught(|| context.panicked(envoy())))
        .unwrap_or(Action::Continue)
}

#[unsafe(no_mangle)]
unsafe extern "C" fn envoy_dynamic_module_on_http_filter_request_headers(
    stream: StreamPtr,
    context: ContextPtr,
    end_of_stream: bool,
) -> u32 {
    match run(stream, context, |stream, cx| stream.headers(cx, end_of_stream)) {
        Action::Continue => CONTINUE,
        Action::Hold | Action::Replied => STOP,
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn envoy_dynamic_module_on_http_filter_request_body(
    stream: StreamPtr,
    context: ContextPtr,
    end_of_stream: bool,
) -> u32 {
    let action = run(stream, context, |stream, cx| {
        if stream.has_passed() {
            return Action::Continue;
        }
        let size = cx.host.body_size();
        stream.body(cx, size, end_of_stream)
    });
    match action {
        Action::Continue => CONTINUE,
        Action::Hold => STOP_AND_BUFFER,
        Action::Replied => STOP_NO_BUFFER,
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn envoy_dynamic_module_on_http_filter_request_trailers(
    stream: StreamPtr,
    context: ContextPtr,
) -> u32 {
    match run(stream, context, |stream, cx| stream.trailers(cx)) {
        Action::Continue => CONTINUE,
        Action::Hold | Action::Replied => STOP,
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn envoy_dynamic_module_on_http_filter_response_headers(
    stream: StreamPtr,
    context: ContextPtr,
    _end_of_stream: bool,
) -> u32 {
    let _ = run(stream, context, |stream, cx| {
        stream.response_headers(cx);
        Action::Continue
    });
    CONTINUE
}

/// The stream is over; the last hook that may count.
#[unsafe(no_mangle)]
unsafe extern "C" fn envoy_dynamic_module_on_http_filter_stream_complete(
    stream: StreamPtr,
    context: ContextPtr,
) {
    let _ = run(stream, context, |stream, cx| {
        stream.over(cx);
        Action::Continue
    });
}

#[unsafe(no_mangle)]
unsafe extern "C" fn envoy_dynamic_module_on_http_filter_destroy(context: ContextPtr) {
    if !context.is_null() {
        // SAFETY: Envoy gives back what `filter_new` has handed to it, once.
        let context = unsafe { Box::from_raw(context.cast_mut()) };
        let _ = guard::caught(|| drop(context));
    }
}

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_on_http_filter_response_body(
    _: StreamPtr,
    _: ContextPtr,
    _end_of_stream: bool,
) -> u32 {
    CONTINUE
}

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_on_http_filter_response_trailers(
    _: StreamPtr,
    _: ContextPtr,
) -> u32 {
    CONTINUE
}

/// Hooks for what this module never asks for: they have to be there, and are not called.
macro_rules! unused {
    ($($name:ident($($argument:ty),*);)*) => {
        $(
            #[unsafe(no_mangle)]
            extern "C" fn $name(_: StreamPtr, _: ContextPtr $(, _: $argument)*) {}
        )*
    };
}

unused! {
    envoy_dynamic_module_on_http_filter_http_callout_done(u64, u32, *const c_void, usize, *const c_void, usize);
    envoy_dynamic_module_on_http_filter_http_stream_headers(u64, *const c_void, usize, bool);
    envoy_dynamic_module_on_http_filter_http_stream_data(u64, *const c_void, usize, bool);
    envoy_dynamic_module_on_http_filter_http_stream_trailers(u64, *const c_void, usize);
    envoy_dynamic_module_on_http_filter_http_stream_complete(u64);
    envoy_dynamic_module_on_http_filter_http_stream_reset(u64, u32);
    envoy_dynamic_module_on_http_filter_scheduled(u64);
    envoy_dynamic_module_on_http_filter_downstream_above_write_buffer_high_watermark();
    envoy_dynamic_module_on_http_filter_downstream_below_write_buffer_low_watermark();
}
