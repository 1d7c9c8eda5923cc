//! Envoy drained and replaced under load: each request that was acknowledged reached the collector,
//! once, and none hangs.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::net::TcpStream;
use trackgate_testing::client::{self, Answer, Call, Transport};
use trackgate_testing::collector::Collector;
use trackgate_testing::gateway::{VIEW, counted, gateway, post, shipped};
use trackgate_testing::wait::{until, within};

const LANES: usize = 16;

/// Every fourth is refused by the gate; the collector takes its time with every fifth.
fn call(number: usize) -> Call {
    let path = format!("/api/event?number={number}");
    let delay: &[(&str, &[u8])] =
        if number.is_multiple_of(5) { &[("x-answer-delay-ms", b"300")] } else { &[] };
    post(&path, delay, if is_refused(number) { "{}" } else { VIEW })
}

fn is_refused(number: usize) -> bool {
    number.is_multiple_of(4)
}

/// What clients were told, while Envoy is stopped or replaced.
#[derive(Default)]
struct Load {
    next: AtomicUsize,
    over: AtomicBool,
    /// By number; `None`: nobody accepted the connection.
    answers: std::sync::Mutex<BTreeMap<usize, Option<Result<u16, String>>>>,
}

impl Load {
    fn start(listener: SocketAddr) -> (Arc<Load>, tokio::task::JoinSet<()>) {
        let load = Arc::new(Load::default());
        let mut lanes = tokio::task::JoinSet::new();
        for _ in 0..LANES {
            let load = Arc::clone(&load);
            lanes.spawn(async move { load.lane(listener).await });
        }
        (load, lanes)
    }

    async fn have_sent(&self, count: usize) {
        let sent = async || (self.next.load(Ordering::Relaxed) >= count).then_some(());
        until("the load", sent).await;
    }

    /// One request after the other, on one connection for as long as Envoy keeps it.
    async fn lane(&self, listener: SocketAddr) {
        let mut open: Option<TcpStream> = None;
        while !self.over.load(Ordering::Relaxed) {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            let is_new = open.is_none();
            let stream = match open.take() {
                Some(stream) => Ok(stream),
                None => TcpStream::connect(listener).await,
            };
            let Ok(mut stream) = stream else {
                self.answers.lock().unwrap().insert(number, None);
                return;
            };
            let call = call(number);
            let exchange = client::exchange(&mut stream, &call, Transport::Http1);
            let answer = tokio::time::timeout(Duration::from_secs(5), exchange).await;
            // The kernel connects for as long as the listener is there, and resets what nobody has
            // accepted when it is closed; Envoy closes unread what it accepts at that moment.
            if is_new && matches!(&answer, Ok(Err(error)) if is_unread(error.as_ref())) {
                self.answers.lock().unwrap().insert(number, None);
                return;
            }
            let answer = answer
                .map_err(|_| "it hangs".to_owned())
                .and_then(|answer| answer.map_err(|error| error.to_string()));
            if answer.as_ref().is_ok_and(|answer| !closes(answer)) {
                open = Some(stream);
            }
            self.answers.lock().unwrap().insert(number, Some(answer.map(|answer| answer.status)));
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// Every request that was sent has its answer, and the collector got those that it should,
    /// once. How many were sent.
    fn compare(&self, collector: &Collector) -> usize {
        let answers = self.answers.lock().unwrap();
        let mut received: BTreeMap<usize, usize> = BTreeMap::new();
        for seen in collector.seen() {
            let number = seen.path.split("number=").nth(1).unwrap().parse().unwrap();
            assert_eq!(
                seen.header("x-track-verdict"),
                Some(b"pass;endpoint=plausible".as_slice()),
                "{number}"
            );
            *received.entry(number).or_default() += 1;
        }
        for (number, _) in answers.iter().filter(|(_, answer)| answer.is_none()) {
            assert!(!received.contains_key(number), "{number} was not accepted");
        }
        let sent = answers.iter().filter_map(|(number, answer)| Some((*number, answer.as_ref()?)));
        let mut count = 0;
        for (number, answer) in sent {
            count += 1;
            let expected = if is_refused(number) { (Ok(400), 0) } else { (Ok(202), 1) };
            assert_eq!(
                (answer.clone(), received.get(&number).copied().unwrap_or(0)),
                expected,
                "{number}"
            );
        }
        count
    }
}

/// Not a byte of an answer came. That nobody read the request is checked at the collector.
fn is_unread(error: &(dyn std::error::Error + Send + Sync + 'static)) -> bool {
    use std::io::ErrorKind::{ConnectionReset, UnexpectedEof};
    let error = error.downcast_ref::<std::io::Error>();
    error.is_some_and(|error| matches!(error.kind(), ConnectionReset | UnexpectedEof))
}

fn closes(answer: &Answer) -> bool {
    answer.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn draining_loses_nothing() {
    let (collector, envoy) = gateway(&shipped("hold"), 2).await;
    let (load, lanes) = Load::start(envoy.listener);
    load.have_sent(200).await;
    let drained = envoy.post("/drain_listeners?graceful").await.unwrap();
    assert_eq!(drained, "OK\n");
    // Every lane ends when there is nobody left to connect to.
    within("the listener to close, after the drain time", lanes.join_all()).await;
    let sent = load.compare(&collector);
    assert!(sent > 100, "{sent}");
    assert_eq!(counted(&envoy).await, sent as u64);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hot_restart_loses_nothing() {
    let (collector, mut envoy) = gateway(&shipped("hold"), 2).await;
    let (load, lanes) = Load::start(envoy.listener);
    load.have_sent(200).await;
    let successor = envoy.successor(2).await.unwrap();
    let before = load.next.load(Ordering::Relaxed);
    until("the first to end", async || envoy.has_ended().unwrap().then_some(())).await;
    // From here on the successor is alone.
    let alone = load.next.load(Ordering::Relaxed);
    load.have_sent(alone + 200).await;
    load.over.store(true, Ordering::Relaxed);
    within("the lanes", lanes.join_all()).await;
    let sent = load.compare(&collector);
    assert!(before > 100 && sent > before + 100, "{before} {sent}");
    // What the one before it served while it drained may be counted nowhere any more.
    let counted = counted(&successor).await;
    assert!(
        (sent - alone) as u64 <= counted && counted <= sent as u64,
        "{before} {alone} {sent} {counted}"
    );
    println!(
        "{sent} requests, {before} of them before the successor was live: each answered; the successor counts {counted}"
    );
}
