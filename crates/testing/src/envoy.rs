//! A real Envoy with a shipped configuration, on free loopback ports.

pub use super::host::Host;

use super::Result;
use super::client::{self, Call, Transport};
use std::fs::File;
use std::io::Write;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// The ports that the shipped configurations name.
const ADMIN_PORT: &str = "port_value: 9901}";
const LISTENER_PORT: &str = "port_value: 10080}";
const COLLECTOR_PORT: &str = "port_value: 10081}";
const START_TIMEOUT: Duration = Duration::from_secs(30);
/// Within this time a draining Envoy asks its clients to go elsewhere, and then closes its
/// listeners.
const DRAIN_SECONDS: &str = "2";
/// How long an Envoy that another took over from stays.
const PARENT_SHUTDOWN_SECONDS: &str = "4";

/// The binary: `$ENVOY`, else `envoy` on PATH.
pub fn binary() -> PathBuf {
    std::env::var_os("ENVOY").map_or_else(|| PathBuf::from("envoy"), PathBuf::from)
}

/// Replaces every occurrence of what must be there.
///
/// # Errors
/// It is not there.
pub fn replaced(text: &str, what: &str, by: &str) -> Result<String> {
    if !text.contains(what) {
        return Err(format!("the configuration does not contain {what:?}").into());
    }
    Ok(text.replace(what, by))
}

/// A port that is free now, and that this process was not given before: two Envoys, or two
/// listeners of one, that listen on one port share its connections without a word. It is none of
/// those that a system gives to outgoing connections, one of which could have it by the time an
/// Envoy listens.
///
/// # Errors
/// There is none.
pub fn free_port() -> Result<u16> {
    const FIRST: u16 = 12_000;
    const COUNT: u32 = 20_000;
    static GIVEN: AtomicU32 = AtomicU32::new(0);
    // Processes side by side begin in different places.
    let start = std::process::id().wrapping_mul(7_919) % COUNT;
    loop {
        let given = GIVEN.fetch_add(1, Ordering::Relaxed);
        if given >= COUNT {
            return Err(format!("no port from {FIRST} on is free").into());
        }
        let port = FIRST + u16::try_from((start + given) % COUNT)?;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return Ok(port);
        }
    }
}

/// An Envoy that runs until it is dropped.
#[derive(Debug)]
pub struct Envoy {
    child: Child,
    pub listener: SocketAddr,
    pub admin: SocketAddr,
    folder: PathBuf,
}

