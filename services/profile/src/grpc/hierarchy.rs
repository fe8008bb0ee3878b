//! The handlers of `HierarchyService`.

use salient_core::Error;
use salient_kit::{IntoStatus as _, accept};
use salient_proto::profile::v1::{
    GetHierarchyRequest, GetHierarchyResponse, ListGroupRequest, ListGroupResponse, ListSubsidiariesRequest,
    ListSubsidiariesResponse, ReleaseParentRequest, ReleaseParentResponse, SetParentRequest,
    SetParentResponse, hierarchy_service_server::HierarchyService,
};
use tonic::{Request, Response, Status};

use super::identity::once;
use crate::{hierarchy, profile::Profile, store, upsert};

/// The handlers.
#[derive(Clone, Debug)]
pub struct Service(Profile);

type Answer<T> = Result<Response<T>, Status>;

impl Service {
    /// Handlers that work on `profile`.
    pub fn new(profile: Profile) -> Self {
        Self(profile)
    }
}

#[tonic::async_trait]
impl HierarchyService for Service {
    async fn get_hierarchy(&self, request: Request<GetHierarchyRequest>) -> Answer<GetHierarchyResponse> {
        let (ctx, message) = accept(request)?;
        let hierarchy = hierarchy::get(&self.0, ctx.tenant(), &message.name).await.into_status()?;
        Ok(Response::new(GetHierarchyResponse { hierarchy: Some(hierarchy) }))
    }

    async fn list_subsidiaries(
        &self,
        request: Request<ListSubsidiariesRequest>,
    ) -> Answer<ListSubsidiariesResponse> {
        let (ctx, message) = accept(request)?;
        hierarchy::list(&self.0, ctx.tenant(), &message).await.map(Response::new).into_status()
    }

    async fn list_group(&self, request: Request<ListGroupRequest>) -> Answer<ListGroupResponse> {
        let (ctx, message) = accept(request)?;
        hierarchy::group(&self.0, ctx.tenant(), &message).await.map(Response::new).into_status()
    }

    async fn set_parent(&self, request: Request<SetParentRequest>) -> Answer<SetParentResponse> {
        once!(self, request, "SetParent", |tx, ctx, message| {
            let (name, parent) = (message.name.as_str(), Some(message.parent.as_str()));
            let placed = hierarchy::set_in_tx(&mut tx, &self.0, ctx.tenant(), name, parent).await?;
            SetParentResponse { hierarchy: Some(placed) }
        })
    }

    async fn release_parent(&self, request: Request<ReleaseParentRequest>) -> Answer<ReleaseParentResponse> {
        once!(self, request, "ReleaseParent", |tx, ctx, message| {
            let placed = hierarchy::set_in_tx(&mut tx, &self.0, ctx.tenant(), &message.name, None).await?;
            ReleaseParentResponse { hierarchy: Some(placed) }
        })
    }
}
