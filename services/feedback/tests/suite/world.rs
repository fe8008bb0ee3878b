//! A running service with an empty database of its own, peers to hear of, and a listener on its bus.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use prost::{Message, Name};
use salient_core::{AccountId, Clock, OpportunityId, OrderId, Reason, RecommendationId, TenantId};
use salient_events::{Bus, Consumer, Envelope, HandlerCtx, Parts};
use salient_feedback::{Config, SERVICE, build};
use salient_kit::{
    Lifecycle, Role, Signer,
    client::{Credentials, Link, channel},
    config::KeyConfig,
    status::reason,
};
use salient_proto::{
    common::v1::{GetEventStatusRequest, events_service_client::EventsServiceClient},
    feedback::v1::{
        GetConversionFunnelRequest, GetConversionFunnelResponse, ListOutcomesRequest, Outcome,
        OutcomesMatched, OutcomesRetracted, Reaction, ReactionAction, ReactionsRecorded,
        RecordReactionRequest, feedback_service_client::FeedbackServiceClient,
    },
    profile::v1::{
        OpportunitiesChanged, Opportunity, Order, OrderLine, OrdersRecorded, ProfileRoot, ProfilesResolved,
    },
    recommendation::v1::{Recommendation, RecommendationsExpired, RecommendationsIssued},
};
use salient_store::{Db, Migrations, StoreConfig};
use salient_testkit::Postgres;
use tokio::net::TcpListener;
use tonic::Status;

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

/// What the listener heard: tenant, type and encoded message, in the order in which they came.
type Heard = Arc<Mutex<Vec<(TenantId, String, Vec<u8>)>>>;

pub type Client = FeedbackServiceClient<Link>;

/// A running service.
pub struct World {
    pub clock: Clock,
    bus: Bus,
    uri: String,
    life: Lifecycle,
    heard: Heard,
    _folder: tempfile::TempDir,
}

