//! The handlers of `TelemetryService`.

use std::pin::pin;

use futures::future::{Either, select};
use salient_core::{Error, Result as CoreResult, TenantId};
use salient_kit::{IntoStatus as _, accept, accept_stream, request::Inbound, status};
use salient_proto::profile::v1::{
    IngestTelemetryRequest, IngestTelemetryResponse, ListDevicesRequest, ListDevicesResponse,
    ListUsageRequest, ListUsageResponse, UpsertDevicesRequest, UpsertDevicesResponse,
    telemetry_service_server::TelemetryService,
};
use tonic::{Request, Response, Status, Streaming};

use super::convert;
use crate::{
    profile::Profile,
    telemetry::{self, Prepared},
    upsert,
};

/// The handlers.
#[derive(Clone, Debug)]
pub struct Telemetry(Profile);

type Answer<T> = Result<Response<T>, Status>;

impl Telemetry {
    /// Handlers that work on `profile`.
    pub fn new(profile: Profile) -> Self {
        Self(profile)
    }

    /// The next message of a stream, with its readings added up, beside the async runtime.
    async fn next(
        &self,
        tenant: &TenantId,
        inbound: &mut Inbound<IngestTelemetryRequest>,
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
impl TelemetryService for Telemetry {
    async fn ingest_telemetry(
        &self,
        request: Request<Streaming<IngestTelemetryRequest>>,
    ) -> Answer<IngestTelemetryResponse> {
        let (ctx, mut inbound) = accept_stream(request)?;
        let mut total = IngestTelemetryResponse::default();
        let mut next = self.next(ctx.tenant(), &mut inbound).await?;
        while let Some(prepared) = next {
            // as with records: one message is added up while the one before is committed
            let id = prepared.request_id().to_owned();
            let answer = |taken, refused| convert::measured(&id, taken, refused);
            let commit = pin!(telemetry::ingest(&self.0, prepared, answer));
            let read = pin!(self.next(ctx.tenant(), &mut inbound));
            let (done, following): (CoreResult<_>, _) = match select(commit, read).await {
                Either::Left((Ok(done), read)) => (Ok(done), read.await),
                Either::Left((Err(error), _)) => return Err(status(error)),
                Either::Right((following, commit)) => (commit.await, following),
            };
            convert::add_measured(&mut total, done.into_status()?);
            next = following?;
        }
        Ok(Response::new(total))
    }

    async fn list_usage(&self, request: Request<ListUsageRequest>) -> Answer<ListUsageResponse> {
        let (ctx, message) = accept(request)?;
        telemetry::list(&self.0, ctx.tenant(), &message).await.map(Response::new).into_status()
    }

    async fn upsert_devices(&self, request: Request<UpsertDevicesRequest>) -> Answer<UpsertDevicesResponse> {
        let (ctx, message) = accept(request)?;
        let request = upsert::Request::new(ctx.tenant(), "UpsertDevices", &message.request_id, &message);
        let id = request.id().to_owned();
        let answer = |summary| UpsertDevicesResponse { result: Some(convert::batch_result(&id, summary)) };
        telemetry::upsert_devices(&self.0, request, message.devices, answer)
            .await
            .map(Response::new)
            .into_status()
    }

    async fn list_devices(&self, request: Request<ListDevicesRequest>) -> Answer<ListDevicesResponse> {
        let (ctx, message) = accept(request)?;
        telemetry::list_devices(&self.0, ctx.tenant(), &message).await.map(Response::new).into_status()
    }
}
