//! Where the data is.

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize, Serializer};

use crate::error::{Error, Result};

/// Which database, and how it is used.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StoreConfig {
    /// `sqlite:PATH`, or `postgres://user:password@host:port/database`.
    #[serde(serialize_with = "without_password")]
    pub url: SecretString,
    /// The most connections held at once. On SQLite this counts the readers, of which at
    /// most four are used; there is one writer.
    pub max_connections: u32,
    /// Run pending migrations at the start. If false, a service refuses to start while
    /// migrations are pending.
    pub migrate: bool,
}

impl Default for StoreConfig {
    fn default() -> Self {
        Self::new("sqlite:data/salient.db")
    }
}

impl StoreConfig {
    /// This database, with everything else at its default.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self { url: SecretString::from(url.into()), max_connections: 8, migrate: true }
    }

    pub(crate) fn target(&self) -> Result<Target> {
        let url = self.url.expose_secret();
        if let Some(path) = url.strip_prefix("sqlite:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            if path.is_empty() || path == ":memory:" {
                return Err(Error::Config(
                    "store.url: sqlite:PATH needs the path of a file; a database in memory is not supported, \
                     because readers and the writer are separate connections"
                        .into(),
                ));
            }
            return Ok(Target::Sqlite(path.into()));
        }
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            // The parser's own message could repeat the password.
            let options = url.parse().map_err(|_| {
                Error::Config("store.url: postgres://user:password@host:port/database is accepted".into())
            })?;
            return Ok(Target::Postgres(Box::new(options)));
        }
        Err(Error::Config(
            "store.url: sqlite:PATH or postgres://user:password@host:port/database is accepted".into(),
        ))
    }
}

pub(crate) enum Target {
    Sqlite(std::path::PathBuf),
    Postgres(Box<sqlx::postgres::PgConnectOptions>),
}

/// A configuration may be printed; its password may not.
fn without_password<S: Serializer>(url: &SecretString, serializer: S) -> Result<S::Ok, S::Error> {
    let url = url.expose_secret();
    let masked = url.split_once("://").and_then(|(scheme, rest)| {
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (login, host) = authority.rsplit_once('@')?;
        let (user, _) = login.split_once(':')?;
        Some(format!("{scheme}://{user}:***@{host}/{path}"))
    });
    serializer.serialize_str(masked.as_deref().unwrap_or(url))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_never_written() {
        let written = |url: &str| serde_json::to_value(StoreConfig::new(url)).unwrap()["url"].clone();
        assert_eq!(written("postgres://u:pa@ss@h:1/d"), "postgres://u:***@h:1/d");
        assert_eq!(written("postgres://u@h/d"), "postgres://u@h/d");
        assert_eq!(written("sqlite:data/a.db"), "sqlite:data/a.db");
        assert!(!format!("{:?}", StoreConfig::new("postgres://u:secret@h/d")).contains("secret"));
    }

    #[test]
    fn urls_are_checked() {
        for bad in ["", "mysql://h/d", "sqlite:", "sqlite::memory:", "data/a.db"] {
            assert!(matches!(StoreConfig::new(bad).target(), Err(Error::Config(_))), "{bad}");
        }
        for path in ["sqlite:data/a b.db", "sqlite://data/a b.db"] {
            let Ok(Target::Sqlite(path)) = StoreConfig::new(path).target() else { panic!("{path}") };
            assert_eq!(path, std::path::Path::new("data/a b.db"));
        }
        assert!(matches!(StoreConfig::new("postgres://u:p@h/d").target(), Ok(Target::Postgres(_))));
    }
}
