//! `RecommendationService`.

use salient_core::{
    BacktestId, Error, PlanRunId, PolicyId, RecommendationId, Result, SellerId, filter, ids::parse_path, page,
};
use salient_kit::{Caller, Role, accept, status};
use salient_proto::recommendation::v1::{
    self as pb, recommendation_service_server::RecommendationService as Contract,
};
use tonic::{Request, Response, Status};

use super::{convert, only_own};
use crate::{
    domain::{Recommendation, evidence::Fact},
    plans, quality,
    runs::{self, plan::Planning},
    store,
};

const FIELDS: &[filter::Field] = &[
    filter::Field::name("seller", "sellers"),
    filter::Field::name("account", "accounts"),
    filter::Field::one_of("state", &["issued", "accepted", "snoozed", "dismissed", "completed", "expired"]),
    filter::Field::one_of("play", &["reorder", "cross_sell", "win_back"]),
    filter::Field::time("issue_time"),
];

/// The service.
#[derive(Clone, Debug)]
pub struct RecommendationService {
    /// Planning, with the database, the clock and the way out for events.
    pub planning: Planning,
}

impl RecommendationService {
    async fn plan(&self, caller: &Caller, name: &str) -> Result<pb::DailyPlan> {
        let [seller, date] = parse_path("name", "sellers/{seller}/plans/{date}", name)?;
        let seller = SellerId::try_new(seller)?;
        only_own(caller, &seller)?;
        let Planning { db, clock, .. } = &self.planning;
        let day = runs::day(clock, "name", date)?;
        if let Some(plan) = plans::standing(db, clock, &caller.tenant, &seller, day).await? {
            return Ok(convert::plan(plan));
        }
        if day != clock.now().date_naive() {
            return Err(Error::not_found(name));
        }
        self.planning.ensure(&caller.tenant, &seller, day).await?;
        let plan = plans::standing(db, clock, &caller.tenant, &seller, day).await?;
        plan.map(convert::plan).ok_or_else(|| Error::not_found(name))
    }

    async fn one(&self, caller: &Caller, name: &str) -> Result<Recommendation> {
        let id = RecommendationId::parse_name(name)?;
        let found =
            store::recommendations::by_id(&mut self.planning.db.read().await?, &caller.tenant, id).await?;
        let found = found.ok_or_else(|| Error::not_found(name))?;
        only_own(caller, &found.seller)?;
        Ok(found)
    }

    async fn list(
        &self,
        caller: &Caller,
        message: &pb::ListRecommendationsRequest,
    ) -> Result<(Vec<Recommendation>, String)> {
        // a seller's own name is part of the query, so that a token cannot wander
        let own = if caller.role == Role::Seller { caller.subject.as_str() } else { "" };
        let query = ["recommendations", caller.tenant.as_str(), &message.filter, own];
        let page = page::page(message.page_size, &message.page_token, &query)?;
        let mut wanted = filter::parse(&message.filter, FIELDS)?;
        if !own.is_empty() {
            wanted.extend(filter::parse(&format!("seller = \"sellers/{own}\""), FIELDS)?);
        }
        let mut read = self.planning.db.read().await?;
        let rows = store::recommendations::list(&mut read, &caller.tenant, wanted, page.key()?, page.limit())
            .await?;
        Ok(page.cut(rows, |item| (item.frozen.issue_time.timestamp_micros(), item.id.uuid())))
    }
}

#[tonic::async_trait]
impl Contract for RecommendationService {
    async fn get_daily_plan(
        &self,
        request: Request<pb::GetDailyPlanRequest>,
    ) -> Result<Response<pb::GetDailyPlanResponse>, Status> {
        let (ctx, message) = accept(request)?;
        let plan = self.plan(&ctx.caller, &message.name).await.map_err(status)?;
        Ok(Response::new(pb::GetDailyPlanResponse { plan: Some(plan) }))
    }

    async fn start_plan_run(
        &self,
        request: Request<pb::StartPlanRunRequest>,
    ) -> Result<Response<pb::StartPlanRunResponse>, Status> {
        let (ctx, message) = accept(request)?;
        let Planning { db, clock, .. } = &self.planning;
        runs::day(clock, "date", &message.date).map_err(status)?;
        let run = runs::enqueue(db, clock, ctx.tenant(), runs::PLAN, &message.request_id, &message).await;
        let plan_run = run.and_then(|run| runs::plan::on_wire(&run)).map_err(status)?;
        Ok(Response::new(pb::StartPlanRunResponse { plan_run: Some(plan_run) }))
    }

    async fn get_plan_run(
        &self,
        request: Request<pb::GetPlanRunRequest>,
    ) -> Result<Response<pb::GetPlanRunResponse>, Status> {
        let (ctx, message) = accept(request)?;
        let id = PlanRunId::parse_name(&message.name).map_err(status)?.uuid();
        let run = runs::get(&self.planning.db, ctx.tenant(), runs::PLAN, id, &message.name).await;
        let plan_run = run.and_then(|run| runs::plan::on_wire(&run)).map_err(status)?;
        Ok(Response::new(pb::GetPlanRunResponse { plan_run: Some(plan_run) }))
    }

