//! A running service with an empty database of its own, peers to hear of, and a listener on its bus.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use chrono::{DateTime, NaiveTime, TimeDelta, Utc};
use prost::{Message, Name};
use salient_core::{Clock, ReactionId, Reason, TenantId};
use salient_events::{Bus, Consumer, Envelope, HandlerCtx, Outbox, Parts};
use salient_kit::{
    Lifecycle, Role, Signer,
    client::{Credentials, Link, channel},
    config::KeyConfig,
    status::reason,
};
use salient_proto::{
    common::v1::{GetEventStatusRequest, events_service_client::EventsServiceClient, run_status::State},
    feedback::v1::{Reaction, ReactionAction, ReactionsRecorded, Suppression, suppression::Scope},
    profile::v1::{AccountsChanged, Order, OrdersRecorded},
    recommendation::v1::{
        DailyPlan, GetDailyPlanRequest, GetPlanRunRequest, GetRecommendationRequest,
        ListRecommendationsRequest, PlanRun, Recommendation, RecommendationsExpired, RecommendationsIssued,
        StartPlanRunRequest, UpsertProductsRequest, UpsertSellersRequest,
        catalogue_service_client::CatalogueServiceClient,
        recommendation_service_client::RecommendationServiceClient,
    },
};
use salient_recommendation::{Config, SERVICE, build, plans};
use salient_store::{Db, Engine, Migrations, StoreConfig, Tx, sql};
use salient_testkit::Postgres;
use tokio::net::TcpListener;
use tonic::Status;

use crate::company::Company;

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
    pub issued: Vec<Recommendation>,
    pub expired: Vec<String>,
}

pub type Client = RecommendationServiceClient<Link>;

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
        let url = format!("sqlite:{}/recommendation.db", folder.path().display());
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
        for source in ["profile", "scoring", "feedback"] {
            bus.create_group(SERVICE, source).await.unwrap();
        }
        let heard = listen(&bus, &clock, &life, &folder).await;
        let parts = Parts { clock: clock.clone(), bus: bus.clone(), lifecycle: life.clone() };
        let app = build(&config, parts).await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let uri = format!("http://{}", listener.local_addr().unwrap());
        life.spawn("recommendation", app.serve(listener));
        Self { clock, bus, store, uri, life, heard, _folder: folder }
    }

    /// Ends the service; it must have applied every event and have nothing to complain of.
    pub async fn end(self) {
        for tenant in ["acme", "other"] {
            assert_eq!(self.dead(tenant).await, 0, "{tenant}");
        }
        let ending = self.life.finish(std::future::pending()).await;
        assert_eq!((ending.failures, ending.left_running), (vec![], 0));
    }

    /// How many events could not be applied.
    pub async fn dead(&self, tenant: &str) -> i64 {
        let mut client = EventsServiceClient::new(self.link(tenant, "tester", Role::Operator));
        let status = client.get_event_status(GetEventStatusRequest {}).await.unwrap().into_inner();
        status.types.iter().map(|kind| kind.dead).sum()
    }

    /// The service's database, opened beside the service.
    pub async fn db(&self) -> Db {
        Db::connect(&self.store).await.unwrap()
    }

    /// Commits `first` while the service does `second`: when it has done it or waits for `first`.
    pub async fn commit_beside(&self, db: &Db, first: Tx, second: impl Future<Output = ()>) {
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

    pub fn link(&self, tenant: &str, subject: &str, role: Role) -> Link {
        let credentials = Credentials::minted(Signer::hs256("k", SECRET), subject, role);
        let link = Link::new(channel(&self.uri).unwrap(), credentials).with_timeout(Duration::from_secs(120));
        link.for_tenant(&TenantId::try_from(tenant).unwrap())
    }

    pub fn client_of(&self, tenant: &str, subject: &str, role: Role) -> Client {
        RecommendationServiceClient::new(self.link(tenant, subject, role)).max_decoding_message_size(64 << 20)
    }

    pub fn seller(&self, subject: &str) -> Client {
        self.client_of("acme", subject, Role::Seller)
    }

    pub fn operator(&self) -> Client {
        self.client_of("acme", "ops", Role::Operator)
    }

    pub fn catalogue(&self, tenant: &str) -> CatalogueServiceClient<Link> {
        CatalogueServiceClient::new(self.link(tenant, "crm", Role::Integration))
    }

    pub fn link_without_token(&self) -> Link {
        Link::new(channel(&self.uri).unwrap(), Credentials::none())
    }

    /// The first moment of the clock's day.
    pub fn today(&self) -> DateTime<Utc> {
        self.clock.now().date_naive().and_time(NaiveTime::MIN).and_utc()
    }

    /// Publishes as a peer would; returns when the service has applied it.
    pub async fn hear<M: Message + Name>(&self, tenant: &str, source: &str, message: &M) {
        let tenant = TenantId::try_from(tenant).unwrap();
        self.bus.publish(&[Envelope::new(source, &self.clock, &tenant, 0, message)]).await.unwrap();
    }

    /// Tells the service of a company, with its catalogue and sellers.
    pub async fn company(&self, tenant: &str) -> Company {
        let company = Company::new(&self.clock, self.today());
        self.hear(tenant, "profile", &AccountsChanged { accounts: company.accounts.clone() }).await;
        for orders in company.orders.chunks(500) {
            self.ordered(tenant, orders.to_vec()).await;
        }
        let mut catalogue = self.catalogue(tenant);
        let products = Company::products();
        let request = UpsertProductsRequest { request_id: request_id(), products, update_mask: None };
        catalogue.upsert_products(request).await.unwrap();
        let request =
            UpsertSellersRequest { request_id: request_id(), sellers: Company::sellers(), update_mask: None };
        catalogue.upsert_sellers(request).await.unwrap();
        company
    }

    pub async fn ordered(&self, tenant: &str, orders: Vec<Order>) {
        self.hear(tenant, "profile", &OrdersRecorded { orders }).await;
    }

    /// Plans today for every seller; it must succeed.
    pub async fn run(&self, tenant: &str) -> PlanRun {
        let run = self.run_to_the_end(tenant, String::new()).await;
        let status = run.status.as_ref().unwrap();
        assert_eq!(status.state(), State::Succeeded, "{status:?}");
        run
    }

    pub async fn run_to_the_end(&self, tenant: &str, date: String) -> PlanRun {
        let mut client = self.client_of(tenant, "ops", Role::Operator);
        let request = StartPlanRunRequest { request_id: request_id(), date };
        let run = client.start_plan_run(request).await.unwrap().into_inner().plan_run.unwrap();
        eventually(async || {
            let request = GetPlanRunRequest { name: run.name.clone() };
            let run = client.clone().get_plan_run(request).await.unwrap().into_inner().plan_run.unwrap();
            matches!(run.status.as_ref().unwrap().state(), State::Succeeded | State::Failed).then_some(run)
        })
        .await
    }

    pub async fn try_plan(&self, seller: &str) -> Result<DailyPlan, Status> {
        let request = GetDailyPlanRequest { name: format!("sellers/{seller}/plans/today") };
        self.seller(seller).get_daily_plan(request).await.map(|response| response.into_inner().plan.unwrap())
    }

    /// Today's plan of a seller of `acme`.
    pub async fn plan(&self, seller: &str) -> DailyPlan {
        self.try_plan(seller).await.unwrap()
    }

    pub async fn recommendation(&self, name: &str) -> Recommendation {
        let request = GetRecommendationRequest { name: name.to_owned() };
        self.operator().get_recommendation(request).await.unwrap().into_inner().recommendation.unwrap()
    }

    /// Every recommendation of `acme` that the filter lets through.
    pub async fn recommendations(&self, filter: &str) -> Vec<Recommendation> {
        let request =
            ListRecommendationsRequest { page_size: 1000, filter: filter.to_owned(), ..Default::default() };
        let page = self.operator().list_recommendations(request).await.unwrap().into_inner();
        assert_eq!(page.next_page_token, "");
        page.recommendations
    }

    /// A seller's reaction, as the feedback service would tell it.
    pub async fn reacted(
        &self,
        item: &Recommendation,
        action: ReactionAction,
        rest: Option<(Scope, Option<i64>)>,
    ) {
        let until = |days| timestamp(self.clock.now() + TimeDelta::days(days));
        let reaction = Reaction {
            name: ReactionId::new(&self.clock).name(),
            recommendation: item.name.clone(),
            seller: item.seller.clone(),
            account: item.account.clone(),
            product: item.product.clone(),
            action: action.into(),
            react_time: Some(timestamp(self.clock.now())),
            suppression: rest
                .map(|(scope, days)| Suppression { scope: scope.into(), until_time: days.map(until) }),
            effect: format!("effect on {}", item.name),
            ..Reaction::default()
        };
        self.hear("acme", "feedback", &ReactionsRecorded { reactions: vec![reaction] }).await;
    }

    /// Does what the service does now and then: expires what nobody answered.
    pub async fn expire(&self) -> usize {
        let db = self.db().await;
        let count = plans::expire(&db, &Outbox::new(SERVICE, self.clock.clone()), &self.clock).await.unwrap();
        db.close().await;
        count
    }

    /// What the listener heard of `acme`, once `look` finds in it what it looks for.
    pub async fn heard<T>(&self, look: impl Fn(&Heard) -> Option<T>) -> T {
        eventually(async || look(&self.heard.lock().unwrap())).await
    }
}

