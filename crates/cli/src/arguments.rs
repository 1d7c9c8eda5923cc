//! Command lines that are longer than a few options.

use crate::canary::{Canary, Limits, Source};
use clap::{Args, ValueEnum};

#[derive(Debug, Args)]
pub struct CanaryArguments {
    /// A stable Envoy's admin address, such as gateway:9901; once for each of several. With
    /// --prometheus label matchers, such as 'pod=~"gateway-primary-.+"'
    #[arg(long, required = true)]
    stable: Vec<String>,
    /// The canary's
    #[arg(long, required = true)]
    canary: Vec<String>,
    /// Read the counters from this Prometheus, such as http://prometheus:9090
    #[arg(long, value_name = "URL")]
    prometheus: Option<String>,
    /// How long to watch: 30s, 5m, 1h
    #[arg(long = "for", value_name = "TIME", value_parser = crate::canary::duration, default_value = "5m")]
    watch: std::time::Duration,
    #[arg(long, default_value_t = 200)]
    min_requests: u64,
    /// A share must have changed by more than so many percentage points to matter
    #[arg(long, default_value_t = 0.5)]
    min_change: f64,
    /// The probability of reporting a difference that is not real
    #[arg(long, default_value_t = 0.01)]
    alpha: f64,
    #[arg(long, value_enum, default_value = "text")]
    output: Output,
}

impl From<CanaryArguments> for Canary {
    fn from(asked: CanaryArguments) -> Self {
        let source = |named: Vec<String>| match &asked.prometheus {
            Some(url) => Source::Prometheus { url: url.clone(), matchers: named },
            None => Source::Admin(named),
        };
        let CanaryArguments { min_requests, min_change, alpha, .. } = asked;
        Canary {
            stable: source(asked.stable),
            canary: source(asked.canary),
            watch: asked.watch,
            limits: Limits { min_requests, min_change, alpha },
            as_json: asked.output == Output::Json,
        }
    }
}

/// How something is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Output {
    Text,
    Json,
}
