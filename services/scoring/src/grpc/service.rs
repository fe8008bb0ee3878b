//! `ScoringService`.

use prost::Message as _;
use salient_core::{Error, ModelBacktestId, ModelId, Result, ScoringRunId, page};
use salient_kit::{accept, status};
use salient_proto::scoring::v1::{self as pb, scoring_service_server::ScoringService as Contract};
use salient_store::{NewRun, runs};
use tonic::{Request, Response, Status};

use super::convert;
use crate::{
    backtest,
    declarations::id_of,
    grades,
    run::{self, KIND, Scoring},
    scores, store,
};

/// The service.
#[derive(Clone, Debug)]
pub struct Service {
    /// What its verbs work with.
    pub scoring: Scoring,
}

#[tonic::async_trait]
impl Contract for Service {
    async fn start_scoring_run(
        &self,
        request: Request<pb::StartScoringRunRequest>,
    ) -> Result<Response<pb::StartScoringRunResponse>, Status> {
        let (ctx, message) = accept(request)?;
        let Scoring { db, clock, .. } = &self.scoring;
        let started = async {
            let now = clock.now();
            run::as_of(clock, message.as_of.as_ref(), now)?;
            if !message.model_declaration.is_empty() {
                self.scoring.declaration(ctx.tenant(), id_of(&message.model_declaration)).await?;
            }
            let mut tx = db.begin().await?;
            let new = NewRun {
                id: clock.uuid(),
                tenant: ctx.tenant(),
                kind: KIND,
                request_id: &message.request_id,
                request: message.encode_to_vec(),
                now,
            };
            let started = runs::enqueue_in_tx(&mut tx, new).await?;
            tx.commit().await?;
            run::on_wire(clock, &started)
        };
        let scoring_run = started.await.map_err(status)?;
        Ok(Response::new(pb::StartScoringRunResponse { scoring_run: Some(scoring_run) }))
    }

    async fn get_scoring_run(
        &self,
        request: Request<pb::GetScoringRunRequest>,
    ) -> Result<Response<pb::GetScoringRunResponse>, Status> {
        let (ctx, message) = accept(request)?;
        let Scoring { db, clock, .. } = &self.scoring;
        let found = async {
            let id = ScoringRunId::parse_name(&message.name)?;
            let found = runs::get(db, ctx.tenant(), KIND, id.uuid()).await?;
            run::on_wire(clock, &found.ok_or_else(|| Error::not_found(id))?)
        };
        let scoring_run = found.await.map_err(status)?;
        Ok(Response::new(pb::GetScoringRunResponse { scoring_run: Some(scoring_run) }))
    }

    async fn get_model(
        &self,
        request: Request<pb::GetModelRequest>,
    ) -> Result<Response<pb::GetModelResponse>, Status> {
        let (ctx, message) = accept(request)?;
        let found = async {
            let id = ModelId::parse_name(&message.name)?;
            let found = store::models::by_id(&mut self.scoring.db.read().await?, ctx.tenant(), id).await?;
            found.ok_or_else(|| Error::not_found(id))
        };
        let model = convert::model(found.await.map_err(status)?);
        Ok(Response::new(pb::GetModelResponse { model: Some(model) }))
    }

    async fn list_models(
        &self,
        request: Request<pb::ListModelsRequest>,
    ) -> Result<Response<pb::ListModelsResponse>, Status> {
        let (ctx, message) = accept(request)?;
        let found = async {
            let of = id_of(&message.model_declaration);
            let query = ["models", ctx.tenant().as_str(), of];
            let page = page::page(message.page_size, &message.page_token, &query)?;
            let mut read = self.scoring.db.read().await?;
            let rows = store::models::list(&mut read, ctx.tenant(), of, page.key()?, page.limit()).await?;
            Result::Ok(page.cut(rows, |model| i64::from(model.version)))
        };
        let (rows, next_page_token) = found.await.map_err(status)?;
        let models = rows.into_iter().map(convert::model).collect();
        Ok(Response::new(pb::ListModelsResponse { models, next_page_token }))
    }

