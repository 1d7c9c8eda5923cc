//! The request body that Envoy holds: what earlier hooks left, and what this one is called for.

use super::super::abi::{self, Body, EnvoyBuffer};
use super::{Native, done, lent};
use crate::filter::host::Result;
use std::borrow::Cow;

/// The bytes that Envoy holds.
pub fn size(native: &Native<'_>) -> usize {
    parts(native).iter().map(|part| part_size(native, *part)).sum()
}

/// In order. Where another filter held the body, that which is received is it, and is buffered as
/// well: it counts once.
fn parts(native: &Native<'_>) -> &'static [Body] {
    // SAFETY: see the head of `host`.
    let is_one = unsafe {
        abi::envoy_dynamic_module_callback_http_received_buffered_request_body(native.stream)
    };
    if is_one { &[Body::Received] } else { &[Body::Buffered, Body::Received] }
}

fn part_size(native: &Native<'_>, part: Body) -> usize {
    // SAFETY: see the head of `host`.
    unsafe { abi::envoy_dynamic_module_callback_http_get_body_size(native.stream, part) }
}

/// The first `size` bytes; not copied where they are in one piece.
pub fn first<'a>(native: &'a Native<'_>, size: usize) -> Cow<'a, [u8]> {
    let pieces: Vec<&[u8]> = parts(native)
        .iter()
        .flat_map(|part| pieces(native, *part))
        .filter(|piece| !piece.is_empty())
        .collect();
    match pieces.as_slice() {
        [] => Cow::Borrowed(b""),
        [piece] => Cow::Borrowed(piece.get(..size).unwrap_or(piece)),
        several => {
            let mut body = Vec::with_capacity(size);
            for piece in several {
                let rest = size - body.len();
                body.extend_from_slice(piece.get(..rest).unwrap_or(piece));
            }
            Cow::Owned(body)
        }
    }
}

fn pieces<'a>(native: &'a Native<'_>, part: Body) -> Vec<&'a [u8]> {
    // SAFETY: see the head of `host`.
    let count = unsafe {
        abi::envoy_dynamic_module_callback_http_get_body_chunks_size(native.stream, part)
    };
    let mut chunks: Vec<EnvoyBuffer> = Vec::with_capacity(count);
    // SAFETY: there is room for all of them.
    let is_there = count > 0
        && unsafe {
            abi::envoy_dynamic_module_callback_http_get_body_chunks(
                native.stream,
                part,
                chunks.as_mut_ptr(),
            )
        };
    if !is_there {
        return Vec::new();
    }
    // SAFETY: Envoy has written so many.
    unsafe { chunks.set_len(count) };
    // SAFETY: what is lent is borrowed from `native`.
    chunks.into_iter().map(|chunk| unsafe { lent(chunk) }).collect()
}

/// Puts `bytes` in place of the first `size`. Envoy can only add at the end: what follows them in
/// their part is taken out, and added again.
pub fn replace(native: &mut Native<'_>, size: usize, bytes: &[u8]) -> Result<()> {
    let parts = parts(native);
    let mut left = size;
    for part in parts {
        let drained = left.min(part_size(native, *part));
        drain(native, *part, drained)?;
        left -= drained;
    }
    if bytes.is_empty() {
        return Ok(());
    }
    let holds = |part: &&Body| part_size(native, **part) > 0;
    // Where nothing is left, the hook's own part; it is not there for trailers.
    let first = parts.iter().find(holds).copied().unwrap_or(Body::Received);
    if put_first(native, first, bytes).is_ok() {
        return Ok(());
    }
    put_first(native, Body::Buffered, bytes)
}

/// Puts `bytes` in front of what earlier hooks left.
pub fn hold_first(native: &mut Native<'_>, bytes: &[u8]) -> Result<()> {
    if bytes.is_empty() { Ok(()) } else { put_first(native, Body::Buffered, bytes) }
}

fn put_first(native: &mut Native<'_>, part: Body, bytes: &[u8]) -> Result<()> {
    let rest = pieces(native, part).concat();
    drain(native, part, rest.len())?;
    append(native, part, bytes)?;
    append(native, part, &rest)
}

fn drain(native: &mut Native<'_>, part: Body, size: usize) -> Result<()> {
    if size == 0 {
        return Ok(());
    }
    // SAFETY: see the head of `host`; nothing that was lent is borrowed any more.
    done(unsafe { abi::envoy_dynamic_module_callback_http_drain_body(native.stream, part, size) })
}

fn append(native: &mut Native<'_>, part: Body, bytes: &[u8]) -> Result<()> {
    if bytes.is_empty() {
        return Ok(());
    }
    // SAFETY: see the head of `host`; nothing that was lent is borrowed any more.
    done(unsafe {
        abi::envoy_dynamic_module_callback_http_append_body(native.stream, part, bytes.into())
    })
}
