//! Plans, and the pools of drafts they are chosen from.

use chrono::{DateTime, NaiveDate, Utc};
use salient_core::{AccountId, PolicyId, ProductId, SellerId, TenantId, from_micros};
use salient_events::erasure;
use salient_store::{Connection, Engine, Error, Result, Rows, Tx, sql};
use uuid::Uuid;

use crate::domain::Draft;

/// The drafts of a seller's day.
#[derive(Clone, Debug)]
pub struct Pool {
    /// Whose.
    pub seller: SellerId,
    /// The policy that ranked them.
    pub policy: PolicyId,
    /// How the list is ordered.
    pub value_exponent: f64,
    /// Accounts in the seller's book.
    pub book_size: u32,
    /// The drafts, best first within an account.
    pub drafts: Vec<Draft>,
}

/// What is kept of a plan beside its recommendations.
#[derive(Clone, Debug)]
pub struct Head {
    /// The policy that ranked it.
    pub policy: PolicyId,
    /// Accounts in the book.
    pub book_size: u32,
    /// Accounts with an eligible draft.
    pub eligible_accounts: u32,
    /// When it was made.
    pub plan_time: DateTime<Utc>,
    /// Whether something changed since.
    pub stale: bool,
}

/// Waits until no list of the tenant is being chosen, and has whoever wants to choose one wait until
/// the transaction ends. What is written then is either seen by a choice or finds its list there, to be
/// marked as overtaken.
///
/// # Errors
/// The store does not answer.
pub async fn hold_in_tx(tx: &mut Tx, tenant: &TenantId) -> salient_core::Result<()> {
    let shared = "select pg_advisory_xact_lock_shared(hashtextextended('recommendation.lists.' || $1, 0))";
    lock_in_tx(tx, tenant, shared).await
}

/// Takes the tenant's turn to choose lists, until the transaction ends: nobody else chooses one, so that
/// nothing is issued twice, and nobody changes what a choice looks at (see [`hold_in_tx`]) or is erased.
///
/// # Errors
/// The store does not answer.
pub async fn take_turn_in_tx(tx: &mut Tx, tenant: &TenantId) -> salient_core::Result<()> {
    let alone = "select pg_advisory_xact_lock(hashtextextended('recommendation.lists.' || $1, 0))";
    lock_in_tx(tx, tenant, alone).await
}

/// SQLite has one writer, who is alone anyway.
async fn lock_in_tx(tx: &mut Tx, tenant: &TenantId, text: &'static str) -> salient_core::Result<()> {
    // always the lock of erasures first: in one order nobody waits for each other
    erasure::hold_in_tx(tx, tenant).await?;
    if tx.engine() == Engine::Postgres {
        sql(text).bind(tenant).execute(tx).await?;
    }
    Ok(())
}

