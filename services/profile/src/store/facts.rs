//! The facts that are made of the records of accounts.

use std::collections::HashMap;

use prost::Message as _;
use salient_core::{Result as CoreResult, TenantId};
use salient_proto::profile::v1::{Account, Interaction, Opportunity, Order};
use salient_store::{Connection, Error, Result, Rows, Tx, sql};
use uuid::Uuid;

use super::{Stored, identity, records, usage};
use crate::domain::facts::{Collector, Facts};

#[derive(sqlx::FromRow)]
struct Entry {
    account_id: Uuid,
    id: Uuid,
    time: i64,
    kind: i64,
    amount: i64,
    body: Option<Vec<u8>>,
}

const ORDERS: &str =
    "select o.account_id, o.id, o.order_time as time, o.kind, o.total_minor as amount, o.body
    from {rows} join orders o on o.account_id = rows.id where o.tenant = $1";
// Of all kinds only usage (7) has a quantity that counts; the bodies of the others are not read.
const INTERACTIONS: &str = "select i.account_id, i.id, i.occur_time as time, i.kind,
        cast(0 as bigint) as amount, case when i.kind = 7 then i.body end as body
    from {rows} join interactions i on i.account_id = rows.id where i.tenant = $1";
const OPPORTUNITIES: &str = "select o.account_id, o.id, o.open_time as time, o.state as kind,
        cast(0 as bigint) as amount, o.body
    from {rows} join opportunities o on o.account_id = rows.id where o.tenant = $1";
const USAGE: &str = "select u.account_id, u.day, u.id, u.metric, u.readings, u.total, u.last_time
    from {rows} cross join usage_days u
    where u.tenant = $1 and u.account_id = rows.id and u.device = ''";
const CONTACTS: &str = "select rows.id,
        (select count(*) from contacts c
         where c.account_id = rows.id and c.tenant = $1 and c.root is null) as count
    from {rows}";

/// What the records of these accounts' profiles add up to at `now` (microseconds), and when that
/// changes by itself; nothing for an account that is not there, or was merged into another one.
///
/// # Errors
/// What the store says, or a row that is no record.
pub async fn collect(
    conn: &mut impl Connection,
    tenant: &TenantId,
    accounts: &[Uuid],
    now: i64,
) -> CoreResult<HashMap<Uuid, (Facts, Option<i64>)>> {
    let of = identity::account_records(conn, tenant, accounts).await?;
    let profiles: Vec<Uuid> =
        of.iter().filter(|(record, profile)| record == profile).map(|(id, _)| *id).collect();
    let found = records::current::<Account>(conn, tenant, profiles.clone()).await?;
    let mut made = identity::unified::<Account>(conn, tenant, &profiles).await?;
    let mut all: HashMap<Uuid, Collector> = found
        .into_iter()
        .map(|(id, current)| {
            let record = made.remove(&id).unwrap_or(current.record);
            (id, Collector::new(record, current.create_time, now))
        })
        .collect();
    each::<Order>(conn, ORDERS, tenant, &of, &mut all, |to, entry, order| {
        to.order(entry.time, entry.amount, &order);
    })
    .await?;
    each::<Interaction>(conn, INTERACTIONS, tenant, &of, &mut all, |to, entry, usage| {
        to.interaction(entry.time, i32::try_from(entry.kind).unwrap_or_default(), usage.quantity);
    })
    .await?;
    each::<Opportunity>(conn, OPPORTUNITIES, tenant, &of, &mut all, |to, _, opportunity| {
        to.opportunity(opportunity);
    })
    .await?;
    telemetry(conn, tenant, &of, &mut all).await?;
    let contacts: Vec<(Uuid, i64)> =
        sql(CONTACTS).bind(tenant).rows(Rows::new().uuid("id", of.keys().copied())).fetch_all(conn).await?;
    let mut sums: HashMap<Uuid, i64> = HashMap::new();
    for (record, count) in contacts {
        if let Some(profile) = of.get(&record) {
            *sums.entry(*profile).or_default() += count;
        }
    }
    for (profile, count) in sums {
        if let Some(to) = all.get_mut(&profile) {
            to.contacts(count);
        }
    }
    Ok(all.into_iter().map(|(account, collector)| (account, collector.finish())).collect())
}

#[derive(sqlx::FromRow)]
struct Day {
    account_id: Uuid,
    day: i64,
    id: Uuid,
    metric: String,
    readings: i64,
    total: Vec<u8>,
    last_time: i64,
}

/// Adds the days of telemetry of the accounts, given with their profiles.
async fn telemetry(
    conn: &mut impl Connection,
    tenant: &TenantId,
    of: &HashMap<Uuid, Uuid>,
    all: &mut HashMap<Uuid, Collector>,
) -> Result<()> {
    let mut bad = None;
    sql(USAGE)
        .bind(tenant)
        .rows(Rows::new().uuid("id", of.keys().copied()))
        .for_each(conn, |day: Day| {
            let Some(to) = of.get(&day.account_id).and_then(|profile| all.get_mut(profile)) else { return };
            match usage::total("usage_days", day.id, &day.total) {
                Ok(sum) => to.telemetry(day.day, &day.metric, (day.readings, sum), day.last_time),
                Err(error) => bad = Some(error),
            }
        })
        .await?;
    bad.map_or(Ok(()), Err)
}

