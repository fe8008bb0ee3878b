//! `DeclarationService`.

use salient_kit::{accept, status};
use salient_proto::scoring::v1::{self as pb, declaration_service_server::DeclarationService as Contract};
use tonic::{Request, Response, Status};

use crate::run::Scoring;

/// The service.
#[derive(Clone, Debug)]
pub struct Declarations {
    /// What its verbs work with.
    pub scoring: Scoring,
}

#[tonic::async_trait]
impl Contract for Declarations {
    async fn upsert_model_declaration(
        &self,
        request: Request<pb::UpsertModelDeclarationRequest>,
    ) -> Result<Response<pb::UpsertModelDeclarationResponse>, Status> {
        let (ctx, message) = accept(request)?;
        self.scoring.declare(ctx.tenant(), &message).await.map(Response::new).map_err(status)
    }

    async fn get_model_declaration(
        &self,
        request: Request<pb::GetModelDeclarationRequest>,
    ) -> Result<Response<pb::GetModelDeclarationResponse>, Status> {
        let (ctx, message) = accept(request)?;
        let found = self.scoring.declared(ctx.tenant(), &message.name).await.map_err(status)?;
        Ok(Response::new(pb::GetModelDeclarationResponse { model_declaration: Some(found) }))
    }

    async fn list_model_declarations(
        &self,
        request: Request<pb::ListModelDeclarationsRequest>,
    ) -> Result<Response<pb::ListModelDeclarationsResponse>, Status> {
        let (ctx, message) = accept(request)?;
        self.scoring.declarations(ctx.tenant(), &message).await.map(Response::new).map_err(status)
    }

    async fn delete_model_declaration(
        &self,
        request: Request<pb::DeleteModelDeclarationRequest>,
    ) -> Result<Response<pb::DeleteModelDeclarationResponse>, Status> {
        let (ctx, message) = accept(request)?;
        self.scoring.undeclare(ctx.tenant(), &message).await.map(Response::new).map_err(status)
    }

    async fn list_features(
        &self,
        request: Request<pb::ListFeaturesRequest>,
    ) -> Result<Response<pb::ListFeaturesResponse>, Status> {
        let (ctx, message) = accept(request)?;
        self.scoring.features(ctx.tenant(), &message).await.map(Response::new).map_err(status)
    }

    async fn list_model_templates(
        &self,
        request: Request<pb::ListModelTemplatesRequest>,
    ) -> Result<Response<pb::ListModelTemplatesResponse>, Status> {
        let (ctx, message) = accept(request)?;
        self.scoring.templates(ctx.tenant(), &message).await.map(Response::new).map_err(status)
    }
}
