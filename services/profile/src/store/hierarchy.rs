//! Which account stands above which. Looked up by keys each time, so that there is nothing to move
//! when a parent comes late, when profiles are merged, and when a merge is taken back.

use std::collections::HashMap;

use salient_core::TenantId;
use salient_proto::common::v1::SourceKey;
use salient_store::{Connection, Result, Rows, sql};
use uuid::Uuid;

/// The profiles of the records with these keys, as far as there are any.
///
/// # Errors
/// What the store says.
pub async fn profiles(
    conn: &mut impl Connection,
    tenant: &TenantId,
    keys: &[SourceKey],
) -> Result<Vec<(SourceKey, Uuid)>> {
    let rows: Vec<(String, String, Option<Uuid>)> = sql("select rows.source, rows.source_id,
            (select coalesce(r.root, r.id) from accounts r where r.tenant = $1
             and r.source_id = rows.source_id and r.source = rows.source) as profile
         from {rows}")
    .bind(tenant)
    .rows(
        Rows::new()
            .text("source", keys.iter().map(|key| key.source.as_str()))
            .text("source_id", keys.iter().map(|key| key.id.as_str())),
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .filter_map(|(source, id, profile)| Some((SourceKey { source, id }, profile?)))
        .collect())
}

/// Those of these profiles of which something may be said: they have a parent, are made of several
/// records, or a person fixed something.
///
/// # Errors
/// What the store says.
pub async fn spoken_of(
    conn: &mut impl Connection,
    tenant: &TenantId,
    profiles: &[Uuid],
) -> Result<Vec<Uuid>> {
    let rows: Vec<(Uuid,)> = sql("select rows.id from {rows}
         where (select r.parent_source_id from accounts r where r.tenant = $1 and r.id = rows.id) is not null
            or exists (select 1 from unified u
                       where u.tenant = $1 and u.kind = 'accounts' and u.id = rows.id)")
    .bind(tenant)
    .rows(Rows::new().uuid("id", profiles.iter().copied()))
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

/// What a profile says of its parent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Above {
    /// The parent's key.
    pub key: SourceKey,
    /// The parent's profile; none while it is not stored.
    pub profile: Option<Uuid>,
}

#[derive(sqlx::FromRow)]
struct AboveRow {
    id: Uuid,
    source: Option<String>,
    source_id: Option<String>,
    profile: Option<Uuid>,
}

impl AboveRow {
    fn above(self) -> Option<(Uuid, Above)> {
        let key = SourceKey { source: self.source?, id: self.source_id? };
        Some((self.id, Above { key, profile: self.profile }))
    }
}

/// What is directly above each of these profiles that names a parent.
///
/// # Errors
/// What the store says.
pub async fn above(
    conn: &mut impl Connection,
    tenant: &TenantId,
    profiles: &[Uuid],
) -> Result<HashMap<Uuid, Above>> {
    let rows: Vec<AboveRow> = sql("select rows.id,
            (select r.parent_source from accounts r where r.tenant = $1 and r.id = rows.id) as source,
            (select r.parent_source_id from accounts r where r.tenant = $1 and r.id = rows.id) as source_id,
            (select (select coalesce(p.root, p.id) from accounts p where p.tenant = $1
                     and p.source_id = r.parent_source_id and p.source = r.parent_source)
             from accounts r where r.tenant = $1 and r.id = rows.id) as profile
         from {rows}")
    .bind(tenant)
    .rows(Rows::new().uuid("id", profiles.iter().copied()))
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().filter_map(AboveRow::above).collect())
}

/// [`above`] of one profile. Postgres keeps its plan for this, and makes that of a batch anew each time.
///
/// # Errors
/// What the store says.
pub async fn above_one(
    conn: &mut impl Connection,
    tenant: &TenantId,
    profile: Uuid,
) -> Result<Option<Above>> {
    let row: Option<AboveRow> =
        sql("select r.id, r.parent_source as source, r.parent_source_id as source_id,
            (select coalesce(p.root, p.id) from accounts p where p.tenant = $1
             and p.source_id = r.parent_source_id and p.source = r.parent_source) as profile
         from accounts r where r.tenant = $1 and r.id = $2")
        .bind(tenant)
        .bind(profile)
        .fetch_optional(conn)
        .await?;
    Ok(row.and_then(AboveRow::above).map(|(_, above)| above))
}

/// What people call these profiles.
///
/// # Errors
/// What the store says.
pub async fn names(
    conn: &mut impl Connection,
    tenant: &TenantId,
    profiles: &[Uuid],
) -> Result<HashMap<Uuid, String>> {
    let rows: Vec<(Uuid, Option<String>)> = sql("select rows.id,
            (select r.display_name from accounts r where r.tenant = $1 and r.id = rows.id) as name
         from {rows}")
    .bind(tenant)
    .rows(Rows::new().uuid("id", profiles.iter().copied()))
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().filter_map(|(id, name)| Some((id, name?))).collect())
}

/// A profile that is directly below another.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Below {
    /// What is above it.
    pub parent: Uuid,
    /// It.
    pub id: Uuid,
    /// What people call it.
    pub display_name: String,
}

/// Whose parent's key is that of any record of a profile: of the one it is named after, and of the
/// others.
macro_rules! below {
    ($select:literal from $from:literal where $above:literal $and:literal) => {
        concat!(
            below!($select, $from, "m.id", $above, $and),
            " union all ",
            below!($select, $from, "m.root", $above, $and)
        )
    };
    ($select:literal, $from:literal, $record:literal, $above:literal, $and:literal) => {
        concat!(
            "select ",
            $select,
            " from ",
            $from,
            " cross join accounts c
             where m.tenant = $1 and ",
            $record,
            " = ",
            $above,
            " and c.tenant = $1 and c.root is null
               and c.parent_source_id = m.source_id and c.parent_source = m.source",
            $and
        )
    };
}

/// The profiles after `after` that are directly below these, in the order of their ids.
///
/// # Errors
/// What the store says.
pub async fn below(
    conn: &mut impl Connection,
    tenant: &TenantId,
    profiles: &[Uuid],
    after: Uuid,
    limit: i64,
) -> Result<Vec<Below>> {
    sql(concat!(
        below!("rows.id as parent, c.id as id, c.display_name as display_name"
               from "{rows} cross join accounts m" where "rows.id" " and c.id > $2"),
        " order by 2 limit $3"
    ))
    .bind(tenant)
    .bind(after)
    .bind(limit)
    .rows(Rows::new().uuid("id", profiles.iter().copied()))
    .fetch_all(conn)
    .await
}

/// [`below`] of one profile. Postgres keeps its plan for this, and makes that of a batch anew each time.
///
/// # Errors
/// What the store says.
pub async fn below_one(
    conn: &mut impl Connection,
    tenant: &TenantId,
    profile: Uuid,
    after: Uuid,
    limit: i64,
) -> Result<Vec<Below>> {
    sql(concat!(
        below!("coalesce(m.root, m.id) as parent, c.id as id, c.display_name as display_name"
               from "accounts m" where "$2" " and c.id > $3"),
        " order by 2 limit $4"
    ))
    .bind(tenant)
    .bind(profile)
    .bind(after)
    .bind(limit)
    .fetch_all(conn)
    .await
}

/// How many profiles are directly below one.
///
/// # Errors
/// What the store says.
pub async fn count_below(conn: &mut impl Connection, tenant: &TenantId, profile: Uuid) -> Result<i64> {
    let (count,): (i64,) = sql(concat!(
        "select count(*) from (",
        below!("c.id as id" from "accounts m" where "$2" ""),
        ") found"
    ))
    .bind(tenant)
    .bind(profile)
    .fetch_one(conn)
    .await?;
    Ok(count)
}
