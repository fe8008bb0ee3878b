//! Statements that run on both engines.

use std::borrow::Cow;

use futures::TryStreamExt as _;
use salient_core::filter::Term;
use sqlx::{
    Arguments as _, AssertSqlSafe, FromRow, PgConnection, SqliteConnection,
    postgres::{PgArguments, PgRow},
    sqlite::{SqliteArguments, SqliteRow},
};

use crate::{
    conn::{Conn, Connection},
    db::Engine,
    error::{Error, Result},
    filter::{self, FilterColumn},
    rows::{Column, Rows},
    value::Value,
};

/// What a row can be read into, on either engine: anything with `#[derive(sqlx::FromRow)]`,
/// and tuples.
pub trait Record: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin {}
impl<T: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin> Record for T {}

/// A statement with its values; see [`sql`].
#[derive(Clone, Debug)]
#[must_use = "a statement does nothing until it is run"]
pub struct Sql<'a> {
    text: &'static str,
    values: Vec<Value>,
    filter: Option<(Vec<Term>, &'static [FilterColumn])>,
    rows: Option<Rows<'a>>,
}

/// A statement that runs on both engines. Values stand in its text as `$1`, `$2`, … in the
/// order of [`Sql::bind`]. These placeholders are replaced:
///
/// | placeholder | becomes |
/// |---|---|
/// | `{rows}` | the batch given with [`Sql::rows`], as a relation called `rows` |
/// | `{filter}` | the condition given with [`Sql::filter`] |
/// | `{skip_locked}` | `for update skip locked` on Postgres, nothing on SQLite |
/// | `{for_update}` | `for update` on Postgres, nothing on SQLite (its writer is alone) |
///
/// ```no_run
/// # use salient_store::{sql, Rows, Tx};
/// # async fn f(tx: &mut Tx, orders: Vec<(uuid::Uuid, i64)>) -> salient_store::Result<()> {
/// let written = sql(
///     // `where true` tells SQLite that `on conflict` is not the join condition of `rows`.
///     "insert into orders (tenant, id, amount) select $1, id, amount from {rows} where true
///      on conflict (tenant, id) do update set amount = excluded.amount",
/// )
/// .bind("acme")
/// .rows(Rows::new().uuid("id", orders.iter().map(|o| o.0)).int("amount", orders.iter().map(|o| o.1)))
/// .execute(tx)
/// .await?;
/// # let _ = written;
/// # Ok(())
/// # }
/// ```
pub const fn sql<'a>(text: &'static str) -> Sql<'a> {
    Sql { text, values: Vec::new(), filter: None, rows: None }
}

impl<'a> Sql<'a> {
    /// Gives the next of `$1`, `$2`, ….
    pub fn bind(mut self, value: impl Into<Value>) -> Self {
        self.values.push(value.into());
        self
    }

    /// Gives the relation that stands where the text says `{rows}`.
    pub fn rows(mut self, rows: Rows<'a>) -> Self {
        self.rows = Some(rows);
        self
    }

    /// Gives the condition that stands where the text says `{filter}`.
    pub fn filter(mut self, terms: Vec<Term>, columns: &'static [FilterColumn]) -> Self {
        self.filter = Some((terms, columns));
        self
    }

    /// Runs it; says how many rows it wrote. With an empty batch nothing is sent.
    pub async fn execute(self, conn: &mut impl Connection) -> Result<u64> {
        if self.is_void() {
            return Ok(0);
        }
        conn.note(self.batch());
        match conn.conn() {
            Conn::Sqlite(c) => Ok(self.sqlite()?.execute(c).await?.rows_affected()),
            Conn::Postgres(c) => Ok(self.postgres()?.execute(c).await?.rows_affected()),
        }
    }

    /// Every row that comes back. With an empty batch nothing is sent.
    pub async fn fetch_all<T: Record>(self, conn: &mut impl Connection) -> Result<Vec<T>> {
        let mut found = Vec::new();
        self.for_each(conn, |row| found.push(row)).await?;
        Ok(found)
    }

    /// The row that comes back, if one does.
    pub async fn fetch_optional<T: Record>(self, conn: &mut impl Connection) -> Result<Option<T>> {
        if self.is_void() {
            return Ok(None);
        }
        Ok(match conn.conn() {
            Conn::Sqlite(c) => {
                let row = self.sqlite()?.fetch_optional(c).await?;
                row.map(|row| T::from_row(&row)).transpose()?
            }
            Conn::Postgres(c) => {
                let row = self.postgres()?.fetch_optional(c).await?;
                row.map(|row| T::from_row(&row)).transpose()?
            }
        })
    }

    /// The row that comes back; an error if none does.
    pub async fn fetch_one<T: Record>(self, conn: &mut impl Connection) -> Result<T> {
        self.fetch_optional(conn).await?.ok_or(Error::Other(sqlx::Error::RowNotFound))
    }

    /// Gives each row that comes back to `take`, without holding them all. With an empty
    /// batch nothing is sent.
    pub async fn for_each<T: Record>(
        self,
        conn: &mut impl Connection,
        take: impl FnMut(T) + Send,
    ) -> Result<()> {
        if self.is_void() {
            return Ok(());
        }
        conn.note(self.batch());
        match conn.conn() {
            Conn::Sqlite(c) => self.each_sqlite(c, take).await,
            Conn::Postgres(c) => self.each_postgres(c, take).await,
        }
    }

