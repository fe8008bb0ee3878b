//! From `buf.validate` annotations to Rust.

use std::fmt::Write as _;

use prost_reflect::{
    Cardinality, DescriptorPool, DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, Value,
};

type Result<T> = std::result::Result<T, String>;

/// Source of one `impl Validate` per message of the `salient.*` packages.
pub fn generate(pool: &DescriptorPool) -> Result<String> {
    let rules = pool
        .get_extension_by_name("buf.validate.field")
        .ok_or("buf/validate/validate.proto is not imported")?;
    let mut out = String::new();
    for message in pool.all_messages() {
        if !message.package_name().starts_with("salient.") || message.is_map_entry() {
            continue;
        }
        let mut body = String::new();
        for field in message.fields() {
            if field.containing_oneof().is_some_and(|oneof| !oneof.is_synthetic()) {
                if message.name().ends_with("Request") {
                    return Err(format!("{}: a oneof in a request", field.full_name()));
                }
                continue;
            }
            let options = field.options();
            let value = options.get_extension(&rules);
            let set = options.has_extension(&rules);
            let rules = if set { value.as_message().cloned() } else { None };
            let access = format!("self.{}", field.name());
            body.push_str(&field_checks(&field, rules.as_ref(), &access)?);
        }
        let used = if body.is_empty() { ("_at", "_out") } else { ("at", "out") };
        let _ = write!(
            out,
            "impl crate::Validate for crate::{path} {{\n    fn check(&self, {at}: &mut crate::Path, {o}: &mut Vec<crate::Violation>) {{\n{body}    }}\n}}\n",
            path = rust_path(&message),
            at = used.0,
            o = used.1,
        );
    }
    Ok(out)
}

/// `salient.recommendation.v1.Evidence.Rhythm` is `recommendation::v1::evidence::Rhythm`.
fn rust_path(message: &MessageDescriptor) -> String {
    rust_type(message.full_name(), message.package_name())
}

fn rust_type(full_name: &str, package: &str) -> String {
    let mut path: Vec<String> = package.split('.').skip(1).map(str::to_owned).collect();
    let names: Vec<&str> = full_name[package.len() + 1..].split('.').collect();
    let (last, parents) = names.split_last().expect("a full name has a last part");
    path.extend(parents.iter().map(|name| snake(name)));
    path.push((*last).to_owned());
    path.join("::")
}

fn snake(name: &str) -> String {
    let mut out = String::new();
    for (index, letter) in name.chars().enumerate() {
        if letter.is_uppercase() && index > 0 {
            out.push('_');
        }
        out.extend(letter.to_lowercase());
    }
    out
}

fn field_checks(field: &FieldDescriptor, rules: Option<&DynamicMessage>, access: &str) -> Result<String> {
    let mut out = String::new();
    let name = field.name();
    let mut element_rules = None;
    if field.is_list() {
        let mut descend = true;
        for (rule, value) in set_fields(rules) {
            match (rule.as_str(), &value) {
                ("repeated", Value::Message(repeated)) => {
                    for (rule, value) in set_fields(Some(repeated)) {
                        match (rule.as_str(), &value) {
                            ("min_items", Value::U64(n)) => {
                                let _ = writeln!(
                                    out,
                                    "        crate::rules::min_items({access}.len(), {n}, \"{name}\", at, out);"
                                );
                            }
                            ("max_items", Value::U64(n)) => {
                                let _ = writeln!(
                                    out,
                                    "        crate::rules::max_items({access}.len(), {n}, \"{name}\", at, out);"
                                );
                            }
                            ("items", Value::Message(items)) => {
                                if set_fields(Some(items)).iter().any(|(rule, _)| rule == "ignore") {
                                    descend = false;
                                } else {
                                    element_rules = Some(items.clone());
                                }
                            }
                            (other, _) => return Err(unknown(field, other)),
                        }
                    }
                }
                (other, _) => return Err(unknown(field, other)),
            }
        }
        let inner =
            if descend { value_checks(field, element_rules.as_ref(), "item")? } else { String::new() };
        if !inner.is_empty() {
            let _ = writeln!(
                out,
                "        for (index, item) in {access}.iter().enumerate() {{\n            at.push_index(\"{name}\", index);\n{inner}            at.pop();\n        }}"
            );
        }
        return Ok(out);
    }
    if field.is_map() {
        for (rule, value) in set_fields(rules) {
            let ("map", Value::Message(map)) = (rule.as_str(), &value) else {
                return Err(unknown(field, &rule));
            };
            for (rule, value) in set_fields(Some(map)) {
                let ("max_pairs", Value::U64(n)) = (rule.as_str(), &value) else {
                    return Err(unknown(field, &rule));
                };
                let _ = writeln!(
                    out,
                    "        crate::rules::max_items({access}.len(), {n}, \"{name}\", at, out);"
                );
            }
        }
        return Ok(out);
    }
    let optional = field.supports_presence();
    let required =
        set_fields(rules).iter().any(|(rule, value)| rule == "required" && value.as_bool() == Some(true));
    if required {
        if !optional {
            return Err(format!("{}: `required` on a field without presence", field.full_name()));
        }
        let _ = writeln!(out, "        crate::rules::required({access}.is_some(), \"{name}\", at, out);");
    }
    let inner = value_checks(field, rules, "item")?;
    if !inner.is_empty() {
        let binding = if optional {
            format!("if let Some(item) = &{access} {{")
        } else {
            format!("{{ let item = &{access};")
        };
        let _ = writeln!(
            out,
            "        {binding}\n            at.push(\"{name}\");\n{inner}            at.pop();\n        }}"
        );
    }
    Ok(out)
}

