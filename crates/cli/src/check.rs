//! `trackgate check`: everything that is wrong with a configuration, and what is suspicious about
//! it.

mod around;
mod buffers;
mod in_force;
mod shadowing;
mod suspicions;
mod warnings;

use super::Result;
use super::configuration::{self, Found};
use super::shown::{self, file, line};
use serde_json::{Value, json};
use std::path::Path;
use trackgate::config;
use trackgate::gate::BodyPhase;
use trackgate::rules::problem::Problem;

/// Checks a file, and prints. True: no problems, and where it is `strict` no warnings either.
///
/// # Errors
/// The file cannot be read, is empty, or holds no configuration of the filter.
pub fn run(path: &Path, as_json: bool, strict: bool) -> Result<bool> {
    let (found, documents) = configuration::find(path)?;
    if found.is_empty() {
        return Err(
            format!("{}: expected a configuration of the filter, found none", file(path)).into()
        );
    }
    let mut report = Report::default();
    for (index, one) in found.iter().enumerate() {
        let outer = if found.len() > 1 { format!("configuration[{index}]") } else { String::new() };
        check(one, &documents, &outer, &mut report);
    }
    if as_json {
        println!("{}", shown::json(&report_json(&report)));
    } else {
        print_report(path, &report);
    }
    Ok(report.problems.is_empty() && (report.warnings.is_empty() || !strict))
}

#[derive(Default)]
struct Report {
    problems: Vec<Problem>,
    warnings: Vec<String>,
    /// Of each configuration, as `trackgate_config_info{hash}` has it; `None` for one that does not
    /// load.
    hashes: Vec<Option<String>>,
    /// A line for each endpoint of those that load.
    in_force: Vec<String>,
}

fn check(found: &Found, documents: &[Value], outer: &str, report: &mut Report) {
    let loaded = config::load(found.text.as_bytes());
    let phase = loaded.as_ref().map_or(BodyPhase::Hold, |(_, gate)| gate.body_phase);
    report.hashes.push(loaded.as_ref().ok().map(|(config, _)| format!("{:016x}", config.hash)));
    match loaded {
        Ok((config, gate)) => {
            report.warnings.extend(warnings::of(&config, &gate));
            report.warnings.extend(suspicions::of(&found.text, &gate));
            report.in_force.extend(in_force::of(&config, &gate));
            let (wrong, doubtful) = buffers::of(found, documents, &config, &gate);
            report.problems.extend(wrong.into_iter().map(|problem| problem.under(outer)));
            report.warnings.extend(doubtful);
        }
        Err(error) => {
            report.problems.extend(error.problems.into_iter().map(|problem| problem.under(outer)))
        }
    }
    let around = around::of(found, phase, documents);
    report.problems.extend(around.problems.into_iter().map(|problem| problem.under(outer)));
    report.warnings.extend(around.warnings);
}

fn report_json(Report { problems, warnings, hashes, in_force }: &Report) -> Value {
    let problem = |problem: &Problem| json!({"at": problem.at, "message": problem.message, "hint": problem.hint});
    json!({"problems": problems.iter().map(problem).collect::<Vec<_>>(), "warnings": warnings, "hashes": hashes, "in_force": in_force})
}

fn print_report(path: &Path, Report { problems, warnings, hashes, in_force }: &Report) {
    problems.iter().for_each(|problem| println!("{}: error: {}", file(path), line(problem)));
    warnings.iter().for_each(|warning| println!("{}: warning: {}", file(path), line(warning)));
    in_force.iter().for_each(|endpoint| println!("{}: {}", file(path), line(endpoint)));
    hashes.iter().flatten().for_each(|hash| println!("{}: hash {hash}", file(path)));
    match (problems.len(), warnings.len()) {
        (0, 0) => println!("{}: good", file(path)),
        (problems, warnings) => {
            println!("{}, {}", shown::count(problems, "error"), shown::count(warnings, "warning"));
        }
    }
}
