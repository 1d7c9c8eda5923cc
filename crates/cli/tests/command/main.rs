//! The command as it is run.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod bounds;
mod canary;
mod check;
mod cli;
mod hostile;
mod quarantine;

use std::path::{Path, PathBuf};

/// A file of the project, by its path in it.
fn project(file: &str) -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).join(file)
}

fn read(file: &str) -> String {
    std::fs::read_to_string(project(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}
