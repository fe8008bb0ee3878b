//! The contract as an OpenAPI 3.1 document, from its descriptors alone: comments become
//! descriptions, validation rules become constraints, roles and problems stand with each
//! operation.

mod operation;
mod paths;
mod problems;
mod rules;
mod schema;

use prost_reflect::{DescriptorPool, ServiceDescriptor};
use serde_json::{Map, Value, json};

use crate::contract::{Comments, Owner, Route, Routes};

pub use operation::operation_id;

/// The document of the routes.
pub fn document(pool: &DescriptorPool, routes: &Routes) -> Value {
    let comments = Comments::new(pool);
    let resources = paths::Resources::new(pool);
    let mut schemas = schema::Schemas::new(&comments, routes);
    let mut paths = Map::new();
    // the contract's order, not the router's; what every service has comes last
    let mut ordered: Vec<_> = routes.iter().collect();
    ordered.sort_by_key(|route| {
        (route.owner == Owner::InPath, route.rpc.parent_service().index(), route.rpc.index())
    });
    let mut order: Vec<String> = Vec::new();
    for route in &ordered {
        let readable = paths::readable(route, &resources);
        let mut operation =
            operation::operation(route, &readable, routes.upstreams(), &comments, &mut schemas);
        // an RPC with several paths is several operations
        let first = operation_id(&route.rpc);
        let others = order.iter().filter(|id| id.starts_with(&format!("{first}_")) || **id == first).count();
        let id = if others == 0 { first } else { format!("{first}_{}", others + 1) };
        operation["operationId"] = json!(id);
        order.push(id);
        let item = paths.entry(readable.path).or_insert_with(|| Value::Object(Map::new()));
        if let Value::Object(item) = item {
            item.insert(route.method.as_str().to_lowercase(), operation);
        }
    }
    let mut components = schemas.into_components();
    components.insert("Problem".into(), problems::schema(pool, &comments));
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Salient",
            "version": env!("CARGO_PKG_VERSION"),
            "summary": "Whom to contact, about what, when and why.",
            "description": "REST and JSON for every RPC of the suite. JSON is the canonical form of proto3: \
                            fields at their default (0, false, empty) are left out, 64-bit integers are strings, \
                            times are RFC 3339 in UTC. Writes take a `requestId` and may be repeated with it. \
                            Errors are RFC 9457 problems.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"}
        },
        "servers": [{"url": "/"}],
        "tags": tags(&ordered, &comments),
        "paths": paths,
        "components": {
            "schemas": components,
            "responses": problems::responses(),
            "parameters": operation::common_parameters(),
            "securitySchemes": {
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "JWT",
                    "description": "A token with the claims `tenant`, `sub`, `role` and `exp`."
                }
            }
        },
        "security": [{"bearer": []}],
        "x-order": order,
    })
}

fn tags(ordered: &[&Route], comments: &Comments) -> Vec<Value> {
    let mut services: Vec<_> = ordered.iter().map(|route| route.rpc.parent_service()).collect();
    services.dedup();
    let tag = |service: &ServiceDescriptor| {
        let description = comments.at(service.parent_file().name(), service.path());
        json!({"name": service.name(), "description": description})
    };
    services.into_iter().map(tag).collect()
}

/// Adds a sentence to the description.
fn describe(schema: &mut Map<String, Value>, text: &str) {
    if text.is_empty() {
        return;
    }
    let description = match schema.get("description").and_then(Value::as_str) {
        Some(before) => format!("{before} {text}"),
        None => text.to_owned(),
    };
    schema.insert("description".into(), json!(description));
}

/// The first sentence of a comment, without its full stop.
fn first_sentence(text: &str) -> &str {
    let end = text.find(". ").or_else(|| text.find(".\n")).unwrap_or(text.len());
    text[..end].trim_end_matches('.')
}

#[cfg(test)]
mod tests;
