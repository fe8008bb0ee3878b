//! What can go wrong in a store, and the one place that reads SQLSTATEs and SQLite codes.

use salient_core::Reason;

/// A result that fails with [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A failure of the store.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A row with this key exists.
    #[error("a row with this key exists ({constraint})")]
    Unique {
        /// The violated constraint or its columns, as the engine names them.
        constraint: String,
        /// What the engine said.
        source: sqlx::Error,
    },
    /// The database is busy, away, or chose this transaction to break a deadlock. The same
    /// work may be tried again from the start of its transaction.
    #[error("the database cannot do this now")]
    Transient(#[source] sqlx::Error),
    /// A text that the database cannot hold.
    #[error("a text contains a character that cannot be stored (NUL)")]
    Text(#[source] sqlx::Error),
    /// A stored row contradicts what the code knows.
    #[error("inconsistent row {row} of {table}, column {column}: {detail}")]
    Inconsistent {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
        /// The key of the row.
        row: String,
        /// What is wrong.
        detail: String,
    },
    /// Migrations are pending and were not asked for.
    #[error("migrations are pending: {}; run them with `store.migrate = true`", .0.join(", "))]
    Pending(Vec<String>),
    /// A migration that ran before has another text now.
    #[error("migration {0} was changed after it ran; add a new one instead")]
    Changed(String),
    /// The configuration names no usable database.
    #[error("{0}")]
    Config(String),
    /// A use of this crate that can never work, like columns of unequal length.
    #[error("{0}")]
    Misuse(String),
    /// Anything else; a defect.
    #[error("the database refused")]
    Other(#[source] sqlx::Error),
}

impl Error {
    /// A row that contradicts what the code knows: names table, column and row.
    pub fn inconsistent(
        table: &'static str,
        column: &'static str,
        row: impl std::fmt::Display,
        detail: impl std::fmt::Display,
    ) -> Self {
        Self::Inconsistent { table, column, row: row.to_string(), detail: detail.to_string() }
    }

    /// Whether the same work may succeed when it is tried again.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Transient(_))
    }

    /// Whether a unique key was violated.
    #[must_use]
    pub fn is_unique(&self) -> bool {
        matches!(self, Self::Unique { .. })
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        match kind(&error) {
            Kind::Unique(constraint) => Self::Unique { constraint, source: error },
            Kind::Transient => Self::Transient(error),
            Kind::Text => Self::Text(error),
            Kind::Other => Self::Other(error),
        }
    }
}

enum Kind {
    Unique(String),
    Transient,
    Text,
    Other,
}

fn kind(error: &sqlx::Error) -> Kind {
    let database = match error {
        sqlx::Error::Database(database) => database,
        sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed
        | sqlx::Error::Io(_)
        | sqlx::Error::BeginFailed => return Kind::Transient,
        _ => return Kind::Other,
    };
    if database.is_unique_violation() {
        // SQLite names no constraint, but says its columns.
        let constraint = database.constraint().unwrap_or_else(|| database.message());
        return Kind::Unique(constraint.to_owned());
    }
    let code = database.code().unwrap_or_default();
    if database.try_downcast_ref::<sqlx::postgres::PgDatabaseError>().is_some() {
        postgres_kind(&code)
    } else {
        sqlite_kind(&code)
    }
}

/// <https://www.postgresql.org/docs/current/errcodes-appendix.html>
fn postgres_kind(sqlstate: &str) -> Kind {
    match sqlstate {
        // serialization failure, deadlock, lock not available, lock timeout, cancelled
        "40001" | "40P01" | "55P03" | "57014" => Kind::Transient,
        // shutting down, crashed, starting, dropped session; read only after a failover
        "57P01" | "57P02" | "57P03" | "57P05" | "25006" | "25P03" => Kind::Transient,
        // byte sequence or character that cannot be stored
        "22021" | "22P05" => Kind::Text,
        // connection lost; too little of something (connections, memory, disk)
        _ if sqlstate.starts_with("08") || sqlstate.starts_with("53") => Kind::Transient,
        _ => Kind::Other,
    }
}

/// <https://www.sqlite.org/rescode.html>; the low byte is the primary code.
fn sqlite_kind(code: &str) -> Kind {
    const BUSY: u32 = 5;
    const LOCKED: u32 = 6;
    const FULL: u32 = 13;
    match code.parse::<u32>().map(|code| code & 0xff) {
        Ok(BUSY | LOCKED | FULL) => Kind::Transient,
        _ => Kind::Other,
    }
}

impl From<Error> for salient_core::Error {
    fn from(error: Error) -> Self {
        match error {
            Error::Transient(_) => Self::unavailable(error),
            Error::Pending(_) => Self::new(Reason::NotReady, "migrations are pending").with_source(error),
            Error::Text(_) => {
                Self::new(Reason::FieldInvalid, "text without NUL characters is accepted").with_source(error)
            }
            Error::Unique { .. }
            | Error::Inconsistent { .. }
            | Error::Changed(_)
            | Error::Config(_)
            | Error::Misuse(_)
            | Error::Other(_) => Self::internal(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use salient_core::Code;

    use super::*;

    #[test]
    fn sqlstates_and_codes() {
        for transient in ["40001", "40P01", "57P01", "08006", "53300"] {
            assert!(matches!(postgres_kind(transient), Kind::Transient), "{transient}");
        }
        assert!(matches!(postgres_kind("42P01"), Kind::Other));
        assert!(matches!(postgres_kind("22021"), Kind::Text));
        // SQLITE_BUSY_SNAPSHOT is 517 = 5 + 2 * 256
        for transient in ["5", "517", "6"] {
            assert!(matches!(sqlite_kind(transient), Kind::Transient), "{transient}");
        }
        assert!(matches!(sqlite_kind("1"), Kind::Other));
    }

    #[test]
    fn callers_see_no_insides() {
        let away = salient_core::Error::from(Error::from(sqlx::Error::PoolTimedOut));
        assert_eq!(away.code(), Code::Unavailable);
        let row = Error::inconsistent("orders", "kind", 7, "9 is no kind");
        assert_eq!(row.to_string(), "inconsistent row 7 of orders, column kind: 9 is no kind");
        let sent = salient_core::Error::from(row);
        assert_eq!((sent.code(), sent.message()), (Code::Internal, "internal error"));
    }
}
