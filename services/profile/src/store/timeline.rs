//! An account's timeline: three tables, each read newest first.

use salient_core::TenantId;
use salient_proto::profile::v1::Interaction;
use salient_store::{Connection, Result, Rows, Sql, sql};
use uuid::Uuid;

use super::{Stored, records::Row};

/// Which part of a timeline is read. Times are in microseconds.
#[derive(Clone, Copy, Debug)]
pub struct Span {
    /// Whose.
    pub account: Uuid,
    /// At or after.
    pub start: i64,
    /// Before.
    pub end: i64,
    /// Before this entry: its time and its record's id.
    pub before: (i64, Uuid),
    /// At most this many.
    pub limit: i64,
}

/// An entry, with what it is sorted by.
pub struct Entry<R> {
    /// When it happened.
    pub time: i64,
    /// Its record's id.
    pub id: Uuid,
    /// The record.
    pub record: R,
}

impl<R> Entry<R> {
    /// The same entry around another record.
    pub fn map<T>(self, change: impl FnOnce(R) -> T) -> Entry<T> {
        Entry { time: self.time, id: self.id, record: change(self.record) }
    }
}

/// Newest first, and within a time by id: `{rows}` are the kinds asked for.
macro_rules! newest {
    ($table:literal, $time:literal, $kind:literal) => {
        concat!(
            "select id, body, create_time, update_time, ",
            $time,
            " as time from ",
            $table,
            "
             where tenant = $1 and account_id = $2 and ",
            $time,
            " >= $3 and ",
            $time,
            " < $4
               and (",
            $time,
            ", id) < ($5, $6) and ",
            $kind,
            " in (select kind from {rows})
             order by ",
            $time,
            " desc, id desc limit $7"
        )
    };
}

/// Orders whose kinds are `kinds`.
pub const ORDERS: &str = newest!("orders", "order_time", "kind");
/// Interactions whose kinds are `kinds`.
pub const INTERACTIONS: &str = newest!("interactions", "occur_time", "kind");
/// Interactions whose kinds are `kinds`, with the contact whose id in its source is $8.
const INTERACTIONS_WITH: &str =
    newest!("interactions", "occur_time", "contact_id <> '' and contact_id = $8 and kind");
/// Opportunities whose states are `kinds`.
pub const OPPORTUNITIES: &str = newest!("opportunities", "open_time", "state");

#[derive(sqlx::FromRow)]
struct Timed {
    time: i64,
    #[sqlx(flatten)]
    row: Row,
}

/// The newest entries of one of the tables.
///
/// # Errors
/// What the store says, or a row that is no record.
pub async fn newest<R: Stored>(
    conn: &mut impl Connection,
    text: &'static str,
    tenant: &TenantId,
    span: Span,
    kinds: impl IntoIterator<Item = i32>,
) -> Result<Vec<Entry<R>>> {
    entries(conn, asked(text, tenant, span, kinds)).await
}

/// The newest interactions with a contact whose id in its source is `contact`; the source may be
/// another than the one that is meant.
///
/// # Errors
/// What the store says, or a row that is no record.
pub async fn newest_with(
    conn: &mut impl Connection,
    tenant: &TenantId,
    span: Span,
    contact: &str,
    kinds: impl IntoIterator<Item = i32>,
) -> Result<Vec<Entry<Interaction>>> {
    entries(conn, asked(INTERACTIONS_WITH, tenant, span, kinds).bind(contact)).await
}

fn asked<'q>(
    text: &'static str,
    tenant: &TenantId,
    span: Span,
    kinds: impl IntoIterator<Item = i32>,
) -> Sql<'q> {
    sql(text)
        .bind(tenant)
        .bind(span.account)
        .bind(span.start)
        .bind(span.end)
        .bind(span.before.0)
        .bind(span.before.1)
        .bind(span.limit)
        .rows(Rows::new().int("kind", kinds))
}

async fn entries<R: Stored>(conn: &mut impl Connection, query: Sql<'_>) -> Result<Vec<Entry<R>>> {
    let rows: Vec<Timed> = query.fetch_all(conn).await?;
    rows.into_iter()
        .map(|Timed { time, row }| Ok(Entry { time, id: row.id, record: row.record()? }))
        .collect()
}
