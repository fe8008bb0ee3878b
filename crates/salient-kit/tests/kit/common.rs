//! A server on port 0 with the real stack and handlers that do as they are asked.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use salient_core::{Error, TenantId};
use salient_kit::{
    Claims, Grpc, IntoStatus, Lifecycle, Role, Signer, Verifier, accept, accept_stream,
    client::{Credentials, Link, channel},
    config::{AuthConfig, KeyConfig, Secret, ServerConfig},
};
use salient_proto::{
    common::v1::{
        BatchResult, GetEventStatusRequest, GetEventStatusResponse, ListDeadLettersRequest,
        ListDeadLettersResponse, ReplayDeadLettersRequest, ReplayDeadLettersResponse,
        events_service_client::EventsServiceClient,
        events_service_server::{EventsService, EventsServiceServer},
    },
    profile::v1::{
        profile_service_client::ProfileServiceClient,
        profile_service_server::{ProfileService, ProfileServiceServer},
        *,
    },
};
use tokio::{net::TcpListener, task::JoinHandle};
use tonic::{Request, Response, Status, Streaming};

pub const SECRET: &str = "0123456789abcdef0123456789abcdef";

pub fn acme() -> TenantId {
    TenantId::try_from("acme").unwrap()
}

pub fn signer() -> Signer {
    Signer::hs256("test", SECRET)
}

pub fn verifier() -> Verifier {
    let keys = vec![KeyConfig::hs256("test", SECRET)];
    Verifier::try_new(&AuthConfig { keys, ..AuthConfig::default() }).unwrap()
}

pub fn token(role: Role) -> String {
    signer().mint(&Claims::lasting(&acme(), "s07", role, Duration::from_secs(60))).unwrap()
}

pub struct TestServer {
    pub address: SocketAddr,
    pub life: Lifecycle,
    pub served: JoinHandle<Result<(), salient_kit::server::ServeError>>,
    /// Handlers that began and have not ended.
    pub busy: Arc<AtomicUsize>,
}

pub fn life() -> Lifecycle {
    Lifecycle::new(Duration::from_secs(20), Duration::from_secs(5))
}

pub async fn serve(config: ServerConfig) -> TestServer {
    serve_with(config, life(), |grpc| grpc).await
}

pub async fn serve_with(
    config: ServerConfig,
    life: Lifecycle,
    change: impl FnOnce(Grpc) -> Grpc,
) -> TestServer {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let handlers = Handlers { busy: Arc::default() };
    let busy = handlers.busy.clone();
    let grpc = Grpc::builder("test", &config, verifier())
        .add_service(salient_kit::sized!(EventsServiceServer::new(handlers.clone()), &config))
        .add_service(salient_kit::sized!(ProfileServiceServer::new(handlers), &config));
    let grpc = change(grpc);
    let own = life.clone();
    let served = tokio::spawn(async move { grpc.serve(listener, &own).await });
    TestServer { address, life, served, busy }
}

impl TestServer {
    pub fn uri(&self) -> String {
        format!("http://{}", self.address)
    }

    /// A link with a token of `role` and a connection of its own.
    pub fn link(&self, role: Role) -> Link {
        let credentials = Credentials::token(&Secret::new(token(role))).unwrap();
        Link::new(channel(&self.uri()).unwrap(), credentials)
    }

    pub fn events(&self, role: Role) -> EventsServiceClient<Link> {
        EventsServiceClient::new(self.link(role))
    }

    pub fn profile(&self, role: Role) -> ProfileServiceClient<Link> {
        ProfileServiceClient::new(self.link(role))
    }

