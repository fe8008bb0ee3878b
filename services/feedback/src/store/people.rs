//! Recommendations that name a person, and what sellers wrote about them.

use salient_core::{AccountId, ContactId, TenantId};
use salient_store::{Connection, Result, Rows, Tx, sql};
use uuid::Uuid;

use super::reactions::Row;
use crate::domain::Reaction;

/// Forgets that recommendations named a contact; says which. Comments on one of the account that
/// named nobody may speak of the person as well, and nobody can tell without the name.
pub async fn forget_contact_in_tx(
    tx: &mut Tx,
    tenant: &TenantId,
    contact: ContactId,
    account: Option<AccountId>,
) -> Result<Vec<Uuid>> {
    let rows: Vec<(Uuid,)> = sql(
        "update recommendations set contact = null
         where tenant = $1 and (contact = $2 or (account = $3 and contact is null)) returning recommendation",
    )
    .bind(tenant)
    .bind(contact)
    .bind(account)
    .fetch_all(tx)
    .await?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
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

/// Reactions to recommendations that name a contact, oldest first.
pub async fn reactions(
    conn: &mut impl Connection,
    tenant: &TenantId,
    contact: ContactId,
) -> Result<Vec<Reaction>> {
    let rows: Vec<Row> = sql(
        "select reaction, recommendation, seller, account, product, action, reason, comment, react_time, scope,
            until_time, effect
         from reactions where tenant = $1 and recommendation in (
            select recommendation from recommendations where tenant = $1 and contact = $2)
         order by react_time, reaction",
    )
    .bind(tenant)
    .bind(contact)
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(Reaction::try_from).collect()
}
