//! A refused request as it is sent to the quarantine: as it came, but for what belongs to the
//! connection or holds a key; with what is known of it in fields of our own.
//!
//! | field | |
//! |---|---|
//! | `x-track-verdict`, `x-track-drop-reason` | as a forwarded request would have them |
//! | `x-track-status` | of the answer that the sender has got |
//! | `x-track-vendor` | the endpoint's |
//! | `x-track-time` | milliseconds since 1970 |
//! | `x-track-client` | the client's address, where it is known |
//! | `x-track-key` | the first 8 hexadecimal digits of the SHA-256 of its key, where it has one |
//! | `x-track-forwarded-for` | its `x-forwarded-for`, in place of which Envoy may send its own |
//! | `x-track-redacted` | the fields, and with `?` the parameters, that were left out |

use crate::annotation;
use crate::filter::Context;
use crate::filter::host::{Failed, Host, Map, Result};
use crate::gate::{Decision, Quarantine as Terms};
use crate::request::{HeadBuf, RequestHead};
use crate::rules::key_digests::shown_digest;
use crate::rules::query;

/// A request to a cluster, apart from any stream.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Message {
    /// Envoy's name of the cluster.
    pub cluster: String,
    /// Names in lower case and values, those with `:` first; no framing fields.
    pub fields: Vec<(Vec<u8>, Vec<u8>)>,
    /// Empty where there is none.
    pub body: Vec<u8>,
}

/// Fields of the connection, of framing, and those that Envoy writes anew.
const LEFT_OUT: [&[u8]; 11] = [
    b"connection",
    b"content-length",
    b"expect",
    b"keep-alive",
    b"proxy-connection",
    b"te",
    b"trailer",
    b"transfer-encoding",
    b"upgrade",
    b"host",
    b"x-forwarded-for",
];

/// Fields by which Envoy is told what to do with a request.
const ENVOY: &[u8] = b"x-envoy-";

/// Fields that may hold keys, at every vendor.
const CREDENTIALS: [&[u8]; 3] = [b"authorization", b"proxy-authorization", b"cookie"];

/// Puts it together. `kept`: the header section, where it may have left by now.
pub fn of<H: Host>(
    cx: &Context<'_, H>,
    decision: &Decision,
    terms: &Terms,
    kept: Option<HeadBuf>,
    body: Vec<u8>,
) -> Result<Message> {
    let address = cx.host.source_address();
    let copy = Copied { cx, decision, terms, fields: Vec::new(), redacted: Vec::new() };
    let fields = match &kept {
        Some(kept) => copy.all(kept.head(), &address),
        None => cx
            .host
            .fields(Map::RequestHeaders, |fields| copy.all(RequestHead::new(fields), &address))?,
    };
    // Of a header section that has left there is nothing.
    let is_there = fields.first().is_some_and(|(name, _)| name.starts_with(b":"));
    if !is_there {
        return Err(Failed);
    }
    Ok(Message { cluster: terms.cluster.clone(), fields, body })
}

struct Copied<'a, H: Host> {
    cx: &'a Context<'a, H>,
    decision: &'a Decision,
    terms: &'a Terms,
    fields: Vec<(Vec<u8>, Vec<u8>)>,
    redacted: Vec<Vec<u8>>,
}

impl<H: Host> Copied<'_, H> {
    fn all<'h>(mut self, mut head: RequestHead<'h>, address: &'h [u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
        if !address.is_empty() {
            head.set_source_address(address);
        }
        self.request(&head);
        self.own(&head);
        self.fields
    }

    fn request(&mut self, head: &RequestHead<'_>) {
        for (name, value) in head.fields() {
            if LEFT_OUT.contains(&name)
                || name.starts_with(ENVOY)
                || self.cx.filter.gate.is_own_field(name)
            {
                continue;
            }
            let value = if name == b":path" { self.path(value) } else { value.to_vec() };
            if self.is_key(name) {
                self.redacted.push(name.to_vec());
            } else {
                self.fields.push((name.to_vec(), value));
            }
        }
    }

    fn is_key(&self, name: &[u8]) -> bool {
        let of_vendor = self.decision.endpoint.checks.key_field();
        !self.terms.stores_credentials
            && (CREDENTIALS.contains(&name)
                || of_vendor.is_some_and(|field| field.as_bytes() == name))
    }

    fn path(&mut self, path: &[u8]) -> Vec<u8> {
        let mut path = path.to_vec();
        if !self.terms.stores_credentials {
            for parameter in self.decision.endpoint.checks.key_parameters() {
                if let Some(without) = query::emptied(&path, parameter) {
                    path = without;
                    self.redacted.push([b"?", parameter.as_bytes()].concat());
                }
            }
        }
        path
    }

    fn own(&mut self, head: &RequestHead<'_>) {
        let now_ms = self.cx.host.now_ns() / 1_000_000;
        let endpoint = &self.decision.endpoint;
        let mut add = |name: &str, value: Option<Vec<u8>>| {
            let name = [self.cx.filter.gate.header_prefix.as_str(), name].concat();
            self.fields.extend(value.map(|value| (name.into_bytes(), value)));
        };
        let status = self.decision.reply.as_ref().map(|reply| reply.status.to_string());
        let client = endpoint.shared.client_ip.of(head).map(|address| address.to_string());
        let key = endpoint.checks.client_key(head).map(|key| shown_digest(&key));
        let verdict = annotation::verdict(self.decision, &endpoint.name);
        add("verdict", Some(verdict.into()));
        add("drop-reason", annotation::reasons(&self.decision.findings).map(Into::into));
        add("status", status.map(Into::into));
        add("vendor", Some(endpoint.vendor.id().into()));
        add("time", Some(now_ms.to_string().into()));
        add("client", client.map(Into::into));
        add("key", key.map(Into::into));
        add("forwarded-for", head.joined("x-forwarded-for").map(Into::into));
        let redacted = self.redacted.join(&b", "[..]);
        add("redacted", (!redacted.is_empty()).then_some(redacted));
    }
}
