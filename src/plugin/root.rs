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

pub struct Root {
    id: u32,
    plugin: Option<Rc<Plugin>>,
}

/// The configuration is replaced, or Envoy ends.
impl Drop for Root {
    fn drop(&mut self) {
        if let Some(plugin) = &self.plugin {
            plugin.retire(self.id);
        }
    }
}

impl Plugin {
    fn retire(&self, root_id: u32) {
        let meter = Wasm { context_id: root_id };
        self.filter.metrics.retire(&meter);
        self.filter.quarantine.retire(&meter);
    }
}

impl Root {
    pub fn new(id: u32) -> Self {
        Root { id, plugin: None }
    }

    /// False stops Envoy from loading the configuration, after one line that says why.
    pub fn configure(&mut self, size: usize) -> bool {
        match load(self.id, size) {
            Ok(plugin) => {
                if let Some(replaced) = self.plugin.replace(Rc::new(plugin)) {
                    replaced.retire(self.id);
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
        plugin.filter.metrics.begin(&Wasm { context_id: id });
        Some(StreamContext::new(id, Rc::clone(plugin)))
    }
}

fn load(root_id: u32, size: usize) -> Result<Plugin, String> {
    let json = host::plugin_configuration(size).map_err(|host::Failed(status)| {
        format!("configuration: the host did not hand it over (status {status})")
    })?;
    let mut definitions = Definitions::new(root_id);
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
