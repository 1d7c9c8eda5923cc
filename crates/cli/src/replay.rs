//! `trackgate replay`: captured traffic through the gate, and what would become of it.

mod html;
mod tally;
mod text;

use super::Result;
use super::capture::{self, Captured, Record};
use super::judge::judge;
use super::shown::{self, file};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::path::{Path, PathBuf};
use tally::{Change, Outcome, Tally};
use trackgate::gate::Gate;

/// What to replay, and against what.
#[derive(Debug)]
pub struct Replay {
    pub configuration: PathBuf,
    pub against: Option<PathBuf>,
    pub files: Vec<PathBuf>,
    pub html: Option<PathBuf>,
    pub json: bool,
}

/// Replays, and prints. True: nothing was malformed, and with `against` nothing would change.
///
/// # Errors
/// A configuration or a file that cannot be read.
pub fn run(replay: &Replay) -> Result<bool> {
    let gate = super::configuration::load(&replay.configuration)?;
    let other = replay.against.as_deref().map(super::configuration::load).transpose()?;
    let mut tally = Tally::default();
    let size = replay
        .files
        .iter()
        .map(|file| std::fs::metadata(file).map_or(0, |metadata| metadata.len()))
        .sum();
    let bar = progress(size);
    for path in &replay.files {
        let before = bar.position();
        read(path, |bytes| bar.set_position(before + bytes), &mut |record| {
            take(&gate, other.as_ref(), record, &mut tally)
        })?;
    }
    bar.finish_and_clear();
    if replay.json {
        println!("{}", shown::json(&tally.json()));
    } else {
        print!("{}", text::report(&tally, other.is_some()));
    }
    if let Some(path) = &replay.html {
        std::fs::write(path, html::page(&tally, other.is_some()))
            .map_err(|error| format!("{}: {error}", file(path)))?;
    }
    Ok(tally.malformed == 0 && tally.changes.is_empty())
}

fn read(path: &Path, tell: impl Fn(u64), each: &mut dyn FnMut(Record)) -> Result<()> {
    Ok(capture::read(path, tell, each)
        .map_err(|error| format!("{}: {}", file(path), shown::line(error)))?)
}

fn take(gate: &Gate, other: Option<&Gate>, record: Record, tally: &mut Tally) {
    let captured = match record {
        Ok(captured) => captured,
        Err(problem) => return tally.add_malformed(problem),
    };
    tally.truncated += u64::from(captured.truncated);
    let outcome = outcome(gate, &captured);
    if let Some(other) = other {
        let then = self::outcome(other, &captured);
        // An endpoint's name makes no difference to a client.
        if (then.verdict, then.reason, then.mode) != (outcome.verdict, outcome.reason, outcome.mode)
        {
            tally.add_change(Change { now: outcome.clone(), then }, &captured.id);
        }
    }
    tally.add(outcome, &captured.id);
}

fn outcome(gate: &Gate, captured: &Captured) -> Outcome {
    let Some(decision) = judge(gate, captured) else { return Outcome::UNTOUCHED };
    Outcome {
        endpoint: decision.endpoint.name.clone(),
        verdict: decision.verdict.id(),
        reason: decision.reason.map_or("-", trackgate::verdict::Reason::id),
        mode: decision.mode.id(),
    }
}

/// On standard error, and only where somebody looks.
fn progress(bytes: u64) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(bytes), ProgressDrawTarget::stderr_with_hz(5));
    let style =
        ProgressStyle::with_template("{bar:30} {bytes}/{total_bytes} {bytes_per_sec}, {eta} left");
    if let Ok(style) = style {
        bar.set_style(style);
    }
    bar
}
