//! Which records make which profile.

use std::collections::{BTreeMap, HashMap};

use salient_core::TenantId;
use salient_proto::{
    common::v1::SourceKey,
    profile::v1::{Account, Contact},
};
use salient_store::{Connection, Error, Result, Rows, Tx, sql};
use uuid::Uuid;

use super::{Stored, records::Row, sources::sources};
use crate::domain::{
    batch::Write,
    unify::{Fields, Member, Pin, USUAL_TRUST},
};

/// A record that may be part of a profile.
pub trait Profiled: Stored + Fields {
    /// The profiles of given records.
    const ROOTS: &'static str;
    /// The profiles of given records, of those that are more than the record as it is.
    const SHARED: &'static str;
    /// The records of given profiles.
    const MEMBERS: &'static str;
    /// The ids of the records of a profile.
    const IDS: &'static str;
    /// Moves records to profiles.
    const MOVE: &'static str;
    /// Sets what lists are filtered by.
    const SHOW: &'static str;
}

macro_rules! profiled {
    ($record:ty, $table:literal: $($column:literal),+) => {
        impl Profiled for $record {
            const ROOTS: &'static str = concat!(
                "select rows.id, (select coalesce(r.root, r.id) from ", $table, " r
                     where r.tenant = $1 and r.id = rows.id) as root
                 from {rows}"
            );
            const SHARED: &'static str = concat!(
                "select rows.id, (select coalesce(r.root, (select u.id from unified u
                     where u.tenant = $1 and u.kind = '", $table, "' and u.id = r.id)) from ", $table, " r
                     where r.tenant = $1 and r.id = rows.id) as root
                 from {rows}"
            );
            const MEMBERS: &'static str = concat!(
                "select rows.id as profile, r.id, r.source, r.source_id, r.body, r.create_time, r.update_time
                 from {rows} cross join ", $table, " r where r.tenant = $1 and r.id = rows.id
                 union all
                 select rows.id, r.id, r.source, r.source_id, r.body, r.create_time, r.update_time
                 from {rows} cross join ", $table, " r where r.tenant = $1 and r.root = rows.id
                 order by 1, 2"
            );
            const IDS: &'static str = concat!(
                "select id from ", $table, " where tenant = $1 and id = $2
                 union all select id from ", $table, " where tenant = $1 and root = $2"
            );
            const MOVE: &'static str = concat!(
                "update ", $table, " set root = nullif(rows.root, rows.id) from {rows}
                 where ", $table, ".tenant = $1 and ", $table, ".id = rows.id"
            );
            const SHOW: &'static str = concat!(
                "update ", $table, " set ", $($column, " = rows.", $column, ", ",)+ "root = null from {rows}
                 where ", $table, ".tenant = $1 and ", $table, ".id = rows.id"
            );
        }
    };
}

profiled!(Account, "accounts": "display_name", "territory", "country", "industry", "parent_source", "parent_source_id");
profiled!(Contact, "contacts": "account_id", "email");

/// A record of a profile, as it is stored.
#[derive(Clone, Debug)]
pub struct Stake<R> {
    /// Its id.
    pub id: Uuid,
    /// When it was first stored, in microseconds.
    pub create_time: i64,
    /// What it says.
    pub member: Member<R>,
}

/// The profiles that records belong to, as far as the records exist.
///
/// # Errors
/// What the store says.
pub async fn roots<R: Profiled>(
    conn: &mut impl Connection,
    tenant: &TenantId,
    ids: impl Iterator<Item = Uuid>,
) -> Result<HashMap<Uuid, Uuid>> {
    found(sql(R::ROOTS).bind(tenant).rows(Rows::new().uuid("id", ids)).fetch_all(conn).await?)
}

/// The profiles that records belong to, of those that are made of several or are pinned.
///
/// # Errors
/// What the store says.
pub async fn shared<R: Profiled>(
    conn: &mut impl Connection,
    tenant: &TenantId,
    ids: impl Iterator<Item = Uuid>,
) -> Result<HashMap<Uuid, Uuid>> {
    found(sql(R::SHARED).bind(tenant).rows(Rows::new().uuid("id", ids)).fetch_all(conn).await?)
}

fn found(rows: Vec<(Uuid, Option<Uuid>)>) -> Result<HashMap<Uuid, Uuid>> {
    Ok(rows.into_iter().filter_map(|(id, root)| Some((id, root?))).collect())
}

