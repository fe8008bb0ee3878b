//! The ledger, and what else the planner knows of accounts.

use std::collections::HashMap;

use salient_core::{AccountId, ContactId, Result, TenantId};
use salient_store::{Connection, Error, sql};
use uuid::Uuid;

use crate::{
    domain::{Contact, Evidence},
    planner::Book,
};

/// Loads everything the planner looks at.
///
/// # Errors
/// The store does not answer, or a row is damaged.
pub async fn load(conn: &mut impl Connection, tenant: &TenantId) -> Result<Book> {
    let ledger = salient_ledger::load(conn, tenant).await?;
    let numbers: HashMap<AccountId, usize> =
        ledger.accounts.iter().enumerate().map(|(number, account)| (account.id, number)).collect();
    let mut contacts = vec![None; ledger.accounts.len()];
    let mut rows: Vec<(String, Uuid, Uuid, String, bool, bool)> = sql(
        "select c.sort_key, c.contact, c.account, c.display_name, c.has_phone, c.has_email from contacts c
         where c.tenant = $1 and not exists (
             select 1 from contact_roots r where r.tenant = $1 and r.contact = c.contact)",
    )
    .bind(tenant)
    .fetch_all(conn)
    .await?;
    // the first by key is the one to speak to; the same in every deployment
    rows.sort_unstable();
    for (_, id, account, name, has_phone, has_email) in rows {
        if let Some(&number) = numbers.get(&ledger.roots.of(AccountId::from_uuid(account))) {
            let contact = Contact { id: ContactId::from_uuid(id), name, has_phone, has_email };
            contacts[number].get_or_insert(contact);
        }
    }
    let mut scores = vec![None; ledger.accounts.len()];
    let rows: Vec<(Uuid, String)> =
        sql("select account, body from scores where tenant = $1").bind(tenant).fetch_all(conn).await?;
    for (account, body) in rows {
        if let Some(&number) = numbers.get(&AccountId::from_uuid(account)) {
            let evidence: Evidence = serde_json::from_str(&body)
                .map_err(|error| Error::inconsistent("scores", "body", account, error.to_string()))?;
            scores[number] = Some(evidence);
        }
    }
    Ok(Book { ledger, contacts, scores })
}
