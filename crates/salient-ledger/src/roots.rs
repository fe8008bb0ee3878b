//! Which accounts belong to which profile, as the profile service tells.
//!
//! Only accounts that were merged into another one have a row. A service keeps what it knows under
//! the account it heard of, and asks here when it looks at profiles.

use std::collections::HashMap;

use salient_core::{AccountId, Result, TenantId};
use salient_proto::profile::v1::ProfileRoot;
use salient_store::{Connection, Migration, Migrations, Rows, Tx, sql};
use uuid::Uuid;

const STEPS: &[Migration] = &[Migration::new(1, "start", include_str!("../migrations/roots_0001_start.sql"))];

/// The table of merged accounts.
#[must_use]
pub fn migrations() -> Migrations {
    Migrations::new("roots", STEPS)
}

/// The accounts that belong to another's profile, with the account that names it.
#[derive(Clone, Debug, Default)]
pub struct Roots(HashMap<AccountId, AccountId>);

impl Roots {
    /// Reads them.
    ///
    /// # Errors
    /// What the store says.
    pub async fn load(conn: &mut impl Connection, tenant: &TenantId) -> salient_store::Result<Self> {
        let rows: Vec<(Uuid, Uuid)> = sql("select account, root from account_roots where tenant = $1")
            .bind(tenant)
            .fetch_all(conn)
            .await?;
        let pair = |(account, root)| (AccountId::from_uuid(account), AccountId::from_uuid(root));
        Ok(Self(rows.into_iter().map(pair).collect()))
    }

    /// The account that names the profile of `account`.
    #[must_use]
    pub fn of(&self, account: AccountId) -> AccountId {
        self.0.get(&account).copied().unwrap_or(account)
    }

    /// Whether `account` belongs to the profile of another one.
    #[must_use]
    pub fn is_merged(&self, account: AccountId) -> bool {
        self.0.contains_key(&account)
    }

    /// The accounts whose profiles are `profiles`: these themselves, and those that belong to them.
    #[must_use]
    pub fn members(&self, profiles: impl IntoIterator<Item = AccountId>) -> Vec<AccountId> {
        let mut members: Vec<AccountId> = profiles.into_iter().collect();
        if !self.0.is_empty() {
            let wanted: std::collections::HashSet<AccountId> = members.iter().copied().collect();
            let merged = self.0.iter().filter(|(_, root)| wanted.contains(root));
            members.extend(merged.map(|(account, _)| *account));
        }
        members
    }
}

/// Keeps what was told; returns the accounts that it is about, those that named their profiles before
/// among them. Contacts are passed over.
///
/// # Errors
/// A name that is none, or what the store says.
pub async fn put_in_tx(tx: &mut Tx, tenant: &TenantId, told: &[ProfileRoot]) -> Result<Vec<AccountId>> {
    let mut accounts = Vec::new();
    let (mut merged, mut alone) = (Vec::new(), Vec::new());
    for entry in told.iter().filter(|entry| entry.record.starts_with(AccountId::COLLECTION)) {
        let account = AccountId::parse_field("record", &entry.record)?;
        let root = AccountId::parse_field("profile", &entry.profile)?;
        accounts.extend([account, root]);
        if account == root {
            alone.push(account.uuid());
        } else {
            merged.push((account.uuid(), root.uuid()));
        }
    }
    let before: Vec<(Uuid,)> =
        sql("select distinct a.root from {rows} join account_roots a on a.account = rows.account
         where a.tenant = $1")
        .bind(tenant)
        .rows(Rows::new().uuid("account", accounts.iter().map(|account| account.uuid())))
        .fetch_all(tx)
        .await?;
    accounts.extend(before.into_iter().map(|(root,)| AccountId::from_uuid(root)));
    sql("insert into account_roots (tenant, account, root) select $1, account, root from {rows} where true
         on conflict (tenant, account) do update set root = excluded.root")
    .bind(tenant)
    .rows(
        Rows::new()
            .uuid("account", merged.iter().map(|(account, _)| *account))
            .uuid("root", merged.iter().map(|(_, root)| *root)),
    )
    .execute(tx)
    .await?;
    sql("delete from account_roots where tenant = $1 and account in (select account from {rows})")
        .bind(tenant)
        .rows(Rows::new().uuid("account", alone))
        .execute(tx)
        .await?;
    Ok(accounts)
}
