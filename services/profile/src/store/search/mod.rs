//! The index by which profiles are found; what it holds is told in `0013_search.sql`.

mod index;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use salient_core::{TenantId, filter::Term};
use salient_proto::profile::v1::{Account, Contact};
use salient_store::{Connection, Engine, Error, Result, Rows, Tx, sql};
use uuid::Uuid;

use super::{Stored, identity::Profiled, records::Row};
use crate::domain::search::Found;

pub use index::{Indexed, index_in_tx};

/// Wakes those who keep the index.
pub const SIGNAL: &str = "profile.search";

/// A record that can be searched for.
pub trait Searched: Profiled + Found {
    /// Given records as they are, with their profiles.
    const RECORDS: &'static str;
    /// Given profiles, as they are shown.
    const PROFILES: &'static str;
    /// The accounts of given records, as profiles.
    const ACCOUNTS: &'static str;
}

macro_rules! searched {
    ($record:ty, $table:literal, $account:literal) => {
        impl Searched for $record {
            const RECORDS: &'static str = concat!(
                "select r.id, coalesce(r.root, r.id) as profile, r.body from {rows} cross join ",
                $table,
                " r where r.tenant = $1 and r.id = rows.id"
            );
            const PROFILES: &'static str = concat!(
                "select r.id, coalesce((select u.body from unified u
                     where u.tenant = $1 and u.kind = '",
                $table,
                "' and u.id = r.id), r.body) as body, r.create_time, r.update_time from {rows} cross join ",
                $table,
                " r where r.tenant = $1 and r.id = rows.id"
            );
            const ACCOUNTS: &'static str = concat!(
                "select r.id, (select coalesce(a.root, a.id) from accounts a
                     where a.tenant = $1 and a.id = ",
                $account,
                ") as account from {rows} cross join ",
                $table,
                " r where r.tenant = $1 and r.id = rows.id"
            );
        }
    };
}

searched!(Account, "accounts", "r.id");
searched!(Contact, "contacts", "r.account_id");

/// Says that these records were written or are gone; whoever deletes records calls this too.
///
/// # Errors
/// What the store says.
pub async fn enqueue_in_tx<R: Found>(
    tx: &mut Tx,
    tenant: &TenantId,
    ids: impl Iterator<Item = Uuid>,
) -> Result<()> {
    sql("insert into search_queue (tenant, kind, id) select $1, $2, id from {rows}")
        .bind(tenant)
        .bind(R::NUMBER)
        .rows(Rows::new().uuid("id", ids))
        .execute(tx)
        .await?;
    tx.wake(SIGNAL);
    Ok(())
}

/// Waits until no other transaction writes the tenant's index: what was read of a word is then still
/// true when it is counted. It comes before everything that is locked in the queue or in the index.
///
/// # Errors
/// What the store says.
pub async fn take_turn_in_tx(tx: &mut Tx, tenant: &TenantId) -> Result<()> {
    if tx.engine() == Engine::Postgres {
        sql("select pg_advisory_xact_lock(hashtextextended('profile.search.' || $1, 0))")
            .bind(tenant)
            .execute(tx)
            .await?;
    }
    Ok(())
}

/// Takes records that are deleted out of the index at once, and out of the queue: who read them
/// before finds the entry gone, and drops what it made of them.
///
/// # Errors
/// What the store says.
pub async fn forget_in_tx<R: Found>(tx: &mut Tx, tenant: &TenantId, ids: &[Uuid]) -> Result<()> {
    take_turn_in_tx(tx, tenant).await?;
    sql("delete from search_queue where tenant = $1 and kind = $2 and id in (select id from {rows})")
        .bind(tenant)
        .bind(R::NUMBER)
        .rows(Rows::new().uuid("id", ids.iter().copied()))
        .execute(tx)
        .await?;
    let nothing: Vec<Indexed> =
        ids.iter().map(|id| Indexed { kind: R::NUMBER, id: *id, words: Vec::new() }).collect();
    index_in_tx(tx, tenant, &nothing).await
}

/// An entry of the queue.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Queued {
    /// Its number.
    pub seq: i64,
    /// Whose.
    pub tenant: String,
    /// The kind of record.
    pub kind: i64,
    /// The record.
    pub id: Uuid,
}

/// The front of the queue: always what is there, because of two transactions the one with the
/// higher numbers may commit first.
///
/// # Errors
/// What the store says.
pub async fn front(conn: &mut impl Connection, limit: i64) -> Result<Vec<Queued>> {
    sql("select seq, tenant, kind, id from search_queue order by seq limit $1")
        .bind(limit)
        .fetch_all(conn)
        .await
}

/// The number of the newest entry; 0 if there is none.
///
/// # Errors
/// What the store says.
pub async fn newest(conn: &mut impl Connection) -> Result<i64> {
    let (newest,): (i64,) = sql("select coalesce(max(seq), 0) from search_queue").fetch_one(conn).await?;
    Ok(newest)
}

