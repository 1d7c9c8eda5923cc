//! Three roll-outs with three real Envoys each: front, stable gateway,
//! canary gateway.

use super::Result;
use super::client::{self, Call, Transport};
use super::collector::Collector;
use super::envoy::{Envoy, replaced};
use std::net::SocketAddr;
use std::time::Duration;
use trackgate_cli::canary::{Decision, Limits, Source, observe, print};

/// One roll-out, and how it must end.
struct Rollout {
    name: &'static str,
    canary: &'static str,
    requests: u32,
    decision: Decision,
}

const ROLLOUTS: [Rollout; 3] = [
    Rollout {
        name: "a canary like the stable gateway",
        canary: r#"{"log_sample_per_minute":5}"#,
        requests: 1500,
        decision: Decision::Promote,
    },
    Rollout {
        name: "a canary that takes Firefox for a bot",
        canary: r#"{"user_agents":{"deny":["Firefox/"]}}"#,
        requests: 1500,
        decision: Decision::RollBack,
    },
    Rollout {
        name: "a canary that has seen too little",
        canary: r#"{"log_sample_per_minute":5}"#,
        requests: 60,
        decision: Decision::Hold,
    },
];

const PER_SECOND: f64 = 250.0;

/// Plays them. True: each ended as it must.
///
/// # Errors
/// An Envoy or the collector does not come up.
pub async fn run() -> Result<bool> {
    let mut all = true;
    for rollout in &ROLLOUTS {
        println!("{}:", rollout.name);
        let (decision, unanswered) = play(rollout).await?;
        let as_it_must = decision == rollout.decision && unanswered == 0;
        println!("{}\n", if as_it_must { "as it must be" } else { "NOT as it must be" });
        all &= as_it_must;
    }
    Ok(all)
}

/// The decision, and how many clients got no answer of a gateway or collector.
async fn play(rollout: &Rollout) -> Result<(Decision, usize)> {
    let collector = Collector::start(SocketAddr::from(([127, 0, 0, 1], 0)), |_| {}).await?;
    let shipped = crate::read("envoy/hold.yaml")?;
    let stable = Envoy::start(&shipped, collector.address, 1).await?;
    let changed = replaced(&shipped, "value: '{}'", &format!("value: '{}'", rollout.canary))?;
    let canary = Envoy::start(&changed, collector.address, 1).await?;
    let front = front(&stable, &canary).await?;
    let limits = Limits { min_requests: 200, min_change: 0.5, alpha: 0.01 };
    let admin = |envoy: &Envoy| Source::Admin(vec![envoy.admin.to_string()]);
    let (stable_admin, canary_admin, requests) = (admin(&stable), admin(&canary), rollout.requests);
    let runtime = tokio::runtime::Handle::current();
    // The command's own code, which blocks.
    let watching = tokio::task::spawn_blocking(move || {
        let mut unanswered = 0;
        let load = || unanswered = runtime.block_on(load(front.listener, requests));
        let report = observe(&stable_admin, &canary_admin, load, limits)?;
        Ok::<_, Box<dyn std::error::Error + Send + Sync>>((report, unanswered))
    });
    let (report, unanswered) = watching.await??;
    print(&report);
    Ok((report.decision, unanswered))
}

async fn front(stable: &Envoy, canary: &Envoy) -> Result<Envoy> {
    let text = crate::read("examples/canary/front.yaml")?;
    let text = replaced(
        &text,
        "port_value: 10082}",
        &format!("port_value: {}}}", stable.listener.port()),
    )?;
    let text = replaced(
        &text,
        "port_value: 10083}",
        &format!("port_value: {}}}", canary.listener.port()),
    )?;
    Envoy::launch(&text, 1).await
}

/// Sends at a constant rate; how many got no answer, or one that is neither the gate's nor the
/// collector's.
async fn load(address: SocketAddr, requests: u32) -> usize {
    let mut pace = tokio::time::interval(Duration::from_secs_f64(1.0 / PER_SECOND));
    let mut calls = tokio::task::JoinSet::new();
    for index in 0..requests {
        pace.tick().await;
        calls.spawn(async move { client::send(address, &call(index), Transport::Http1).await });
    }
    let mut unanswered = 0;
    while let Some(answer) = calls.join_next().await {
        let is_answered =
            matches!(answer, Ok(Ok(answer)) if [200, 202, 400].contains(&answer.status));
        unanswered += usize::from(!is_answered);
    }
    unanswered
}

/// Mostly people, half of them with Firefox; a tenth crawlers, a tenth broken.
fn call(index: u32) -> Call {
    let user_agent = match index % 10 {
        0 => "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
        odd if odd % 2 == 1 => {
            "Mozilla/5.0 (X11; Linux x86_64; rv:126.0) Gecko/20100101 Firefox/126.0"
        }
        _ => {
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36"
        }
    };
    let body = if index % 10 == 4 {
        "{}"
    } else {
        r#"{"n":"pageview","u":"https://a.example/","d":"a.example"}"#
    };
    let fields = [("user-agent", user_agent), ("content-type", "application/json")];
    Call {
        method: "POST".to_owned(),
        path: "/api/event".to_owned(),
        headers: fields.map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec())).to_vec(),
        body: Some(body.as_bytes().to_vec()),
    }
}