impl World {
    pub async fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}/feedback.db", folder.path().display());
        Self::start(&url, folder).await
    }

    pub async fn postgres() -> Self {
        let url = Postgres::shared().await.unwrap().database().await.unwrap();
        Self::start(&url, tempfile::tempdir().unwrap()).await
    }

    async fn start(url: &str, folder: tempfile::TempDir) -> Self {
        let mut config = Config { store: StoreConfig::new(url), ..Config::default() };
        config.auth.keys = vec![KeyConfig::hs256("k", SECRET)];
        let clock = Clock::manual("2011-06-01T12:00:00Z".parse().unwrap());
        let life = Lifecycle::new(Duration::from_secs(10), Duration::from_secs(5));
        let bus = Bus::in_process();
        // so that nothing is published before the service listens
        for source in ["profile", "recommendation"] {
            bus.create_group(SERVICE, source).await.unwrap();
        }
        let heard = listen(&bus, &clock, &life, &folder).await;
        let parts = Parts { clock: clock.clone(), bus: bus.clone(), lifecycle: life.clone() };
        let app = build(&config, parts).await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let uri = format!("http://{}", listener.local_addr().unwrap());
        life.spawn("feedback", app.serve(listener));
        Self { clock, bus, uri, life, heard, _folder: folder }
    }

    /// Ends the service; it must have applied every event and have nothing to complain of.
    pub async fn end(self) {
        for tenant in ["acme", "other"] {
            let mut client = EventsServiceClient::new(self.link(tenant, "tester", Role::Operator));
            let status = client.get_event_status(GetEventStatusRequest {}).await.unwrap().into_inner();
            assert!(status.types.iter().all(|kind| kind.dead == 0), "{status:?}");
        }
        let ending = self.life.finish(std::future::pending()).await;
        assert_eq!((ending.failures, ending.left_running), (vec![], 0));
    }

    pub fn link(&self, tenant: &str, subject: &str, role: Role) -> Link {
        let credentials = Credentials::minted(Signer::hs256("k", SECRET), subject, role);
        Link::new(channel(&self.uri).unwrap(), credentials).for_tenant(&TenantId::try_from(tenant).unwrap())
    }

    pub fn client_of(&self, tenant: &str, subject: &str, role: Role) -> Client {
        FeedbackServiceClient::new(self.link(tenant, subject, role))
    }

    /// A manager of the tenant `acme`.
    pub fn manager(&self) -> Client {
        self.client_of("acme", "boss", Role::Manager)
    }

    /// A seller of the tenant `acme`.
    pub fn seller(&self, subject: &str) -> Client {
        self.client_of("acme", subject, Role::Seller)
    }

    pub fn without_token(&self) -> Client {
        FeedbackServiceClient::new(Link::new(channel(&self.uri).unwrap(), Credentials::none()))
    }

    /// Publishes as a peer would; returns when the service has applied it.
    pub async fn hear<M: Message + Name>(&self, tenant: &str, source: &str, message: &M) {
        let tenant = TenantId::try_from(tenant).unwrap();
        self.bus.publish(&[Envelope::new(source, &self.clock, &tenant, 0, message)]).await.unwrap();
    }

    /// A recommendation of `product` to a new account, issued now to a seller of `acme`.
    pub async fn issue(&self, seller: &str, product: &str) -> Recommendation {
        let item = self.recommendation(seller, product);
        self.issued("acme", &[&item]).await;
        item
    }

    pub async fn issued(&self, tenant: &str, items: &[&Recommendation]) {
        let recommendations = items.iter().map(|&item| item.clone()).collect();
        self.hear(tenant, "recommendation", &RecommendationsIssued { recommendations }).await;
    }

    pub async fn expired(&self, item: &Recommendation) {
        let message = RecommendationsExpired { names: vec![item.name.clone()] };
        self.hear("acme", "recommendation", &message).await;
    }

    pub fn recommendation(&self, seller: &str, product: &str) -> Recommendation {
        let id = RecommendationId::new(&self.clock);
        Recommendation {
            name: id.name(),
            seller: format!("sellers/{seller}"),
            account: AccountId::new(&self.clock).name(),
            product: format!("products/{product}"),
            product_display_name: format!("The {product}"),
            attribution_token: format!("token of {}", id.name()),
            issue_time: Some(timestamp(self.clock.now())),
            ..Recommendation::default()
        }
    }

    /// An order of products by the account of `item`, so many days from now; 10.00 GBP a line.
    pub fn order(&self, item: &Recommendation, products: &[&str], days: i64) -> Order {
        let line = |product: &&str| OrderLine {
            product: format!("products/{product}"),
            quantity: 1,
            amount_minor_units: 1_000,
        };
        Order {
            name: OrderId::new(&self.clock).name(),
            account: item.account.clone(),
            order_time: Some(self.days(days)),
            currency_code: "GBP".into(),
            lines: products.iter().map(line).collect(),
            ..Order::default()
        }
    }

    pub async fn ordered(&self, tenant: &str, orders: &[&Order]) {
        let orders = orders.iter().map(|&order| order.clone()).collect();
        self.hear(tenant, "profile", &OrdersRecorded { orders }).await;
    }

    pub fn opportunity(&self, item: &Recommendation, product: &str, days: i64) -> Opportunity {
        Opportunity {
            name: OpportunityId::new(&self.clock).name(),
            account: item.account.clone(),
            product: format!("products/{product}"),
            open_time: Some(self.days(days)),
            ..Opportunity::default()
        }
    }

    /// That the record of an account belongs to a profile.
    pub async fn resolved(&self, tenant: &str, record: &str, profile: &str) {
        let roots = vec![ProfileRoot { record: record.into(), profile: profile.into() }];
        self.hear(tenant, "profile", &ProfilesResolved { roots }).await;
    }

    pub async fn dealt(&self, opportunity: &Opportunity) {
        let message = OpportunitiesChanged { opportunities: vec![opportunity.clone()] };
        self.hear("acme", "profile", &message).await;
    }

    /// So many days from now, by the clock.
    pub fn days(&self, days: i64) -> prost_types::Timestamp {
        timestamp(self.clock.now() + TimeDelta::days(days))
    }

    pub async fn funnel(&self, tenant: &str) -> GetConversionFunnelResponse {
        let mut client = self.client_of(tenant, "boss", Role::Manager);
        client.get_conversion_funnel(GetConversionFunnelRequest::default()).await.unwrap().into_inner()
    }

    /// Everything matched by now, oldest first.
    pub async fn outcomes(&self, tenant: &str) -> Vec<Outcome> {
        // asking for the funnel matches what has happened
        self.funnel(tenant).await;
        let mut client = self.client_of(tenant, "boss", Role::Manager);
        let mut found =
            client.list_outcomes(ListOutcomesRequest::default()).await.unwrap().into_inner().outcomes;
        found.reverse();
        found
    }

    /// The reactions that the listener heard, when there are `count`.
    pub async fn reactions_heard(&self, tenant: &str, count: usize) -> Vec<Reaction> {
        let reactions = || self.decoded(tenant, |event: ReactionsRecorded| event.reactions);
        eventually(async || Some(reactions()).filter(|found| found.len() >= count)).await
    }

    /// The outcomes that the listener heard, when there are `count`.
    pub async fn outcomes_heard(&self, tenant: &str, count: usize) -> Vec<Outcome> {
        let outcomes = || self.decoded(tenant, |event: OutcomesMatched| event.outcomes);
        eventually(async || Some(outcomes()).filter(|found| found.len() >= count)).await
    }

    /// The outcomes of which the listener heard that they were taken back, when there are `count`.
    pub async fn retractions_heard(&self, tenant: &str, count: usize) -> Vec<Outcome> {
        let outcomes = || self.decoded(tenant, |event: OutcomesRetracted| event.outcomes);
        eventually(async || Some(outcomes()).filter(|found| found.len() >= count)).await
    }

    fn decoded<M: Message + Name + Default, T>(&self, tenant: &str, items: impl Fn(M) -> Vec<T>) -> Vec<T> {
        let heard = self.heard.lock().unwrap();
        let of_type = heard.iter().filter(|(of, kind, _)| of.as_str() == tenant && *kind == M::full_name());
        of_type.flat_map(|(_, _, data)| items(M::decode(data.as_slice()).unwrap())).collect()
    }
}

