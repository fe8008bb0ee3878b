//! What this service keeps of other services' data, fed by their events.

use chrono::TimeDelta;
use prost::Message as _;
use salient_core::{
    AccountId, ContactId, OpportunityId, OrderId, ProductId, RecommendationId, Result, SellerId, TenantId,
};
use salient_events::erasure;
use salient_proto::{profile::v1 as profile, recommendation::v1 as recommendation};
use salient_store::{Rows, Tx, sql};

use crate::{domain::WINDOW_DAYS, grpc::convert::time};

/// Writes recommendations that were issued; one issued again keeps its token and its window.
pub async fn put_recommendations_in_tx(
    tx: &mut Tx,
    tenant: &TenantId,
    items: &[recommendation::Recommendation],
) -> Result<()> {
    let mut ids = Vec::with_capacity(items.len());
    let mut sellers = Vec::with_capacity(items.len());
    let mut accounts = Vec::with_capacity(items.len());
    let mut products = Vec::with_capacity(items.len());
    let mut contacts = Vec::with_capacity(items.len());
    let mut issued = Vec::with_capacity(items.len());
    let mut ends = Vec::with_capacity(items.len());
    for item in items {
        ids.push(RecommendationId::parse_name(&item.name)?.uuid());
        sellers.push(SellerId::parse_field("seller", &item.seller)?.as_str().to_owned());
        accounts.push(AccountId::parse_field("account", &item.account)?.uuid());
        products.push(ProductId::parse_field("product", &item.product)?.as_str().to_owned());
        contacts.push(match item.contact.as_str() {
            "" => None,
            name => Some(ContactId::parse_field("contact", name)?.uuid()),
        });
        let at = item.issue_time.as_ref().and_then(time);
        issued.push(at);
        ends.push(at.map(|at| at + TimeDelta::days(WINDOW_DAYS)));
    }
    let erased = erasure::erased_in_tx(tx, tenant, contacts.iter().flatten().copied()).await?;
    let contacts = contacts.into_iter().map(|contact| contact.filter(|id| !erased.contains(id)));
    sql("insert into recommendations (tenant, recommendation, seller, account, account_name, product,
            product_name, attribution_token, issue_time, window_end, closed, final, contact)
         select $1, id, seller, account, account_name, product, product_name, token, issue_time, window_end,
            false, false, contact
         from {rows} where true
         on conflict (tenant, recommendation) do update set seller = excluded.seller,
            contact = coalesce(recommendations.contact, excluded.contact)")
    .bind(tenant)
    .rows(
        Rows::new()
            .uuid("id", ids)
            .text("seller", sellers)
            .uuid("contact", contacts)
            .uuid("account", accounts)
            .text("product", products)
            .text("account_name", items.iter().map(|item| item.account_display_name.as_str()))
            .text("product_name", items.iter().map(|item| item.product_display_name.as_str()))
            .text("token", items.iter().map(|item| item.attribution_token.as_str()))
            .int("issue_time", issued)
            .int("window_end", ends),
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// Writes orders, whole; returns are not outcomes, nor is an order that turned out to be one.
pub async fn put_orders_in_tx(tx: &mut Tx, tenant: &TenantId, orders: Vec<profile::Order>) -> Result<()> {
    let mut returns = Vec::new();
    let mut ids = Vec::with_capacity(orders.len());
    let mut accounts = Vec::with_capacity(orders.len());
    let mut times = Vec::with_capacity(orders.len());
    let mut tokens = Vec::with_capacity(orders.len());
    let mut currencies = Vec::with_capacity(orders.len());
    let mut lines = Vec::with_capacity(orders.len());
    for from in orders {
        let id = OrderId::parse_name(&from.name)?.uuid();
        if from.kind() == profile::order::Kind::Return {
            returns.push(id);
            continue;
        }
        ids.push(id);
        accounts.push(AccountId::parse_field("account", &from.account)?.uuid());
        times.push(from.order_time.as_ref().and_then(time));
        tokens.push(from.attribution_token);
        currencies.push(from.currency_code);
        lines.push(profile::Order { lines: from.lines, ..Default::default() }.encode_to_vec());
    }
    if !returns.is_empty() {
        sql("delete from orders where tenant = $1 and order_id in (select id from {rows})")
            .bind(tenant)
            .rows(Rows::new().uuid("id", returns))
            .execute(tx)
            .await?;
    }
    sql("insert into orders (tenant, order_id, account, order_time, attribution_token, currency, lines)
         select $1, id, account, order_time, token, currency, lines from {rows} where true
         on conflict (tenant, order_id) do update set account = excluded.account,
            order_time = excluded.order_time, attribution_token = excluded.attribution_token,
            currency = excluded.currency, lines = excluded.lines")
    .bind(tenant)
    .rows(
        Rows::new()
            .uuid("id", ids)
            .uuid("account", accounts)
            .int("order_time", times)
            .text("token", tokens)
            .text("currency", currencies)
            .bytes("lines", lines),
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// Writes opportunities, whole.
pub async fn put_opportunities_in_tx(
    tx: &mut Tx,
    tenant: &TenantId,
    opportunities: &[profile::Opportunity],
) -> Result<()> {
    let mut ids = Vec::with_capacity(opportunities.len());
    let mut accounts = Vec::with_capacity(opportunities.len());
    for from in opportunities {
        ids.push(OpportunityId::parse_name(&from.name)?.uuid());
        accounts.push(AccountId::parse_field("account", &from.account)?.uuid());
    }
    let product = |from: &profile::Opportunity| from.product.trim_start_matches("products/").to_owned();
    sql("insert into opportunities (tenant, opportunity, account, product, state, amount_minor, currency, open_time,
            close_time, attribution_token)
         select $1, id, account, product, state, amount, currency, open_time, close_time, token from {rows} where true
         on conflict (tenant, opportunity) do update set account = excluded.account, product = excluded.product,
            state = excluded.state, amount_minor = excluded.amount_minor, currency = excluded.currency,
            open_time = excluded.open_time, close_time = excluded.close_time,
            attribution_token = excluded.attribution_token")
    .bind(tenant)
    .rows(
        Rows::new()
            .uuid("id", ids)
            .uuid("account", accounts)
            .text("product", opportunities.iter().map(product))
            .int("state", opportunities.iter().map(|from| i64::from(from.state)))
            .int("amount", opportunities.iter().map(|from| from.amount.as_ref().map(|amount| amount.minor_units)))
            .text("currency", opportunities.iter().map(|from| from.amount.as_ref().map(|amount| amount.currency_code.as_str())))
            .int("open_time", opportunities.iter().map(|from| from.open_time.as_ref().and_then(time)))
            .int("close_time", opportunities.iter().map(|from| from.close_time.as_ref().and_then(time)))
            .text("token", opportunities.iter().map(|from| from.attribution_token.as_str())),
    )
    .execute(tx)
    .await?;
    Ok(())
}
