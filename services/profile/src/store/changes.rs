//! What changed at opportunities: appended, and never changed but for whose it is.

use prost::Message as _;
use salient_core::TenantId;
use salient_proto::profile::v1::OpportunityChange;
use salient_store::{Connection, Error, Result, Rows, Tx, sql};
use uuid::Uuid;

use super::timeline::{Entry, Span};
use crate::domain::person::{Forget as _, Person};

/// A change to keep.
#[derive(Clone, Debug)]
pub struct Write {
    /// Its id.
    pub id: Uuid,
    /// Of which opportunity.
    pub opportunity: Uuid,
    /// Of which account.
    pub account: Uuid,
    /// When, in microseconds.
    pub time: i64,
    /// What.
    pub change: OpportunityChange,
}

/// Keeps changes.
///
/// # Errors
/// What the store says.
pub async fn append_in_tx(tx: &mut Tx, tenant: &TenantId, writes: &[Write]) -> Result<()> {
    sql("insert into opportunity_changes (tenant, id, opportunity_id, account_id, time, body)
         select $1, id, opportunity_id, account_id, time, body from {rows}")
    .bind(tenant)
    .rows(
        Rows::new()
            .uuid("id", writes.iter().map(|write| write.id))
            .uuid("opportunity_id", writes.iter().map(|write| write.opportunity))
            .uuid("account_id", writes.iter().map(|write| write.account))
            .int("time", writes.iter().map(|write| write.time))
            .bytes("body", writes.iter().map(|write| write.change.encode_to_vec())),
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// Takes the changes of opportunities along to the accounts that these are of now.
///
/// # Errors
/// What the store says.
pub async fn follow_in_tx(
    tx: &mut Tx,
    tenant: &TenantId,
    moved: impl Iterator<Item = (Uuid, Uuid)>,
) -> Result<()> {
    let (opportunities, accounts): (Vec<Uuid>, Vec<Uuid>) = moved.unzip();
    sql("update opportunity_changes set account_id = rows.account_id from {rows}
         where opportunity_changes.tenant = $1 and opportunity_changes.opportunity_id = rows.opportunity_id")
    .bind(tenant)
    .rows(Rows::new().uuid("opportunity_id", opportunities).uuid("account_id", accounts))
    .execute(tx)
    .await?;
    Ok(())
}

/// The changes at accounts, with their ids, in no order.
///
/// # Errors
/// What the store says, or a row that is no change.
pub async fn at_accounts(
    conn: &mut impl Connection,
    tenant: &TenantId,
    accounts: &[Uuid],
) -> Result<Vec<(Uuid, OpportunityChange)>> {
    let rows: Vec<Row> = sql("select c.id, c.time, c.body from {rows}
         join opportunity_changes c on c.account_id = rows.account where c.tenant = $1")
    .bind(tenant)
    .rows(Rows::new().uuid("account", accounts.iter().copied()))
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(|row| Ok((row.id, decode(&row)?))).collect()
}

/// Takes a person out of the changes at accounts; says in how many they stood.
///
/// # Errors
/// What the store says, or a row that is no change.
pub async fn forget_in_tx(tx: &mut Tx, tenant: &TenantId, accounts: &[Uuid], person: &Person) -> Result<u64> {
    let (mut ids, mut bodies) = (Vec::new(), Vec::new());
    for (id, mut change) in at_accounts(tx, tenant, accounts).await? {
        if change.forget(person) {
            ids.push(id);
            bodies.push(change.encode_to_vec());
        }
    }
    sql("update opportunity_changes set body = rows.body from {rows}
         where opportunity_changes.tenant = $1 and opportunity_changes.id = rows.id")
    .bind(tenant)
    .rows(Rows::new().uuid("id", ids).bytes("body", bodies))
    .execute(tx)
    .await
}

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    time: i64,
    body: Vec<u8>,
}

/// The newest changes of a part of a timeline.
///
/// # Errors
/// What the store says, or a row that is no change.
pub async fn newest(
    conn: &mut impl Connection,
    tenant: &TenantId,
    span: Span,
) -> Result<Vec<Entry<OpportunityChange>>> {
    let rows: Vec<Row> = sql("select id, time, body from opportunity_changes
         where tenant = $1 and account_id = $2 and time >= $3 and time < $4 and (time, id) < ($5, $6)
         order by time desc, id desc limit $7")
    .bind(tenant)
    .bind(span.account)
    .bind(span.start)
    .bind(span.end)
    .bind(span.before.0)
    .bind(span.before.1)
    .bind(span.limit)
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(|row| Ok(Entry { time: row.time, id: row.id, record: decode(&row)? })).collect()
}

fn decode(row: &Row) -> Result<OpportunityChange> {
    OpportunityChange::decode(row.body.as_slice())
        .map_err(|error| Error::inconsistent("opportunity_changes", "body", row.id, error))
}
