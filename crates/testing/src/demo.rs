//! Real requests through a real Envoy, and what became of each.

mod remote;
mod rows;

pub use remote::{Remote, run as run_remote};

use super::client::{self, Answer, Transport};
use super::collector::{Collector, Seen};
use super::envoy::Envoy;
use super::{Result, client::Call};
use rows::Row;
use serde_json::Value;
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use trackgate_cli::shown::line;
use trackgate_cli::terminal::{Colour, paint};

const BOOTSTRAP: &str = "envoy/envoy.yaml";

/// A collector, and an Envoy with the shipped configuration in front of it.
///
/// # Errors
/// Either does not come up.
pub async fn start(
    tell: impl Fn(&Seen) + Clone + Send + Sync + 'static,
) -> Result<(Collector, Envoy)> {
    let bootstrap = crate::read(BOOTSTRAP)?;
    let collector = Collector::start(SocketAddr::from(([127, 0, 0, 1], 0)), tell).await?;
    let envoy = Envoy::start(&bootstrap, collector.address, 1).await?;
    Ok((collector, envoy))
}

/// What became of one request.
struct Fate {
    verdict: String,
    reason: String,
    status: u16,
    /// What the collector saw of it.
    collector: String,
}

/// Sends every row, prints the table; true when every row is as expected.
///
/// # Errors
/// Envoy or the collector does not come up, or a request gets no answer.
pub async fn run() -> Result<bool> {
    let (collector, envoy) = start(|_| {}).await?;
    let all = play(&collector, &envoy).await?;
    Ok(all)
}

/// Sends every row and prints what became of it.
///
/// # Errors
/// A request gets no answer.
pub async fn play(collector: &Collector, envoy: &Envoy) -> Result<bool> {
    let rows = rows::rows();
    println!(
        "Envoy with trackgate listens on {}, the collector behind it on {}.\n",
        envoy.listener, collector.address
    );
    let mut answers = Vec::new();
    for (index, row) in rows.iter().enumerate() {
        let call = numbered(&row.call, index);
        println!("{}", paint(&curl(&call, envoy.listener), Colour::Grey));
        answers.push(client::send(envoy.listener, &call, Transport::Http1).await?);
    }
    let log = access_log(envoy, rows.len()).await?;
    let fates =
        answers.iter().enumerate().map(|(index, answer)| fate(index, answer, collector, &log));
    let fates: Vec<Fate> = fates.collect();
    print_table(&rows, &fates);
    let agreeing = rows.iter().zip(&fates).filter(|(row, fate)| is_as_expected(row, fate)).count();
    println!("\n{agreeing} of {} requests as expected", rows.len());
    Ok(agreeing == rows.len())
}

/// The row's number travels in the query, which no vendor's check looks at.
fn numbered(call: &Call, index: usize) -> Call {
    let separator = if call.path.contains('?') { '&' } else { '?' };
    Call { path: format!("{}{separator}row={index}", call.path), ..call.clone() }
}

fn row_of(path: &str) -> Option<usize> {
    path.split(['?', '&']).find_map(|part| part.strip_prefix("row="))?.parse().ok()
}

/// The lines of Envoy's access log, waited for: Envoy writes them with some delay.
async fn access_log(envoy: &Envoy, count: usize) -> Result<Vec<Value>> {
    let deadline = Instant::now() + Duration::from_secs(5);
    loop {
        let text = std::fs::read_to_string(envoy.access_log())?;
        let lines: Vec<Value> =
            text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        if lines.len() >= count || Instant::now() > deadline {
            return Ok(lines);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn fate(index: usize, answer: &Answer, collector: &Collector, log: &[Value]) -> Fate {
    // The log has no query. Each request was answered before the next was sent.
    let line = log.get(index);
    let field =
        |name: &str| line.and_then(|line| line[name].as_str()).unwrap_or_default().to_owned();
    let verdict = field("verdict").split(';').next().unwrap_or_default().to_owned();
    let seen = collector.seen().into_iter().find(|seen| row_of(&seen.path) == Some(index));
    Fate {
        verdict: if verdict.is_empty() { "untouched".to_owned() } else { verdict },
        reason: field("reasons").split([';', ',']).next().unwrap_or_default().to_owned(),
        status: answer.status,
        collector: seen.map_or_else(|| "nothing".to_owned(), |seen| mark(&seen)),
    }
}

/// The gate's mark on a request that reached the collector.
fn mark(seen: &Seen) -> String {
    let text =
        |name: &str| seen.header(name).map(|value| String::from_utf8_lossy(value).into_owned());
    match (text("x-track-verdict"), text("x-track-drop-reason")) {
        (Some(verdict), Some(reasons)) => format!("{verdict} ({reasons})"),
        (Some(verdict), None) => verdict,
        (None, _) => "the request, no mark".to_owned(),
    }
}

fn is_as_expected(row: &Row, fate: &Fate) -> bool {
    let reached = fate.collector != "nothing";
    let forwarded = !matches!(row.verdict, "drop" | "reject");
    row.verdict == fate.verdict
        && row.reason == fate.reason
        && row.status == fate.status
        && reached == forwarded
}

fn print_table(rows: &[Row], fates: &[Fate]) {
    println!(
        "\n{:<52} {:<11} {:<20} {:>6}  the collector saw",
        "request", "verdict", "reason", "status"
    );
    for (row, fate) in rows.iter().zip(fates) {
        let colour = match fate.verdict.as_str() {
            "drop" | "reject" => Colour::Red,
            "annotate" | "uninspected" => Colour::Yellow,
            _ => Colour::Green,
        };
        let verdict = paint(&format!("{:<11}", line(&fate.verdict)), colour);
        println!(
            "{:<52} {verdict} {:<20} {:>6}  {}",
            row.name,
            line(&fate.reason),
            fate.status,
            line(&fate.collector)
        );
        if !is_as_expected(row, fate) {
            let expected = format!("  expected {} {} {}", row.verdict, row.reason, row.status);
            println!("{}", paint(&expected, Colour::Red));
        }
    }
}

/// The same request as a command line.
pub fn curl(call: &Call, address: SocketAddr) -> String {
    let mut line = format!("curl -X {} 'http://{address}{}'", call.method, call.path);
    for (name, value) in &call.headers {
        line.push_str(&format!(" -H '{name}: {}'", String::from_utf8_lossy(value)));
    }
    if !call.headers.iter().any(|(name, _)| name == "user-agent") {
        line.push_str(" -H 'user-agent:'");
    }
    match &call.body {
        Some(body) if body.len() > 1000 => {
            line.push_str(&format!(" --data-binary @{}-bytes", body.len()))
        }
        Some(body) => line.push_str(&format!(" -d '{}'", String::from_utf8_lossy(body))),
        None => {}
    }
    line
}
