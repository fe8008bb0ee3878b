//! Errors on the wire, both ways.
//!
//! Every status carries `google.rpc.ErrorInfo` with the domain `salient` and a reason of
//! `salient.common.v1.ErrorReason`; field violations come as `BadRequest`, a pause before the
//! next try as `RetryInfo`. What caused an internal error is logged under an id and never sent.

use std::time::Duration;

use salient_core::{Code, Error, Reason, Severity, Violation};
use tonic::Status;
use tonic_types::{ErrorDetails, FieldViolation, StatusExt};
use uuid::Builder;

/// The `domain` of every `ErrorInfo`.
pub const DOMAIN: &str = "salient";

/// What a caller should wait before it tries an UNAVAILABLE call again.
const PAUSE: Duration = Duration::from_millis(200);

/// Violations that are sent at most: a status travels in a header, and clients refuse long ones.
const VIOLATIONS: usize = 25;

/// What can be answered to a caller.
pub trait IntoStatus {
    /// The answer.
    type Answer;

    /// Turns the error, if there is one, into a status; see [`status`].
    fn into_status(self) -> Self::Answer;
}

impl IntoStatus for Error {
    type Answer = Status;

    fn into_status(self) -> Status {
        status(self)
    }
}

impl<T, E: Into<Error>> IntoStatus for Result<T, E> {
    type Answer = Result<T, Status>;

    fn into_status(self) -> Result<T, Status> {
        self.map_err(|error| status(error.into()))
    }
}

/// The status that tells a caller of `error`. Defects and failing dependencies are logged here,
/// with their causes, under an id that the caller is given.
pub fn status(error: Error) -> Status {
    let mut metadata = Vec::new();
    let mut message = error.message().to_owned();
    if error.severity() >= Severity::Warn {
        let id = Builder::from_random_bytes(rand::random()).into_uuid();
        let (reason, cause) = (error.reason().as_str(), error.chain());
        match error.severity() {
            Severity::Error => tracing::error!(%id, reason, cause, "call failed"),
            _ => tracing::warn!(%id, reason, cause, "call failed"),
        }
        if error.code() == Code::Internal {
            message = format!("internal error; the log has its cause under {id}");
        }
        metadata.push(("log_id".to_owned(), id.to_string()));
    }
    build(error.reason(), message, error.violations(), metadata)
}

/// A status of `reason` without a log line: for refusals that are no surprise to the server.
pub fn refusal(reason: Reason, message: impl Into<String>) -> Status {
    build(reason, message.into(), &[], Vec::new())
}

fn build(
    reason: Reason,
    mut message: String,
    violations: &[Violation],
    metadata: Vec<(String, String)>,
) -> Status {
    let mut details = ErrorDetails::with_error_info(
        reason.as_str(),
        DOMAIN,
        metadata.into_iter().collect::<std::collections::HashMap<_, _>>(),
    );
    if !violations.is_empty() {
        let sent: Vec<_> = violations
            .iter()
            .take(VIOLATIONS)
            .map(|violation| FieldViolation::new(&violation.field, &violation.description))
            .collect();
        details.set_bad_request(sent);
        if violations.len() > VIOLATIONS {
            message.push_str(&format!("; the first {VIOLATIONS} violations are named"));
        }
    }
    if reason.code() == Code::Unavailable {
        details.set_retry_info(Some(PAUSE));
    }
    Status::with_error_details(wire_code(reason.code()), message, details)
}

/// The gRPC code of `code`.
pub fn wire_code(code: Code) -> tonic::Code {
    match code {
        Code::InvalidArgument => tonic::Code::InvalidArgument,
        Code::Unauthenticated => tonic::Code::Unauthenticated,
        Code::PermissionDenied => tonic::Code::PermissionDenied,
        Code::NotFound => tonic::Code::NotFound,
        Code::AlreadyExists => tonic::Code::AlreadyExists,
        Code::FailedPrecondition => tonic::Code::FailedPrecondition,
        Code::ResourceExhausted => tonic::Code::ResourceExhausted,
        Code::Unavailable => tonic::Code::Unavailable,
        Code::DeadlineExceeded => tonic::Code::DeadlineExceeded,
        Code::Internal => tonic::Code::Internal,
    }
}

/// The reason that `status` carries, if it is one of ours.
pub fn reason(status: &Status) -> Option<Reason> {
    let info = status.get_details_error_info()?;
    (info.domain == DOMAIN).then(|| Reason::parse(&info.reason)).flatten()
}

/// What another service's answer means here. A refusal of ours keeps its reason and violations;
/// a lost connection or a passed deadline is a dependency that does not answer; what should
/// never come back from a service is a defect.
pub fn from_status(status: Status) -> Error {
    let reason = reason(&status).unwrap_or_else(|| match status.code() {
        tonic::Code::Unavailable | tonic::Code::Cancelled => Reason::DependencyUnavailable,
        tonic::Code::DeadlineExceeded => Reason::DeadlinePassed,
        tonic::Code::NotFound => Reason::ResourceUnknown,
        tonic::Code::PermissionDenied => Reason::RoleInsufficient,
        tonic::Code::Unauthenticated => Reason::TokenInvalid,
        tonic::Code::InvalidArgument => Reason::FieldInvalid,
        _ => Reason::Internal,
    });
    let violations = status.get_details_bad_request().map(|bad| bad.field_violations);
    let error = Error::new(reason, status.message());
    violations
        .unwrap_or_default()
        .into_iter()
        .fold(error, |error, violation| error.with_violation(violation.field, violation.description))
        .with_source(status)
}

#[cfg(test)]
mod tests;
