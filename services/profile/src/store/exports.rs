//! Records in the order of their first storage, as of a time.

use std::collections::HashMap;

use salient_core::{TenantId, filter::Comparison};
use salient_proto::{
    common::v1::SourceKey,
    profile::v1::{Account, Contact, Interaction, Opportunity, Order},
};
use salient_store::{Connection, Result, Rows, sql};
use uuid::Uuid;

use super::{Stored, records::Row};

/// A record that can be given out as of a time.
pub trait Dated: Stored {
    /// A page of records as they are.
    const RECORDS: &'static str;
}

/// A record that has profiles.
pub trait Profiles: Dated {
    /// A page of profiles.
    const PROFILES: &'static str;
}

/// Records of `$table` that were stored, and by `$dated` happened, by $3.
macro_rules! page {
    ($table:literal, $body:expr, $dated:literal) => {
        concat!(
            "select id, ",
            $body,
            " as body, create_time, update_time from ",
            $table,
            "
             where tenant = $1 and id > $2 and create_time <= $3 and ",
            $dated,
            " and {filter}
             order by id limit $4"
        )
    };
}

macro_rules! dated {
    ($record:ty, $table:literal, $dated:literal) => {
        impl Dated for $record {
            const RECORDS: &'static str = page!($table, "body", $dated);
        }
    };
}

macro_rules! profiles {
    ($record:ty, $table:literal) => {
        impl Profiles for $record {
            const PROFILES: &'static str = page!(
                $table,
                concat!(
                    "coalesce((select u.body from unified u where u.tenant = $1 and u.kind = '",
                    $table,
                    "' and u.id = ",
                    $table,
                    ".id), body)"
                ),
                "root is null"
            );
        }
    };
}

dated!(Account, "accounts", "true");
dated!(Contact, "contacts", "true");
dated!(Order, "orders", "order_time <= $3");
dated!(Interaction, "interactions", "occur_time <= $3");
dated!(Opportunity, "opportunities", "open_time <= $3");
profiles!(Account, "accounts");
profiles!(Contact, "contacts");

/// Records after the id `after`, oldest first, at most `limit`. `as_of` is in microseconds.
///
/// # Errors
/// What the store says, or a row that is no record.
pub async fn page<R: Stored>(
    conn: &mut impl Connection,
    text: &'static str,
    tenant: &TenantId,
    filter: Vec<Comparison>,
    after: Uuid,
    as_of: i64,
    limit: i64,
) -> Result<Vec<(Uuid, R)>> {
    let query = sql(text).bind(tenant).bind(after).bind(as_of).bind(limit).filter(filter, R::COLUMNS);
    let rows: Vec<Row> = query.fetch_all(conn).await?;
    rows.iter().map(|row| Ok((row.id, row.record()?))).collect()
}

/// The keys of these accounts.
///
/// # Errors
/// What the store says.
pub async fn account_keys(
    conn: &mut impl Connection,
    tenant: &TenantId,
    ids: impl IntoIterator<Item = Uuid>,
) -> Result<HashMap<Uuid, SourceKey>> {
    let rows: Vec<(Uuid, Option<String>, Option<String>)> = sql("select rows.id,
            (select a.source from accounts a where a.tenant = $1 and a.id = rows.id) as source,
            (select a.source_id from accounts a where a.tenant = $1 and a.id = rows.id) as source_id
         from {rows}")
    .bind(tenant)
    .rows(Rows::new().uuid("id", ids))
    .fetch_all(conn)
    .await?;
    let key = |(id, source, source_id): (Uuid, Option<String>, Option<String>)| {
        Some((id, SourceKey { source: source?, id: source_id? }))
    };
    Ok(rows.into_iter().filter_map(key).collect())
}
