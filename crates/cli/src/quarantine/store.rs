//! The database: one table that a person can query.
//!
//! ```sql
//! select site, reason, count(*) from refused where resent_at is null group by 1, 2;
//! ```

use super::record::{Kept, Refused};
use crate::Result;
use crate::shown::file;
use rusqlite::{Connection, OpenFlags, Row, params};
use std::path::Path;
use std::time::Duration;

/// Each brings a database from the version before to its own, which is its place from 1.
const MIGRATIONS: [&str; 1] = ["
    create table refused (
        id integer primary key autoincrement,
        time integer not null,          -- milliseconds since 1970
        endpoint text not null,
        vendor text not null,
        verdict text not null,          -- drop, reject
        reason text not null,           -- of the refusal
        reasons text not null,          -- all of them, as x-track-drop-reason would have them
        status integer not null,        -- what the sender was answered
        site text,
        key_digest text,                -- the first 8 hexadecimal digits of its SHA-256
        client text,
        method text not null,
        authority text not null,
        path text not null,
        headers text not null,          -- JSON: pairs of name and value
        redacted text,                  -- fields and ?parameters that were left out
        body blob not null,             -- compressed by gzip
        body_bytes integer not null,
        bytes integer not null,         -- that the row counts for
        resent_at integer,              -- milliseconds since 1970
        outcome text                    -- sending, sent, collector_refused
    );
    create index refused_by_time on refused (time);
    create index refused_to_send on refused (id) where resent_at is null;
"];

/// What may be kept; the oldest go first.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    pub max_bytes: u64,
    pub max_age: Duration,
}

/// What a resend has done with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It is about to be sent; if this stays, nobody knows whether it was.
    Sending,
    /// The collector has answered 2xx or 3xx.
    Sent,
    /// The collector has answered something else.
    Refused,
}

impl Fate {
    /// The word in the column `outcome`.
    pub const fn id(self) -> &'static str {
        match self {
            Fate::Sending => "sending",
            Fate::Sent => "sent",
            Fate::Refused => "collector_refused",
        }
    }
}

/// Which requests.
#[derive(Debug, Clone, Default)]
pub struct Chosen {
    pub reason: Option<String>,
    pub site: Option<String>,
    /// Milliseconds since 1970.
    pub since_ms: Option<i64>,
    /// Those alone that have not been sent again.
    pub unsent: bool,
}

#[derive(Debug)]
pub struct Store {
    pub(super) connection: Connection,
    bytes: u64,
}

impl Store {
    /// Opens the database, makes it if it is not there, and brings it up to date.
    ///
    /// # Errors
    /// It is no database of ours, or of a newer version, or cannot be used.
    pub fn open(path: &Path) -> Result<Store> {
        Self::opened(path, OpenFlags::default())
    }

    /// Opens one that is there.
    ///
    /// # Errors
    /// As [`Store::open`], and there is none.
    pub fn existing(path: &Path) -> Result<Store> {
        Self::opened(path, OpenFlags::default() & !OpenFlags::SQLITE_OPEN_CREATE)
    }

    fn opened(path: &Path, flags: OpenFlags) -> Result<Store> {
        let open = || -> Result<Store> {
            let connection = Connection::open_with_flags(path, flags)?;
            connection.busy_timeout(Duration::from_secs(10))?;
            connection.pragma_update(None, "auto_vacuum", "incremental")?;
            connection.pragma_update(None, "journal_mode", "wal")?;
            connection.pragma_update(None, "synchronous", "full")?;
            let mut store = Store { connection, bytes: 0 };
            store.migrate()?;
            store.bytes = store.sum()?;
            Ok(store)
        };
        open().map_err(|error| format!("{}: {error}", file(path)).into())
    }

    fn migrate(&mut self) -> Result<()> {
        let version: usize =
            self.connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
        let Some(missing) = MIGRATIONS.get(version..) else {
            return Err(format!(
                "expected version {} or older of the database, found {version}",
                MIGRATIONS.len()
            )
            .into());
        };
        for (place, sql) in missing.iter().enumerate() {
            let transaction = self.connection.transaction()?;
            transaction.execute_batch(sql)?;
            transaction.pragma_update(None, "user_version", version + place + 1)?;
            transaction.commit()?;
        }
        Ok(())
    }

    fn sum(&self) -> Result<u64> {
        let sum = "select coalesce(sum(bytes), 0) from refused";
        let bytes: i64 = self.connection.query_row(sum, [], |row| row.get(0))?;
        Ok(u64::try_from(bytes)?)
    }

    /// Bytes of all that is kept.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// # Errors
    /// The database cannot be read.
    pub fn count(&self) -> Result<u64> {
        let count: i64 =
            self.connection.query_row("select count(*) from refused", [], |row| row.get(0))?;
        Ok(u64::try_from(count)?)
    }

