//! How an error looks, in OpenAPI.

use prost_reflect::DescriptorPool;
use serde_json::{Map, Value, json};

use crate::{contract::Comments, http::PROBLEM_JSON};

/// The schema of a problem; its reasons come from the contract's `ErrorReason`.
pub fn schema(pool: &DescriptorPool, comments: &Comments) -> Value {
    let mut reasons = Vec::new();
    let mut said = Map::new();
    if let Some(values) = pool.get_enum_by_name("salient.common.v1.ErrorReason") {
        let file = values.parent_file();
        for value in values.values().filter(|value| value.number() != 0) {
            let name = value.name().trim_start_matches("ERROR_REASON_").to_owned();
            said.insert(name.clone(), json!(comments.at(file.name(), value.path())));
            reasons.push(name);
        }
    }
    json!({
        "type": "object",
        "description": "A refusal, as RFC 9457 has it.",
        "required": ["type", "title", "status", "detail"],
        "x-order": ["type", "title", "status", "detail", "reason", "violations", "line", "result", "trace_id"],
        "properties": {
            "type": {"type": "string", "format": "uri-reference", "description": "Names the kind of problem; `about:blank` when the status says it all."},
            "title": {"type": "string", "description": "The kind in words."},
            "status": {"type": "integer", "description": "The HTTP status."},
            "detail": {"type": "string", "description": "What is wrong this time, and what would be accepted."},
            "reason": {"type": "string", "enum": reasons, "x-enum-descriptions": said, "description": "Why, for programs; absent when the HTTP status says it all."},
            "violations": {
                "type": "array",
                "description": "The fields that are wrong.",
                "items": {
                    "type": "object",
                    "required": ["field", "description"],
                    "properties": {
                        "field": {"type": "string", "description": "Path of the field, for example `orders[3].lines[0].quantity`. Fields are named as the contract writes them (`order_time`) or as the request did (`orderTime`); both are the same field."},
                        "description": {"type": "string", "description": "What would be accepted."}
                    }
                }
            },
            "line": {"type": "integer", "description": "Line of a streamed body that cannot be read, from 1."},
            "result": {"type": "object", "description": "What became of the lines before it."},
            "trace_id": {"type": "string", "description": "The trace of the call, to be looked up in logs."}
        }
    })
}

/// The responses that operations refer to, by status; `default` stands for the rest.
const RESPONSES: [(&str, &str, &str); 10] = [
    ("400", "BadRequest", "The request breaks the contract; `violations` names the fields."),
    ("401", "Unauthenticated", "There is no usable bearer token."),
    ("403", "Forbidden", "The caller's role or subject may not do this."),
    ("404", "NotFound", "The resource does not exist in the caller's tenant."),
    ("409", "Conflict", "The `request_id` was used before with another body."),
    ("413", "BodyTooLarge", "The body, or a line of it, is larger than the gateway takes."),
    ("415", "WrongMediaType", "The body is not of the type that is wanted."),
    ("503", "Unavailable", "Too busy, or a service does not answer; try again after a pause."),
    ("504", "DeadlinePassed", "The time of the call is over."),
    ("default", "Failed", "Any other error."),
];

/// The responses, by name.
pub fn responses() -> Map<String, Value> {
    RESPONSES
        .iter()
        .map(|(_, name, description)| {
            let content = json!({ PROBLEM_JSON: {"schema": {"$ref": "#/components/schemas/Problem"}} });
            ((*name).to_owned(), json!({"description": description, "content": content}))
        })
        .collect()
}

/// References to the responses that an operation can have.
pub fn references(has_path_variable: bool, has_body: bool, has_request_id: bool) -> Map<String, Value> {
    RESPONSES
        .iter()
        .filter(|(status, _, _)| match *status {
            "404" => has_path_variable,
            "409" => has_request_id,
            "413" | "415" => has_body,
            _ => true,
        })
        .map(|(status, name, _)| {
            ((*status).to_owned(), json!({"$ref": format!("#/components/responses/{name}")}))
        })
        .collect()
}
