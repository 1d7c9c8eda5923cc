//! Envoy's ABI of dynamic modules, as much of it as is used: names, types and numbers of its
//! `source/extensions/dynamic_modules/abi/abi.h`, which are the same in 1.38, 1.39 and 1.40.
//!
//! Envoy owns what an [`EnvoyBuffer`] points to: it is good until the hook ends, or until anything
//! is set. We own what a [`ModuleBuffer`] points to, which Envoy reads during the call alone.
#![allow(unsafe_code)]

use std::ffi::{c_char, c_void};
use std::marker::PhantomData;

/// The newest ABI that this was written for. One that differs from Envoy's is a warning in its log.
pub const VERSION: &core::ffi::CStr = c"v0.2.0";

/// Envoy's own object of one stream.
pub type StreamPtr = *mut c_void;
/// Envoy's own object of one configuration.
pub type ConfigPtr = *mut c_void;

/// Envoy's own object by which its main thread is called.
pub type SchedulerPtr = *mut c_void;

#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct EnvoyBuffer {
    pub data: *const u8,
    pub length: usize,
}

impl EnvoyBuffer {
    pub const EMPTY: EnvoyBuffer = EnvoyBuffer { data: std::ptr::null(), length: 0 };
}

#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct EnvoyField {
    pub name: EnvoyBuffer,
    pub value: EnvoyBuffer,
}

/// Bytes of ours for Envoy to read: null stands for no value.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct ModuleBuffer<'a> {
    pub data: *const u8,
    pub length: usize,
    bytes: PhantomData<&'a [u8]>,
}

impl ModuleBuffer<'_> {
    pub const NONE: ModuleBuffer<'static> =
        ModuleBuffer { data: std::ptr::null(), length: 0, bytes: PhantomData };
}

impl<'a> From<&'a [u8]> for ModuleBuffer<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        ModuleBuffer { data: bytes.as_ptr(), length: bytes.len(), bytes: PhantomData }
    }
}

impl<'a> From<&'a str> for ModuleBuffer<'a> {
    fn from(text: &'a str) -> Self {
        text.as_bytes().into()
    }
}

#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct ModuleField<'a> {
    pub name: ModuleBuffer<'a>,
    pub value: ModuleBuffer<'a>,
}

#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub enum Section {
    RequestHeaders = 0,
    RequestTrailers = 1,
    ResponseHeaders = 2,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C)]
pub enum Body {
    /// What the hook is called for.
    Received = 0,
    /// What earlier hooks held.
    Buffered = 1,
}

#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub enum Attribute {
    RequestProtocol = 10,
    SourceAddress = 24,
}

#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub enum Level {
    Info = 2,
    Warn = 3,
    Error = 4,
    Critical = 5,
}

/// What becomes of a call about a metric: anything but 0 is a failure.
pub type MetricsResult = u32;

