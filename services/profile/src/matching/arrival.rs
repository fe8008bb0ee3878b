//! Comparing records as they arrive.
//!
//! One worker of one replica holds the records of each tenant and kind that has more than one
//! source; it is filled when the first record waits, and from then on follows the queue.

use std::{collections::HashMap, time::Duration};

use salient_core::{Error, Result, TenantId};
use salient_events::erasure;
use salient_linkage::{Band, Index, Model, Scorer};
use salient_proto::profile::v1::{Account, Contact};
use salient_store::{Connection, Lease};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{Held, ask_in_tx, join_in_tx};
use crate::{
    profile::Profile,
    store::{
        self, Stored as _, erasures,
        matches::{self, Compared, Resolved},
        sources::sources,
    },
};

/// How long a record waits at most if nothing wakes the worker.
const POLL: Duration = Duration::from_secs(5);
/// How long to wait after a failure.
const PAUSE: Duration = Duration::from_secs(1);
/// Records compared in one transaction.
const BATCH: i64 = 200;
/// Pairs of one new record that are asked about at most.
const ASKED: usize = 3;

/// What is held between batches.
#[derive(Debug, Default)]
pub struct Matcher {
    held: HashMap<(TenantId, String), Held>,
    /// The only source of all records of a tenant and kind, where there is one.
    alone: HashMap<(TenantId, String), String>,
}

/// Compares what waits, until `shutdown`; of several replicas one does.
pub async fn run(profile: Profile, shutdown: CancellationToken) {
    while !shutdown.is_cancelled() {
        // what is held may be ahead of what was committed: a failure forgets it
        let Err(error) = lead(&profile, &shutdown).await else { return };
        tracing::warn!(error = %error.chain(), "records not compared");
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = tokio::time::sleep(PAUSE) => {}
        }
    }
}

async fn lead(profile: &Profile, shutdown: &CancellationToken) -> Result<()> {
    // listening begins before the first look, so that nothing is committed in between
    let mut signal = profile.db.signal(matches::UNRESOLVED);
    let Some(mut lease) = Lease::acquire(&profile.db, "profile.matching", shutdown).await? else {
        return Ok(());
    };
    let mut matcher = Matcher::default();
    while !shutdown.is_cancelled() {
        lease.check().await?;
        matcher.catch_up(profile, shutdown).await?;
        tokio::select! {
            biased;
            () = shutdown.cancelled() => {}
            () = signal.wait(POLL) => {}
        }
    }
    lease.release().await
}

impl Matcher {
    /// Compares until nothing waits.
    ///
    /// # Errors
    /// What the store says.
    pub async fn catch_up(&mut self, profile: &Profile, shutdown: &CancellationToken) -> Result<()> {
        for ((tenant, kind), held) in &mut self.held {
            let mut conn = profile.db.read().await?;
            if kind == Account::TABLE {
                forget::<Account>(held, &mut conn, tenant).await?;
            } else {
                forget::<Contact>(held, &mut conn, tenant).await?;
            }
        }
        let waiting = matches::waiting(&mut profile.db.read().await?).await?;
        for (tenant, kind) in waiting {
            while !shutdown.is_cancelled() {
                let over = if kind == Account::TABLE {
                    self.batch::<Account>(profile, &tenant).await?
                } else {
                    self.batch::<Contact>(profile, &tenant).await?
                };
                if over {
                    break;
                }
            }
        }
        Ok(())
    }

    /// Whether a record is held in memory.
    #[must_use]
    pub fn holds(&self, record: Uuid) -> bool {
        self.held.values().any(|held| held.index.number(&record.to_string()).is_some())
    }

    /// Compares some records; says whether none wait any more.
    async fn batch<R: Resolved>(&mut self, profile: &Profile, tenant: &TenantId) -> Result<bool> {
        let mut tx = profile.db.begin().await?;
        store::take_turn_in_tx(&mut tx, tenant).await?;
        let ids = matches::queued(&mut tx, tenant, R::TABLE, BATCH).await?;
        let records = matches::some::<R>(&mut tx, tenant, &ids).await?;
        if let Some(held) = self.held_for::<R>(&mut tx, tenant, &records).await? {
            let numbers = renew(held, &records)?;
            for (a, near) in found(held, &records, &numbers)? {
                for (b, band) in near {
                    if band == Band::Merge {
                        join_in_tx::<R>(&mut tx, profile, tenant, held, (a, b)).await?;
                        continue;
                    }
                    let pair = (held.id(a)?, held.id(b)?);
                    let scorer = Scorer::new(&held.index, &held.model).map_err(Error::internal)?;
                    ask_in_tx::<R>(&mut tx, profile, tenant, held, pair, &scorer.explain(a, b), "").await?;
                }
            }
        }
        matches::dequeue_in_tx(&mut tx, tenant, R::TABLE, &ids).await?;
        tx.commit().await?;
        Ok(i64::try_from(ids.len()).unwrap_or(i64::MAX) < BATCH)
    }

