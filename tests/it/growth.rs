//! What a request costs against the size of the configuration, and what it takes to load it:
//! benches/growth.tsv, and growth.svg drawn from it. Counted, so that it is the same anywhere.

use crate::host::{Envoy, Request, WHOLE, start};
use std::collections::BTreeMap;
use std::fmt::Write as _;

const TABLE: &str = "benches/growth.tsv";
const PLOT: &str = "benches/growth.svg";
const HEADING: &str = "what\tcount\trequest_fuel\tload_fuel\tmemory_bytes\n";
const SIZES: [usize; 6] = [1, 10, 100, 1_000, 10_000, 100_000];

/// What there is more and more of. Each of the last ones is what the request is looked up in.
const KINDS: [&str; 6] = ["sites", "endpoints", "pages of one site", "keys", "prefixes", "agents"];

fn configuration(kind: &str, count: usize) -> String {
    let list = |item: &dyn Fn(usize) -> String| (0..count).map(item).collect::<Vec<_>>().join(",");
    let plausible = |member: String| {
        format!(r#"{{"endpoints":[{{"name":"plausible","vendor":"plausible",{member}}}]}}"#)
    };
    match kind {
        "sites" => {
            let site = |index: usize| {
                format!(r#""site{index}.example":{{"page_blocklist":["/private/**"]}}"#)
            };
            plausible(format!(
                r#""sites":{{"a.example":{{"page_blocklist":["/x"]}},{}}}"#,
                list(&site)
            ))
        }
        "endpoints" => {
            let endpoint = |index: usize| {
                format!(
                    r#"{{"name":"e{index}","vendor":"plausible","hosts":["e{index}.example"]}}"#
                )
            };
            format!(
                r#"{{"endpoints":[{},{{"name":"plausible","vendor":"plausible"}}]}}"#,
                list(&endpoint)
            )
        }
        "pages of one site" => {
            let page = |index: usize| format!(r#""/section-{index}/private/**""#);
            plausible(format!(r#""sites":{{"a.example":{{"page_blocklist":[{}]}}}}"#, list(&page)))
        }
        "keys" => {
            let key = |index: usize| format!("\"{:064x}\"", index * 7 + 1);
            format!(
                r#"{{"endpoints":[{{"name":"plausible","vendor":"plausible"}},{{"name":"userpilot","vendor":"userpilot","api_keys_sha256":[{}]}}]}}"#,
                list(&key)
            )
        }
        "prefixes" => {
            let prefix = |index: usize| {
                format!("\"{}.{}.{}.0/25\"", 11 + index / 65536, index / 256 % 256, index % 256)
            };
            plausible(format!(r#""datacenter_ranges":[{}]"#, list(&prefix)))
        }
        "agents" => {
            let part = |index: usize| format!("\"Robot-{index}-of-ours/\"");
            format!(r#"{{"user_agents":{{"deny":[{}]}}}}"#, list(&part))
        }
        other => panic!("{other}"),
    }
}

fn request(kind: &str) -> Request {
    let (path, body, key): (_, _, &[_]) = match kind {
        "keys" => (
            "/v1/track",
            r#"{"user_id":"u","event_name":"e"}"#,
            &[("authorization", "Token of-nobody"), ("x-api-version", "2020-09-22")],
        ),
        _ => (
            "/api/event",
            r#"{"n":"pageview","u":"https://a.example/page/of/mine","d":"a.example"}"#,
            &[],
        ),
    };
    let usual = [
        ("content-type", "application/json"),
        ("user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:126.0) Gecko/20100101 Firefox/126.0"),
    ];
    Request {
        method: "POST".to_owned(),
        path: path.to_owned(),
        headers: usual
            .iter()
            .chain(key)
            .map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec()))
            .collect(),
        body: Some(body.as_bytes().to_vec()),
    }
}

/// Fuel of a request, fuel to load, and linear memory after both.
fn measure(kind: &str, count: usize) -> [u64; 3] {
    let mut vm = start(&configuration(kind, count));
    let load = vm.fuel_used();
    let request = request(kind);
    let fuel = (0..4).map(|_| vm.request(&request, WHOLE, Envoy::Hold).fuel).last().unwrap();
    [fuel, load, vm.memory_bytes() as u64]
}

type Rows = BTreeMap<(String, usize), [u64; 3]>;

fn parse(table: &str) -> Rows {
    let cells = table.lines().skip(1).map(|line| line.split('\t').collect::<Vec<_>>());
    cells
        .map(|cells| {
            let number = |index: usize| cells[index].parse().unwrap();
            ((cells[0].to_owned(), cells[1].parse().unwrap()), [2, 3, 4].map(number))
        })
        .collect()
}

/// Up to a thousand of each are measured anew.
#[test]
fn a_request_costs_what_it_cost_with_one() {
    let writes = std::env::var_os("TRACKGATE_WRITE_GROWTH").is_some();
    let sizes = SIZES.into_iter().filter(|size| writes || *size <= 1_000);
    let mut rows = Rows::new();
    for size in sizes {
        for kind in KINDS {
            rows.insert((kind.to_owned(), size), measure(kind, size));
        }
    }
    if writes {
        write(&rows);
    }
    let committed = parse(&trackgate_testing::read(TABLE).unwrap());
    for ((kind, size), found) in &rows {
        let known = committed[&(kind.clone(), *size)];
        let is_near = |index: usize| found[index] <= known[index] + known[index] / 7;
        assert!((0..3).all(is_near), "{kind} {size}: {found:?}, was {known:?}: `make growth`");
    }
    for kind in KINDS {
        let one = committed[&(kind.to_owned(), 1)][0];
        let most = committed[&(kind.to_owned(), 100_000)][0];
        assert!(most < one + one / 2, "{kind}: {most}, {one} with one: more than a logarithm");
    }
}

fn write(rows: &Rows) {
    let mut table = HEADING.to_owned();
    for ((kind, size), [fuel, load, memory]) in rows {
        writeln!(table, "{kind}\t{size}\t{fuel}\t{load}\t{memory}").unwrap();
    }
    std::fs::write(trackgate_testing::path(TABLE), table).unwrap();
    std::fs::write(trackgate_testing::path(PLOT), plot(rows)).unwrap();
}

const COLOURS: [&str; 6] = ["#c4512d", "#2f7d4f", "#4d78a8", "#8a6fb0", "#c79a1e", "#1f9d8f"];

/// Three panels side by side, the count along the bottom by powers of ten.
fn plot(rows: &Rows) -> String {
    let panels = [
        ("fuel of a request (linear)", 0, false),
        ("fuel to load", 1, true),
        ("linear memory, bytes", 2, true),
    ];
    let mut svg = "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 1000 380\" font-family=\"sans-serif\" font-size=\"12\"><rect width=\"1000\" height=\"380\" fill=\"#fff\"/>".to_owned();
    for (place, (title, figure, is_log)) in panels.into_iter().enumerate() {
        panel(&mut svg, rows, 40 + 330 * place, title, figure, is_log);
    }
    for (place, (kind, colour)) in KINDS.iter().zip(COLOURS).enumerate() {
        let x = 40 + 155 * place;
        write!(svg, "<rect x=\"{x}\" y=\"354\" width=\"12\" height=\"12\" fill=\"{colour}\"/><text x=\"{}\" y=\"365\">{kind}</text>", x + 18).unwrap();
    }
    svg + "</svg>\n"
}

fn panel(svg: &mut String, rows: &Rows, left: usize, title: &str, figure: usize, is_log: bool) {
    let scaled = |value: u64| if is_log { (value as f64).log10() } else { value as f64 };
    let most = rows.values().map(|row| row[figure]).max().unwrap();
    let least = if is_log { rows.values().map(|row| row[figure]).min().unwrap() } else { 0 };
    let (top, bottom) = (scaled(most), scaled(least));
    let y = |value: u64| 310.0 - 260.0 * (scaled(value) - bottom) / (top - bottom).max(1e-9);
    let x = |size: usize| left as f64 + 20.0 + 50.0 * (size as f64).log10();
    write!(svg, "<text x=\"{left}\" y=\"24\" font-weight=\"bold\">{title}</text>").unwrap();
    for value in [least, most] {
        write!(svg, "<text x=\"{left}\" y=\"{:.0}\" fill=\"#667\">{value}</text>", y(value) - 6.0)
            .unwrap();
    }
    for size in SIZES {
        write!(
            svg,
            "<text x=\"{:.0}\" y=\"330\" text-anchor=\"middle\" fill=\"#667\">{size}</text>",
            x(size)
        )
        .unwrap();
    }
    for (kind, colour) in KINDS.iter().zip(COLOURS) {
        let points: Vec<String> = SIZES
            .iter()
            .map(|size| (*size, rows[&((*kind).to_owned(), *size)][figure]))
            .map(|(size, value)| format!("{:.1},{:.1}", x(size), y(value)))
            .collect();
        write!(
            svg,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>",
            points.join(" ")
        )
        .unwrap();
    }
}
