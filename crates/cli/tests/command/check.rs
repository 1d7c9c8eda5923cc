//! Bad configurations, each in a file of `tests/check`, with what `check` says of them.
//! `TRACKGATE_WRITE_CHECK=1` writes that anew.

use super::{project, read};
use std::fmt::Write;
use std::process::Command;

const MESSAGES: &str = "tests/check/messages.txt";

#[test]
fn every_bad_configuration_is_told() {
    let mut files: Vec<String> = std::fs::read_dir(project("tests/check"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| !name.ends_with(".txt"))
        .collect();
    files.sort();
    assert!(files.len() >= 48, "{} files", files.len());
    let mut said = String::new();
    for file in files {
        let output = Command::new(env!("CARGO_BIN_EXE_trackgate"))
            .current_dir(project("tests/check"))
            .args(["check", "--strict", &file])
            .output()
            .unwrap();
        assert_ne!(output.status.code(), Some(0), "{file} is taken for good");
        let text = [output.stdout, output.stderr].concat();
        let text = String::from_utf8(text).unwrap();
        let told = text.lines().filter(|line| {
            ["error: ", "warning: ", "trackgate: "].iter().any(|word| line.contains(word))
        });
        let told: Vec<&str> = told.collect();
        assert!(!told.is_empty(), "{file}: {text}");
        let _ = writeln!(said, "{}", told.join("\n"));
    }
    if std::env::var_os("TRACKGATE_WRITE_CHECK").is_some() {
        std::fs::write(project(MESSAGES), &said).unwrap();
    }
    assert_eq!(said, read(MESSAGES));
}
