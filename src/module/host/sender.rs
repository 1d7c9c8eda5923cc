//! Requests to clusters that belong to the configuration. Envoy has them made on its main thread
//! alone: a worker puts a request down, and has the main thread called.

use super::super::abi::{self, EnvoyField, ModuleBuffer, ModuleField};
use super::{Config, lent};
use crate::filter::host::{Failed, Result};
use crate::filter::quarantine::{Message, TIMEOUT_MS};
use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

/// Of calls that are not told apart.
const EVENT: u64 = 0;
/// What becomes of a call: anything but 0 is a failure.
const DONE: u32 = 0;

/// Of a configuration that sends nothing there is no scheduler.
#[derive(Debug)]
pub struct Sender {
    scheduler: Option<abi::SchedulerPtr>,
    waiting: Mutex<VecDeque<Message>>,
}

// SAFETY: Envoy's scheduler may be used on any thread; it is deleted once, when ours is dropped.
unsafe impl Send for Sender {}
// SAFETY: as above.
unsafe impl Sync for Sender {}

impl Sender {
    pub fn new(config: &Config, is_used: bool) -> Self {
        // SAFETY: see the head of `host`.
        let scheduler = is_used.then(|| unsafe {
            abi::envoy_dynamic_module_callback_http_filter_config_scheduler_new(config.pointer)
        });
        let scheduler = scheduler.filter(|scheduler| !scheduler.is_null());
        Sender { scheduler, waiting: Mutex::default() }
    }

    /// On a worker.
    pub fn put(&self, message: Message) -> Result<()> {
        let scheduler = self.scheduler.ok_or(Failed)?;
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).push_back(message);
        // SAFETY: it is deleted when `self` is dropped.
        unsafe {
            abi::envoy_dynamic_module_callback_http_filter_config_scheduler_commit(
                scheduler, EVENT,
            );
        }
        Ok(())
    }

    /// On the main thread: the next that waits.
    pub fn next(&self) -> Option<Message> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        if let Some(scheduler) = self.scheduler {
            // SAFETY: it is ours, and nobody else's any more.
            unsafe {
                abi::envoy_dynamic_module_callback_http_filter_config_scheduler_delete(scheduler);
            }
        }
    }
}

impl Message {
    /// On the main thread. What becomes of it Envoy tells later, unless this fails.
    pub fn send(&self, config: abi::ConfigPtr) -> Result<()> {
        let fields: Vec<ModuleField<'_>> = self
            .fields
            .iter()
            .map(|(name, value)| ModuleField {
                name: name.as_slice().into(),
                value: value.as_slice().into(),
            })
            .collect();
        let body =
            if self.body.is_empty() { ModuleBuffer::NONE } else { self.body.as_slice().into() };
        let mut id = 0;
        // SAFETY: see the head of `host`; `id` outlives the call.
        let result = unsafe {
            abi::envoy_dynamic_module_callback_http_filter_config_http_callout(
                config,
                &raw mut id,
                self.cluster.as_str().into(),
                fields.as_ptr(),
                fields.len(),
                body,
                u64::from(TIMEOUT_MS),
            )
        };
        if result == DONE { Ok(()) } else { Err(Failed) }
    }
}

/// The status of an answer; `None` where there is none.
///
/// # Safety
/// The fields are what Envoy has lent to the hook that runs.
pub unsafe fn status(result: u32, fields: *const EnvoyField, count: usize) -> Option<u16> {
    if result != DONE || fields.is_null() {
        return None;
    }
    // SAFETY: Envoy says that so many are there.
    let fields = unsafe { std::slice::from_raw_parts(fields, count) };
    // SAFETY: they are good until the hook ends.
    let status = fields.iter().find(|field| unsafe { lent(field.name) } == b":status")?;
    // SAFETY: as above.
    std::str::from_utf8(unsafe { lent(status.value) }).ok()?.parse().ok()
}
