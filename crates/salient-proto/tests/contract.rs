//! What every contract must keep.

use prost::Name as _;
use prost_reflect::Kind;
use salient_proto::{Validate as _, common, method_roles, pool, profile};

fn services() -> impl Iterator<Item = prost_reflect::ServiceDescriptor> {
    pool().services().filter(|service| service.full_name().starts_with("salient."))
}

#[test]
fn every_method_names_its_callers_and_its_path() {
    let http = pool().get_extension_by_name("google.api.http").unwrap();
    let mut methods = 0;
    for service in services() {
        for method in service.methods() {
            methods += 1;
            let path = format!("/{}/{}", service.full_name(), method.name());
            assert!(!method_roles(&path).is_empty(), "{path} may be called by nobody");
            assert!(method.options().has_extension(&http), "{path} has no google.api.http");
        }
    }
    assert!(methods > 40, "only {methods} methods were seen");
}

#[test]
fn every_write_of_records_carries_a_request_id() {
    for service in services() {
        for method in service.methods() {
            let name = method.name();
            let writes = ["Upsert", "Ingest", "Record", "Start"].iter().any(|verb| name.starts_with(verb));
            if writes {
                assert!(method.input().get_field_by_name("request_id").is_some(), "{name} has no request_id");
            }
        }
    }
}

#[test]
fn every_list_is_paged() {
    for service in services() {
        for method in service.methods().filter(|method| method.name().starts_with("List")) {
            let request = method.input();
            assert!(request.get_field_by_name("page_size").is_some(), "{}", request.full_name());
            assert!(request.get_field_by_name("page_token").is_some(), "{}", request.full_name());
            assert!(method.output().get_field_by_name("next_page_token").is_some());
        }
    }
}

#[test]
fn every_field_and_value_is_documented() {
    let file = |name: &str| pool().get_file_by_name(name).unwrap();
    for message in pool().all_messages().filter(|message| message.package_name().starts_with("salient.")) {
        let file = file(message.parent_file().name());
        let documented: Vec<&[i32]> = file
            .file_descriptor_proto()
            .source_code_info
            .as_ref()
            .unwrap()
            .location
            .iter()
            .filter(|location| location.leading_comments.is_some())
            .map(|location| location.path.as_slice())
            .collect();
        for field in message.fields().filter(|_| !message.is_map_entry()) {
            assert!(documented.contains(&field.path()), "{} has no comment", field.full_name());
            if let Kind::Enum(kind) = field.kind() {
                assert_eq!(kind.values().next().map(|value| value.number()), Some(0));
            }
        }
    }
}

#[test]
fn a_refusal_names_the_field_and_what_would_be_right() {
    let order = profile::v1::Order {
        currency_code: "pounds".into(),
        lines: vec![
            profile::v1::OrderLine { product: "products/1".into(), quantity: 1, amount_minor_units: 1 },
            profile::v1::OrderLine { product: "1".into(), quantity: 0, amount_minor_units: -5 },
        ],
        ..Default::default()
    };
    let violations = order.validate().unwrap_err();
    let texts: Vec<String> =
        violations.iter().map(|violation| format!("{} {}", violation.field, violation.description)).collect();
    assert_eq!(
        texts,
        [
            "source_key is required",
            "order_time is required",
            "currency_code must match ^[A-Z]{3}$",
            "lines[1].product must match ^products/[^/]{1,128}$",
            "lines[1].quantity must be more than 0, is 0",
            "lines[1].amount_minor_units must be at least 0, is -5",
        ]
    );
}

#[test]
fn every_pattern_compiles() {
    // validation of a message touches every pattern of its fields
    for message in pool().all_messages().filter(|message| message.package_name().starts_with("salient.")) {
        for field in message.fields() {
            let rules = pool().get_extension_by_name("buf.validate.field").unwrap();
            let options = field.options();
            let text = options.get_extension(&rules).to_string();
            for pattern in text.split("pattern:\"").skip(1) {
                let pattern = pattern.split('"').next().unwrap();
                salient_proto::rules::compile(pattern);
            }
        }
    }
    assert_eq!(common::v1::Money::full_name(), "salient.common.v1.Money");
}
