//! What is known of accounts besides their orders: events by kind, and attributes over time.

use std::collections::BTreeMap;

use salient_core::{AccountId, TenantId};
use salient_learn::declared::{Raw, RawAttribute, RawEvent};
use salient_store::{Connection, Result, Rows, Tx, sql};
use uuid::Uuid;

/// Something that happened at an account.
#[derive(Clone, Debug, PartialEq)]
pub struct AccountEvent {
    /// The record that it comes from.
    pub record: Uuid,
    /// Its kind, in the singular; of one record at most one of a kind.
    pub kind: &'static str,
    /// The account's record.
    pub account: AccountId,
    /// When, microseconds UTC.
    pub time: i64,
    /// Money in minor units.
    pub amount: Option<f64>,
    /// Quantity.
    pub quantity: Option<f64>,
}

/// Writes events; what a record said before is replaced.
pub async fn put_events_in_tx(tx: &mut Tx, tenant: &TenantId, events: &[AccountEvent]) -> Result<()> {
    sql("delete from account_events where tenant = $1 and record in (select record from {rows})")
        .bind(tenant)
        .rows(Rows::new().uuid("record", events.iter().map(|event| event.record)))
        .execute(tx)
        .await?;
    sql("insert into account_events (tenant, record, kind, account, event_time, amount, quantity)
         select $1, record, kind, account, event_time, amount, quantity from {rows} where true
         on conflict (tenant, record, kind) do update set account = excluded.account,
            event_time = excluded.event_time, amount = excluded.amount, quantity = excluded.quantity")
    .bind(tenant)
    .rows(
        Rows::new()
            .uuid("record", events.iter().map(|event| event.record))
            .text("kind", events.iter().map(|event| event.kind))
            .uuid("account", events.iter().map(|event| event.account.uuid()))
            .int("event_time", events.iter().map(|event| event.time))
            .float("amount", events.iter().map(|event| event.amount))
            .float("quantity", events.iter().map(|event| event.quantity)),
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// What an account's record says of itself, by name, from a moment on (microseconds UTC).
#[derive(Clone, Debug, PartialEq)]
pub struct Said {
    /// The record.
    pub account: AccountId,
    /// From when on it is known.
    pub known: i64,
    /// Values by name; what is not named has none.
    pub values: BTreeMap<String, String>,
}

/// Notes what has changed: a value that is new, and an empty one for what is said no more.
pub async fn note_attributes_in_tx(tx: &mut Tx, tenant: &TenantId, said: &[Said]) -> Result<()> {
    let accounts = || Rows::new().uuid("account", said.iter().map(|said| said.account.uuid()));
    let rows: Vec<(Uuid, String, String)> = sql("select a.account, a.name, a.value from {rows}
         join account_attributes a on a.tenant = $1 and a.account = rows.account
         order by a.account, a.name, a.known")
    .bind(tenant)
    .rows(accounts())
    .fetch_all(&mut *tx)
    .await?;
    // ascending: the latest stays
    let before: BTreeMap<(Uuid, String), String> =
        rows.into_iter().map(|(account, name, value)| ((account, name), value)).collect();
    let mut changes: Vec<(Uuid, &str, i64, &str, bool)> = Vec::new();
    for said in said {
        let account = said.account.uuid();
        for (name, value) in &said.values {
            let known = before.get(&(account, name.clone()));
            if known.map_or(!value.is_empty(), |known| known != value) {
                changes.push((account, name, said.known, value, known.is_none()));
            }
        }
        let range =
            (account, String::new())..(Uuid::from_u128(account.as_u128().wrapping_add(1)), String::new());
        for ((_, name), value) in before.range(range) {
            if !value.is_empty() && !said.values.contains_key(name) {
                changes.push((account, name, said.known, "", false));
            }
        }
    }
    // a value of the same moment takes the place of the one before, and stays the first if that was
    sql("insert into account_attributes (tenant, account, name, known, value, is_first)
         select $1, account, name, known, value, is_first from {rows} where true
         on conflict (tenant, account, name, known) do update set value = excluded.value")
    .bind(tenant)
    .rows(
        Rows::new()
            .uuid("account", changes.iter().map(|change| change.0))
            .text("name", changes.iter().map(|change| change.1))
            .int("known", changes.iter().map(|change| change.2))
            .text("value", changes.iter().map(|change| change.3))
            .bool("is_first", changes.iter().map(|change| change.4)),
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// Forgets what accounts said of themselves before they said what they say now, and the scores that were
/// made of it; how many rows went.
pub async fn forget_in_tx(tx: &mut Tx, tenant: &TenantId, accounts: &[AccountId]) -> Result<u64> {
    let mut gone = 0;
    for text in [
        "delete from account_attributes where tenant = $1 and account in (select account from {rows})
            and exists (select 1 from account_attributes later where later.tenant = $1
                and later.account = account_attributes.account and later.name = account_attributes.name
                and later.known > account_attributes.known)",
        "delete from scores where tenant = $1 and declaration <> '' and account in (select account from {rows})",
        "delete from score_history
         where tenant = $1 and declaration <> '' and account in (select account from {rows})",
    ] {
        let rows = Rows::new().uuid("account", accounts.iter().map(|account| account.uuid()));
        gone += sql(text).bind(tenant).rows(rows).execute(&mut *tx).await?;
    }
    Ok(gone)
}

/// Place, time, kind, amount and quantity.
type EventRow = (i64, i64, String, Option<f64>, Option<f64>);

/// What is known of these records, by place in `of`: each with the profile's place that it belongs to.
pub async fn raw(
    conn: &mut impl Connection,
    tenant: &TenantId,
    of: &[(Uuid, usize)],
    into: &mut [Raw],
) -> Result<()> {
    let rows = || {
        Rows::new()
            .uuid("account", of.iter().map(|(account, _)| *account))
            .int("place", of.iter().map(|(_, place)| *place as i64))
    };
    let events: Vec<EventRow> =
        sql("select rows.place, e.event_time, e.kind, e.amount, e.quantity from {rows}
         join account_events e on e.tenant = $1 and e.account = rows.account
         order by e.event_time, e.record")
        .bind(tenant)
        .rows(rows())
        .fetch_all(&mut *conn)
        .await?;
    for (place, time, kind, amount, quantity) in events {
        if let Some(raw) = into.get_mut(place as usize) {
            let (amount, quantity) = (amount.unwrap_or(f64::NAN), quantity.unwrap_or(f64::NAN));
            raw.events.push(RawEvent { time, kind, amount, quantity });
        }
    }
    let attributes: Vec<(i64, i64, String, String, bool)> =
        sql("select rows.place, a.known, a.name, a.value, a.is_first from {rows}
         join account_attributes a on a.tenant = $1 and a.account = rows.account
         order by a.known, a.account, a.name")
        .bind(tenant)
        .rows(rows())
        .fetch_all(conn)
        .await?;
    for (place, known, name, value, first) in attributes {
        if let Some(raw) = into.get_mut(place as usize) {
            raw.attributes.push(RawAttribute { known, name, value, first });
        }
    }
    Ok(())
}
