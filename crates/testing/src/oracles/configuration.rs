//! A configuration of any bytes is refused in one line, or taken; one that is taken judges any
//! request.

use super::request::{PATHS, can_be_sent};
use trackgate::gate::Gate;
use trackgate_cli::{capture::Captured, judge::judge};

/// # Panics
/// It is neither, or what the gate says under it cannot be sent.
pub fn check(text: &[u8]) {
    let gate = match Gate::load(text) {
        Ok(gate) => gate,
        Err(error) => {
            assert!(!error.problems.is_empty());
            return assert!(!error.to_string().contains('\n'), "one line: {error}");
        }
    };
    assert!(
        text.trim_ascii().is_empty() || serde_json::from_slice::<serde_json::Value>(text).is_ok(),
        "what is no JSON was taken"
    );
    for (path, body) in PATHS.iter().flat_map(|path| {
        [(path, ""), (path, "{}"), (path, r#"{"n":"a","u":"https://a/b","d":"a"}"#)]
    }) {
        let mut captured = Captured::new("x".to_owned(), "POST", path, "h.example");
        captured.push("content-type", "application/json");
        captured.body = body.as_bytes().to_vec();
        if let Some(decision) = judge(&gate, &captured) {
            can_be_sent(&decision);
        }
    }
}
