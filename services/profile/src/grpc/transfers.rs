//! The handlers of `TransferService`.

use futures::{StreamExt as _, stream::BoxStream};
use salient_core::Error;
use salient_kit::{IntoStatus as _, accept, accept_stream, status};
use salient_proto::profile::v1::{
    ExportRequest, ExportResponse, GetTransferRequest, GetTransferResponse, ImportRequest, ImportResponse,
    ListTransferProblemsRequest, ListTransferProblemsResponse, ListTransfersRequest, ListTransfersResponse,
    transfer_service_server::TransferService,
};
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status, Streaming};

use crate::{export, profile::Profile, transfers};

/// The handlers.
#[derive(Clone, Debug)]
pub struct Transfers {
    /// What they work on.
    pub profile: Profile,
    /// Bytes of a file, at most.
    pub most: u64,
    /// When exports end early.
    pub shutdown: CancellationToken,
}

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl TransferService for Transfers {
    type ExportStream = BoxStream<'static, Result<ExportResponse, Status>>;

    async fn import(&self, request: Request<Streaming<ImportRequest>>) -> Answer<ImportResponse> {
        let (ctx, mut inbound) = accept_stream(request)?;
        let mut first = inbound.next().await?;
        let header = first.as_mut().and_then(|message| message.header.take());
        let missing =
            || Error::field("messages[0].header", "is required: the first message says what the file is");
        let header = header.ok_or_else(missing).into_status()?;
        let mut upload =
            transfers::begin(&self.profile, ctx.tenant(), header, self.most).await.into_status()?;
        let mut next = first;
        while let Some(piece) = next {
            upload.take(piece).await.into_status()?;
            next = inbound.next().await?;
        }
        let transfer = upload.told().await.into_status()?;
        Ok(Response::new(ImportResponse { transfer: Some(transfer) }))
    }

    async fn get_transfer(&self, request: Request<GetTransferRequest>) -> Answer<GetTransferResponse> {
        let (ctx, message) = accept(request)?;
        let transfer = transfers::get(&self.profile, ctx.tenant(), &message.name).await.into_status()?;
        Ok(Response::new(GetTransferResponse { transfer: Some(transfer) }))
    }

    async fn list_transfers(&self, request: Request<ListTransfersRequest>) -> Answer<ListTransfersResponse> {
        let (ctx, message) = accept(request)?;
        transfers::list(&self.profile, ctx.tenant(), &message).await.map(Response::new).into_status()
    }

    async fn list_transfer_problems(
        &self,
        request: Request<ListTransferProblemsRequest>,
    ) -> Answer<ListTransferProblemsResponse> {
        let (ctx, message) = accept(request)?;
        transfers::problems(&self.profile, ctx.tenant(), &message).await.map(Response::new).into_status()
    }

    async fn export(&self, request: Request<ExportRequest>) -> Answer<Self::ExportStream> {
        let (ctx, message) = accept(request)?;
        let pieces =
            export::export(&self.profile, ctx.tenant(), &message, self.shutdown.clone()).into_status()?;
        Ok(Response::new(pieces.map(|piece| piece.map_err(status)).boxed()))
    }
}
