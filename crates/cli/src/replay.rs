//! `trackgate replay`: captured traffic through the gate, and what would become of it.

mod html;
mod tally;
mod text;

use super::Result;
use super::capture::{self, Captured, Record};
use super::judge::judge;
use super::quarantine::{Chosen, Store};
use super::shown::{self, file};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::path::{Path, PathBuf};
use tally::{Change, Outcome, Tally};
use trackgate::gate::Gate;
use trackgate::rules::user_agent::classify;

/// What to replay, and against what.
#[derive(Debug)]
pub struct Replay {
    pub configuration: PathBuf,
    pub against: Option<PathBuf>,
    pub files: Vec<PathBuf>,
    /// The database of a quarantine.
    pub store: Option<PathBuf>,
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
    let mut files = Vec::new();
    for path in &replay.files {
        files.extend(capture::files(path).map_err(|error| format!("{}: {error}", file(path)))?);
    }
    let begin = std::time::Instant::now();
    let size =
        files.iter().map(|file| std::fs::metadata(file).map_or(0, |metadata| metadata.len())).sum();
    let bar = progress(size);
    for path in &files {
        let before = bar.position();
        read(path, |bytes| bar.set_position(before + bytes), &mut |record| {
            take(&gate, other.as_ref(), record, &mut tally)
        })?;
    }
    bar.finish_and_clear();
    if let Some(path) = &replay.store {
        quarantined(path, &mut |captured| take(&gate, other.as_ref(), Ok(captured), &mut tally))?;
        files.push(path.clone());
    }
    if replay.json {
        println!("{}", shown::json(&tally.json()));
    } else {
        print!("{}", text::report(&tally, other.is_some()));
    }
    if let Some(path) = &replay.html {
        let about = html::About {
            configuration: &replay.configuration,
            against: replay.against.as_deref(),
            hashes: hashes(replay)?,
            files: &files,
            seconds: begin.elapsed().as_secs_f64(),
        };
        std::fs::write(path, html::page(&tally, &about))
            .map_err(|error| format!("{}: {error}", file(path)))?;
    }
    Ok(tally.malformed == 0 && tally.changes.is_empty())
}

/// Those that `check` prints, of the configuration and of the other one.
fn hashes(replay: &Replay) -> Result<Vec<String>> {
    let paths = std::iter::once(&replay.configuration).chain(&replay.against);
    let hash = |path: &PathBuf| -> Result<Vec<String>> {
        let (found, _) = super::configuration::find(path)?;
        let loaded =
            found.iter().filter_map(|one| trackgate::config::load(one.text.as_bytes()).ok());
        Ok(loaded.map(|(config, _)| format!("{:016x}", config.hash)).collect())
    };
    Ok(paths.map(hash).collect::<Result<Vec<_>>>()?.concat())
}

fn read(path: &Path, tell: impl Fn(u64), each: &mut dyn FnMut(Record)) -> Result<()> {
    Ok(capture::read(path, tell, each)
        .map_err(|error| format!("{}: {}", file(path), shown::line(error)))?)
}

/// Hands over what is kept there.
fn quarantined(path: &Path, each: &mut dyn FnMut(Captured)) -> Result<()> {
    const PAGE: usize = 256;
    let store = Store::existing(path)?;
    let mut last = 0;
    loop {
        let page = store.after(last, &Chosen::default(), PAGE)?;
        let Some(end) = page.last() else { return Ok(()) };
        last = end.id;
        page.iter().for_each(|kept| each(kept.refused.captured(format!("{}", kept.id))));
    }
}

fn take(gate: &Gate, other: Option<&Gate>, record: Record, tally: &mut Tally) {
    let captured = match record {
        Ok(captured) => captured,
        Err(problem) => return tally.add_malformed(problem),
    };
    if captured.lacks_body {
        tally.without_body += 1;
        return;
    }
    tally.truncated += u64::from(captured.truncated);
    let outcome = outcome(gate, &captured);
    if outcome != Outcome::UNTOUCHED {
        tally.by_site.add(&site(&captured), outcome.verdict);
        tally.by_class.add(class(&captured), outcome.verdict);
    }
    if let Some(other) = other {
        let then = self::outcome(other, &captured);
        *tally.then.entry(then.verdict).or_default() += 1;
        // An endpoint's name makes no difference to a client.
        if (then.verdict, then.reason, then.mode) != (outcome.verdict, outcome.reason, outcome.mode)
        {
            tally.add_change(Change { now: outcome.clone(), then }, &captured.id);
        }
    }
    tally.add(outcome, &captured.id);
}

/// Plausible's domain, where the body names one; else the host.
fn site(captured: &Captured) -> String {
    let body: serde_json::Value = serde_json::from_slice(&captured.body).unwrap_or_default();
    let named = ["d", "domain"].iter().find_map(|name| body.get(name)?.as_str());
    named.map_or_else(
        || String::from_utf8_lossy(captured.field(":authority").unwrap_or_default()).into_owned(),
        str::to_owned,
    )
}

/// What the User-Agent is, whatever the vendor makes of it.
fn class(captured: &Captured) -> &'static str {
    captured.field("user-agent").map_or("missing", |value| classify(value).class.id())
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
