//! Path and query parameters as fields of a message.

use std::collections::HashSet;

use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MessageDescriptor};
use serde_json::{Map, Value};

use super::{Violation, json};

/// Collects parameters into the JSON of a message, which is then read like any other.
#[derive(Debug, Default)]
pub struct Params {
    tree: Map<String, Value>,
    seen: HashSet<String>,
    violations: Vec<Violation>,
}

impl Params {
    /// Takes one parameter; `name` is a dotted path of JSON or contract names.
    pub fn add(&mut self, message: &MessageDescriptor, name: &str, text: &str) {
        if let Err(violation) = self.try_add(message, name, text) {
            self.violations.push(violation);
        }
    }

    /// Refuses a parameter.
    pub fn refuse(&mut self, name: &str, description: String) {
        self.violations.push(Violation::new(name, description));
    }

    /// The message of all parameters.
    ///
    /// # Errors
    /// Every parameter that cannot be read.
    pub fn finish(self, message: &MessageDescriptor) -> Result<DynamicMessage, Vec<Violation>> {
        if !self.violations.is_empty() {
            return Err(self.violations);
        }
        json::read_value(message, &Value::Object(self.tree)).map_err(|violation| vec![violation])
    }

    fn try_add(&mut self, message: &MessageDescriptor, name: &str, text: &str) -> Result<(), Violation> {
        let refuse = |why: String| Violation::new(name, why);
        let mut message = message.clone();
        let mut path: Vec<String> = Vec::new();
        let mut steps = name.split('.').peekable();
        let leaf = loop {
            let step = steps.next().unwrap_or_default();
            let field = message
                .get_field_by_json_name(step)
                .or_else(|| message.get_field_by_name(step))
                .ok_or_else(|| refuse(unknown(&message)))?;
            if steps.peek().is_none() {
                break field;
            }
            let inner = match field.kind() {
                Kind::Message(inner) if !field.is_list() && !field.is_map() && !is_leaf(&inner) => inner,
                _ => return Err(refuse(format!("`{step}` has no fields of its own"))),
            };
            path.push(field.json_name().to_owned());
            message = inner;
        };
        let value = leaf_value(&leaf, text).map_err(refuse)?;
        let mut object = &mut self.tree;
        for step in &path {
            let next = object.entry(step.clone()).or_insert_with(|| Value::Object(Map::new()));
            let Value::Object(next) = next else { return Err(refuse("is given twice".into())) };
            object = next;
        }
        path.push(leaf.json_name().to_owned());
        if leaf.is_list() {
            let list = object.entry(leaf.json_name().to_owned()).or_insert_with(|| Value::Array(Vec::new()));
            if let Value::Array(list) = list {
                list.push(value);
            }
        } else if self.seen.insert(path.join(".")) {
            object.insert(leaf.json_name().to_owned(), value);
        } else {
            return Err(refuse("is given twice; give it once".into()));
        }
        Ok(())
    }
}

fn unknown(message: &MessageDescriptor) -> String {
    let names: Vec<String> = message.fields().map(|field| field.json_name().to_owned()).collect();
    if names.is_empty() {
        return "is not a parameter here; none is accepted".to_owned();
    }
    format!("is not a parameter here; accepted: {}", names.join(", "))
}

/// Messages whose JSON is one value.
pub fn is_leaf(message: &MessageDescriptor) -> bool {
    const LEAVES: [&str; 3] = ["Timestamp", "Duration", "FieldMask"];
    message
        .full_name()
        .strip_prefix("google.protobuf.")
        .is_some_and(|name| LEAVES.contains(&name) || name.ends_with("Value"))
}

/// The JSON of one parameter. Numbers stay text, which proto3 JSON reads as well.
fn leaf_value(field: &FieldDescriptor, text: &str) -> Result<Value, String> {
    if field.is_map() {
        return Err("is a map, which a parameter cannot carry".into());
    }
    let boolean = || match text {
        "true" => Ok(Value::Bool(true)),
        "false" => Ok(Value::Bool(false)),
        _ => Err(format!("`{text}` is neither `true` nor `false`")),
    };
    match field.kind() {
        Kind::Bool => boolean(),
        Kind::Enum(_) => Ok(text.parse::<i32>().map_or_else(|_| Value::from(text), Value::from)),
        Kind::Message(message) if message.full_name() == "google.protobuf.BoolValue" => boolean(),
        Kind::Message(message) if !is_leaf(&message) => {
            let fields: Vec<String> = message
                .fields()
                .map(|inner| format!("{}.{}", field.json_name(), inner.json_name()))
                .collect();
            Err(format!("is a message; give its fields: {}", fields.join(", ")))
        }
        _ => Ok(Value::from(text)),
    }
}
