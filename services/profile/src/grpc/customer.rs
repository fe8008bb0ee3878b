//! The handlers of `CustomerService`.

use salient_kit::{IntoStatus as _, accept};
use salient_proto::profile::v1::{
    GetCustomerRequest, GetCustomerResponse, customer_service_server::CustomerService,
};
use tonic::{Request, Response, Status};

use crate::{customer, profile::Profile};

/// The handlers.
#[derive(Clone, Debug)]
pub struct Service(Profile);

impl Service {
    /// Handlers that work on `profile`.
    pub fn new(profile: Profile) -> Self {
        Self(profile)
    }
}

#[tonic::async_trait]
impl CustomerService for Service {
    async fn get_customer(
        &self,
        request: Request<GetCustomerRequest>,
    ) -> Result<Response<GetCustomerResponse>, Status> {
        let (ctx, message) = accept(request)?;
        let customer = customer::get(&self.0, ctx.tenant(), &message).await.into_status()?;
        Ok(Response::new(GetCustomerResponse { customer: Some(customer) }))
    }
}
