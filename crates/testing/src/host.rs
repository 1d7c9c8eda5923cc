//! What runs the gate inside Envoy.

use super::Result;
use std::path::PathBuf;

/// What runs the gate inside Envoy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Host {
    Wasm,
    /// A native dynamic module.
    Module,
}

impl Host {
    /// The one that is tried: `$HOST`, `wasm` or `module`; `wasm` where it is anything else, which
    /// shells set it to.
    pub fn tried() -> Self {
        match std::env::var("HOST").as_deref() {
            Ok("module") => Host::Module,
            Ok(_) | Err(_) => Host::Wasm,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Host::Wasm => "wasm",
            Host::Module => "module",
        }
    }

    /// What Envoy prefixes the names of our metrics with.
    pub fn namespace(self) -> &'static str {
        match self {
            Host::Wasm => "wasmcustom",
            Host::Module => "dynamicmodulescustom",
        }
    }

    /// The file as the shipped configurations name it.
    pub fn file(self) -> &'static str {
        match self {
            Host::Wasm => "target/trackgate.wasm",
            Host::Module => "target/libtrackgate.so",
        }
    }

    /// The file that was built: `$TRACKGATE_WASM` or `$TRACKGATE_MODULE`, else where `make` leaves
    /// it.
    pub fn built(self) -> PathBuf {
        let asked = match self {
            Host::Wasm => "TRACKGATE_WASM",
            Host::Module => "TRACKGATE_MODULE",
        };
        std::env::var_os(asked).map_or_else(|| crate::path(self.file()), PathBuf::from)
    }

    /// As [`Host::built`], as a path that Envoy finds.
    ///
    /// # Errors
    /// It has not been built.
    pub fn found(self) -> Result<PathBuf> {
        let built = self.built();
        std::fs::canonicalize(&built).map_err(|error| {
            let target = match self {
                Host::Wasm => "wasm",
                Host::Module => "module",
            };
            format!("{}: {error}; build it with `make {target}`", built.display()).into()
        })
    }
}
