//! The handlers of `ProfileService`.

use std::pin::pin;

use futures::future::{Either, select};
use salient_core::{Error, Result as CoreResult, TenantId};
use salient_kit::{IntoStatus as _, accept, accept_stream, request::Inbound, status};
use salient_proto::profile::v1::{
    GetAccountRequest, GetAccountResponse, GetContactRequest, GetContactResponse, GetInteractionRequest,
    GetInteractionResponse, GetOpportunityRequest, GetOpportunityResponse, GetOrderRequest, GetOrderResponse,
    IngestRecordsRequest, IngestRecordsResponse, ListAccountsRequest, ListAccountsResponse,
    ListContactsRequest, ListContactsResponse, ListInteractionsRequest, ListInteractionsResponse,
    ListOpportunitiesRequest, ListOpportunitiesResponse, ListOrdersRequest, ListOrdersResponse,
    ListTimelineRequest, ListTimelineResponse, UpsertAccountsRequest, UpsertAccountsResponse,
    UpsertContactsRequest, UpsertContactsResponse, UpsertInteractionsRequest, UpsertInteractionsResponse,
    UpsertOpportunitiesRequest, UpsertOpportunitiesResponse, UpsertOrdersRequest, UpsertOrdersResponse,
    profile_service_server::ProfileService,
};
use tonic::{Request, Response, Status, Streaming};

use super::convert::{self, GetRequest, ListRequest, UpsertRequest};
use crate::{
    domain::{Record, UpdateMask, batch::Batch},
    ingest::{self, Prepared},
    profile::Profile,
    read, timeline,
    upsert::{self, upsert},
};

/// The handlers.
#[derive(Clone, Debug)]
pub struct Service(Profile);

type Answer<T> = Result<Response<T>, Status>;

impl Service {
    /// Handlers that work on `profile`.
    pub fn new(profile: Profile) -> Self {
        Self(profile)
    }

    async fn upsert<M: UpsertRequest>(&self, request: Request<M>) -> Answer<M::Response> {
        let (ctx, message) = accept(request)?;
        let request = upsert::Request::new(ctx.tenant(), M::METHOD, message.request_id(), &message);
        let (records, mask) = message.into_parts();
        let mask = UpdateMask::parse(&convert::paths(mask), M::Record::WRITABLE).into_status()?;
        let batch = Batch::prepare(records, self.0.clock.latest());
        let id = request.id().to_owned();
        upsert(&self.0, request, batch, mask, |mut summary| {
            let names = std::mem::take(&mut summary.names);
            M::response(convert::batch_result(&id, summary), names)
        })
        .await
        .map(Response::new)
        .into_status()
    }

    async fn get<M: GetRequest>(&self, request: Request<M>) -> Answer<M::Response> {
        let (ctx, message) = accept(request)?;
        let (name, mask) = message.into_parts();
        let mask = convert::read_mask::<M::Record>(mask).into_status()?;
        let record = read::get::<M::Record>(&self.0, ctx.tenant(), &name).await.into_status()?;
        Ok(Response::new(M::response(convert::masked(record, &mask))))
    }

    async fn list<M: ListRequest>(&self, request: Request<M>) -> Answer<M::Response> {
        let (ctx, message) = accept(request)?;
        let (page, mask) = message.into_parts();
        let mask = convert::read_mask::<M::Record>(mask).into_status()?;
        let (records, next) =
            read::list::<M::Record>(&self.0, ctx.tenant(), page.size, &page.token, &page.filter)
                .await
                .into_status()?;
        let records = records.into_iter().map(|record| convert::masked(record, &mask)).collect();
        Ok(Response::new(M::response(records, next)))
    }

    /// The next message of a stream, with its records looked at, beside the async runtime: a
    /// message of eight megabytes takes a while.
    async fn next(
        &self,
        tenant: &TenantId,
        inbound: &mut Inbound<IngestRecordsRequest>,
    ) -> Result<Option<Prepared>, Status> {
        let Some(message) = inbound.next().await? else { return Ok(None) };
        let (tenant, latest) = (tenant.clone(), self.0.clock.latest());
        tokio::task::spawn_blocking(move || Prepared::new(&tenant, message, latest))
            .await
            .map(Some)
            .map_err(|error| status(Error::internal(error)))
    }
}

