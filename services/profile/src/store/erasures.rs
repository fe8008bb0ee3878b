//! Erasures, and who has confirmed them.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use prost::Message as _;
use salient_core::{ErasureId, TenantId};
use salient_proto::profile::v1::{Erasure, PersonErased, erasure::Confirmation};
use salient_store::{Connection, Error, Result, Rows, Tx, sql};
use uuid::Uuid;

use crate::domain::{Kind, record::timestamp};

/// What was removed or emptied, by kind of record.
pub type Removed = BTreeMap<String, i64>;

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    contact: Uuid,
    requester: String,
    create_time: i64,
    confirm_time: Option<i64>,
    complete_time: Option<i64>,
}

/// The columns of a [`Row`].
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "select id, contact, requester, create_time, confirm_time, complete_time from erasures ",
            $rest
        )
    };
}

/// An erasure to keep.
#[derive(Debug)]
pub struct NewErasure<'a> {
    /// Its id.
    pub id: ErasureId,
    /// Whose profile is erased.
    pub contact: Uuid,
    /// Every record of it.
    pub records: &'a [Uuid],
    /// Who asked.
    pub requester: &'a str,
    /// The services that have to confirm.
    pub services: &'a BTreeSet<String>,
    /// What they are told, but for the round.
    pub event: &'a PersonErased,
    /// Now, in microseconds.
    pub now: i64,
}

