//! Compressed bodies, with Envoy's decompressor before the gate (`envoy/decompressor.yaml`). What
//! the gate says of them without it is in `tests/vectors/attacks.jsonl`.

use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::Write;
use trackgate_testing::client::{self, Call, Transport};
use trackgate_testing::envoy::replaced;
use trackgate_testing::gateway::{gateway, post, rss, shipped};

const FILTER: &str = "          - name: trackgate\n";
const EVENT: &[u8] = br#"{"event_name":"a","context":{"event_timestamp":"1700000000000"}}"#;

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

fn brotli(body: &[u8]) -> Vec<u8> {
    let mut packed = Vec::new();
    brotli::CompressorWriter::new(&mut packed, 4096, 9, 22).write_all(body).unwrap();
    packed
}

fn call(coding: &str, packed: Vec<u8>) -> Call {
    let call = post("/events?tc_s=1&token=a", &[("content-encoding", coding.as_bytes())], "");
    Call { body: Some(packed), ..call }
}

/// The event, and white space behind it to so many bytes: it packs a thousandfold.
fn padded(bytes: usize) -> Vec<u8> {
    let mut body = EVENT.to_vec();
    body.resize(bytes, b' ');
    body
}

/// An event of so many bytes that packs as text does.
fn long(bytes: usize) -> Vec<u8> {
    let mut state = 1u32;
    let letters = (0..bytes).map(|_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        char::from(b'a' + (state >> 28) as u8)
    });
    let mut body = format!(r#"{{"event_name":"{}"}}"#, letters.collect::<String>());
    body.replace_range(bytes - 2.., "\"}");
    body.into_bytes()
}

/// Name, coding, body as packed, and what the collector gets; of a bomb as much as Envoy unpacks.
/// `None`: refused.
type Row<'a> = (&'a str, &'a str, Vec<u8>, Option<&'a [u8]>);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn compressed_bodies_are_judged_as_they_unpack() {
    let filters = trackgate_testing::read("envoy/decompressor.yaml").unwrap();
    let bootstrap = replaced(&shipped("hold"), FILTER, &format!("{filters}{FILTER}")).unwrap();
    let (collector, envoy) = gateway(&bootstrap, 1).await;
    let (bomb, event, longest) = (padded(100_000_000), EVENT.to_vec(), long(32_768));
    let rows: Vec<Row> = vec![
        ("gzip", "gzip", gzip(EVENT), Some(&event)),
        ("brotli", "br", brotli(EVENT), Some(&event)),
        ("gzip, not JSON", "gzip", gzip(b"{"), None),
        ("brotli, not JSON", "br", brotli(b"{"), None),
        ("gzip, at the limit", "gzip", gzip(&longest), Some(&longest)),
        ("gzip, over the limit", "gzip", gzip(&long(32_769)), None),
        ("brotli, at the limit", "br", brotli(&longest), Some(&longest)),
        ("brotli, over the limit", "br", brotli(&long(32_769)), None),
        ("cut off", "gzip", gzip(EVENT)[..30].to_vec(), None),
        ("no gzip at all", "gzip", EVENT.to_vec(), None),
        // Envoy unpacks the first and ends there.
        ("two after each other", "gzip", [gzip(EVENT), gzip(&long(32_769))].concat(), Some(&event)),
        // It stops where a body unpacks to more than a hundred times its size; at the limit of the
        // gate at the latest it is over.
        ("a small gzip bomb", "gzip", gzip(&padded(40_000)), Some(&bomb)),
        ("a small brotli bomb", "br", brotli(&padded(40_000)), Some(&bomb)),
        ("a gzip bomb of 100 MB", "gzip", gzip(&bomb), None),
        ("a brotli bomb of 100 MB", "br", brotli(&bomb), Some(&bomb)),
    ];
    let before = rss(&envoy);
    for (name, coding, packed, expected) in rows {
        let count = collector.seen().len();
        let answer =
            client::send(envoy.listener, &call(coding, packed), Transport::Http1).await.unwrap();
        assert_eq!(answer.status, if expected.is_some() { 202 } else { 400 }, "{name}");
        let seen = collector.seen();
        assert_eq!(seen.len() - count, usize::from(expected.is_some()), "{name}");
        if let (Some(expected), Some(seen)) = (expected, seen.get(count)) {
            let got = seen.body.as_deref().unwrap();
            assert_eq!(
                seen.header("x-track-verdict"),
                Some(b"pass;endpoint=commanders_act".as_slice()),
                "{name}"
            );
            assert_eq!(seen.header("content-encoding"), None, "{name}");
            let is_whole = got.len() == expected.len() || expected == bomb && got.len() <= 32_768;
            assert!(is_whole && expected.starts_with(got), "{name}: {} bytes", got.len());
        }
    }
    let grown = rss(&envoy).saturating_sub(before);
    assert!(grown < 32 << 20, "bombs took {grown} bytes");
}
