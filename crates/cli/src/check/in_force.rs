//! What a configuration has the gate do: a line an endpoint.

use trackgate::config::Config;
use trackgate::gate::{Gate, Mode};
use trackgate::rules::endpoint::PathPattern;

/// `convert (convert): every host; /v1/track/{}; enforce 100 %; 1048576 bytes`
pub fn of(config: &Config, gate: &Gate) -> Vec<String> {
    let specs = config.endpoints.iter();
    gate.endpoints
        .iter()
        .zip(specs)
        .map(|(endpoint, spec)| {
            let hosts: Vec<String> = endpoint.hosts.iter().map(ToString::to_string).collect();
            let hosts = if hosts.is_empty() { "every host".to_owned() } else { hosts.join(", ") };
            let paths: Vec<String> = endpoint.paths.iter().map(shown).collect();
            let share = spec.enforce_percent.or(config.written.enforce_percent).unwrap_or_default();
            let mode = match endpoint.mode {
                Mode::Enforce => format!("enforce {share} %"),
                Mode::Shadow => "shadow".to_owned(),
            };
            let mut line = format!(
                "{} ({}): {hosts}; {}; {mode}; {} bytes",
                endpoint.name,
                endpoint.vendor.id(),
                paths.join(", "),
                endpoint.limits.request_bytes,
            );
            if let Some((what, count)) = endpoint.checks.size() {
                line.push_str(&format!("; {count} {what}"));
            }
            line
        })
        .collect()
}

/// `/v1/track/{}`: `{}` is any one segment.
fn shown(path: &PathPattern) -> String {
    path.segments().map(|segment| format!("/{}", segment.unwrap_or("{}"))).collect()
}
