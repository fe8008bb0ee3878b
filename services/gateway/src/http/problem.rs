//! Every refusal as an RFC 9457 problem.

use std::{
    ops::{Deref, DerefMut},
    time::Duration,
};

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, Method, StatusCode, header};
use salient_core::Reason;
use serde::Serialize;
use serde_json::Value;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::transcode::{Violation, json::JsonError};

/// The media type of a problem.
pub const PROBLEM_JSON: &str = "application/problem+json";

/// A problem: what is wrong with a request, for programs and for people. Boxed, because it is
/// the rare end of many functions.
#[derive(Clone, Debug, Serialize)]
#[serde(transparent)]
pub struct Problem(Box<Fields>);

impl Deref for Problem {
    type Target = Fields;

    fn deref(&self) -> &Fields {
        &self.0
    }
}

impl DerefMut for Problem {
    fn deref_mut(&mut self) -> &mut Fields {
        &mut self.0
    }
}

/// What a problem says.
#[derive(Clone, Debug, Serialize)]
pub struct Fields {
    /// Names the kind of problem; the address of its description, or `about:blank` when the
    /// status says it all.
    #[serde(rename = "type")]
    pub kind: String,
    /// The kind in words; the same for every problem of the kind.
    pub title: String,
    /// The HTTP status.
    #[serde(serialize_with = "as_number")]
    pub status: StatusCode,
    /// What is wrong this time.
    pub detail: String,
    /// A value of the contract's `ErrorReason`, for example `FIELD_INVALID`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The fields that are wrong.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub violations: Vec<Violation>,
    /// Line of the body that is wrong, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// What the service answered to the lines before it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result: Option<Value>,
    /// The trace of this call, to be looked up in logs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<String>,
    /// Seconds to wait before the next try.
    #[serde(skip)]
    pub retry_after: Option<Duration>,
    /// The methods that the path has.
    #[serde(skip)]
    pub allow: Vec<Method>,
}

fn as_number<S: serde::Serializer>(status: &StatusCode, out: S) -> Result<S::Ok, S::Error> {
    out.serialize_u16(status.as_u16())
}

impl Problem {
    /// A problem that its HTTP status names.
    pub fn of_status(status: StatusCode, detail: impl Into<String>) -> Self {
        Self(Box::new(Fields {
            kind: "about:blank".to_owned(),
            title: status.canonical_reason().unwrap_or("Error").to_owned(),
            status,
            detail: detail.into(),
            reason: None,
            violations: Vec::new(),
            line: None,
            result: None,
            trace_id: None,
            retry_after: None,
            allow: Vec::new(),
        }))
    }

    /// A problem that a reason of the contract names.
    pub fn of_reason(status: StatusCode, reason: impl Into<String>, detail: impl Into<String>) -> Self {
        let reason = reason.into();
        let mut problem = Self::of_status(status, detail);
        problem.kind = format!("/docs#{reason}");
        problem.title = title(&reason);
        problem.reason = Some(reason);
        problem
    }

    /// A refusal of the gateway itself.
    pub fn refuse(reason: Reason, detail: impl Into<String>) -> Self {
        let code = salient_kit::status::wire_code(reason.code());
        Self::of_reason(http_status(code, Some(reason.as_str())), reason.as_str(), detail)
    }

    /// Fields that cannot be read.
    pub fn of_fields(errors: Vec<JsonError>) -> Self {
        let described: Vec<String> = errors.iter().map(describe).collect();
        let mut problem = Self::refuse(Reason::FieldInvalid, described.join("; "));
        problem.violations = errors.into_iter().map(|error| error.violation).collect();
        problem
    }

    /// What a service answered instead of a response.
    pub fn of_call(status: &Status, upstream: &str) -> Self {
        let details = status.get_error_details();
        let reason = details.error_info().map(|info| info.reason.clone()).filter(|reason| !reason.is_empty());
        let mut problem = match reason {
            Some(reason) => {
                Self::of_reason(http_status(status.code(), Some(&reason)), reason, status.message())
            }
            None => Self::unexplained(status, upstream),
        };
        problem.violations = details
            .bad_request()
            .into_iter()
            .flat_map(|bad| &bad.field_violations)
            .map(|violation| Violation {
                field: violation.field.clone(),
                description: violation.description.clone(),
            })
            .collect();
        problem.retry_after = details.retry_info().and_then(|info| info.retry_delay);
        if problem.status == StatusCode::SERVICE_UNAVAILABLE {
            problem.retry_after.get_or_insert(Duration::from_secs(1));
        }
        problem
    }

    /// A status that none of our services made: its text may tell what a caller must not know.
    fn unexplained(status: &Status, upstream: &str) -> Self {
        let code = if is_lost(status) { Code::Unavailable } else { status.code() };
        let http = http_status(code, None);
        let (reason, detail) = match code {
            Code::Unavailable => (
                Reason::DependencyUnavailable,
                format!("the {upstream} service does not answer; it is safe to try again"),
            ),
            Code::DeadlineExceeded => {
                (Reason::DeadlinePassed, format!("the {upstream} service took too long"))
            }
            Code::InvalidArgument => (Reason::FieldInvalid, status.message().to_owned()),
            Code::Unauthenticated => (Reason::TokenInvalid, status.message().to_owned()),
            Code::PermissionDenied => (Reason::RoleInsufficient, status.message().to_owned()),
            Code::NotFound => (Reason::ResourceUnknown, status.message().to_owned()),
            Code::OutOfRange | Code::ResourceExhausted
                if status.message().contains("message length too large") =>
            {
                (Reason::BodyTooLarge, "the message is larger than the service takes".to_owned())
            }
            Code::Unknown | Code::Internal | Code::DataLoss => {
                tracing::error!(upstream, code = ?status.code(), error = status.message(), "upstream failed");
                (Reason::Internal, format!("the {upstream} service failed; its log has the cause"))
            }
            _ => return Self::of_status(http, status.message()),
        };
        let http = if reason == Reason::BodyTooLarge { StatusCode::PAYLOAD_TOO_LARGE } else { http };
        Self::of_reason(http, reason.as_str(), detail)
    }
}

