//! Recommendations that name a person, and what sellers wrote about them.

use salient_core::{AccountId, ContactId, TenantId};
use salient_store::{Connection, Result, Rows, Tx, sql};
use uuid::Uuid;

use super::reactions::Row;
use crate::domain::Reaction;

/// Forgets that recommendations named one of `contacts`; says which, and which others were made to
/// their `accounts`: a comment on any of these may speak of the person, and without the name nobody
/// can tell.
pub async fn forget_contacts_in_tx(
    tx: &mut Tx,
    tenant: &TenantId,
    contacts: &[ContactId],
    accounts: &[AccountId],
) -> Result<Vec<Uuid>> {
    let mut named: Vec<(Uuid,)> = sql("update recommendations set contact = null
         where tenant = $1 and contact in (select id from {rows}) returning recommendation")
    .bind(tenant)
    .rows(Rows::new().uuid("id", contacts.iter().map(|contact| contact.uuid())))
    .fetch_all(tx)
    .await?;
    let around: Vec<(Uuid,)> = sql("select r.recommendation from {rows} join recommendations r
             on r.account = rows.id where r.tenant = $1")
    .bind(tenant)
    .rows(Rows::new().uuid("id", accounts.iter().map(|account| account.uuid())))
    .fetch_all(tx)
    .await?;
    named.extend(around);
    named.sort_unstable();
    named.dedup();
    Ok(named.into_iter().map(|(id,)| id).collect())
}

/// Empties the comments on recommendations; says how many there were.
pub async fn empty_comments_in_tx(tx: &mut Tx, tenant: &TenantId, recommendations: &[Uuid]) -> Result<u64> {
    sql("update reactions set comment = ''
         where tenant = $1 and comment <> '' and recommendation in (select id from {rows})")
    .bind(tenant)
    .rows(Rows::new().uuid("id", recommendations.iter().copied()))
    .execute(tx)
    .await
}

/// Reactions to recommendations that name one of these contacts, oldest first.
pub async fn reactions(
    conn: &mut impl Connection,
    tenant: &TenantId,
    contacts: &[ContactId],
) -> Result<Vec<Reaction>> {
    let rows: Vec<Row> = sql(
        "select reaction, recommendation, seller, account, product, action, reason, comment, react_time, scope,
            until_time, effect
         from reactions where tenant = $1 and recommendation in (
            select recommendation from recommendations
            where tenant = $1 and contact in (select id from {rows}))
         order by react_time, reaction",
    )
    .bind(tenant)
    .rows(Rows::new().uuid("id", contacts.iter().map(|contact| contact.uuid())))
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(Reaction::try_from).collect()
}
