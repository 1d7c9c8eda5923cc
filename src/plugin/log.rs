//! Takes what the filter logs to Envoy's log.

use super::host;
use log::{Level, LevelFilter, Log, Metadata, Record};
use std::fmt::Write;

/// Most lines have no more.
const USUAL_BYTES: usize = 256;

struct Logger;

/// Envoy decides which levels are written.
impl Log for Logger {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        let level = match record.level() {
            Level::Error => host::Level::Error,
            Level::Warn => host::Level::Warn,
            Level::Info => host::Level::Info,
            Level::Debug | Level::Trace => return,
        };
        let mut line = String::with_capacity(USUAL_BYTES);
        let _ = write!(line, "{}", record.args());
        host::log(level, &line);
    }

    fn flush(&self) {}
}

/// Does nothing where a logger is installed already.
pub fn install() {
    if log::set_logger(&Logger).is_ok() {
        log::set_max_level(LevelFilter::Info);
    }
}