/// Whether the connection broke rather than the service answered: only then does a status have a
/// cause on this side, whatever its code.
pub(super) fn is_lost(status: &Status) -> bool {
    let broke = std::error::Error::source(status).is_some();
    match status.code() {
        Code::Unavailable => true,
        Code::Unknown | Code::Internal | Code::Cancelled => broke,
        _ => false,
    }
}

fn describe(error: &JsonError) -> String {
    let JsonError { violation, line, column } = error;
    let mut text = match violation.field.as_str() {
        "" => format!("the request {}", violation.description),
        field => format!("{field}: {}", violation.description),
    };
    if *line > 0 {
        text.push_str(&format!(" (line {line}, column {column})"));
    }
    text
}

/// `FIELD_INVALID` is "Field invalid".
fn title(reason: &str) -> String {
    let words = reason.replace('_', " ").to_lowercase();
    let mut letters = words.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// The HTTP status of a gRPC code, as `google/rpc/code.proto` maps them; a body that is too large
/// has a status of its own.
pub fn http_status(code: Code, reason: Option<&str>) -> StatusCode {
    if reason == Some(Reason::BodyTooLarge.as_str()) {
        return StatusCode::PAYLOAD_TOO_LARGE;
    }
    match code {
        Code::Ok => StatusCode::OK,
        Code::InvalidArgument | Code::FailedPrecondition | Code::OutOfRange => StatusCode::BAD_REQUEST,
        Code::Unauthenticated => StatusCode::UNAUTHORIZED,
        Code::PermissionDenied => StatusCode::FORBIDDEN,
        Code::NotFound => StatusCode::NOT_FOUND,
        Code::AlreadyExists | Code::Aborted => StatusCode::CONFLICT,
        Code::ResourceExhausted => StatusCode::TOO_MANY_REQUESTS,
        Code::Cancelled => StatusCode::from_u16(499).unwrap_or(StatusCode::BAD_REQUEST),
        Code::Unimplemented => StatusCode::NOT_IMPLEMENTED,
        Code::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Code::DeadlineExceeded => StatusCode::GATEWAY_TIMEOUT,
        Code::Unknown | Code::Internal | Code::DataLoss => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = serde_json::to_vec(&self).unwrap_or_default();
        let mut response = (self.status, [(header::CONTENT_TYPE, PROBLEM_JSON)], body).into_response();
        let headers = response.headers_mut();
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(pause) = self.retry_after {
            // whole seconds are all that the header can say
            headers.insert(header::RETRY_AFTER, HeaderValue::from(pause.as_secs_f64().ceil() as u64));
        }
        let allow: Vec<&str> = self.allow.iter().map(Method::as_str).collect();
        if let Ok(allow) = HeaderValue::from_str(&allow.join(", "))
            && !self.allow.is_empty()
        {
            headers.insert(header::ALLOW, allow);
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use salient_core::Error;

    use super::*;

    #[test]
    fn a_refusal_of_a_service_keeps_reason_and_violations() {
        let error = Error::field("orders[0].order_time", "must not be after now");
        let problem = Problem::of_call(&salient_kit::status(error), "profile");
        assert_eq!(problem.status, StatusCode::BAD_REQUEST);
        assert_eq!(problem.reason.as_deref(), Some("FIELD_INVALID"));
        assert_eq!(problem.title, "Field invalid");
        assert_eq!(problem.kind, "/docs#FIELD_INVALID");
        assert_eq!(problem.violations[0].field, "orders[0].order_time");
        assert_eq!(problem.violations[0].description, "must not be after now");
    }

    #[test]
    fn a_lost_service_is_named_and_its_error_is_not() {
        let problem = Problem::of_call(&Status::unavailable("tcp connect error: 10.0.0.7:5000"), "scoring");
        assert_eq!(problem.status, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(problem.reason.as_deref(), Some("DEPENDENCY_UNAVAILABLE"));
        assert!(
            problem.detail.contains("scoring") && !problem.detail.contains("10.0.0.7"),
            "{}",
            problem.detail
        );
        assert!(problem.into_response().headers().contains_key(header::RETRY_AFTER));
        let problem = Problem::of_call(&Status::internal("secret"), "scoring");
        assert!(!problem.detail.contains("secret"));
    }

    #[test]
    fn a_large_body_has_its_own_status() {
        assert_eq!(Problem::refuse(Reason::BodyTooLarge, "").status, StatusCode::PAYLOAD_TOO_LARGE);
        assert_eq!(Problem::refuse(Reason::Overloaded, "").status, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(http_status(Code::ResourceExhausted, None), StatusCode::TOO_MANY_REQUESTS);
    }

    #[test]
    fn headers_go_with_the_status() {
        let mut problem = Problem::of_status(StatusCode::METHOD_NOT_ALLOWED, "no");
        problem.allow = vec![Method::GET, Method::POST];
        let response = problem.into_response();
        assert_eq!(response.headers()[header::ALLOW], "GET, POST");
        assert_eq!(response.headers()[header::CONTENT_TYPE], PROBLEM_JSON);
        let response = Problem::refuse(Reason::TokenInvalid, "no token").into_response();
        assert_eq!(response.headers()[header::WWW_AUTHENTICATE], "Bearer");
    }
}
