//! Bakes the list of spam referrers: a hash table that the module reads in place.
//! `SPAM_REFERRERS=FILE` bakes another list.
//!
//! A list is a text file: one host a line, letter case and one leading `www.` do not count; `#`
//! begins a comment.

#[path = "../src/rules/hash.rs"]
mod hash;

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// Two thirds of the table are used, so that a look-up takes two probes on average, however long
/// the list.
fn places(hosts: usize) -> usize {
    hosts + hosts / 2 + 1
}

pub fn compile(root: &Path, output: &Path) -> Result<(), String> {
    println!("cargo::rerun-if-env-changed=SPAM_REFERRERS");
    let file = match std::env::var_os("SPAM_REFERRERS").filter(|file| !file.is_empty()) {
        Some(file) => root.join(PathBuf::from(file)),
        None => root.join("data/spam_referrers/starter.txt"),
    };
    println!("cargo::rerun-if-changed={}", file.display());
    let text =
        std::fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()))?;
    let hosts = hosts(&text).map_err(|error| format!("{}: {error}", file.display()))?;
    let table = table(&hosts);
    let mut code =
        format!("/// {} hosts.\npub static TABLE: [u64; {}] = [", hosts.len(), table.len());
    for (index, entry) in table.iter().enumerate() {
        let separator = if index % 4 == 0 { "\n    " } else { " " };
        let _ = write!(code, "{separator}{entry:#018x},");
    }
    code.push_str("\n];\n");
    std::fs::write(output, code).map_err(|error| format!("{}: {error}", output.display()))
}

fn hosts(text: &str) -> Result<BTreeSet<String>, String> {
    let mut hosts = BTreeSet::new();
    for (index, line) in text.lines().enumerate() {
        let host = line.split('#').next().unwrap_or_default().trim().to_ascii_lowercase();
        if host.is_empty() {
            continue;
        }
        let host = host.strip_prefix("www.").unwrap_or(&host).to_owned();
        let fits = host.len() <= 253
            && host.split('.').count() > 1
            && host.split('.').all(|label| {
                !label.is_empty()
                    && label.bytes().all(|byte| {
                        byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte)
                    })
            });
        if !fits {
            return Err(format!(
                "line {}: expected a host in ASCII, without scheme, port and path, found {host:?}",
                index + 1
            ));
        }
        hosts.insert(host);
    }
    if hosts.is_empty() {
        return Err("expected at least one host, found none".to_owned());
    }
    Ok(hosts)
}

/// Open addressing; 0 is an empty place.
fn table(hosts: &BTreeSet<String>) -> Vec<u64> {
    let size = places(hosts.len());
    let mut table = vec![0; size];
    for host in hosts {
        let hash = hash::hash(host.as_bytes()).max(1);
        let mut place = hash as usize % size;
        while table[place] != 0 && table[place] != hash {
            place = (place + 1) % size;
        }
        table[place] = hash;
    }
    table
}
