//! HTTP Archive (HAR 1.2), as browsers' developer tools write it.

use super::{Captured, Record};
use serde_json::Value;

pub fn read(har: &Value, name: &str, each: &mut dyn FnMut(Record)) {
    let Some(entries) = har.pointer("/log/entries").and_then(Value::as_array) else {
        each(Err(format!("{name}: log.entries: expected a list, found none")));
        return;
    };
    for (index, one) in entries.iter().enumerate() {
        each(entry(one, &format!("{name}:{}", index + 1)));
    }
}

/// One entry.
///
/// # Errors
/// What is missing.
pub fn entry(entry: &Value, place: &str) -> Record {
    let request = &entry["request"];
    let text = |name: &str| request[name].as_str().ok_or_else(|| format!("{place}: request.{name}: expected a text, found none"));
    let (method, url) = (text("method")?, text("url")?);
    let (authority, path) = split(url).ok_or_else(|| format!("{place}: request.url: expected an absolute URL, found {url:?}"))?;
    let mut captured = Captured::new(place.to_owned(), method, path, authority);
    for field in request["headers"].as_array().into_iter().flatten() {
        let (Some(name), Some(value)) = (field["name"].as_str(), field["value"].as_str()) else { continue };
        // HTTP/2's pseudo-header fields are told already.
        if !name.starts_with(':') {
            captured.push(name, value);
        }
    }
    let data = &request["postData"];
    captured.body = data["text"].as_str().unwrap_or_default().as_bytes().to_vec();
    captured.address = entry["connection_address"].as_str().map(str::to_owned);
    Ok(captured)
}

/// Authority and target.
pub fn split(url: &str) -> Option<(&str, &str)> {
    let (_, rest) = url.split_once("://")?;
    let at = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(at);
    Some((authority, if path.is_empty() { "/" } else { path }))
}