    async fn get_recommendation(
        &self,
        request: Request<pb::GetRecommendationRequest>,
    ) -> Result<Response<pb::GetRecommendationResponse>, Status> {
        let (ctx, message) = accept(request)?;
        let found = self.one(&ctx.caller, &message.name).await.map_err(status)?;
        let recommendation = Some(convert::recommendation(found));
        Ok(Response::new(pb::GetRecommendationResponse { recommendation }))
    }

    async fn list_recommendations(
        &self,
        request: Request<pb::ListRecommendationsRequest>,
    ) -> Result<Response<pb::ListRecommendationsResponse>, Status> {
        let (ctx, message) = accept(request)?;
        let (rows, next_page_token) = self.list(&ctx.caller, &message).await.map_err(status)?;
        let recommendations = rows.into_iter().map(convert::recommendation).collect();
        Ok(Response::new(pb::ListRecommendationsResponse { recommendations, next_page_token }))
    }

    async fn explain_recommendation(
        &self,
        request: Request<pb::ExplainRecommendationRequest>,
    ) -> Result<Response<pb::ExplainRecommendationResponse>, Status> {
        let (ctx, message) = accept(request)?;
        let found = self.one(&ctx.caller, &message.name).await.map_err(status)?;
        Ok(Response::new(explanation(found)))
    }

    async fn evaluate_plans(
        &self,
        request: Request<pb::EvaluatePlansRequest>,
    ) -> Result<Response<pb::EvaluatePlansResponse>, Status> {
        let (ctx, message) = accept(request)?;
        runs::day(&self.planning.clock, "date", &message.date).map_err(status)?;
        let answer = quality::of_plans(&self.planning.db, ctx.tenant(), &message).await;
        answer.map(Response::new).map_err(status)
    }

    async fn start_backtest(
        &self,
        request: Request<pb::StartBacktestRequest>,
    ) -> Result<Response<pb::StartBacktestResponse>, Status> {
        let (ctx, message) = accept(request)?;
        let Planning { db, clock, .. } = &self.planning;
        for (place, date) in message.dates.iter().enumerate() {
            runs::day(clock, &format!("dates[{place}]"), date).map_err(status)?;
        }
        let run = runs::enqueue(db, clock, ctx.tenant(), runs::BACKTEST, &message.request_id, &message).await;
        let backtest = run.and_then(|run| runs::backtest::on_wire(&run)).map_err(status)?;
        Ok(Response::new(pb::StartBacktestResponse { backtest: Some(backtest) }))
    }

    async fn get_backtest(
        &self,
        request: Request<pb::GetBacktestRequest>,
    ) -> Result<Response<pb::GetBacktestResponse>, Status> {
        let (ctx, message) = accept(request)?;
        let id = BacktestId::parse_name(&message.name).map_err(status)?.uuid();
        let run = runs::get(&self.planning.db, ctx.tenant(), runs::BACKTEST, id, &message.name).await;
        let backtest = run.and_then(|run| runs::backtest::on_wire(&run)).map_err(status)?;
        Ok(Response::new(pb::GetBacktestResponse { backtest: Some(backtest) }))
    }

    async fn get_policy(
        &self,
        request: Request<pb::GetPolicyRequest>,
    ) -> Result<Response<pb::GetPolicyResponse>, Status> {
        let (ctx, message) = accept(request)?;
        let found = async {
            let id = PolicyId::parse_name(&message.name)?;
            let found = store::policies::by_id(&mut self.planning.db.read().await?, ctx.tenant(), id).await?;
            found.ok_or_else(|| Error::not_found(id))
        };
        let policy = convert::policy(found.await.map_err(status)?);
        Ok(Response::new(pb::GetPolicyResponse { policy: Some(policy) }))
    }

    async fn list_policies(
        &self,
        request: Request<pb::ListPoliciesRequest>,
    ) -> Result<Response<pb::ListPoliciesResponse>, Status> {
        let (ctx, message) = accept(request)?;
        let found = async {
            let query = ["policies", ctx.tenant().as_str()];
            let page = page::page(message.page_size, &message.page_token, &query)?;
            let mut read = self.planning.db.read().await?;
            let rows = store::policies::list(&mut read, ctx.tenant(), page.key()?, page.limit()).await?;
            Result::Ok(page.cut(rows, |policy| i64::from(policy.version)))
        };
        let (rows, next_page_token) = found.await.map_err(status)?;
        let policies = rows.into_iter().map(convert::policy).collect();
        Ok(Response::new(pb::ListPoliciesResponse { policies, next_page_token }))
    }
}

fn explanation(found: Recommendation) -> pb::ExplainRecommendationResponse {
    let draft = found.frozen.draft;
    let own_history = draft
        .evidence
        .iter()
        .any(|evidence| matches!(&evidence.fact, Fact::Rhythm { orders, .. } if *orders >= 2));
    pb::ExplainRecommendationResponse {
        name: found.id.name(),
        why: draft.why().to_owned(),
        probability: draft.probability,
        policy: found.frozen.policy,
        not_enough_data: !own_history,
        models: draft.models,
        evidence: draft.evidence.into_iter().map(convert::evidence).collect(),
    }
}
