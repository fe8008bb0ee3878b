//! What can go wrong in learning.

/// An error of this crate.
#[derive(Debug, thiserror::Error, Clone, PartialEq)]
pub enum Error {
    /// There is too little history to learn from; the message states what is needed.
    #[error("not enough data: need {needed}, have {have}")]
    NotEnoughData {
        /// What would be enough, in words.
        needed: String,
        /// What there is, in words.
        have: String,
    },
    /// A window reaches past what the view may see.
    #[error("the window up to {until} lies beyond the cutoff {cutoff} (microseconds UTC)")]
    BeyondCutoff {
        /// End of the window asked for, microseconds UTC.
        until: i64,
        /// Cutoff of the view, microseconds UTC.
        cutoff: i64,
    },
    /// A value that cannot be worked with.
    #[error("invalid {what}: {why}")]
    Invalid {
        /// The field or argument.
        what: &'static str,
        /// What is wrong with it and what would be accepted.
        why: String,
    },
    /// The numerical method failed.
    #[error("{method} failed: {why}")]
    Numerical {
        /// The method.
        method: &'static str,
        /// The reason it gave.
        why: String,
    },
}

impl Error {
    pub(crate) fn invalid(what: &'static str, why: impl Into<String>) -> Self {
        Self::Invalid { what, why: why.into() }
    }
}
