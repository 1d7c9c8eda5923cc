//! The tests of the whole: the corpus on its runners, the module behind a strict host and in a real
//! Envoy. One binary, for linking takes longer than compiling.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod corpus;
mod fleet;
mod host;

mod captures;
mod collector;
mod controllers;
mod core;
mod cost;
mod explain;
mod gateway;
mod golden;
mod growth;
mod holding;
mod lists;
mod module;

mod neighbours;
mod operations;
mod properties;
mod scale;
mod wasm;
mod watchdog;
mod worst;

use tokio::sync::{Mutex, MutexGuard};

/// Tests that flood an Envoy and tests that time one to the half second take turns, for all run in
/// one process: on two cores the ones would be the others' delay.
async fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::const_new(());
    TURN.lock().await
}
