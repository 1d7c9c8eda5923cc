//! Loads the configuration and makes the streams' contexts.

use super::Plugin;
use super::calls::Wasm;
use super::host;
use super::metrics::Definitions;
use super::stream::StreamContext;
use super::watchdog::{TICK_MS, Watchdog};
use crate::filter::{Filter, Worker};
use crate::gate::BodyPhase;
use std::rc::Rc;

#[derive(Default)]
pub struct Root {
    plugin: Option<Rc<Plugin>>,
}

/// The configuration is replaced, or Envoy ends.
impl Drop for Root {
    fn drop(&mut self) {
        if let Some(plugin) = &self.plugin {
            plugin.filter.metrics.retire(&Wasm);
        }
    }
}

impl Root {
    /// False stops Envoy from loading the configuration, after one line that says why.
    pub fn configure(&mut self, size: usize) -> bool {
        match load(size) {
            Ok(plugin) => {
                if let Some(replaced) = self.plugin.replace(Rc::new(plugin)) {
                    replaced.filter.metrics.retire(&Wasm);
                }
                true
            }
            Err(error) => {
                log::error!("trackgate: {error}");
                false
            }
        }
    }

    pub fn plugin(&self) -> Option<Rc<Plugin>> {
        self.plugin.clone()
    }

    /// `None` before a configuration has been loaded.
    pub fn stream(&self, id: u32) -> Option<StreamContext> {
        let plugin = self.plugin.as_ref()?;
        plugin.filter.metrics.begin(&Wasm);
        Some(StreamContext::new(id, Rc::clone(plugin)))
    }
}

fn load(size: usize) -> Result<Plugin, String> {
    let json = host::plugin_configuration(size).map_err(|host::Failed(status)| {
        format!("configuration: the host did not hand it over (status {status})")
    })?;
    let mut definitions = Definitions::default();
    let watchdog = Watchdog::define(&mut definitions);
    let filter = Filter::load(&json, &mut definitions)?;
    match filter.gate.body_phase {
        BodyPhase::Hold => host::set_tick_period_ms(TICK_MS).map_err(|host::Failed(status)| {
            format!("configuration: the watchdog could not be started (status {status})")
        })?,
        BodyPhase::Compat => {}
    }
    Ok(Plugin { filter, watchdog, worker: Worker::default() })
}
