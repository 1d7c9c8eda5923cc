//! One hash for one configuration, however it is written, so that a fleet can be checked for drift.
//!
//! Envoy hands the plugin a text. Between it and the operator stand programs that write the text
//! anew: Istio and Envoy Gateway make JSON of a resource's object, with members and white space in
//! an order of their own. So the hash is of what the text says:
//! 1. the order of members does not count, that of a list does;
//! 2. white space and escapes do not count;
//! 3. a number counts by its decimal value: `1`, `1.0`, `10e-1` and `1E0` are one, and `-0` is `0`.
//!
//! What is left out and what is written as its default are two configurations.

use super::Json;
use crate::rules::hash::hash as of_bytes;

/// Of a whole configuration.
pub fn hash(json: &Json<'_>) -> u64 {
    match json {
        Json::Null => pair(0, 0),
        Json::Bool(value) => pair(1, u64::from(*value)),
        Json::Number(text) => pair(2, number(text)),
        Json::String(text) => pair(3, of_bytes(text.as_bytes())),
        Json::List(list) => {
            list.iter().fold(pair(4, list.len() as u64), |all, element| pair(all, hash(element)))
        }
        // A sum has no order. No name stands twice.
        Json::Object(members) => {
            let sum = members.iter().fold(0u64, |sum, (name, value)| {
                sum.wrapping_add(pair(of_bytes(name.as_bytes()), hash(value)))
            });
            pair(5, sum)
        }
    }
}

fn pair(one: u64, other: u64) -> u64 {
    let mut bytes = [0; 16];
    for (place, byte) in
        bytes.iter_mut().zip(one.to_le_bytes().into_iter().chain(other.to_le_bytes()))
    {
        *place = byte;
    }
    of_bytes(&bytes)
}

/// Of a number in JSON's notation: its sign, its digits from the first to the last that is not
/// zero, and the power of ten that they are multiplied by.
fn number(text: &str) -> u64 {
    let (is_negative, text) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = [whole, fraction].concat();
    let significant = digits.trim_end_matches('0');
    let zeros = digits.len() - significant.len();
    let significant = significant.trim_start_matches('0');
    if significant.is_empty() {
        return 0;
    }
    // What does not fit is no number that any field takes.
    let exponent =
        exponent.parse::<i64>().unwrap_or(i64::MAX / 2) - fraction.len() as i64 + zeros as i64;
    pair(of_bytes(significant.as_bytes()), pair(exponent.cast_unsigned(), u64::from(is_negative)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value;

    fn of(text: &str) -> u64 {
        hash(&Json::parse(text.as_bytes()).unwrap_or_else(|error| panic!("{text}: {error}")))
    }

    #[test]
    fn one_configuration_has_one_hash_however_it_is_written() {
        let rows: [&[&str]; 5] = [
            &[
                r#"{"a":1,"b":{"c":2,"d":[3,4]}}"#,
                "{ \"b\": {\"d\":[3, 4], \"c\" : 2},\n\t\"a\": 1.0}",
                r#"{"\u0061":1e0,"b":{"c":2,"d":[30e-1,0.4E1]}}"#,
            ],
            &["1", "1.0", "1e0", "1E+0", "10e-1", "0.1e1", "0.001e3", "1.000"],
            &["0", "-0", "0.0", "0e9", "-0.000e-7"],
            &["100", "1e2", "0.1e3", "1.00E2"],
            &[r#""é\n/""#, r#""\u00e9\u000a\/""#],
        ];
        for row in rows {
            row.iter().for_each(|text| assert_eq!(of(text), of(row[0]), "{text}"));
        }
    }

    #[test]
    fn what_differs_differs() {
        let texts = [
            "null",
            "true",
            "false",
            "0",
            "1",
            "-1",
            "10",
            "0.1",
            "1e9",
            "\"\"",
            "\"0\"",
            "\"1\"",
            "\"null\"",
            "[]",
            "{}",
            "[[]]",
            "[{}]",
            "[null]",
            "[1,2]",
            "[2,1]",
            "[12]",
            "[1,[2]]",
            "[[1],2]",
            r#"{"a":1}"#,
            r#"{"a":"1"}"#,
            r#"{"b":1}"#,
            r#"{"a":1,"b":2}"#,
            r#"{"a":2,"b":1}"#,
            r#"{"a":{"b":1}}"#,
            r#"{"b":{"a":1}}"#,
            r#"["a",1]"#,
            r#"{"a":[1]}"#,
            r#"{"x":{"a":1},"y":{"b":2}}"#,
            r#"{"x":{"b":2},"y":{"a":1}}"#,
            r#"["ab","c"]"#,
            r#"["a","bc"]"#,
            r#"[["a"],"b"]"#,
            r#"["a",["b"]]"#,
        ];
        let hashes: std::collections::BTreeMap<u64, &str> =
            texts.iter().map(|text| (of(text), *text)).collect();
        assert_eq!(hashes.len(), texts.len(), "{hashes:?}");
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i32>().prop_map(Value::from),
            (-1_000_000i32..1_000_000)
                .prop_map(|hundredths| Value::from(f64::from(hundredths) / 100.0)),
            "\\PC{0,6}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map("[a-e]{1,2}", inner, 0..5)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    /// The same, with members turned about by `seed`, white space between, and every number as the
    /// double that a Struct holds.
    fn anew(value: &Value, seed: &mut u64) -> String {
        *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let space = [" ", "", "\n", "\t "][(*seed >> 60) as usize % 4];
        match value {
            Value::Number(number) => format!("{:?}", number.as_f64().unwrap()),
            Value::Array(list) => {
                format!(
                    "[{space}{}]",
                    list.iter()
                        .map(|one| anew(one, seed))
                        .collect::<Vec<_>>()
                        .join(&format!(",{space}"))
                )
            }
            Value::Object(members) => {
                let mut members: Vec<String> = members
                    .iter()
                    .map(|(name, one)| {
                        format!("{}{space}:{}", Value::from(name.as_str()), anew(one, seed))
                    })
                    .collect();
                let turn = (*seed >> 32) as usize % members.len().max(1);
                members.rotate_left(turn);
                if *seed >> 63 == 1 {
                    members.reverse();
                }
                format!("{{{}{space}}}", members.join(","))
            }
            other => other.to_string(),
        }
    }

    proptest! {
        #[test]
        fn neither_order_nor_spelling_counts(value in value(), mut seed: u64) {
            let (plain, other) = (value.to_string(), anew(&value, &mut seed));
            prop_assert_eq!(of(&plain), of(&other), "{} {}", plain, other);
        }

        #[test]
        fn two_values_have_two_hashes(one in value(), other in value()) {
            // 1 and 1.0 are two values to serde_json.
            let (one, other) = (anew(&one, &mut 0), anew(&other, &mut 0));
            prop_assert_eq!(one == other, of(&one) == of(&other), "{} {}", one, other);
        }
    }
}
