//! `trackgate check`: everything that is wrong with a configuration, and what is suspicious about
//! it.

mod around;
mod buffers;
mod in_force;
mod quarantine;
mod routes;
mod shadowing;
mod suspicions;
mod warnings;

use super::Result;
use super::configuration::{self, Found, Source};
use super::shown::{self, file, line};
use buffers::listener_of;
use serde_json::{Value, json};
use std::fmt;
use std::path::Path;
use trackgate::config;
use trackgate::gate::{BodyPhase, Gate};
use trackgate::rules::problem::{OneLine, Problem};

/// Checks a file, and prints. True: no problems, and where it is `strict` no warnings either.
///
/// # Errors
/// The file cannot be read, is empty, or holds no configuration of the filter.
pub fn run(path: &Path, as_json: bool, strict: bool) -> Result<bool> {
    let (found, documents) = configuration::find(path)?;
    if found.is_empty() {
        let patches = documents.iter().any(|document| document["kind"] == "EnvoyPatchPolicy");
        let why = if patches {
            ", but patches of one: put them into one file with what they patch"
        } else {
            ""
        };
        return Err(format!(
            "{}: expected a configuration of the filter, found none{why}",
            file(path)
        )
        .into());
    }
    let several = found.len() > 1;
    let parts: Vec<Part> = found
        .iter()
        .enumerate()
        .map(|(index, one)| {
            let place =
                Place { line: one.line, name: several.then(|| name(one, &documents, index)) };
            check(one, &documents, place)
        })
        .collect();
    if as_json {
        println!("{}", shown::json(&report_json(&parts)));
    } else {
        print_report(path, &parts);
    }
    let is_good = |part: &Part| part.problems.is_empty() && (part.warnings.is_empty() || !strict);
    Ok(parts.iter().all(is_good))
}

/// What tells one configuration of a file from the others.
fn name(found: &Found, documents: &[Value], index: usize) -> String {
    let listener = documents.iter().find_map(|document| listener_of(document, &found.around));
    match listener.and_then(|listener| listener["name"].as_str()) {
        Some(name) => format!("listener {:?}", OneLine(name).to_string()),
        None => format!("configuration[{index}]"),
    }
}

/// Where a configuration stands in its file.
struct Place {
    line: Option<usize>,
    /// Of one of several.
    name: Option<String>,
}

impl fmt::Display for Place {
    /// `:63: listener "ingress"`, to stand behind the file's name.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(formatter, ":{line}")?;
        }
        self.name.as_ref().map_or(Ok(()), |name| write!(formatter, ": {name}"))
    }
}

/// What there is to say of one configuration.
struct Part {
    place: Place,
    problems: Vec<Problem>,
    warnings: Vec<String>,
    /// As `trackgate_config_info{hash}` has it; `None` for one that does not load.
    hash: Option<String>,
    /// A line for each endpoint of one that loads.
    in_force: Vec<String>,
}

fn check(found: &Found, documents: &[Value], place: Place) -> Part {
    let mut part = Part {
        place,
        problems: Vec::new(),
        warnings: Vec::new(),
        hash: None,
        in_force: Vec::new(),
    };
    let loaded = config::load(found.text.as_bytes());
    let phase = loaded.as_ref().map_or(BodyPhase::Hold, |(_, gate)| gate.body_phase);
    match loaded {
        Ok((config, gate)) => {
            part.hash = Some(format!("{:016x}", config.hash));
            part.warnings.extend(warnings::of(&config, &gate));
            part.warnings.extend(suspicions::of(&found.text, &gate));
            part.in_force.extend(in_force::of(&config, &gate));
            let (wrong, doubtful) = buffers::of(found, documents, &config, &gate);
            part.problems.extend(wrong);
            part.warnings.extend(doubtful);
            part.warnings.extend(routes::of(&gate, documents));
            part.warnings.extend(quarantine::of(&gate, documents));
            part.warnings.extend(istio_names(found, documents, &gate));
        }
        Err(error) => part.problems.extend(error.problems),
    }
    let around = around::of(found, phase, documents);
    part.problems.extend(around.problems);
    part.warnings.extend(around.warnings);
    part
}

/// Istio makes tags of its own of these words, wherever they stand in a metric's name.
fn istio_names(found: &Found, documents: &[Value], gate: &Gate) -> Option<String> {
    let is_istio = |document: &Value| {
        document["apiVersion"].as_str().is_some_and(|version| version.contains("istio.io/"))
    };
    let taken =
        gate.endpoints.iter().find(|it| matches!(it.name.as_str(), "cache" | "component"))?;
    (found.source != Source::Plain && documents.iter().any(is_istio)).then(|| {
        format!("endpoint {:?}: Istio's own tags take this word out of the metrics' names: name it otherwise", taken.name)
    })
}

fn report_json(parts: &[Part]) -> Value {
    let problem = |part: &Part, problem: &Problem| {
        let mut shown = json!({"at": problem.at, "message": problem.message, "hint": problem.hint});
        if let (Some(line), Some(members)) = (part.place.line, shown.as_object_mut()) {
            members.insert("line".to_owned(), json!(line));
        }
        if let (Some(name), Some(members)) = (&part.place.name, shown.as_object_mut()) {
            members.insert("configuration".to_owned(), json!(name));
        }
        shown
    };
    let problems: Vec<Value> = parts
        .iter()
        .flat_map(|part| part.problems.iter().map(|it| problem(part, it)).collect::<Vec<_>>())
        .collect();
    let all = |list: fn(&Part) -> &Vec<String>| parts.iter().flat_map(list).collect::<Vec<_>>();
    let hashes: Vec<&Option<String>> = parts.iter().map(|part| &part.hash).collect();
    json!({"problems": problems, "warnings": all(|part| &part.warnings), "hashes": hashes, "in_force": all(|part| &part.in_force)})
}

fn print_report(path: &Path, parts: &[Part]) {
    for Part { place, problems, warnings, hash, in_force } in parts {
        let at = format!("{}{place}", file(path));
        problems.iter().for_each(|problem| println!("{at}: error: {}", line(problem)));
        warnings.iter().for_each(|warning| println!("{at}: warning: {}", line(warning)));
        in_force.iter().for_each(|endpoint| println!("{at}: {}", line(endpoint)));
        hash.iter().for_each(|hash| println!("{at}: hash {hash}"));
    }
    let sum = |count: fn(&Part) -> usize| parts.iter().map(count).sum();
    match (sum(|part| part.problems.len()), sum(|part| part.warnings.len())) {
        (0, 0) => println!("{}: good", file(path)),
        (problems, warnings) => {
            println!("{}, {}", shown::count(problems, "error"), shown::count(warnings, "warning"));
        }
    }
}
