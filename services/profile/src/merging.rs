//! Merging profiles, taking merges back, and fixing fields.
//!
//! A merge is an edge between two records; a profile is what the edges connect, named after its
//! oldest record. Undoing takes the edge away and looks again at what is still connected. Nothing
//! else is moved: what belongs to a record stays with it.

use salient_core::{Error, MergeId, Reason, Result, TenantId, page};
use salient_events::Envelope;
use salient_proto::profile::v1::{Account, Contact, Merge, ProfileRoot};
use salient_store::{Connection, Tx};
use uuid::Uuid;

use crate::{
    domain::{
        Kind,
        hierarchy::PARENT,
        record::timestamp_of,
        unify::{Pin, Provenance},
    },
    events::publish,
    hierarchy,
    identity::{Unified, keep_in_tx, profile as profile_of},
    matching::decide::keep_apart_in_tx,
    profile::Profile,
    store::{
        self, dirty,
        identity::{self, Profiled},
        merges::{self, Edge},
    },
};

/// Who decides, when no person does.
pub const MATCHING: &str = "matching";

/// Who merges, or takes a merge back, and why.
#[derive(Clone, Copy, Debug)]
pub struct Decision<'a> {
    /// A person's subject, or [`MATCHING`].
    pub by: &'a str,
    /// In words.
    pub reason: &'a str,
}

/// Makes the profiles of two records one.
///
/// # Errors
/// `RESOURCE_UNKNOWN`, `ALREADY_ONE`, `HIERARCHY_CYCLE` if one is above the other, or what the store
/// says.
pub async fn merge_in_tx<R: Profiled>(
    tx: &mut Tx,
    profile: &Profile,
    tenant: &TenantId,
    (one, other): (Uuid, Uuid),
    decision: Decision<'_>,
) -> Result<Merge> {
    let roots = identity::roots::<R>(tx, tenant, [one, other].into_iter()).await?;
    let find = |id| roots.get(&id).copied().ok_or_else(|| Error::not_found(R::KIND.name(id)));
    let (first, second) = (find(one)?, find(other)?);
    if first == second {
        let what = format!("both are {} already", R::KIND.name(first));
        return Err(Error::new(Reason::AlreadyOne, what));
    }
    let (kept, merged) = (first.min(second), first.max(second));
    let moving: Vec<Uuid> = identity::members::<R>(tx, tenant, &[merged])
        .await?
        .into_values()
        .flatten()
        .map(|stake| stake.id)
        .collect();
    let id = MergeId::new(&profile.clock);
    let merge = Merge {
        name: id.name(),
        profile: R::KIND.name(kept),
        merged: R::KIND.name(merged),
        records: moving.iter().map(|record| R::KIND.name(*record)).collect(),
        decided_by: decision.by.to_owned(),
        reason: decision.reason.to_owned(),
        create_time: Some(timestamp_of(profile.clock.now())),
        ..Merge::default()
    };
    let edge =
        Edge { id: id.uuid(), kind: R::TABLE.to_owned(), one: first, other: second, merge: merge.clone() };
    merges::put_merge_in_tx(tx, tenant, &edge).await?;
    let moves: Vec<(Uuid, Uuid)> = moving.into_iter().map(|record| (record, kept)).collect();
    settle_in_tx::<R>(tx, profile, tenant, &moves, &[kept, merged]).await?;
    Ok(merge)
}

/// Takes a merge back.
///
/// # Errors
/// `RESOURCE_UNKNOWN`, `MERGE_UNDONE`, `HIERARCHY_CYCLE` if what a person said of the whole no longer
/// hides what a part says, or what the store says.
pub async fn undo_in_tx(
    tx: &mut Tx,
    profile: &Profile,
    tenant: &TenantId,
    name: &str,
    by: &str,
) -> Result<Edge> {
    let id = MergeId::parse_field("name", name)?;
    let found = merges::merge(tx, tenant, id.uuid()).await?;
    let mut edge = found.ok_or_else(|| Error::not_found(name))?;
    if edge.merge.undo_time.is_some() {
        let what = format!("{name} was taken back already, by {}", edge.merge.undone_by);
        return Err(Error::new(Reason::MergeUndone, what));
    }
    edge.merge.undo_time = Some(timestamp_of(profile.clock.now()));
    edge.merge.undone_by = by.to_owned();
    merges::put_merge_in_tx(tx, tenant, &edge).await?;
    keep_apart_in_tx(tx, profile, tenant, &edge).await?;
    if edge.kind == <Account as store::Stored>::TABLE {
        part_in_tx::<Account>(tx, profile, tenant, &edge).await?;
    } else {
        part_in_tx::<Contact>(tx, profile, tenant, &edge).await?;
    }
    Ok(edge)
}

/// Gives the records on both sides of an edge that is no more the profiles they belong to.
async fn part_in_tx<R: Profiled>(
    tx: &mut Tx,
    profile: &Profile,
    tenant: &TenantId,
    edge: &Edge,
) -> Result<()> {
    let mut moves = Vec::new();
    let mut touched = Vec::new();
    for side in [edge.one, edge.other] {
        let records = merges::connected(tx, tenant, side).await?;
        let Some(&oldest) = records.first() else { continue };
        let roots = identity::roots::<R>(tx, tenant, records.iter().copied()).await?;
        touched.extend(roots.values().copied().chain([oldest]));
        moves.extend(roots.into_iter().filter(|(_, root)| *root != oldest).map(|(id, _)| (id, oldest)));
    }
    moves.sort_unstable();
    moves.dedup();
    touched.sort_unstable();
    touched.dedup();
    settle_in_tx::<R>(tx, profile, tenant, &moves, &touched).await
}

