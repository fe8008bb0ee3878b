//! The message of an RPC, out of path, query and body.

use prost::Message;
use prost_reflect::{DynamicMessage, MessageDescriptor, ReflectMessage, Value};

use super::{Violation, json, json::JsonError, params::Params};
use crate::contract::{Body, Captures, Route, field_at};

/// What an HTTP request says.
#[derive(Debug)]
pub struct Input<'a> {
    /// What the path gave.
    pub captures: &'a Captures,
    /// The raw query, without its `?`.
    pub query: &'a str,
    /// The body.
    pub body: &'a [u8],
}

/// Puts the message together.
///
/// # Errors
/// Every field that cannot be read; for a broken body, the place as well.
pub fn read(route: &Route, input: &Input<'_>) -> Result<DynamicMessage, Vec<JsonError>> {
    let message = route.rpc.input();
    let params = params(route, input)
        .map_err(|violations| violations.into_iter().map(outside_body).collect::<Vec<_>>())?;
    let mut request = match &route.body {
        Body::None if input.body.is_empty() => return Ok(params),
        Body::None => {
            let violation = Violation::new("", "takes no body; give the fields as query parameters");
            return Err(vec![outside_body(violation)]);
        }
        Body::Whole => json::read(&message, input.body).map_err(|error| vec![error])?,
        Body::Field(field) => read_field(&message, field, input.body).map_err(|error| vec![error])?,
    };
    let contradictions: Vec<JsonError> = input
        .captures
        .fields
        .iter()
        .filter_map(|(field, from_path)| contradiction(&request, field, from_path))
        .map(outside_body)
        .collect();
    if !contradictions.is_empty() {
        return Err(contradictions);
    }
    // merging by the wire format sets exactly what path and query gave
    request.merge(params.encode_to_vec().as_slice()).map_err(|error| {
        vec![outside_body(Violation::new("", format!("path and body do not go together: {error}")))]
    })?;
    Ok(request)
}

fn outside_body(violation: Violation) -> JsonError {
    JsonError { violation, line: 0, column: 0 }
}

fn params(route: &Route, input: &Input<'_>) -> Result<DynamicMessage, Vec<Violation>> {
    let message = route.rpc.input();
    let mut params = Params::default();
    for (field, value) in &input.captures.fields {
        params.add(&message, field, value);
    }
    for (name, value) in form_urlencoded::parse(input.query.as_bytes()) {
        let target = field_at(&message, &name);
        let in_path = target.as_ref().is_some_and(|target| {
            input.captures.fields.iter().any(|(field, _)| field_at(&message, field).as_ref() == Some(target))
        });
        if in_path {
            params.refuse(&name, "stands in the path already".to_owned());
        } else if route.body == Body::Whole {
            params
                .refuse(&name, "is not read from the query here; every field goes into the body".to_owned());
        } else {
            params.add(&message, &name, &value);
        }
    }
    params.finish(&message)
}

/// Reads the body as one field of the message.
fn read_field(message: &MessageDescriptor, field: &str, body: &[u8]) -> Result<DynamicMessage, JsonError> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Ok(DynamicMessage::new(message.clone()));
    }
    let before = format!("{{\"{field}\":");
    let mut wrapped = Vec::with_capacity(before.len() + body.len() + 1);
    wrapped.extend_from_slice(before.as_bytes());
    wrapped.extend_from_slice(body);
    wrapped.push(b'}');
    json::read(message, &wrapped).map_err(|mut error| {
        if error.line == 1 {
            error.column = error.column.saturating_sub(before.len());
        }
        error
    })
}

