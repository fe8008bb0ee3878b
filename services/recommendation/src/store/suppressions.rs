//! What reactions keep off the lists.

use chrono::{DateTime, Utc};
use salient_core::{AccountId, ProductId, ReactionId, SellerId, TenantId, from_micros};
use salient_store::{Connection, Error, Result, Tx, sql};
use uuid::Uuid;

use crate::domain::{Scope, Suppression};

/// Keeps one; a repeated event changes nothing.
pub async fn put_in_tx(
    tx: &mut Tx,
    tenant: &TenantId,
    reaction: ReactionId,
    seller: &SellerId,
    suppression: &Suppression,
    react_time: DateTime<Utc>,
) -> Result<()> {
    let (scope, account, product) = match &suppression.scope {
        Scope::AccountProduct(account, product) => ("account_product", Some(*account), Some(product)),
        Scope::Account(account) => ("account", Some(*account), None),
        Scope::Product(product) => ("product", None, Some(product)),
    };
    sql("insert into suppressions (tenant, reaction, seller, scope, account, product, until_time, react_time, effect)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9) on conflict (tenant, reaction) do nothing")
    .bind(tenant)
    .bind(reaction.uuid())
    .bind(seller.as_str())
    .bind(scope)
    .bind(account.map(AccountId::uuid))
    .bind(product.map(|product| product.as_str().to_owned()))
    .bind(suppression.until)
    .bind(react_time)
    .bind(suppression.effect.as_str())
    .execute(tx)
    .await?;
    Ok(())
}

type Row = (Uuid, String, String, Option<Uuid>, Option<String>, Option<i64>, i64, String);

/// One that holds, with who caused it and when.
#[derive(Debug)]
pub struct Holding {
    /// What rests.
    pub suppression: Suppression,
    /// Whose reaction it was.
    pub seller: SellerId,
    /// When.
    pub react_time: DateTime<Utc>,
}

/// Those that hold at `now`, oldest first.
pub async fn holding(
    conn: &mut impl Connection,
    tenant: &TenantId,
    now: DateTime<Utc>,
) -> Result<Vec<Holding>> {
    let rows: Vec<Row> = sql(
        "select reaction, seller, scope, account, product, until_time, react_time, effect from suppressions
         where tenant = $1 and (until_time is null or until_time > $2) and react_time <= $2
         order by react_time, reaction",
    )
    .bind(tenant)
    .bind(now)
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(holding_of).collect()
}

fn holding_of(
    (reaction, seller, scope, account, product, until, react_time, effect): Row,
) -> Result<Holding> {
    let broken =
        |column: &'static str, detail: &str| Error::inconsistent("suppressions", column, reaction, detail);
    let account = || account.map(AccountId::from_uuid).ok_or_else(|| broken("account", "is missing"));
    let product = || {
        let text = product.as_deref().ok_or_else(|| broken("product", "is missing"))?;
        ProductId::try_new(text).map_err(|error| broken("product", error.message()))
    };
    let scope = match scope.as_str() {
        "account_product" => Scope::AccountProduct(account()?, product()?),
        "account" => Scope::Account(account()?),
        "product" => Scope::Product(product()?),
        other => return Err(broken("scope", other)),
    };
    Ok(Holding {
        suppression: Suppression { scope, until: until.map(from_micros), effect },
        seller: SellerId::try_new(&seller).map_err(|error| broken("seller", error.message()))?,
        react_time: from_micros(react_time),
    })
}
