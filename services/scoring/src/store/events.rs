//! What happens at accounts besides orders.

use salient_core::{AccountId, TenantId};
use salient_learn::declared::{Raw, RawEvent};
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
    /// With whom: what stands for the contact's key at its source.
    pub person: Option<String>,
    /// Of an attempt to reach the person, whether it did.
    pub reached: Option<bool>,
}

/// Writes events; what a record said before is replaced.
pub async fn put_in_tx(tx: &mut Tx, tenant: &TenantId, events: &[AccountEvent]) -> Result<()> {
    sql("delete from account_events where tenant = $1 and record in (select record from {rows})")
        .bind(tenant)
        .rows(Rows::new().uuid("record", events.iter().map(|event| event.record)))
        .execute(tx)
        .await?;
    sql("insert into account_events (tenant, record, kind, account, event_time, amount, quantity, person, reached)
         select $1, record, kind, account, event_time, amount, quantity, person, reached from {rows} where true
         on conflict (tenant, record, kind) do update set account = excluded.account,
            event_time = excluded.event_time, amount = excluded.amount, quantity = excluded.quantity,
            person = excluded.person, reached = excluded.reached")
    .bind(tenant)
    .rows(
        Rows::new()
            .uuid("record", events.iter().map(|event| event.record))
            .text("kind", events.iter().map(|event| event.kind))
            .uuid("account", events.iter().map(|event| event.account.uuid()))
            .int("event_time", events.iter().map(|event| event.time))
            .float("amount", events.iter().map(|event| event.amount))
            .float("quantity", events.iter().map(|event| event.quantity))
            .text("person", events.iter().map(|event| event.person.as_deref()))
            .bool("reached", events.iter().map(|event| event.reached)),
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// An event with its subject's place.
#[derive(sqlx::FromRow)]
struct Row {
    place: i64,
    event_time: i64,
    kind: String,
    amount: Option<f64>,
    quantity: Option<f64>,
    reached: Option<bool>,
}

impl Row {
    fn add_to(self, into: &mut [Raw]) {
        let Some(raw) = usize::try_from(self.place).ok().and_then(|place| into.get_mut(place)) else {
            return;
        };
        let event = RawEvent {
            time: self.event_time,
            kind: self.kind,
            amount: self.amount.unwrap_or(f64::NAN),
            quantity: self.quantity.unwrap_or(f64::NAN),
        };
        if self.reached == Some(true) {
            raw.events.push(RawEvent { kind: format!("reached_{}", event.kind), ..event.clone() });
        }
        raw.events.push(event);
    }
}

/// Adds what happened at these accounts' records, each with its subject's place in `into`.
pub async fn at_accounts(
    conn: &mut impl Connection,
    tenant: &TenantId,
    of: &[(Uuid, usize)],
    into: &mut [Raw],
) -> Result<()> {
    let text = "select rows.place, e.event_time, e.kind, e.amount, e.quantity, e.reached from {rows}
         join account_events e on e.tenant = $1 and e.account = rows.record
         order by e.event_time, e.record";
    add(conn, tenant, text, of, into).await
}

/// Adds what happened with these contacts, each with its subject's place in `into`.
pub async fn with_contacts(
    conn: &mut impl Connection,
    tenant: &TenantId,
    of: &[(Uuid, usize)],
    into: &mut [Raw],
) -> Result<()> {
    // crossed, because SQLite takes the order of that
    let text = "select rows.place, e.event_time, e.kind, e.amount, e.quantity, e.reached from {rows}
         cross join contacts c cross join account_events e
         where c.tenant = $1 and c.contact = rows.record and e.tenant = $1 and e.person = c.person
         order by e.event_time, e.record";
    add(conn, tenant, text, of, into).await
}

async fn add(
    conn: &mut impl Connection,
    tenant: &TenantId,
    text: &'static str,
    of: &[(Uuid, usize)],
    into: &mut [Raw],
) -> Result<()> {
    let found: Vec<Row> = sql(text).bind(tenant).rows(super::places("record", of)).fetch_all(conn).await?;
    found.into_iter().for_each(|row| row.add_to(into));
    Ok(())
}

/// An opportunity, its account's record, and when it was opened (microseconds UTC).
pub type Opened = (Uuid, Uuid, i64);

/// All opportunities, by id.
pub async fn opportunities(conn: &mut impl Connection, tenant: &TenantId) -> Result<Vec<Opened>> {
    sql("select record, account, event_time from account_events
         where tenant = $1 and kind = 'opportunity' order by record")
    .bind(tenant)
    .fetch_all(conn)
    .await
}

/// How opportunities ended, and when (microseconds UTC), each by its place in `of`.
pub async fn ended(
    conn: &mut impl Connection,
    tenant: &TenantId,
    of: &[(Uuid, usize)],
) -> Result<Vec<(i64, String, i64)>> {
    sql("select rows.place, e.kind, e.event_time from {rows} cross join account_events e
         where e.tenant = $1 and e.record = rows.record and e.kind <> 'opportunity'")
    .bind(tenant)
    .rows(super::places("record", of))
    .fetch_all(conn)
    .await
}
