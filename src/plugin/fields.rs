//! Edits of header sections that are not the verdict's own annotations.

use super::Plugin;
use super::host::{self, Map};
use crate::gate::Endpoint;
use crate::vendors::plausible::response;

/// Removes what a client sent under our own prefix, and what the endpoint's collector must not
/// believe. `_` counts as `-`: to CGI and its kin the two are the same name.
pub fn strip(
    plugin: &Plugin,
    map: Map,
    endpoint: Option<&Endpoint>,
    names: impl Iterator<Item = impl AsRef<[u8]>>,
) -> host::Result<()> {
    for name in names {
        let is_distrusted = endpoint.is_some_and(|endpoint| endpoint.distrusts(name.as_ref()));
        if is_distrusted || plugin.gate.is_own_field(name.as_ref()) {
            host::remove_header(map, name.as_ref())?;
        }
    }
    Ok(())
}

/// What Envoy makes of a local reply where the request's media type is gRPC's: `200`, and its
/// status and text in fields for a gRPC client. The collectors speak HTTP, and so do those that
/// send to them whatever they call the body: they get the status of the reply. Its body is lost.
pub fn answer_as_http(status: u16, content_type: Option<&str>) -> host::Result<()> {
    host::set_header(Map::ResponseHeaders, ":status", status.to_string().as_bytes())?;
    match content_type {
        Some(content_type) => {
            host::set_header(Map::ResponseHeaders, "content-type", content_type.as_bytes())?
        }
        None => host::remove_header(Map::ResponseHeaders, b"content-type")?,
    }
    host::remove_header(Map::ResponseHeaders, b"grpc-status")?;
    host::remove_header(Map::ResponseHeaders, b"grpc-message")
}

/// Makes the response tell how many domains were dropped, if the collector's own count does not
/// cover it.
pub fn tell_dropped(ours: usize) -> host::Result<()> {
    let theirs = host::header(Map::ResponseHeaders, response::DROPPED)?;
    match response::amended_count(&theirs, ours) {
        Some(count) => host::set_header(Map::ResponseHeaders, response::DROPPED, count.as_bytes()),
        None => Ok(()),
    }
}