/// Moves records to profiles, works out the profiles that this touches, and tells.
async fn settle_in_tx<R: Profiled>(
    tx: &mut Tx,
    profile: &Profile,
    tenant: &TenantId,
    moves: &[(Uuid, Uuid)],
    touched: &[Uuid],
) -> Result<()> {
    identity::move_in_tx::<R>(tx, tenant, moves).await?;
    let told = keep_in_tx::<R>(tx, tenant, touched).await?;
    hierarchy::check_in_tx(tx, tenant, &told).await?;
    if R::KIND == Kind::Account {
        let moved = moves.iter().map(|(record, _)| *record);
        dirty::mark_in_tx(tx, tenant, moved.chain(touched.iter().copied())).await?;
    } else {
        // a profile stands at the account of any of its records
        let stakes = identity::members::<R>(tx, tenant, touched).await?;
        let accounts = stakes.values().flatten().filter_map(|stake| stake.member.record.account_id());
        dirty::mark_in_tx(tx, tenant, accounts.collect::<Vec<_>>()).await?;
    }
    let roots = moves.iter().map(|(record, root)| {
        (*record, ProfileRoot { record: R::KIND.name(*record), profile: R::KIND.name(*root) })
    });
    let mut events: Vec<Envelope> = publish::resolved(&profile.clock, tenant, roots);
    events.extend(publish::changes(&profile.clock, tenant, &told));
    salient_events::outbox::publish_in_tx(tx, &events).await
}

/// A page of merges, newest first, and the token of the next one.
///
/// # Errors
/// `RESOURCE_UNKNOWN`, `PAGE_TOKEN_INVALID`, or what the store says.
pub async fn list_merges(
    profile: &Profile,
    tenant: &TenantId,
    about: &str,
    (size, token): (i32, &str),
) -> Result<(Vec<Merge>, String)> {
    let page = page::page(size, token, &["merges", tenant.as_str(), about])?;
    let mut conn = profile.db.read().await?;
    let records = match about.split_once('/').map(|(collection, _)| collection) {
        None => None,
        Some("accounts") => Some(records_of::<Account>(&mut conn, tenant, about).await?),
        Some(_) => Some(records_of::<Contact>(&mut conn, tenant, about).await?),
    };
    let before = page.key()?.unwrap_or(Uuid::max());
    let edges = merges::merges(&mut conn, tenant, records.as_deref(), before, page.limit()).await?;
    let (edges, next) = page.cut(edges, |edge| edge.id);
    Ok((edges.into_iter().map(|edge| edge.merge).collect(), next))
}

async fn records_of<R: Profiled>(
    conn: &mut impl Connection,
    tenant: &TenantId,
    name: &str,
) -> Result<Vec<Uuid>> {
    Ok(profile_of::<R>(conn, tenant, name).await?.stakes.into_iter().map(|stake| stake.id).collect())
}

/// Fixes a field of a profile, or lets it go if `value` is `None`; returns the field as it is then,
/// unless nothing fills it.
///
/// # Errors
/// `FIELD_INVALID`, `RESOURCE_UNKNOWN`, or what the store says.
pub async fn pin_in_tx<R: Profiled>(
    tx: &mut Tx,
    profile: &Profile,
    tenant: &TenantId,
    (name, field): (&str, &str),
    value: Option<&str>,
) -> Result<Option<Provenance>> {
    let before = profile_of::<R>(tx, tenant, name).await?;
    let mut changed = before.record.clone();
    // what is above an account is said with SetParent, which knows what may be
    let elsewhere = field == PARENT || (R::KIND == Kind::Contact && field == "account");
    if elsewhere || !changed.fill(field, value.unwrap_or_default()) {
        let known = before.record.claims().into_iter().map(|(field, _)| field);
        let known: Vec<String> = known.filter(|field| field != PARENT).collect();
        let what = format!("a field of the profile is accepted, such as {}", known.join(", "));
        return Err(Error::field("field", what));
    }
    if let Some(refusal) = value.and(changed.faults(profile.clock.latest()).into_refusal()) {
        return Err(Error::field("value", format!("{}: {}", refusal.field, refusal.message)));
    }
    fix_in_tx(tx, profile, tenant, &before, field, value.map(str::to_owned)).await?;
    let after = profile_of::<R>(tx, tenant, name).await?;
    Ok(after.provenance.into_iter().find(|entry| entry.field == field))
}

/// Fixes a field of a profile to a value that was looked at, or lets it go if `value` is `None`.
///
/// # Errors
/// `HIERARCHY_CYCLE`, or what the store says.
pub(crate) async fn fix_in_tx<R: Profiled>(
    tx: &mut Tx,
    profile: &Profile,
    tenant: &TenantId,
    before: &Unified<R>,
    field: &str,
    value: Option<String>,
) -> Result<()> {
    let time = profile.clock.now_micros();
    let pin = value.map(|value| Pin { field: field.to_owned(), value, time });
    let records: Vec<Uuid> = before.stakes.iter().map(|stake| stake.id).collect();
    let pin = pin.as_ref().map(|pin| (before.id, pin));
    identity::put_pin_in_tx::<R>(tx, tenant, &records, field, pin).await?;
    settle_in_tx::<R>(tx, profile, tenant, &[], &[before.id]).await
}
