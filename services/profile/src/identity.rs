//! Profiles: which records make them, what they say, and how others hear of it.

use std::collections::{BTreeMap, HashMap};

use salient_core::{Clock, Error, Result, TenantId};
use salient_proto::profile::v1::{Account, Contact, Interaction, Opportunity, Order};
use salient_store::{Connection, Tx};
use uuid::Uuid;

use crate::{
    domain::{
        Kind, Record,
        batch::{Current, Write, written},
        change::change,
        unify::{Member, Pin, Provenance, unify},
    },
    hierarchy,
    store::{
        self, changes,
        identity::{self, Profiled, Stake},
        matches::enqueue_in_tx,
        search,
    },
};

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

/// The records of the profile that `id` is or belongs to, the one it is named after first; none if
/// there is no such record.
///
/// # Errors
/// What the store says.
pub async fn members<R: Profiled>(
    conn: &mut impl Connection,
    tenant: &TenantId,
    id: Uuid,
) -> Result<Vec<Uuid>> {
    let Some(root) = root::<R>(conn, tenant, id).await? else { return Ok(Vec::new()) };
    let mut members = identity::ids_of::<R>(conn, tenant, root).await?;
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
pub(crate) async fn keep_in_tx<R: Profiled>(
    tx: &mut Tx,
    tenant: &TenantId,
    ids: &[Uuid],
) -> Result<Vec<Write<R>>> {
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
        _tx: &mut Tx,
        _tenant: &TenantId,
        writes: Vec<Write<Self>>,
    ) -> impl Future<Output = Result<Vec<Write<Self>>>> + Send {
        async { Ok(writes) }
    }

    /// Whether [`Told::note_in_tx`] asks what a record was before.
    const NOTED: bool = false;

    /// Notes what `writes` change of the records that stood `before`.
    fn note_in_tx(
        _tx: &mut Tx,
        _clock: &Clock,
        _tenant: &TenantId,
        _before: &HashMap<Uuid, Current<Self>>,
        _writes: &[Write<Self>],
    ) -> impl Future<Output = Result<()>> + Send {
        async { Ok(()) }
    }
}

macro_rules! told_as_profiles {
    ($($record:ty),+) => {$(
        impl Told for $record {
            async fn told_in_tx(tx: &mut Tx, tenant: &TenantId, writes: Vec<Write<Self>>) -> Result<Vec<Write<Self>>> {
                // they are compared with the others when this has committed
                enqueue_in_tx::<Self>(tx, tenant, writes.iter().map(|write| write.id)).await?;
                search::enqueue_in_tx::<Self>(tx, tenant, writes.iter().map(|write| write.id)).await?;
                as_profiles_in_tx(tx, tenant, writes).await
            }
        }
    )+};
}

told_as_profiles!(Account, Contact);
impl Told for Order {}
impl Told for Interaction {}

impl Told for Opportunity {
    const NOTED: bool = true;

    async fn note_in_tx(
        tx: &mut Tx,
        clock: &Clock,
        tenant: &TenantId,
        before: &HashMap<Uuid, Current<Self>>,
        writes: &[Write<Self>],
    ) -> Result<()> {
        let changed = writes.iter().filter_map(|write| {
            let before = before.get(&write.id).map(|current| &current.record);
            let (time, change) = change(before, &write.record, clock.now_micros())?;
            Some(changes::Write {
                id: clock.uuid(),
                opportunity: write.id,
                account: write.account,
                time,
                change,
            })
        });
        let changed: Vec<changes::Write> = changed.collect();
        changes::append_in_tx(tx, tenant, &changed).await?;
        let moved = writes.iter().filter(|write| {
            before.get(&write.id).is_some_and(|current| current.record.account != write.record.account)
        });
        let moved: Vec<(Uuid, Uuid)> = moved.map(|write| (write.id, write.account)).collect();
        Ok(changes::follow_in_tx(tx, tenant, moved.into_iter()).await?)
    }
}

/// Names the accounts of `records`, and the accounts above accounts, by the profiles they belong to now.
///
/// # Errors
/// What the store says.
pub async fn follow<R: Record>(
    conn: &mut impl Connection,
    tenant: &TenantId,
    records: &mut [R],
) -> Result<()> {
    let mut ids: Vec<Uuid> = records.iter().filter_map(R::account_id).collect();
    ids.sort_unstable();
    ids.dedup();
    let roots = identity::roots::<Account>(conn, tenant, ids.into_iter()).await?;
    for record in &mut *records {
        if let Some((id, root)) = record.account_id().and_then(|id| Some((id, *roots.get(&id)?)))
            && id != root
        {
            record.set_account(Kind::Account.name(root));
        }
    }
    hierarchy::show(conn, tenant, records).await
}
