//! The demo's requests, and what must become of each.

use crate::client::Call;

pub struct Row {
    pub name: &'static str,
    pub call: Call,
    /// `untouched` for a request that is not the gate's.
    pub verdict: &'static str,
    /// Empty where there is none.
    pub reason: &'static str,
    /// What the client gets; 202 is the collector's own answer.
    pub status: u16,
}

const CHROME: &str = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36";
const HEADLESS: &str = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/126.0.0.0 Safari/537.36";
const GOOGLEBOT: &str = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)";
const JSON: (&str, &str) = ("content-type", "application/json");

const CONVERT: &str = r#"{"accountId":"10035569","projectId":"10034190","visitors":[{"visitorId":"v1","events":[{"eventType":"bucketing","data":{"experienceId":"100123","variationId":"100456"}}]}]}"#;
const PLAUSIBLE: &str = r#"{"n":"pageview","u":"https://example.com/","d":"example.com"}"#;
const USERPILOT: &str =
    r#"{"user_id":"u1","event_name":"payment_completed","metadata":{"plan":"free"}}"#;
const COMMANDERS_ACT: &str =
    r#"{"event_name":"search","context":{"event_id":"1","event_timestamp":"1639044446636"}}"#;

fn post(path: &str, headers: &[(&str, &str)], body: impl Into<String>) -> Call {
    let headers =
        headers.iter().map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec()));
    Call {
        method: "POST".to_owned(),
        path: path.to_owned(),
        headers: headers.collect(),
        body: Some(body.into().into_bytes()),
    }
}

fn row(name: &'static str, call: Call, fate: (&'static str, &'static str, u16)) -> Row {
    let (verdict, reason, status) = fate;
    Row { name, call, verdict, reason, status }
}

pub fn rows() -> Vec<Row> {
    let mut rows = convert();
    rows.extend(plausible());
    rows.extend(userpilot());
    rows.extend(commanders_act());
    rows.extend(untouched());
    rows
}

fn convert() -> Vec<Row> {
    let send = |user_agent: &str, body: &str| {
        post("/v1/track/sdkkey123", &[JSON, ("user-agent", user_agent)], body)
    };
    let beacon = [("content-type", "text/plain;charset=UTF-8"), ("user-agent", CHROME)];
    let forged = [JSON, ("user-agent", CHROME), ("x-track-verdict", "pass;endpoint=forged")];
    let large = format!(
        "{{\"accountId\":1,\"projectId\":2,\"visitors\":[],\"x\":\"{}\"}}",
        "a".repeat(1024 * 1024)
    );
    let no_goal = CONVERT.replace("bucketing", "conversion");
    vec![
        row("Convert: an SDK's event", send("ConvertAgent/1.0", CONVERT), ("pass", "", 202)),
        row(
            "Convert: a browser's beacon",
            post("/v1/track/1/2", &beacon, CONVERT),
            ("pass", "", 202),
        ),
        row(
            "Convert: a forged verdict",
            post("/v1/track/sdkkey123", &forged, CONVERT),
            ("pass", "", 202),
        ),
        row(
            "Convert: an unknown product",
            send("MyApp/2.5", CONVERT),
            ("annotate", "bot_suspected", 202),
        ),
        row(
            "Convert: a conversion without its goal",
            send("ConvertAgent/1.0", &no_goal),
            ("annotate", "event_invalid", 202),
        ),
        row("Convert: curl", send("curl/8.4.0", CONVERT), ("drop", "bot", 200)),
        row("Convert: headless Chrome", send(HEADLESS, CONVERT), ("drop", "bot", 200)),
        row(
            "Convert: no User-Agent",
            post("/v1/track/sdkkey123", &[JSON], CONVERT),
            ("drop", "bot", 200),
        ),
        row(
            "Convert: broken JSON",
            send("ConvertAgent/1.0", "{\"accountId\":"),
            ("reject", "invalid_json", 400),
        ),
        row(
            "Convert: nothing that is needed",
            send("ConvertAgent/1.0", "{}"),
            ("reject", "invalid_shape", 400),
        ),
        row(
            "Convert: more than 1 MiB",
            send("ConvertAgent/1.0", &large),
            ("uninspected", "request_too_large", 202),
        ),
    ]
}

fn plausible() -> Vec<Row> {
    let send = |user_agent: &str, body: &str| {
        post("/api/event", &[("content-type", "text/plain"), ("user-agent", user_agent)], body)
    };
    vec![
        row("Plausible: a page view", send(CHROME, PLAUSIBLE), ("pass", "", 202)),
        row("Plausible: curl is not a bot here", send("curl/8.4.0", PLAUSIBLE), ("pass", "", 202)),
        row("Plausible: a crawler", send(GOOGLEBOT, PLAUSIBLE), ("drop", "bot", 202)),
        row(
            "Plausible: no name, no url",
            send(CHROME, "{\"d\":\"example.com\"}"),
            ("reject", "invalid", 400),
        ),
    ]
}

fn userpilot() -> Vec<Row> {
    let version = ("x-api-version", "2020-09-22");
    let key = ("authorization", "Token up_key_123");
    vec![
        row(
            "Userpilot: an event",
            post("/v1/track", &[JSON, version, key], USERPILOT),
            ("pass", "", 202),
        ),
        row(
            "Userpilot: no X-API-Version",
            post("/v1/track", &[JSON, key], USERPILOT),
            ("annotate", "api_version", 202),
        ),
        row(
            "Userpilot: no key",
            post("/v1/track", &[JSON, version], USERPILOT),
            ("reject", "unauthorized", 401),
        ),
        row(
            "Userpilot: no user_id",
            post("/v1/track", &[JSON, version, key], "{\"event_name\":\"e\"}"),
            ("reject", "missing_field", 400),
        ),
    ]
}

fn commanders_act() -> Vec<Row> {
    let large = format!("{{\"event_name\":\"e\",\"x\":\"{}\"}}", "a".repeat(40_000));
    let send = |path: &str, body: &str| post(path, &[JSON], body);
    let batch = format!("{{\"batch\":[{COMMANDERS_ACT},{{\"user\":{{}}}}]}}");
    vec![
        row(
            "Commanders Act: an event",
            send("/events?tc_s=29&token=abc", COMMANDERS_ACT),
            ("pass", "", 202),
        ),
        row(
            "Commanders Act: no site id",
            send("/events?token=abc", COMMANDERS_ACT),
            ("annotate", "missing_site_id", 202),
        ),
        row(
            "Commanders Act: a batch, one event nameless",
            send("/events/batch?tc_s=29&token=abc", &batch),
            ("annotate", "event_name_missing", 202),
        ),
        row(
            "Commanders Act: 40 KB",
            send("/events?tc_s=29&token=abc", &large),
            ("reject", "request_too_large", 400),
        ),
    ]
}

fn untouched() -> Vec<Row> {
    let preflight = Call {
        method: "OPTIONS".to_owned(),
        path: "/api/event".to_owned(),
        headers: vec![
            ("origin".to_owned(), b"https://example.com".to_vec()),
            ("access-control-request-method".to_owned(), b"POST".to_vec()),
        ],
        body: None,
    };
    vec![
        row("a preflight", preflight, ("untouched", "", 204)),
        row("another path", post("/v1/identify", &[JSON], "{}"), ("untouched", "", 202)),
    ]
}
