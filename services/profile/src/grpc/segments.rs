//! The handlers of `SegmentService`.

use futures::{StreamExt as _, stream::BoxStream};
use salient_core::page;
use salient_kit::{IntoStatus as _, accept, status};
use salient_proto::profile::v1::{
    ConditionName, DeleteSegmentRequest, DeleteSegmentResponse, EvaluateSegmentRequest,
    EvaluateSegmentResponse, GetSegmentRequest, GetSegmentResponse, ListAccountSegmentsRequest,
    ListAccountSegmentsResponse, ListConditionNamesRequest, ListConditionNamesResponse, ListMembersRequest,
    ListMembersResponse, ListSegmentsRequest, ListSegmentsResponse, UpsertSegmentRequest,
    UpsertSegmentResponse, WatchMembershipRequest, WatchMembershipResponse,
    segment_service_server::SegmentService,
};
use tonic::{Request, Response, Status};

use crate::{domain::condition, segments, upsert, watch::Watch};

/// The handlers.
#[derive(Clone, Debug)]
pub struct Segments(Watch);

type Answer<T> = Result<Response<T>, Status>;

impl Segments {
    /// Handlers that work on what `watch` watches.
    pub fn new(watch: Watch) -> Self {
        Self(watch)
    }
}

#[tonic::async_trait]
impl SegmentService for Segments {
    type WatchMembershipStream = BoxStream<'static, Result<WatchMembershipResponse, Status>>;

    async fn upsert_segment(&self, request: Request<UpsertSegmentRequest>) -> Answer<UpsertSegmentResponse> {
        let (ctx, message) = accept(request)?;
        let request = upsert::Request::new(ctx.tenant(), "UpsertSegment", &message.request_id, &message);
        let segment = message.segment.unwrap_or_default();
        segments::upsert(&self.0.profile, request, segment).await.map(Response::new).into_status()
    }

    async fn get_segment(&self, request: Request<GetSegmentRequest>) -> Answer<GetSegmentResponse> {
        let (ctx, message) = accept(request)?;
        let segment = segments::get(&self.0.profile, ctx.tenant(), &message.name).await.into_status()?;
        Ok(Response::new(GetSegmentResponse { segment: Some(segment) }))
    }

    async fn list_segments(&self, request: Request<ListSegmentsRequest>) -> Answer<ListSegmentsResponse> {
        let (ctx, message) = accept(request)?;
        segments::list(&self.0.profile, ctx.tenant(), &message).await.map(Response::new).into_status()
    }

    async fn delete_segment(&self, request: Request<DeleteSegmentRequest>) -> Answer<DeleteSegmentResponse> {
        let (ctx, message) = accept(request)?;
        let request = upsert::Request::new(ctx.tenant(), "DeleteSegment", &message.request_id, &message);
        segments::delete(&self.0.profile, request, &message.name).await.map(Response::new).into_status()
    }

    async fn list_members(&self, request: Request<ListMembersRequest>) -> Answer<ListMembersResponse> {
        let (ctx, message) = accept(request)?;
        segments::list_members(&self.0.profile, ctx.tenant(), &message).await.map(Response::new).into_status()
    }

    async fn list_account_segments(
        &self,
        request: Request<ListAccountSegmentsRequest>,
    ) -> Answer<ListAccountSegmentsResponse> {
        let (ctx, message) = accept(request)?;
        segments::list_of_account(&self.0.profile, ctx.tenant(), &message)
            .await
            .map(Response::new)
            .into_status()
    }

    async fn watch_membership(
        &self,
        request: Request<WatchMembershipRequest>,
    ) -> Answer<Self::WatchMembershipStream> {
        let (ctx, message) = accept(request)?;
        let changes =
            self.0.membership(ctx.tenant(), &message.segment, &message.cursor).await.into_status()?;
        Ok(Response::new(changes.map(|next| next.map_err(status)).boxed()))
    }

    async fn evaluate_segment(
        &self,
        request: Request<EvaluateSegmentRequest>,
    ) -> Answer<EvaluateSegmentResponse> {
        let (ctx, message) = accept(request)?;
        segments::evaluate(&self.0.profile, ctx.tenant(), &message, ctx.remaining())
            .await
            .map(Response::new)
            .into_status()
    }

    async fn list_condition_names(
        &self,
        request: Request<ListConditionNamesRequest>,
    ) -> Answer<ListConditionNamesResponse> {
        let (_, message) = accept(request)?;
        let page = page::page(message.page_size, &message.page_token, &["condition names"]).into_status()?;
        let begin: usize = page.key().into_status()?.unwrap_or_default();
        let names = condition::documentation().into_iter().enumerate().skip(begin).take(page.size + 1);
        let (names, next_page_token) = page.cut(names.collect(), |(position, _)| position + 1);
        let name = |(_, (signature, description))| ConditionName { signature, description };
        let names = names.into_iter().map(name).collect();
        Ok(Response::new(ListConditionNamesResponse { names, next_page_token }))
    }
}
