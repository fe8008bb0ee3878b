//! Messages as JSON schemas.

use std::collections::{BTreeMap, BTreeSet};

use prost_reflect::{EnumDescriptor, FieldDescriptor, Kind, MessageDescriptor};
use serde_json::{Map, Value, json};

use super::{describe, rules::Rules};
use crate::contract::{Comments, Routes};

/// Schemas of everything that is referred to.
#[derive(Debug)]
pub struct Schemas<'a> {
    comments: &'a Comments,
    answered: BTreeSet<String>,
    done: BTreeMap<String, Value>,
}

impl<'a> Schemas<'a> {
    /// No schemas yet. Messages that stand in answers are known from the routes.
    pub fn new(comments: &'a Comments, routes: &Routes) -> Self {
        let mut answered = BTreeSet::new();
        for route in routes.iter() {
            reach(&route.rpc.output(), &mut answered);
        }
        Self { comments, answered, done: BTreeMap::new() }
    }

    /// The schemas, by name.
    pub fn into_components(self) -> Map<String, Value> {
        self.done.into_iter().collect()
    }

    /// A reference to a message's schema, or the schema itself where the message is one value.
    pub fn message(&mut self, message: &MessageDescriptor) -> Value {
        if let Some(value) = well_known(message) {
            return value;
        }
        let name = message.full_name();
        if !self.done.contains_key(name) {
            // the place is taken first, so that a message may contain itself
            self.done.insert(name.to_owned(), Value::Null);
            let schema = self.object(message, &[]);
            self.done.insert(name.to_owned(), schema);
        }
        json!({ "$ref": format!("#/components/schemas/{name}") })
    }

    /// The schema of a message without some of its fields.
    pub fn object(&mut self, message: &MessageDescriptor, without: &[&str]) -> Value {
        let mut properties = Map::new();
        let mut order = Vec::new();
        let mut required = Vec::new();
        // an answer may leave a field out that a request must bring
        let strict = !self.answered.contains(message.full_name());
        for field in message.fields().filter(|field| !without.contains(&field.name())) {
            let name = field.json_name().to_owned();
            if Rules::of(&field).require_a_value() {
                required.push(name.clone());
            }
            order.push(name.clone());
            properties.insert(name, self.field(&field));
        }
        let mut schema = Map::new();
        schema.insert("type".into(), json!("object"));
        describe(&mut schema, self.comments.at(message.parent_file().name(), message.path()));
        for oneof in message.oneofs().filter(|oneof| !oneof.is_synthetic()) {
            let names: Vec<String> = oneof.fields().map(|field| format!("`{}`", field.json_name())).collect();
            describe(&mut schema, &format!("At most one of {}.", names.join(", ")));
        }
        schema.insert("properties".into(), Value::Object(properties));
        schema.insert("x-order".into(), json!(order));
        if strict {
            // an answer may gain fields; a request with one that is not known is refused
            schema.insert("additionalProperties".into(), json!(false));
        }
        if !required.is_empty() {
            let keyword = if strict { "required" } else { "x-required" };
            schema.insert(keyword.into(), json!(required));
        }
        Value::Object(schema)
    }

    /// The schema of a field, with its comment and its rules.
    pub fn field(&mut self, field: &FieldDescriptor) -> Value {
        let rules = Rules::of(field);
        let mut schema = Map::new();
        describe(&mut schema, self.comments.at(field.parent_message().parent_file().name(), field.path()));
        if field.is_map() {
            let kind = field.kind();
            let entry = kind.as_message();
            let values = entry.map(|entry| {
                self.single(&entry.map_entry_value_field().kind(), &rules.inner("map", "values"))
            });
            schema.insert("type".into(), json!("object"));
            schema.insert("additionalProperties".into(), Value::Object(values.unwrap_or_default()));
            rules.apply("map", &mut schema);
        } else if field.is_list() {
            let items = self.single(&field.kind(), &rules.inner("repeated", "items"));
            schema.insert("type".into(), json!("array"));
            schema.insert("items".into(), Value::Object(items));
            rules.apply("repeated", &mut schema);
        } else {
            for (keyword, value) in self.single(&field.kind(), &rules) {
                match (keyword.as_str(), value.as_str()) {
                    ("description", Some(text)) => describe(&mut schema, text),
                    _ => drop(schema.insert(keyword, value)),
                }
            }
        }
        if is_output_only(field) {
            schema.insert("readOnly".into(), json!(true));
        }
        Value::Object(schema)
    }

