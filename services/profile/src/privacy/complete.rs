//! Bringing erasures to their end.

use std::time::Duration;

use salient_core::{ErasureId, Result};
use salient_events::{Bus, outbox};
use tokio_util::sync::CancellationToken;

use super::{
    Privacy,
    erase::{CONFIRMED, tell_again_in_tx},
};
use crate::store::{dirty, erasures};

/// How often it looks anyway: another replica may have heard the last confirmation.
const LOOK: Duration = Duration::from_secs(5);
/// Between two looks at whether the streams have passed.
const GLANCE: Duration = Duration::from_millis(100);

/// Brings erasures to their end, until `shutdown`. When every service has confirmed, all are told once
/// more; when every service has confirmed that too, everything that was published before the first
/// confirmations has left the outboxes. What is then in the streams is dropped as soon as every group
/// has acknowledged it, and the certificate is complete.
pub async fn run(privacy: &Privacy, bus: &Bus, shutdown: CancellationToken) {
    let mut signal = privacy.profile.db.signal(CONFIRMED);
    loop {
        let done = tokio::select! {
            biased;
            () = shutdown.cancelled() => return,
            done = step(privacy, bus) => done,
        };
        if let Err(error) = done {
            tracing::warn!(error = %error.chain(), "erasures not completed, trying again");
        }
        tokio::select! {
            biased;
            () = shutdown.cancelled() => return,
            () = signal.wait(LOOK) => {}
        }
    }
}

async fn step(privacy: &Privacy, bus: &Bus) -> Result<()> {
    let (db, clock) = (&privacy.profile.db, &privacy.profile.clock);
    let confirmed = erasures::due(&mut db.read().await?, erasures::CONFIRMED).await?;
    for due in confirmed {
        let mut tx = db.begin().await?;
        if erasures::seal_in_tx(&mut tx, &due.tenant, due.id, clock.now_micros()).await? {
            tell_again_in_tx(&mut tx, &privacy.profile, &due.tenant, due.event).await?;
            tx.commit().await?;
        }
    }
    let sealed = erasures::due(&mut db.read().await?, erasures::SEALED).await?;
    if sealed.is_empty() {
        return Ok(());
    }
    drain(privacy, bus).await?;
    let mut tx = db.begin().await?;
    for due in &sealed {
        erasures::complete_in_tx(&mut tx, &due.tenant, due.id, clock.now_micros()).await?;
    }
    tx.commit().await?;
    for due in sealed {
        tracing::info!(erasure = %ErasureId::from_uuid(due.id), tenant = %due.tenant, "erasure completed");
    }
    Ok(())
}

/// Waits until everything that was published before has been read by everybody, and drops it; and until
/// what accounts say is counted anew.
async fn drain(privacy: &Privacy, bus: &Bus) -> Result<()> {
    let db = &privacy.profile.db;
    let dirty = dirty::last(&mut db.read().await?).await?;
    while !dirty::is_past(&mut db.read().await?, dirty).await? {
        tokio::time::sleep(GLANCE).await;
    }
    let last = outbox::last(db).await?;
    while !outbox::is_past(db, last).await? {
        tokio::time::sleep(GLANCE).await;
    }
    let mut marks = Vec::new();
    for service in &privacy.services {
        marks.push((service, bus.end(service).await?));
    }
    for (service, mark) in marks {
        while !bus.is_past(service, &mark).await? {
            tokio::time::sleep(GLANCE).await;
        }
    }
    Ok(())
}
