//! What this service keeps of other services' data, fed by their events.

use prost::Message as _;
use salient_core::{Result, TenantId};
use salient_proto::{profile::v1 as profile, scoring::v1 as scoring};
use salient_store::{Rows, Tx, sql};
use uuid::Uuid;

use crate::{
    domain::{Evidence, Factor, evidence::Fact},
    grpc::convert::{account, time},
};

/// How many of a score's contributions are kept as reasons.
const FACTORS: usize = 5;

/// Text by which rows of one kind are ordered, the same in every deployment.
fn sort_key(key: Option<&salient_proto::common::v1::SourceKey>) -> String {
    key.map(|key| format!("{}/{}", key.source, key.id)).unwrap_or_default()
}

/// Writes accounts, whole.
pub async fn put_accounts_in_tx(tx: &mut Tx, tenant: &TenantId, accounts: &[profile::Account]) -> Result<()> {
    let ids: Vec<Uuid> =
        accounts.iter().map(|from| account(&from.name).map(|id| id.uuid())).collect::<Result<_>>()?;
    sql("insert into accounts (tenant, account, sort_key, display_name, territory)
         select $1, id, sort_key, display_name, territory from {rows} where true
         on conflict (tenant, account) do update set sort_key = excluded.sort_key,
            display_name = excluded.display_name, territory = excluded.territory")
    .bind(tenant)
    .rows(
        Rows::new()
            .uuid("id", ids)
            .text("sort_key", accounts.iter().map(|from| sort_key(from.source_key.as_ref())))
            .text("display_name", accounts.iter().map(|from| from.display_name.as_str()))
            .text("territory", accounts.iter().map(|from| from.territory.as_str())),
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// Writes contacts, whole.
pub async fn put_contacts_in_tx(tx: &mut Tx, tenant: &TenantId, contacts: &[profile::Contact]) -> Result<()> {
    let mut ids = Vec::with_capacity(contacts.len());
    let mut accounts = Vec::with_capacity(contacts.len());
    for from in contacts {
        ids.push(salient_core::ContactId::parse_name(&from.name)?.uuid());
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

/// Writes orders, whole; the lines stay one value.
pub async fn put_orders_in_tx(tx: &mut Tx, tenant: &TenantId, orders: Vec<profile::Order>) -> Result<()> {
    let mut ids = Vec::with_capacity(orders.len());
    let mut accounts = Vec::with_capacity(orders.len());
    let mut times = Vec::with_capacity(orders.len());
    let mut keys = Vec::with_capacity(orders.len());
    let mut returns = Vec::with_capacity(orders.len());
    let mut currencies = Vec::with_capacity(orders.len());
    let mut lines = Vec::with_capacity(orders.len());
    for from in orders {
        ids.push(salient_core::OrderId::parse_name(&from.name)?.uuid());
        accounts.push(account(&from.account)?.uuid());
        times.push(from.order_time.as_ref().and_then(time));
        keys.push(sort_key(from.source_key.as_ref()));
        returns.push(from.kind() == profile::order::Kind::Return);
        currencies.push(from.currency_code);
        lines.push(profile::Order { lines: from.lines, ..Default::default() }.encode_to_vec());
    }
    sql("insert into orders (tenant, order_id, account, order_time, sort_key, is_return, currency, lines)
         select $1, id, account, order_time, sort_key, is_return, currency, lines from {rows} where true
         on conflict (tenant, order_id) do update set account = excluded.account,
            order_time = excluded.order_time, sort_key = excluded.sort_key, is_return = excluded.is_return,
            currency = excluded.currency, lines = excluded.lines")
    .bind(tenant)
    .rows(
        Rows::new()
            .uuid("id", ids)
            .uuid("account", accounts)
            .int("order_time", times)
            .text("sort_key", keys)
            .bool("is_return", returns)
            .text("currency", currencies)
            .bytes("lines", lines),
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
