//! A refused request, as the gate sends it and as it is kept.

use crate::Result;
use crate::capture::Captured;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use std::io::{Read, Write};

/// What the gate has sent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Refused {
    /// Milliseconds since 1970: when the gate refused it.
    pub time_ms: i64,
    /// Name in the gate's configuration.
    pub endpoint: String,
    /// Id of the endpoint's vendor.
    pub vendor: String,
    /// `drop` or `reject`.
    pub verdict: String,
    /// Id of the reason of the refusal.
    pub reason: String,
    /// All reasons, as they would have been annotated.
    pub reasons: String,
    /// Of the answer that the sender has got.
    pub status: i64,
    /// What the vendor calls a site, where the request names one.
    pub site: Option<String>,
    /// The first 8 hexadecimal digits of the key's SHA-256.
    pub key_digest: Option<String>,
    /// The client's address.
    pub client: Option<String>,
    pub method: String,
    pub authority: String,
    pub path: String,
    /// Names and values, in order.
    pub headers: Vec<(String, Vec<u8>)>,
    /// Fields and parameters that the gate has left out.
    pub redacted: Option<String>,
    pub body: Vec<u8>,
}

/// What is kept of one request, with what has become of it since.
#[derive(Debug, Clone)]
pub struct Kept {
    pub id: i64,
    pub refused: Refused,
}

impl Refused {
    /// From the fields of a request; `prefix` is how the gate's own start.
    ///
    /// # Errors
    /// It is not the gate's: a field of ours is missing.
    pub fn read(prefix: &str, fields: &[(String, Vec<u8>)], body: Vec<u8>) -> Result<Refused> {
        let text = |name: &str| {
            let found = fields.iter().find(|(known, _)| known == name);
            found.map(|(_, value)| String::from_utf8_lossy(value).into_owned())
        };
        let own = |name: &str| text(&format!("{prefix}{name}"));
        let needed = |name: &str| {
            own(name).ok_or_else(|| format!("expected the field {prefix}{name}, found none"))
        };
        let verdict = needed("verdict")?;
        let (verdict, parameters) = verdict.split_once(';').unwrap_or((&verdict, ""));
        let endpoint = parameters.split(';').find_map(|pair| pair.strip_prefix("endpoint="));
        let reasons = needed("drop-reason")?;
        let mut refused = Refused {
            time_ms: needed("time")?.parse().map_err(|_| format!("{prefix}time: not a number"))?,
            endpoint: endpoint.unwrap_or_default().to_owned(),
            vendor: needed("vendor")?,
            verdict: verdict.to_owned(),
            reason: last_reason(&reasons),
            reasons,
            status: own("status").and_then(|status| status.parse().ok()).unwrap_or_default(),
            site: None,
            key_digest: own("key"),
            client: own("client"),
            method: text(":method").unwrap_or_default(),
            authority: text(":authority").or_else(|| text("host")).unwrap_or_default(),
            path: text(":path").unwrap_or_default(),
            headers: Vec::new(),
            redacted: own("redacted"),
            body,
        };
        let is_own = |name: &str| {
            name.starts_with(':')
                || name.starts_with(prefix)
                || ["host", "content-length", "transfer-encoding", "x-forwarded-for"]
                    .contains(&name)
                || name.starts_with("x-envoy-")
        };
        refused.headers = fields.iter().filter(|(name, _)| !is_own(name)).cloned().collect();
        if let Some(forwarded) = own("forwarded-for") {
            refused.headers.push(("x-forwarded-for".to_owned(), forwarded.into_bytes()));
        }
        refused.site = site_of(&refused);
        Ok(refused)
    }

    /// As it is judged.
    pub fn captured(&self, id: String) -> Captured {
        let mut captured = Captured::new(id, &self.method, &self.path, &self.authority);
        self.headers.iter().for_each(|(name, value)| captured.push(name, value.clone()));
        captured.body.clone_from(&self.body);
        captured.address = self.client.as_ref().map(|client| match client.contains(':') {
            true => format!("[{client}]:0"),
            false => format!("{client}:0"),
        });
        captured
    }

    /// Pairs of name and value; a value that is no text is `{"base64": …}`.
    pub fn headers_json(&self) -> String {
        let pair = |(name, value): &(String, Vec<u8>)| match std::str::from_utf8(value) {
            Ok(text) => json!([name, text]),
            Err(_) => json!([name, { "base64": STANDARD.encode(value) }]),
        };
        Value::Array(self.headers.iter().map(pair).collect()).to_string()
    }

    /// The reverse of [`Refused::headers_json`].
    ///
    /// # Errors
    /// It is not what that writes.
    pub fn headers_of(json: &str) -> Result<Vec<(String, Vec<u8>)>> {
        let pairs: Vec<(String, Value)> = serde_json::from_str(json)?;
        let value = |value: Value| -> Result<Vec<u8>> {
            match (value.as_str(), value.get("base64").and_then(Value::as_str)) {
                (Some(text), _) => Ok(text.as_bytes().to_vec()),
                (None, Some(base64)) => Ok(STANDARD.decode(base64)?),
                (None, None) => Err("headers: expected a text or base64".into()),
            }
        };
        pairs.into_iter().map(|(name, found)| Ok((name, value(found)?))).collect()
    }

    /// The body, compressed by gzip.
    ///
    /// # Errors
    /// None, for it is written to memory.
    pub fn packed_body(&self) -> std::io::Result<Vec<u8>> {
        let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
        packed.write_all(&self.body)?;
        packed.finish()
    }

    /// The reverse of [`Refused::packed_body`].
    ///
    /// # Errors
    /// It is not what that writes.
    pub fn body_of(packed: &[u8]) -> std::io::Result<Vec<u8>> {
        let mut body = Vec::new();
        GzDecoder::new(packed).read_to_end(&mut body)?;
        Ok(body)
    }
}

/// The id of the last member, which is the refusal's own.
fn last_reason(reasons: &str) -> String {
    let mut depth = false;
    let start = reasons.char_indices().fold(0, |start, (at, character)| match character {
        '"' => {
            depth = !depth;
            start
        }
        ',' if !depth => at + 1,
        _ => start,
    });
    let last = reasons.get(start..).unwrap_or_default().trim();
    last.split(';').next().unwrap_or_default().to_owned()
}

/// Plausible's first domain, Commanders Act's `tc_s`, and what stands at the end of Convert's path.
fn site_of(refused: &Refused) -> Option<String> {
    let parameter = |name: &str| {
        let (_, query) = refused.path.split_once('?')?;
        query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
    };
    let site = match refused.vendor.as_str() {
        "plausible" => {
            let body: Value = serde_json::from_slice(&refused.body).ok()?;
            let domains = ["d", "domain"].iter().find_map(|name| body.get(name)?.as_str())?;
            domains.split(',').next().map(|domain| domain.trim().to_owned())
        }
        "commanders_act" => parameter("tc_s").map(str::to_owned),
        "convert" => {
            let path = refused.path.split('?').next().unwrap_or_default();
            path.split_once("/track/").map(|(_, key)| key.to_owned())
        }
        _ => None,
    };
    site.filter(|site| !site.is_empty())
}
