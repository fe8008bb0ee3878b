//! The closed set of errors that a caller can see.
//!
//! Modules have their own error enums where that helps; what crosses a crate boundary is
//! this [`Error`]. `salient-kit` turns it into a gRPC status, the gateway into an RFC 9457
//! problem; both do it in one place.

use std::fmt;

/// A result that fails with [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The kind of an error; a subset of the gRPC status codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Code {
    /// The request is wrong, whatever the state of the service.
    InvalidArgument,
    /// The caller did not say who they are.
    Unauthenticated,
    /// The caller may not do this.
    PermissionDenied,
    /// The resource does not exist.
    NotFound,
    /// It exists already, with other content.
    AlreadyExists,
    /// The service is not in the state that the call needs.
    FailedPrecondition,
    /// Too much was asked for.
    ResourceExhausted,
    /// Try again later.
    Unavailable,
    /// The deadline passed.
    DeadlineExceeded,
    /// A defect.
    Internal,
}

/// How loudly an error should be logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Severity {
    /// The caller's mistake; nothing to do for the operator.
    Info,
    /// Passes by itself, but worth a look when it does not.
    Warn,
    /// A defect; somebody must look.
    Error,
}

macro_rules! reasons {
    ($($(#[$doc:meta])* $variant:ident, $text:literal, $code:ident;)*) => {
        /// Why a call was refused: the values of `salient.common.v1.ErrorReason`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Reason { $($(#[$doc])* $variant,)* }

        impl Reason {
            /// Every reason, in the order of the contract.
            pub const ALL: &[Reason] = &[$(Reason::$variant,)*];

            /// The name in the contract, without its prefix: `FIELD_INVALID`.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Reason::$variant => $text,)* }
            }

            /// The status code that goes with it.
            #[must_use]
            pub const fn code(self) -> Code {
                match self { $(Reason::$variant => Code::$code,)* }
            }
        }
    };
}

reasons! {
    /// One or more fields break a rule of the contract.
    FieldInvalid, "FIELD_INVALID", InvalidArgument;
    /// No usable bearer token.
    TokenInvalid, "TOKEN_INVALID", Unauthenticated;
    /// The caller's role or subject may not do this.
    RoleInsufficient, "ROLE_INSUFFICIENT", PermissionDenied;
    /// The named resource does not exist in the caller's tenant.
    ResourceUnknown, "RESOURCE_UNKNOWN", NotFound;
    /// A record refers to an account that does not exist.
    AccountUnknown, "ACCOUNT_UNKNOWN", InvalidArgument;
    /// A record is dated after now.
    DateInFuture, "DATE_IN_FUTURE", InvalidArgument;
    /// The `request_id` was used before with another body.
    RequestIdReused, "REQUEST_ID_REUSED", AlreadyExists;
    /// The page token belongs to another query or is damaged.
    PageTokenInvalid, "PAGE_TOKEN_INVALID", InvalidArgument;
    /// The filter does not parse.
    FilterInvalid, "FILTER_INVALID", InvalidArgument;
    /// A field mask names a field that does not exist or may not be written.
    FieldMaskInvalid, "FIELD_MASK_INVALID", InvalidArgument;
    /// There is not enough history to do this honestly.
    NotEnoughData, "NOT_ENOUGH_DATA", FailedPrecondition;
    /// Something must happen first.
    NotReady, "NOT_READY", FailedPrecondition;
    /// The attribution token is not the one issued with the recommendation.
    AttributionTokenInvalid, "ATTRIBUTION_TOKEN_INVALID", InvalidArgument;
    /// The recommendation is already closed.
    RecommendationClosed, "RECOMMENDATION_CLOSED", FailedPrecondition;
    /// The message or body is larger than the server takes.
    BodyTooLarge, "BODY_TOO_LARGE", ResourceExhausted;
    /// The server sheds load.
    Overloaded, "OVERLOADED", Unavailable;
    /// The caller's deadline passed.
    DeadlinePassed, "DEADLINE_PASSED", DeadlineExceeded;
    /// A service, store or bus behind this one does not answer.
    DependencyUnavailable, "DEPENDENCY_UNAVAILABLE", Unavailable;
    /// A defect of the server.
    Internal, "INTERNAL", Internal;
    /// The merge was taken back already.
    MergeUndone, "MERGE_UNDONE", FailedPrecondition;
    /// The two are one profile already.
    AlreadyOne, "ALREADY_ONE", FailedPrecondition;
    /// The person was erased and is not taken up again without a new consent.
    PersonErased, "PERSON_ERASED", FailedPrecondition;
    /// An account would stand above itself in its group.
    HierarchyCycle, "HIERARCHY_CYCLE", FailedPrecondition;
}

impl Reason {
    /// The reason with this name, if there is one.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|reason| reason.as_str() == text)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One field that breaks a rule.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Violation {
    /// Path of the field inside the request: `orders[3].lines[0].quantity`.
    pub field: String,
    /// What is wrong and what would be accepted.
    pub description: String,
}

/// An error with a reason that a caller can act on.
#[derive(Debug)]
pub struct Error {
    reason: Reason,
    message: String,
    violations: Vec<Violation>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// An error with this reason. `message` is shown to the caller: it says what is wrong
    /// and what would be accepted, and nothing about the inside of the service.
    pub fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self { reason, message: message.into(), violations: Vec::new(), source: None }
    }

    /// [`Reason::FieldInvalid`] with one violation.
    pub fn field(field: impl Into<String>, description: impl Into<String>) -> Self {
        let (field, description) = (field.into(), description.into());
        Self::new(Reason::FieldInvalid, format!("{field}: {description}")).with_violation(field, description)
    }

    /// [`Reason::FieldInvalid`] with these violations.
    #[must_use]
    pub fn fields(violations: Vec<Violation>) -> Self {
        let message = match violations.as_slice() {
            [one] => format!("{}: {}", one.field, one.description),
            many => format!("{} fields are invalid", many.len()),
        };
        Self { violations, ..Self::new(Reason::FieldInvalid, message) }
    }

    /// [`Reason::ResourceUnknown`] for a resource name.
    pub fn not_found(name: impl fmt::Display) -> Self {
        Self::new(Reason::ResourceUnknown, format!("{name} does not exist"))
    }

    /// A defect. The cause is for the log; the caller sees only that there was one.
    pub fn internal(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::new(Reason::Internal, "internal error").with_source(source)
    }

    /// Something behind the service does not answer; safe to try again. The cause is for
    /// the log.
    pub fn unavailable(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::new(Reason::DependencyUnavailable, "temporarily unavailable, try again").with_source(source)
    }

    /// Adds a violation.
    #[must_use]
    pub fn with_violation(mut self, field: impl Into<String>, description: impl Into<String>) -> Self {
        self.violations.push(Violation { field: field.into(), description: description.into() });
        self
    }

    /// Adds the cause, which is logged and never sent.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Why.
    #[must_use]
    pub fn reason(&self) -> Reason {
        self.reason
    }

    /// The status code of the reason.
    #[must_use]
    pub fn code(&self) -> Code {
        self.reason.code()
    }

    /// What the caller is told.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The fields that break a rule.
    #[must_use]
    pub fn violations(&self) -> &[Violation] {
        &self.violations
    }

    /// Whether the same call may succeed later without a change.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        self.code() == Code::Unavailable
    }

    /// How loudly to log it.
    #[must_use]
    pub fn severity(&self) -> Severity {
        match self.code() {
            Code::Internal => Severity::Error,
            Code::Unavailable | Code::ResourceExhausted => Severity::Warn,
            _ => Severity::Info,
        }
    }

    /// The whole chain of causes in one line, for a log field or a dead letter. Never sent
    /// to a caller.
    #[must_use]
    pub fn chain(&self) -> String {
        let mut text = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            text.push_str(": ");
            text.push_str(&error.to_string());
            cause = error.source();
        }
        text
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.reason, self.message)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_a_name_that_reads_back() {
        for reason in Reason::ALL {
            assert_eq!(Reason::parse(reason.as_str()), Some(*reason));
        }
        assert_eq!(Reason::ALL.len(), 23);
        assert_eq!(Reason::parse("field_invalid"), None);
    }

    #[test]
    fn a_field_error_names_the_field() {
        let error = Error::field("orders[0].kind", "PURCHASE or RETURN is accepted");
        assert_eq!(error.code(), Code::InvalidArgument);
        assert_eq!(error.violations()[0].field, "orders[0].kind");
        assert_eq!(error.to_string(), "FIELD_INVALID: orders[0].kind: PURCHASE or RETURN is accepted");
        assert_eq!(error.severity(), Severity::Info);
    }

    #[test]
    fn causes_are_kept_for_the_log_only() {
        let error = Error::internal(std::io::Error::other("disk is full"));
        assert_eq!(error.message(), "internal error");
        assert_eq!(error.chain(), "INTERNAL: internal error: disk is full");
        assert_eq!(error.severity(), Severity::Error);
        assert!(!error.is_transient());
        assert!(Error::unavailable("no route").is_transient());
    }

    #[test]
    fn several_violations_are_counted() {
        let one = Violation { field: "a".into(), description: "b".into() };
        assert_eq!(Error::fields(vec![one.clone()]).message(), "a: b");
        assert_eq!(Error::fields(vec![one.clone(), one]).message(), "2 fields are invalid");
    }
}
