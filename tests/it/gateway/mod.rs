//! What is promised whatever runs the gate: `HOST=module` tries the native module in place of wasm.

mod access_log;
mod attacks;
mod buffers;
mod chains;
mod counters;
mod decompressor;
mod drops;
mod envoy;
mod overload;
mod quarantine;
mod restarts;
mod skip;
mod updates;
