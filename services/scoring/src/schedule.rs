//! Runs of declared models that start by themselves.

use std::time::Duration;

use prost::Message as _;
use salient_core::{Result, TenantId};
use salient_proto::scoring::v1 as pb;
use salient_store::{NewRun, runs};
use tokio_util::sync::CancellationToken;

use crate::{
    declarations,
    run::{KIND, Scoring},
    store,
};

/// How often it is looked at what is due.
const GLANCE: Duration = Duration::from_secs(1);

impl Scoring {
    /// Starts what is due, until the service stops.
    pub(crate) async fn keep_schedule(self, stop: CancellationToken) -> Result<()> {
        let mut pause = tokio::time::interval(GLANCE);
        while stop.run_until_cancelled(pause.tick()).await.is_some() {
            if let Err(error) = self.start_due().await {
                // it is due still, and the next glance finds it again
                tracing::warn!(%error, "no run could be started that was due");
            }
        }
        Ok(())
    }

    async fn start_due(&self) -> Result<()> {
        let now = self.clock.now();
        let due = store::declarations::is_any_due(&mut self.db.read().await?, now.timestamp_micros()).await?;
        if !due {
            return Ok(());
        }
        let mut tx = self.db.begin().await?;
        for (tenant, declaration) in
            store::declarations::take_due_in_tx(&mut tx, now.timestamp_micros()).await?
        {
            let tenant = TenantId::try_from(tenant.as_str())?;
            let request_id = self.clock.uuid().to_string();
            let request = pb::StartScoringRunRequest {
                request_id: request_id.clone(),
                model_declaration: declarations::name_of(&declaration),
                ..Default::default()
            };
            let new = NewRun {
                id: self.clock.uuid(),
                tenant: &tenant,
                kind: KIND,
                request_id: &request_id,
                request: request.encode_to_vec(),
                now,
            };
            runs::enqueue_in_tx(&mut tx, new).await?;
        }
        Ok(tx.commit().await?)
    }
}
