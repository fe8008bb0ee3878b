//! Following the records: what accounts and contacts are found by.
//!
//! Writing a record only appends to a queue. One worker of one replica takes records from there,
//! reads them as they are, and brings the index up to date with them; at the first start the queue
//! has every record that was there before. What it has done is out of the queue with the same
//! commit, so that it goes on where it was after a crash.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use salient_core::{Error, Result, TenantId};
use salient_proto::profile::v1::{Account, Contact};
use salient_store::{Connection, Lease};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    domain::search::words_of,
    pace::Pace,
    profile::Profile,
    store::search::{self, Indexed, Searched},
};

/// How often to look for what other replicas committed.
const POLL: Duration = Duration::from_millis(300);
/// How long to wait after a failure.
const PAUSE: Duration = Duration::from_secs(1);
/// Records that are taken at once.
const BATCH: i64 = 500;
/// The longest rest while records pour in.
const REST: Duration = Duration::from_millis(500);

/// Follows the records until `shutdown`; of several replicas one does.
pub async fn run(profile: Profile, shutdown: CancellationToken) {
    while !shutdown.is_cancelled() {
        let Err(error) = lead(&profile, &shutdown).await else { return };
        tracing::warn!(error = %error.chain(), "records cannot be made findable now");
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = tokio::time::sleep(PAUSE) => {}
        }
    }
}

async fn lead(profile: &Profile, shutdown: &CancellationToken) -> Result<()> {
    // listening begins before the first look, so that nothing is committed in between
    let mut signal = profile.db.signal(search::SIGNAL);
    let Some(mut lease) = Lease::acquire(&profile.db, "profile.search", shutdown).await? else {
        return Ok(());
    };
    let mut pace = Pace::new(REST);
    while !shutdown.is_cancelled() {
        lease.check().await?;
        let begin = Instant::now();
        let done = step(profile).await?;
        if done == 0 {
            tokio::select! {
                () = shutdown.cancelled() => {}
                () = signal.wait(POLL) => {}
            }
            continue;
        }
        if done == BATCH {
            let last = search::newest(&mut profile.db.read().await?).await?;
            let rest = pace.rest(begin, last);
            shutdown.run_until_cancelled(tokio::time::sleep(rest)).await;
        }
    }
    lease.release().await
}

/// Entries of the queue, and the records that they speak of by kind and id.
type Waiting = (Vec<i64>, BTreeSet<(i64, Uuid)>);

/// Works on the front of the queue; says how many entries there were.
async fn step(profile: &Profile) -> Result<i64> {
    let mut conn = profile.db.read().await?;
    let front = search::front(&mut conn, BATCH).await?;
    let count = front.len() as i64;
    let mut tenants: BTreeMap<String, Waiting> = BTreeMap::new();
    for entry in front {
        let (entries, records) = tenants.entry(entry.tenant).or_default();
        entries.push(entry.seq);
        records.insert((entry.kind, entry.id));
    }
    let mut work = Vec::new();
    for (tenant, (entries, records)) in tenants {
        let tenant = TenantId::try_from(tenant).map_err(Error::internal)?;
        let mut indexed = read::<Account>(&mut conn, &tenant, &records).await?;
        indexed.extend(read::<Contact>(&mut conn, &tenant, &records).await?);
        work.push((tenant, entries, indexed));
    }
    drop(conn);
    for (tenant, entries, indexed) in work {
        let mut tx = profile.db.begin().await?;
        search::take_turn_in_tx(&mut tx, &tenant).await?;
        if search::remove_in_tx(&mut tx, &entries).await? {
            search::index_in_tx(&mut tx, &tenant, &indexed).await?;
            tx.commit().await?;
        }
    }
    Ok(count)
}

/// What the records of a kind are found by; one that is gone by nothing.
async fn read<R: Searched>(
    conn: &mut impl Connection,
    tenant: &TenantId,
    records: &BTreeSet<(i64, Uuid)>,
) -> Result<Vec<Indexed>> {
    let ids: Vec<Uuid> = records.iter().filter(|(kind, _)| *kind == R::NUMBER).map(|(_, id)| *id).collect();
    let found = search::records::<R>(conn, tenant, &ids).await?;
    let mut words: BTreeMap<Uuid, Vec<(i64, String)>> =
        found.into_iter().map(|candidate| (candidate.id, words_of(&candidate.record))).collect();
    let indexed = ids.into_iter().map(|id| Indexed {
        kind: R::NUMBER,
        id,
        words: words.remove(&id).unwrap_or_default(),
    });
    Ok(indexed.collect())
}
