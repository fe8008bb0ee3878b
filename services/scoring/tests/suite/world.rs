//! A running service with an empty database of its own, a peer to hear of, and a listener on its bus.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use chrono::{DateTime, NaiveTime, Utc};
use prost::{Message, Name};
use salient_core::{Clock, Reason, TenantId};
use salient_events::{Bus, Consumer, Envelope, HandlerCtx, Parts};
use salient_kit::{
    Lifecycle, Role, Signer,
    client::{Credentials, Link, channel},
    config::KeyConfig,
    status::reason,
};
use salient_proto::{
    common::v1::{GetEventStatusRequest, events_service_client::EventsServiceClient, run_status::State},
    profile::v1::{AccountsChanged, Order, OrdersRecorded},
    scoring::v1::{
        DeclaredScoresPublished, GetModelRequest, GetScoreRequest, GetScoringRunRequest, ListModelsRequest,
        ListScoresRequest, Model, ModelDrifted, ModelPromoted, Score, ScoresPublished, ScoringRun,
        StartScoringRunRequest, insight_service_client::InsightServiceClient,
        scoring_service_client::ScoringServiceClient,
    },
};
use salient_scoring::{Config, SERVICE, build};
use salient_store::{Db, Engine, Migrations, StoreConfig, Tx, sql};
use salient_testkit::Postgres;
use tokio::net::TcpListener;
use tonic::Status;

use crate::history::History;

const SECRET: &str = "a secret of at least thirty-two bytes";

/// Declares tests that run on both engines.
macro_rules! both {
    ($($test:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $test() {
                let world = crate::world::World::sqlite().await;
                super::$test(&world).await;
                world.end().await;
            })+
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $test() {
                let world = crate::world::World::postgres().await;
                super::$test(&world).await;
                world.end().await;
            })+
        }
    };
}
pub(crate) use both;

/// What the listener heard.
#[derive(Default)]
pub struct Heard {
    pub scores: Vec<Score>,
    pub declared: Vec<Score>,
    pub models: Vec<Model>,
    pub drifted: Vec<ModelDrifted>,
}

pub type Client = ScoringServiceClient<Link>;

/// A running service.
pub struct World {
    pub clock: Clock,
    bus: Bus,
    store: StoreConfig,
    uri: String,
    life: Lifecycle,
    heard: Arc<Mutex<Heard>>,
    _folder: tempfile::TempDir,
}