/// Adds each record of the accounts, given with their profiles, to what is collected of the profile. A record whose body was
/// not read is an empty one.
async fn each<R: Stored>(
    conn: &mut impl Connection,
    text: &'static str,
    tenant: &TenantId,
    of: &HashMap<Uuid, Uuid>,
    all: &mut HashMap<Uuid, Collector>,
    mut add: impl FnMut(&mut Collector, &Entry, R) + Send,
) -> Result<()> {
    let mut bad = None;
    sql(text)
        .bind(tenant)
        .rows(Rows::new().uuid("id", of.keys().copied()))
        .for_each(conn, |entry: Entry| {
            let Some(to) = of.get(&entry.account_id).and_then(|profile| all.get_mut(profile)) else { return };
            match R::decode(entry.body.as_deref().unwrap_or_default()) {
                Ok(record) => add(to, &entry, record),
                Err(error) => bad = Some(Error::inconsistent(R::TABLE, "body", entry.id, error)),
            }
        })
        .await?;
    bad.map_or(Ok(()), Err)
}

/// Facts as they are stored.
#[derive(Clone, Debug)]
pub struct Stood {
    /// Of which account.
    pub account: Uuid,
    /// The facts.
    pub facts: Facts,
    /// The stage of its journey; empty means none.
    pub stage: String,
    /// Since when, in microseconds; none if it never was in one.
    pub stage_time: Option<i64>,
}

#[derive(sqlx::FromRow)]
struct Row {
    account_id: Uuid,
    body: Vec<u8>,
    stage: String,
    stage_time: Option<i64>,
}

impl Row {
    fn stood(self) -> Result<Stood> {
        let Self { account_id: account, body, stage, stage_time } = self;
        let facts = Facts::decode(body.as_slice())
            .map_err(|error| Error::inconsistent("account_facts", "body", account, error))?;
        Ok(Stood { account, facts, stage, stage_time })
    }
}

/// Facts of the accounts after `after`, in the order of their ids.
///
/// # Errors
/// What the store says, or a row that is no facts.
pub async fn page(
    conn: &mut impl Connection,
    tenant: &TenantId,
    after: Uuid,
    limit: i64,
) -> Result<Vec<Stood>> {
    let rows: Vec<Row> = sql("select account_id, body, stage, stage_time from account_facts
         where tenant = $1 and account_id > $2 order by account_id limit $3")
    .bind(tenant)
    .bind(after)
    .bind(limit)
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(Row::stood).collect()
}

/// The facts of each of these accounts that has some.
///
/// # Errors
/// What the store says, or a row that is no facts.
pub async fn of(
    conn: &mut impl Connection,
    tenant: &TenantId,
    accounts: &[Uuid],
) -> Result<HashMap<Uuid, Stood>> {
    let rows: Vec<Row> = sql("select f.account_id, f.body, f.stage, f.stage_time
         from {rows} join account_facts f on f.tenant = $1 and f.account_id = rows.id")
    .bind(tenant)
    .rows(Rows::new().uuid("id", accounts.iter().copied()))
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(|row| Ok((row.account_id, row.stood()?))).collect()
}

/// How many accounts have facts.
///
/// # Errors
/// What the store says.
pub async fn count(conn: &mut impl Connection, tenant: &TenantId) -> Result<i64> {
    let (count,): (i64,) =
        sql("select count(*) from account_facts where tenant = $1").bind(tenant).fetch_one(conn).await?;
    Ok(count)
}

/// The stage of each of these accounts that has facts.
///
/// # Errors
/// What the store says.
pub async fn stages(
    conn: &mut impl Connection,
    tenant: &TenantId,
    accounts: &[Uuid],
) -> Result<HashMap<Uuid, String>> {
    let rows: Vec<(Uuid, String)> = sql("select f.account_id, f.stage
         from {rows} join account_facts f on f.tenant = $1 and f.account_id = rows.id")
    .bind(tenant)
    .rows(Rows::new().uuid("id", accounts.iter().copied()))
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().collect())
}

/// Facts to store.
#[derive(Clone, Debug)]
pub struct Write<'f> {
    /// Of which account.
    pub account: Uuid,
    /// The facts.
    pub facts: &'f Facts,
    /// When they change by themselves.
    pub due: Option<i64>,
}

/// Stores facts; a new account has no stage yet.
///
/// # Errors
/// What the store says.
pub async fn write_in_tx(tx: &mut Tx, tenant: &TenantId, writes: &[Write<'_>]) -> Result<()> {
    sql("insert into account_facts (tenant, account_id, body, stage, due_time)
         select $1, account_id, body, '', due_time from {rows} where true
         on conflict (tenant, account_id) do update set body = excluded.body, due_time = excluded.due_time")
    .bind(tenant)
    .rows(
        Rows::new()
            .uuid("account_id", writes.iter().map(|write| write.account))
            .bytes("body", writes.iter().map(|write| write.facts.encode_to_vec()))
            .int("due_time", writes.iter().map(|write| write.due)),
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// Forgets the facts of accounts that are there no more.
///
/// # Errors
/// What the store says.
pub async fn forget_in_tx(tx: &mut Tx, tenant: &TenantId, accounts: &[Uuid]) -> Result<()> {
    sql("delete from account_facts where tenant = $1 and account_id in (select id from {rows})")
        .bind(tenant)
        .rows(Rows::new().uuid("id", accounts.iter().copied()))
        .execute(tx)
        .await?;
    Ok(())
}
