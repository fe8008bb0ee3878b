//! Migrations: sets of numbered steps, each of which runs once.

use std::collections::HashMap;

use sha2::{Digest, Sha256};
use sqlx::AssertSqlSafe;

use crate::{
    conn::{Connection, Tx},
    db::{Db, Engine},
    error::{Error, Result},
    sql::sql,
    statistics, with,
};

/// One step. Its text may hold several statements and these placeholders:
///
/// | placeholder | SQLite | Postgres |
/// |---|---|---|
/// | `{blob}` | `blob` | `bytea` |
/// | `{identity}` | `integer primary key autoincrement` | `bigint generated always as identity primary key` |
/// | `{clustered}` | `without rowid`: rows lie in the primary key's index; for small rows | nothing |
#[derive(Clone, Copy, Debug)]
pub struct Migration {
    version: i64,
    name: &'static str,
    sqlite: &'static str,
    postgres: &'static str,
}

impl Migration {
    /// A step with one text for both engines.
    #[must_use]
    pub const fn new(version: i64, name: &'static str, sql: &'static str) -> Self {
        Self { version, name, sqlite: sql, postgres: sql }
    }

    /// A step with a text for each engine.
    #[must_use]
    pub const fn split(
        version: i64,
        name: &'static str,
        sqlite: &'static str,
        postgres: &'static str,
    ) -> Self {
        Self { version, name, sqlite, postgres }
    }

    fn text(&self, engine: Engine) -> String {
        let (text, words) = match engine {
            Engine::Sqlite => (self.sqlite, ["blob", "integer primary key autoincrement", "without rowid"]),
            Engine::Postgres => {
                (self.postgres, ["bytea", "bigint generated always as identity primary key", ""])
            }
        };
        let placeholders = ["{blob}", "{identity}", "{clustered}"];
        placeholders.iter().zip(words).fold(text.to_owned(), |text, (from, to)| text.replace(from, to))
    }
}

/// Sets of steps, run in the order given: first what the crates need, then a service's own.
#[derive(Clone, Debug, Default)]
pub struct Migrations {
    sets: Vec<(&'static str, &'static [Migration])>,
}

const TABLE: &str = "create table if not exists salient_migrations (
    set_name text not null,
    version bigint not null,
    name text not null,
    sha256 text not null,
    primary key (set_name, version)
)";

/// Any fixed number: all migrations of a database take the same lock.
const LOCK: i64 = 0x5a11_e47a;

impl Migrations {
    /// One set. Its name is part of each step's key, so that sets number independently.
    #[must_use]
    pub fn new(set: &'static str, steps: &'static [Migration]) -> Self {
        Self { sets: vec![(set, steps)] }
    }

    /// What this crate needs: idempotency and runs.
    #[must_use]
    pub fn common() -> Self {
        Self::new("store", crate::STEPS)
    }

    /// These, and then `others`.
    #[must_use]
    pub fn with(mut self, others: Self) -> Self {
        self.sets.extend(others.sets);
        self
    }

    pub(crate) async fn run(&self, db: &Db) -> Result<()> {
        // The usual start finds nothing to do, and then must not wait for a writer.
        if self.pending(db).await?.is_empty() {
            return Ok(());
        }
        let mut tx = db.begin().await?;
        if tx.engine() == Engine::Postgres {
            sql("select pg_advisory_xact_lock($1)").bind(LOCK).execute(&mut tx).await?;
        }
        sql(TABLE).execute(&mut tx).await?;
        let done = applied(&mut tx).await?;
        for (set, step, text) in self.missing(&done, tx.engine())? {
            raw(&mut tx, text.clone()).await?;
            sql("insert into salient_migrations (set_name, version, name, sha256) values ($1, $2, $3, $4)")
                .bind(set)
                .bind(step.version)
                .bind(step.name)
                .bind(sha256(&text))
                .execute(&mut tx)
                .await?;
            tracing::info!(set, version = step.version, name = step.name, "migration applied");
        }
        if tx.engine() == Engine::Sqlite {
            statistics::assume_in_tx(&mut tx).await?;
        }
        tx.commit().await
    }

    pub(crate) async fn pending(&self, db: &Db) -> Result<Vec<String>> {
        let mut read = db.read().await?;
        let exists = match db.engine() {
            Engine::Sqlite => "select count(*) from sqlite_master where name = 'salient_migrations'",
            Engine::Postgres => {
                "select count(*) from pg_tables where tablename = 'salient_migrations' and schemaname = any(current_schemas(false))"
            }
        };
        let (exists,): (i64,) = sql(exists).fetch_one(&mut read).await?;
        let done = if exists == 0 { HashMap::new() } else { applied(&mut read).await? };
        let missing = self.missing(&done, db.engine())?;
        Ok(missing.iter().map(|(set, step, _)| format!("{set}/{} {}", step.version, step.name)).collect())
    }

    fn missing(
        &self,
        done: &HashMap<(String, i64), String>,
        engine: Engine,
    ) -> Result<Vec<(&'static str, &'static Migration, String)>> {
        let mut missing = Vec::new();
        for (set, steps) in &self.sets {
            for step in *steps {
                let text = step.text(engine);
                match done.get(&((*set).to_owned(), step.version)) {
                    None => missing.push((*set, step, text)),
                    Some(before) if *before == sha256(&text) => {}
                    Some(_) => return Err(Error::Changed(format!("{set}/{} {}", step.version, step.name))),
                }
            }
        }
        Ok(missing)
    }
}

async fn applied(conn: &mut impl Connection) -> Result<HashMap<(String, i64), String>> {
    let rows: Vec<(String, i64, String)> =
        sql("select set_name, version, sha256 from salient_migrations").fetch_all(conn).await?;
    Ok(rows.into_iter().map(|(set, version, sha256)| ((set, version), sha256)).collect())
}

/// Several statements at once, unprepared.
async fn raw(tx: &mut Tx, text: String) -> Result<()> {
    with!(tx, |c| sqlx::raw_sql(AssertSqlSafe(text)).execute(&mut *c).await.map(drop))
}

fn sha256(text: &str) -> String {
    hex::encode(Sha256::digest(text.as_bytes()))
}
