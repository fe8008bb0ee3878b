//! Canonical proto3 JSON to and from messages, with errors that name the field and the place.

use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MessageDescriptor};
use serde::Serialize;
use serde::de::DeserializeSeed;
use serde_path_to_error::{Path, Segment, Track};

use super::Violation;

/// Names listed in an error, at most.
const LISTED: usize = 40;

/// Why a text is not the JSON of a message.
#[derive(Debug, PartialEq, Eq)]
pub struct JsonError {
    /// What is wrong; `field` is empty when the text is no JSON at all.
    pub violation: Violation,
    /// Line, from 1; 0 when there is none.
    pub line: usize,
    /// Column, from 1.
    pub column: usize,
}

/// Reads a message from its JSON. No text at all is the empty message.
///
/// # Errors
/// What is wrong, in which field and where.
pub fn read(message: &MessageDescriptor, text: &[u8]) -> Result<DynamicMessage, JsonError> {
    if text.iter().all(u8::is_ascii_whitespace) {
        return Ok(DynamicMessage::new(message.clone()));
    }
    let mut json = serde_json::Deserializer::from_slice(text);
    let mut track = Track::new();
    let tracked = serde_path_to_error::Deserializer::new(&mut json, &mut track);
    match message.clone().deserialize(tracked) {
        Ok(read) => match json.end() {
            Ok(()) => Ok(read),
            Err(error) => Err(explain(message, None, &error)),
        },
        Err(error) => Err(explain(message, Some(&track.path()), &error)),
    }
}

/// Reads a message from a JSON value that was put together from path and query.
///
/// # Errors
/// What is wrong, and in which field.
pub fn read_value(
    message: &MessageDescriptor,
    value: &serde_json::Value,
) -> Result<DynamicMessage, Violation> {
    let mut track = Track::new();
    let tracked = serde_path_to_error::Deserializer::new(value, &mut track);
    message
        .clone()
        .deserialize(tracked)
        .map_err(|error| explain(message, Some(&track.path()), &error).violation)
}

/// The JSON of a message, or of one of its fields.
///
/// # Errors
/// A message that has no JSON form, such as an `Any` of an unknown type.
pub fn write(message: &DynamicMessage, only: Option<&str>) -> Result<Vec<u8>, serde_json::Error> {
    let Some(only) = only else { return serde_json::to_vec(message) };
    let name = message.get_field_by_name(only).map(|_| only);
    let json_name = name.and_then(|name| {
        use prost_reflect::ReflectMessage;
        Some(message.descriptor().get_field_by_name(name)?.json_name().to_owned())
    });
    let mut whole = message.serialize(serde_json::value::Serializer)?;
    let part = json_name.and_then(|name| Some(whole.get_mut(&name)?.take()));
    serde_json::to_vec(&part.unwrap_or(serde_json::Value::Null))
}

fn explain(message: &MessageDescriptor, path: Option<&Path>, error: &serde_json::Error) -> JsonError {
    let (line, column) = (error.line(), error.column());
    let full = error.to_string();
    let bare = full.strip_suffix(&format!(" at line {line} column {column}")).unwrap_or(&full);
    if error.is_syntax() || error.is_eof() || path.is_none() {
        let violation = Violation { field: String::new(), description: format!("is not valid JSON: {bare}") };
        return JsonError { violation, line, column };
    }
    let mut place = Place { text: String::new(), at: At::Message(message.clone()) };
    for segment in path.into_iter().flatten() {
        place.step(segment);
    }
    let mut description = bare.to_owned();
    if let Some(name) = quoted(bare, "unrecognized field name '") {
        // the error is raised by the message that holds the field, or tracked at the field itself
        if !matches!(&place.at, At::Message(_)) {
            place.up();
        }
        description = "is not a field of this message".to_owned();
        if let At::Message(holder) = &place.at {
            description.push_str(&accepted(holder.fields().map(|field| field.json_name().to_owned())));
        }
        place.push(name);
    } else if let Some(value) = quoted(bare, "unrecognized enum value '")
        && let At::Field(field) = &place.at
        && let Kind::Enum(values) = field.kind()
    {
        description = format!("`{value}` is not a value of this enum");
        description.push_str(&accepted(values.values().map(|value| value.name().to_owned())));
    }
    JsonError { violation: Violation { field: place.text, description }, line, column }
}

fn quoted<'a>(text: &'a str, before: &str) -> Option<&'a str> {
    text.strip_prefix(before)?.strip_suffix('\'')
}

fn accepted(names: impl Iterator<Item = String>) -> String {
    let mut names: Vec<String> = names.collect();
    if names.is_empty() {
        return "; it has no fields".to_owned();
    }
    if names.len() > LISTED {
        names.truncate(LISTED);
        names.push("…".to_owned());
    }
    format!("; accepted: {}", names.join(", "))
}

