//! Which records are one customer: merging, undoing, and the fields of what comes of it.
//!
//! A merge is an edge between two records; a profile is what the edges connect, named after its
//! oldest record. Undoing takes the edge away and looks again at what is still connected. Nothing
//! else is moved: what belongs to a record stays with it.

use std::collections::{BTreeMap, HashMap};

use salient_core::{Error, MergeId, Reason, Result, TenantId, page};
use salient_events::Envelope;
use salient_proto::profile::v1::{Account, Contact, Interaction, Merge, Opportunity, Order, ProfileRoot};
use salient_store::{Connection, Tx};
use uuid::Uuid;

use crate::{
    domain::{
        Kind, Record,
        batch::{Write, written},
        record::{AccountRef, timestamp_of},
        unify::{Member, Pin, Provenance, unify},
    },
    events::publish,
    matching::decide::keep_apart_in_tx,
    profile::Profile,
    store::{
        self, facts,
        identity::{self, Edge, Profiled, Stake},
        matches::enqueue_in_tx,
    },
};

/// Who decides, when no person does.
pub const MATCHING: &str = "matching";

/// A profile: what makes it, and what it says.
#[derive(Clone, Debug)]
pub struct Unified<R> {
    /// Its id.
    pub id: Uuid,
    /// Its records, oldest first.
    pub stakes: Vec<Stake<R>>,
    /// What it says.
    pub record: R,
    /// Where that comes from.
    pub provenance: Vec<Provenance>,
    /// Whether a person fixed a field.
    pub pinned: bool,
}

impl<R: Profiled> Unified<R> {
    fn new(id: Uuid, stakes: Vec<Stake<R>>, pins: &[Pin]) -> Option<Self> {
        // the profile has the name and the key of the record it is named after
        let first = stakes.iter().find(|stake| stake.id == id)?;
        let members: Vec<Member<R>> = stakes.iter().map(|stake| stake.member.clone()).collect();
        let (mut record, provenance) = unify(&members, pins);
        record.set_name(R::KIND.name(id));
        record.set_key(first.member.key.clone());
        Some(Self { id, record, provenance, pinned: !pins.is_empty(), stakes })
    }

    /// Whether it is one record as it is.
    fn is_plain(&self) -> bool {
        self.stakes.len() == 1 && !self.pinned
    }

    fn write(&self) -> Write<R> {
        let first = self.stakes.iter().find(|stake| stake.id == self.id);
        let create_time = first.map_or(0, |stake| stake.create_time);
        let key = first.map(|stake| stake.member.key.clone()).unwrap_or_default();
        // a plain one is the record itself, with what is no field of a profile
        let record = match first {
            Some(stake) if self.is_plain() => stake.member.record.clone(),
            _ => self.record.clone(),
        };
        written(self.id, key, record, create_time)
    }
}

/// The profiles with these ids.
///
/// # Errors
/// What the store says.
pub async fn profiles<R: Profiled>(
    conn: &mut impl Connection,
    tenant: &TenantId,
    ids: &[Uuid],
) -> Result<BTreeMap<Uuid, Unified<R>>> {
    let stakes = identity::members::<R>(conn, tenant, ids).await?;
    let records = stakes.values().flatten().map(|stake| stake.id).collect::<Vec<_>>();
    let mut pins: HashMap<Uuid, Vec<Pin>> = identity::pins::<R>(conn, tenant, records.into_iter()).await?;
    let mut found = BTreeMap::new();
    for (id, stakes) in stakes {
        // pinned under a name that the profile had before it was merged is pinned still
        let mut own: Vec<Pin> = stakes.iter().filter_map(|stake| pins.remove(&stake.id)).flatten().collect();
        own.sort_by_key(|pin| std::cmp::Reverse(pin.time));
        if let Some(profile) = Unified::new(id, stakes, &own) {
            found.insert(id, profile);
        }
    }
    Ok(found)
}

/// The profile that a resource name leads to.
///
/// # Errors
/// `RESOURCE_UNKNOWN`, or what the store says.
pub async fn profile<R: Profiled>(
    conn: &mut impl Connection,
    tenant: &TenantId,
    name: &str,
) -> Result<Unified<R>> {
    let id = R::KIND.parse("name", name)?;
    let root = root::<R>(conn, tenant, id).await?.ok_or_else(|| Error::not_found(name))?;
    let mut found = profiles::<R>(conn, tenant, &[root]).await?;
    found.remove(&root).ok_or_else(|| Error::not_found(name))
}