/// The profile of each record of these accounts' profiles; nothing of an account that was merged into
/// another one.
///
/// # Errors
/// What the store says.
pub async fn account_records(
    conn: &mut impl Connection,
    tenant: &TenantId,
    profiles: &[Uuid],
) -> Result<HashMap<Uuid, Uuid>> {
    let rows: Vec<(Uuid, Uuid)> = sql("select r.id, rows.id from {rows} cross join accounts r
             where r.tenant = $1 and r.id = rows.id and r.root is null
         union all
         select r.id, rows.id from {rows} cross join accounts r where r.tenant = $1 and r.root = rows.id")
    .bind(tenant)
    .rows(Rows::new().uuid("id", profiles.iter().copied()))
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().collect())
}

/// The content of those of these profiles that are more than the record as it is.
///
/// # Errors
/// What the store says, or a row that is no record.
pub async fn unified<R: Profiled>(
    conn: &mut impl Connection,
    tenant: &TenantId,
    profiles: &[Uuid],
) -> Result<HashMap<Uuid, R>> {
    let rows: Vec<(Uuid, Vec<u8>)> = sql("select u.id, u.body from {rows} join unified u on u.id = rows.id
         where u.tenant = $1 and u.kind = $2")
    .bind(tenant)
    .bind(R::TABLE)
    .rows(Rows::new().uuid("id", profiles.iter().copied()))
    .fetch_all(conn)
    .await?;
    let record = |(id, body): (Uuid, Vec<u8>)| {
        let record =
            R::decode(body.as_slice()).map_err(|error| Error::inconsistent("unified", "body", id, error))?;
        Ok((id, record))
    };
    rows.into_iter().map(record).collect()
}

/// The ids of the records of a profile.
///
/// # Errors
/// What the store says.
pub async fn ids_of<R: Profiled>(
    conn: &mut impl Connection,
    tenant: &TenantId,
    profile: Uuid,
) -> Result<Vec<Uuid>> {
    let rows: Vec<(Uuid,)> = sql(R::IDS).bind(tenant).bind(profile).fetch_all(conn).await?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

#[derive(sqlx::FromRow)]
struct MemberRow {
    profile: Uuid,
    id: Uuid,
    source: String,
    source_id: String,
    body: Vec<u8>,
    create_time: i64,
    update_time: i64,
}

/// The records of profiles, oldest first.
///
/// # Errors
/// What the store says, or a row that is no record.
pub async fn members<R: Profiled>(
    conn: &mut impl Connection,
    tenant: &TenantId,
    profiles: &[Uuid],
) -> Result<BTreeMap<Uuid, Vec<Stake<R>>>> {
    let trust: HashMap<String, i32> =
        sources(conn, tenant).await?.into_iter().map(|source| (source.source, source.trust)).collect();
    let rows: Vec<MemberRow> = sql(R::MEMBERS)
        .bind(tenant)
        .rows(Rows::new().uuid("id", profiles.iter().copied()))
        .fetch_all(conn)
        .await?;
    let mut found: BTreeMap<Uuid, Vec<Stake<R>>> = BTreeMap::new();
    for row in rows {
        let record = R::decode(row.body.as_slice())
            .map_err(|error| Error::inconsistent(R::TABLE, "body", row.id, error))?;
        let member = Member {
            record,
            trust: trust.get(&row.source).copied().unwrap_or(USUAL_TRUST),
            key: SourceKey { source: row.source, id: row.source_id },
            update_time: row.update_time,
        };
        let stake = Stake { id: row.id, create_time: row.create_time, member };
        found.entry(row.profile).or_default().push(stake);
    }
    Ok(found)
}

/// The contacts of these accounts, as profiles, oldest first, at most `limit`.
///
/// # Errors
/// What the store says, or a row that is no record.
pub async fn contacts_of(
    conn: &mut impl Connection,
    tenant: &TenantId,
    accounts: &[Uuid],
    limit: i64,
) -> Result<Vec<Contact>> {
    let rows: Vec<Row> = sql("select c.id, c.create_time, c.update_time,
             coalesce((select u.body from unified u
                 where u.tenant = $1 and u.kind = 'contacts' and u.id = c.id), c.body) as body
         from {rows} cross join contacts c
         where c.tenant = $1 and c.account_id = rows.id and c.root is null
         order by c.id limit $2")
    .bind(tenant)
    .bind(limit)
    .rows(Rows::new().uuid("id", accounts.iter().copied()))
    .fetch_all(conn)
    .await?;
    rows.iter().map(Row::record).collect()
}

/// Moves records to profiles.
///
/// # Errors
/// What the store says.
pub async fn move_in_tx<R: Profiled>(tx: &mut Tx, tenant: &TenantId, moves: &[(Uuid, Uuid)]) -> Result<()> {
    sql(R::MOVE)
        .bind(tenant)
        .rows(
            Rows::new()
                .uuid("id", moves.iter().map(|(id, _)| *id))
                .uuid("root", moves.iter().map(|(_, root)| *root)),
        )
        .execute(tx)
        .await?;
    Ok(())
}

/// Keeps the content of profiles, and what lists filter them by.
///
/// # Errors
/// What the store says.
pub async fn put_unified_in_tx<R: Profiled>(
    tx: &mut Tx,
    tenant: &TenantId,
    profiles: &[Write<R>],
) -> Result<()> {
    sql("insert into unified (tenant, kind, id, body) select $1, $2, id, body from {rows} where true
         on conflict (tenant, kind, id) do update set body = excluded.body")
    .bind(tenant)
    .bind(R::TABLE)
    .rows(
        Rows::new()
            .uuid("id", profiles.iter().map(|profile| profile.id))
            .bytes("body", profiles.iter().map(|profile| &profile.body)),
    )
    .execute(tx)
    .await?;
    show_in_tx(tx, tenant, profiles).await
}

/// Forgets the content of profiles: they are gone, or are one record as it is.
///
/// # Errors
/// What the store says.
pub async fn drop_unified_in_tx<R: Profiled>(tx: &mut Tx, tenant: &TenantId, ids: &[Uuid]) -> Result<()> {
    sql("delete from unified where tenant = $1 and kind = $2 and id in (select id from {rows})")
        .bind(tenant)
        .bind(R::TABLE)
        .rows(Rows::new().uuid("id", ids.iter().copied()))
        .execute(tx)
        .await?;
    Ok(())
}

/// Sets what lists filter profiles by.
///
/// # Errors
/// What the store says.
pub async fn show_in_tx<R: Profiled>(tx: &mut Tx, tenant: &TenantId, profiles: &[Write<R>]) -> Result<()> {
    let rows = Rows::new().uuid("id", profiles.iter().map(|profile| profile.id));
    sql(R::SHOW).bind(tenant).rows(R::columns(rows, profiles)).execute(tx).await?;
    Ok(())
}

/// What persons fixed for any of `records`: of several for one field, the newest.
///
/// # Errors
/// What the store says.
pub async fn pins<R: Profiled>(
    conn: &mut impl Connection,
    tenant: &TenantId,
    records: impl Iterator<Item = Uuid>,
) -> Result<HashMap<Uuid, Vec<Pin>>> {
    let rows: Vec<(Uuid, String, String, i64)> =
        sql("select p.id, p.field, p.value, p.pin_time from {rows} join pins p on p.id = rows.id
             where p.tenant = $1 and p.kind = $2 order by p.pin_time desc, p.field")
        .bind(tenant)
        .bind(R::TABLE)
        .rows(Rows::new().uuid("id", records))
        .fetch_all(conn)
        .await?;
    let mut found: HashMap<Uuid, Vec<Pin>> = HashMap::new();
    for (id, field, value, time) in rows {
        found.entry(id).or_default().push(Pin { field, value, time });
    }
    Ok(found)
}

/// Fixes a field, or lets it go.
///
/// # Errors
/// What the store says.
pub async fn put_pin_in_tx<R: Profiled>(
    tx: &mut Tx,
    tenant: &TenantId,
    records: &[Uuid],
    field: &str,
    pin: Option<(Uuid, &Pin)>,
) -> Result<()> {
    sql("delete from pins where tenant = $1 and kind = $2 and field = $3 and id in (select id from {rows})")
        .bind(tenant)
        .bind(R::TABLE)
        .bind(field)
        .rows(Rows::new().uuid("id", records.iter().copied()))
        .execute(tx)
        .await?;
    let Some((id, pin)) = pin else { return Ok(()) };
    sql("insert into pins (tenant, kind, id, field, value, pin_time) values ($1, $2, $3, $4, $5, $6)")
        .bind(tenant)
        .bind(R::TABLE)
        .bind(id)
        .bind(field)
        .bind(pin.value.as_str())
        .bind(pin.time)
        .execute(tx)
        .await?;
    Ok(())
}
