//! The order history of a tenant as columns.

use std::collections::HashMap;

use prost::Message as _;
use salient_core::{AccountId, Currency, Result, TenantId};
use salient_learn::history::{History, Line, OrderRow};
use salient_proto::profile::v1 as profile;
use salient_store::{Connection, sql};
use uuid::Uuid;

use crate::{domain::{Contact, Evidence}, planner::Book};

/// An account as the planner knows it.
#[derive(Clone, Debug)]
pub struct Account {
    /// Its id.
    pub id: AccountId,
    /// Its name.
    pub name: String,
    /// Its territory.
    pub territory: String,
    /// Whom to speak to.
    pub contact: Option<Contact>,
    /// What the account model says.
    pub score: Option<Evidence>,
}

/// Loads everything the planner looks at.
///
/// Accounts, products and orders are numbered by their keys in the source systems, so that two
/// deployments with the same data rank alike.
pub async fn load(conn: &mut impl Connection, tenant: &TenantId) -> Result<Book> {
    let (accounts, numbers) = accounts(conn, tenant).await?;
    let mut raw: Vec<(u32, i64, String, bool, Vec<u8>)> = Vec::new();
    let mut currencies: HashMap<String, usize> = HashMap::new();
    sql("select account, order_time, sort_key, is_return, currency, lines from orders where tenant = $1")
        .bind(tenant)
        .for_each(conn, |(account, time, key, is_return, currency, lines): (Uuid, i64, String, bool, String, Vec<u8>)| {
            *currencies.entry(currency).or_default() += 1;
            // an order whose account is still on its way is not known yet
            if let Some(&number) = numbers.get(&account) {
                raw.push((number, time, key, is_return, lines));
            }
        })
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
    Ok(Book { accounts, products, history, currency })
}

async fn accounts(conn: &mut impl Connection, tenant: &TenantId) -> Result<(Vec<Account>, HashMap<Uuid, u32>)> {
    let rows: Vec<(Uuid, String, String)> =
        sql("select account, display_name, territory from accounts where tenant = $1 order by sort_key, account")
            .bind(tenant)
            .fetch_all(conn)
            .await?;
    let mut numbers = HashMap::with_capacity(rows.len());
    let mut accounts: Vec<Account> = Vec::with_capacity(rows.len());
    for (number, (id, name, territory)) in (0_u32..).zip(rows) {
        numbers.insert(id, number);
        accounts.push(Account { id: AccountId::from_uuid(id), name, territory, contact: None, score: None });
    }
    sql("select account, contact, display_name, has_phone, has_email from contacts where tenant = $1 order by sort_key desc")
        .bind(tenant)
        .for_each(conn, |(account, id, name, has_phone, has_email): (Uuid, Uuid, String, bool, bool)| {
            // the first by key stays: rows come last to first
            if let Some(&number) = numbers.get(&account) {
                accounts[number as usize].contact =
                    Some(Contact { id: salient_core::ContactId::from_uuid(id), name, has_phone, has_email });
            }
        })
        .await?;
    let scores: Vec<(Uuid, String)> = sql("select account, body from scores where tenant = $1")
        .bind(tenant)
        .fetch_all(conn)
        .await?;
    for (account, body) in scores {
        if let Some(&number) = numbers.get(&account) {
            let evidence = serde_json::from_str(&body).map_err(|error| {
                salient_store::Error::inconsistent("scores", "body", account, error.to_string())
            })?;
            accounts[number as usize].score = Some(evidence);
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
    let history = History::try_new(accounts, count, orders, returns).map_err(salient_core::Error::internal)?;
    Ok((products, history))
}