/// Keeps a new erasure.
///
/// # Errors
/// What the store says.
pub async fn put_in_tx(tx: &mut Tx, tenant: &TenantId, new: &NewErasure<'_>) -> Result<()> {
    sql("insert into erasures (tenant, id, contact, event, requester, create_time)
         values ($1, $2, $3, $4, $5, $6)")
    .bind(tenant)
    .bind(new.id)
    .bind(new.contact)
    .bind(new.event.encode_to_vec())
    .bind(new.requester)
    .bind(new.now)
    .execute(tx)
    .await?;
    sql("insert into erased_contacts (tenant, contact, erasure) select $1, contact, $2 from {rows}")
        .bind(tenant)
        .bind(new.id)
        .rows(Rows::new().uuid("contact", new.records.iter().copied()))
        .execute(tx)
        .await?;
    sql("insert into erasure_confirmations (tenant, erasure, service, removed)
         select $1, $2, service, '{}' from {rows}")
    .bind(tenant)
    .bind(new.id)
    .rows(Rows::new().text("service", new.services))
    .execute(tx)
    .await?;
    Ok(())
}

/// What one shard of a service's stream tells of a round.
#[derive(Clone, Copy, Debug)]
pub struct Told {
    /// The round, 1 or 2.
    pub round: i32,
    /// The shard.
    pub shard: u32,
    /// How many there are.
    pub shard_count: u32,
}

/// Notes that a service has erased, as far as one shard of its stream tells; confirmed is what all of
/// them tell. A service that was not asked changes nothing.
///
/// # Errors
/// What the store says.
pub async fn confirm_in_tx(
    tx: &mut Tx,
    tenant: &TenantId,
    id: ErasureId,
    service: &str,
    told: Told,
    removed: &Removed,
    now: i64,
) -> salient_core::Result<()> {
    let bit = |place: u32| 1_i64.checked_shl(place).unwrap_or_default();
    let text = if told.round == 1 {
        "update erasure_confirmations set shards = shards | $4, wanted = $5,
            confirm_time = case when confirm_time is null and (shards | $4) = $5 then $6 else confirm_time end
         where tenant = $1 and erasure = $2 and service = $3"
    } else {
        "update erasure_confirmations set seals = seals | $4, wanted = $5,
            confirm_time = coalesce(confirm_time, $6)
         where tenant = $1 and erasure = $2 and service = $3"
    };
    sql(text)
        .bind(tenant)
        .bind(id)
        .bind(service)
        .bind(bit(told.shard))
        .bind(bit(told.shard_count) - 1)
        .bind(now)
        .execute(tx)
        .await?;
    // every shard tells the same counts
    if told.shard == 0 { add_removed_in_tx(tx, tenant, id, service, removed).await } else { Ok(()) }
}

async fn add_removed_in_tx(
    tx: &mut Tx,
    tenant: &TenantId,
    id: ErasureId,
    service: &str,
    removed: &Removed,
) -> salient_core::Result<()> {
    let before: Option<(String,)> = sql("select removed from erasure_confirmations
         where tenant = $1 and erasure = $2 and service = $3 {for_update}")
    .bind(tenant)
    .bind(id)
    .bind(service)
    .fetch_optional(tx)
    .await?;
    let Some((before,)) = before else { return Ok(()) };
    let mut all = read_removed(id.uuid(), &before)?;
    for (kind, count) in removed {
        *all.entry(kind.clone()).or_default() += count;
    }
    let all = serde_json::to_string(&all).map_err(salient_core::Error::internal)?;
    sql("update erasure_confirmations set removed = $4 where tenant = $1 and erasure = $2 and service = $3")
        .bind(tenant)
        .bind(id)
        .bind(service)
        .bind(all)
        .execute(tx)
        .await?;
    Ok(())
}

fn read_removed(erasure: Uuid, text: &str) -> Result<Removed> {
    serde_json::from_str(text)
        .map_err(|error| Error::inconsistent("erasure_confirmations", "removed", erasure, error))
}

/// An erasure on its way, and what the services are told, but for the round.
#[derive(Debug)]
pub struct Due {
    /// Whose.
    pub tenant: TenantId,
    /// Which.
    pub id: Uuid,
    /// What is told.
    pub event: PersonErased,
}

/// Erasures, of all tenants, whose first round every service has confirmed and whose second was not
/// begun.
pub const CONFIRMED: &str = "select e.tenant, e.id, e.event from erasures e
     where e.complete_time is null and e.confirm_time is null
       and not exists (select 1 from erasure_confirmations c
                       where c.tenant = e.tenant and c.erasure = e.id
                         and (c.wanted is null or c.shards <> c.wanted))
     order by e.create_time, e.id";
/// Erasures, of all tenants, whose second round every service has confirmed and that are not complete;
/// not while a file waits to be read that was begun before.
pub const SEALED: &str = "select e.tenant, e.id, e.event from erasures e
     where e.complete_time is null and e.confirm_time is not null
       and not exists (select 1 from erasure_confirmations c
                       where c.tenant = e.tenant and c.erasure = e.id and c.seals <> c.wanted)
       and not exists (select 1 from transfers t
                       join transfer_chunks c on c.tenant = t.tenant and c.transfer = t.id
                       where t.tenant = e.tenant and t.create_time <= e.create_time)
     order by e.create_time, e.id";

/// The erasures of one of the queries above.
///
/// # Errors
/// What the store says, or a row that cannot be read.
pub async fn due(conn: &mut impl Connection, text: &'static str) -> Result<Vec<Due>> {
    let rows: Vec<(String, Uuid, Vec<u8>)> = sql(text).fetch_all(conn).await?;
    rows.into_iter()
        .map(|(name, id, event)| {
            let tenant = TenantId::try_from(name.as_str())
                .map_err(|error| Error::inconsistent("erasures", "tenant", id, error))?;
            let event = PersonErased::decode(event.as_slice())
                .map_err(|error| Error::inconsistent("erasures", "event", id, error))?;
            Ok(Due { tenant, id, event })
        })
        .collect()
}

/// Notes that every service has erased; whether nobody else had. `now` is in microseconds.
///
/// # Errors
/// What the store says.
pub async fn seal_in_tx(tx: &mut Tx, tenant: &TenantId, id: Uuid, now: i64) -> Result<bool> {
    let sealed = sql("update erasures set confirm_time = $3
         where tenant = $1 and id = $2 and confirm_time is null")
    .bind(tenant)
    .bind(id)
    .bind(now)
    .execute(tx)
    .await?;
    Ok(sealed == 1)
}

/// Completes an erasure whose traces have left the streams. `now` is in microseconds.
///
/// # Errors
/// What the store says.
pub async fn complete_in_tx(tx: &mut Tx, tenant: &TenantId, id: Uuid, now: i64) -> Result<()> {
    sql("update erasures set complete_time = $3 where tenant = $1 and id = $2 and complete_time is null")
        .bind(tenant)
        .bind(id)
        .bind(now)
        .execute(tx)
        .await?;
    Ok(())
}

/// The erasure of the person to whom a record belonged, if there was one.
///
/// # Errors
/// What the store says.
pub async fn of_contact(
    conn: &mut impl Connection,
    tenant: &TenantId,
    contact: Uuid,
) -> Result<Option<Erasure>> {
    let row: Option<Row> = sql(select!(
        "where tenant = $1 and id = (select erasure from erased_contacts where tenant = $1 and contact = $2)"
    ))
    .bind(tenant)
    .bind(contact)
    .fetch_optional(conn)
    .await?;
    Ok(whole(conn, tenant, row.into_iter().collect()).await?.pop())
}

/// How many erasures of a tenant there were, ever.
///
/// # Errors
/// What the store says.
pub async fn count(conn: &mut impl Connection, tenant: &TenantId) -> Result<i64> {
    let (count,): (i64,) =
        sql("select count(*) from erasures where tenant = $1").bind(tenant).fetch_one(conn).await?;
    Ok(count)
}

/// One erasure.
///
/// # Errors
/// What the store says.
pub async fn get(conn: &mut impl Connection, tenant: &TenantId, id: ErasureId) -> Result<Option<Erasure>> {
    let row: Option<Row> =
        sql(select!("where tenant = $1 and id = $2")).bind(tenant).bind(id).fetch_optional(conn).await?;
    Ok(whole(conn, tenant, row.into_iter().collect()).await?.pop())
}

/// Erasures before the id `before`, newest first, at most `limit`.
///
/// # Errors
/// What the store says.
pub async fn list(
    conn: &mut impl Connection,
    tenant: &TenantId,
    before: Uuid,
    limit: i64,
) -> Result<Vec<Erasure>> {
    let rows: Vec<Row> = sql(select!("where tenant = $1 and id < $2 order by id desc limit $3"))
        .bind(tenant)
        .bind(before)
        .bind(limit)
        .fetch_all(conn)
        .await?;
    whole(conn, tenant, rows).await
}

/// The erasures with their confirmations.
async fn whole(conn: &mut impl Connection, tenant: &TenantId, rows: Vec<Row>) -> Result<Vec<Erasure>> {
    let found: Vec<(Uuid, String, Option<i64>, String)> =
        sql("select c.erasure, c.service, c.confirm_time, c.removed
             from {rows} join erasure_confirmations c on c.erasure = rows.id
             where c.tenant = $1 order by c.service")
        .bind(tenant)
        .rows(Rows::new().uuid("id", rows.iter().map(|row| row.id)))
        .fetch_all(conn)
        .await?;
    let mut confirmations: HashMap<Uuid, Vec<Confirmation>> = HashMap::new();
    for (erasure, service, time, removed) in found {
        let removed = read_removed(erasure, &removed)?;
        confirmations.entry(erasure).or_default().push(Confirmation {
            service,
            confirm_time: time.map(timestamp),
            removed,
        });
    }
    let erasure = |row: Row| Erasure {
        name: ErasureId::from_uuid(row.id).name(),
        contact: Kind::Contact.name(row.contact),
        requester: row.requester,
        create_time: Some(timestamp(row.create_time)),
        confirmations: confirmations.remove(&row.id).unwrap_or_default(),
        confirm_time: row.confirm_time.map(timestamp),
        complete_time: row.complete_time.map(timestamp),
    };
    Ok(rows.into_iter().map(erasure).collect())
}