/// Where in the message an error stands.
struct Place {
    text: String,
    at: At,
}

enum At {
    Message(MessageDescriptor),
    Field(FieldDescriptor),
    Unknown,
}

impl Place {
    fn step(&mut self, segment: &Segment) {
        match segment {
            Segment::Seq { index } => {
                self.text.push_str(&format!("[{index}]"));
                self.enter();
            }
            Segment::Map { key } => {
                self.enter();
                self.push(key);
                self.at = match &self.at {
                    At::Message(message) => match super::field_at(message, key) {
                        Some(field) => At::Field(field),
                        None => At::Unknown,
                    },
                    _ => At::Unknown,
                };
            }
            Segment::Enum { .. } | Segment::Unknown => {}
        }
    }

    /// From a field that holds messages to the message.
    fn enter(&mut self) {
        if let At::Field(field) = &self.at
            && let Kind::Message(message) = field.kind()
            && !field.is_map()
        {
            self.at = At::Message(message);
        }
    }

    fn up(&mut self) {
        self.enter();
        if matches!(self.at, At::Unknown)
            && let Some(dot) = self.text.rfind('.')
        {
            self.text.truncate(dot);
        }
    }

    fn push(&mut self, name: &str) {
        if !self.text.is_empty() {
            self.text.push('.');
        }
        self.text.push_str(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(name: &str) -> MessageDescriptor {
        salient_proto::pool().get_message_by_name(name).unwrap()
    }

    fn refused(name: &str, text: &str) -> JsonError {
        read(&message(name), text.as_bytes()).unwrap_err()
    }

    #[test]
    fn json_goes_round() {
        let text = r#"{"requestId":"r","orders":[{"sourceKey":{"source":"crm","id":"1"},"orderTime":"2011-12-09T12:50:00Z","kind":"KIND_RETURN","lines":[{"product":"products/85123A","quantity":"6","amountMinorUnits":"1530"}]}],"updateMask":"orderTime,currencyCode"}"#;
        let read = read(&message("salient.profile.v1.UpsertOrdersRequest"), text.as_bytes()).unwrap();
        assert_eq!(String::from_utf8(write(&read, None).unwrap()).unwrap(), text);
    }

    #[test]
    fn both_spellings_of_a_field_and_plain_numbers_are_read() {
        let line = message("salient.profile.v1.OrderLine");
        let ours = read(&line, br#"{"amount_minor_units": 5, "quantity": 2}"#).unwrap();
        let json = read(&line, br#"{"amountMinorUnits": "5", "quantity": "2"}"#).unwrap();
        assert_eq!(ours, json);
    }

    #[test]
    fn an_unknown_field_is_named_with_what_is_accepted() {
        let error = refused(
            "salient.profile.v1.UpsertOrdersRequest",
            "{\"orders\": [{}, {\n  \"lines\": [{\"qty\": 3}]}]}",
        );
        assert_eq!(error.violation.field, "orders[1].lines[0].qty");
        assert_eq!(
            error.violation.description,
            "is not a field of this message; accepted: product, quantity, amountMinorUnits"
        );
        assert_eq!(error.line, 2);
        let error = refused("salient.profile.v1.GetAccountRequest", r#"{"nam": ""}"#);
        assert_eq!(error.violation.field, "nam");
        assert!(error.violation.description.ends_with("accepted: name, readMask"), "{error:?}");
    }

    #[test]
    fn an_unknown_enum_value_is_named_with_what_is_accepted() {
        let error = refused("salient.feedback.v1.RecordReactionRequest", r#"{"action": "ACCEPT"}"#);
        assert_eq!(error.violation.field, "action");
        assert!(error.violation.description.starts_with("`ACCEPT` is not a value of this enum; accepted: REACTION_ACTION_UNSPECIFIED, REACTION_ACTION_ACCEPT"), "{error:?}");
    }

    #[test]
    fn a_wrong_type_names_the_field() {
        let error = refused("salient.profile.v1.OrderLine", r#"{"quantity": "six"}"#);
        assert_eq!(error.violation.field, "quantity");
        let error = refused("salient.profile.v1.Order", r#"{"orderTime": "yesterday"}"#);
        assert_eq!(error.violation.field, "orderTime");
        let error = refused("salient.profile.v1.Order", r#"{"lines": {}}"#);
        assert_eq!((error.violation.field.as_str(), error.line), ("lines", 1));
    }

    #[test]
    fn a_broken_text_names_the_place() {
        let error = refused("salient.profile.v1.Order", "{\n\"lines\": [");
        assert_eq!((error.violation.field.as_str(), error.line, error.column), ("", 2, 10));
        assert!(error.violation.description.contains("EOF"), "{error:?}");
        assert_eq!(refused("salient.profile.v1.Order", "{} {}").column, 4);
        assert!(!refused("salient.profile.v1.Order", "[]").violation.description.is_empty());
    }
}
