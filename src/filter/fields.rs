//! Edits of header sections that are not the verdict's own annotations.

use super::host::{Host, Map, Result};
use crate::gate::{Endpoint, Gate};
use crate::vendors::plausible::response;

/// Of these names, what a client sent under our own prefix, and what the endpoint's collector must
/// not believe. `_` counts as `-`: to CGI and its kin the two are the same name.
pub fn forged<'a>(
    gate: &Gate,
    endpoint: Option<&Endpoint>,
    names: impl Iterator<Item = &'a [u8]>,
) -> Vec<Box<[u8]>> {
    let mut forged = Vec::new();
    for name in names {
        let is_distrusted = endpoint.is_some_and(|endpoint| endpoint.distrusts(name));
        if is_distrusted || gate.is_own_field(name) {
            forged.push(Box::from(name));
        }
    }
    forged
}

/// Removes the fields of these names.
pub fn strip(host: &mut impl Host, map: Map, names: &[Box<[u8]>]) -> Result<()> {
    names.iter().try_for_each(|name| host.remove_field(map, name))
}

/// What Envoy makes of a local reply where the request's media type is gRPC's: `200`, and its
/// status and text in fields for a gRPC client. The collectors speak HTTP, and so do those that
/// send to them whatever they call the body: they get the status of the reply. Its body is lost.
pub fn answer_as_http(host: &mut impl Host, status: u16, content_type: Option<&str>) -> Result<()> {
    host.set_field(Map::ResponseHeaders, ":status", status.to_string().as_bytes())?;
    match content_type {
        Some(content_type) => {
            host.set_field(Map::ResponseHeaders, "content-type", content_type.as_bytes())?
        }
        None => host.remove_field(Map::ResponseHeaders, b"content-type")?,
    }
    host.remove_field(Map::ResponseHeaders, b"grpc-status")?;
    host.remove_field(Map::ResponseHeaders, b"grpc-message")
}

/// Makes the response tell how many domains were dropped, if the collector's own count does not
/// cover it.
pub fn tell_dropped(host: &mut impl Host, ours: usize) -> Result<()> {
    let theirs = host.field(Map::ResponseHeaders, response::DROPPED)?;
    match response::amended_count(&theirs, ours) {
        Some(count) => {
            drop(theirs);
            host.set_field(Map::ResponseHeaders, response::DROPPED, count.as_bytes())
        }
        None => Ok(()),
    }
}
