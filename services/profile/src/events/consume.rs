//! What this service hears of others: how far they are with a person's erasure or export.

use salient_core::{PersonExportId, Result};
use salient_events::HandlerCtx;
use salient_proto::common::v1::{PersonDataReported, PersonErasureConfirmed};

use crate::{privacy::erase, store::exports};

/// A service has erased a person.
pub async fn erasure_confirmed(ctx: &mut HandlerCtx, message: PersonErasureConfirmed) -> Result<()> {
    let (tenant, now) = (ctx.envelope.tenant.clone(), ctx.clock.now_micros());
    erase::confirmed_in_tx(&mut ctx.tx, &tenant, message, now).await
}

/// A service told what it holds about a person.
pub async fn data_reported(ctx: &mut HandlerCtx, message: PersonDataReported) -> Result<()> {
    let (tenant, now) = (ctx.envelope.tenant.clone(), ctx.clock.now_micros());
    let id = PersonExportId::parse_field("person_export", &message.person_export)?;
    Ok(exports::report_in_tx(&mut ctx.tx, &tenant, id, &message.service, &message.json, now).await?)
}