unsafe extern "C" {
    pub fn envoy_dynamic_module_callback_log(level: Level, message: ModuleBuffer<'_>);

    pub fn envoy_dynamic_module_callback_http_filter_config_define_counter(
        config: ConfigPtr,
        name: ModuleBuffer<'_>,
        label_names: *const ModuleBuffer<'_>,
        label_count: usize,
        id: *mut usize,
    ) -> MetricsResult;

    pub fn envoy_dynamic_module_callback_http_filter_config_define_gauge(
        config: ConfigPtr,
        name: ModuleBuffer<'_>,
        label_names: *const ModuleBuffer<'_>,
        label_count: usize,
        id: *mut usize,
    ) -> MetricsResult;

    pub fn envoy_dynamic_module_callback_http_filter_config_define_histogram(
        config: ConfigPtr,
        name: ModuleBuffer<'_>,
        label_names: *const ModuleBuffer<'_>,
        label_count: usize,
        id: *mut usize,
    ) -> MetricsResult;

    pub fn envoy_dynamic_module_callback_http_filter_increment_counter(
        stream: StreamPtr,
        id: usize,
        label_values: *const ModuleBuffer<'_>,
        label_count: usize,
        value: u64,
    ) -> MetricsResult;

    pub fn envoy_dynamic_module_callback_http_filter_increment_gauge(
        stream: StreamPtr,
        id: usize,
        label_values: *const ModuleBuffer<'_>,
        label_count: usize,
        value: u64,
    ) -> MetricsResult;

    pub fn envoy_dynamic_module_callback_http_filter_decrement_gauge(
        stream: StreamPtr,
        id: usize,
        label_values: *const ModuleBuffer<'_>,
        label_count: usize,
        value: u64,
    ) -> MetricsResult;

    pub fn envoy_dynamic_module_callback_http_filter_record_histogram_value(
        stream: StreamPtr,
        id: usize,
        label_values: *const ModuleBuffer<'_>,
        label_count: usize,
        value: u64,
    ) -> MetricsResult;

    /// Null stands for none.
    pub fn envoy_dynamic_module_callback_http_filter_config_scheduler_new(
        config: ConfigPtr,
    ) -> SchedulerPtr;

    pub fn envoy_dynamic_module_callback_http_filter_config_scheduler_delete(
        scheduler: SchedulerPtr,
    );

    /// On any thread: the main thread will run the configuration's hook for it.
    pub fn envoy_dynamic_module_callback_http_filter_config_scheduler_commit(
        scheduler: SchedulerPtr,
        event: u64,
    );

    /// On the main thread.
    pub fn envoy_dynamic_module_callback_http_filter_config_http_callout(
        config: ConfigPtr,
        id: *mut u64,
        cluster: ModuleBuffer<'_>,
        fields: *const ModuleField<'_>,
        field_count: usize,
        body: ModuleBuffer<'_>,
        timeout_ms: u64,
    ) -> u32;

    pub fn envoy_dynamic_module_callback_http_get_headers_size(
        stream: StreamPtr,
        section: Section,
    ) -> usize;

    pub fn envoy_dynamic_module_callback_http_get_headers(
        stream: StreamPtr,
        section: Section,
        fields: *mut EnvoyField,
    ) -> bool;

    pub fn envoy_dynamic_module_callback_http_get_header(
        stream: StreamPtr,
        section: Section,
        name: ModuleBuffer<'_>,
        value: *mut EnvoyBuffer,
        index: usize,
        count: *mut usize,
    ) -> bool;

    pub fn envoy_dynamic_module_callback_http_add_header(
        stream: StreamPtr,
        section: Section,
        name: ModuleBuffer<'_>,
        value: ModuleBuffer<'_>,
    ) -> bool;

    /// Without a value it removes the field.
    pub fn envoy_dynamic_module_callback_http_set_header(
        stream: StreamPtr,
        section: Section,
        name: ModuleBuffer<'_>,
        value: ModuleBuffer<'_>,
    ) -> bool;

    pub fn envoy_dynamic_module_callback_http_send_response(
        stream: StreamPtr,
        status: u32,
        fields: *const ModuleField<'_>,
        field_count: usize,
        body: ModuleBuffer<'_>,
        details: ModuleBuffer<'_>,
    );

    pub fn envoy_dynamic_module_callback_http_send_response_headers(
        stream: StreamPtr,
        fields: *const ModuleField<'_>,
        field_count: usize,
        end_of_stream: bool,
    );

    pub fn envoy_dynamic_module_callback_http_send_response_data(
        stream: StreamPtr,
        body: ModuleBuffer<'_>,
        end_of_stream: bool,
    );

    pub fn envoy_dynamic_module_callback_http_get_body_size(stream: StreamPtr, body: Body)
    -> usize;

    pub fn envoy_dynamic_module_callback_http_get_body_chunks_size(
        stream: StreamPtr,
        body: Body,
    ) -> usize;

    pub fn envoy_dynamic_module_callback_http_get_body_chunks(
        stream: StreamPtr,
        body: Body,
        chunks: *mut EnvoyBuffer,
    ) -> bool;

    pub fn envoy_dynamic_module_callback_http_append_body(
        stream: StreamPtr,
        body: Body,
        bytes: ModuleBuffer<'_>,
    ) -> bool;

    pub fn envoy_dynamic_module_callback_http_drain_body(
        stream: StreamPtr,
        body: Body,
        size: usize,
    ) -> bool;

    /// What has been received is what another filter held: it is the buffered body as well.
    pub fn envoy_dynamic_module_callback_http_received_buffered_request_body(
        stream: StreamPtr,
    ) -> bool;

    pub fn envoy_dynamic_module_callback_http_set_filter_state_bytes(
        stream: StreamPtr,
        key: ModuleBuffer<'_>,
        value: ModuleBuffer<'_>,
    ) -> bool;

    pub fn envoy_dynamic_module_callback_http_filter_get_attribute_string(
        stream: StreamPtr,
        attribute: Attribute,
        value: *mut EnvoyBuffer,
    ) -> bool;

    pub fn envoy_dynamic_module_callback_http_filter_continue_decoding(stream: StreamPtr);

    /// 0: as much as comes.
    pub fn envoy_dynamic_module_callback_http_get_buffer_limit(stream: StreamPtr) -> u64;

    pub fn envoy_dynamic_module_callback_http_set_buffer_limit(stream: StreamPtr, limit: u64);
}

/// Metrics of a configuration can be counted from Envoy 1.39 on: a call that is linked and that 1.38
/// lacks would keep the module from being loaded, so that these are looked up.
pub type CountConfig = unsafe extern "C" fn(
    config: ConfigPtr,
    id: usize,
    label_values: *const ModuleBuffer<'_>,
    label_count: usize,
    value: u64,
) -> MetricsResult;

pub const INCREMENT_CONFIG_COUNTER: &core::ffi::CStr =
    c"envoy_dynamic_module_callback_http_filter_config_increment_counter";

pub const DECREMENT_CONFIG_GAUGE: &core::ffi::CStr =
    c"envoy_dynamic_module_callback_http_filter_config_decrement_gauge";

unsafe extern "C" {
    /// The C library's; null stands for all that is loaded.
    pub fn dlsym(handle: *mut c_void, symbol: *const c_char) -> *mut c_void;
}