    fn single(&mut self, kind: &Kind, rules: &Rules) -> Map<String, Value> {
        let schema = match kind {
            Kind::Double => json!({"type": "number", "format": "double"}),
            Kind::Float => json!({"type": "number", "format": "float"}),
            Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => json!({"type": "integer", "format": "int32"}),
            Kind::Uint32 | Kind::Fixed32 => json!({"type": "integer", "format": "uint32", "minimum": 0}),
            Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => {
                json!({"type": "string", "format": "int64", "pattern": "^-?[0-9]+$"})
            }
            Kind::Uint64 | Kind::Fixed64 => {
                json!({"type": "string", "format": "uint64", "pattern": "^[0-9]+$"})
            }
            Kind::Bool => json!({"type": "boolean"}),
            Kind::String => json!({"type": "string"}),
            Kind::Bytes => json!({"type": "string", "contentEncoding": "base64"}),
            Kind::Message(message) => self.message(message),
            Kind::Enum(values) => self.values(values, &rules.refused_values()),
        };
        let Value::Object(mut schema) = schema else { return Map::new() };
        rules.apply(rule_kind(kind), &mut schema);
        schema
    }

    fn values(&self, values: &EnumDescriptor, refused: &[i32]) -> Value {
        let file = values.parent_file();
        let mut names = Vec::new();
        let mut said = Map::new();
        for value in values.values().filter(|value| !refused.contains(&value.number())) {
            names.push(value.name().to_owned());
            said.insert(value.name().to_owned(), json!(self.comments.at(file.name(), value.path())));
        }
        json!({"type": "string", "enum": names, "x-enum-descriptions": said})
    }
}

/// The name of a kind in `buf.validate.FieldRules`.
fn rule_kind(kind: &Kind) -> &'static str {
    match kind {
        Kind::Double => "double",
        Kind::Float => "float",
        Kind::Int32 => "int32",
        Kind::Int64 => "int64",
        Kind::Uint32 => "uint32",
        Kind::Uint64 => "uint64",
        Kind::Sint32 => "sint32",
        Kind::Sint64 => "sint64",
        Kind::Fixed32 => "fixed32",
        Kind::Fixed64 => "fixed64",
        Kind::Sfixed32 => "sfixed32",
        Kind::Sfixed64 => "sfixed64",
        Kind::Bool => "bool",
        Kind::String => "string",
        Kind::Bytes => "bytes",
        Kind::Message(_) => "any",
        Kind::Enum(_) => "enum",
    }
}

/// Messages that proto3 JSON writes in a way of their own.
fn well_known(message: &MessageDescriptor) -> Option<Value> {
    Some(match message.full_name().strip_prefix("google.protobuf.")? {
        "Timestamp" => json!({"type": "string", "format": "date-time"}),
        "Duration" => json!({"type": "string", "pattern": "^-?[0-9]+(\\.[0-9]{1,9})?s$"}),
        "FieldMask" => json!({"type": "string", "description": "Names of fields, joined by commas."}),
        "Struct" => json!({"type": "object"}),
        "ListValue" => json!({"type": "array"}),
        "Value" => json!({}),
        "Empty" => json!({"type": "object", "additionalProperties": false}),
        "Any" => json!({"type": "object", "properties": {"@type": {"type": "string"}}}),
        "BoolValue" => json!({"type": ["boolean", "null"]}),
        "StringValue" => json!({"type": ["string", "null"]}),
        "BytesValue" => json!({"type": ["string", "null"], "contentEncoding": "base64"}),
        "DoubleValue" | "FloatValue" => json!({"type": ["number", "null"]}),
        "Int32Value" | "UInt32Value" => json!({"type": ["integer", "null"]}),
        "Int64Value" | "UInt64Value" => json!({"type": ["string", "null"], "pattern": "^-?[0-9]+$"}),
        _ => return None,
    })
}

fn is_output_only(field: &FieldDescriptor) -> bool {
    const OUTPUT_ONLY: i32 = 3;
    let Some(option) =
        field.parent_message().parent_pool().get_extension_by_name("google.api.field_behavior")
    else {
        return false;
    };
    let options = field.options();
    let behaviours = options.get_extension(&option);
    behaviours
        .as_list()
        .is_some_and(|list| list.iter().any(|value| value.as_enum_number() == Some(OUTPUT_ONLY)))
}

fn reach(message: &MessageDescriptor, out: &mut BTreeSet<String>) {
    if !out.insert(message.full_name().to_owned()) {
        return;
    }
    for field in message.fields() {
        if let Kind::Message(inner) = field.kind() {
            reach(&inner, out);
        }
    }
}