/// The records of the account that `id` is or belongs to, the one it is named after first; none if
/// there is no such account.
///
/// # Errors
/// What the store says.
pub async fn members(conn: &mut impl Connection, tenant: &TenantId, id: Uuid) -> Result<Vec<Uuid>> {
    let Some(root) = root::<Account>(conn, tenant, id).await? else { return Ok(Vec::new()) };
    let mut members = identity::ids_of::<Account>(conn, tenant, root).await?;
    // oldest first, which is the one it is named after
    members.sort_unstable();
    Ok(members)
}

/// The profile of a record.
///
/// # Errors
/// What the store says.
pub async fn root<R: Profiled>(
    conn: &mut impl Connection,
    tenant: &TenantId,
    id: Uuid,
) -> Result<Option<Uuid>> {
    Ok(identity::roots::<R>(conn, tenant, std::iter::once(id)).await?.remove(&id))
}

/// What others hear of `writes`: a record that shares its profile, or has a pinned field, is told
/// as the profile it belongs to. Keeps the content of such profiles.
///
/// # Errors
/// What the store says.
pub async fn as_profiles_in_tx<R: Profiled>(
    tx: &mut Tx,
    tenant: &TenantId,
    writes: Vec<Write<R>>,
) -> Result<Vec<Write<R>>> {
    let shared = identity::shared::<R>(tx, tenant, writes.iter().map(|write| write.id)).await?;
    if shared.is_empty() {
        return Ok(writes);
    }
    let mut ids: Vec<Uuid> = shared.values().copied().collect();
    ids.sort_unstable();
    ids.dedup();
    let mut told: Vec<Write<R>> =
        writes.into_iter().filter(|write| !shared.contains_key(&write.id)).collect();
    told.extend(keep_in_tx::<R>(tx, tenant, &ids).await?);
    Ok(told)
}

/// Works out profiles anew and keeps their content; returns it.
async fn keep_in_tx<R: Profiled>(tx: &mut Tx, tenant: &TenantId, ids: &[Uuid]) -> Result<Vec<Write<R>>> {
    let roots = identity::roots::<R>(tx, tenant, ids.iter().copied()).await?;
    // one that went into another has no content of its own any more
    let standing: Vec<Uuid> = ids.iter().copied().filter(|id| roots.get(id) == Some(id)).collect();
    let found = profiles::<R>(tx, tenant, &standing).await?;
    let (plain, made): (Vec<&Unified<R>>, Vec<_>) = found.values().partition(|profile| profile.is_plain());
    let plain: Vec<Write<R>> = plain.into_iter().map(Unified::write).collect();
    let made: Vec<Write<R>> = made.into_iter().map(Unified::write).collect();
    let gone: Vec<Uuid> = ids.iter().copied().filter(|id| made.iter().all(|write| write.id != *id)).collect();
    identity::drop_unified_in_tx::<R>(tx, tenant, &gone).await?;
    identity::show_in_tx(tx, tenant, &plain).await?;
    identity::put_unified_in_tx(tx, tenant, &made).await?;
    Ok(plain.into_iter().chain(made).collect())
}

/// How others hear of a record, and under which account it is shown.
pub trait Told: store::Stored {
    /// What others hear of `writes`.
    fn told_in_tx(
        tx: &mut Tx,
        _tenant: &TenantId,
        writes: Vec<Write<Self>>,
    ) -> impl Future<Output = Result<Vec<Write<Self>>>> + Send {
        let _ = tx;
        async { Ok(writes) }
    }
}

macro_rules! told_as_profiles {
    ($($record:ty),+) => {$(
        impl Told for $record {
            async fn told_in_tx(tx: &mut Tx, tenant: &TenantId, writes: Vec<Write<Self>>) -> Result<Vec<Write<Self>>> {
                // they are compared with the others when this has committed
                enqueue_in_tx::<Self>(tx, tenant, writes.iter().map(|write| write.id)).await?;
                as_profiles_in_tx(tx, tenant, writes).await
            }
        }
    )+};
}

told_as_profiles!(Account, Contact);
impl Told for Order {}
impl Told for Interaction {}
impl Told for Opportunity {}

