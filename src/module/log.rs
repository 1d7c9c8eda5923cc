//! Takes what the filter logs to Envoy's log.

use super::{abi, host};
use log::{Level, LevelFilter, Log, Metadata, Record};

struct Logger;

/// Envoy decides which levels are written.
impl Log for Logger {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        let level = match record.level() {
            Level::Error => abi::Level::Error,
            Level::Warn => abi::Level::Warn,
            Level::Info => abi::Level::Info,
            Level::Debug | Level::Trace => return,
        };
        host::log(level, &record.args().to_string());
    }

    fn flush(&self) {}
}

/// Does nothing where a logger is installed already.
pub fn install() {
    if log::set_logger(&Logger).is_ok() {
        log::set_max_level(LevelFilter::Info);
    }
}