    pub async fn wait_busy(&self, count: usize) {
        while self.busy.load(Ordering::SeqCst) != count {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
}

/// Asks the handler of ListDeadLetters to do something.
pub fn order(what: &str) -> ListDeadLettersRequest {
    ListDeadLettersRequest { page_size: 1, page_token: what.to_owned() }
}

pub type Events = EventsServiceClient<Link>;

#[derive(Clone)]
pub struct Handlers {
    busy: Arc<AtomicUsize>,
}

struct Busy(Arc<AtomicUsize>);

impl Busy {
    fn new(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(count.clone())
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

#[tonic::async_trait]
impl EventsService for Handlers {
    async fn get_event_status(
        &self,
        request: Request<GetEventStatusRequest>,
    ) -> Result<Response<GetEventStatusResponse>, Status> {
        accept(request)?;
        Ok(Response::new(GetEventStatusResponse::default()))
    }

    async fn list_dead_letters(
        &self,
        request: Request<ListDeadLettersRequest>,
    ) -> Result<Response<ListDeadLettersResponse>, Status> {
        let _busy = Busy::new(&self.busy);
        let (ctx, message) = accept(request)?;
        let answer = match message.page_token.split_once(':').unwrap_or((&message.page_token, "")) {
            ("panic", _) => panic!("as ordered"),
            ("sleep", millis) => {
                tokio::time::sleep(Duration::from_millis(millis.parse().unwrap())).await;
                "slept".to_owned()
            }
            ("caller", _) => format!("{} {} {}", ctx.tenant(), ctx.caller.subject, ctx.caller.role),
            ("remaining", _) => ctx.remaining().unwrap().as_millis().to_string(),
            ("trace", _) => salient_kit::telemetry::propagation::current_traceparent().unwrap_or_default(),
            ("fail", _) => Err(Error::internal("the cause")).into_status()?,
            ("big", bytes) => "x".repeat(bytes.parse().unwrap()),
            _ => "done".to_owned(),
        };
        Ok(Response::new(ListDeadLettersResponse { next_page_token: answer, ..Default::default() }))
    }

    async fn replay_dead_letters(
        &self,
        request: Request<ReplayDeadLettersRequest>,
    ) -> Result<Response<ReplayDeadLettersResponse>, Status> {
        let (_, message) = accept(request)?;
        let applied = i32::try_from(message.event_ids.len()).unwrap();
        Ok(Response::new(ReplayDeadLettersResponse { applied, failed: 0 }))
    }
}

macro_rules! handlers {
    ($($method:ident $request:ident $response:ident;)*) => {
        #[tonic::async_trait]
        impl ProfileService for Handlers {
            $(async fn $method(&self, _: Request<$request>) -> Result<Response<$response>, Status> {
                Ok(Response::new($response::default()))
            })*

            async fn ingest_records(
                &self,
                request: Request<Streaming<IngestRecordsRequest>>,
            ) -> Result<Response<IngestRecordsResponse>, Status> {
                let _busy = Busy::new(&self.busy);
                let (_, mut inbound) = accept_stream(request)?;
                let (mut batches, mut created) = (0, 0);
                while let Some(batch) = inbound.next().await? {
                    batches += 1;
                    created += i32::try_from(batch.accounts.len()).unwrap();
                }
                let accounts = Some(BatchResult { created, ..BatchResult::default() });
                Ok(Response::new(IngestRecordsResponse { batches, accounts, ..Default::default() }))
            }
        }
    };
}

handlers! {
    upsert_accounts UpsertAccountsRequest UpsertAccountsResponse;
    get_account GetAccountRequest GetAccountResponse;
    list_accounts ListAccountsRequest ListAccountsResponse;
    upsert_contacts UpsertContactsRequest UpsertContactsResponse;
    get_contact GetContactRequest GetContactResponse;
    list_contacts ListContactsRequest ListContactsResponse;
    upsert_orders UpsertOrdersRequest UpsertOrdersResponse;
    get_order GetOrderRequest GetOrderResponse;
    list_orders ListOrdersRequest ListOrdersResponse;
    upsert_interactions UpsertInteractionsRequest UpsertInteractionsResponse;
    get_interaction GetInteractionRequest GetInteractionResponse;
    list_interactions ListInteractionsRequest ListInteractionsResponse;
    upsert_opportunities UpsertOpportunitiesRequest UpsertOpportunitiesResponse;
    get_opportunity GetOpportunityRequest GetOpportunityResponse;
    list_opportunities ListOpportunitiesRequest ListOpportunitiesResponse;
    list_timeline ListTimelineRequest ListTimelineResponse;
}