/// Names the accounts of `records` by the profiles they belong to now.
///
/// # Errors
/// What the store says.
pub async fn follow<R: Record>(
    conn: &mut impl Connection,
    tenant: &TenantId,
    records: &mut [R],
) -> Result<()> {
    let account = |record: &R| match record.account() {
        Ok(AccountRef::Id(id)) => Some(id),
        _ => None,
    };
    let mut ids: Vec<Uuid> = records.iter().filter_map(account).collect();
    ids.sort_unstable();
    ids.dedup();
    let roots = identity::roots::<Account>(conn, tenant, ids.into_iter()).await?;
    for record in records {
        if let Some((id, root)) = account(record).and_then(|id| Some((id, *roots.get(&id)?)))
            && id != root
        {
            record.set_account(Kind::Account.name(root));
        }
    }
    Ok(())
}

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
/// `RESOURCE_UNKNOWN`, `ALREADY_ONE`, or what the store says.
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
    identity::put_merge_in_tx(tx, tenant, &edge).await?;
    let moves: Vec<(Uuid, Uuid)> = moving.into_iter().map(|record| (record, kept)).collect();
    settle_in_tx::<R>(tx, profile, tenant, &moves, &[kept, merged]).await?;
    Ok(merge)
}

/// Takes a merge back.
///
/// # Errors
/// `RESOURCE_UNKNOWN`, `MERGE_UNDONE`, or what the store says.
pub async fn undo_in_tx(
    tx: &mut Tx,
    profile: &Profile,
    tenant: &TenantId,
    name: &str,
    by: &str,
) -> Result<Edge> {
    let id = MergeId::parse_field("name", name)?;
    let found = identity::merge(tx, tenant, id.uuid()).await?;
    let mut edge = found.ok_or_else(|| Error::not_found(name))?;
    if edge.merge.undo_time.is_some() {
        let what = format!("{name} was taken back already, by {}", edge.merge.undone_by);
        return Err(Error::new(Reason::MergeUndone, what));
    }
    edge.merge.undo_time = Some(timestamp_of(profile.clock.now()));
    edge.merge.undone_by = by.to_owned();
    identity::put_merge_in_tx(tx, tenant, &edge).await?;
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
        let records = identity::connected(tx, tenant, side).await?;
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
    if R::KIND == Kind::Account {
        let moved = moves.iter().map(|(record, _)| *record);
        facts::mark_in_tx(tx, tenant, moved.chain(touched.iter().copied())).await?;
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
    let edges = identity::merges(&mut conn, tenant, records.as_deref(), before, page.limit()).await?;
    let (edges, next) = page.cut(edges, |edge| edge.id);
    Ok((edges.into_iter().map(|edge| edge.merge).collect(), next))
}

async fn records_of<R: Profiled>(
    conn: &mut impl Connection,
    tenant: &TenantId,
    name: &str,
) -> Result<Vec<Uuid>> {
    Ok(profile::<R>(conn, tenant, name).await?.stakes.into_iter().map(|stake| stake.id).collect())
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
    let before = self::profile::<R>(tx, tenant, name).await?;
    let mut changed = before.record.clone();
    if !changed.fill(field, value.unwrap_or_default()) || (R::KIND == Kind::Contact && field == "account") {
        let known: Vec<String> = before.record.claims().into_iter().map(|(field, _)| field).collect();
        let what = format!("a field of the profile is accepted, such as {}", known.join(", "));
        return Err(Error::field("field", what));
    }
    if let Some(refusal) = value.and(changed.faults(profile.clock.latest()).into_refusal()) {
        return Err(Error::field("value", format!("{}: {}", refusal.field, refusal.message)));
    }
    let pin = value.map(|value| Pin {
        field: field.to_owned(),
        value: value.to_owned(),
        time: profile.clock.now_micros(),
    });
    let records: Vec<Uuid> = before.stakes.iter().map(|stake| stake.id).collect();
    identity::put_pin_in_tx::<R>(tx, tenant, &records, field, pin.as_ref().map(|pin| (before.id, pin)))
        .await?;
    settle_in_tx::<R>(tx, profile, tenant, &[], &[before.id]).await?;
    let after = self::profile::<R>(tx, tenant, name).await?;
    Ok(after.provenance.into_iter().find(|entry| entry.field == field))
}
