//! The demo, and then an Envoy to try things on, with each verdict as it happens.

use super::Result;
use super::demo;
use super::envoy::Envoy;
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::time::Duration;
use trackgate_cli::shown::shown;
use trackgate_cli::terminal::{Colour, paint};

/// Plays the demo, then serves until Ctrl-C.
///
/// # Errors
/// Envoy or the collector does not come up.
pub async fn run() -> Result<()> {
    let (collector, envoy) = demo::start(|_| {}).await?;
    demo::play(&collector, &envoy).await?;
    println!("\nServing until Ctrl-C. Try:");
    for line in suggestions(envoy.listener) {
        println!("  {line}");
    }
    println!();
    tokio::select! {
        ended = follow(&envoy) => ended,
        interrupted = tokio::signal::ctrl_c() => Ok(interrupted?),
    }
}

fn suggestions(address: SocketAddr) -> [String; 3] {
    let event = r#"-H 'content-type: application/json' -d '{"accountId":"1","projectId":"2","visitors":[]}'"#;
    [
        format!("curl -i http://{address}/v1/track/mykey {event}"),
        format!("curl -i http://{address}/v1/track/mykey -A 'ConvertAgent/1.0' {event}"),
        format!("curl -i http://{address}/v1/track/mykey -A 'ConvertAgent/1.0' -d '{{'"),
    ]
}

/// Prints the access log's lines that come from now on.
async fn follow(envoy: &Envoy) -> Result<()> {
    let mut log = BufReader::new(std::fs::File::open(envoy.access_log())?);
    let mut line = String::new();
    while log.read_line(&mut line)? > 0 {
        line.clear();
    }
    loop {
        // A line is printed once it is whole.
        if log.read_line(&mut line)? > 0 && line.ends_with('\n') {
            if let Some(shown) = told(&line) {
                println!("{shown}");
            }
            line.clear();
        } else {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

/// A line of the access log, for a person; `None` where it is not of the shipped format.
fn told(line: &str) -> Option<String> {
    let entry = serde_json::from_str::<Value>(line).ok()?;
    let text =
        |name: &str| shown(entry.get(name).and_then(Value::as_str).unwrap_or_default()).to_string();
    let status = entry.get("status").and_then(Value::as_u64).unwrap_or_default();
    let verdict = text("verdict");
    let colour = match verdict.split(';').next().unwrap_or_default() {
        "drop" | "reject" => Colour::Red,
        "annotate" | "uninspected" => Colour::Yellow,
        "pass" => Colour::Green,
        _ => Colour::Grey,
    };
    let verdict = if verdict.is_empty() { "untouched" } else { &verdict };
    Some(format!(
        "{} {} {} {} {}",
        text("method"),
        text("path"),
        status,
        paint(verdict, colour),
        text("reasons")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_log_obeys_nobody() {
        let line = r#"{"method":"PO\u001bST","path":"/\u001b[2J\n","status":200,"verdict":"pass;\u202e","reasons":"\u009b"}"#;
        assert_eq!(told(line).unwrap(), "PO\\u{1b}ST /\\u{1b}[2J\\n 200 pass;\\u{202e} \\u{9b}");
    }
}