/// Takes entries out of the queue. False if some were not there any more: somebody else has worked
/// on them.
///
/// # Errors
/// What the store says.
pub async fn remove_in_tx(tx: &mut Tx, entries: &[i64]) -> Result<bool> {
    let removed = sql("delete from search_queue where seq in (select seq from {rows})")
        .rows(Rows::new().int("seq", entries.iter().copied()))
        .execute(tx)
        .await?;
    Ok(removed == entries.len() as u64)
}

/// A record as it is, with its profile.
#[derive(Clone, Debug)]
pub struct Candidate<R> {
    /// Its id.
    pub id: Uuid,
    /// The profile it belongs to.
    pub profile: Uuid,
    /// What it says.
    pub record: R,
}

/// The records with these ids, as far as they exist.
///
/// # Errors
/// What the store says, or a row that is no record.
pub async fn records<R: Searched>(
    conn: &mut impl Connection,
    tenant: &TenantId,
    ids: &[Uuid],
) -> Result<Vec<Candidate<R>>> {
    let rows: Vec<(Uuid, Uuid, Vec<u8>)> = sql(R::RECORDS)
        .bind(tenant)
        .rows(Rows::new().uuid("id", ids.iter().copied()))
        .fetch_all(conn)
        .await?;
    let candidate = |(id, profile, body): (Uuid, Uuid, Vec<u8>)| {
        let record =
            R::decode(body.as_slice()).map_err(|error| Error::inconsistent(R::TABLE, "body", id, error))?;
        Ok(Candidate { id, profile, record })
    };
    rows.into_iter().map(candidate).collect()
}

/// Profiles as they are shown.
///
/// # Errors
/// What the store says, or a row that is no record.
pub async fn profiles<R: Searched>(
    conn: &mut impl Connection,
    tenant: &TenantId,
    ids: &[Uuid],
) -> Result<HashMap<Uuid, R>> {
    let rows: Vec<Row> = sql(R::PROFILES)
        .bind(tenant)
        .rows(Rows::new().uuid("id", ids.iter().copied()))
        .fetch_all(conn)
        .await?;
    rows.iter().map(|row| Ok((row.id, row.record()?))).collect()
}

/// Those of these records whose accounts pass a filter.
///
/// # Errors
/// What the store says.
pub async fn passing<R: Searched>(
    conn: &mut impl Connection,
    tenant: &TenantId,
    ids: Vec<Uuid>,
    filter: &[Term],
) -> Result<HashSet<Uuid>> {
    let of: Vec<(Uuid, Option<Uuid>)> =
        sql(R::ACCOUNTS).bind(tenant).rows(Rows::new().uuid("id", ids)).fetch_all(conn).await?;
    let accounts: BTreeSet<Uuid> = of.iter().filter_map(|(_, account)| *account).collect();
    let passing: Vec<(Uuid,)> = sql("select id from {rows} cross join accounts
         where tenant = $1 and id = rows.account and {filter}")
    .bind(tenant)
    .filter(filter.to_vec(), Account::COLUMNS)
    .rows(Rows::new().uuid("account", accounts))
    .fetch_all(conn)
    .await?;
    let passing: HashSet<Uuid> = passing.into_iter().map(|(id,)| id).collect();
    let of = of.into_iter().filter(|(_, account)| account.is_some_and(|account| passing.contains(&account)));
    Ok(of.map(|(id, _)| id).collect())
}

/// A word that a typed one may mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Meant {
    /// Which typed word.
    pub place: i64,
    /// The word.
    pub word: i64,
    /// How many records have it.
    pub records: i64,
}

/// Words with one of these variants, given with the typed word they are of; at most `limit`.
///
/// # Errors
/// What the store says.
pub async fn meant(
    conn: &mut impl Connection,
    tenant: &TenantId,
    lookups: &[(i64, i64)],
    limit: i64,
) -> Result<Vec<Meant>> {
    sql("select distinct rows.place, w.word, w.records
         from {rows} cross join search_variants v cross join search_words w
         where v.tenant = $1 and v.variant = rows.variant and w.tenant = $1 and w.word = v.word limit $2")
    .bind(tenant)
    .bind(limit)
    .rows(
        Rows::new()
            .int("place", lookups.iter().map(|(place, _)| *place))
            .int("variant", lookups.iter().map(|(_, variant)| *variant)),
    )
    .fetch_all(conn)
    .await
}

/// The records with the most weight of `words`, of one kind if it is given: kind and id.
///
/// # Errors
/// What the store says.
pub async fn heaviest(
    conn: &mut impl Connection,
    tenant: &TenantId,
    kind: Option<i64>,
    words: &BTreeMap<i64, f64>,
    limit: i64,
) -> Result<Vec<(i64, Uuid)>> {
    let found: Vec<(i64, Uuid, f64)> = sql("select p.kind, p.id, sum(rows.weight) as weight
         from {rows} cross join search_postings p
         where p.tenant = $1 and p.word = rows.word and ($2 = 0 or p.kind = $2)
         group by p.kind, p.id order by weight desc, p.kind, p.id limit $3")
    .bind(tenant)
    .bind(kind.unwrap_or(0))
    .bind(limit)
    .rows(Rows::new().int("word", words.keys().copied()).float("weight", words.values().copied()))
    .fetch_all(conn)
    .await?;
    Ok(found.into_iter().map(|(kind, id, _)| (kind, id)).collect())
}
