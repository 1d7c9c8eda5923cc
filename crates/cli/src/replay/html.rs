//! A replay's report as one page that needs nothing else: no network, no script; charts are inline
//! SVG.

use super::tally::{Count, Outcome, Tally};
use crate::shown::{html, line, shown};
use std::fmt::Write;

const COLOURS: [(&str, &str); 6] = [
    ("pass", "#2f7d4f"),
    ("annotate", "#c79a1e"),
    ("uninspected", "#8a6fb0"),
    ("drop", "#c4512d"),
    ("reject", "#8f1d2c"),
    ("untouched", "#9aa3ad"),
];

const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:72rem;padding:0 1rem;color:#1c2126;background:#fff}\
h1{font-size:1.5rem}h2{font-size:1.1rem;margin-top:2rem}table{border-collapse:collapse;width:100%}\
td,th{text-align:left;padding:.3rem .6rem;border-bottom:1px solid #e3e6ea}td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}\
code{font-size:.85em;color:#555}.key{display:inline-block;width:.8em;height:.8em;border-radius:2px;margin:0 .35em 0 .9em}svg{width:100%;height:auto}";

pub fn page(tally: &Tally, compares: bool) -> String {
    let mut page = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\"><title>trackgate replay</title>\
         <style>{STYLE}</style><h1>trackgate replay</h1><p>{} requests",
        tally.requests
    );
    if tally.malformed > 0 {
        let _ = write!(page, "; {} records could not be read", tally.malformed);
    }
    if tally.truncated > 0 {
        let _ = write!(page, "; {} captured in part", tally.truncated);
    }
    page.push_str("</p>");
    page.push_str("<h2>Verdicts by endpoint</h2>");
    page.push_str(&chart(tally));
    if compares {
        page.push_str("<h2>What would change</h2>");
        page.push_str(&changes(tally));
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

/// One bar an endpoint, as wide as its share of verdicts.
fn chart(tally: &Tally) -> String {
    const LABEL: f64 = 190.0;
    const WIDTH: f64 = 700.0;
    let endpoints = tally.by_endpoint();
    let height = 34 * endpoints.len();
    let mut chart = "<p>".to_owned();
    for (verdict, colour) in COLOURS {
        let _ = write!(chart, "<span class=\"key\" style=\"background:{colour}\"></span>{verdict}");
    }
    let _ = write!(
        chart,
        "</p><svg viewBox=\"0 0 1000 {height}\" role=\"img\" aria-label=\"verdicts by endpoint\">"
    );
    for (row, (endpoint, verdicts)) in endpoints.iter().enumerate() {
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
            "<text x=\"{}\" y=\"{}\" font-size=\"14\" fill=\"#555\">{total}</text>",
            LABEL + WIDTH + 10.0,
            y + 20
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
        count.requests,
        tally.share(count),
        examples.join(" ")
    )
}
