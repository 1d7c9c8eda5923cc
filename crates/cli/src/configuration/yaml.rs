//! YAML by bounds: a small file must not take the time or the room of a large one.

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};
use std::cell::Cell;
use std::fmt;

/// Brackets that are open at once, without regard to strings and comments. The parser takes no more
/// than 128 levels anyway, but a time that grows with their square to say so.
const MAX_BRACKETS: usize = 256;
/// The parser makes a hundred bytes of two.
const MAX_BYTES: usize = 16 << 20;
/// What a value takes besides its text.
const VALUE_BYTES: usize = 32;
/// How much larger a text may become by its aliases, in any case.
const FREE_BYTES: usize = 1 << 20;

/// All documents of a text.
///
/// # Errors
/// What is wrong, and where, in one line.
pub fn documents(text: &str) -> Result<Vec<Value>, String> {
    if text.len() > MAX_BYTES {
        return Err(format!("more than {} MiB of YAML", MAX_BYTES >> 20));
    }
    check_brackets(text)?;
    // A value takes two bytes of text at least, unless it is an alias, or nothing.
    let budget = Budget(Cell::new(2 * VALUE_BYTES * text.len() + FREE_BYTES));
    let documents = serde_yaml_ng::Deserializer::from_str(text);
    documents
        .map(|document| budget.deserialize(document).map_err(|error| error.to_string()))
        .collect()
}

fn check_brackets(text: &str) -> Result<(), String> {
    let (mut open, mut line) = (0usize, 1);
    for byte in text.bytes() {
        match byte {
            b'[' | b'{' => open += 1,
            b']' | b'}' => open = open.saturating_sub(1),
            b'\n' => line += 1,
            _ => {}
        }
        if open > MAX_BRACKETS {
            return Err(format!("more than {MAX_BRACKETS} brackets are open at line {line}"));
        }
    }
    Ok(())
}

/// Bytes of values that may still be made.
struct Budget(Cell<usize>);

impl Budget {
    fn take<E: Error>(&self, bytes: usize) -> Result<(), E> {
        let left = self.0.get().checked_sub(bytes + VALUE_BYTES);
        self.0.set(
            left.ok_or_else(|| E::custom("its aliases make it more than sixty times as large"))?,
        );
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for &Budget {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for &Budget {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a value that JSON has too")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        self.take(0).map(|()| Value::Null)
    }

    fn visit_none<E: Error>(self) -> Result<Value, E> {
        self.visit_unit()
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        self.take(0).map(|()| Value::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        self.take(0).map(|()| Value::from(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        self.take(0).map(|()| Value::from(value))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        self.take(0).map(|()| Value::from(value))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Value, E> {
        self.take(text.len()).map(|()| Value::from(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Value, A::Error> {
        self.take(0)?;
        let mut list = Vec::new();
        while let Some(element) = elements.next_element_seed(self)? {
            list.push(element);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        self.take(0)?;
        let mut object = Map::new();
        while let Some(Name(name)) = members.next_key()? {
            self.take(name.len())?;
            object.insert(name, members.next_value_seed(self)?);
        }
        Ok(Value::Object(object))
    }
}

/// A name may look like a number.
#[derive(Deserialize)]
struct Name(String);

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, Instant};

    #[test]
    fn what_others_read_is_read() {
        let text = "# a comment [[\na: &x [1, -2, 0.5, true, null, 'b', \"c\\n\"]\nb: {c: *x, 3: |\n  d\n}\n---\n- e\n";
        let text = text.replace("|\n  d\n", "d");
        let known: Vec<Value> = serde_yaml_ng::Deserializer::from_str(&text)
            .map(|document| Value::deserialize(document).unwrap())
            .collect();
        assert_eq!(documents(&text).unwrap(), known);
        assert_eq!(known[0]["b"]["c"][0], 1);
    }

    /// Each takes seconds, or gigabytes, where nothing bounds it.
    #[test]
    fn a_small_text_takes_neither_time_nor_room() {
        let rows = [
            (format!("a: {}", "[".repeat(100_000)), "more than 256 brackets are open at line 1"),
            (
                format!("a:\n{}", " {a:\n".repeat(25_000)),
                "more than 256 brackets are open at line 258",
            ),
            (
                format!("a: {}{}", "[".repeat(200), "]".repeat(200)),
                "recursion limit exceeded at line 1 column 131",
            ),
            (
                format!("a: &a [{}]\nb: [{}]\n", "x,".repeat(20_000), "*a,".repeat(20_000)),
                "its aliases make it more than sixty times as large",
            ),
            (
                format!("a: &a {}\nb: [{}]\n", "x".repeat(50_000), "*a,".repeat(20_000)),
                "its aliases make it more than sixty times as large",
            ),
            ("x,\n".repeat(6 << 20), "more than 16 MiB of YAML"),
            ("- ".repeat(50_000), "recursion limit exceeded at line 1 column 257"),
        ];
        for (text, expected) in rows {
            let begin = Instant::now();
            let error = documents(&text).unwrap_err();
            assert!(error.contains(expected), "{error}");
            assert!(begin.elapsed() < Duration::from_secs(1), "{expected}: {:?}", begin.elapsed());
        }
    }

    #[test]
    fn aliases_that_people_write_are_read() {
        let text = format!(
            "all: &all [{}]\n{}",
            "some.example, ".repeat(100),
            (0..50).map(|site| format!("site{site}: *all\n")).collect::<String>()
        );
        assert_eq!(documents(&text).unwrap()[0]["site49"][99], "some.example");
        let deep = format!("{}1{}", "[".repeat(120), "]".repeat(120));
        assert_eq!(documents(&deep).unwrap().len(), 1);
    }
}
