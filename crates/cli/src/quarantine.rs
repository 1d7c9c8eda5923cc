//! `trackgate quarantine`: keeps what the gate refuses in a SQLite database, and says so to a sender
//! only when it is on the disk.

mod arguments;
mod counts;
mod export;
mod metrics;
mod record;
mod server;
mod store;
mod writer;

pub use arguments::{QuarantineArguments, ReportArguments, ResendArguments};
pub use counts::Count;
pub use export::export;
pub use record::{Kept, Refused};
pub use server::{Serve, now_ms, run};
pub use store::{Bounds, Chosen, Fate, Store};
