//! The host calls that the filter may make. Any other traps.

use super::{Aside, Host, LocalReply, Metric, ROOT};
use crate::corpus::Fields;
use wasmtime::{Caller, Extern, Linker, Memory, Result, bail};

const OK: u32 = 0;
const NOT_FOUND: u32 = 1;
const BAD_ARGUMENT: u32 = 2;
const CALL_RESPONSE_HEADERS: u32 = 6;

type Guest<'a> = Caller<'a, Host>;

fn memory(guest: &mut Guest<'_>) -> Result<Memory> {
    match guest.get_export("memory") {
        Some(Extern::Memory(memory)) => Ok(memory),
        _ => bail!("the module exports no memory"),
    }
}

/// Bytes of the guest's memory; a range outside it traps.
fn read(guest: &mut Guest<'_>, at: u32, size: u32) -> Result<Vec<u8>> {
    let memory = memory(guest)?;
    let range = at as usize..at as usize + size as usize;
    let Some(bytes) = memory.data(&*guest).get(range) else {
        bail!("{size} bytes at {at} are outside the guest's memory")
    };
    let bytes = bytes.to_vec();
    guest.data_mut().copied_bytes += bytes.len();
    Ok(bytes)
}

fn text(guest: &mut Guest<'_>, at: u32, size: u32) -> Result<String> {
    match String::from_utf8(read(guest, at, size)?) {
        Ok(text) => Ok(text),
        Err(_) => bail!("a name that is not UTF-8"),
    }
}

/// Hands bytes over: allocated by the guest's own `malloc`, address and length written where it
/// asked.
fn hand_over(guest: &mut Guest<'_>, bytes: &[u8], at: u32, size_at: u32) -> Result<u32> {
    let mut address = 0u32;
    if !bytes.is_empty() {
        let Some(Extern::Func(malloc)) = guest.get_export("malloc") else {
            bail!("the module exports no malloc")
        };
        address = malloc.typed::<u32, u32>(&*guest)?.call(&mut *guest, bytes.len() as u32)?;
        memory(guest)?.write(&mut *guest, address as usize, bytes)?;
    }
    guest.data_mut().copied_bytes += bytes.len();
    memory(guest)?.write(&mut *guest, at as usize, &address.to_le_bytes())?;
    memory(guest)?.write(&mut *guest, size_at as usize, &(bytes.len() as u32).to_le_bytes())?;
    Ok(OK)
}

/// The fields of a map in the phase at hand; `None` where Envoy has it no more, or not yet.
fn map(host: &mut Host, kind: u32) -> Result<Option<&mut Fields>> {
    if kind == CALL_RESPONSE_HEADERS {
        return Ok(host.answer.as_mut());
    }
    let Some(stream) = host.stream() else { bail!("a header map outside a stream") };
    Ok(match kind {
        0 if stream.headers_here => Some(&mut stream.request_headers),
        0 => None,
        1 => stream.request_trailers.as_mut(),
        2 => stream.response_headers.as_mut(),
        other => bail!("header map {other}"),
    })
}

fn serialized(fields: &Fields) -> Vec<u8> {
    let mut bytes = (fields.len() as u32).to_le_bytes().to_vec();
    for (name, value) in fields {
        bytes.extend((name.len() as u32).to_le_bytes());
        bytes.extend((value.len() as u32).to_le_bytes());
    }
    for (name, value) in fields {
        bytes.extend([name.as_bytes(), &[0], value, &[0]].concat());
    }
    bytes
}

fn deserialized(bytes: &[u8]) -> Fields {
    let number = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
    let mut at = 4 + 8 * number(0);
    let mut take = |size: usize| {
        let taken = bytes[at..at + size].to_vec();
        assert_eq!(bytes[at + size], 0, "a NUL after each name and value");
        at += size + 1;
        taken
    };
    let fields = (0..number(0))
        .map(|index| {
            (String::from_utf8(take(number(4 + 8 * index))).unwrap(), take(number(8 + 8 * index)))
        })
        .collect();
    assert_eq!(at, bytes.len(), "nothing after the last value");
    fields
}

/// Defines one call: `enter` first, then what it does.
macro_rules! call {
    ($linker:ident, $name:ident, |$guest:ident $(, $argument:ident: $kind:ty)*| $body:block) => {
        $linker
            .func_wrap("env", stringify!($name), |mut $guest: Guest<'_> $(, $argument: $kind)*| -> Result<u32> {
                if let Some(status) = $guest.data_mut().enter(stringify!($name)) {
                    return Ok(status);
                }
                $body
            })
            .unwrap();
    };
}

pub fn define(linker: &mut Linker<Host>) {
    define_headers(linker);
    define_stream(linker);
    define_vm(linker);
}

