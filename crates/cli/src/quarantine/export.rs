//! What is kept, as `replay` reads it.

use super::store::{Chosen, Store};
use crate::Result;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use std::io::Write;

const PAGE: usize = 256;

/// JSON Lines; header values that are no UTF-8 are written with replacement characters.
///
/// # Errors
/// The database cannot be read, or nothing more be written.
pub fn export(store: &Store, chosen: &Chosen, out: &mut impl Write) -> Result<()> {
    let mut last = 0;
    loop {
        let page = store.after(last, chosen, PAGE)?;
        let Some(end) = page.last() else { return Ok(()) };
        last = end.id;
        for kept in page {
            let one = &kept.refused;
            let headers: Vec<_> = one
                .headers
                .iter()
                .map(|(name, value)| (name, String::from_utf8_lossy(value)))
                .collect();
            let line = json!({
                "id": kept.id.to_string(),
                "method": one.method,
                "path": one.path,
                "authority": one.authority,
                "headers": headers,
                "body_b64": STANDARD.encode(&one.body),
                "address": one.captured(String::new()).address,
                "time_ms": one.time_ms,
                "endpoint": one.endpoint,
                "reasons": one.reasons,
            });
            writeln!(out, "{line}")?;
        }
    }
}
