//! A body is an event however it is spelled: the order of members, white space and escapes never
//! change the verdict.

use super::request;
use serde_json::{Map, Value};
use trackgate_cli::capture::Captured;

/// Good bodies of each path, which bytes then change here and there.
const GOOD: [(&str, &str); 7] = [
    (
        "/v1/track/key",
        r#"{"accountId":"1","projectId":"2","visitors":[{"visitorId":"v","events":[{"eventType":"bucketing","data":{"experienceId":"1","variationId":"2"}},{"eventType":"conversion","data":{"goalId":"1","goalData":[{"key":"amount","value":1.5}]}}]}]}"#,
    ),
    (
        "/api/event",
        r#"{"n":"pageview","u":"https://a.example/x/y?a=b#c","d":"a.example,b.example","r":"https://r.example/","i":false,"p":{"a":"b","c":1},"$":{"currency":"EUR","amount":"1.2"}}"#,
    ),
    (
        "/api/event",
        r#"{"name":"goal","url":"https://a.example/","domain":"b.example","referrer":"https://www.spam.example","props":"{\"a\":1}","interactive":true,"revenue":{"currency":"USD","amount":3}}"#,
    ),
    ("/v1/track", r#"{"user_id":"u","event_name":"e","metadata":{"a":"b"}}"#),
    (
        "/events?tc_s=1&token=a",
        r#"{"event_name":"a","context":{"event_timestamp":"1700000000000","event_id":"x"},"user":{"consent_categories":[1,2]}}"#,
    ),
    (
        "/events/batch?tc_s=1&token=a",
        r#"{"batch":[{"event_name":"a"},{"event_name":"b","context":{"event_timestamp":1700000000000}}]}"#,
    ),
    (
        "/custom/batch",
        r#"{"batch":[{"type":"a","id":"1"},{"type":"b","context":{"a/b":2}}],"sentAt":"x"}"#,
    ),
];
const NAMES: [&str; 20] = [
    "n",
    "u",
    "d",
    "name",
    "domain",
    "accountId",
    "visitors",
    "events",
    "eventType",
    "data",
    "goalData",
    "user_id",
    "event_name",
    "metadata",
    "batch",
    "event_timestamp",
    "context",
    "type",
    "",
    "\u{43a}\u{43b}\u{44e}\u{447}",
];
const LEAVES: [&str; 18] = [
    "null",
    "true",
    "0",
    "-1",
    "1.5",
    "1e300",
    "1700000000000",
    "18446744073709551616",
    r#""""#,
    r#"" ""#,
    r#""pageview""#,
    r#""https://a.example/x/""#,
    r#""a.example, www.b.example""#,
    r#""\"\\\ud83d\ude00""#,
    r#""\u0000""#,
    "[]",
    "{}",
    r#""bucketing""#,
];

/// Bytes that decide one thing after the other; zeros when they are used up.
struct Source<'a>(&'a [u8]);

impl Source<'_> {
    fn byte(&mut self) -> usize {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        usize::from(*first)
    }

    fn pick<'b>(&mut self, list: &[&'b str]) -> &'b str {
        list[self.byte() % list.len()]
    }

    fn leaf(&mut self) -> Value {
        serde_json::from_str(self.pick(&LEAVES)).expect("JSON")
    }

    /// The same value for zeros; other bytes replace, wrap, leave out, rename and add.
    fn changed(&mut self, value: &Value) -> Value {
        match self.byte() {
            0..200 => match value {
                Value::Array(list) => list.iter().filter_map(|one| self.element(one)).collect(),
                Value::Object(members) => self.members(members),
                scalar => scalar.clone(),
            },
            200..235 => self.leaf(),
            235..245 => Value::Array(vec![self.changed(value), self.leaf()]),
            _ => {
                Value::Object(Map::from_iter([(self.pick(&NAMES).to_owned(), self.changed(value))]))
            }
        }
    }

    fn element(&mut self, value: &Value) -> Option<Value> {
        (self.byte() < 235).then(|| self.changed(value))
    }

    fn members(&mut self, members: &Map<String, Value>) -> Value {
        let mut changed = Map::new();
        for (name, value) in members {
            match self.byte() {
                0..215 => changed.insert(name.clone(), self.changed(value)),
                215..230 => None,
                230..245 => changed.insert(self.pick(&NAMES).to_owned(), self.changed(value)),
                _ => changed
                    .insert(self.pick(&NAMES).to_owned(), self.leaf())
                    .or_else(|| changed.insert(name.clone(), value.clone())),
            };
        }
        Value::Object(changed)
    }
}

