//! A wrong rule drops a site's events; they are kept, the rule is mended, and they reach the
//! collector after all. Four ledgers agree in the end: clients, collector, store, counters.

use super::Result;
use super::client::{self, Transport};
use super::collector::Collector;
use super::ecds;
use super::envoy::{Envoy, Host, free_port, replaced};
use super::gateway::{CRAWLER, collector, own_stat, post, shipped};
use super::wait::until;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;
use trackgate_cli::quarantine::{Bounds, Chosen, Serve, Store};
use trackgate_cli::resend::Resend;

/// Takes every page of the shop, where `/checkout/**` was meant.
const WRONG: &str = r#"{"quarantine":{"cluster":"kept","max_in_flight":1000},"endpoints":[{"name":"plausible","vendor":"plausible","sites":{"shop.example":{"page_blocklist":["/**"]}}}]}"#;
const MENDED: &str = r#"{"quarantine":{"cluster":"kept","max_in_flight":1000},"endpoints":[{"name":"plausible","vendor":"plausible","sites":{"shop.example":{"page_blocklist":["/checkout/**"]}}}]}"#;
const REQUESTS: usize = 600;

struct Scene {
    collector: Collector,
    envoy: Envoy,
    folder: PathBuf,
    resource: String,
}

/// What a client has sent.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Shop,
    Blog,
    Bot,
}

impl Kind {
    fn of(number: usize) -> Kind {
        match number % 3 {
            0 => Kind::Shop,
            1 => Kind::Blog,
            _ => Kind::Bot,
        }
    }
}

/// Plays it. True: the ledgers agree.
///
/// # Errors
/// A part does not come up.
pub async fn run() -> Result<bool> {
    let folder = ecds::folder("quarantine")?;
    let database = folder.join("quarantine.db");
    let store = SocketAddr::from(([127, 0, 0, 1], free_port()?));
    receive(store, &database);
    let scene = Scene::start(folder.clone(), store).await?;
    println!("1. a wrong rule is at work: every page of shop.example is blocked");
    scene.send(0).await?;
    let first = scene.stored(2 * REQUESTS as u64 / 3, 0).await;
    println!(
        "   {REQUESTS} requests sent, {} reached the collector, {first} are kept",
        scene.arrived().len()
    );
    println!("2. the rule is mended by ECDS");
    scene.publish(MENDED)?;
    scene.mended().await?;
    scene.send(REQUESTS).await?;
    let stored = scene.stored(REQUESTS as u64, first).await;
    println!(
        "   {REQUESTS} requests sent, {} reached the collector, {stored} are kept",
        scene.arrived().len()
    );
    println!("3. what would pass now is sent to the collector");
    let config = folder.join("mended.json");
    std::fs::write(&config, MENDED)?;
    let resend = Resend {
        store: database.clone(),
        to: format!("http://{}", scene.collector.address).parse()?,
        configuration: config,
        chosen: Chosen { unsent: true, ..Chosen::default() },
        rate: 5_000.0,
        send: true,
        unsure_too: false,
        fields: Vec::new(),
        time_field: Some("x-original-time".to_owned()),
        client_field: None,
        json: false,
    };
    tokio::task::spawn_blocking(move || trackgate_cli::resend::run(&resend)).await??;
    let is_good = scene.ledgers(&database, stored)?;
    std::fs::remove_dir_all(folder)?;
    Ok(is_good)
}

/// The command's own code, until the process ends.
pub fn receive(listen: SocketAddr, database: &Path) {
    let serve = Serve {
        listen,
        admin: None,
        store: database.to_owned(),
        bounds: Bounds { max_bytes: 1 << 30, max_age: Duration::from_secs(86_400) },
        header_prefix: "x-track-".to_owned(),
    };
    std::thread::spawn(move || {
        if let Err(error) = trackgate_cli::quarantine::run(&serve) {
            eprintln!("trackgate-testing: {}", trackgate_cli::shown::lines(error));
        }
    });
}

/// The shipped configuration with a cluster besides.
///
/// # Errors
/// It is not as it is shipped.
pub fn with_cluster(bootstrap: &str, name: &str, address: SocketAddr) -> Result<String> {
    let cluster = format!(
        "  clusters:\n  - name: {name}\n    connect_timeout: 1s\n    load_assignment:\n      cluster_name: {name}\n      \
         endpoints: [{{lb_endpoints: [{{endpoint: {{address: {{socket_address: {{address: {}, port_value: {}}}}}}}}}]}}]\n",
        address.ip(),
        address.port()
    );
    replaced(bootstrap, "  clusters:\n", &cluster)
}

