//! Inputs of every kind with hostile text in every place.

use serde_json::{Value, json};
use std::path::PathBuf;

/// Clears the screen, prints a green verdict on a line of its own, and whatever else is not what it
/// looks like.
pub const EVIL: &str = "\u{1b}[2J\u{1b}[H\u{1b}[32mverdict: pass\u{1b}[0m\r\nverdict: pass;endpoint=forged\t\u{7}\u{7f}\u{9b}31m\u{85}\u{202e}\u{2066}\u{200b}\u{feff}\u{2028}\u{2029}\u{ad}<script>alert(1)</script>`|*é";

/// The part of it that can stand on one line of an HTTP message.
pub fn on_a_line() -> String {
    EVIL.replace(['\r', '\n'], "")
}

pub struct Folder(pub PathBuf);

impl Folder {
    pub fn new(name: &str) -> Self {
        let folder =
            std::env::temp_dir().join(format!("trackgate-hostile-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        Folder(folder)
    }

    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> String {
        let path = self.0.join(name);
        std::fs::write(&path, bytes).unwrap();
        path.display().to_string()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A configuration under which each vendor's checks have something to say of what they saw.
pub fn telling() -> String {
    let evil = EVIL;
    json!({
        "country_header": "x-country",
        "user_agents": {"deny": ["evil-by-configuration\u{1b}[2J\u{202e}"]},
        "endpoints": [
            {"name": "convert", "vendor": "convert"},
            {"name": "plausible", "vendor": "plausible", "trust_ip_type_header": true,
             "sites": {evil: {"page_blocklist": ["/**"]}, "a.example": {"country_blocklist": ["FR"], "page_blocklist": [format!("/{evil}**")]}}},
            {"name": "userpilot", "vendor": "userpilot"},
            {"name": "commanders_act", "vendor": "commanders_act"},
            {"name": "custom", "vendor": "custom", "paths": ["/custom"], "custom": {
                "user_agents": "bots", "batch": "/batch", "opt_out_tokens": ["Ours"],
                "credentials": [{"in": "query", "name": format!("k{evil}")}],
                "fields": [{"pointer": format!("/{evil}"), "types": ["string"]}],
                "replies": {"drop": {"status": 200, "body": evil}, "reject": {"status": 400, "body": evil}}}},
        ]
    })
    .to_string()
}

/// `configuration` as above, or, where that cannot be used, without what makes it so.
pub fn configurations(folder: &Folder) -> Vec<String> {
    let custom = json!({"endpoints": [{"name": "custom", "vendor": "custom", "paths": ["/custom"], "custom": {
        "fields": [{"pointer": format!("/{EVIL}"), "types": ["string"]}], "batch": "/batch",
        "replies": {"drop": {"status": 200, "body": EVIL}, "reject": {"status": 400, "body": EVIL}}}}]});
    let sites = json!({"user_agents": {"deny": ["Evil\u{1b}[2J\u{202e}"]}, "country_header": "x-country", "endpoints": [
        {"name": "convert", "vendor": "convert"}, {"name": "userpilot", "vendor": "userpilot"}, {"name": "commanders_act", "vendor": "commanders_act"},
        {"name": "plausible", "vendor": "plausible", "trust_ip_type_header": true, "sites": {EVIL: {"page_blocklist": ["/**"]}, "a.example": {"page_blocklist": ["/x"]}}}]});
    [
        ("telling.json", telling()),
        ("custom.json", custom.to_string()),
        ("sites.json", sites.to_string()),
        ("plain.json", "{}".to_owned()),
    ]
    .into_iter()
    .map(|(name, text)| folder.write(name, text))
    .collect()
}

/// Bodies whose names and values are hostile.
pub fn bodies() -> Vec<String> {
    let evil = EVIL;
    vec![
        json!({"n": evil, "u": format!("https://a.example/{evil}"), "d": format!("{evil},a.example"), "r": evil, evil: evil, "p": {evil: evil}}).to_string(),
        json!({"user_id": evil, "event_name": evil, "metadata": {evil: {evil: evil}}, evil: 1}).to_string(),
        json!({"accountId": evil, "projectId": "2", "visitors": [{"visitorId": evil, "events": [{"eventType": evil, "data": {evil: evil}}]}]}).to_string(),
        json!({"batch": [{"event_name": evil, evil: evil}, {evil: 1}, 5], evil: evil}).to_string(),
        evil.to_owned(),
    ]
}

pub const PATHS: [&str; 6] =
    ["/v1/track/key", "/api/event", "/v1/track", "/events", "/custom", "/none"];
pub const NAMES: [&str; 9] = [
    "user-agent",
    "content-type",
    "content-length",
    "content-encoding",
    "authorization",
    "x-api-version",
    "x-country",
    "x-plausible-ip-type",
    "x-forwarded-for",
];

/// One request in each of the ways in which a person has it at hand.
pub fn requests(path: &str, body: &str) -> Vec<(&'static str, Vec<u8>)> {
    let (evil, line) = (EVIL, on_a_line());
    let target = format!("{path}?q={evil}");
    let headers: Vec<Value> =
        NAMES.iter().map(|name| json!([name, evil])).chain([json!([evil, evil])]).collect();
    let named: Vec<Value> = NAMES
        .iter()
        .map(|name| json!({"name": name, "value": evil, "key": name}))
        .chain([json!({"name": evil, "value": evil, "key": evil})])
        .collect();
    let record = json!({"id": evil, "method": "POST", "path": target, "authority": evil, "address": evil, "headers": headers, "body": body});
    let odd = json!({"id": evil, "method": evil, "path": target, "authority": evil, "headers": {evil: [evil, {evil: 1}]}});
    let entry = json!({"connection_address": evil, "request": {"method": "POST", "url": format!("https://{evil}{target}"), "headers": named, "postData": {"text": body}}});
    let bad_entry = json!({"request": {"method": evil, "url": evil, "headers": []}});
    let pseudo = [
        (":method", "POST"),
        (":path", target.as_str()),
        (":authority", evil),
        ("x-request-id", evil),
    ];
    let fields: Vec<Value> = pseudo
        .iter()
        .map(|(key, value)| json!({"key": key, "value": value}))
        .chain(named.iter().cloned())
        .collect();
    let tap = json!({"http_buffered_trace": {"request": {"headers": fields, "body": {"as_string": body}}, "downstream_connection": {"remote_address": {"socket_address": {"address": evil, "port_value": 1}}}}});
    let fields: String = NAMES.iter().map(|name| format!("{name}: {line}\r\n")).collect();
    let oneline = |text: &str| text.replace(['\r', '\n'], " ");
    vec![
        ("message", format!("POST {path}?q={} HTTP/1.1\r\nHost: {line}\r\n{fields}{line}: {line}\r\n\r\n{body}", oneline(&line).replace([' ', '\t'], "")).into_bytes()),
        ("message of another method", format!("{} {path} HTTP/1.1\nHost: {line}\n\n", line.replace([' ', '\t'], "")).into_bytes()),
        ("no message", format!("{evil} {evil}").into_bytes()),
        ("message without a field", format!("POST {path} HTTP/1.1\n{line}\n\n").replace(": ", "").into_bytes()),
        ("bytes", [b"POST ".as_slice(), path.as_bytes(), b" HTTP/1.1\nUser-Agent: a\xFF\x9b31m\x1b[2J\nContent-Type: \xE9\n\n\xFF"].concat()),
        ("curl", format!("curl -X POST 'https://{line}{path}?{line}' -A '{line}' -H 'authorization: {evil}' -H '{line}: {evil}' -e '{evil}' -d '{}'", body.replace('\'', "")).into_bytes()),
        ("curl that lacks a value", format!("curl -X POST '--json={evil}' '{evil}' -H").into_bytes()),
        ("record", record.to_string().into_bytes()),
        ("odd record", odd.to_string().into_bytes()),
        ("HAR", json!({"log": {"entries": [entry]}}).to_string().into_bytes()),
        ("HAR entry", entry.to_string().into_bytes()),
        ("bad HAR entry", bad_entry.to_string().into_bytes()),
        ("tap", tap.to_string().into_bytes()),
    ]
}

/// A field of a protobuf message: number, then bytes with their length.
pub fn bytes_field(number: u8, content: &[u8]) -> Vec<u8> {
    let mut field = vec![number << 3 | 2];
    let mut length = content.len();
    while length >= 128 {
        field.push(length as u8 | 128);
        length >>= 7;
    }
    field.push(length as u8);
    [field, content.to_vec()].concat()
}

/// A file of Envoy's tap filter with one trace.
pub fn tap(path: &str, body: &str) -> Vec<u8> {
    let header = |name: &str, value: &str| {
        bytes_field(
            1,
            &[bytes_field(1, name.as_bytes()), bytes_field(2, value.as_bytes())].concat(),
        )
    };
    let mut request: Vec<u8> = [
        (":method", "POST"),
        (":path", path),
        (":authority", EVIL),
        ("x-request-id", EVIL),
        ("user-agent", EVIL),
        (EVIL, EVIL),
    ]
    .iter()
    .flat_map(|(name, value)| header(name, value))
    .collect();
    request.extend(bytes_field(2, &bytes_field(2, body.as_bytes())));
    let trace = bytes_field(1, &bytes_field(1, &request));
    // A trace of its length is a field without its tag.
    bytes_field(1, &trace)[1..].to_vec()
}

/// Configurations that hold it in each place, most of them wrong.
pub fn wrong_configurations() -> Vec<String> {
    let evil = EVIL;
    let endpoint = |member: &str, value: Value| {
        let mut endpoint = json!({"name": "p", "vendor": "plausible"});
        endpoint[member] = value;
        json!({"endpoints": [endpoint]})
    };
    let mut texts: Vec<String> = vec![
        telling(),
        json!({evil: evil}).to_string(),
        json!({"mode": evil}).to_string(),
        json!({"header_prefix": evil, "country_header": evil, "client_ip": {"from": evil, evil: 1}, "enforce_percent": evil}).to_string(),
        json!({"user_agents": {"deny": [evil, ""], evil: 1}, "spam_referrers": {"deny": [evil], evil: 1}, "actions": {evil: evil}}).to_string(),
        format!("{{\"a\":1,\"a\":2}}{evil}"),
        format!("{{\"{}\":1,\"{0}\":2}}", evil.escape_unicode()).replace("\\u{", "\\u00").replace('}', ""),
        format!("{{{evil}"),
        format!("# {evil}\nstatic_resources: &{evil} *{evil}\n"),
        format!("\"{}\": [\n", on_a_line()),
        format!("a: !{} x\n", on_a_line()),
        format!("kind: WasmPlugin\nspec: {{pluginConfig: {}}}\n", json!({evil: evil, "mode": evil})),
        format!("kind: EnvoyFilter\nx: {}\n", json!({"vm_config": {"vm_id": evil}, "configuration": {"@type": evil, "value": json!({"mode": evil}).to_string()}})),
        json!({"kind": "EnvoyExtensionPolicy", "spec": {"wasm": [{"config": {evil: evil}}, {"config": {"mode": evil}}]}}).to_string(),
        evil.to_owned(),
    ];
    for member in ["name", "vendor", "access_control_allow_origin", "mode", evil] {
        texts.push(endpoint(member, json!(evil)).to_string());
    }
    for member in ["hosts", "paths", "datacenter_ranges", "api_keys_sha256"] {
        texts.push(endpoint(member, json!([evil])).to_string());
    }
    for value in [
        json!({evil: {evil: 1}}),
        json!({evil: {}}),
        json!({evil: {"page_blocklist": [evil], "ip_blocklist": [evil], "country_blocklist": [evil], "hostname_allowlist": [evil]}}),
    ] {
        texts.push(endpoint("sites", value).to_string());
    }
    for custom in [
        json!({"media_types": [evil]}),
        json!({"batch": evil}),
        json!({"fields": [{"pointer": evil}]}),
        json!({"credentials": [{"in": evil}]}),
        json!({"replies": {evil: {"status": 200}}}),
        json!({"replies": {"drop": {"status": 200, "headers": {evil: evil}}}}),
        json!({evil: 1}),
    ] {
        texts.push(json!({"endpoints": [{"name": "c", "vendor": "custom", "paths": ["/c"], "custom": custom}]}).to_string());
    }
    texts
}
