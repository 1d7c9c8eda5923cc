//! The configuration in Envoy: what is defined and counted without a stream.

use super::super::abi::{self, ModuleBuffer};
use super::super::metrics::{Defined, Definitions, Requests};
use super::Native;
use crate::filter::host::{Kind, Meter};
use crate::filter::metrics::Outcome;
use std::ffi::CStr;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

/// The configuration, in Envoy.
#[derive(Debug)]
pub struct Config {
    pub(super) pointer: abi::ConfigPtr,
    /// Counts that could not be made, because Envoy 1.38 makes none without a stream.
    owed: Mutex<Vec<Defined>>,
    is_owing: AtomicBool,
}

// SAFETY: Envoy's configuration object outlives ours, which is dropped from within its destructor;
// of its calls only those that count are made from workers, and stats are counted atomically.
unsafe impl Send for Config {}
// SAFETY: as above; nothing of ours is behind the pointer.
unsafe impl Sync for Config {}

impl Config {
    /// # Safety
    /// The pointer is what Envoy has given to the hook that loads a configuration, and the value is
    /// gone when the hook ends that destroys it.
    pub unsafe fn new(config: abi::ConfigPtr) -> Self {
        Config { pointer: config, owed: Mutex::default(), is_owing: AtomicBool::new(false) }
    }

    /// Counts what could not be counted before, now that there is a stream.
    pub fn settle(&self, native: &Native<'_>) {
        if !self.is_owing.load(Ordering::Relaxed) || !self.is_owing.swap(false, Ordering::Relaxed) {
            return;
        }
        let owed = std::mem::take(&mut *self.owed.lock().unwrap_or_else(PoisonError::into_inner));
        owed.iter().for_each(|metric| native.increment(metric));
    }

    /// False where this Envoy has no such call.
    fn count(&self, call: &CStr, metric: &Defined) -> bool {
        // SAFETY: the name is a C string; null stands for all that is loaded, Envoy included.
        let found = unsafe { abi::dlsym(null_mut(), call.as_ptr()) };
        if found.is_null() {
            return false;
        }
        // SAFETY: functions of these names have this form, in every Envoy that has them.
        let count: abi::CountConfig = unsafe { std::mem::transmute(found) };
        let values = metric.values();
        // SAFETY: see the head of the file.
        let _ = unsafe { count(self.pointer, metric.id, values.as_ptr(), values.len(), 1) };
        true
    }

    /// Defines a metric with labels of these names.
    pub fn define(&self, kind: Kind, name: &str, labels: &[ModuleBuffer<'_>]) -> Option<usize> {
        let define = match kind {
            Kind::Counter => abi::envoy_dynamic_module_callback_http_filter_config_define_counter,
            Kind::Gauge => abi::envoy_dynamic_module_callback_http_filter_config_define_gauge,
            Kind::Histogram => {
                abi::envoy_dynamic_module_callback_http_filter_config_define_histogram
            }
        };
        let mut id = 0;
        // SAFETY: see the head of the file; `id` outlives the call.
        let result = unsafe {
            define(self.pointer, name.into(), labels.as_ptr(), labels.len(), &raw mut id)
        };
        (result == 0).then_some(id)
    }
}

/// Without a stream: when a configuration ends, or a cluster has answered.
impl Meter for Config {
    type Setup = Definitions;

    fn increment(&self, metric: &Defined) {
        if !self.count(abi::INCREMENT_CONFIG_COUNTER, metric) {
            self.owed.lock().unwrap_or_else(PoisonError::into_inner).push(metric.clone());
            self.is_owing.store(true, Ordering::Relaxed);
        }
    }

    fn decrement(&self, metric: &Defined) {
        let _ = self.count(abi::DECREMENT_CONFIG_GAUGE, metric);
    }

    fn record(&self, _: &Defined, _: u64) {}

    fn count_request(&self, _: &Requests, _: usize, _: Outcome) {}
}
