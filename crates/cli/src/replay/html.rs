//! A replay's report as one page that needs nothing else: no network, no script; charts are inline
//! SVG.

use super::tally::{Count, Groups, Outcome, Tally, is_refusal};
use super::text::{headline, thousands};
use crate::shown::{file, html, line, shown};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};

const COLOURS: [(&str, &str); 6] = [
    ("pass", "#2f7d4f"),
    ("annotate", "#c79a1e"),
    ("uninspected", "#8a6fb0"),
    ("drop", "#c4512d"),
    ("reject", "#8f1d2c"),
    ("untouched", "#9aa3ad"),
];

const STYLE: &str = ":root{color-scheme:light dark;--ink:#1c2126;--paper:#fff;--line:#e3e6ea;--dim:#59626b}\
@media(prefers-color-scheme:dark){:root{--ink:#e6e9ec;--paper:#16191d;--line:#30363d;--dim:#9aa3ad}}\
body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:72rem;padding:0 1rem;color:var(--ink);background:var(--paper)}\
h1{font-size:1.5rem}h2{font-size:1.1rem;margin-top:2rem}.headline{font-size:1.8rem;margin:.5rem 0}.scroll{overflow-x:auto}\
table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.3rem .6rem;border-bottom:1px solid var(--line)}\
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}code{font-size:.85em;color:var(--dim)}\
.key{display:inline-block;width:.8em;height:.8em;border-radius:2px;margin:0 .35em 0 .9em}svg{width:100%;height:auto}svg text{fill:var(--ink)}";

/// What was replayed.
pub struct About<'a> {
    pub configuration: &'a Path,
    pub against: Option<&'a Path>,
    pub hashes: Vec<String>,
    pub files: &'a [PathBuf],
    pub seconds: f64,
}

pub fn page(tally: &Tally, about: &About<'_>) -> String {
    let compares = about.against.is_some();
    let mut page = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\"><title>trackgate replay</title>\
         <style>{STYLE}</style><h1>trackgate replay</h1><p class=\"headline\">{}</p><p>{} requests",
        html(headline(tally, compares)),
        thousands(tally.requests)
    );
    for (count, what) in [
        (tally.malformed, "records could not be read"),
        (tally.truncated, "captured in part"),
        (tally.without_body, "captured without their body, and not judged"),
    ] {
        if count > 0 {
            let _ = write!(page, "; {} {what}", thousands(count));
        }
    }
    page.push_str("</p>");
    page.push_str(&told(about));
    page.push_str("<h2>Verdicts by endpoint</h2>");
    page.push_str(&chart(&tally.by_endpoint()));
    if compares {
        page.push_str("<h2>Before and after</h2>");
        let mut now: BTreeMap<&'static str, u64> = BTreeMap::new();
        for (outcome, count) in &tally.outcomes {
            *now.entry(outcome.verdict).or_default() += count.requests;
        }
        page.push_str(&chart(&BTreeMap::from([("1: now", now), ("2: then", tally.then.clone())])));
        page.push_str("<h2>What would change</h2>");
        page.push_str(&changes(tally));
    }
    for (title, groups) in
        [("By site, or host", &tally.by_site), ("By class of User-Agent", &tally.by_class)]
    {
        let _ = write!(page, "<h2>{title}</h2>");
        page.push_str(&table_of(groups));
    }
    page.push_str("<h2>All outcomes</h2>");
    page.push_str(&outcomes(tally));
    if !tally.problems.is_empty() {
        page.push_str("<h2>Records that could not be read</h2><ul>");
        for problem in &tally.problems {
            let _ = write!(page, "<li><code>{}</code>", html(line(problem)));
        }
        page.push_str("</ul>");
    }
    page.push_str("</html>\n");
    page
}

fn told(about: &About<'_>) -> String {
    let names: Vec<String> =
        about.files.iter().take(20).map(|path| html(file(path)).to_string()).collect();
    let more = about.files.len().saturating_sub(names.len());
    let configurations = std::iter::once(about.configuration).chain(about.against);
    let configurations: Vec<String> = configurations
        .zip(&about.hashes)
        .map(|(path, hash)| format!("{} (hash {hash})", html(file(path))))
        .collect();
    format!(
        "<p><code>{}<br>{}{}<br>{:.1} s</code></p>",
        configurations.join(", against "),
        names.join(" "),
        if more > 0 { format!(" and {more} more files") } else { String::new() },
        about.seconds
    )
}

