//! Files that are read as a whole: configurations, and one request.

use super::Result;
use super::shown::{file, line};
use std::io::Read;
use std::path::Path;

/// No configuration is larger: one of 300,000 rules takes a third of it.
pub const MAX_BYTES: u64 = 32 << 20;

/// Reads a file, or standard input for `-`.
///
/// # Errors
/// It cannot be read, or is larger than [`MAX_BYTES`].
pub fn read(path: &Path) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = if path.as_os_str() == "-" {
        std::io::stdin().lock().take(MAX_BYTES + 1).read_to_end(&mut bytes)
    } else {
        std::fs::File::open(path).and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut bytes))
    };
    read.map_err(|error| format!("{}: {}", file(path), line(error)))?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(format!(
            "{}: expected at most {} MiB, found more",
            file(path),
            MAX_BYTES >> 20
        )
        .into());
    }
    Ok(bytes)
}
