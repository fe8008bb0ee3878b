//! The contract's validation rules as JSON-schema keywords.

use prost_reflect::{DynamicMessage, FieldDescriptor, Value as Proto};
use serde_json::{Map, Value, json};

/// The kinds whose rules are bounds.
const NUMBERS: [&str; 6] = ["int32", "int64", "uint32", "uint64", "double", "float"];

/// The `buf.validate` rules of one field.
#[derive(Debug)]
pub struct Rules(Option<DynamicMessage>);

impl Rules {
    /// Reads the field's rules; a field whose rules are ignored has none.
    pub fn of(field: &FieldDescriptor) -> Self {
        let option = field.parent_message().parent_pool().get_extension_by_name("buf.validate.field");
        let options = field.options();
        let rules = option
            .filter(|option| options.has_extension(option))
            .and_then(|option| options.get_extension(&option).as_message().cloned());
        Self::active(rules)
    }

    fn active(rules: Option<DynamicMessage>) -> Self {
        const IGNORE_ALWAYS: i32 = 3;
        Self(rules.filter(|rules| number(rules, "ignore") != Some(json!(IGNORE_ALWAYS))))
    }

    /// Rules of the elements of a list, or of the `keys` or `values` of a map.
    pub fn inner(&self, kind: &str, part: &str) -> Self {
        Self::active(self.kind(kind).and_then(|rules| message(&rules, part)))
    }

    fn kind(&self, kind: &str) -> Option<DynamicMessage> {
        message(self.0.as_ref()?, kind)
    }

    /// Writes the rules into the schema of one value of this kind (`string`, `int64`, …).
    pub fn apply(&self, kind: &str, schema: &mut Map<String, Value>) {
        let Some(rules) = self.kind(kind) else { return };
        match kind {
            "string" => apply_string(&rules, schema),
            "enum" | "bool" | "bytes" => {}
            "repeated" => copy(
                &rules,
                schema,
                &[("min_items", "minItems"), ("max_items", "maxItems"), ("unique", "uniqueItems")],
            ),
            "map" => copy(&rules, schema, &[("min_pairs", "minProperties"), ("max_pairs", "maxProperties")]),
            _ if kind.ends_with("64") => apply_wide(&rules, schema),
            _ => copy(
                &rules,
                schema,
                &[
                    ("gt", "exclusiveMinimum"),
                    ("gte", "minimum"),
                    ("lt", "exclusiveMaximum"),
                    ("lte", "maximum"),
                    ("const", "const"),
                    ("in", "enum"),
                ],
            ),
        }
    }

    /// Values of an enum that are refused.
    pub fn refused_values(&self) -> Vec<i32> {
        let rules = self.kind("enum");
        let list = rules.as_ref().and_then(|rules| rules.get_field_by_name("not_in"));
        list.iter().filter_map(|list| list.as_list()).flatten().filter_map(Proto::as_i32).collect()
    }

    /// Whether a record without the field breaks its rules.
    pub fn require_a_value(&self) -> bool {
        let Some(rules) = &self.0 else { return false };
        let at_least_one = |kind: &str, name: &str| {
            self.kind(kind)
                .and_then(|rules| number(&rules, name))
                .and_then(|n| n.as_u64())
                .is_some_and(|n| n > 0)
        };
        let string = self.kind("string");
        let flag = |rules: &DynamicMessage, name: &str| number(rules, name) == Some(json!(true));
        let empty_text_breaks = string.as_ref().is_some_and(|rules| {
            let pattern = text(rules, "pattern").and_then(|pattern| regex::Regex::new(&pattern).ok());
            flag(rules, "uuid")
                || flag(rules, "email")
                || pattern.is_some_and(|pattern| !pattern.is_match(""))
        });
        let zero_breaks = NUMBERS.iter().filter_map(|kind| self.kind(kind)).any(|rules| {
            let bound = |name: &str| number(&rules, name).and_then(|bound| bound.as_f64());
            bound("gt").is_some_and(|bound| bound >= 0.0) || bound("gte").is_some_and(|bound| bound > 0.0)
        });
        flag(rules, "required")
            || zero_breaks
            || empty_text_breaks
            || at_least_one("string", "min_len")
            || at_least_one("repeated", "min_items")
            || self.refused_values().contains(&0)
    }
}

fn apply_string(rules: &DynamicMessage, schema: &mut Map<String, Value>) {
    copy(
        rules,
        schema,
        &[("min_len", "minLength"), ("max_len", "maxLength"), ("const", "const"), ("in", "enum")],
    );
    if let Some(pattern) = text(rules, "pattern") {
        schema.insert("pattern".into(), json!(pattern));
    }
    for (rule, format) in [
        ("uuid", "uuid"),
        ("email", "email"),
        ("hostname", "hostname"),
        ("uri", "uri"),
        ("ipv4", "ipv4"),
        ("ipv6", "ipv6"),
    ] {
        if number(rules, rule) == Some(json!(true)) {
            schema.insert("format".into(), json!(format));
        }
    }
}

/// 64-bit integers are text in JSON, which has no bounds: the usual ones become patterns, all of
/// them words.
fn apply_wide(rules: &DynamicMessage, schema: &mut Map<String, Value>) {
    let mut words = Vec::new();
    for (rule, word) in [("gt", "more than"), ("gte", "at least"), ("lt", "less than"), ("lte", "at most")] {
        let Some(bound) = number(rules, rule) else { continue };
        match (rule, bound.as_i64()) {
            ("gt", Some(0)) | ("gte", Some(1)) => {
                drop(schema.insert("pattern".into(), json!("^[1-9][0-9]*$")))
            }
            ("gte", Some(0)) => drop(schema.insert("pattern".into(), json!("^[0-9]+$"))),
            _ => {}
        }
        words.push(format!("{word} {bound}"));
    }
    if !words.is_empty() {
        super::describe(schema, &format!("Must be {}.", words.join(" and ")));
    }
}

fn copy(rules: &DynamicMessage, schema: &mut Map<String, Value>, names: &[(&str, &str)]) {
    for (rule, keyword) in names {
        if let Some(value) = number(rules, rule) {
            schema.insert((*keyword).to_owned(), value);
        }
    }
}

fn message(holder: &DynamicMessage, field: &str) -> Option<DynamicMessage> {
    if !holder.has_field_by_name(field) {
        return None;
    }
    holder.get_field_by_name(field)?.as_message().cloned()
}

fn text(rules: &DynamicMessage, field: &str) -> Option<String> {
    if !rules.has_field_by_name(field) {
        return None;
    }
    rules.get_field_by_name(field)?.as_str().map(str::to_owned)
}

/// The JSON of a rule that is set.
fn number(rules: &DynamicMessage, field: &str) -> Option<Value> {
    if !rules.has_field_by_name(field) {
        return None;
    }
    scalar(rules.get_field_by_name(field)?.as_ref())
}

fn scalar(value: &Proto) -> Option<Value> {
    Some(match value {
        Proto::Bool(value) => json!(value),
        Proto::I32(value) | Proto::EnumNumber(value) => json!(value),
        Proto::I64(value) => json!(value),
        Proto::U32(value) => json!(value),
        Proto::U64(value) => json!(value),
        Proto::F32(value) => json!(value),
        Proto::F64(value) => json!(value),
        Proto::String(value) => json!(value),
        Proto::List(values) => Value::Array(values.iter().filter_map(scalar).collect()),
        _ => return None,
    })
}
