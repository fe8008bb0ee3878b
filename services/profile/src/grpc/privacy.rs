//! The handlers of `PrivacyService`.

use salient_kit::{IntoStatus as _, accept};
use salient_proto::profile::v1::{
    ErasePersonRequest, ErasePersonResponse, ExportPersonRequest, ExportPersonResponse, GetConsentRequest,
    GetConsentResponse, GetErasureRequest, GetErasureResponse, GetPersonExportRequest,
    GetPersonExportResponse, GetPrivacySettingsRequest, GetPrivacySettingsResponse, ListConsentsRequest,
    ListConsentsResponse, ListErasuresRequest, ListErasuresResponse, RecordConsentsRequest,
    RecordConsentsResponse, UpdatePrivacySettingsRequest, UpdatePrivacySettingsResponse,
    privacy_service_server::PrivacyService,
};
use tonic::{Request, Response, Status};

use super::convert::batch_result;
use crate::{
    privacy::{Privacy, consents, erase, export, settings},
    upsert,
};

/// The handlers.
#[derive(Clone, Debug)]
pub struct PrivacyHandlers(pub Privacy);

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl PrivacyService for PrivacyHandlers {
    async fn record_consents(
        &self,
        request: Request<RecordConsentsRequest>,
    ) -> Answer<RecordConsentsResponse> {
        let (ctx, message) = accept(request)?;
        let id = message.request_id.clone();
        let write = upsert::Request::new(ctx.tenant(), "RecordConsents", &id, &message);
        consents::record(&self.0, write, message.consents, |mut recorded| {
            let names = std::mem::take(&mut recorded.summary.names);
            let result = Some(batch_result(&id, recorded.summary));
            RecordConsentsResponse { result, names, outdated_names: recorded.outdated }
        })
        .await
        .map(Response::new)
        .into_status()
    }

    async fn get_consent(&self, request: Request<GetConsentRequest>) -> Answer<GetConsentResponse> {
        let (ctx, message) = accept(request)?;
        let statuses = consents::status(&self.0, ctx.tenant(), &message).await.into_status()?;
        Ok(Response::new(GetConsentResponse { statuses }))
    }

    async fn list_consents(&self, request: Request<ListConsentsRequest>) -> Answer<ListConsentsResponse> {
        let (ctx, message) = accept(request)?;
        let (consents, next_page_token) =
            consents::list(&self.0, ctx.tenant(), &message).await.into_status()?;
        Ok(Response::new(ListConsentsResponse { consents, next_page_token }))
    }

    async fn export_person(&self, request: Request<ExportPersonRequest>) -> Answer<ExportPersonResponse> {
        let (ctx, message) = accept(request)?;
        let write = upsert::Request::new(ctx.tenant(), "ExportPerson", &message.request_id, &message);
        let export = export::begin(&self.0, &ctx.caller, write, &message.contact).await.into_status()?;
        Ok(Response::new(ExportPersonResponse { export: Some(export) }))
    }

    async fn get_person_export(
        &self,
        request: Request<GetPersonExportRequest>,
    ) -> Answer<GetPersonExportResponse> {
        let (ctx, message) = accept(request)?;
        let export = export::get(&self.0, ctx.tenant(), &message.name).await.into_status()?;
        Ok(Response::new(GetPersonExportResponse { export: Some(export) }))
    }

    async fn erase_person(&self, request: Request<ErasePersonRequest>) -> Answer<ErasePersonResponse> {
        let (ctx, message) = accept(request)?;
        let write = upsert::Request::new(ctx.tenant(), "ErasePerson", &message.request_id, &message);
        let erasure = erase::erase(&self.0, &ctx.caller, write, &message.contact).await.into_status()?;
        Ok(Response::new(ErasePersonResponse { erasure: Some(erasure) }))
    }

    async fn get_erasure(&self, request: Request<GetErasureRequest>) -> Answer<GetErasureResponse> {
        let (ctx, message) = accept(request)?;
        let erasure = erase::get(&self.0, ctx.tenant(), &message.name).await.into_status()?;
        Ok(Response::new(GetErasureResponse { erasure: Some(erasure) }))
    }

    async fn list_erasures(&self, request: Request<ListErasuresRequest>) -> Answer<ListErasuresResponse> {
        let (ctx, message) = accept(request)?;
        let (erasures, next_page_token) = erase::list(&self.0, ctx.tenant(), &message).await.into_status()?;
        Ok(Response::new(ListErasuresResponse { erasures, next_page_token }))
    }

    async fn get_privacy_settings(
        &self,
        request: Request<GetPrivacySettingsRequest>,
    ) -> Answer<GetPrivacySettingsResponse> {
        let (ctx, _) = accept(request)?;
        let settings = settings::get(&self.0, ctx.tenant()).await.into_status()?;
        Ok(Response::new(GetPrivacySettingsResponse { settings: Some(settings) }))
    }

    async fn update_privacy_settings(
        &self,
        request: Request<UpdatePrivacySettingsRequest>,
    ) -> Answer<UpdatePrivacySettingsResponse> {
        let (ctx, message) = accept(request)?;
        let write =
            upsert::Request::new(ctx.tenant(), "UpdatePrivacySettings", &message.request_id, &message);
        settings::update(&self.0, write, message.settings).await.map(Response::new).into_status()
    }
}