/// The groups with the most refusals first.
fn table_of(groups: &Groups) -> String {
    let mut rows: Vec<(&String, u64, u64)> = groups
        .0
        .iter()
        .map(|(name, verdicts)| {
            let refused = verdicts.iter().filter(|(verdict, _)| is_refusal(verdict));
            (name, verdicts.values().sum(), refused.map(|(_, count)| count).sum())
        })
        .collect();
    rows.sort_by_key(|(name, all, refused)| (u64::MAX - refused, u64::MAX - all, (*name).clone()));
    let mut table =
        "<table><tr><th>&nbsp;<th class=\"n\">requests<th class=\"n\">refused<th class=\"n\">share"
            .to_owned();
    for (name, all, refused) in rows.iter().take(50) {
        let share = 100.0 * *refused as f64 / (*all).max(1) as f64;
        let _ = write!(
            table,
            "<tr><td>{}<td class=\"n\">{}<td class=\"n\">{}<td class=\"n\">{share:.1} %",
            html(shown(name)),
            thousands(*all),
            thousands(*refused)
        );
    }
    table + "</table>"
}

/// One bar a row, as wide as its share of verdicts.
fn chart(rows: &BTreeMap<&str, BTreeMap<&'static str, u64>>) -> String {
    const LABEL: f64 = 190.0;
    const WIDTH: f64 = 700.0;
    let height = 34 * rows.len();
    let mut chart = "<p>".to_owned();
    for (verdict, colour) in COLOURS {
        let _ = write!(chart, "<span class=\"key\" style=\"background:{colour}\"></span>{verdict}");
    }
    let _ = write!(
        chart,
        "</p><svg viewBox=\"0 0 1000 {height}\" role=\"img\" aria-label=\"verdicts by endpoint\">"
    );
    for (row, (endpoint, verdicts)) in rows.iter().enumerate() {
        let total: u64 = verdicts.values().sum();
        let y = 34 * row;
        let _ = write!(
            chart,
            "<text x=\"{}\" y=\"{}\" text-anchor=\"end\" font-size=\"15\">{}</text>",
            LABEL - 10.0,
            y + 20,
            html(shown(endpoint))
        );
        let mut x = LABEL;
        for (verdict, colour) in COLOURS {
            let count = verdicts.get(verdict).copied().unwrap_or(0);
            let width = WIDTH * count as f64 / total.max(1) as f64;
            if count > 0 {
                let _ = write!(
                    chart,
                    "<rect x=\"{x:.2}\" y=\"{}\" width=\"{width:.2}\" height=\"22\" fill=\"{colour}\"><title>{verdict}: {count} of {total}</title></rect>",
                    y + 4
                );
            }
            x += width;
        }
        let _ = write!(
            chart,
            "<text x=\"{}\" y=\"{}\" font-size=\"14\">{}</text>",
            LABEL + WIDTH + 10.0,
            y + 20,
            thousands(total)
        );
    }
    chart.push_str("</svg>");
    chart
}

fn outcomes(tally: &Tally) -> String {
    let mut table =
        "<table><tr><th>endpoint<th>verdict<th>reason<th>mode<th class=\"n\">requests<th class=\"n\">share<th>examples"
            .to_owned();
    for (outcome, count) in &tally.outcomes {
        let Outcome { endpoint, verdict, reason, mode } = outcome;
        let _ = write!(
            table,
            "<tr><td>{}<td>{verdict}<td>{reason}<td>{mode}{}",
            html(shown(endpoint)),
            cells(tally, count)
        );
    }
    table + "</table>"
}

fn changes(tally: &Tally) -> String {
    if tally.changes.is_empty() {
        return "<p>Nothing.</p>".to_owned();
    }
    let mut table = "<table><tr><th>endpoint<th>now<th>then<th class=\"n\">requests<th class=\"n\">share<th>examples".to_owned();
    for (change, count) in &tally.changes {
        let told = |outcome: &Outcome| {
            format!("{} {} ({})", outcome.verdict, outcome.reason, outcome.mode)
        };
        let endpoint = if change.now.endpoint.is_empty() {
            &change.then.endpoint
        } else {
            &change.now.endpoint
        };
        let _ = write!(
            table,
            "<tr><td>{}<td>{}<td>{}{}",
            html(shown(endpoint)),
            told(&change.now),
            told(&change.then),
            cells(tally, count)
        );
    }
    table + "</table>"
}

fn cells(tally: &Tally, count: &Count) -> String {
    let examples: Vec<String> =
        count.examples.iter().map(|id| format!("<code>{}</code>", html(shown(id)))).collect();
    format!(
        "<td class=\"n\">{}<td class=\"n\">{:.3} %<td>{}",
        thousands(count.requests),
        tally.share(count),
        examples.join(" ")
    )
}
