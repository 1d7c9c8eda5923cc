//! The documents: what they show is what happens. `TRACKGATE_WRITE_DOCS=1` writes what is generated,
//! `TRYCMD=overwrite` what commands print.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use trackgate::vendors::Vendor;

fn root() -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).canonicalize().unwrap()
}

/// All pages, with their texts.
fn pages() -> Vec<(PathBuf, String)> {
    fn below(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                below(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                found.push(path);
            }
        }
    }
    let mut found = vec![root().join("README.md")];
    below(&root().join("docs"), &mut found);
    found.sort();
    found.into_iter().map(|path| (path.clone(), std::fs::read_to_string(path).unwrap())).collect()
}

/// The fenced blocks of a language, without the indentation of the list they stand in.
fn blocks(text: &str, language: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut indent = None;
    for line in text.lines() {
        let start = line.trim_start();
        match indent {
            None if start == format!("```{language}") => {
                indent = Some(line.len() - start.len());
                found.push(String::new());
            }
            Some(_) if start == "```" => indent = None,
            Some(indent) => {
                found.last_mut().unwrap().push_str(line.get(indent..).unwrap_or_default());
                found.last_mut().unwrap().push('\n');
            }
            None => {}
        }
    }
    found
}

/// Every console block but those of the page that needs a machine of its own (`make test-start`).
#[test]
fn consoles_print_what_the_documents_show() {
    std::env::set_current_dir(root()).unwrap();
    trycmd::TestCases::new()
        .register_bin("trackgate", Path::new(env!("CARGO_BIN_EXE_trackgate")))
        .case("docs/install/*.md")
        .case("docs/vendors/*.md")
        .case("docs/sites-and-patterns.md")
        .case("docs/roll-out.md")
        .case("docs/troubleshooting.md");
}

/// A configuration passes `check`, in whatever it is wrapped; what is around one is YAML.
#[test]
fn every_configuration_passes_check() {
    let mut checked = 0;
    for (path, text) in pages() {
        let configurations = blocks(&text, "json")
            .into_iter()
            .chain(blocks(&text, "yaml").into_iter().filter(|it| it.contains("configuration:")));
        for configuration in configurations {
            let file =
                std::env::temp_dir().join(format!("trackgate-docs-{}.yaml", std::process::id()));
            std::fs::write(&file, &configuration).unwrap();
            let output = std::process::Command::new(env!("CARGO_BIN_EXE_trackgate"))
                .arg("check")
                .arg(&file)
                .output()
                .unwrap();
            std::fs::remove_file(&file).unwrap();
            assert!(
                output.status.success(),
                "{}: {}\n{configuration}",
                path.display(),
                String::from_utf8_lossy(&output.stdout)
            );
            checked += 1;
        }
        for yaml in blocks(&text, "yaml") {
            let parsed: Result<serde_json::Value, _> = serde_yaml_ng::from_str(&yaml);
            assert!(parsed.is_ok(), "{}: {parsed:?}\n{yaml}", path.display());
        }
    }
    assert!(checked >= 8, "{checked} configurations");
}

/// Paths, limits, answers and dispositions, from the vendor's contract.
fn facts(vendor: Vendor) -> String {
    let contract = vendor.contract();
    let mut text = String::from("| | |\n|---|---|\n");
    let paths: Vec<String> = contract.paths.iter().map(|path| format!("`POST {path}`")).collect();
    let paths =
        if paths.is_empty() { "those of the endpoint".to_owned() } else { paths.join(", ") };
    let _ = writeln!(text, "| paths | {paths} |");
    let limits = contract.limits;
    let _ = writeln!(text, "| limit of a request | {} bytes |", limits.request_bytes);
    if limits.batch_bytes > 0 {
        let _ = writeln!(text, "| limit of a batch | {} bytes |", limits.batch_bytes);
        let _ = writeln!(text, "| limit of an event in it | {} bytes |", limits.event_bytes);
    }
    let success = &contract.success;
    let body =
        if success.body.is_empty() { "no body".to_owned() } else { format!("`{}`", success.body) };
    let _ = writeln!(text, "| answer to what is dropped | {}, {body} |", success.status);
    text.push('\n');
    text + &trackgate_cli::dispositions::markdown(&[vendor])
}

#[test]
fn generated_parts_are_those_of_the_code() {
    let write = std::env::var_os("TRACKGATE_WRITE_DOCS").is_some();
    let mut wanted = vec![
        ("docs/configuration.md".to_owned(), trackgate_cli::schema::markdown()),
        ("docs/reasons.md".to_owned(), trackgate_cli::reasons::markdown()),
    ];
    for vendor in Vendor::ALL {
        let file = format!("docs/vendors/{}.md", vendor.id().replace('_', "-"));
        let text = std::fs::read_to_string(root().join(&file)).unwrap();
        let mark = format!("<!-- facts {} -->\n", vendor.id());
        let (before, rest) = text.split_once(&mark).unwrap();
        let (_, after) = rest.split_once("<!-- end -->").unwrap();
        wanted.push((file, format!("{before}{mark}{}<!-- end -->{after}", facts(vendor))));
    }
    for (file, text) in wanted {
        if write {
            std::fs::write(root().join(&file), &text).unwrap();
        }
        assert_eq!(
            std::fs::read_to_string(root().join(&file)).unwrap(),
            text,
            "{file}: TRACKGATE_WRITE_DOCS=1 writes it"
        );
    }
}

/// As mdBook and GitHub make it of a heading.
fn anchor(heading: &str) -> String {
    let kept = heading.trim().to_lowercase().replace(' ', "-");
    kept.chars().filter(|letter| letter.is_alphanumeric() || matches!(letter, '-' | '_')).collect()
}

#[test]
fn every_link_leads_somewhere() {
    let pages = pages();
    let mut linked = BTreeSet::new();
    for (path, text) in &pages {
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if target.starts_with("http") {
                continue;
            }
            let (file, fragment) = target.split_once('#').unwrap_or((target, ""));
            let found = match file {
                "" => path.clone(),
                file => path.parent().unwrap().join(file),
            };
            let shown = format!("{}: {target}", path.display());
            let found = found.canonicalize().unwrap_or_else(|error| panic!("{shown}: {error}"));
            if !fragment.is_empty() {
                let text = std::fs::read_to_string(&found).unwrap();
                let headings = text.lines().filter(|line| line.starts_with('#'));
                let mut anchors = headings.map(|line| anchor(line.trim_start_matches('#')));
                assert!(anchors.any(|it| it == fragment), "{shown}: no such heading");
            }
            linked.insert(found);
        }
    }
    // Every page is in the book.
    for (path, _) in pages.iter().filter(|(path, _)| path.starts_with(root().join("docs"))) {
        assert!(
            path.ends_with("SUMMARY.md") || linked.contains(path),
            "{} is nowhere linked",
            path.display()
        );
    }
}
