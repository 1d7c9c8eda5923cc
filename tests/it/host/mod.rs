//! A strict proxy-wasm host: runs the built module the way Envoy 1.40 does, and fails on anything
//! Envoy would not take.
//!
//! Strict means: a call that the filter has no business making traps, and so do a pointer outside
//! its memory, a second local reply, an unknown metric, or resuming a stream that is not held. What
//! the filter may do in each phase is Envoy's: once the header section has been let go, its map is
//! gone (status 2 for single fields, nothing for all of them).

mod drive;
mod imports;

pub use drive::{Delivery, End, Envoy, Outcome, Request, WHOLE, event};

use crate::corpus::{Fields, PREFIX};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;
use wasmtime::{Config, Engine, Instance, Linker, Module, Store, TypedFunc};

/// The module under test, compiled once: `$TRACKGATE_WASM`, else where `make wasm` leaves it.
pub fn module() -> &'static Module {
    static MODULE: OnceLock<Module> = OnceLock::new();
    MODULE.get_or_init(|| {
        let engine = Engine::new(Config::new().consume_fuel(true)).unwrap();
        Module::new(&engine, bytes()).unwrap()
    })
}

pub fn bytes() -> Vec<u8> {
    let path = trackgate_testing::envoy::Host::Wasm.built();
    std::fs::read(&path)
        .unwrap_or_else(|error| panic!("{}: {error}; build it with `make wasm`", path.display()))
}

/// A VM under a configuration that it takes.
pub fn start(configuration: &str) -> Vm {
    Vm::start(configuration).unwrap_or_else(|logs| panic!("{logs:?}"))
}

/// What one stream is to the host.
#[derive(Debug, Default)]
pub struct Stream {
    pub request_headers: Fields,
    /// The header section can be read and edited.
    pub headers_here: bool,
    pub request_trailers: Option<Fields>,
    pub response_headers: Option<Fields>,
    /// `HTTP/1.1` or `HTTP/2`.
    pub protocol: &'static str,
    /// Body that is held, all of it.
    pub body: Vec<u8>,
    /// Body that has left for the collector.
    pub forwarded: Vec<u8>,
    /// An answer to the last body callback held what came.
    pub buffering: bool,
    /// A body callback is running.
    pub in_body: bool,
    /// Bytes of body that the host has and the filter was not told of.
    pub received: u64,
    /// Of the watchdog, while the stream was held.
    pub ticks: u32,
    pub reply: Option<LocalReply>,
    pub properties: BTreeMap<String, Vec<u8>>,
    /// `proxy_continue_stream` was called.
    pub resumed: bool,
    /// Held by an answer to the headers callback.
    pub held: bool,
}

#[derive(Debug, Clone)]
pub struct LocalReply {
    pub status: u16,
    pub headers: Fields,
    pub body: Vec<u8>,
    pub details: String,
}

/// A request to a cluster.
#[derive(Debug, Clone)]
pub struct Aside {
    pub cluster: String,
    pub headers: Fields,
    pub body: Vec<u8>,
}

/// Everything the host remembers.
#[derive(Debug, Default)]
pub struct Host {
    pub configuration: Vec<u8>,
    /// How the names of the gate's own fields start.
    pub prefix: String,
    pub streams: BTreeMap<u32, Stream>,
    /// Whose callback is running, or was made effective.
    pub effective: u32,
    /// Names of calls in order; cleared by whoever counts.
    pub calls: Vec<&'static str>,
    /// Bytes copied across the boundary, both ways.
    pub copied_bytes: usize,
    pub logs: Vec<(u32, String)>,
    pub metrics: Vec<Metric>,
    /// Of all metrics.
    names: BTreeSet<String>,
    /// Requests to clusters, apart from any stream.
    pub asides: Vec<Aside>,
    /// The fields of a cluster's answer, while a callback for it runs.
    answer: Option<Fields>,
    pub tick_period_ms: u32,
    pub now_ns: u64,
    /// What may be held of a body; 0: anything.
    pub buffer_limit: usize,
    /// The n-th use of a call (from 0) returns this status and does nothing.
    pub fault: Option<(&'static str, usize, u32)>,
    fault_uses: usize,
}

#[derive(Debug)]
pub struct Metric {
    pub name: String,
    pub kind: u32,
    pub value: u64,
}

/// A VM with a configuration loaded.
pub struct Vm {
    pub store: Store<Host>,
    instance: Instance,
    next_context: u32,
}

const ROOT: u32 = 1;
/// More than all requests of a test take, and little enough that a loop without an end traps within
/// minutes.
const FUEL: u64 = 1 << 37;

impl Vm {
    /// Starts a VM and loads a configuration.
    ///
    /// # Errors
    /// What the plugin logged when it refused the configuration.
    pub fn start(configuration: &str) -> Result<Vm, Vec<(u32, String)>> {
        let written: serde_json::Value = serde_json::from_str(configuration).unwrap_or_default();
        let host = Host {
            configuration: configuration.as_bytes().to_vec(),
            prefix: written["header_prefix"].as_str().unwrap_or(PREFIX).to_owned(),
            now_ns: 1_800_000_000_000_000_000,
            ..Host::default()
        };
        let mut store = Store::new(module().engine(), host);
        store.set_fuel(FUEL).unwrap();
        let mut linker = Linker::new(module().engine());
        imports::define(&mut linker);
        linker.define_unknown_imports_as_traps(module()).unwrap();
        let instance = linker.instantiate(&mut store, module()).unwrap();
        let mut vm = Vm { store, instance, next_context: ROOT + 1 };
        vm.function::<(), ()>("_initialize").call(&mut vm.store, ()).unwrap();
        vm.call::<(u32, u32), ()>("proxy_on_context_create", ROOT, (ROOT, 0));
        let size = u32::try_from(configuration.len()).unwrap();
        match vm.call::<(u32, u32), u32>("proxy_on_configure", ROOT, (ROOT, size)) {
            1 => Ok(vm),
            _ => Err(std::mem::take(&mut vm.store.data_mut().logs)),
        }
    }