    /// Keeps them all, or none. When this returns they are on the disk. Returns how many older ones
    /// had to go.
    ///
    /// # Errors
    /// None of them is kept: the disk is full, for instance.
    pub fn append(&mut self, all: &[Refused], bounds: Bounds, now_ms: i64) -> Result<usize> {
        let transaction = self.connection.transaction()?;
        let mut bytes = self.bytes;
        {
            let mut insert = transaction.prepare_cached(
                "insert into refused (time, endpoint, vendor, verdict, reason, reasons, status, site,
                    key_digest, client, method, authority, path, headers, redacted, body, body_bytes, bytes)
                 values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            )?;
            for one in all {
                let (headers, body) = (one.headers_json(), one.packed_body()?);
                let size = headers.len() + body.len() + one.path.len() + one.reasons.len();
                bytes += size as u64;
                insert.execute(params![
                    one.time_ms,
                    one.endpoint,
                    one.vendor,
                    one.verdict,
                    one.reason,
                    one.reasons,
                    one.status,
                    one.site,
                    one.key_digest,
                    one.client,
                    one.method,
                    one.authority,
                    one.path,
                    headers,
                    one.redacted,
                    body,
                    one.body.len() as i64,
                    size as i64,
                ])?;
            }
        }
        let oldest = now_ms.saturating_sub(i64::try_from(bounds.max_age.as_millis())?);
        let mut gone = 0;
        {
            let mut old =
                transaction.prepare_cached("delete from refused where time < ? returning bytes")?;
            let mut first = transaction.prepare_cached(
                "delete from refused where id in (select id from refused order by id limit 64) returning bytes",
            )?;
            let size = |row: &Row<'_>| row.get::<_, i64>(0);
            for size in old.query_map([oldest], size)? {
                bytes = bytes.saturating_sub(u64::try_from(size?)?);
                gone += 1;
            }
            while bytes > bounds.max_bytes {
                let freed: Vec<i64> =
                    first.query_map([], size)?.collect::<rusqlite::Result<_>>()?;
                if freed.is_empty() {
                    break;
                }
                gone += freed.len();
                bytes = bytes.saturating_sub(u64::try_from(freed.iter().sum::<i64>())?);
            }
        }
        transaction.commit()?;
        self.bytes = bytes;
        Ok(gone)
    }

    /// Of those chosen the next ones behind an id, in order, at most so many.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn after(&self, id: i64, chosen: &Chosen, limit: usize) -> Result<Vec<Kept>> {
        let mut select = self.connection.prepare_cached(
            "select id, time, endpoint, vendor, verdict, reason, reasons, status, site, key_digest,
                client, method, authority, path, headers, redacted, body
             from refused
             where id > ?1 and (?2 is null or reason = ?2) and (?3 is null or site = ?3)
                and (?4 is null or time >= ?4)
                and (not ?5 or (resent_at is null and coalesce(outcome, '') <> 'sending'))
             order by id limit ?6",
        )?;
        let rows = select.query_map(
            params![id, chosen.reason, chosen.site, chosen.since_ms, chosen.unsent, limit as i64],
            |row| Ok((kept(row)?, row.get::<_, String>(14)?, row.get::<_, Vec<u8>>(16)?)),
        )?;
        rows.map(|row| {
            let (mut kept, headers, body) = row?;
            kept.refused.headers = Refused::headers_of(&headers)?;
            kept.refused.body = Refused::body_of(&body)?;
            Ok(kept)
        })
        .collect()
    }

    /// How many were about to be sent when a resend was stopped.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn unsure(&self) -> Result<u64> {
        let count: i64 = self.connection.query_row(
            "select count(*) from refused where outcome = ? and resent_at is null",
            [Fate::Sending.id()],
            |row| row.get(0),
        )?;
        Ok(u64::try_from(count)?)
    }

    /// Those that were about to be sent when a resend was stopped are to be sent again.
    ///
    /// # Errors
    /// The database cannot be written.
    pub fn forget_unsure(&mut self) -> Result<()> {
        let sql = "update refused set outcome = null where outcome = ? and resent_at is null";
        self.connection.execute(sql, [Fate::Sending.id()])?;
        Ok(())
    }

    /// Remembers what has been done with them; when this returns it is on the disk.
    ///
    /// # Errors
    /// The database cannot be written.
    pub fn mark(&mut self, ids: &[i64], fate: Fate, now_ms: i64) -> Result<()> {
        let resent_at = match fate {
            Fate::Sending => None,
            Fate::Sent | Fate::Refused => Some(now_ms),
        };
        let transaction = self.connection.transaction()?;
        for id in ids {
            let sql = "update refused set outcome = ?, resent_at = ? where id = ?";
            transaction.prepare_cached(sql)?.execute(params![fate.id(), resent_at, id])?;
        }
        transaction.commit()?;
        Ok(())
    }
}

fn kept(row: &Row<'_>) -> rusqlite::Result<Kept> {
    let refused = Refused {
        time_ms: row.get(1)?,
        endpoint: row.get(2)?,
        vendor: row.get(3)?,
        verdict: row.get(4)?,
        reason: row.get(5)?,
        reasons: row.get(6)?,
        status: row.get(7)?,
        site: row.get(8)?,
        key_digest: row.get(9)?,
        client: row.get(10)?,
        method: row.get(11)?,
        authority: row.get(12)?,
        path: row.get(13)?,
        headers: Vec::new(),
        redacted: row.get(15)?,
        body: Vec::new(),
    };
    Ok(Kept { id: row.get(0)?, refused })
}
