//! Accounts whose records changed: new facts, and what follows from them.

use std::collections::{BTreeMap, BTreeSet};

use salient_core::{Error, Result, TenantId};
use salient_proto::profile::v1::Account;
use uuid::Uuid;

use super::{apply, definitions};
use crate::{
    domain::{
        facts::day_of,
        membership::{Known, look},
    },
    profile::Profile,
    store::{
        dirty,
        facts::{self, Write},
        identity, members, segments,
    },
};

/// Entries of the queue that are taken at once.
const ENTRIES: i64 = 2_000;
/// As many entries at once are no single events any more.
const POURING: usize = 100;

/// What was done.
pub(super) struct Refreshed {
    /// Entries of the queue that were worked on.
    pub(super) entries: usize,
    /// Whether so many waited as when records pour in.
    pub(super) is_pouring: bool,
}

/// Works on the front of the queue.
pub(super) async fn refresh(profile: &Profile) -> Result<Refreshed> {
    let now = profile.clock.now_micros();
    let mut conn = profile.db.read().await?;
    let due = dirty::is_due(&mut conn, now).await?;
    let front = dirty::front(&mut conn, ENTRIES).await?;
    drop(conn);
    if due {
        let mut tx = profile.db.begin().await?;
        dirty::mark_due_in_tx(&mut tx, now).await?;
        tx.commit().await?;
    }
    let refreshed = Refreshed { entries: front.len() + usize::from(due), is_pouring: front.len() >= POURING };
    let mut tenants: BTreeMap<String, (Vec<i64>, BTreeSet<Uuid>)> = BTreeMap::new();
    for entry in front {
        let (entries, accounts) = tenants.entry(entry.tenant).or_default();
        entries.push(entry.seq);
        accounts.insert(entry.account_id);
    }
    for (tenant, (entries, accounts)) in tenants {
        let tenant = TenantId::try_from(tenant).map_err(Error::internal)?;
        let accounts: Vec<Uuid> = accounts.into_iter().collect();
        refresh_accounts(profile, &tenant, &entries, &accounts).await?;
    }
    Ok(refreshed)
}

async fn refresh_accounts(
    profile: &Profile,
    tenant: &TenantId,
    entries: &[i64],
    accounts: &[Uuid],
) -> Result<()> {
    let now = profile.clock.now();
    let mut conn = profile.db.read().await?;
    // what changes of a record changes its profile
    let roots = identity::roots::<Account>(&mut conn, tenant, accounts.iter().copied()).await?;
    let accounts: BTreeSet<Uuid> = accounts.iter().chain(roots.values()).copied().collect();
    let accounts: Vec<Uuid> = accounts.into_iter().collect();
    let accounts = accounts.as_slice();
    let definitions = definitions::all(&mut conn, tenant).await?;
    let collected = facts::collect(&mut conn, tenant, accounts, salient_core::to_micros(now)).await?;
    let mut stages = facts::stages(&mut conn, tenant, accounts).await?;
    let pairs = members::of_accounts(&mut conn, tenant, accounts).await?;
    drop(conn);

    let known: Vec<Known> = accounts
        .iter()
        .map(|account| Known {
            account: *account,
            facts: collected.get(account).map(|(facts, _)| facts.clone()),
            stage: stages.remove(account).unwrap_or_default(),
        })
        .collect();
    let pairs = apply::by_rule(&definitions.rules, pairs);
    let today = day_of(salient_core::to_micros(now));
    let changes = look(&definitions.rules, definitions.stages.as_ref(), today, &known, &pairs);

    let writes = accounts.iter().filter_map(|account| {
        let (facts, due) = collected.get(account)?;
        Some(Write { account: *account, facts, due: *due })
    });
    let writes: Vec<Write<'_>> = writes.collect();
    let gone: Vec<Uuid> =
        accounts.iter().filter(|account| !collected.contains_key(account)).copied().collect();
    let mut tx = profile.db.begin().await?;
    segments::take_turn_in_tx(&mut tx).await?;
    if !dirty::remove_in_tx(&mut tx, entries).await? {
        return Ok(());
    }
    segments::begin_in_tx(&mut tx, tenant, today).await?;
    facts::write_in_tx(&mut tx, tenant, &writes).await?;
    facts::forget_in_tx(&mut tx, tenant, &gone).await?;
    apply::apply_in_tx(&mut tx, profile, tenant, &definitions.rules, &changes, false).await?;
    Ok(tx.commit().await?)
}
