//! What is told of the costs: quiet values, paired differences, a table and a plot.

use super::Costs;
use super::filters::{BASELINE, FILTERS};
use std::fmt::Write;

/// The fifth percentile: what disturbs a burst only ever adds to it.
pub fn quiet(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 20]
}

/// Mean of the differences, and its interval of 95 % by 2,000 resamples; the generator's seed is
/// fixed.
fn difference(a: &[f64], b: &[f64]) -> (f64, f64, f64) {
    let differences: Vec<f64> = a.iter().zip(b).map(|(a, b)| a - b).collect();
    let mean = |list: &[f64]| list.iter().sum::<f64>() / list.len() as f64;
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut means: Vec<f64> = (0..2000)
        .map(|_| {
            let sample: Vec<f64> = (0..differences.len())
                .map(|_| {
                    state = state
                        .wrapping_mul(6_364_136_223_846_793_005)
                        .wrapping_add(1_442_695_040_888_963_407);
                    differences[(state >> 33) as usize % differences.len()]
                })
                .collect();
            mean(&sample)
        })
        .collect();
    means.sort_by(f64::total_cmp);
    (mean(&differences), means[50], means[1949])
}

pub fn table(workload: &str, protocol: &str, costs: &Costs) -> String {
    let base = quiet(&costs[BASELINE]);
    let mut table = format!(
        "### {workload}, {protocol}\n\n| filter | µs a request | ratio | difference to the one that holds the body, 95 % |\n|---|---|---|---|\n"
    );
    for filter in FILTERS.iter().filter(|filter| costs.contains_key(**filter)) {
        let (mean, low, high) = difference(&costs[*filter], &costs[BASELINE]);
        let own = quiet(&costs[*filter]);
        writeln!(
            table,
            "| {filter} | {own:.1} | {:.2} | {mean:+.1} [{low:+.1}, {high:+.1}] |",
            own / base
        )
        .unwrap();
    }
    table + "\n"
}

pub fn plot(results: &[(String, Costs)]) -> String {
    const COLOURS: [&str; 8] =
        ["#9aa3ad", "#6f8fb0", "#8a6fb0", "#4d78a8", "#c79a1e", "#c4512d", "#2f7d4f", "#1f9d8f"];
    let height = results.len() * (FILTERS.len() * 16 + 40) + 20;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 900 {height}\" font-family=\"sans-serif\" font-size=\"12\"><rect width=\"900\" height=\"{height}\" fill=\"#fff\"/>"
    );
    let mut y = 24;
    for (name, costs) in results {
        let most = costs.values().map(|costs| quiet(costs)).fold(0.0, f64::max);
        write!(svg, "<text x=\"10\" y=\"{y}\" font-weight=\"bold\">{name}: µs of Envoy's CPU a request</text>").unwrap();
        for (filter, colour) in
            FILTERS.iter().zip(COLOURS).filter(|(filter, _)| costs.contains_key(**filter))
        {
            y += 16;
            let cost = quiet(&costs[*filter]);
            write!(
                svg,
                "<text x=\"160\" y=\"{}\" text-anchor=\"end\">{filter}</text><rect x=\"170\" y=\"{}\" width=\"{:.1}\" height=\"12\" fill=\"{colour}\"/><text x=\"{:.1}\" y=\"{}\">{cost:.1}</text>",
                y + 2, y - 8, 620.0 * cost / most, 176.0 + 620.0 * cost / most, y + 2
            )
            .unwrap();
        }
        y += 40;
    }
    svg + "</svg>\n"
}