impl Drop for Envoy {
    fn drop(&mut self) {
        // Envoy ends at once on SIGTERM, without draining.
        if matches!(self.child.try_wait(), Ok(None)) {
            let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        }
        let deadline = Instant::now() + Duration::from_secs(5);
        while Instant::now() < deadline && matches!(self.child.try_wait(), Ok(None)) {
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

impl Envoy {
    /// Starts Envoy with a bootstrap like the shipped ones, its ports replaced by free ones, and
    /// waits until it serves.
    ///
    /// # Errors
    /// No binary, no module, a bootstrap without the shipped ports, or an Envoy that does not come
    /// up: then with its own words.
    pub async fn start(
        bootstrap: &str,
        collector: SocketAddr,
        concurrency: usize,
    ) -> Result<Envoy> {
        let mut text =
            replaced(bootstrap, COLLECTOR_PORT, &format!("port_value: {}}}", collector.port()))?;
        let hosts = [Host::Wasm, Host::Module];
        for host in hosts.into_iter().filter(|host| bootstrap.contains(host.file())) {
            text = text.replace(
                &format!("filename: {}}}", host.file()),
                &format!("filename: {}}}", host.found()?.display()),
            );
        }
        Self::launch(&text, concurrency).await
    }

    /// Starts Envoy with any bootstrap that has the shipped ports for its listener and its admin
    /// interface.
    ///
    /// # Errors
    /// As for [`Envoy::start`].
    pub async fn launch(bootstrap: &str, concurrency: usize) -> Result<Envoy> {
        let (listener_port, admin_port) = (free_port()?, free_port()?);
        let text = replaced(bootstrap, LISTENER_PORT, &format!("port_value: {listener_port}}}"))?;
        let text = replaced(&text, ADMIN_PORT, &format!("port_value: {admin_port}}}"))?;
        let folder = temporary_folder(&admin_port.to_string())?;
        File::create(folder.join("envoy.yaml"))?.write_all(text.as_bytes())?;
        let base_id = folder.join("base-id").display().to_string();
        let child =
            spawn(&folder, concurrency, &["--use-dynamic-base-id", "--base-id-path", &base_id])?;
        let envoy =
            Envoy { child, listener: local(listener_port), admin: local(admin_port), folder };
        envoy.wait_until_live(0).await
    }

    /// Starts another Envoy that takes over from this one (hot restart): its ports at once, its
    /// connections as they end. This one ends by itself a few seconds later.
    ///
    /// # Errors
    /// The other does not come up: its own words.
    pub async fn successor(&self, concurrency: usize) -> Result<Envoy> {
        let folder = temporary_folder(&format!("{}-next", self.admin.port()))?;
        std::fs::copy(self.folder.join("envoy.yaml"), folder.join("envoy.yaml"))?;
        let base_id = std::fs::read_to_string(self.folder.join("base-id"))?;
        let child =
            spawn(&folder, concurrency, &["--restart-epoch", "1", "--base-id", base_id.trim()])?;
        let envoy = Envoy { child, listener: self.listener, admin: self.admin, folder };
        envoy.wait_until_live(1).await
    }

    /// `restart`: how many came before it, which answer in its place until it serves.
    async fn wait_until_live(mut self, restart: u32) -> Result<Envoy> {
        let epoch = format!("\"restart_epoch\": {restart},");
        let deadline = Instant::now() + START_TIMEOUT;
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Err(format!("Envoy ended with {status}:\n{}", self.log()).into());
            }
            let info = self.admin("/server_info").await.unwrap_or_default();
            if info.contains("\"state\": \"LIVE\"") && info.contains(&epoch) {
                return Ok(self);
            }
            if Instant::now() > deadline {
                return Err(
                    format!("Envoy is not ready after {START_TIMEOUT:?}:\n{}", self.log()).into()
                );
            }
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
    }

    /// It has ended, by itself.
    ///
    /// # Errors
    /// It cannot be told.
    pub fn has_ended(&mut self) -> Result<bool> {
        Ok(self.child.try_wait()?.is_some())
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What Envoy wrote about itself, the plugin's log included.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("envoy.log")).unwrap_or_default()
    }

    /// The access log so far; Envoy writes it every second or so.
    pub fn access_log(&self) -> PathBuf {
        self.folder.join("access.log")
    }

    /// Asks the admin interface; the answer's body.
    ///
    /// # Errors
    /// It does not answer.
    pub async fn admin(&self, path: &str) -> Result<String> {
        self.ask("GET", path).await
    }

    /// Tells the admin interface to do something; the answer's body.
    ///
    /// # Errors
    /// It does not answer.
    pub async fn post(&self, path: &str) -> Result<String> {
        self.ask("POST", path).await
    }

    async fn ask(&self, method: &str, path: &str) -> Result<String> {
        let call = Call {
            method: method.to_owned(),
            path: path.to_owned(),
            headers: Vec::new(),
            body: None,
        };
        let answer = client::send(self.admin, &call, Transport::Http1).await?;
        Ok(String::from_utf8_lossy(&answer.body).into_owned())
    }

    /// The value of one stat, by its exact name; 0 where there is none.
    ///
    /// # Errors
    /// The admin interface does not answer.
    pub async fn stat(&self, name: &str) -> Result<u64> {
        let stats = self.admin(&format!("/stats?filter=^{name}$")).await?;
        let value =
            stats.lines().filter_map(|line| line.split_once(": ")).find(|(stat, _)| *stat == name);
        Ok(value.and_then(|(_, value)| value.parse().ok()).unwrap_or(0))
    }
}

fn local(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

/// Starts the binary in a folder that holds its `envoy.yaml`, and takes its logs.
fn spawn(folder: &Path, concurrency: usize, arguments: &[&str]) -> Result<Child> {
    Command::new(binary())
        .args([
            "--log-level",
            "warning",
            "--component-log-level",
            "wasm:info,dynamic_modules:info",
            "--file-flush-interval-msec",
            "100",
        ])
        .args([
            "--drain-time-s",
            DRAIN_SECONDS,
            "--parent-shutdown-time-s",
            PARENT_SHUTDOWN_SECONDS,
        ])
        .args(["--concurrency", &concurrency.to_string()])
        .args(arguments)
        .arg("-c")
        .arg(folder.join("envoy.yaml"))
        .stdin(Stdio::null())
        .stdout(File::create(folder.join("access.log"))?)
        .stderr(File::create(folder.join("envoy.log"))?)
        .spawn()
        .map_err(|error| {
            format!("{}: {error}; set ENVOY=/path/to/envoy, or use `make`", binary().display())
                .into()
        })
}

fn temporary_folder(unique: &str) -> Result<PathBuf> {
    let folder = std::env::temp_dir().join(format!("trackgate-{}-{unique}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    Ok(folder)
}

/// Runs `envoy --mode validate`, which loads the module and its configuration.
///
/// # Errors
/// Envoy refuses the file; its own words.
pub fn validate(config: &Path) -> Result<()> {
    let output = Command::new("timeout")
        .arg("60")
        .arg(binary())
        .args(["--mode", "validate", "--use-dynamic-base-id", "--log-level", "warning", "-c"])
        .arg(config)
        // Where the shipped files look for the module.
        .current_dir(crate::path(""))
        .output()
        .map_err(|error| {
            format!("{}: {error}; set ENVOY=/path/to/envoy, or use `make`", binary().display())
        })?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!(
        "{}: {}{}",
        config.display(),
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
    .into())
}
