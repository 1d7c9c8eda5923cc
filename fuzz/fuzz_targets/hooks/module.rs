//! The files of the module's own tests.

#[path = "../../../src/module/abi.rs"]
pub mod abi;
#[path = "../../../src/module/tests/envoy.rs"]
pub mod envoy;
