//! The `trackgate` command.
#![forbid(unsafe_code)]

use clap::{CommandFactory, Parser, Subcommand};
use std::path::PathBuf;
use std::process::ExitCode;
use trackgate::vendors::Vendor;
use trackgate_cli::arguments::{CanaryArguments, Output};
use trackgate_cli::canary::CANNOT_TELL;
use trackgate_cli::{self as cli, replay::Replay, shown};

/// A gate for event-tracking traffic: a proxy-wasm filter for Envoy. This command is the same gate,
/// natively, for those who write its configuration and who must decide whether enforcing it is
/// safe.
///
/// Exit codes: 0, all is well; 1, there are findings; 2, the command or a file cannot be used.
#[derive(Parser)]
#[command(name = "trackgate", version, max_term_width = 110)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Find everything that is wrong, or suspicious, about a configuration
    ///
    /// Reads the filter's own JSON, an Envoy bootstrap, an Istio WasmPlugin or EnvoyFilter, or an
    /// Envoy Gateway EnvoyExtensionPolicy, as JSON or YAML, and takes the filter's configuration
    /// from it. It prints all problems at once, each with its path, what was expected and what was
    /// found; of each good configuration what is in force, a line an endpoint, and the hash that
    /// trackgate_config_info has. Errors are for what cannot work. Warnings are for what is legal and
    /// probably not meant; they change the exit code with --strict alone.
    Check {
        /// A file; `-` is standard input
        configuration: PathBuf,
        /// Count warnings as errors
        #[arg(long)]
        strict: bool,
        #[arg(long, value_enum, default_value = "text")]
        output: Output,
    },
    /// Show every rule in the order it ran, what it saw and found, and the verdict
    ///
    /// The request is a raw HTTP message, a curl command line, a HAR entry, or a line of JSON as
    /// `replay` reads it. Exit code 1: the request is refused.
    Explain {
        configuration: PathBuf,
        /// A file; `-` is standard input
        request: String,
        /// The client's address, as the connection tells it
        #[arg(long, value_name = "ADDRESS")]
        client_ip: Option<std::net::IpAddr>,
        #[arg(long, value_enum, default_value = "text")]
        output: Output,
    },
    /// Send captured traffic through the gate, and count what would become of it
    ///
    /// Reads what Envoy's tap filter writes (JSON, and length-delimited protobuf), HAR, and JSON
    /// Lines, also compressed with gzip. Records that cannot be read are counted and named. Exit
    /// code 1: there were some, or, with --against, something would change.
    ///
    /// A capture may be of any size: replaying takes at most 256 MiB of memory beside the
    /// configurations'. A record may have 32 MiB and 10,000 header fields, and what a HAR has
    /// beside a request 64 MiB; where 32 MiB hold no record that can be read, the rest of the file
    /// is left out.
    Replay {
        configuration: PathBuf,
        #[arg(required_unless_present = "store")]
        files: Vec<PathBuf>,
        /// The database of `trackgate quarantine`, as well or instead
        #[arg(long, value_name = "FILE")]
        store: Option<PathBuf>,
        /// Another configuration: show only what it would change
        #[arg(long, value_name = "CONFIGURATION")]
        against: Option<PathBuf>,
        /// Write a page with charts
        #[arg(long, value_name = "FILE")]
        html: Option<PathBuf>,
        #[arg(long, value_enum, default_value = "text")]
        output: Output,
    },
    /// Print the configuration's JSON Schema
    Schema {
        /// Print the page docs/configuration.md
        #[arg(long)]
        markdown: bool,
    },
    /// How each vendor's reasons are treated unless the configuration says otherwise
    Dispositions {
        /// One vendor alone
        #[arg(long, value_parser = vendor)]
        vendor: Option<Vendor>,
        #[arg(long, value_enum, default_value = "text")]
        output: Output,
    },
    /// What a reason means, and what the sender should do; all reasons without an id
    Reasons {
        /// As in `x-track-drop-reason`: bot, invalid_json, ...
        id: Option<String>,
        /// Print the page docs/reasons.md
        #[arg(long, conflicts_with_all = ["id", "output"])]
        markdown: bool,
        #[arg(long, value_enum, default_value = "text")]
        output: Output,
    },
    /// The class of each User-Agent of a file: `class<TAB>rule<TAB>User-Agent` a line
    ///
    /// With --vendor the reason that the vendor gives comes first: `bot`, `bot_suspected`, or `-`
    /// for neither. What `custom` makes of a value is in its configuration: see `explain`. Control
    /// characters, bytes that are not UTF-8 and backslashes in a User-Agent are shown escaped.
    ClassifyUa {
        /// One User-Agent a line; `-` is standard input
        file: String,
        /// The vendor that judges
        #[arg(long, value_parser = vendor)]
        vendor: Option<Vendor>,
        #[arg(long, value_enum, default_value = "text")]
        output: Output,
    },
    /// Keep what the gate refuses: the receiver of its quarantine, over a SQLite database
    ///
    /// It answers 2xx only when a request is on the disk. `quarantine export` writes what is kept.
    Quarantine(cli::quarantine::QuarantineArguments),
    /// Who has lost what: what is kept by day, site or key, and reason
    Report(cli::quarantine::ReportArguments),
    /// Judge what is kept again, and send what now passes to the collector
    ///
    /// Nothing is sent without --send. What has been sent is remembered in the database. Exit code 1:
    /// the collector has refused some, or some may have arrived.
    Resend(cli::quarantine::ResendArguments),
    /// Compare a canary gateway with the stable one, and decide: promote (exit code 0), hold (1),
    /// roll back (2), or 3 where it cannot tell
    ///
    /// Reads the counters of both before and after, and compares for each endpoint the shares of
    /// verdicts and reasons (a two-proportion test, corrected for their number), host errors, 5xx
    /// and latency. Fewer requests than --min-requests on either side: hold.
    Canary(CanaryArguments),
    /// Print a shell's completions
    Completions { shell: clap_complete::Shell },
    /// Write the man pages into a folder: trackgate.1, and one for each command
    Man { folder: PathBuf },
    /// Print the version
    Version {
        #[arg(long, value_enum, default_value = "text")]
        output: Output,
    },
}