impl World {
    pub async fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}/scoring.db", folder.path().display());
        Self::start(&url, folder).await
    }

    pub async fn postgres() -> Self {
        let url = Postgres::shared().await.unwrap().database().await.unwrap();
        Self::start(&url, tempfile::tempdir().unwrap()).await
    }

    async fn start(url: &str, folder: tempfile::TempDir) -> Self {
        let store = StoreConfig::new(url);
        let mut config = Config { store: store.clone(), ..Config::default() };
        config.auth.keys = vec![KeyConfig::hs256("k", SECRET)];
        let clock = Clock::manual("2011-06-01T08:00:00Z".parse().unwrap());
        let life = Lifecycle::new(Duration::from_secs(10), Duration::from_secs(5));
        let bus = Bus::in_process();
        // so that nothing is published before the service listens
        bus.create_group(SERVICE, "profile").await.unwrap();
        let heard = listen(&bus, &clock, &life, &folder).await;
        let parts = Parts { clock: clock.clone(), bus: bus.clone(), lifecycle: life.clone() };
        let app = build(&config, parts).await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let uri = format!("http://{}", listener.local_addr().unwrap());
        life.spawn("scoring", app.serve(listener));
        Self { clock, bus, store, uri, life, heard, _folder: folder }
    }

    /// Ends the service; it must have applied every event and have nothing to complain of.
    pub async fn end(self) {
        for tenant in ["acme", "other"] {
            let mut client = EventsServiceClient::new(self.link(tenant, Role::Operator));
            let status = client.get_event_status(GetEventStatusRequest {}).await.unwrap().into_inner();
            assert!(status.types.iter().all(|kind| kind.dead == 0), "{status:?}");
        }
        let ending = self.life.finish(std::future::pending()).await;
        assert_eq!((ending.failures, ending.left_running), (vec![], 0));
    }

    /// The service's database, opened beside the service.
    pub async fn db(&self) -> Db {
        Db::connect(&self.store).await.unwrap()
    }

    pub fn link(&self, tenant: &str, role: Role) -> Link {
        let credentials = Credentials::minted(Signer::hs256("k", SECRET), "tester", role);
        let link = Link::new(channel(&self.uri).unwrap(), credentials).with_timeout(Duration::from_secs(120));
        link.for_tenant(&TenantId::try_from(tenant).unwrap())
    }

    pub fn client_of(&self, tenant: &str, role: Role) -> Client {
        ScoringServiceClient::new(self.link(tenant, role)).max_decoding_message_size(64 << 20)
    }

    pub fn insights_of(&self, tenant: &str, role: Role) -> InsightServiceClient<Link> {
        InsightServiceClient::new(self.link(tenant, role))
    }

    pub fn operator(&self) -> Client {
        self.client_of("acme", Role::Operator)
    }

    pub fn without_token(&self) -> Client {
        ScoringServiceClient::new(Link::new(channel(&self.uri).unwrap(), Credentials::none()))
    }

    pub fn insights_without_token(&self) -> InsightServiceClient<Link> {
        InsightServiceClient::new(Link::new(channel(&self.uri).unwrap(), Credentials::none()))
    }

    /// The first moment of the clock's day.
    pub fn today(&self) -> DateTime<Utc> {
        self.clock.now().date_naive().and_time(NaiveTime::MIN).and_utc()
    }

    /// A history that ends yesterday.
    pub fn history(&self) -> History {
        History::new(&self.clock, self.today())
    }

    /// Publishes as a peer would; returns when the service has applied it.
    pub async fn hear<M: Message + Name>(&self, tenant: &str, message: &M) {
        let tenant = TenantId::try_from(tenant).unwrap();
        self.bus.publish(&[Envelope::new("profile", &self.clock, &tenant, 0, message)]).await.unwrap();
    }

    pub async fn learn_of(&self, tenant: &str, history: &History) {
        self.hear(tenant, &AccountsChanged { accounts: history.accounts.clone() }).await;
        self.ordered(tenant, &history.orders).await;
    }

    pub async fn ordered(&self, tenant: &str, orders: &[Order]) {
        for orders in orders.chunks(500) {
            self.hear(tenant, &OrdersRecorded { orders: orders.to_vec() }).await;
        }
    }

    /// A run as of the day's first moment; it must succeed.
    pub async fn run(&self, tenant: &str) -> ScoringRun {
        let run = self.run_to_the_end(tenant, Some(timestamp(self.today()))).await;
        let status = run.status.as_ref().unwrap();
        assert_eq!(status.state(), State::Succeeded, "{status:?}");
        run
    }

    /// A run as of now that trains nothing; it must succeed.
    pub async fn run_as_it_is(&self, tenant: &str) -> ScoringRun {
        let request = StartScoringRunRequest {
            request_id: request_id(),
            as_of: None,
            keep_model: true,
            model_declaration: String::new(),
        };
        let run = self.asked(tenant, request).await;
        let status = run.status.as_ref().unwrap();
        assert_eq!(status.state(), State::Succeeded, "{status:?}");
        run
    }

    pub async fn run_to_the_end(&self, tenant: &str, as_of: Option<prost_types::Timestamp>) -> ScoringRun {
        let request = StartScoringRunRequest {
            request_id: request_id(),
            as_of,
            keep_model: false,
            model_declaration: String::new(),
        };
        self.asked(tenant, request).await
    }

    async fn asked(&self, tenant: &str, request: StartScoringRunRequest) -> ScoringRun {
        let mut client = self.client_of(tenant, Role::Operator);
        let run = client.start_scoring_run(request).await.unwrap().into_inner().scoring_run.unwrap();
        self.finished(tenant, &run.name).await
    }

    pub async fn finished(&self, tenant: &str, name: &str) -> ScoringRun {
        let client = self.client_of(tenant, Role::Operator);
        eventually(async || {
            let request = GetScoringRunRequest { name: name.to_owned() };
            let run =
                client.clone().get_scoring_run(request).await.unwrap().into_inner().scoring_run.unwrap();
            matches!(run.status.as_ref().unwrap().state(), State::Succeeded | State::Failed).then_some(run)
        })
        .await
    }

    /// The scores of all accounts, without contributions, most likely first.
    pub async fn scores(&self, tenant: &str) -> Vec<Score> {
        let request = ListScoresRequest { page_size: 1000, ..Default::default() };
        let page = self.client_of(tenant, Role::Operator).list_scores(request).await.unwrap().into_inner();
        assert_eq!(page.next_page_token, "");
        page.scores
    }

    pub async fn score(&self, tenant: &str, account: &str) -> Score {
        let request = GetScoreRequest {
            name: format!("{account}/score"),
            as_of: None,
            model_declaration: String::new(),
        };
        self.client_of(tenant, Role::Operator).get_score(request).await.unwrap().into_inner().score.unwrap()
    }

    pub async fn model(&self, name: &str) -> Model {
        let request = GetModelRequest { name: name.to_owned() };
        self.operator().get_model(request).await.unwrap().into_inner().model.unwrap()
    }

    pub async fn models(&self, tenant: &str) -> Vec<Model> {
        let mut client = self.client_of(tenant, Role::Operator);
        client.list_models(ListModelsRequest::default()).await.unwrap().into_inner().models
    }

    /// What the listener heard of `acme`, once `look` finds in it what it looks for.
    pub async fn heard<T>(&self, look: impl Fn(&Heard) -> Option<T>) -> T {
        eventually(async || look(&self.heard.lock().unwrap())).await
    }
}

