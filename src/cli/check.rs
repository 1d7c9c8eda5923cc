//! `trackgate check`: everything that is wrong with a configuration, and what is suspicious about it.

mod warnings;

use super::Result;
use super::configuration::{self, Found, Source};
use super::shown::{self, file, line};
use crate::config;
use crate::rules::problem::Problem;
use serde_json::{Value, json};
use std::path::Path;

/// Checks a file, and prints. True: no problems (warnings are none).
///
/// # Errors
/// The file cannot be read, or holds no configuration of the filter.
pub fn run(path: &Path, as_json: bool) -> Result<bool> {
    let (found, documents) = configuration::find(path)?;
    if found.is_empty() {
        return Err(format!("{}: expected a configuration of the filter, found none", file(path)).into());
    }
    let mut problems: Vec<Problem> = Vec::new();
    let mut warnings = Vec::new();
    for (index, one) in found.iter().enumerate() {
        let outer = if found.len() > 1 { format!("configuration[{index}]") } else { String::new() };
        check(one, &documents, &outer, &mut problems, &mut warnings);
    }
    if as_json {
        println!("{}", shown::json(&report_json(&problems, &warnings)));
    } else {
        print_report(path, &problems, &warnings);
    }
    Ok(problems.is_empty())
}

fn check(found: &Found, documents: &[Value], outer: &str, problems: &mut Vec<Problem>, warnings: &mut Vec<String>) {
    match config::load(found.text.as_bytes()) {
        Ok((config, gate)) => warnings.extend(warnings::of(&config, &gate)),
        Err(error) => problems.extend(error.problems.into_iter().map(|problem| problem.under(outer))),
    }
    match found.source {
        Source::Plain => {}
        Source::Bootstrap | Source::EnvoyFilter => warnings.extend(warnings::of_envoy(found, documents)),
        Source::WasmPlugin | Source::ExtensionPolicy => warnings.extend(warnings::of_platform(found)),
    }
}

fn report_json(problems: &[Problem], warnings: &[String]) -> Value {
    let problem =
        |problem: &Problem| json!({"at": problem.at, "expected": problem.expected, "found": problem.found, "hint": problem.hint});
    json!({"problems": problems.iter().map(problem).collect::<Vec<_>>(), "warnings": warnings})
}

fn print_report(path: &Path, problems: &[Problem], warnings: &[String]) {
    problems.iter().for_each(|problem| println!("{}: error: {}", file(path), line(problem)));
    warnings.iter().for_each(|warning| println!("{}: warning: {}", file(path), line(warning)));
    match (problems.len(), warnings.len()) {
        (0, 0) => println!("{}: good", file(path)),
        (problems, warnings) => println!("{problems} errors, {warnings} warnings"),
    }
}