fn vendor(id: &str) -> Result<Vendor, String> {
    let known = || Vendor::ALL.map(Vendor::id).join(", ");
    Vendor::ALL
        .into_iter()
        .find(|vendor| vendor.id() == id)
        .ok_or_else(|| format!("expected one of {}", known()))
}

/// The command line; errors about it are printed without the bytes that a terminal obeys, for a
/// shell's `*` may be what wrote it.
fn arguments() -> Result<Arguments, ()> {
    let is_plain = std::env::args_os()
        .all(|argument| shown::line(argument.to_string_lossy()) == argument.to_string_lossy());
    match Arguments::try_parse() {
        Ok(arguments) => Ok(arguments),
        Err(error) if !error.use_stderr() => error.exit(),
        Err(error) if is_plain => error.print().map_err(drop).and(Err(())),
        Err(error) => {
            eprintln!("{}", shown::line(error));
            Err(())
        }
    }
}

fn main() -> ExitCode {
    // `trackgate … | head` ends as other commands do, without a word.
    sigpipe::reset();
    // Its 2 has a roll-out rolled back.
    let is_canary = std::env::args_os().nth(1).is_some_and(|command| command == "canary");
    let failed = ExitCode::from(if is_canary { CANNOT_TELL } else { 2 });
    let Ok(arguments) = arguments() else { return failed };
    match run(arguments.command) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("trackgate: {}", shown::lines(error));
            failed
        }
    }
}

/// The exit code: 0, or 1 where what was looked at is not good; a canary's decision has its own.
fn run(command: Command) -> cli::Result<u8> {
    let is_good = match command {
        Command::Canary(asked) => return Ok(cli::canary::run(&asked.into())?.exit_code()),
        Command::Check { configuration, strict, output } => {
            cli::check::run(&configuration, output == Output::Json, strict)?
        }
        Command::Explain { configuration, request, client_ip, output } => {
            cli::explain::run(&configuration, &request, client_ip, output == Output::Json)?
        }
        Command::Quarantine(asked) => asked.run()?,
        Command::Report(asked) => {
            cli::report::run(&asked.report())?;
            true
        }
        Command::Resend(asked) => cli::resend::run(&asked.resend()?)?,
        Command::Replay { configuration, files, store, against, html, output } => {
            cli::replay::run(&Replay {
                configuration,
                against,
                files,
                store,
                html,
                json: output == Output::Json,
            })?
        }
        Command::Schema { markdown } => {
            print!("{}", if markdown { cli::schema::markdown() } else { cli::schema::text() });
            true
        }
        Command::Dispositions { vendor, output } => {
            let vendors = vendor.map_or(Vendor::ALL.to_vec(), |vendor| vec![vendor]);
            match output {
                Output::Text => print!("{}", cli::dispositions::markdown(&vendors)),
                Output::Json => println!("{}", cli::dispositions::json(&vendors)),
            }
            true
        }
        Command::Reasons { id, markdown, output } => {
            let reasons = cli::reasons::of(id.as_deref())?;
            match output {
                Output::Text if markdown => print!("{}", cli::reasons::markdown()),
                Output::Text => println!("{}", cli::reasons::text(&reasons)),
                Output::Json => println!("{}", shown::json(&cli::reasons::json(&reasons))),
            }
            true
        }
        Command::ClassifyUa { file, vendor, output } => {
            let mut out = std::io::BufWriter::new(std::io::stdout().lock());
            cli::classify_ua::run(&file, vendor, output == Output::Json, &mut out)?;
            true
        }
        Command::Completions { shell } => {
            clap_complete::generate(
                shell,
                &mut Arguments::command(),
                "trackgate",
                &mut std::io::stdout(),
            );
            true
        }
        Command::Man { folder } => {
            clap_mangen::generate_to(Arguments::command(), &folder).map_err(|error| {
                format!("{}: {error}", shown::shown(&folder.display().to_string()))
            })?;
            true
        }
        Command::Version { output } => {
            match output {
                Output::Text => println!("trackgate {}", env!("CARGO_PKG_VERSION")),
                Output::Json => println!("{{\"version\":\"{}\"}}", env!("CARGO_PKG_VERSION")),
            }
            true
        }
    };
    Ok(u8::from(!is_good))
}