async fn listen(bus: &Bus, clock: &Clock, life: &Lifecycle, folder: &tempfile::TempDir) -> Arc<Mutex<Heard>> {
    type State = Arc<Mutex<Heard>>;
    async fn scores(heard: State, ctx: &mut HandlerCtx, event: ScoresPublished) -> salient_core::Result<()> {
        if ctx.envelope.tenant.as_str() == "acme" {
            heard.lock().unwrap().scores.extend(event.scores);
        }
        Ok(())
    }
    async fn declared(
        heard: State,
        ctx: &mut HandlerCtx,
        event: DeclaredScoresPublished,
    ) -> salient_core::Result<()> {
        if ctx.envelope.tenant.as_str() == "acme" {
            heard.lock().unwrap().declared.extend(event.scores);
        }
        Ok(())
    }
    async fn model(heard: State, ctx: &mut HandlerCtx, event: ModelPromoted) -> salient_core::Result<()> {
        if ctx.envelope.tenant.as_str() == "acme" {
            heard.lock().unwrap().models.extend(event.model);
        }
        Ok(())
    }
    async fn drift(heard: State, ctx: &mut HandlerCtx, event: ModelDrifted) -> salient_core::Result<()> {
        if ctx.envelope.tenant.as_str() == "acme" {
            heard.lock().unwrap().drifted.push(event);
        }
        Ok(())
    }
    let store = StoreConfig::new(format!("sqlite:{}/listener.db", folder.path().display()));
    let db = Db::open(&store, &Migrations::common().with(salient_events::migrations())).await.unwrap();
    let heard = State::default();
    let consumer = Consumer::new(db, bus.clone(), "listener", clock.clone())
        .subscribe(SERVICE)
        .handle_with(heard.clone(), scores)
        .handle_with(heard.clone(), declared)
        .handle_with(heard.clone(), model)
        .handle_with(heard.clone(), drift);
    consumer.create_groups().await.unwrap();
    life.spawn("listener", consumer.run(life.soft.clone()));
    heard
}

/// Commits `first` when `second` has ended or waits for it.
pub async fn commit_beside(db: &Db, first: Tx, second: impl Future<Output = ()>) {
    let ended = AtomicBool::new(false);
    let second = async {
        second.await;
        ended.store(true, Ordering::SeqCst);
    };
    let commit = async {
        // SQLite has one writer: nobody else comes before `first` is committed
        if db.engine() == Engine::Postgres {
            eventually(async || (ended.load(Ordering::SeqCst) || waits(db).await).then_some(())).await;
        }
        first.commit().await.unwrap();
    };
    tokio::join!(second, commit);
}

/// Whether a transaction waits for another one, on Postgres.
async fn waits(db: &Db) -> bool {
    let (waiting,): (i64,) = sql("select count(*) from pg_stat_activity
         where datname = current_database() and wait_event_type = 'Lock'")
    .fetch_one(&mut db.read().await.unwrap())
    .await
    .unwrap();
    waiting > 0
}

/// Asks again until there is an answer, for two minutes at most.
pub async fn eventually<T>(mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let asking = async {
        loop {
            if let Some(answer) = ask().await {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(120), asking).await.expect("it never came true")
}

pub fn request_id() -> String {
    Clock::system().uuid().to_string()
}

pub fn timestamp(time: DateTime<Utc>) -> prost_types::Timestamp {
    prost_types::Timestamp { seconds: time.timestamp(), nanos: time.timestamp_subsec_nanos() as i32 }
}

/// The refusal must carry a reason of ours.
pub fn why<T: std::fmt::Debug>(result: Result<T, Status>) -> (tonic::Code, Reason) {
    let status = result.unwrap_err();
    (status.code(), reason(&status).unwrap_or_else(|| panic!("no reason: {status:?}")))
}
