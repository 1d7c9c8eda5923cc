//! What one classification costs, and how the operator's lists scale with the number of their
//! entries.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use trackgate::config::read::NonEmpty;
use trackgate::rules::user_agent::{UserAgentSpec, UserAgents, classify};

const CHROME: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36 Edg/131.0";
const ANDROID: &str = "Mozilla/5.0 (Linux; Android 14; SM-S918B Build/UP1A.231005.007) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Mobile Safari/537.36";
const CRAWLER: &str = "Mozilla/5.0 (compatible; AhrefsBot/7.0; +http://ahrefs.com/robot/)";
const LIBRARY: &str = "python-requests/2.32.3";

fn built_in(criterion: &mut Criterion) {
    let longest = "a".repeat(2_048);
    let mut group = criterion.benchmark_group("classify");
    for (name, value) in [
        ("chrome", CHROME),
        ("android", ANDROID),
        ("crawler", CRAWLER),
        ("library", LIBRARY),
        ("2048 x a", &longest),
    ] {
        group.throughput(Throughput::Bytes(u64::try_from(value.len()).unwrap_or(u64::MAX)));
        group
            .bench_function(name, |bencher| bencher.iter(|| classify(black_box(value.as_bytes()))));
    }
}

fn operator_lists(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("operator list, entries");
    for count in [10, 1_000, 100_000] {
        let deny = (0..count)
            .map(|index| NonEmpty(format!("Scanner-{}/", index * 7_919 % 1_000_003)))
            .collect();
        let lists = UserAgents::compile(&UserAgentSpec { deny, ..UserAgentSpec::default() });
        group.bench_function(BenchmarkId::from_parameter(count), |bencher| {
            bencher.iter(|| lists.classify(None, black_box(CHROME.as_bytes()), |_| false));
        });
    }
}

criterion_group!(benches, built_in, operator_lists);
criterion_main!(benches);
