//! The ledger: the projection of accounts and orders that scoring and recommendation both keep,
//! each in its own database, fed by the profile service's events.
//!
//! An order is one row with its lines in one value, because nothing queries single lines;
//! [`load`] turns all of a tenant into the columns that learning works on.

pub mod roots;
pub mod wire;

use std::collections::HashMap;

use prost::Message as _;
use salient_core::{AccountId, Currency, Result, TenantId};
use salient_learn::history::{History, Line, OrderRow};
use salient_proto::{common::v1::SourceKey, profile::v1 as profile};
use salient_store::{Connection, Migration, Migrations, Rows, Tx, sql};
use uuid::Uuid;

use crate::roots::Roots;

const STEPS: &[Migration] = &[
    Migration::new(1, "start", include_str!("../migrations/0001_start.sql")),
    Migration::new(2, "peers", include_str!("../migrations/0002_peers.sql")),
];

/// The ledger's tables, with those of [`roots`].
#[must_use]
pub fn migrations() -> Migrations {
    Migrations::new("ledger", STEPS).with(roots::migrations())
}

/// An account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Its id.
    pub id: AccountId,
    /// Its name.
    pub name: String,
    /// Its territory.
    pub territory: String,
    /// Its country, as the source writes it; empty where it is not known.
    pub country: String,
    /// Its industry, as the source writes it; empty where it is not known.
    pub industry: String,
}

/// Everything that learning looks at: accounts and products by number, and their orders.
#[derive(Debug)]
pub struct Ledger {
    /// By account number.
    pub accounts: Vec<Account>,
    /// Product codes by product number.
    pub products: Vec<String>,
    /// Orders and returns.
    pub history: History,
    /// The currency of most orders; amounts are in its minor units.
    pub currency: Currency,
    /// Which accounts belong to another's profile.
    pub roots: Roots,
}

/// Text by which rows of one kind are ordered, the same in every deployment.
#[must_use]
pub fn sort_key(key: Option<&SourceKey>) -> String {
    key.map(|key| format!("{}/{}", key.source, key.id)).unwrap_or_default()
}

