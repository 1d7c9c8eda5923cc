//! `envoy/skip.yaml`: Envoy asks the gate on tracking paths alone.

use trackgate::vendors::Vendor;
use trackgate_testing::client::{self, Transport};
use trackgate_testing::gateway::{CRAWLER, counted, gateway, post, shipped};

/// The shipped bootstrap, its gate within the matcher.
fn bootstrap() -> String {
    let text = shipped("hold");
    let (before, rest) = text.split_once("          - name: trackgate\n").unwrap();
    let (gate, after) =
        rest.split_at(rest.find("          - name: envoy.filters.http.router").unwrap());
    let indented = |text: &str, by: usize| -> String {
        text.lines().map(|line| format!("{:by$}{line}\n", "")).collect()
    };
    let skip = trackgate_testing::read("envoy/skip.yaml").unwrap();
    let (_, skip) = skip.split_once("\nname: trackgate\n").unwrap();
    let (wrapper, rest) = skip.split_once("  extension_config:\n").unwrap();
    let (_, matcher) = rest.split_once("  xds_matcher:\n").unwrap();
    [
        before,
        "          - name: trackgate\n",
        &indented(wrapper, 12),
        "              extension_config:\n                name: trackgate\n",
        &indented(gate, 4),
        "              xds_matcher:\n",
        &indented(matcher, 12),
        after,
    ]
    .concat()
}

/// Every path of every vendor, as the contract names it.
fn paths() -> Vec<String> {
    let paths = Vendor::ALL.iter().flat_map(|vendor| vendor.contract().paths);
    paths
        .map(|path| {
            path.split('/')
                .map(|part| if part.starts_with('{') { "a" } else { part })
                .collect::<Vec<_>>()
                .join("/")
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn is_asked_on_tracking_paths_alone() {
    let (collector, envoy) = gateway(&bootstrap(), 1).await;
    let forged: [(&str, &[u8]); 2] =
        [("user-agent", CRAWLER.as_bytes()), ("x-track-verdict", b"forged")];
    let mut judged = 0;
    for path in paths() {
        for path in [path.clone(), format!("{path}?tc_s=1&token=a"), format!("/{path}")] {
            let call = post(&path, &forged, "{");
            client::send(envoy.listener, &call, Transport::Http1).await.unwrap();
            judged += 1;
            assert_eq!(counted(&envoy).await, judged, "{path}");
        }
    }
    assert!(judged >= 24, "{judged} paths");
    let before = collector.seen().len();
    for path in
        ["/", "/other", "/api/events", "/v1/track/a/b/c", "/events/batches", "/x?/api/event"]
    {
        let call = post(path, &forged, "{");
        let answer = client::send(envoy.listener, &call, Transport::Http1).await.unwrap();
        assert_eq!((answer.status, counted(&envoy).await), (202, judged), "{path}");
    }
    // The price: nobody removes there what a client sends under the gate's names.
    let seen = &collector.seen()[before..];
    assert_eq!(seen.len(), 6);
    for seen in seen {
        assert!(
            seen.headers
                .iter()
                .any(|(name, value)| name == "x-track-verdict" && value == b"forged")
        );
    }
}
