//! Loads the configuration and makes the streams' contexts.

use super::Plugin;
use super::act;
use super::host::{self, Level};
use super::kept::Total;
use super::log::{self, RefusalLog};
use super::metrics::Metrics;
use super::stream::Stream;
use super::watchdog::{TICK_MS, Watchdog};
use crate::config;
use crate::gate::BodyPhase;
use crate::rules::user_agent::Recent;
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::ContextType;
use std::rc::Rc;

#[derive(Default)]
pub struct Root {
    plugin: Option<Rc<Plugin>>,
}

/// The configuration is replaced, or Envoy ends.
impl Drop for Root {
    fn drop(&mut self) {
        if let Some(plugin) = &self.plugin {
            plugin.metrics.retire();
        }
    }
}

impl Context for Root {}

impl RootContext for Root {
    /// False stops Envoy from loading the configuration, after one line that says why.
    fn on_configure(&mut self, size: usize) -> bool {
        match load(size) {
            Ok(plugin) => {
                if let Some(replaced) = self.plugin.replace(Rc::new(plugin)) {
                    replaced.metrics.retire();
                }
                true
            }
            Err(error) => {
                host::log(Level::Error, &format!("trackgate: {error}"));
                false
            }
        }
    }

    fn on_tick(&mut self) {
        let Some(plugin) = &self.plugin else { return };
        plugin.watchdog.tick(|decision| act::let_go(plugin, decision));
    }

    fn create_http_context(&self, context_id: u32) -> Option<Box<dyn HttpContext>> {
        if let Some(plugin) = &self.plugin {
            plugin.metrics.begin();
        }
        Some(Box::new(Stream::new(context_id, self.plugin.clone())))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}

fn load(size: usize) -> Result<Plugin, String> {
    let json = host::plugin_configuration(size).map_err(|host::Failed(status)| {
        format!("configuration: the host did not hand it over (status {status})")
    })?;
    let (config, gate) = config::load(&json).map_err(|error| error.to_string())?;
    let hash = format!("{:016x}", config.hash);
    log::configured(&gate, &hash);
    let metrics = Metrics::define(&gate, &hash);
    match gate.body_phase {
        BodyPhase::Hold => host::set_tick_period_ms(TICK_MS).map_err(|host::Failed(status)| {
            format!("configuration: the watchdog could not be started (status {status})")
        })?,
        BodyPhase::Compat => {}
    }
    let refusals = RefusalLog::new(config.log_sample_per_minute);
    let verdict_field = format!("{}verdict", gate.header_prefix);
    let reasons_field = format!("{}drop-reason", gate.header_prefix);
    Ok(Plugin {
        gate,
        metrics,
        watchdog: Watchdog::default(),
        refusals,
        kept: Total::default(),
        recent: Recent::default(),
        verdict_field,
        reasons_field,
    })
}
