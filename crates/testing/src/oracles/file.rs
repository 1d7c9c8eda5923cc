//! A file of any text holds configurations, or none, or is refused in one line; YAML is read as its
//! own library reads it.

use serde::Deserialize;
use trackgate::config;
use trackgate_cli::configuration::find_in;
use trackgate_cli::shown;

/// # Panics
/// It is none of these.
pub fn check(text: &str) {
    let (found, documents) = match find_in(text.to_owned()) {
        Ok(found) => found,
        Err(error) => return assert!(!error.is_empty() && !shown::line(error).contains('\n')),
    };
    for one in &found {
        if let Err(error) = config::load(one.text.as_bytes()) {
            assert!(!error.to_string().contains('\n'));
        }
    }
    if !documents.is_empty() {
        let theirs: Result<Vec<serde_json::Value>, _> = serde_yaml_ng::Deserializer::from_str(text)
            .map(serde_json::Value::deserialize)
            .collect();
        assert_eq!(documents, theirs.unwrap_or_else(|error| panic!("{text:?}: {error}")));
    }
}
