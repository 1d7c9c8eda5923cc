//! Interim.
use crate::gate::{Endpoint, Shared};
use crate::request::RequestHead;
use crate::vendors::Awaited as All;
use crate::verdict::{Finding, Flow, Notes, Reason};
pub const PATHS: &[&str] = &["/x"];
pub const LIMITS: crate::gate::Limits = crate::gate::Limits { request_bytes: 32_768, batch_bytes: 512_000, event_bytes: 32_768 };
#[derive(Debug)]
pub struct Policy {}
#[derive(Debug)]
pub struct Awaited {
    pub max_bytes: usize,
}
pub fn head(_: &Policy, _: &Endpoint, _: &RequestHead<'_>, _: &mut Notes<'_>) -> Flow<All> {
    Flow::Continue(All::Nothing)
}
pub fn body(_: Awaited, _: &Endpoint, _: &[u8], _: &mut Notes<'_>) -> Flow {
    Flow::Continue(())
}
