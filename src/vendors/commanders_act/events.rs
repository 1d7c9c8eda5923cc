//! Commanders Act's events, one or a batch of them, read in one pass and in bounded memory.

use crate::rules::json::{Reader, Result, Text, Value};
use crate::verdict::{Bounded, Finding, Reason};

/// From 1973 to 5138: what has fewer digits counts seconds, what has more counts microseconds.
const MILLISECONDS: std::ops::Range<i64> = 100_000_000_000..100_000_000_000_000;

/// What the body turned out to be.
pub enum Shape {
    /// Not what the path asks for.
    Wrong(&'static str),
    Single(Bounded<Fault>),
    Batch {
        count: usize,
        /// The places of the events over their limit.
        too_large: Bounded<usize>,
        faults: Bounded<Fault>,
    },
}

/// What is amiss with an event; `index` is its place in a batch.
pub struct Fault {
    reason: Reason,
    index: Option<usize>,
}

impl Fault {
    pub fn finding(self) -> Finding {
        let finding = Finding::new(self.reason, format!("see {}", self.reason.id()));
        match self.index {
            Some(index) => finding.at(format!("batch[{index}]")),
            None => finding,
        }
    }
}

/// One event; `matters` is true for the reasons that are not passed over.
pub fn single(reader: &mut Reader<'_>, matters: &impl Fn(Reason) -> bool) -> Result<Shape> {
    let mut faults = Bounded::default();
    match event(reader)? {
        Some(event) => event.faults(None, matters, &mut faults),
        None => return Ok(Shape::Wrong("the body must be an object")),
    }
    Ok(Shape::Single(faults))
}

/// `{"batch": [event, …]}`
pub fn batch(
    reader: &mut Reader<'_>,
    limit: usize,
    matters: &impl Fn(Reason) -> bool,
) -> Result<Shape> {
    let mut shape = Shape::Wrong("batch is required");
    let is_object = reader.object(|reader, name| {
        if name.is("batch") {
            shape = batch_array(reader, limit, matters)?;
        } else {
            reader.value()?;
        }
        Ok(())
    })?;
    Ok(if is_object {
        shape
    } else {
        Shape::Wrong("the body must be an object with a batch array")
    })
}

fn batch_array(
    reader: &mut Reader<'_>,
    limit: usize,
    matters: &impl Fn(Reason) -> bool,
) -> Result<Shape> {
    let (mut count, mut too_large, mut faults) = (0, Bounded::default(), Bounded::default());
    let is_array = reader.array(|reader, index| {
        reader.kind()?;
        let start = reader.position();
        match event(reader)? {
            Some(event) => event.faults(Some(index), matters, &mut faults),
            None if matters(Reason::EventInvalid) => {
                faults.push(Fault { reason: Reason::EventInvalid, index: Some(index) })
            }
            None => {}
        }
        if reader.position() - start > limit {
            too_large.push(index);
        }
        count = index + 1;
        Ok(())
    })?;
    Ok(match is_array {
        true => Shape::Batch { count, too_large, faults },
        false => Shape::Wrong("batch must be an array"),
    })
}

/// What the checks need of an event; of duplicate names the last one.
#[derive(Default)]
struct Event {
    has_name: bool,
    /// `event` was the name's name in the old form.
    has_old_name: bool,
    has_properties: bool,
    /// Only the present form has one (contract, A-14).
    has_context: bool,
    root_time_is_wrong: bool,
    context_time_is_wrong: bool,
}

impl Event {
    fn read_context(&mut self, reader: &mut Reader<'_>) -> Result<()> {
        let mut time_is_wrong = false;
        self.has_context = reader.object(|reader, name| {
            let value = reader.value()?;
            if name.is("event_timestamp") {
                time_is_wrong = is_wrong_time(value);
            }
            Ok(())
        })?;
        self.context_time_is_wrong = time_is_wrong;
        Ok(())
    }

    fn faults(
        &self,
        index: Option<usize>,
        matters: &impl Fn(Reason) -> bool,
        faults: &mut Bounded<Fault>,
    ) {
        let is_legacy =
            !self.has_context && (self.has_properties || self.has_old_name && !self.has_name);
        let found = [
            (Reason::EventNameMissing, !(self.has_name || is_legacy && self.has_old_name)),
            (Reason::LegacyPayload, is_legacy),
            (Reason::TimestampNotMs, self.root_time_is_wrong || self.context_time_is_wrong),
        ];
        for (reason, _) in
            found.into_iter().filter(|(reason, is_found)| *is_found && matters(*reason))
        {
            faults.push(Fault { reason, index });
        }
    }
}

/// `None`: not an object.
fn event(reader: &mut Reader<'_>) -> Result<Option<Event>> {
    let mut event = Event::default();
    let is_object = reader.object(|reader, name| {
        if name.is("context") {
            return event.read_context(reader);
        }
        let value = reader.value()?;
        if name.is("event_name") {
            event.has_name = matches!(value, Value::String(text) if !text.is_blank());
        } else if name.is("event") {
            event.has_old_name = matches!(value, Value::String(text) if !text.is_blank());
        } else if name.is("properties") {
            event.has_properties = matches!(value, Value::Object(_));
        } else if name.is("event_timestamp") {
            event.root_time_is_wrong = is_wrong_time(value);
        }
        Ok(())
    })?;
    Ok(is_object.then_some(event))
}

/// Milliseconds as an integer, or as a string of one; nothing and `null` are not a time, which
/// is not a wrong one.
fn is_wrong_time(value: Value<'_>) -> bool {
    let milliseconds = match value {
        Value::Null => return false,
        Value::Number(number) => number.as_i64(),
        Value::String(text) => integer(text),
        Value::Object(_) | Value::Array(_) | Value::Bool(_) => None,
    };
    milliseconds.is_none_or(|milliseconds| !MILLISECONDS.contains(&milliseconds))
}

/// An integer in decimal digits with an optional sign, and blanks around it; `None` too for one
/// that does not fit.
fn integer(text: Text<'_>) -> Option<i64> {
    let mut letters = text.after_blanks();
    let mut next = letters.next();
    let is_negative = next == Some('-');
    if matches!(next, Some('+' | '-')) {
        next = letters.next();
    }
    let mut value = i64::from(next?.to_digit(10)?);
    if value == 0 {
        letters.pass(b'0');
    }
    loop {
        match letters.next() {
            None => break,
            Some(letter) if letter.is_whitespace() => {
                letters.after_blanks().is_at_end().then_some(())?;
                break;
            }
            Some(letter) => {
                value = value.checked_mul(10)?.checked_add(i64::from(letter.to_digit(10)?))?
            }
        }
    }
    Some(if is_negative { -value } else { value })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::json::Strictness;
    use proptest::prelude::*;

    fn read(json: &str) -> Option<i64> {
        Reader::document(json.as_bytes(), Strictness::Grammar, |reader| Ok(integer(reader.text()?)))
            .unwrap()
    }

    proptest! {
        #[test]
        fn integers_are_read_as_the_standard_library_does(text in "[ \u{3000}\t]{0,2}[+-]?[0 ]{0,3}[0-9a]{0,20}[ \u{3000}]{0,2}") {
            // The smallest one alone is not taken, which is not a time either.
            let expected = text.trim().parse().ok().filter(|value| *value != i64::MIN);
            prop_assert_eq!(read(&serde_json::to_string(&text).unwrap()), expected);
        }
    }
}
