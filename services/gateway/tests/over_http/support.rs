//! A gateway before a real gRPC server, both on the loopback interface.

use std::{
    collections::BTreeMap,
    convert::Infallible,
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use futures::Stream;
use http::{Method, StatusCode};
use http_body_util::{BodyExt, Either, Full, StreamBody};
use hyper::body::Frame;
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use salient_core::{Error, Reason, TenantId};
use salient_gateway::{Config, Parts, build};
use salient_kit::{
    Claims, Grpc, IntoStatus, Lifecycle, Role, Signer, Verifier, accept, accept_stream,
    config::{AuthConfig, KeyConfig, ServerConfig},
    sized,
};
use salient_proto::{common::v1 as common, profile::v1 as profile};
use tokio::net::TcpListener;
use tonic::{Request, Response, Status, Streaming};

const SECRET: &str = "a secret of at least thirty-two bytes";

/// What the server behind was asked.
#[derive(Clone, Debug, Default)]
pub struct Seen(Arc<Mutex<Vec<(String, http::HeaderMap)>>>);

impl Seen {
    fn note<T>(&self, request: &Request<T>, what: &str) {
        self.0.lock().unwrap().push((what.to_owned(), request.metadata().clone().into_headers()));
    }

    pub fn calls(&self) -> Vec<(String, http::HeaderMap)> {
        self.0.lock().unwrap().clone()
    }
}

#[derive(Clone, Debug, Default)]
struct Profile(Seen);

/// A server trait with some methods; the others answer UNIMPLEMENTED.
macro_rules! partly {
    (impl $service:path, for $type:ty { $($done:item)* } missing { $($name:ident: $input:ident => $output:ident,)* }) => {
        #[tonic::async_trait]
        impl $service for $type {
            $($done)*
            $(async fn $name(&self, _: Request<profile::$input>) -> Result<Response<profile::$output>, Status> {
                Err(Status::unimplemented(stringify!($name)))
            })*
        }
    };
}

partly! {
    impl profile::profile_service_server::ProfileService, for Profile {
        async fn get_account(&self, request: Request<profile::GetAccountRequest>) -> Result<Response<profile::GetAccountResponse>, Status> {
            self.0.note(&request, "GetAccount");
            let (_, message) = accept(request)?;
            if message.name.ends_with('0') {
                return Err(Error::new(Reason::ResourceUnknown, format!("{} does not exist", message.name)).into_status());
            }
            let paths = message.read_mask.map(|mask| mask.paths.join(",")).unwrap_or_default();
            let account = profile::Account {
                name: message.name,
                display_name: "Müller & Söhne".into(),
                attributes: [("mask".to_owned(), paths)].into(),
                create_time: Some(prost_types::Timestamp { seconds: 1_322_000_000, nanos: 500_000_000 }),
                ..Default::default()
            };
            Ok(Response::new(profile::GetAccountResponse { account: Some(account) }))
        }
        async fn upsert_accounts(&self, request: Request<profile::UpsertAccountsRequest>) -> Result<Response<profile::UpsertAccountsResponse>, Status> {
            self.0.note(&request, "UpsertAccounts");
            let (_, message) = accept(request)?;
            let names = message.accounts.iter().map(|account| account.display_name.clone()).collect();
            let created = i32::try_from(message.accounts.len()).unwrap();
            let result = common::BatchResult { created, ..Default::default() };
            Ok(Response::new(profile::UpsertAccountsResponse { result: Some(result), names }))
        }
        async fn get_order(&self, request: Request<profile::GetOrderRequest>) -> Result<Response<profile::GetOrderResponse>, Status> {
            self.0.note(&request, "GetOrder");
            tokio::time::sleep(Duration::from_secs(30)).await;
            Err(Status::internal("slept too well"))
        }
        async fn list_orders(&self, request: Request<profile::ListOrdersRequest>) -> Result<Response<profile::ListOrdersResponse>, Status> {
            self.0.note(&request, "ListOrders");
            match self.0.calls().len() {
                1 => Err(Status::unavailable("restarting")),
                _ => Ok(Response::new(profile::ListOrdersResponse::default())),
            }
        }
        async fn ingest_records(&self, request: Request<Streaming<profile::IngestRecordsRequest>>) -> Result<Response<profile::IngestRecordsResponse>, Status> {
            self.0.note(&request, "IngestRecords");
            let (_, mut messages) = accept_stream(request)?;
            let mut answer = profile::IngestRecordsResponse::default();
            let accounts = answer.accounts.get_or_insert_default();
            while let Some(message) = messages.next().await? {
                answer.batches += 1;
                accounts.created += i32::try_from(message.accounts.len()).unwrap();
            }
            Ok(Response::new(answer))
        }
    } missing {
        list_accounts: ListAccountsRequest => ListAccountsResponse,
        upsert_contacts: UpsertContactsRequest => UpsertContactsResponse,
        get_contact: GetContactRequest => GetContactResponse,
        list_contacts: ListContactsRequest => ListContactsResponse,
        upsert_orders: UpsertOrdersRequest => UpsertOrdersResponse,
        upsert_interactions: UpsertInteractionsRequest => UpsertInteractionsResponse,
        get_interaction: GetInteractionRequest => GetInteractionResponse,
        list_interactions: ListInteractionsRequest => ListInteractionsResponse,
        upsert_opportunities: UpsertOpportunitiesRequest => UpsertOpportunitiesResponse,
        get_opportunity: GetOpportunityRequest => GetOpportunityResponse,
        list_opportunities: ListOpportunitiesRequest => ListOpportunitiesResponse,
        list_timeline: ListTimelineRequest => ListTimelineResponse,
    }
}

#[derive(Clone, Debug)]
struct Events(&'static str);

#[tonic::async_trait]
impl common::events_service_server::EventsService for Events {
    async fn get_event_status(
        &self,
        _: Request<common::GetEventStatusRequest>,
    ) -> Result<Response<common::GetEventStatusResponse>, Status> {
        let status = common::get_event_status_response::TypeStatus {
            r#type: self.0.into(),
            committed: 7,
            ..Default::default()
        };
        Ok(Response::new(common::GetEventStatusResponse { types: vec![status] }))
    }
    async fn list_dead_letters(
        &self,
        _: Request<common::ListDeadLettersRequest>,
    ) -> Result<Response<common::ListDeadLettersResponse>, Status> {
        Ok(Response::new(common::ListDeadLettersResponse::default()))
    }
    async fn replay_dead_letters(
        &self,
        request: Request<common::ReplayDeadLettersRequest>,
    ) -> Result<Response<common::ReplayDeadLettersResponse>, Status> {
        let applied = i32::try_from(request.into_inner().event_ids.len()).unwrap();
        Ok(Response::new(common::ReplayDeadLettersResponse { applied, failed: 0 }))
    }
}

/// A gateway before the services `profile` and `scoring`; the other two have no server.
pub struct Suite {
    pub address: std::net::SocketAddr,
    pub seen: Seen,
    pub life: Lifecycle,
    client: Client<hyper_util::client::legacy::connect::HttpConnector, TestBody>,
    signer: Signer,
}

type TestBody = Either<
    Full<Bytes>,
    StreamBody<std::pin::Pin<Box<dyn Stream<Item = Result<Frame<Bytes>, Infallible>> + Send>>>,
>;

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: http::HeaderMap,
    pub text: String,
}

impl Answer {
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub fn problem(&self, status: u16) -> serde_json::Value {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(self.headers["content-type"], "application/problem+json", "{self:?}");
        let problem = self.json();
        assert_eq!(problem["status"], status, "{self:?}");
        problem
    }
}

impl Suite {
    pub async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    pub async fn start_with(change: impl FnOnce(&mut Config)) -> Self {
        let life = Lifecycle::new(Duration::from_secs(2), Duration::from_secs(1));
        let seen = Seen::default();
        let mut upstreams = BTreeMap::new();
        for name in ["profile", "scoring"] {
            let keys = vec![KeyConfig::hs256("test", SECRET)];
            let verifier = Verifier::try_new(&AuthConfig { keys, ..AuthConfig::default() }).unwrap();
            let config = ServerConfig::default();
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            upstreams.insert(name.to_owned(), format!("http://{}", listener.local_addr().unwrap()));
            let mut grpc = Grpc::builder(name, &config, verifier).add_service(sized!(
                common::events_service_server::EventsServiceServer::new(Events(name)),
                &config
            ));
            if name == "profile" {
                let service = Profile(seen.clone());
                grpc = grpc.add_service(sized!(
                    profile::profile_service_server::ProfileServiceServer::new(service),
                    &config
                ));
            }
            let serving = life.clone();
            life.spawn("upstream", async move { grpc.serve(listener, &serving).await });
        }
        for name in ["recommendation", "feedback"] {
            // the discard port: nothing listens there
            upstreams.insert(name.to_owned(), "http://127.0.0.1:9".to_owned());
        }
        let mut config = Config { upstreams, ..Config::default() };
        change(&mut config);
        let app = build(&config, Parts { lifecycle: life.clone() }).await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        life.spawn("gateway", app.serve(listener));
        let client = Client::builder(TokioExecutor::new()).build_http();
        Self { address, seen, life, client, signer: Signer::hs256("test", SECRET) }
    }

    pub fn token(&self, role: Role) -> String {
        let tenant = TenantId::try_from("acme").unwrap();
        self.signer.mint(&Claims::lasting(&tenant, "tester", role, Duration::from_secs(60))).unwrap()
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, Role::Operator, &[], "").await
    }

    pub async fn post(&self, path: &str, body: impl Into<Bytes>) -> Answer {
        self.send(Method::POST, path, Role::Operator, &[("content-type", "application/json")], body).await
    }

    pub async fn send(
        &self,
        method: Method,
        path: &str,
        role: Role,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Answer {
        let token = format!("Bearer {}", self.token(role));
        let mut all = vec![("authorization", token.as_str())];
        all.extend(headers);
        self.raw(method, path, &all, Either::Left(Full::new(body.into()))).await
    }

    /// Sends a body piece by piece.
    pub async fn stream<S>(&self, path: &str, pieces: S) -> Answer
    where
        S: Stream<Item = Bytes> + Send + 'static,
    {
        use futures::StreamExt;
        let token = format!("Bearer {}", self.token(Role::Integration));
        let frames = pieces.map(|piece| Ok(Frame::data(piece)));
        let body = Either::Right(StreamBody::new(Box::pin(frames) as _));
        self.raw(
            Method::POST,
            path,
            &[("authorization", &token), ("content-type", "application/x-ndjson")],
            body,
        )
        .await
    }

    pub async fn raw(&self, method: Method, path: &str, headers: &[(&str, &str)], body: TestBody) -> Answer {
        let mut request =
            http::Request::builder().method(method).uri(format!("http://{}{path}", self.address));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = self.client.request(request.body(body).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        let text = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
        Answer { status: parts.status, headers: parts.headers, text }
    }

    pub async fn stop(self) {
        let ending = self.life.finish(std::future::pending()).await;
        assert!(ending.failures.is_empty(), "{ending:?}");
    }
}

/// No body.
pub fn nothing() -> TestBody {
    Either::Left(Full::new(Bytes::new()))
}
