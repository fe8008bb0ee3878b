//! `SeriesService`.

use salient_kit::{accept, status};
use salient_proto::scoring::v1::{self as pb, series_service_server::SeriesService as Contract};
use tonic::{Request, Response, Status};

use crate::run::Scoring;

/// The service.
#[derive(Clone, Debug)]
pub struct Series {
    /// What its verbs work with.
    pub scoring: Scoring,
}

#[tonic::async_trait]
impl Contract for Series {
    async fn upsert_measures(
        &self,
        request: Request<pb::UpsertMeasuresRequest>,
    ) -> Result<Response<pb::UpsertMeasuresResponse>, Status> {
        let (ctx, message) = accept(request)?;
        self.scoring.measured(ctx.tenant(), &message).await.map(Response::new).map_err(status)
    }

    async fn list_series(
        &self,
        request: Request<pb::ListSeriesRequest>,
    ) -> Result<Response<pb::ListSeriesResponse>, Status> {
        let (ctx, message) = accept(request)?;
        self.scoring.series(ctx.tenant(), &message).await.map(Response::new).map_err(status)
    }

    async fn delete_series(
        &self,
        request: Request<pb::DeleteSeriesRequest>,
    ) -> Result<Response<pb::DeleteSeriesResponse>, Status> {
        let (ctx, message) = accept(request)?;
        self.scoring.forget_series(ctx.tenant(), &message).await.map(Response::new).map_err(status)
    }
}