/// Writes accounts, whole.
pub async fn put_accounts_in_tx(tx: &mut Tx, tenant: &TenantId, accounts: &[profile::Account]) -> Result<()> {
    let ids: Vec<Uuid> = accounts
        .iter()
        .map(|from| AccountId::parse_field("account", &from.name).map(AccountId::uuid))
        .collect::<Result<_>>()?;
    sql("insert into accounts (tenant, account, sort_key, display_name, territory, country, industry)
         select $1, id, sort_key, display_name, territory, country, industry from {rows} where true
         on conflict (tenant, account) do update set sort_key = excluded.sort_key,
            display_name = excluded.display_name, territory = excluded.territory,
            country = excluded.country, industry = excluded.industry")
    .bind(tenant)
    .rows(
        Rows::new()
            .uuid("id", ids)
            .text("sort_key", accounts.iter().map(|from| sort_key(from.source_key.as_ref())))
            .text("display_name", accounts.iter().map(|from| from.display_name.as_str()))
            .text("territory", accounts.iter().map(|from| from.territory.as_str()))
            .text("country", accounts.iter().map(|from| from.country.as_str()))
            .text("industry", accounts.iter().map(|from| from.industry.as_str())),
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
        accounts.push(AccountId::parse_field("account", &from.account)?.uuid());
        let at = from.order_time.as_ref();
        times.push(at.map(|at| at.seconds.saturating_mul(1_000_000) + i64::from(at.nanos / 1_000)));
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

/// Loads a tenant's ledger, by profile.
///
/// Accounts, products and orders are numbered by their keys in the source systems, so that two
/// deployments with the same data rank alike.
pub async fn load(conn: &mut impl Connection, tenant: &TenantId) -> Result<Ledger> {
    let roots = Roots::load(conn, tenant).await?;
    let (accounts, numbers) = accounts(conn, tenant, &roots).await?;
    let mut raw: Vec<(u32, i64, String, bool, Vec<u8>)> = Vec::new();
    let mut currencies: HashMap<String, usize> = HashMap::new();
    sql("select account, order_time, sort_key, is_return, currency, lines from orders where tenant = $1")
        .bind(tenant)
        .for_each(
            conn,
            |(account, time, key, is_return, currency, lines): (Uuid, i64, String, bool, String, Vec<u8>)| {
                *currencies.entry(currency).or_default() += 1;
                // an order whose account is still on its way is not known yet
                if let Some(&number) = numbers.get(&account) {
                    raw.push((number, time, key, is_return, lines));
                }
            },
        )
        .await?;
    raw.sort_unstable_by(|a, b| (a.1, &a.2).cmp(&(b.1, &b.2)));
    let currency = currencies
        .into_iter()
        .max_by(|a, b| a.1.cmp(&b.1).then_with(|| b.0.cmp(&a.0)))
        .map_or_else(|| Currency::try_from("XXX"), |(code, _)| Currency::try_from(code))?;
    let count = u32::try_from(accounts.len()).map_err(salient_core::Error::internal)?;
    let (products, history) = tokio::task::spawn_blocking(move || columns(count, raw))
        .await
        .map_err(salient_core::Error::internal)??;
    Ok(Ledger { accounts, products, history, currency, roots })
}

async fn accounts(
    conn: &mut impl Connection,
    tenant: &TenantId,
    roots: &Roots,
) -> Result<(Vec<Account>, HashMap<Uuid, u32>)> {
    let mut rows: Vec<(String, Uuid, String, String, String, String)> =
        sql("select sort_key, account, display_name, territory, country, industry from accounts
         where tenant = $1")
        .bind(tenant)
        .fetch_all(conn)
        .await?;
    // sorted here, because databases disagree about the order of texts
    rows.sort_unstable();
    let mut numbers = HashMap::with_capacity(rows.len());
    let mut accounts = Vec::with_capacity(rows.len());
    let (merged, profiles): (Vec<_>, Vec<_>) =
        rows.into_iter().partition(|(_, id, ..)| roots.is_merged(AccountId::from_uuid(*id)));
    for (number, (_, id, name, territory, country, industry)) in (0_u32..).zip(profiles) {
        numbers.insert(id, number);
        accounts.push(Account { id: AccountId::from_uuid(id), name, territory, country, industry });
    }
    // what is known of a merged account is known of its profile
    for (_, id, ..) in merged {
        if let Some(&number) = numbers.get(&roots.of(AccountId::from_uuid(id)).uuid()) {
            numbers.insert(id, number);
        }
    }
    Ok((accounts, numbers))
}

/// Product names in order of their codes, and the columns.
fn columns(accounts: u32, raw: Vec<(u32, i64, String, bool, Vec<u8>)>) -> Result<(Vec<String>, History)> {
    let mut codes: HashMap<String, u32> = HashMap::new();
    let mut orders = Vec::with_capacity(raw.len());
    let mut returns = Vec::new();
    for (place, (account, time, _, is_return, lines)) in raw.into_iter().enumerate() {
        let order = profile::Order::decode(lines.as_slice()).map_err(|error| {
            salient_store::Error::inconsistent("orders", "lines", place, error.to_string())
        })?;
        let lines = order
            .lines
            .into_iter()
            .map(|line| {
                let next = u32::try_from(codes.len()).unwrap_or(u32::MAX);
                let code = line.product.strip_prefix("products/").unwrap_or(&line.product);
                let product = match codes.get(code) {
                    Some(&number) => number,
                    None => *codes.entry(code.to_owned()).or_insert(next),
                };
                Line { product, quantity: line.quantity as f64, amount: line.amount_minor_units }
            })
            .collect();
        let row = (place as u64, OrderRow { time, account, lines });
        if is_return { returns.push(row) } else { orders.push(row) }
    }
    // first seen first is an order of arrival; by code it is the same everywhere
    let mut sorted: Vec<(String, u32)> = codes.into_iter().collect();
    sorted.sort_unstable();
    let mut renumbered = vec![0_u32; sorted.len()];
    for (new, (_, old)) in (0_u32..).zip(&sorted) {
        renumbered[*old as usize] = new;
    }
    for (_, row) in orders.iter_mut().chain(&mut returns) {
        for line in &mut row.lines {
            line.product = renumbered[line.product as usize];
        }
    }
    let products: Vec<String> = sorted.into_iter().map(|(code, _)| code).collect();
    let count = u32::try_from(products.len()).map_err(salient_core::Error::internal)?;
    let history =
        History::try_new(accounts, count, orders, returns).map_err(salient_core::Error::internal)?;
    Ok((products, history))
}