#[tonic::async_trait]
impl ProfileService for Service {
    async fn upsert_accounts(
        &self,
        request: Request<UpsertAccountsRequest>,
    ) -> Answer<UpsertAccountsResponse> {
        self.upsert(request).await
    }

    async fn get_account(&self, request: Request<GetAccountRequest>) -> Answer<GetAccountResponse> {
        self.get(request).await
    }

    async fn list_accounts(&self, request: Request<ListAccountsRequest>) -> Answer<ListAccountsResponse> {
        self.list(request).await
    }

    async fn upsert_contacts(
        &self,
        request: Request<UpsertContactsRequest>,
    ) -> Answer<UpsertContactsResponse> {
        self.upsert(request).await
    }

    async fn get_contact(&self, request: Request<GetContactRequest>) -> Answer<GetContactResponse> {
        self.get(request).await
    }

    async fn list_contacts(&self, request: Request<ListContactsRequest>) -> Answer<ListContactsResponse> {
        self.list(request).await
    }

    async fn upsert_orders(&self, request: Request<UpsertOrdersRequest>) -> Answer<UpsertOrdersResponse> {
        self.upsert(request).await
    }

    async fn get_order(&self, request: Request<GetOrderRequest>) -> Answer<GetOrderResponse> {
        self.get(request).await
    }

    async fn list_orders(&self, request: Request<ListOrdersRequest>) -> Answer<ListOrdersResponse> {
        self.list(request).await
    }

    async fn upsert_interactions(
        &self,
        request: Request<UpsertInteractionsRequest>,
    ) -> Answer<UpsertInteractionsResponse> {
        self.upsert(request).await
    }

    async fn get_interaction(
        &self,
        request: Request<GetInteractionRequest>,
    ) -> Answer<GetInteractionResponse> {
        self.get(request).await
    }

    async fn list_interactions(
        &self,
        request: Request<ListInteractionsRequest>,
    ) -> Answer<ListInteractionsResponse> {
        self.list(request).await
    }

    async fn upsert_opportunities(
        &self,
        request: Request<UpsertOpportunitiesRequest>,
    ) -> Answer<UpsertOpportunitiesResponse> {
        self.upsert(request).await
    }

    async fn get_opportunity(
        &self,
        request: Request<GetOpportunityRequest>,
    ) -> Answer<GetOpportunityResponse> {
        self.get(request).await
    }

    async fn list_opportunities(
        &self,
        request: Request<ListOpportunitiesRequest>,
    ) -> Answer<ListOpportunitiesResponse> {
        self.list(request).await
    }

    async fn list_timeline(&self, request: Request<ListTimelineRequest>) -> Answer<ListTimelineResponse> {
        let (ctx, message) = accept(request)?;
        let (entries, next_page_token) =
            timeline::list(&self.0, ctx.tenant(), &message).await.into_status()?;
        Ok(Response::new(ListTimelineResponse { entries, next_page_token }))
    }

    async fn ingest_records(
        &self,
        request: Request<Streaming<IngestRecordsRequest>>,
    ) -> Answer<IngestRecordsResponse> {
        let (ctx, mut inbound) = accept_stream(request)?;
        let mut total = IngestRecordsResponse::default();
        let mut next = self.next(ctx.tenant(), &mut inbound).await?;
        while let Some(prepared) = next {
            // One message is taken in and looked at while the one before is committed. An error of
            // the commit ends the stream at once; an error of the stream lets the commit end.
            let id = prepared.request_id().to_owned();
            let commit = pin!(ingest::ingest(&self.0, prepared, |taken| convert::ingested(&id, taken)));
            let read = pin!(self.next(ctx.tenant(), &mut inbound));
            let (done, following): (CoreResult<_>, _) = match select(commit, read).await {
                Either::Left((Ok(done), read)) => (Ok(done), read.await),
                Either::Left((Err(error), _)) => return Err(status(error)),
                Either::Right((following, commit)) => (commit.await, following),
            };
            convert::add(&mut total, done.into_status()?);
            next = following?;
        }
        Ok(Response::new(total))
    }
}
