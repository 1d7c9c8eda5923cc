//! `trackgate report`: what a tenant has lost, by site, reason and day, from what is kept.

use super::Result;
use super::quarantine::{Chosen, Count, Store};
use super::shown;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// How it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Form {
    Text,
    Html,
    Json,
}

/// What to report of.
#[derive(Debug)]
pub struct Report {
    pub store: PathBuf,
    pub chosen: Chosen,
    pub form: Form,
}

/// Prints it.
///
/// # Errors
/// The store cannot be read.
pub fn run(report: &Report) -> Result<()> {
    let rows = Store::existing(&report.store)?.by_site(&report.chosen)?;
    match report.form {
        Form::Text => print!("{}", text(&rows)),
        Form::Html => print!("{}", html(&rows)),
        Form::Json => println!("{}", shown::json(&Value::Array(rows.iter().map(json).collect()))),
    }
    Ok(())
}

const HEADINGS: [&str; 6] = ["day", "endpoint", "site or key", "reason", "refused", "sent again"];

/// Nobody's in particular: the request names no site, and had no key.
const NOBODY: &str = "-";

fn cells(row: &Count) -> [String; 6] {
    let key = row.key_digest.as_ref().map(|key| format!("key {key}"));
    let whose = row.site.clone().or(key).unwrap_or_else(|| NOBODY.to_owned());
    let shown = |text: &str| shown::shown(text).to_string();
    [
        row.day.clone(),
        shown(&row.endpoint),
        shown(&whose),
        shown(&row.reason),
        row.refused.to_string(),
        row.resent.to_string(),
    ]
}

fn text(rows: &[Count]) -> String {
    let all: Vec<[String; 6]> =
        std::iter::once(HEADINGS.map(str::to_owned)).chain(rows.iter().map(cells)).collect();
    let widths: Vec<usize> = (0..HEADINGS.len())
        .map(|at| all.iter().filter_map(|row| row.get(at)).map(|cell| cell.chars().count()).max())
        .map(Option::unwrap_or_default)
        .collect();
    let line = |row: &[String; 6]| {
        let cells: Vec<String> = row
            .iter()
            .zip(&widths)
            .enumerate()
            .map(
                |(at, (cell, width))| {
                    if at < 4 { format!("{cell:width$}") } else { format!("{cell:>width$}") }
                },
            )
            .collect();
        format!("{}\n", cells.join("  ").trim_end())
    };
    all.iter().map(line).collect()
}

fn json(row: &Count) -> Value {
    json!({
        "day": row.day, "endpoint": row.endpoint, "site": row.site, "key": row.key_digest,
        "reason": row.reason, "refused": row.refused, "sent_again": row.resent,
    })
}

fn html(rows: &[Count]) -> String {
    let mut sites: BTreeMap<String, i64> = BTreeMap::new();
    for row in rows {
        let [_, _, whose, ..] = cells(row);
        *sites.entry(whose).or_default() += row.refused;
    }
    let total: i64 = sites.values().sum();
    let line = |cells: &[String], tag: &str| {
        let cells: String =
            cells.iter().map(|cell| format!("<{tag}>{}</{tag}>", shown::html(cell))).collect();
        format!("<tr>{cells}</tr>\n")
    };
    let headings = line(&HEADINGS.map(str::to_owned), "th");
    let body: String = rows.iter().map(|row| line(&cells(row), "td")).collect();
    format!(
        "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>trackgate: what was refused</title>\n<style>:root{{color-scheme:light dark;font-family:system-ui}}table{{border-collapse:collapse}}\
         td,th{{padding:.2em .8em;text-align:left;border-bottom:1px solid #8886}}td:nth-last-child(-n+2){{text-align:right}}</style>\n\
         <h1>{total} requests refused and kept, of {} sites and keys</h1>\n<table>\n{headings}{body}</table>\n",
        sites.len()
    )
}
