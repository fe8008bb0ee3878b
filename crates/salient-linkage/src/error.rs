//! What can go wrong in linkage.

/// An error of this crate.
#[derive(Debug, thiserror::Error, Clone, PartialEq, Eq)]
pub enum Error {
    /// A record carries a field that its kind does not know.
    #[error("unknown field {field:?}; the kind knows {known}")]
    UnknownField {
        /// The name that was given.
        field: String,
        /// The kind's vocabulary, comma-separated.
        known: String,
    },
    /// A record with this id is in the index already.
    #[error("record {id:?} is in the index already; remove it first")]
    DuplicateId {
        /// The id.
        id: String,
    },
    /// A value that cannot be worked with.
    #[error("invalid {what}: {why}")]
    Invalid {
        /// The argument or part of the configuration.
        what: &'static str,
        /// What is wrong with it and what would be accepted.
        why: String,
    },
}

impl Error {
    pub(crate) fn invalid(what: &'static str, why: impl Into<String>) -> Self {
        Self::Invalid { what, why: why.into() }
    }
}
