//! The shape of Convert's body, read in one pass.

use crate::rules::json::{Reader, Result, Value};
use crate::verdict::Bounded;

const REQUIRED: &str = "is required";

/// What the top level holds. Each part starts out as missing, and the last of duplicate names is
/// kept.
pub struct Envelope {
    is_object: bool,
    account: Option<&'static str>,
    project: Option<&'static str>,
    visitors_fault: Option<&'static str>,
    pub visitors: Visitors,
}

/// What the array of visitors holds.
#[derive(Default)]
pub struct Visitors {
    pub count: usize,
    pub faults: Bounded<Fault>,
}

impl Envelope {
    /// Field and fault of every part that makes the whole body useless; the field is empty where it
    /// is the body itself.
    pub fn faults(&self) -> Vec<(&'static str, &'static str)> {
        if !self.is_object {
            return vec![("", "the body must be an object")];
        }
        let parts = [
            ("accountId", self.account),
            ("projectId", self.project),
            ("visitors", self.visitors_fault),
        ];
        parts.into_iter().filter_map(|(field, fault)| Some((field, fault?))).collect()
    }
}

pub fn envelope(reader: &mut Reader<'_>) -> Result<Envelope> {
    let mut envelope = Envelope {
        is_object: true,
        account: Some(REQUIRED),
        project: Some(REQUIRED),
        visitors_fault: Some(REQUIRED),
        visitors: Visitors::default(),
    };
    envelope.is_object = reader.object(|reader, name| {
        if name.is("accountId") {
            envelope.account = id_fault(&reader.value()?);
        } else if name.is("projectId") {
            envelope.project = id_fault(&reader.value()?);
        } else if name.is("visitors") {
            envelope.visitors = Visitors::default();
            envelope.visitors_fault = visitors(reader, &mut envelope.visitors)?;
        } else {
            reader.value()?;
        }
        Ok(())
    })?;
    Ok(envelope)
}

/// An id is a string or a number, and not empty (contract, C-9).
fn id_fault(value: &Value<'_>) -> Option<&'static str> {
    match value {
        Value::Number(_) => None,
        Value::String(text) if text.is_empty() => Some("must not be empty"),
        Value::String(_) => None,
        Value::Object(_) | Value::Array(_) | Value::Bool(_) | Value::Null => {
            Some("must be a string or a number")
        }
    }
}

fn visitors(reader: &mut Reader<'_>, visitors: &mut Visitors) -> Result<Option<&'static str>> {
    let is_array = reader.array(|reader, index| {
        visitors.count = index + 1;
        visitor(reader, index, &mut visitors.faults)
    })?;
    Ok((!is_array).then_some("must be an array"))
}

fn visitor(reader: &mut Reader<'_>, index: usize, faults: &mut Bounded<Fault>) -> Result<()> {
    let mut id = Some("visitorId is required");
    let mut segments = None;
    let mut events = None;
    let is_object = reader.object(|reader, name| {
        if name.is("visitorId") {
            id = match reader.value()? {
                Value::String(text) if !text.is_empty() => None,
                _ => Some("visitorId must be a string, not empty"),
            };
        } else if name.is("segments") {
            let is_object = matches!(reader.value()?, Value::Object(_) | Value::Null);
            segments = (!is_object).then_some("segments must be an object");
        } else if name.is("events") {
            events = Some(visitor_events(reader, index)?);
        } else {
            reader.value()?;
        }
        Ok(())
    })?;
    if !is_object {
        faults.push(Fault { visitor: index, event: None, message: "a visitor must be an object" });
        return Ok(());
    }
    for fault in [id, segments].into_iter().flatten() {
        faults.push(Fault { visitor: index, event: None, message: fault });
    }
    match events {
        Some(events) => faults.append(events),
        None => faults.push(Fault { visitor: index, event: None, message: "events is required" }),
    }
    Ok(())
}

fn visitor_events(reader: &mut Reader<'_>, visitor: usize) -> Result<Bounded<Fault>> {
    let mut faults = Bounded::default();
    let is_array = reader.array(|reader, index| {
        if let Some(fault) = event(reader)? {
            faults.push(Fault { visitor, event: Some(index), message: fault });
        }
        Ok(())
    })?;
    if !is_array {
        faults.push(Fault { visitor, event: None, message: "events must be an array" });
    }
    Ok(faults)
}

#[derive(Clone, Copy)]
enum EventType {
    Bucketing,
    Conversion,
    Unknown,
}

fn event(reader: &mut Reader<'_>) -> Result<Option<&'static str>> {
    let mut kind = EventType::Unknown;
    let mut data = None;
    let is_object = reader.object(|reader, name| {
        if name.is("eventType") {
            kind = match reader.value()? {
                Value::String(text) if text.is("bucketing") => EventType::Bucketing,
                Value::String(text) if text.is("conversion") => EventType::Conversion,
                _ => EventType::Unknown,
            };
        } else if name.is("data") {
            data = event_data(reader)?;
        } else {
            reader.value()?;
        }
        Ok(())
    })?;
    if !is_object {
        return Ok(Some("an event must be an object"));
    }
    Ok(match (kind, data) {
        (EventType::Unknown, _) => Some("eventType must be bucketing or conversion"),
        (EventType::Bucketing | EventType::Conversion, None) => Some("data must be an object"),
        (EventType::Bucketing, Some(data)) => data.bucketing_fault(),
        (EventType::Conversion, Some(data)) => data.conversion_fault(),
    })
}

/// The ids an event's data holds, and whether its optional parts have the documented type.
#[derive(Default)]
struct EventData {
    experience: bool,
    variation: bool,
    goal: bool,
    goal_data_fault: bool,
    bucketing_data_fault: bool,
}

impl EventData {
    fn bucketing_fault(&self) -> Option<&'static str> {
        if !self.experience {
            Some("data.experienceId is required")
        } else if !self.variation {
            Some("data.variationId is required")
        } else {
            None
        }
    }

    fn conversion_fault(&self) -> Option<&'static str> {
        if !self.goal {
            Some("data.goalId is required")
        } else if self.goal_data_fault {
            Some("data.goalData must be an array")
        } else if self.bucketing_data_fault {
            Some("data.bucketingData must be an object")
        } else {
            None
        }
    }
}

fn event_data(reader: &mut Reader<'_>) -> Result<Option<EventData>> {
    let mut data = EventData::default();
    let is_object = reader.object(|reader, name| {
        let value = reader.value()?;
        let is_id = id_fault(&value).is_none();
        if name.is("experienceId") {
            data.experience = is_id;
        } else if name.is("variationId") {
            data.variation = is_id;
        } else if name.is("goalId") {
            data.goal = is_id;
        } else if name.is("goalData") {
            data.goal_data_fault = !matches!(value, Value::Array(_) | Value::Null);
        } else if name.is("bucketingData") {
            data.bucketing_data_fault = !matches!(value, Value::Object(_) | Value::Null);
        }
        Ok(())
    })?;
    Ok(is_object.then_some(data))
}

/// A visitor or event that will be turned away downstream.
pub struct Fault {
    visitor: usize,
    event: Option<usize>,
    pub message: &'static str,
}

impl Fault {
    /// `visitors[0]` or `visitors[0].events[2]`.
    pub fn path(&self) -> String {
        match self.event {
            Some(event) => format!("visitors[{}].events[{event}]", self.visitor),
            None => format!("visitors[{}]", self.visitor),
        }
    }
}
