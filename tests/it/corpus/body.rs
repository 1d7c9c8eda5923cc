//! A vector's body: a string, `null`, base64, or generated from a template (the format is the
//! contract's, section 6).

use serde_json::Value;

/// The bytes to send; `None` when the request has no body at all.
pub fn bytes(case: &Value) -> Option<Vec<u8>> {
    if let Some(encoded) = case.get("body_b64") {
        return Some(base64(encoded.as_str().unwrap()));
    }
    match &case["body"] {
        Value::Null => None,
        Value::String(text) => Some(text.clone().into_bytes()),
        other => Some(generate(&other["generate"]).into_bytes()),
    }
}

fn generate(spec: &Value) -> String {
    let mut text = spec["template"].as_str().unwrap().to_owned();
    let mut pads = Vec::new();
    for (name, part) in spec["parts"].as_object().unwrap() {
        let place = format!("{{{{{name}}}}}");
        if let Some(pad) = part.get("pad_to_total_bytes") {
            pads.push((place, pad));
            continue;
        }
        text = text.replace(&place, &piece(part));
    }
    for (place, pad) in pads {
        let total = number(&pad["total"]);
        let base = text.replace(&place, "").len();
        text = text.replace(&place, &pad["text"].as_str().unwrap().repeat(total - base));
    }
    text
}

fn piece(part: &Value) -> String {
    let string = |value: &Value| value.as_str().unwrap().to_owned();
    if let Some(repeat) = part.get("repeat") {
        return string(&repeat["text"]).repeat(number(&repeat["count"]));
    }
    if let Some(nest) = part.get("nest") {
        let depth = number(&nest["depth"]);
        return string(&nest["open"]).repeat(depth)
            + &string(&nest["inner"])
            + &string(&nest["close"]).repeat(depth);
    }
    let items = &part["items"];
    let fill = items
        .get("fill")
        .map_or(String::new(), |fill| string(&fill["text"]).repeat(number(&fill["count"])));
    let item = |index: usize| {
        string(&items["template"]).replace("{i}", &index.to_string()).replace("{fill}", &fill)
    };
    let separator = items.get("sep").map_or(",".to_owned(), string);
    (0..number(&items["count"])).map(item).collect::<Vec<_>>().join(&separator)
}

fn number(value: &Value) -> usize {
    value.as_u64().unwrap() as usize
}

pub fn base64(text: &str) -> Vec<u8> {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut bits = 0u32;
    let mut held = 0;
    let mut bytes = Vec::new();
    for byte in text.bytes().filter(|byte| *byte != b'=') {
        bits = bits << 6 | ALPHABET.iter().position(|letter| *letter == byte).unwrap() as u32;
        held += 6;
        if held >= 8 {
            held -= 8;
            bytes.push((bits >> held) as u8);
            bits &= (1 << held) - 1;
        }
    }
    bytes
}
