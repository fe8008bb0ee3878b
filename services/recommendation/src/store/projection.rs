//! What this service keeps of other services' data, fed by their events.

use salient_core::{ContactId, Result, TenantId};
use salient_events::erasure;
use salient_ledger::sort_key;
use salient_proto::{profile::v1 as profile, scoring::v1 as scoring};
use salient_store::{Rows, Tx, sql};

use crate::{
    domain::{Evidence, Factor, evidence::Fact},
    grpc::convert::{account, time},
};

/// How many of a score's contributions are kept as reasons.
const FACTORS: usize = 5;

/// Writes contacts, whole.
///
/// Not of people who were erased: a change of theirs may come late from another shard.
pub async fn put_contacts_in_tx(
    tx: &mut Tx,
    tenant: &TenantId,
    mut contacts: Vec<profile::Contact>,
) -> Result<()> {
    let ids = contacts.iter().map(|from| ContactId::parse_name(&from.name).map(ContactId::uuid));
    let ids = ids.collect::<Result<Vec<_>>>()?;
    let erased = erasure::erased_in_tx(tx, tenant, ids.iter().copied()).await?;
    let mut left = ids.iter().map(|id| !erased.contains(id));
    contacts.retain(|_| left.next().unwrap_or(true));
    let mut ids = Vec::with_capacity(contacts.len());
    let mut accounts = Vec::with_capacity(contacts.len());
    for from in &contacts {
        ids.push(ContactId::parse_name(&from.name)?.uuid());
        accounts.push(account(&from.account)?.uuid());
    }
    sql("insert into contacts (tenant, contact, account, sort_key, display_name, has_phone, has_email)
         select $1, id, account, sort_key, display_name, has_phone, has_email from {rows} where true
         on conflict (tenant, contact) do update set account = excluded.account, sort_key = excluded.sort_key,
            display_name = excluded.display_name, has_phone = excluded.has_phone, has_email = excluded.has_email")
    .bind(tenant)
    .rows(
        Rows::new()
            .uuid("id", ids)
            .uuid("account", accounts)
            .text("sort_key", contacts.iter().map(|from| sort_key(from.source_key.as_ref())))
            .text("display_name", contacts.iter().map(|from| from.display_name.as_str()))
            .bool("has_phone", contacts.iter().map(|from| !from.phone.is_empty()))
            .bool("has_email", contacts.iter().map(|from| !from.email.is_empty())),
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// Writes the newest score of accounts, as the evidence it will be.
pub async fn put_scores_in_tx(tx: &mut Tx, tenant: &TenantId, scores: Vec<scoring::Score>) -> Result<()> {
    let mut accounts = Vec::with_capacity(scores.len());
    let mut times = Vec::with_capacity(scores.len());
    let mut bodies = Vec::with_capacity(scores.len());
    for score in scores {
        accounts.push(account(&score.account)?.uuid());
        times.push(score.as_of.as_ref().and_then(time));
        let factors = score
            .contributions
            .into_iter()
            .take(FACTORS)
            .map(|part| Factor { feature: part.feature, value: part.value, log_odds: part.log_odds })
            .collect();
        let evidence = Evidence::new(Fact::AccountScore {
            probability: score.probability,
            base_rate: score.base_rate,
            model: score.model,
            factors,
        });
        bodies.push(serde_json::to_string(&evidence).map_err(salient_core::Error::internal)?);
    }
    sql("insert into scores (tenant, account, as_of, body)
         select $1, account, as_of, body from {rows} where true
         on conflict (tenant, account) do update set as_of = excluded.as_of, body = excluded.body")
    .bind(tenant)
    .rows(Rows::new().uuid("account", accounts).int("as_of", times).text("body", bodies))
    .execute(tx)
    .await?;
    Ok(())
}
