//! Waiting until every service has applied every event.

use std::{collections::BTreeMap, time::Duration};

use anyhow::{Result, bail};
use salient_kit::client::retry;
use salient_proto::common::v1::{GetEventStatusRequest, get_event_status_response::TypeStatus};

use crate::{progress::Step, session::Clients};

/// How long a service may be away before waiting for it is given up.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Pause between two looks.
const PAUSE: Duration = Duration::from_millis(20);

/// Waits until every event that any service committed was applied by each service that consumes
/// its type, twice in a row: applying one event may commit the next.
///
/// # Errors
/// A service stays away, or an event ended as a dead letter.
pub async fn settle(clients: &Clients, step: &Step) -> Result<()> {
    let mut calm = 0;
    let mut before = None;
    while calm < 2 {
        let status = look(clients).await?;
        let behind = behind(&status)?;
        let counts: Vec<i64> =
            status.values().flatten().map(|entry| entry.committed + entry.applied).collect();
        calm = if behind == 0 && before.as_ref() == Some(&counts) { calm + 1 } else { 0 };
        before = Some(counts);
        if behind > 0 {
            step.note(&format!("{behind} events on their way"));
        }
        if calm < 2 {
            tokio::time::sleep(PAUSE).await;
        }
    }
    Ok(())
}

type Status = BTreeMap<&'static str, Vec<TypeStatus>>;

async fn look(clients: &Clients) -> Result<Status> {
    let mut all = Status::new();
    for (name, client) in &clients.events {
        let answer =
            retry(PATIENCE, async || client.clone().get_event_status(GetEventStatusRequest {}).await).await?;
        all.insert(*name, answer.into_inner().types);
    }
    Ok(all)
}

/// Events that are committed somewhere and not yet applied elsewhere. Several services may publish a
/// type; one that does so itself does not consume it.
fn behind(status: &Status) -> Result<i64> {
    let mut committed: BTreeMap<&str, i64> = BTreeMap::new();
    for sent in status.values().flatten() {
        *committed.entry(sent.r#type.as_str()).or_default() += sent.committed;
    }
    let mut behind = 0;
    for (consumer, types) in status {
        for seen in types.iter().filter(|entry| entry.committed == 0) {
            let sent = committed.get(seen.r#type.as_str()).copied().unwrap_or_default();
            if sent > 0 && seen.dead > 0 {
                bail!(
                    "{consumer} could not apply {} events of type {}: look with `salient events dead {consumer}`",
                    seen.dead,
                    seen.r#type
                );
            }
            behind += (sent - seen.applied).max(0);
        }
    }
    Ok(behind)
}
