//! The `trackgate` command.

use clap::{Parser, Subcommand, ValueEnum};
use std::net::SocketAddr;
use std::process::ExitCode;
use trackgate::cli::{self, collector::Collector};
use trackgate::vendors::Vendor;

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
    /// How each vendor's reasons are treated unless the configuration says otherwise
    Dispositions {
        /// One vendor alone
        #[arg(long, value_parser = vendor)]
        vendor: Option<Vendor>,
        #[arg(long, value_enum, default_value = "text")]
        output: Output,
    },
    /// The class of each User-Agent of a file: `class<TAB>rule<TAB>User-Agent` a line
    ClassifyUa {
        /// One User-Agent a line; `-` is standard input
        file: String,
        #[arg(long, value_enum, default_value = "text")]
        output: Output,
    },
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

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    Text,
    Json,
}

fn vendor(id: &str) -> Result<Vendor, String> {
    let known = || Vendor::ALL.map(Vendor::id).join(", ");
    Vendor::ALL.into_iter().find(|vendor| vendor.id() == id).ok_or_else(|| format!("expected one of {}", known()))
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
        Command::Dispositions { vendor, output } => {
            let vendors = vendor.map_or(Vendor::ALL.to_vec(), |vendor| vec![vendor]);
            match output {
                Output::Text => print!("{}", cli::dispositions::markdown(&vendors)),
                Output::Json => println!("{}", cli::dispositions::json(&vendors)),
            }
            Ok(true)
        }
        Command::ClassifyUa { file, output } => {
            let mut out = std::io::BufWriter::new(std::io::stdout().lock());
            cli::classify_ua::run(&file, output == Output::Json, &mut out).map_err(|error| format!("{file}: {error}"))?;
            Ok(true)
        }
        Command::Collector { listen, json } => {
            let collector =
                Collector::start(listen, move |seen| println!("{}", if json { seen.json() } else { seen.line() })).await?;
            println!("listening on {}", collector.address);
            collector.serve().await;
            Ok(true)
        }
    }
}