/// Writes the pools of a day, whole.
pub async fn put_pools_in_tx(
    tx: &mut Tx,
    tenant: &TenantId,
    day: NaiveDate,
    pools: &mut [Pool],
) -> salient_core::Result<()> {
    for pool in pools.iter_mut() {
        super::people::without_erased_in_tx(tx, tenant, &mut pool.drafts).await?;
    }
    let drafts = pools
        .iter()
        .map(|pool| serde_json::to_string(&pool.drafts).map_err(salient_core::Error::internal))
        .collect::<salient_core::Result<Vec<_>>>()?;
    sql("insert into pools (tenant, seller, day, policy, value_exponent, book_size, drafts)
         select $1, seller, $2, policy, exponent, size, drafts from {rows} where true
         on conflict (tenant, seller, day) do update set policy = excluded.policy,
            value_exponent = excluded.value_exponent, book_size = excluded.book_size, drafts = excluded.drafts")
    .bind(tenant)
    .bind(day.to_string())
    .rows(
        Rows::new()
            .text("seller", pools.iter().map(|pool| pool.seller.as_str()))
            .uuid("policy", pools.iter().map(|pool| pool.policy.uuid()))
            .float("exponent", pools.iter().map(|pool| pool.value_exponent))
            .int("size", pools.iter().map(|pool| i64::from(pool.book_size)))
            .text("drafts", drafts.iter().map(String::as_str)),
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// A seller's pool of a day.
pub async fn pool(
    conn: &mut impl Connection,
    tenant: &TenantId,
    seller: &SellerId,
    day: NaiveDate,
) -> Result<Option<Pool>> {
    let row: Option<(Uuid, f64, i64, String)> = sql(
        "select policy, value_exponent, book_size, drafts from pools where tenant = $1 and seller = $2 and day = $3",
    )
    .bind(tenant)
    .bind(seller.as_str())
    .bind(day.to_string())
    .fetch_optional(conn)
    .await?;
    let Some((policy, value_exponent, book_size, drafts)) = row else { return Ok(None) };
    let broken = |column, detail: String| Error::inconsistent("pools", column, seller, detail);
    Ok(Some(Pool {
        seller: seller.clone(),
        policy: PolicyId::from_uuid(policy),
        value_exponent,
        book_size: u32::try_from(book_size).map_err(|error| broken("book_size", error.to_string()))?,
        drafts: serde_json::from_str(&drafts).map_err(|error| broken("drafts", error.to_string()))?,
    }))
}

/// The head of a plan.
pub async fn head(
    conn: &mut impl Connection,
    tenant: &TenantId,
    seller: &SellerId,
    day: NaiveDate,
) -> Result<Option<Head>> {
    let row: Option<(Uuid, i64, i64, i64, bool)> =
        sql("select policy, book_size, eligible_accounts, plan_time, stale from plans
         where tenant = $1 and seller = $2 and day = $3")
        .bind(tenant)
        .bind(seller.as_str())
        .bind(day.to_string())
        .fetch_optional(conn)
        .await?;
    let Some((policy, book_size, eligible, plan_time, stale)) = row else { return Ok(None) };
    let broken = |column, error: std::num::TryFromIntError| {
        Error::inconsistent("plans", column, seller, error.to_string())
    };
    Ok(Some(Head {
        policy: PolicyId::from_uuid(policy),
        book_size: u32::try_from(book_size).map_err(|error| broken("book_size", error))?,
        eligible_accounts: u32::try_from(eligible).map_err(|error| broken("eligible_accounts", error))?,
        plan_time: from_micros(plan_time),
        stale,
    }))
}

/// Writes the head of a plan, whole.
pub async fn put_head_in_tx(
    tx: &mut Tx,
    tenant: &TenantId,
    seller: &SellerId,
    day: NaiveDate,
    head: &Head,
) -> Result<()> {
    sql("insert into plans (tenant, seller, day, policy, book_size, eligible_accounts, plan_time, stale)
         values ($1, $2, $3, $4, $5, $6, $7, $8)
         on conflict (tenant, seller, day) do update set policy = excluded.policy, book_size = excluded.book_size,
            eligible_accounts = excluded.eligible_accounts, plan_time = excluded.plan_time, stale = excluded.stale")
    .bind(tenant)
    .bind(seller.as_str())
    .bind(day.to_string())
    .bind(head.policy.uuid())
    .bind(i64::from(head.book_size))
    .bind(i64::from(head.eligible_accounts))
    .bind(head.plan_time)
    .bind(head.stale)
    .execute(tx)
    .await?;
    Ok(())
}

/// Marks the plans of a day as overtaken: all of them.
pub async fn mark_all_stale_in_tx(
    tx: &mut Tx,
    tenant: &TenantId,
    day: NaiveDate,
) -> salient_core::Result<()> {
    hold_in_tx(tx, tenant).await?;
    sql("update plans set stale = true where tenant = $1 and day = $2 and not stale")
        .bind(tenant)
        .bind(day.to_string())
        .execute(tx)
        .await?;
    Ok(())
}

/// Marks the plans of a day as overtaken on which one of these accounts stands.
pub async fn mark_stale_in_tx(
    tx: &mut Tx,
    tenant: &TenantId,
    day: NaiveDate,
    accounts: &[AccountId],
) -> salient_core::Result<()> {
    if accounts.is_empty() {
        return Ok(());
    }
    hold_in_tx(tx, tenant).await?;
    sql("update plans set stale = true where tenant = $1 and day = $2 and not stale and seller in (
            select p.seller from {rows} join recommendations r on r.account = rows.account
               join plan_items p on p.tenant = r.tenant and p.recommendation = r.recommendation
            where r.tenant = $1 and p.day = $2)")
    .bind(tenant)
    .bind(day.to_string())
    .rows(Rows::new().uuid("account", accounts.iter().map(|account| account.uuid())))
    .execute(tx)
    .await?;
    Ok(())
}

/// Products that these accounts bought at or after `from` and not after `now`.
pub async fn bought_since(
    conn: &mut impl Connection,
    tenant: &TenantId,
    accounts: impl Iterator<Item = AccountId>,
    from: DateTime<Utc>,
    now: DateTime<Utc>,
) -> salient_core::Result<Vec<(AccountId, ProductId)>> {
    use prost::Message as _;
    let rows: Vec<(Uuid, Vec<u8>)> =
        sql("select o.account, o.lines from orders o join {rows} on rows.account = o.account
         where o.tenant = $1 and o.order_time >= $2 and o.order_time <= $3 and not o.is_return")
        .bind(tenant)
        .bind(from)
        .bind(now)
        .rows(Rows::new().uuid("account", accounts.map(AccountId::uuid)))
        .fetch_all(conn)
        .await?;
    let mut pairs = Vec::new();
    for (account, lines) in rows {
        let order = salient_proto::profile::v1::Order::decode(lines.as_slice())
            .map_err(|error| Error::inconsistent("orders", "lines", account, error.to_string()))?;
        for line in order.lines {
            pairs.push((AccountId::from_uuid(account), ProductId::parse_name(&line.product)?));
        }
    }
    Ok(pairs)
}
