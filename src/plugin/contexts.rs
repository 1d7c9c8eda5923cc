//! The contexts of one VM, by the numbers that Envoy has given them.
//!
//! A callback may come while another runs: letting a stream go from a tick calls back for its body.
//! So no table is borrowed while a context is at work, and a context that is called while it is at
//! work lets the call pass.

use super::calls::Wasm;
use super::host;
use super::root::Root;
use super::stream::StreamContext;
use std::cell::RefCell;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::rc::Rc;

type Table<T> = RefCell<HashMap<u32, Rc<RefCell<T>>, BuildHasherDefault<Numbers>>>;

struct Contexts {
    roots: Table<Root>,
    streams: Table<StreamContext>,
}

thread_local! {
    static CONTEXTS: Contexts = const {
        Contexts {
            roots: RefCell::new(HashMap::with_hasher(BuildHasherDefault::new())),
            streams: RefCell::new(HashMap::with_hasher(BuildHasherDefault::new())),
        }
    };
}

pub fn add_root(id: u32) {
    CONTEXTS.with(|all| add(&all.roots, id, Root::new(id)));
}

/// Nothing is known of a stream before a configuration, which Envoy does not make; it goes on.
pub fn add_stream(id: u32, parent: u32) {
    CONTEXTS.with(|all| {
        if let Some(Some(stream)) = with(&all.roots, parent, |root| root.stream(id)) {
            add(&all.streams, id, stream);
        }
    });
}

pub fn configure(id: u32, size: usize) -> bool {
    CONTEXTS.with(|all| with(&all.roots, id, |root| root.configure(size))).unwrap_or(false)
}

pub fn tick(id: u32) {
    let plugin = CONTEXTS.with(|all| with(&all.roots, id, |root| root.plugin())).flatten();
    if let Some(plugin) = plugin {
        plugin.watchdog.tick(&mut plugin.context(id));
    }
}

/// A cluster has answered a call of the root's, or has not.
pub fn answered(id: u32) {
    let plugin = CONTEXTS.with(|all| with(&all.roots, id, |root| root.plugin())).flatten();
    if let Some(plugin) = plugin {
        let status = host::call_status();
        let now_ns = || host::now_ns().unwrap_or(0);
        plugin.filter.quarantine.answered(&Wasm { context_id: id }, status, now_ns);
    }
}

/// `None`: there is no such stream, or it is at work.
pub fn with_stream<T>(id: u32, act: impl FnOnce(&mut StreamContext) -> T) -> Option<T> {
    CONTEXTS.with(|all| with(&all.streams, id, act))
}

pub fn remove(id: u32) {
    let removed = CONTEXTS.with(|all| all.streams.borrow_mut().remove(&id));
    if removed.is_none() {
        let root = CONTEXTS.with(|all| all.roots.borrow_mut().remove(&id));
        drop(root);
    }
}

fn add<T>(table: &Table<T>, id: u32, context: T) {
    table.borrow_mut().insert(id, Rc::new(RefCell::new(context)));
}

fn with<T, R>(table: &Table<T>, id: u32, act: impl FnOnce(&mut T) -> R) -> Option<R> {
    let context = table.borrow().get(&id).map(Rc::clone)?;
    let mut context = context.try_borrow_mut().ok()?;
    Some(act(&mut context))
}

/// Spreads numbers that are given one after another, and that nobody else can choose.
#[derive(Default)]
struct Numbers(u64);

impl Hasher for Numbers {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u32(u32::from(*byte));
        }
    }

    fn write_u32(&mut self, number: u32) {
        self.0 = (self.0 ^ u64::from(number)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
