//! Every request that gets a verdict raises one counter, once; one that is not the gate's raises
//! none: each vector by itself, on the real Envoy.

use crate::corpus;
use crate::fleet::Fleet;
use trackgate_testing::client::{self, Call, Transport};
use trackgate_testing::gateway;
use trackgate_testing::gateway::{counted, shipped};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_vector_is_counted_once() {
    let vectors = corpus::vectors();
    let collector = gateway::collector().await;
    let configurations = vectors.iter().map(|vector| vector.config.clone());
    let fleet = Fleet::start(&shipped("hold"), configurations, collector.address).await.unwrap();
    let mut faults = Vec::new();
    let mut before = 0;
    for vector in &vectors {
        let call = Call {
            method: vector.method.clone(),
            path: vector.path.clone(),
            headers: vector.headers.clone(),
            body: vector.body.clone(),
        };
        let transport = if vector.http2_only { Transport::Http2(64) } else { Transport::Http1 };
        client::send(fleet.listener(&vector.config), &call, transport).await.unwrap();
        let after = counted(&fleet.envoy).await;
        if after - before != u64::from(!corpus::untouched(vector)) {
            faults.push(format!("{}: counted {} times", vector.id, after - before));
        }
        before = after;
    }
    assert!(
        before > 500 && faults.is_empty(),
        "{before} counted; {} of {} vectors:\n{}",
        faults.len(),
        vectors.len(),
        faults.join("\n")
    );
}