fn define_headers(linker: &mut Linker<Host>) {
    call!(linker, proxy_get_header_map_pairs, |guest, kind: u32, at: u32, size_at: u32| {
        // Envoy answers with success and nothing where the map is gone.
        let bytes = map(guest.data_mut(), kind)?.map_or(Vec::new(), |fields| serialized(fields));
        hand_over(&mut guest, &bytes, at, size_at)
    });
    call!(
        linker,
        proxy_get_header_map_value,
        |guest, kind: u32, name: u32, size: u32, at: u32, size_at: u32| {
            let name = text(&mut guest, name, size)?;
            let Some(fields) = map(guest.data_mut(), kind)? else { return Ok(BAD_ARGUMENT) };
            match fields.iter().find(|(field, _)| *field == name).map(|(_, value)| value.clone()) {
                Some(value) => hand_over(&mut guest, &value, at, size_at),
                None => Ok(NOT_FOUND),
            }
        }
    );
    call!(
        linker,
        proxy_add_header_map_value,
        |guest, kind: u32, name: u32, size: u32, value: u32, value_size: u32| {
            let name = text(&mut guest, name, size)?;
            let value = read(&mut guest, value, value_size)?;
            let Some(fields) = map(guest.data_mut(), kind)? else { return Ok(BAD_ARGUMENT) };
            fields.push((name, value));
            Ok(OK)
        }
    );
    call!(
        linker,
        proxy_replace_header_map_value,
        |guest, kind: u32, name: u32, size: u32, value: u32, value_size: u32| {
            let name = text(&mut guest, name, size)?;
            let value = read(&mut guest, value, value_size)?;
            let Some(fields) = map(guest.data_mut(), kind)? else { return Ok(BAD_ARGUMENT) };
            fields.retain(|(field, _)| *field != name);
            fields.push((name, value));
            Ok(OK)
        }
    );
    call!(linker, proxy_remove_header_map_value, |guest, kind: u32, name: u32, size: u32| {
        let name = text(&mut guest, name, size)?;
        let Some(fields) = map(guest.data_mut(), kind)? else { return Ok(BAD_ARGUMENT) };
        fields.retain(|(field, _)| *field != name);
        Ok(OK)
    });
}

