//! Interim.
use crate::gate::{Endpoint, Shared};
use crate::request::RequestHead;
use crate::vendors::Awaited as All;
use crate::verdict::{Finding, Flow, Notes, Reason};
pub const PATHS: &[&str] = &["/x"];
pub const REQUEST_BYTES: usize = 1_000_000;
#[derive(Debug)]
pub struct Policy {}
#[derive(Debug)]
pub struct Awaited {}
pub fn head(_: &Policy, _: &Endpoint, _: &RequestHead<'_>, _: &mut Notes<'_>) -> Flow<All> {
    Flow::Continue(All::Nothing)
}
pub fn body(_: &Endpoint, _: &[u8], _: &mut Notes<'_>) -> Flow {
    Flow::Continue(())
}
