//! The `trackgate` command.

use clap::{Parser, Subcommand};
use std::net::SocketAddr;
use std::process::ExitCode;
use trackgate::cli::{self, collector::Collector};

/// A gate for event-tracking traffic.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Send real requests through a real Envoy and show what became of each
    Demo,
    /// The same, then keep serving and show each verdict until Ctrl-C
    Run,
    /// A small collector: answers 202 to everything, and tells what reached it
    Collector {
        /// Where to listen
        #[arg(long, default_value = "127.0.0.1:10081")]
        listen: SocketAddr,
        /// Print each request as JSON
        #[arg(long)]
        json: bool,
    },
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Arguments::parse().command).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("trackgate: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(command: Command) -> cli::Result<bool> {
    match command {
        Command::Demo => cli::demo::run().await,
        Command::Run => cli::run::run().await.map(|()| true),
        Command::Collector { listen, json } => {
            let collector =
                Collector::start(listen, move |seen| println!("{}", if json { seen.json() } else { seen.line() })).await?;
            println!("listening on {}", collector.address);
            collector.serve().await;
            Ok(true)
        }
    }
}