/// Checks of one value, bound as a reference to `item`, whose path is on `at`.
fn value_checks(field: &FieldDescriptor, rules: Option<&DynamicMessage>, item: &str) -> Result<String> {
    let mut out = String::new();
    for (rule, value) in set_fields(rules) {
        let typed = match (rule.as_str(), &value) {
            ("required", _) => continue,
            ("string" | "int32" | "int64" | "double" | "enum", Value::Message(typed)) => typed.clone(),
            (other, _) => return Err(unknown(field, other)),
        };
        for (check, value) in set_fields(Some(&typed)) {
            let call = match (rule.as_str(), check.as_str(), &value) {
                ("string", "min_len", Value::U64(n)) => format!("min_len({item}, {n}"),
                ("string", "max_len", Value::U64(n)) => format!("max_len({item}, {n}"),
                ("string", "uuid", Value::Bool(true)) => format!("uuid({item}"),
                ("string", "pattern", Value::String(pattern)) => {
                    let _ = writeln!(
                        out,
                        "            {{ static PATTERN: crate::rules::Pattern = crate::rules::Pattern::new(|| crate::rules::compile(r#\"{pattern}\"#)); crate::rules::matches({item}, &PATTERN, at, out); }}"
                    );
                    continue;
                }
                ("int32" | "int64" | "double", "gt" | "gte" | "lt" | "lte", bound) => {
                    format!("{check}(*{item}, {}", number(bound)?)
                }
                ("enum", "defined_only", Value::Bool(true)) => {
                    let Kind::Enum(kind) = field.kind() else {
                        return Err(unknown(field, &check));
                    };
                    let path = rust_type(kind.full_name(), kind.package_name());
                    format!("defined(crate::{path}::try_from(*{item}).is_ok(), *{item}")
                }
                ("enum", "not_in", Value::List(values)) => {
                    let list: Vec<String> =
                        values.iter().filter_map(Value::as_i32).map(|v| v.to_string()).collect();
                    format!("not_in(*{item}, &[{}]", list.join(", "))
                }
                (_, other, _) => return Err(unknown(field, other)),
            };
            let _ = writeln!(out, "            crate::rules::{call}, at, out);");
        }
    }
    if let Kind::Message(message) = field.kind() {
        if message.package_name().starts_with("salient.") {
            let _ = writeln!(out, "            crate::Validate::check({item}, at, out);");
        } else if message.full_name() == "google.protobuf.Timestamp"
            && field.cardinality() != Cardinality::Repeated
        {
            let _ = writeln!(out, "            crate::rules::timestamp({item}, at, out);");
        }
    }
    Ok(out)
}

fn set_fields(message: Option<&DynamicMessage>) -> Vec<(String, Value)> {
    message
        .map(|message| {
            message.fields().map(|(field, value)| (field.name().to_owned(), value.clone())).collect()
        })
        .unwrap_or_default()
}

fn number(value: &Value) -> Result<String> {
    match value {
        Value::I32(n) => Ok(format!("{n}_i32")),
        Value::I64(n) => Ok(format!("{n}_i64")),
        Value::F64(n) => Ok(format!("{n:?}_f64")),
        other => Err(format!("not a number: {other:?}")),
    }
}

fn unknown(field: &FieldDescriptor, rule: &str) -> String {
    format!("{}: teach crates/salient-proto/build/validate.rs the rule `{rule}`", field.full_name())
}
