//! The demo's requests through a gateway that runs elsewhere: in containers, or a cluster.

use super::rows::rows;
use super::{Fate, is_as_expected, numbered, print_table, row_of};
use crate::Result;
use crate::client::{self, Call, Transport};
use serde_json::Value;
use std::net::SocketAddr;
use trackgate_cli::canary::stats::{Kind, Stats};

/// Where they are: `host:port` each.
#[derive(Debug)]
pub struct Remote {
    pub gateway: String,
    /// Envoy's admin interface, whose counters tell the verdict.
    pub admin: String,
    /// What `trackgate-testing collector` listens on.
    pub collector: String,
}

/// Sends every row, prints the table; true when every row is as expected.
///
/// # Errors
/// A name that cannot be resolved, or a peer that does not answer.
pub async fn run(remote: &Remote) -> Result<bool> {
    let (gateway, admin, collector) = (
        resolve(&remote.gateway).await?,
        resolve(&remote.admin).await?,
        resolve(&remote.collector).await?,
    );
    let rows = rows();
    let mut fates = Vec::new();
    for (index, row) in rows.iter().enumerate() {
        let before = stats(admin).await?;
        let answer = client::send(gateway, &numbered(&row.call, index), Transport::Http1).await?;
        let counted = counted(&stats(admin).await?.since(&before));
        let (verdict, reason) = counted
            .map_or(("untouched".to_owned(), String::new()), |kind| (kind.verdict, kind.reason));
        let reason = if reason == "none" { String::new() } else { reason };
        fates.push(Fate {
            verdict,
            reason,
            status: answer.status,
            collector: seen(collector, index).await?,
        });
    }
    print_table(&rows, &fates);
    let agreeing = rows.iter().zip(&fates).filter(|(row, fate)| is_as_expected(row, fate)).count();
    println!("\n{agreeing} of {} requests as expected", rows.len());
    Ok(agreeing == rows.len())
}

async fn resolve(name: &str) -> Result<SocketAddr> {
    let mut found =
        tokio::net::lookup_host(name).await.map_err(|error| format!("{name}: {error}"))?;
    Ok(found.next().ok_or_else(|| format!("{name}: no address"))?)
}

async fn get(address: SocketAddr, path: &str) -> Result<Vec<u8>> {
    let call =
        Call { method: "GET".to_owned(), path: path.to_owned(), headers: Vec::new(), body: None };
    Ok(client::send(address, &call, Transport::Http1).await?.body)
}

async fn stats(admin: SocketAddr) -> Result<Stats> {
    Ok(Stats::parse(&String::from_utf8_lossy(&get(admin, "/stats/prometheus").await?)))
}

/// The one kind of request that was counted.
fn counted(between: &Stats) -> Option<Kind> {
    between.requests.iter().find(|(_, count)| **count > 0).map(|(kind, _)| kind.clone())
}

/// The gate's mark on the request, as the collector saw it.
async fn seen(collector: SocketAddr, index: usize) -> Result<String> {
    let kept: Vec<Value> = serde_json::from_slice(&get(collector, "/__collector/requests").await?)?;
    let is_it = |request: &&Value| request["path"].as_str().and_then(row_of) == Some(index);
    let Some(request) = kept.iter().find(is_it) else { return Ok("nothing".to_owned()) };
    let field = |name: &str| {
        let fields = request["headers"].as_array().into_iter().flatten();
        fields
            .filter_map(Value::as_array)
            .find(|field| field.first().is_some_and(|found| found == name))
            .and_then(|field| field.get(1)?.as_str())
    };
    Ok(match (field("x-track-verdict"), field("x-track-drop-reason")) {
        (Some(verdict), Some(reasons)) => format!("{verdict} ({reasons})"),
        (Some(verdict), None) => verdict.to_owned(),
        (None, _) => "the request, no mark".to_owned(),
    })
}