    async fn each_sqlite<T: Record>(
        self,
        conn: &mut SqliteConnection,
        mut take: impl FnMut(T) + Send,
    ) -> Result<()> {
        let mut rows = self.sqlite()?.fetch(conn);
        while let Some(row) = rows.try_next().await? {
            take(T::from_row(&row)?);
        }
        Ok(())
    }

    async fn each_postgres<T: Record>(
        self,
        conn: &mut PgConnection,
        mut take: impl FnMut(T) + Send,
    ) -> Result<()> {
        let mut rows = self.postgres()?.fetch(conn);
        while let Some(row) = rows.try_next().await? {
            take(T::from_row(&row)?);
        }
        Ok(())
    }

    fn batch(&self) -> usize {
        self.rows.as_ref().map_or(0, Rows::len)
    }

    /// Whether it works on a batch that is empty.
    fn is_void(&self) -> bool {
        self.rows.as_ref().is_some_and(Rows::is_empty)
    }

    /// The text with its placeholders replaced, and the values of the filter.
    fn render(&self, engine: Engine) -> Result<(Cow<'static, str>, Vec<Value>)> {
        if !self.text.contains('{') {
            return Ok((Cow::Borrowed(self.text), Vec::new()));
        }
        let (for_update, skip_locked) = match engine {
            Engine::Sqlite => ("", ""),
            Engine::Postgres => ("for update", "for update skip locked"),
        };
        let mut text = self.text.replace("{for_update}", for_update).replace("{skip_locked}", skip_locked);
        let mut next = self.values.len() + 1;
        let mut filtered = Vec::new();
        if let Some((terms, columns)) = &self.filter {
            let (condition, values) = filter::render(terms, columns, next)?;
            text = text.replace("{filter}", &condition);
            next += values.len();
            filtered = values;
        }
        if let Some(rows) = &self.rows {
            rows.check()?;
            let mut relation = String::new();
            match engine {
                Engine::Sqlite => rows.sqlite_sql(next, &mut relation),
                Engine::Postgres => rows.postgres_sql(next, &mut relation),
            }
            text = text.replace("{rows}", &relation);
        }
        for placeholder in ["{rows}", "{filter}"] {
            if text.contains(placeholder) {
                return Err(Error::Misuse(format!("nothing was given for {placeholder}")));
            }
        }
        Ok((Cow::Owned(text), filtered))
    }

    fn sqlite(self) -> Result<sqlx::query::Query<'static, sqlx::Sqlite, SqliteArguments>> {
        let (text, filtered) = self.render(Engine::Sqlite)?;
        let mut arguments = SqliteArguments::default();
        for value in self.values.into_iter().chain(filtered) {
            match value {
                Value::Text(value) => arguments.add(value),
                Value::Int(value) => arguments.add(value),
                Value::Float(value) => arguments.add(value),
                Value::Bool(value) => arguments.add(value),
                Value::Uuid(value) => arguments.add(value),
                Value::Bytes(value) => arguments.add(value),
            }
            .map_err(unencodable)?;
        }
        if let Some(rows) = &self.rows {
            arguments.add(rows.json()).map_err(unencodable)?;
        }
        Ok(match text {
            Cow::Borrowed(text) => sqlx::query_with(text, arguments),
            // Made of the crate's own words, static texts and numbers; values are bound.
            Cow::Owned(text) => sqlx::query_with(AssertSqlSafe(text), arguments),
        })
    }

    fn postgres(self) -> Result<sqlx::query::Query<'static, sqlx::Postgres, PgArguments>> {
        let (text, filtered) = self.render(Engine::Postgres)?;
        let mut arguments = PgArguments::default();
        for value in self.values.into_iter().chain(filtered) {
            match value {
                Value::Text(value) => arguments.add(value),
                Value::Int(value) => arguments.add(value),
                Value::Float(value) => arguments.add(value),
                Value::Bool(value) => arguments.add(value),
                Value::Uuid(value) => arguments.add(value),
                Value::Bytes(value) => arguments.add(value),
            }
            .map_err(unencodable)?;
        }
        for column in self.rows.iter().flat_map(Rows::columns) {
            match column {
                Column::Text(values) => {
                    arguments.add(values.iter().map(Option::as_deref).collect::<Vec<Option<&str>>>())
                }
                Column::Int(values) => arguments.add(values),
                Column::Float(values) => arguments.add(values),
                Column::Bool(values) => arguments.add(values),
                Column::Uuid(values) => arguments.add(values),
                Column::Bytes(values) => {
                    arguments.add(values.iter().map(Option::as_deref).collect::<Vec<Option<&[u8]>>>())
                }
            }
            .map_err(unencodable)?;
        }
        Ok(match text {
            Cow::Borrowed(text) => sqlx::query_with(text, arguments),
            // Made of the crate's own words, static texts and numbers; values are bound.
            Cow::Owned(text) => sqlx::query_with(AssertSqlSafe(text), arguments),
        })
    }
}

fn unencodable(error: sqlx::error::BoxDynError) -> Error {
    Error::Other(sqlx::Error::Encode(error))
}