    /// The records to compare with; none if there is nothing to compare.
    async fn held_for<R: Resolved>(
        &mut self,
        conn: &mut impl Connection,
        tenant: &TenantId,
        records: &[Compared],
    ) -> Result<Option<&mut Held>> {
        let Some(first) = records.first() else { return Ok(None) };
        let place = (tenant.clone(), R::TABLE.to_owned());
        let declared = sources(conn, tenant).await?;
        if !self.held.contains_key(&place) {
            let source = &first.key.source;
            let alone = records.iter().all(|record| record.key.source == *source)
                && !declared.iter().any(|known| known.source == *source && known.has_duplicates);
            // every record goes through the queue: what was alone once is until another source comes
            if alone && self.alone.get(&place) == Some(source) {
                return Ok(None);
            }
            if alone && !matches::others::<R>(conn, tenant, source).await? {
                self.alone.insert(place, source.clone());
                return Ok(None);
            }
            let held = hold::<R>(conn, tenant).await?;
            self.held.insert(place.clone(), held);
        }
        let learned = matches::model(conn, tenant, R::TABLE).await?;
        let Some(held) = self.held.get_mut(&place) else { return Ok(None) };
        held.judge_by(learned)?;
        forget::<R>(held, conn, tenant).await?;
        let doubling = declared.iter().filter(|source| source.has_duplicates);
        held.doubling = doubling.map(|source| held_source(&mut held.sources, &source.source)).collect();
        Ok(Some(held))
    }
}

fn held_source(sources: &mut HashMap<String, u16>, name: &str) -> u16 {
    let next = u16::try_from(sources.len()).unwrap_or(u16::MAX);
    *sources.entry(name.to_owned()).or_insert(next)
}

/// Reads every record of a tenant and kind, and the model that was learned of them.
///
/// # Errors
/// What the store says.
pub async fn hold<R: Resolved>(conn: &mut impl Connection, tenant: &TenantId) -> Result<Held> {
    let index = Index::new(R::LIKE.config()).map_err(Error::internal)?;
    let standard = Model::standard(index.config(), 0);
    let mut held = Held {
        index,
        model: standard,
        learned: None,
        sources: HashMap::new(),
        doubling: Default::default(),
        erased: erasures::count(conn, tenant).await?,
    };
    for source in sources(conn, tenant).await? {
        let number = held.source(&source.source);
        if source.has_duplicates {
            held.doubling.insert(number);
        }
    }
    let mut records = Vec::new();
    matches::each::<R>(conn, tenant, |record| records.push(record)).await?;
    let records: Vec<_> = records
        .into_iter()
        .map(|record| {
            let source = held.source(&record.key.source);
            record.likeness.from_source(source)
        })
        .collect();
    let learned = matches::model(conn, tenant, R::TABLE).await?;
    let held = tokio::task::spawn_blocking(move || {
        held.index.extend(records)?;
        Ok::<_, salient_linkage::Error>(held)
    });
    let mut held = held.await.map_err(Error::internal)?.map_err(Error::internal)?;
    held.model = Model::standard(held.index.config(), held.index.len());
    held.judge_by(learned)?;
    Ok(held)
}

/// Forgets who was erased since the records were read, and reads the records again that spoke of them.
async fn forget<R: Resolved>(held: &mut Held, conn: &mut impl Connection, tenant: &TenantId) -> Result<()> {
    let erased = erasures::count(conn, tenant).await?;
    if erased == held.erased {
        return Ok(());
    }
    let mut named = erasure::noted(conn, tenant).await?;
    named.retain(|id| held.index.remove(&id.to_string()));
    renew(held, &matches::some::<R>(conn, tenant, &named).await?)?;
    held.erased = erased;
    Ok(())
}

/// Brings records up to date in the index; returns their numbers.
fn renew(held: &mut Held, records: &[Compared]) -> Result<Vec<u32>> {
    let mut numbers = Vec::with_capacity(records.len());
    for record in records {
        let source = held.source(&record.key.source);
        held.index.remove(&record.id.to_string());
        let number = held.index.insert(&record.likeness.clone().from_source(source));
        numbers.push(number.map_err(Error::internal)?);
    }
    Ok(numbers)
}

/// For each record the ones that may be the same, best first: every one to merge, and some to ask
/// about.
type Found = Vec<(u32, Vec<(u32, Band)>)>;

fn found(held: &Held, records: &[Compared], numbers: &[u32]) -> Result<Found> {
    let scorer = Scorer::new(&held.index, &held.model).map_err(Error::internal)?;
    let mut all = Vec::with_capacity(numbers.len());
    for (record, &a) in records.iter().zip(numbers) {
        let query = held.index.normalise(&record.likeness).map_err(Error::internal)?;
        let mut near: Vec<(u32, Band)> = Vec::new();
        let mut asked = 0;
        for found in scorer.matches(&query).into_iter().filter(|found| held.comparable(a, found.number)) {
            if found.band == Band::Review {
                asked += 1;
            }
            if found.band == Band::Merge || asked <= ASKED {
                near.push((found.number, found.band));
            }
        }
        all.push((a, near));
    }
    Ok(all)
}