async fn listen(bus: &Bus, clock: &Clock, life: &Lifecycle, folder: &tempfile::TempDir) -> Arc<Mutex<Heard>> {
    type State = Arc<Mutex<Heard>>;
    async fn issued(
        heard: State,
        ctx: &mut HandlerCtx,
        event: RecommendationsIssued,
    ) -> salient_core::Result<()> {
        if ctx.envelope.tenant.as_str() == "acme" {
            heard.lock().unwrap().issued.extend(event.recommendations);
        }
        Ok(())
    }
    async fn expired(
        heard: State,
        _: &mut HandlerCtx,
        event: RecommendationsExpired,
    ) -> salient_core::Result<()> {
        heard.lock().unwrap().expired.extend(event.names);
        Ok(())
    }
    let store = StoreConfig::new(format!("sqlite:{}/listener.db", folder.path().display()));
    let db = Db::open(&store, &Migrations::common().with(salient_events::migrations())).await.unwrap();
    let heard = State::default();
    let consumer = Consumer::new(db, bus.clone(), "listener", clock.clone())
        .subscribe(SERVICE)
        .handle_with(heard.clone(), issued)
        .handle_with(heard.clone(), expired);
    consumer.create_groups().await.unwrap();
    life.spawn("listener", consumer.run(life.soft.clone()));
    heard
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

/// What a recommendation is about.
pub fn pair(item: &Recommendation) -> (&str, &str) {
    (&item.account, &item.product)
}

/// The refusal must carry a reason of ours.
pub fn why<T: std::fmt::Debug>(result: Result<T, Status>) -> (tonic::Code, Reason) {
    let status = result.unwrap_err();
    (status.code(), reason(&status).unwrap_or_else(|| panic!("no reason: {status:?}")))
}