async fn listen(bus: &Bus, clock: &Clock, life: &Lifecycle, folder: &tempfile::TempDir) -> Heard {
    async fn note<M: Message + Name>(
        heard: Heard,
        ctx: &mut HandlerCtx,
        message: M,
    ) -> salient_core::Result<()> {
        heard.lock().unwrap().push((ctx.envelope.tenant.clone(), M::full_name(), message.encode_to_vec()));
        Ok(())
    }
    let store = StoreConfig::new(format!("sqlite:{}/listener.db", folder.path().display()));
    let db = Db::open(&store, &Migrations::common().with(salient_events::migrations())).await.unwrap();
    let heard = Heard::default();
    let consumer = Consumer::new(db, bus.clone(), "listener", clock.clone())
        .subscribe(SERVICE)
        .handle_with(heard.clone(), note::<ReactionsRecorded>)
        .handle_with(heard.clone(), note::<OutcomesMatched>)
        .handle_with(heard.clone(), note::<OutcomesRetracted>);
    consumer.create_groups().await.unwrap();
    life.spawn("listener", consumer.run(life.soft.clone()));
    heard
}

/// Asks again until there is an answer, for half a minute at most.
pub async fn eventually<T>(mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let asking = async {
        loop {
            if let Some(answer) = ask().await {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), asking).await.expect("it never came true")
}

pub fn request_id() -> String {
    Clock::system().uuid().to_string()
}

pub fn timestamp(time: DateTime<Utc>) -> prost_types::Timestamp {
    prost_types::Timestamp { seconds: time.timestamp(), nanos: time.timestamp_subsec_nanos() as i32 }
}

/// The reaction to a recommendation, with its token.
pub fn reacting(item: &Recommendation, action: ReactionAction) -> RecordReactionRequest {
    RecordReactionRequest {
        request_id: request_id(),
        recommendation: item.name.clone(),
        attribution_token: item.attribution_token.clone(),
        action: action.into(),
        ..RecordReactionRequest::default()
    }
}

/// Records a reaction that must be taken.
pub async fn react(client: &mut Client, item: &Recommendation, action: ReactionAction) -> Reaction {
    client.record_reaction(reacting(item, action)).await.unwrap().into_inner().reaction.unwrap()
}

/// The refusal must carry a reason of ours.
pub fn why<T: std::fmt::Debug>(result: Result<T, Status>) -> (tonic::Code, Reason) {
    let status = result.unwrap_err();
    (status.code(), reason(&status).unwrap_or_else(|| panic!("no reason: {status:?}")))
}