/// The same value with its members in another order, white space wherever it may stand, and here
/// and there its texts escaped.
fn respelt(value: &Value, turn: usize) -> String {
    let space = [" ", "\n", "\t", "\r\n", ""][turn % 5];
    match value {
        Value::Array(list) => {
            let list: Vec<String> = list.iter().map(|one| respelt(one, turn + 1)).collect();
            format!("{space}[{space}{}{space}]{space}", list.join(&format!("{space},")))
        }
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            if !members.is_empty() {
                let by = turn % members.len();
                members.rotate_left(by);
            }
            let members: Vec<String> = members
                .iter()
                .map(|(name, one)| {
                    format!("{}{space}:{}", text(name, turn), respelt(one, turn + 1))
                })
                .collect();
            format!("{space}{{{space}{}{space}}}{space}", members.join(&format!("{space},{space}")))
        }
        Value::String(one) => format!("{space}{}{space}", text(one, turn + 1)),
        scalar => format!("{space}{scalar}{space}"),
    }
}

fn text(text: &str, turn: usize) -> String {
    if !turn.is_multiple_of(3) {
        return Value::from(text).to_string();
    }
    let escaped: String = text
        .encode_utf16()
        .map(|unit| {
            if turn.is_multiple_of(2) { format!("\\u{unit:04x}") } else { format!("\\u{unit:04X}") }
        })
        .collect();
    format!("\"{escaped}\"")
}

/// Under the least limit of a body or an event, for there the spelling counts.
const MAX_BYTES: usize = 20_000;

/// `data` picks a good body and changes it.
///
/// # Panics
/// Another spelling gets another verdict.
pub fn check(data: &[u8]) {
    let mut source = Source(data);
    let (path, good) = GOOD[source.byte() % GOOD.len()];
    let (head, turn, piece) = (source.byte(), source.byte(), source.byte());
    let value = source.changed(&serde_json::from_str(good).expect("JSON"));
    let captured = |body: String| {
        let mut captured = Captured::new("x".to_owned(), "POST", path, "h.example");
        for (name, value) in [
            (
                "content-type",
                if path == "/api/event" && head % 2 == 1 {
                    "text/plain"
                } else {
                    "application/json"
                },
            ),
            (
                "user-agent",
                if head % 8 == 7 {
                    "Googlebot/2.1"
                } else {
                    "Mozilla/5.0 (X11; Linux x86_64; rv:126.0) Gecko/20100101 Firefox/126.0"
                },
            ),
            ("authorization", "Token abc"),
            ("x-api-version", "2020-09-22"),
            ("x-forwarded-for", if head % 4 == 3 { "10.1.2.3" } else { "192.0.2.1" }),
        ] {
            captured.push(name, value);
        }
        captured.body = body.into_bytes();
        captured
    };
    let (plain, other) = (captured(value.to_string()), captured(respelt(&value, turn)));
    request::check(&plain, piece);
    if other.body.len() <= MAX_BYTES {
        let (found, expected) = (request::verdict(&other), request::verdict(&plain));
        assert_eq!(
            (found.verdict, found.reason),
            (expected.verdict, expected.reason),
            "{value} {}",
            respelt(&value, turn)
        );
    }
}