fn define_stream(linker: &mut Linker<Host>) {
    call!(
        linker,
        proxy_get_buffer_bytes,
        |guest, kind: u32, start: u32, max: u32, at: u32, size_at: u32| {
            let bytes = match (kind, guest.data_mut().stream()) {
                (0, Some(stream)) => stream.body.clone(),
                (7, None) => guest.data().configuration.clone(),
                (kind, _) => bail!("buffer {kind} in this phase"),
            };
            let from = (start as usize).min(bytes.len());
            let to = from.saturating_add(max as usize).min(bytes.len());
            hand_over(&mut guest, &bytes[from..to], at, size_at)
        }
    );
    call!(
        linker,
        proxy_set_buffer_bytes,
        |guest, kind: u32, start: u32, size: u32, data: u32, data_size: u32| {
            let data = read(&mut guest, data, data_size)?;
            match (kind, start, guest.data_mut().stream()) {
                (0, 0, Some(stream)) if stream.in_body && size as usize <= stream.body.len() => {
                    stream.body.splice(..size as usize, data);
                    Ok(OK)
                }
                (0, _, Some(_)) => Ok(BAD_ARGUMENT),
                (kind, _, _) => bail!("setting buffer {kind} in this phase"),
            }
        }
    );
    call!(linker, proxy_get_property, |guest, path: u32, size: u32, at: u32, size_at: u32| {
        let path = text(&mut guest, path, size)?;
        let value = match (path.as_str(), guest.data_mut().stream()) {
            ("source\0address", Some(_)) => b"127.0.0.1:50000".to_vec(),
            ("request\0protocol", Some(stream)) => stream.protocol.as_bytes().to_vec(),
            ("request\0total_size", Some(stream)) => {
                (1000 + stream.received).to_le_bytes().to_vec()
            }
            (path, stream) => bail!("property {path:?} of a stream: {}", stream.is_some()),
        };
        hand_over(&mut guest, &value, at, size_at)
    });
    call!(linker, proxy_set_property, |guest,
                                       path: u32,
                                       size: u32,
                                       value: u32,
                                       value_size: u32| {
        let path = text(&mut guest, path, size)?;
        let value = read(&mut guest, value, value_size)?;
        let Some(stream) = guest.data_mut().stream() else {
            bail!("filter state outside a stream")
        };
        stream.properties.insert(path, value);
        Ok(OK)
    });
    linker
        .func_wrap(
            "env",
            "proxy_send_local_response",
            |mut guest: Guest<'_>,
             status: u32,
             details: u32,
             details_size: u32,
             body: u32,
             body_size: u32,
             headers: u32,
             headers_size: u32,
             grpc: i32|
             -> Result<u32> {
                if let Some(status) = guest.data_mut().enter("proxy_send_local_response") {
                    return Ok(status);
                }
                let details = text(&mut guest, details, details_size)?;
                let body = read(&mut guest, body, body_size)?;
                let headers = deserialized(&read(&mut guest, headers, headers_size)?);
                let Some(stream) = guest.data_mut().stream() else {
                    bail!("a local reply outside a stream")
                };
                if stream.reply.is_some() || grpc != -1 {
                    bail!("a second local reply, or one with gRPC status {grpc}");
                }
                stream.reply =
                    Some(LocalReply { status: u16::try_from(status)?, headers, body, details });
                Ok(OK)
            },
        )
        .unwrap();
    linker
        .func_wrap(
            "env",
            "proxy_http_call",
            |mut guest: Guest<'_>,
             cluster: u32,
             cluster_size: u32,
             headers: u32,
             headers_size: u32,
             body: u32,
             body_size: u32,
             trailers: u32,
             trailers_size: u32,
             _timeout_ms: u32,
             token: u32|
             -> Result<u32> {
                if let Some(status) = guest.data_mut().enter("proxy_http_call") {
                    return Ok(status);
                }
                if guest.data().effective != ROOT {
                    bail!("a call that ends with its stream");
                }
                let cluster = text(&mut guest, cluster, cluster_size)?;
                let headers = deserialized(&read(&mut guest, headers, headers_size)?);
                let body = read(&mut guest, body, body_size)?;
                if !deserialized(&read(&mut guest, trailers, trailers_size)?).is_empty() {
                    bail!("trailers");
                }
                let asides = &mut guest.data_mut().asides;
                asides.push(Aside { cluster, headers, body });
                let number = asides.len() as u32;
                memory(&mut guest)?.write(&mut guest, token as usize, &number.to_le_bytes())?;
                Ok(OK)
            },
        )
        .unwrap();
    call!(linker, proxy_set_effective_context, |guest, context: u32| {
        if context != ROOT && !guest.data().streams.contains_key(&context) {
            return Ok(BAD_ARGUMENT);
        }
        guest.data_mut().effective = context;
        Ok(OK)
    });
    call!(linker, proxy_continue_stream, |guest, kind: u32| {
        let Some(stream) = guest.data_mut().stream() else { bail!("no stream to resume") };
        if kind != 0 || !stream.held {
            bail!("resuming a stream that is not held");
        }
        // What is held leaves when the callback returns; the header section cannot be edited any
        // more.
        if stream.in_body {
            let body = std::mem::take(&mut stream.body);
            stream.forwarded.extend(body);
            (stream.held, stream.headers_here) = (false, false);
        } else {
            stream.resumed = true;
        }
        Ok(OK)
    });
}

fn define_vm(linker: &mut Linker<Host>) {
    call!(linker, proxy_log, |guest, level: u32, message: u32, size: u32| {
        let message = text(&mut guest, message, size)?;
        guest.data_mut().logs.push((level, message));
        Ok(OK)
    });
    call!(linker, proxy_set_tick_period_milliseconds, |guest, period: u32| {
        guest.data_mut().tick_period_ms = period;
        Ok(OK)
    });
    call!(linker, proxy_get_current_time_nanoseconds, |guest, at: u32| {
        let now = guest.data().now_ns;
        memory(&mut guest)?.write(&mut guest, at as usize, &now.to_le_bytes())?;
        Ok(OK)
    });
    call!(linker, proxy_define_metric, |guest, kind: u32, name: u32, size: u32, at: u32| {
        let name = text(&mut guest, name, size)?;
        if kind > 2 || !guest.data_mut().names.insert(name.clone()) {
            bail!("metric {name:?} of kind {kind}, or defined twice");
        }
        let metrics = &mut guest.data_mut().metrics;
        metrics.push(Metric { name, kind, value: 0 });
        let id = metrics.len() as u32;
        memory(&mut guest)?.write(&mut guest, at as usize, &id.to_le_bytes())?;
        Ok(OK)
    });
    call!(linker, proxy_increment_metric, |guest, id: u32, offset: i64| {
        let Some(metric) = guest.data_mut().metrics.get_mut(id as usize - 1) else {
            return Ok(NOT_FOUND);
        };
        if metric.kind > 1 || metric.kind == 0 && offset < 0 {
            bail!("{} cannot be counted by {offset}", metric.name);
        }
        metric.value = metric.value.wrapping_add_signed(offset);
        Ok(OK)
    });
    call!(linker, proxy_record_metric, |guest, id: u32, value: u64| {
        let Some(metric) = guest.data_mut().metrics.get_mut(id as usize - 1) else {
            return Ok(NOT_FOUND);
        };
        if metric.kind == 0 {
            bail!("{} is a counter", metric.name);
        }
        metric.value = value;
        Ok(OK)
    });
}
