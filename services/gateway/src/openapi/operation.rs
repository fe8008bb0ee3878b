//! RPCs as OpenAPI operations.

use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor, MethodDescriptor};
use serde_json::{Map, Value, json};

use super::{
    describe, first_sentence,
    paths::{Readable, Variable},
    problems,
    schema::Schemas,
};
use crate::{
    contract::{Body, Comments, Owner, Route, field_at},
    http::{NDJSON, REQUEST_TIMEOUT},
    transcode::is_leaf,
};

/// Nested messages are spread into query parameters down to this depth.
const DEPTH: usize = 3;

/// The operation of a route.
pub fn operation(
    route: &Route,
    readable: &Readable,
    upstreams: &[String],
    comments: &Comments,
    schemas: &mut Schemas<'_>,
) -> Value {
    let rpc = &route.rpc;
    let comment = comments.at(rpc.parent_file().name(), rpc.path());
    let roles = roles(rpc);
    let mut operation = Map::new();
    operation.insert("operationId".into(), json!(operation_id(rpc)));
    operation.insert("tags".into(), json!([rpc.parent_service().name()]));
    operation.insert("summary".into(), json!(first_sentence(comment)));
    describe(&mut operation, comment);
    describe(&mut operation, &format!("Roles: {}.", roles.join(", ")));
    operation.insert("security".into(), json!([{ "bearer": roles }]));
    operation.insert("x-grpc-method".into(), json!(route.grpc_path.as_str()));
    let parameters = parameters(route, readable, upstreams, schemas);
    operation.insert("parameters".into(), Value::Array(parameters));
    let body = body(route, schemas);
    let has_body = body.is_some();
    if let Some(body) = body {
        operation.insert("requestBody".into(), body);
    }
    let has_request_id = rpc.input().get_field_by_name("request_id").is_some();
    let mut responses = problems::references(!readable.variables.is_empty(), has_body, has_request_id);
    responses.insert("200".into(), answer(route, comments, schemas));
    operation.insert("responses".into(), Value::Object(responses));
    Value::Object(operation)
}

/// `ProfileService_GetAccount`: unique, and a name in every language.
pub fn operation_id(rpc: &MethodDescriptor) -> String {
    format!("{}_{}", rpc.parent_service().name(), rpc.name())
}

fn roles(rpc: &MethodDescriptor) -> Vec<String> {
    let path = format!("/{}/{}", rpc.parent_service().full_name(), rpc.name());
    let roles = salient_proto::method_roles(&path).iter();
    roles.map(|role| role.as_str_name().trim_start_matches("ROLE_").to_lowercase()).collect()
}

fn parameters(
    route: &Route,
    readable: &Readable,
    upstreams: &[String],
    schemas: &mut Schemas<'_>,
) -> Vec<Value> {
    let mut out: Vec<Value> = readable
        .variables
        .iter()
        .map(|variable| path_parameter(route, variable, upstreams, schemas))
        .collect();
    if route.body != Body::Whole {
        let taken = |field: &FieldDescriptor| {
            route
                .template
                .bindings
                .iter()
                .any(|binding| field_at(&route.rpc.input(), &binding.field).as_ref() == Some(field))
                || route.body == Body::Field(field.name().to_owned())
        };
        query_parameters(&route.rpc.input(), "", DEPTH, &taken, schemas, &mut out);
    }
    out.push(json!({"$ref": "#/components/parameters/RequestTimeout"}));
    out
}

fn path_parameter(
    route: &Route,
    variable: &Variable,
    upstreams: &[String],
    schemas: &mut Schemas<'_>,
) -> Value {
    let field = variable.field.as_ref().and_then(|field| field_at(&route.rpc.input(), field));
    let mut schema = Map::from_iter([("type".to_owned(), json!("string"))]);
    let mut description = String::new();
    match (&route.owner, &variable.within, field) {
        (Owner::InPath, _, _) if variable.field.is_none() => {
            schema.insert("enum".into(), json!(upstreams));
            description.push_str("The service that is asked.");
        }
        (_, None, Some(field)) => {
            if let Value::Object(whole) = schemas.field(&field) {
                schema = whole;
            }
            if let Some(Value::String(comment)) = schema.remove("description") {
                description = comment;
            }
        }
        (_, within, _) => {
            let name = within.as_deref().unwrap_or(route.template_text.as_str());
            description = format!("`{}` of `{name}`.", variable.name);
        }
    }
    if let Some(pattern) = &variable.pattern {
        schema.insert("pattern".into(), json!(pattern));
    }
    json!({"name": variable.name, "in": "path", "required": true, "description": description, "schema": schema})
}

fn query_parameters(
    message: &MessageDescriptor,
    prefix: &str,
    depth: usize,
    taken: &dyn Fn(&FieldDescriptor) -> bool,
    schemas: &mut Schemas<'_>,
    out: &mut Vec<Value>,
) {
    for field in message.fields().filter(|field| !field.is_map() && !taken(field)) {
        let name = format!("{prefix}{}", field.json_name());
        if let Kind::Message(inner) = field.kind()
            && !is_leaf(&inner)
        {
            if depth > 1 && !field.is_list() {
                query_parameters(&inner, &format!("{name}."), depth - 1, taken, schemas, out);
            }
            continue;
        }
        let Value::Object(mut schema) = schemas.field(&field) else { continue };
        let description = schema.remove("description").unwrap_or_default();
        let required = super::rules::Rules::of(&field).require_a_value();
        out.push(json!({"name": name, "in": "query", "required": required, "description": description, "schema": schema}));
    }
}

fn body(route: &Route, schemas: &mut Schemas<'_>) -> Option<Value> {
    let input = route.rpc.input();
    let schema = match &route.body {
        Body::None => return None,
        Body::Whole if route.template.bindings.is_empty() => schemas.message(&input),
        Body::Whole => {
            let in_path: Vec<&str> =
                route.template.bindings.iter().map(|binding| binding.field.as_str()).collect();
            schemas.object(&input, &in_path)
        }
        Body::Field(name) => input.get_field_by_name(name).map(|field| schemas.field(&field))?,
    };
    Some(if route.rpc.is_client_streaming() {
        json!({
            "required": true,
            "description": "One JSON message of this schema a line.",
            "content": { NDJSON[0]: {"schema": schema} }
        })
    } else {
        json!({"required": true, "content": {"application/json": {"schema": schema}}})
    })
}

fn answer(route: &Route, comments: &Comments, schemas: &mut Schemas<'_>) -> Value {
    let output = route.rpc.output();
    let described = comments.at(output.parent_file().name(), output.path());
    let described = if described.is_empty() { "The answer." } else { described };
    let schema = match route.response_field.as_ref().and_then(|field| output.get_field_by_name(field)) {
        Some(field) => schemas.field(&field),
        None => schemas.message(&output),
    };
    if route.rpc.is_server_streaming() {
        let description = format!(
            "{described} One JSON message a line; an error in the middle is the last line, as `{{\"problem\": …}}`."
        );
        return json!({"description": description, "content": { NDJSON[0]: {"schema": schema} }});
    }
    json!({"description": described, "content": {"application/json": {"schema": schema}}})
}

/// The parameters that every operation has.
pub fn common_parameters() -> Value {
    json!({
        "RequestTimeout": {
            "name": REQUEST_TIMEOUT,
            "in": "header",
            "required": false,
            "description": "How long the caller waits: seconds such as `2.5`, or `250ms`, `10s`, `2m`.",
            "schema": {"type": "string"}
        }
    })
}
