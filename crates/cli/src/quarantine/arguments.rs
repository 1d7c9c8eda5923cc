//! The command lines of `quarantine`, `report` and `resend`.

use super::store::{Bounds, Chosen, Store};
use super::{Serve, export, run};
use crate::Result;
use crate::report::{Form, Report};
use crate::resend::Resend;
use clap::{Args, Subcommand};
use hyper::Uri;
use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct QuarantineArguments {
    /// The address that the gate's cluster has
    #[arg(long, value_name = "ADDRESS", required = true)]
    listen: Option<SocketAddr>,
    /// Serve /metrics and /healthz here
    #[arg(long, value_name = "ADDRESS")]
    admin: Option<SocketAddr>,
    /// The SQLite database; it is made if it is not there
    #[arg(long, value_name = "FILE", required = true)]
    store: Option<PathBuf>,
    /// The most that is kept, in bytes of rows: 512MiB, 20GiB; the oldest go first
    #[arg(long, value_name = "SIZE", value_parser = size, default_value = "1GiB")]
    max_bytes: u64,
    /// How long it is kept: 12h, 30d
    #[arg(long, value_name = "TIME", value_parser = age, default_value = "30d")]
    max_age: std::time::Duration,
    /// The gate's `header_prefix`
    #[arg(long, default_value = "x-track-")]
    header_prefix: String,
    #[command(subcommand)]
    action: Option<Action>,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Write what is kept as JSON Lines, as `replay` reads them
    Export {
        /// The SQLite database
        #[arg(long, value_name = "FILE")]
        store: PathBuf,
        #[command(flatten)]
        chosen: ChosenArguments,
    },
}

#[derive(Debug, Args)]
struct ChosenArguments {
    /// Those alone that were refused for this reason
    #[arg(long)]
    reason: Option<String>,
    /// Those alone of this site
    #[arg(long)]
    site: Option<String>,
    /// Those alone that were refused in this time until now: 2h, 7d
    #[arg(long, value_name = "TIME", value_parser = age)]
    since: Option<std::time::Duration>,
}

impl ChosenArguments {
    fn chosen(&self, unsent: bool) -> Chosen {
        let since_ms = self.since.map(|since| {
            super::now_ms().saturating_sub(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
        });
        Chosen { reason: self.reason.clone(), site: self.site.clone(), since_ms, unsent }
    }
}

impl QuarantineArguments {
    /// Serves, or exports.
    ///
    /// # Errors
    /// The store or an address cannot be used.
    pub fn run(self) -> Result<bool> {
        match (self.action, self.listen, self.store) {
            (Some(Action::Export { store, chosen }), _, _) => {
                let mut out = std::io::BufWriter::new(std::io::stdout().lock());
                export(&Store::existing(&store)?, &chosen.chosen(false), &mut out)?;
                out.flush()?;
            }
            (None, Some(listen), Some(store)) => run(&Serve {
                listen,
                admin: self.admin,
                store,
                bounds: Bounds { max_bytes: self.max_bytes, max_age: self.max_age },
                header_prefix: self.header_prefix,
            })?,
            (None, _, _) => return Err("expected --listen and --store".into()),
        }
        Ok(true)
    }
}

#[derive(Debug, Args)]
pub struct ReportArguments {
    /// The SQLite database of `trackgate quarantine`
    #[arg(long, value_name = "FILE")]
    store: PathBuf,
    #[command(flatten)]
    chosen: ChosenArguments,
    #[arg(long, value_enum, default_value = "text")]
    output: Form,
}

impl ReportArguments {
    pub fn report(self) -> Report {
        Report { store: self.store, chosen: self.chosen.chosen(false), form: self.output }
    }
}

#[derive(Debug, Args)]
pub struct ResendArguments {
    /// The SQLite database of `trackgate quarantine`
    #[arg(long, value_name = "FILE")]
    store: PathBuf,
    /// The collector, such as http://collector:8000
    #[arg(long, value_name = "URL")]
    to: Uri,
    /// The configuration that judges again
    #[arg(long, value_name = "CONFIGURATION")]
    config: PathBuf,
    #[command(flatten)]
    chosen: ChosenArguments,
    /// Requests a second, at most
    #[arg(long, default_value_t = 100.0, value_parser = rate)]
    rate: f64,
    /// Send; without it, only count what would be sent
    #[arg(long)]
    send: bool,
    /// Send those again too that may have arrived when a resend was broken off
    #[arg(long, requires = "send")]
    unsure_too: bool,
    /// Put a field in, such as the key that was left out: 'authorization: Token …'
    #[arg(long, value_name = "FIELD", value_parser = field)]
    header: Vec<(String, String)>,
    /// Put the time of the refusal into this field, in milliseconds since 1970
    #[arg(long, value_name = "NAME")]
    time_field: Option<String>,
    /// Put the client's address into this field
    #[arg(long, value_name = "NAME")]
    client_field: Option<String>,
    /// Print the counts as JSON
    #[arg(long)]
    json: bool,
}

impl ResendArguments {
    /// # Errors
    /// The address is none of a collector.
    pub fn resend(self) -> Result<Resend> {
        if self.to.scheme_str() != Some("http") || self.to.host().is_none() {
            let found = crate::shown::line(&self.to);
            return Err(format!("--to: expected http://HOST:PORT, found {found}").into());
        }
        Ok(Resend {
            chosen: self.chosen.chosen(true),
            store: self.store,
            to: self.to,
            configuration: self.config,
            rate: self.rate,
            send: self.send,
            unsure_too: self.unsure_too,
            fields: self.header,
            time_field: self.time_field,
            client_field: self.client_field,
            json: self.json,
        })
    }
}

fn size(text: &str) -> std::result::Result<u64, String> {
    let units = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("", 1)];
    let found = units.iter().find_map(|(unit, bytes)| {
        let number: u64 = text.strip_suffix(unit)?.trim().parse().ok()?;
        number.checked_mul(*bytes)
    });
    found.filter(|bytes| *bytes > 0).ok_or_else(|| "expected a size such as 512MiB or 20GiB".into())
}

fn age(text: &str) -> std::result::Result<std::time::Duration, String> {
    let units = [("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)];
    let found = units.iter().find_map(|(unit, seconds)| {
        let number: u64 = text.strip_suffix(unit)?.parse().ok()?;
        number.checked_mul(*seconds)
    });
    found
        .map(std::time::Duration::from_secs)
        .ok_or_else(|| "expected a time such as 12h or 30d".into())
}

fn rate(text: &str) -> std::result::Result<f64, String> {
    text.parse()
        .ok()
        .filter(|rate| (0.001..=1e6).contains(rate))
        .ok_or_else(|| "expected a number of requests a second, from 0.001 to 1000000".into())
}

fn field(text: &str) -> std::result::Result<(String, String), String> {
    let (name, value) = text.split_once(':').ok_or("expected 'name: value'")?;
    Ok((name.trim().to_ascii_lowercase(), value.trim().to_owned()))
}
