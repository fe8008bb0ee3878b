//! Where a tenant's grades begin.

use prost::Message as _;
use salient_core::{Error, Result, TenantId};
use salient_proto::scoring::v1 as pb;
use salient_store::idempotency;

use crate::{domain::GradeBounds, grpc::convert, run::Scoring, store};

/// Replaces them.
///
/// # Errors
/// Bounds that do not descend.
pub async fn update(
    scoring: &Scoring,
    tenant: &TenantId,
    request: &pb::UpdateGradeBoundsRequest,
) -> Result<pb::UpdateGradeBoundsResponse> {
    const METHOD: &str = "UpdateGradeBounds";
    let asked = request.grade_bounds.unwrap_or_default();
    let bounds = GradeBounds { a: asked.a, b: asked.b, c: asked.c };
    if bounds.b >= bounds.a {
        return Err(Error::field("grade_bounds.b", format!("a number below a, {}, is accepted", bounds.a)));
    }
    if bounds.c >= bounds.b {
        return Err(Error::field("grade_bounds.c", format!("a number below b, {}, is accepted", bounds.b)));
    }
    let mut tx = scoring.db.begin().await?;
    if let Some(answer) =
        idempotency::check_in_tx(&mut tx, tenant, METHOD, &request.request_id, request).await?
    {
        return pb::UpdateGradeBoundsResponse::decode(answer.as_slice()).map_err(Error::internal);
    }
    store::grades::put_in_tx(&mut tx, tenant, bounds).await?;
    let answer = pb::UpdateGradeBoundsResponse { grade_bounds: Some(convert::bounds(bounds)) };
    idempotency::store_in_tx(&mut tx, tenant, METHOD, &request.request_id, &answer, scoring.clock.now())
        .await?;
    tx.commit().await?;
    Ok(answer)
}