/// The body may repeat what the path says, but not say otherwise.
fn contradiction(request: &DynamicMessage, field: &str, from_path: &str) -> Option<Violation> {
    let mut holder = request.clone();
    let mut steps = field.split('.').peekable();
    while let Some(step) = steps.next() {
        let descriptor = holder.descriptor().get_field_by_name(step)?;
        if !holder.has_field(&descriptor) {
            return None;
        }
        let value = holder.get_field(&descriptor).into_owned();
        match value {
            Value::Message(inner) if steps.peek().is_some() => holder = inner,
            Value::String(in_body) if in_body != from_path => {
                return Some(Violation::new(
                    field,
                    format!("is `{in_body}` in the body but `{from_path}` in the path"),
                ));
            }
            _ => return None,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use http::Method;

    use super::*;
    use crate::contract::{Found, Routes};

    fn transcode(method: Method, uri: &str, body: &str) -> Result<serde_json::Value, Vec<JsonError>> {
        let routes = Routes::new(salient_proto::pool()).unwrap();
        let (path, query) = uri.split_once('?').unwrap_or((uri, ""));
        let Found::Route(route, captures) = routes.find(&method, path) else { panic!("no route for {uri}") };
        let message = read(route, &Input { captures: &captures, query, body: body.as_bytes() })?;
        Ok(serde_json::from_slice(&json::write(&message, None).unwrap()).unwrap())
    }

    fn refused(method: Method, uri: &str, body: &str) -> Violation {
        transcode(method, uri, body).unwrap_err().remove(0).violation
    }

    #[test]
    fn path_and_query_become_fields() {
        let request = transcode(Method::GET, "/v1/accounts/a1?readMask=displayName,territory", "").unwrap();
        assert_eq!(request, serde_json::json!({"name": "accounts/a1", "readMask": "displayName,territory"}));
        let uri =
            "/v1/accounts/a1/timeline?page_size=5&kinds=call&kinds=order&startTime=2011-12-01T00:00:00Z";
        let request = transcode(Method::GET, uri, "").unwrap();
        assert_eq!(
            request,
            serde_json::json!({"parent": "accounts/a1", "pageSize": 5, "kinds": ["call", "order"], "startTime": "2011-12-01T00:00:00Z"})
        );
        let request =
            transcode(Method::GET, "/v1/accounts?filter=territory%20%3D%20%22north%22", "").unwrap();
        assert_eq!(request["filter"], "territory = \"north\"");
        // a field mask may be addressed whole or by its paths
        assert!(transcode(Method::GET, "/v1/accounts?readMask.paths=name", "").is_err());
    }

    #[test]
    fn a_query_that_cannot_be_read_names_the_parameter() {
        assert_eq!(refused(Method::GET, "/v1/accounts?size=5", "").field, "size");
        assert!(
            refused(Method::GET, "/v1/accounts?size=5", "")
                .description
                .contains("accepted: pageSize, pageToken")
        );
        assert_eq!(refused(Method::GET, "/v1/accounts?pageSize=many", "").field, "pageSize");
        assert_eq!(
            refused(Method::GET, "/v1/accounts?pageSize=1&page_size=2", "").description,
            "is given twice; give it once"
        );
        assert_eq!(
            refused(Method::GET, "/v1/accounts/a1?name=x", "").description,
            "stands in the path already"
        );
        assert_eq!(refused(Method::GET, "/v1/conversionFunnel?startTime=monday", "").field, "startTime");
        assert!(refused(Method::GET, "/v1/accounts", "{}").description.starts_with("takes no body"));
    }

    #[test]
    fn the_body_is_the_message_and_the_path_has_its_part() {
        let uri = "/v1/recommendations/r1:react";
        let request = transcode(Method::POST, uri, r#"{"action":"REACTION_ACTION_ACCEPT"}"#).unwrap();
        assert_eq!(
            request,
            serde_json::json!({"recommendation": "recommendations/r1", "action": "REACTION_ACTION_ACCEPT"})
        );
        assert!(transcode(Method::POST, uri, r#"{"recommendation":"recommendations/r1"}"#).is_ok());
        let violation = refused(Method::POST, uri, r#"{"recommendation":"recommendations/r2"}"#);
        assert_eq!(violation.field, "recommendation");
        assert_eq!(
            violation.description,
            "is `recommendations/r2` in the body but `recommendations/r1` in the path"
        );
        assert!(
            refused(Method::POST, "/v1/accounts:upsert?requestId=x", "")
                .description
                .contains("goes into the body")
        );
    }

    #[test]
    fn one_field_as_body() {
        let message =
            salient_proto::pool().get_message_by_name("salient.profile.v1.UpsertAccountsRequest").unwrap();
        let request = read_field(&message, "accounts", br#"[{"displayName":"A"}]"#).unwrap();
        assert_eq!(json::write(&request, Some("accounts")).unwrap(), br#"[{"displayName":"A"}]"#);
        let error = read_field(&message, "accounts", br#"[{"nam":1}]"#).unwrap_err();
        assert_eq!((error.violation.field.as_str(), error.line, error.column), ("accounts[0].nam", 1, 7));
    }
}