impl Scene {
    async fn start(folder: PathBuf, store: SocketAddr) -> Result<Scene> {
        let collector = collector().await;
        let (bootstrap, resource) = ecds::discovered(&folder, &shipped("hold"))?;
        let bootstrap = with_cluster(&bootstrap, "kept", store)?;
        let port = format!("port_value: {}}}", collector.address.port());
        let bootstrap = replaced(&bootstrap, "port_value: 10081}", &port)?;
        ecds::publish(&folder, &resource, &Host::tried().found()?, WRONG)?;
        let envoy = Envoy::launch(&bootstrap, 2).await?;
        Ok(Scene { collector, envoy, folder, resource })
    }

    fn publish(&self, configuration: &str) -> Result<()> {
        ecds::publish(&self.folder, &self.resource, &Host::tried().found()?, configuration)
    }

    /// Each request has a number of its own, so that it can be found again.
    async fn send(&self, first: usize) -> Result<()> {
        for number in first..first + REQUESTS {
            let kind = Kind::of(number);
            let domain = if kind == Kind::Blog { "blog.example" } else { "shop.example" };
            let bot: &[(&str, &[u8])] = &[("user-agent", CRAWLER.as_bytes())];
            let fields = if kind == Kind::Bot { bot } else { &[] };
            let body = format!(r#"{{"n":"pageview","u":"https://{domain}/a","d":"{domain}"}}"#);
            let call = post(&format!("/api/event?number={number}"), fields, &body);
            let answer = client::send(self.envoy.listener, &call, Transport::Http1).await?;
            if answer.status != 202 {
                return Err(format!("request {number} got {}", answer.status).into());
            }
        }
        Ok(())
    }

    /// Waits until so many are counted as stored: besides those that an earlier configuration has
    /// counted, for the module counts anew with each.
    async fn stored(&self, count: u64, earlier: u64) -> u64 {
        until(&format!("{count} kept"), async || {
            let now = own_stat(&self.envoy, "trackgate_quarantine_total.outcome.stored").await;
            let all = if now < earlier { earlier + now } else { now };
            (all >= count).then_some(all)
        })
        .await
    }

    /// Waits until the new configuration judges on every worker: until a shop's event has arrived
    /// ten times in a row.
    async fn mended(&self) -> Result<()> {
        let body = r#"{"n":"pageview","u":"https://blog.example/","d":"blog.example"}"#;
        let call = post("/api/event", &[], body);
        until("the new configuration", async || {
            let stats = self.envoy.admin("/stats?filter=trackgate.*config_reload").await.ok()?;
            stats.lines().any(|line| line.ends_with(": 2")).then_some(())
        })
        .await;
        for _ in 0..10 {
            client::send(self.envoy.listener, &call, Transport::Http1).await?;
        }
        Ok(())
    }

    /// How often each numbered request has arrived.
    fn arrived(&self) -> BTreeMap<usize, usize> {
        let mut arrived = BTreeMap::new();
        for seen in self.collector.seen() {
            let number =
                seen.path.rsplit_once("number=").and_then(|(_, number)| number.parse().ok());
            if let Some(number) = number {
                *arrived.entry(number).or_default() += 1;
            }
        }
        arrived
    }

    fn ledgers(&self, database: &Path, counter: u64) -> Result<bool> {
        let arrived = self.arrived();
        let of = |kind| (0..2 * REQUESTS).filter(move |number| Kind::of(*number) == kind);
        let once = |kind| of(kind).filter(|number| arrived.get(number) == Some(&1)).count();
        let each = 2 * REQUESTS / 3;
        let kept = Store::existing(database)?.count()?;
        let rows = [
            (
                "clients: events of the shop, of the blog",
                2 * each,
                once(Kind::Shop) + once(Kind::Blog),
            ),
            (
                "clients: bots",
                each,
                each - of(Kind::Bot).filter(|bot| arrived.contains_key(bot)).count(),
            ),
            ("collector: events, each once", 2 * each, arrived.values().sum()),
            ("store: rows", each + each / 2, usize::try_from(kept)?),
            ("counter: stored", each + each / 2, usize::try_from(counter)?),
        ];
        println!("{:45} {:>8} {:>8}", "ledger", "expected", "found");
        for (what, expected, found) in rows {
            println!("{what:45} {expected:>8} {found:>8}");
        }
        Ok(rows.iter().all(|(_, expected, found)| expected == found))
    }
}
