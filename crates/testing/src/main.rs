//! The demos, and a collector to send things to: what `make demo`, `make run` and `make
//! canary-demo` start.
#![forbid(unsafe_code)]

use clap::{Parser, Subcommand, ValueEnum};
use std::net::SocketAddr;
use std::process::ExitCode;
use trackgate_cli::shown;
use trackgate_testing::collector::{Collector, Seen};
use trackgate_testing::{Result, canary_demo, demo, quarantine_demo, run};

/// Shows trackgate at work, with a real Envoy
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Play three roll-outs with real Envoys: one promoted, one rolled back, one held
    CanaryDemo,
    /// A wrong rule drops events; they are kept, the rule is mended, and they are sent again
    QuarantineDemo,
    /// Send real requests through a real Envoy and show what became of each
    Demo {
        /// A gateway that runs elsewhere, instead of one started here: host:port
        #[arg(long, requires_all = ["admin", "collector"])]
        gateway: Option<String>,
        /// Its Envoy's admin interface
        #[arg(long, requires = "gateway")]
        admin: Option<String>,
        /// The collector behind it, started by this command
        #[arg(long, requires = "gateway")]
        collector: Option<String>,
    },
    /// The same, then keep serving and show each verdict until Ctrl-C
    Run,
    /// A small collector: answers 202 to everything, and tells what reached it
    Collector {
        /// Where to listen
        #[arg(long, default_value = "127.0.0.1:10081")]
        listen: SocketAddr,
        /// Each request as text or JSON
        #[arg(long, value_enum, default_value = "text")]
        output: Output,
    },
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    Text,
    Json,
}

#[tokio::main]
async fn main() -> ExitCode {
    match play(Arguments::parse().command).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            eprintln!("trackgate-testing: {}", shown::lines(error));
            ExitCode::from(2)
        }
    }
}

/// True: all was as expected.
async fn play(command: Command) -> Result<bool> {
    match command {
        Command::CanaryDemo => canary_demo::run().await,
        Command::QuarantineDemo => quarantine_demo::run().await,
        Command::Demo { gateway: Some(gateway), admin, collector } => {
            let remote = demo::Remote {
                gateway,
                admin: admin.unwrap_or_default(),
                collector: collector.unwrap_or_default(),
            };
            demo::run_remote(&remote).await
        }
        Command::Demo { gateway: None, .. } => demo::run().await,
        Command::Run => run::run().await.map(|()| true),
        Command::Collector { listen, output } => collect(listen, output).await.map(|()| true),
    }
}

async fn collect(listen: SocketAddr, output: Output) -> Result<()> {
    let line = move |seen: &Seen| if output == Output::Json { seen.json() } else { seen.line() };
    let collector = Collector::start(listen, move |seen| println!("{}", line(seen))).await?;
    eprintln!("listening on {}", collector.address);
    collector.serve().await;
    Ok(())
}
