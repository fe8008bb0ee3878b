//! The handlers of `JourneyService`.

use futures::{StreamExt as _, stream::BoxStream};
use salient_kit::{IntoStatus as _, accept, status};
use salient_proto::profile::v1::{
    GetJourneyRequest, GetJourneyResponse, GetJourneyRulesRequest, GetJourneyRulesResponse,
    ListJourneyTransitionsRequest, ListJourneyTransitionsResponse, UpdateJourneyRulesRequest,
    UpdateJourneyRulesResponse, WatchJourneysRequest, WatchJourneysResponse,
    journey_service_server::JourneyService,
};
use tonic::{Request, Response, Status};

use crate::{journeys, upsert, watch::Watch};

/// The handlers.
#[derive(Clone, Debug)]
pub struct Journeys(Watch);

type Answer<T> = Result<Response<T>, Status>;

impl Journeys {
    /// Handlers that work on what `watch` watches.
    pub fn new(watch: Watch) -> Self {
        Self(watch)
    }
}

#[tonic::async_trait]
impl JourneyService for Journeys {
    type WatchJourneysStream = BoxStream<'static, Result<WatchJourneysResponse, Status>>;

    async fn get_journey(&self, request: Request<GetJourneyRequest>) -> Answer<GetJourneyResponse> {
        let (ctx, message) = accept(request)?;
        let journey = journeys::get(&self.0.profile, ctx.tenant(), &message.name).await.into_status()?;
        Ok(Response::new(GetJourneyResponse { journey: Some(journey) }))
    }

    async fn list_journey_transitions(
        &self,
        request: Request<ListJourneyTransitionsRequest>,
    ) -> Answer<ListJourneyTransitionsResponse> {
        let (ctx, message) = accept(request)?;
        journeys::list(&self.0.profile, ctx.tenant(), &message).await.map(Response::new).into_status()
    }

    async fn watch_journeys(
        &self,
        request: Request<WatchJourneysRequest>,
    ) -> Answer<Self::WatchJourneysStream> {
        let (ctx, message) = accept(request)?;
        let steps = self.0.journeys(ctx.tenant(), &message.cursor).await.into_status()?;
        Ok(Response::new(steps.map(|next| next.map_err(status)).boxed()))
    }

    async fn get_journey_rules(
        &self,
        request: Request<GetJourneyRulesRequest>,
    ) -> Answer<GetJourneyRulesResponse> {
        let (ctx, _) = accept(request)?;
        let mut conn = self.0.profile.db.read().await.map_err(salient_core::Error::from).into_status()?;
        let rules = journeys::rules(&mut conn, ctx.tenant()).await.into_status()?;
        Ok(Response::new(GetJourneyRulesResponse { rules: Some(rules) }))
    }

    async fn update_journey_rules(
        &self,
        request: Request<UpdateJourneyRulesRequest>,
    ) -> Answer<UpdateJourneyRulesResponse> {
        let (ctx, message) = accept(request)?;
        let request = upsert::Request::new(ctx.tenant(), "UpdateJourneyRules", &message.request_id, &message);
        let rules = message.rules.unwrap_or_default();
        journeys::update_rules(&self.0.profile, request, rules).await.map(Response::new).into_status()
    }
}