    fn function<P: wasmtime::WasmParams, R: wasmtime::WasmResults>(
        &mut self,
        name: &str,
    ) -> TypedFunc<P, R> {
        self.instance
            .get_typed_func(&mut self.store, name)
            .unwrap_or_else(|error| panic!("export {name}: {error}"))
    }

    /// Makes one callback in a context. A trap fails the test.
    fn call<P: wasmtime::WasmParams, R: wasmtime::WasmResults>(
        &mut self,
        name: &str,
        context: u32,
        arguments: P,
    ) -> R {
        self.store.data_mut().effective = context;
        let function = self.function::<P, R>(name);
        function.call(&mut self.store, arguments).unwrap_or_else(|trap| {
            panic!("{name} trapped: {trap:?}\nlog: {:?}", self.store.data().logs);
        })
    }

    fn exports(&mut self, name: &str) -> bool {
        self.instance.get_func(&mut self.store, name).is_some()
    }

    pub fn host(&mut self) -> &mut Host {
        self.store.data_mut()
    }

    /// Lets one tick period go by.
    pub fn tick(&mut self) {
        self.call::<u32, ()>("proxy_on_tick", ROOT, ROOT);
    }

    /// A cluster has answered; `None`: it has not.
    pub fn answer(&mut self, status: Option<u16>) {
        let fields = status.map(|status| vec![(":status".into(), status.to_string().into_bytes())]);
        let count = fields.iter().len() as u32;
        self.host().answer = Some(fields.unwrap_or_default());
        let arguments = (ROOT, 1, count, 0, 0);
        self.call::<(u32, u32, u32, u32, u32), ()>("proxy_on_http_call_response", ROOT, arguments);
        self.host().answer = None;
    }

    pub fn fuel_used(&self) -> u64 {
        FUEL - self.store.get_fuel().unwrap()
    }

    pub fn memory_bytes(&mut self) -> usize {
        let memory = self.instance.get_memory(&mut self.store, "memory").unwrap();
        memory.data_size(&self.store)
    }

    /// Linear memory that is free: what its allocator hands out before it asks for more. Takes it.
    pub fn free_bytes(&mut self) -> usize {
        const PIECE: u32 = 64 << 10;
        let (whole, mut free) = (self.memory_bytes(), 0);
        loop {
            self.function::<u32, u32>("malloc").call(&mut self.store, PIECE).unwrap();
            if self.memory_bytes() > whole {
                return free;
            }
            free += PIECE as usize;
        }
    }

    /// The value of a metric whose name contains all of `parts`; 0 if there is none.
    pub fn metric(&self, parts: &[&str]) -> u64 {
        let metrics = self.store.data().metrics.iter();
        metrics
            .filter(|metric| parts.iter().all(|part| metric.name.contains(part)))
            .map(|metric| metric.value)
            .sum()
    }
}

impl Host {
    /// Remembers a call; `Some` is the status it must return at once.
    fn enter(&mut self, name: &'static str) -> Option<u32> {
        self.calls.push(name);
        let (faulty, at, status) = self.fault?;
        if faulty != name {
            return None;
        }
        self.fault_uses += 1;
        (self.fault_uses == at + 1).then_some(status)
    }

    /// Has the n-th use of a call from now on fail.
    pub fn fail(&mut self, name: &'static str, at: usize, status: u32) {
        self.fault = Some((name, at, status));
        self.fault_uses = 0;
    }

    /// Whether the fault has come to pass.
    pub fn has_failed(&self) -> bool {
        self.fault.is_some_and(|(_, at, _)| self.fault_uses > at)
    }

    fn stream(&mut self) -> Option<&mut Stream> {
        self.streams.get_mut(&self.effective)
    }
}
