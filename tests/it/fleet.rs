//! One Envoy with a listener for each configuration that the vectors ask for.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use trackgate_testing::Result;
use trackgate_testing::envoy::{Envoy, free_port, replaced};

const LISTENER: &str = "  - name: ingress\n";
const CLUSTERS: &str = "  clusters:\n";
const ADDRESS: &str = "port_value: 10080}";
const ROUTES: &str = "              domains: [\"*\"]\n";

pub struct Fleet {
    pub envoy: Envoy,
    listeners: BTreeMap<String, SocketAddr>,
}

impl Fleet {
    /// Every listener is the shipped one, but for its port and the plugin's configuration. Replies
    /// tell their details.
    pub async fn start(
        bootstrap: &str,
        configurations: impl Iterator<Item = String>,
        collector: SocketAddr,
    ) -> Result<Fleet> {
        let (before, rest) = bootstrap.split_once(LISTENER).ok_or("no listener")?;
        let (listener, after) = rest.split_once(CLUSTERS).ok_or("no clusters")?;
        let value = listener
            .lines()
            .map(str::trim_start)
            .find(|line| line.starts_with("value: '{"))
            .ok_or("no plugin configuration")?;
        let details = format!(
            "{ROUTES}              response_headers_to_add:\n              - header: {{key: x-details, value: \"%RESPONSE_CODE_DETAILS%\"}}\n"
        );
        let listener = replaced(listener, ROUTES, &details)?;
        let mut listeners = BTreeMap::new();
        let mut text = before.to_owned();
        for configuration in configurations {
            if listeners.contains_key(&configuration) {
                continue;
            }
            let is_first = listeners.is_empty();
            let port = if is_first { 10080 } else { free_port()? };
            let quoted = format!("value: '{}'", configuration.replace('\'', "''"));
            let own = replaced(
                &replaced(&listener, value, &quoted)?,
                ADDRESS,
                &format!("port_value: {port}}}"),
            )?;
            text.push_str(&format!("  - name: ingress{port}\n{own}"));
            listeners.insert(configuration, (is_first, port));
        }
        let envoy = Envoy::start(&format!("{text}{CLUSTERS}{after}"), collector, 1).await?;
        // The first listener's port is the one that starting Envoy replaces.
        let address = |(is_first, port)| {
            if is_first { envoy.listener } else { SocketAddr::from(([127, 0, 0, 1], port)) }
        };
        let listeners = listeners
            .into_iter()
            .map(|(configuration, listener)| (configuration, address(listener)))
            .collect();
        Ok(Fleet { envoy, listeners })
    }

    pub fn listener(&self, configuration: &str) -> SocketAddr {
        self.listeners[configuration]
    }
}
