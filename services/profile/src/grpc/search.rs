//! The handlers of `SearchService`.

use salient_kit::{IntoStatus as _, accept};
use salient_proto::profile::v1::{
    SearchProfilesRequest, SearchProfilesResponse, search_service_server::SearchService,
};
use tonic::{Request, Response, Status};

use crate::{profile::Profile, search};

/// The handlers.
#[derive(Clone, Debug)]
pub struct Search(Profile);

impl Search {
    /// Handlers that work on `profile`.
    pub fn new(profile: Profile) -> Self {
        Self(profile)
    }
}

#[tonic::async_trait]
impl SearchService for Search {
    async fn search_profiles(
        &self,
        request: Request<SearchProfilesRequest>,
    ) -> Result<Response<SearchProfilesResponse>, Status> {
        let (ctx, message) = accept(request)?;
        search::search(&self.0, ctx.tenant(), &message).await.map(Response::new).into_status()
    }
}