    async fn promote_model(
        &self,
        request: Request<pb::PromoteModelRequest>,
    ) -> Result<Response<pb::PromoteModelResponse>, Status> {
        let (ctx, message) = accept(request)?;
        self.scoring.promote(ctx.tenant(), &message).await.map(Response::new).map_err(status)
    }

    async fn roll_back_model(
        &self,
        request: Request<pb::RollBackModelRequest>,
    ) -> Result<Response<pb::RollBackModelResponse>, Status> {
        let (ctx, message) = accept(request)?;
        self.scoring.roll_back(ctx.tenant(), &message).await.map(Response::new).map_err(status)
    }

    async fn start_model_backtest(
        &self,
        request: Request<pb::StartModelBacktestRequest>,
    ) -> Result<Response<pb::StartModelBacktestResponse>, Status> {
        let (ctx, message) = accept(request)?;
        let Scoring { db, clock, .. } = &self.scoring;
        let started = async {
            self.scoring.test(ctx.tenant(), &message).await?;
            let mut tx = db.begin().await?;
            let new = NewRun {
                id: clock.uuid(),
                tenant: ctx.tenant(),
                kind: backtest::KIND,
                request_id: &message.request_id,
                request: message.encode_to_vec(),
                now: clock.now(),
            };
            let started = runs::enqueue_in_tx(&mut tx, new).await?;
            tx.commit().await?;
            backtest::on_wire(&started)
        };
        let model_backtest = started.await.map_err(status)?;
        Ok(Response::new(pb::StartModelBacktestResponse { model_backtest: Some(model_backtest) }))
    }

    async fn get_model_backtest(
        &self,
        request: Request<pb::GetModelBacktestRequest>,
    ) -> Result<Response<pb::GetModelBacktestResponse>, Status> {
        let (ctx, message) = accept(request)?;
        let found = async {
            let id = ModelBacktestId::parse_name(&message.name)?;
            let found = runs::get(&self.scoring.db, ctx.tenant(), backtest::KIND, id.uuid()).await?;
            backtest::on_wire(&found.ok_or_else(|| Error::not_found(id))?)
        };
        let model_backtest = found.await.map_err(status)?;
        Ok(Response::new(pb::GetModelBacktestResponse { model_backtest: Some(model_backtest) }))
    }

    async fn get_score(
        &self,
        request: Request<pb::GetScoreRequest>,
    ) -> Result<Response<pb::GetScoreResponse>, Status> {
        let (ctx, message) = accept(request)?;
        let score = scores::get(&self.scoring, ctx.tenant(), &message).await.map_err(status)?;
        Ok(Response::new(pb::GetScoreResponse { score: Some(score) }))
    }

    async fn list_scores(
        &self,
        request: Request<pb::ListScoresRequest>,
    ) -> Result<Response<pb::ListScoresResponse>, Status> {
        let (ctx, message) = accept(request)?;
        scores::list(&self.scoring, ctx.tenant(), &message).await.map(Response::new).map_err(status)
    }

    async fn list_score_history(
        &self,
        request: Request<pb::ListScoreHistoryRequest>,
    ) -> Result<Response<pb::ListScoreHistoryResponse>, Status> {
        let (ctx, message) = accept(request)?;
        scores::history(&self.scoring, ctx.tenant(), &message).await.map(Response::new).map_err(status)
    }

    async fn get_grade_bounds(
        &self,
        request: Request<pb::GetGradeBoundsRequest>,
    ) -> Result<Response<pb::GetGradeBoundsResponse>, Status> {
        let (ctx, _) = accept(request)?;
        let found =
            async { store::grades::get(&mut self.scoring.db.read().await?, ctx.tenant()).await }.await;
        let grade_bounds = convert::bounds(found.map_err(status)?);
        Ok(Response::new(pb::GetGradeBoundsResponse { grade_bounds: Some(grade_bounds) }))
    }

    async fn update_grade_bounds(
        &self,
        request: Request<pb::UpdateGradeBoundsRequest>,
    ) -> Result<Response<pb::UpdateGradeBoundsResponse>, Status> {
        let (ctx, message) = accept(request)?;
        grades::update(&self.scoring, ctx.tenant(), &message).await.map(Response::new).map_err(status)
    }
}
