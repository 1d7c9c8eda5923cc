//! How much is kept of whom.

use super::store::{Chosen, Store};
use crate::Result;
use rusqlite::params;

/// Requests of one day, site or key, and reason.
#[derive(Debug, Clone)]
pub struct Count {
    /// `2026-11-28`, in UTC.
    pub day: String,
    pub endpoint: String,
    pub site: Option<String>,
    pub key_digest: Option<String>,
    pub reason: String,
    pub refused: i64,
    /// Of them those that the collector has got since.
    pub resent: i64,
}

impl Store {
    /// Counts, the newest day first, and the most first.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn by_site(&self, chosen: &Chosen) -> Result<Vec<Count>> {
        let mut select = self.connection.prepare(
            "select date(time / 1000, 'unixepoch'), endpoint, site, key_digest, reason, count(*),
                sum(coalesce(outcome, '') = 'sent')
             from refused
             where (?1 is null or reason = ?1) and (?2 is null or site = ?2)
                and (?3 is null or time >= ?3)
             group by 1, 2, 3, 4, 5 order by 1 desc, 6 desc, 2, 3, 4, 5",
        )?;
        let rows =
            select.query_map(params![chosen.reason, chosen.site, chosen.since_ms], |row| {
                Ok(Count {
                    day: row.get(0)?,
                    endpoint: row.get(1)?,
                    site: row.get(2)?,
                    key_digest: row.get(3)?,
                    reason: row.get(4)?,
                    refused: row.get(5)?,
                    resent: row.get(6)?,
                })
            })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }
}
