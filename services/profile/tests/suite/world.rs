//! A running service with an empty database of its own, and a listener on its bus.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use prost::{Message, Name};
use salient_core::{Clock, Reason, TenantId};
use salient_events::{Bus, Consumer, Envelope, HandlerCtx};
use salient_kit::{
    Lifecycle, Role, Signer,
    client::{Credentials, Link, channel},
    config::KeyConfig,
    lifecycle::Ending,
    status::reason,
};
use salient_profile::{Config, Parts, build};
use salient_proto::{
    common::v1::{BatchResult, GetEventStatusRequest, SourceKey, events_service_client::EventsServiceClient},
    profile::v1::{
        Account, AccountsChanged, ConsentChanged, Contact, ContactsChanged, Interaction,
        InteractionsRecorded, JourneyStageChanged, OpportunitiesChanged, Opportunity, Order, OrderLine,
        OrdersRecorded, PersonErased, PersonExportRequested, PrivacySettingsChanged, ProfilesResolved,
        SegmentMembershipChanged, UpsertAccountsRequest, UpsertAccountsResponse, interaction,
        profile_service_client::ProfileServiceClient,
    },
};
use salient_store::{Db, StoreConfig};
use salient_testkit::Postgres;
use tokio::net::TcpListener;
use tonic::{Request, Status};

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

/// What the listener heard: encoded messages by type, in the order in which they came.
pub type Heard = Arc<Mutex<Vec<(String, Vec<u8>)>>>;

/// A running service.
pub struct World {
    /// The service's clock.
    pub clock: Clock,
    config: Config,
    store_url: String,
    uri: String,
    signer: Signer,
    life: Lifecycle,
    bus: Bus,
    heard: Heard,
    _folder: tempfile::TempDir,
}

pub type Client = ProfileServiceClient<Link>;

impl World {
    pub async fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}/profile.db", folder.path().display());
        Self::start(url, folder).await
    }

    pub async fn postgres() -> Self {
        let url = Postgres::shared().await.unwrap().database().await.unwrap();
        Self::start(url, tempfile::tempdir().unwrap()).await
    }

    async fn start(url: String, folder: tempfile::TempDir) -> Self {
        let mut config = Config { store: StoreConfig::new(url.as_str()), ..Config::default() };
        config.auth.keys = vec![KeyConfig::hs256("k", SECRET)];
        let clock = Clock::manual("2011-06-01T12:00:00Z".parse().unwrap());
        let life = Lifecycle::new(Duration::from_secs(10), Duration::from_secs(5));
        let bus = Bus::in_process();
        let heard = listen(&bus, &clock, &life, &folder).await;
        let uri = serve(&config, &clock, &bus, &life).await;
        Self {
            clock,
            config,
            store_url: url,
            uri,
            signer: Signer::hs256("k", SECRET),
            life,
            bus,
            heard,
            _folder: folder,
        }
    }

    /// Ends the service as a signal would.
    pub async fn stop(&self) -> Ending {
        self.life.finish(std::future::pending()).await
    }

    /// Ends the service; it must have nothing to complain of.
    pub async fn end(self) {
        let ending = self.stop().await;
        assert_eq!((ending.failures, ending.left_running), (vec![], 0));
    }

    /// The same service once more, on the same data, with a life and a bus of its own.
    pub async fn again(&self) -> (Lifecycle, Heard) {
        let life = Lifecycle::new(Duration::from_secs(10), Duration::from_secs(5));
        let bus = Bus::in_process();
        let folder = tempfile::tempdir().unwrap();
        let heard = listen(&bus, &self.clock, &life, &folder).await;
        serve(&self.config, &self.clock, &bus, &life).await;
        (life, heard)
    }

    /// Publishes a message as another service would, and waits until it was heard.
    pub async fn say<M: Message + Name>(&self, source: &str, shard: u16, message: &M) {
        let tenant = TenantId::try_from("acme").unwrap();
        let event = Envelope::new(source, &self.clock, &tenant, shard, message);
        self.bus.publish(&[event]).await.unwrap();
    }

    /// The same service once more, with its address.
    pub async fn served_again(&self) -> (Lifecycle, String) {
        let life = Lifecycle::new(Duration::from_secs(10), Duration::from_secs(5));
        let uri = serve(&self.config, &self.clock, &Bus::in_process(), &life).await;
        (life, uri)
    }

    pub fn store_url(&self) -> &str {
        &self.store_url
    }

    /// A client of the tenant `acme` that may write.
    pub fn client(&self) -> Client {
        self.client_of("acme", Role::Integration)
    }

    pub fn client_of(&self, tenant: &str, role: Role) -> Client {
        ProfileServiceClient::new(self.link(tenant, role)).max_decoding_message_size(64 << 20)
    }

    pub fn link(&self, tenant: &str, role: Role) -> Link {
        self.link_to(&self.uri, tenant, role)
    }

    pub fn link_to(&self, uri: &str, tenant: &str, role: Role) -> Link {
        let credentials = Credentials::minted(self.signer.clone(), "tester", role);
        Link::new(channel(uri).unwrap(), credentials).for_tenant(&TenantId::try_from(tenant).unwrap())
    }

    pub fn link_without_token(&self) -> Link {
        Link::new(channel(&self.uri).unwrap(), Credentials::none())
    }

    /// What the listener heard of `acme` once everything committed has been published.
    pub async fn events<M: Message + Name + Default>(&self) -> Vec<M> {
        self.settle().await;
        decode(&self.heard)
    }

    /// How many events of each type of record were heard. What follows from records (members,
    /// stages) is told in its own time.
    pub async fn event_counts(&self) -> BTreeMap<String, usize> {
        self.settle().await;
        let follows = [SegmentMembershipChanged::full_name(), JourneyStageChanged::full_name()];
        let mut counts = BTreeMap::new();
        for (kind, _) in self.heard.lock().unwrap().iter().filter(|(kind, _)| !follows.contains(kind)) {
            *counts.entry(kind.rsplit('.').next().unwrap().to_owned()).or_default() += 1;
        }
        counts
    }

    async fn settle(&self) {
        let mut client = EventsServiceClient::new(self.link("acme", Role::Operator));
        for _ in 0..1_000 {
            let status = client.get_event_status(GetEventStatusRequest {}).await.unwrap().into_inner();
            if status.types.iter().all(|kind| kind.committed == kind.published) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("events stay in the outbox");
    }

    /// Waits until every account whose records changed was looked at.
    pub async fn refreshed(&self) {
        self.drained("select count(*) from dirty_accounts").await;
    }

    /// Waits until every record that was written can be searched for.
    pub async fn indexed(&self) {
        self.drained("select count(*) from search_queue").await;
    }

    async fn drained(&self, count: &'static str) {
        let db = Db::connect(&StoreConfig::new(self.store_url.as_str())).await.unwrap();
        until(async || {
            let mut conn = db.read().await.unwrap();
            let waiting = salient_store::sql(count).fetch_one(&mut conn);
            let (waiting,): (i64,) = waiting.await.unwrap();
            waiting == 0
        })
        .await;
        db.close().await;
    }

    pub fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// So many days before the clock.
    pub fn ago(&self, days: i64) -> prost_types::Timestamp {
        timestamp(self.now() - TimeDelta::days(days))
    }

    /// Upserts accounts whose ids are these; gives back their names.
    pub async fn accounts(&self, client: &mut Client, ids: &[&str]) -> Vec<String> {
        let accounts = ids.iter().map(|id| account(id)).collect();
        let response = upsert_accounts(client, accounts).await;
        assert_eq!(response.result.unwrap().errors, []);
        response.names
    }
}

pub fn decode<M: Message + Name + Default>(heard: &Heard) -> Vec<M> {
    let heard = heard.lock().unwrap();
    let of_type = heard.iter().filter(|(kind, _)| *kind == M::full_name());
    of_type.map(|(_, data)| M::decode(data.as_slice()).unwrap()).collect()
}

async fn serve(config: &Config, clock: &Clock, bus: &Bus, life: &Lifecycle) -> String {
    let parts = Parts { clock: clock.clone(), bus: bus.clone(), lifecycle: life.clone() };
    let app = build(config, parts).await.unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let uri = format!("http://{}", listener.local_addr().unwrap());
    life.spawn("profile", app.serve(listener));
    uri
}

async fn listen(bus: &Bus, clock: &Clock, life: &Lifecycle, folder: &tempfile::TempDir) -> Heard {
    async fn note<M: Message + Name>(
        heard: Heard,
        _ctx: &mut HandlerCtx,
        message: M,
    ) -> salient_core::Result<()> {
        heard.lock().unwrap().push((M::full_name(), message.encode_to_vec()));
        Ok(())
    }
    let store = StoreConfig::new(format!("sqlite:{}/listener.db", folder.path().display()));
    let migrations = salient_store::Migrations::common().with(salient_events::migrations());
    let db = Db::open(&store, &migrations).await.unwrap();
    let heard = Heard::default();
    let consumer = Consumer::new(db, bus.clone(), "listener", clock.clone())
        .subscribe("profile")
        .handle_with(heard.clone(), note::<AccountsChanged>)
        .handle_with(heard.clone(), note::<ContactsChanged>)
        .handle_with(heard.clone(), note::<OrdersRecorded>)
        .handle_with(heard.clone(), note::<InteractionsRecorded>)
        .handle_with(heard.clone(), note::<OpportunitiesChanged>)
        .handle_with(heard.clone(), note::<ProfilesResolved>)
        .handle_with(heard.clone(), note::<SegmentMembershipChanged>)
        .handle_with(heard.clone(), note::<JourneyStageChanged>)
        .handle_with(heard.clone(), note::<ConsentChanged>)
        .handle_with(heard.clone(), note::<PrivacySettingsChanged>)
        .handle_with(heard.clone(), note::<PersonErased>)
        .handle_with(heard.clone(), note::<PersonExportRequested>);
    life.spawn("listener", consumer.run(life.soft.clone()));
    heard
}

/// Waits until it is so.
pub async fn until(mut is_so: impl AsyncFnMut() -> bool) {
    for _ in 0..1_000 {
        if is_so().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it never came to be");
}

pub fn request_id() -> String {
    Clock::system().uuid().to_string()
}

pub fn key(id: &str) -> Option<SourceKey> {
    Some(SourceKey { source: "crm".into(), id: id.into() })
}

pub fn timestamp(time: DateTime<Utc>) -> prost_types::Timestamp {
    prost_types::Timestamp { seconds: time.timestamp(), nanos: time.timestamp_subsec_nanos() as i32 }
}

pub fn account(id: &str) -> Account {
    Account { source_key: key(id), display_name: format!("Account {id}"), ..Account::default() }
}

pub fn contact(id: &str, account: &str) -> Contact {
    Contact {
        source_key: key(id),
        account_key: key(account),
        display_name: format!("Contact {id}"),
        email: format!("{id}@example.org"),
        ..Contact::default()
    }
}

pub fn order(id: &str, account: &str, time: prost_types::Timestamp) -> Order {
    let line = |product: &str, quantity| OrderLine {
        product: format!("products/{product}"),
        quantity,
        amount_minor_units: 255 * quantity,
    };
    Order {
        source_key: key(id),
        account_key: key(account),
        order_time: Some(time),
        currency_code: "GBP".into(),
        lines: vec![line("85123A", 6), line("71053", 8)],
        ..Order::default()
    }
}

pub fn interaction(id: &str, account: &str, time: prost_types::Timestamp) -> Interaction {
    Interaction {
        source_key: key(id),
        account_key: key(account),
        kind: interaction::Kind::Call as i32,
        occur_time: Some(time),
        quantity: 1.0,
        ..Interaction::default()
    }
}

pub fn opportunity(id: &str, account: &str, time: prost_types::Timestamp) -> Opportunity {
    Opportunity {
        source_key: key(id),
        account_key: key(account),
        display_name: format!("Opportunity {id}"),
        open_time: Some(time),
        ..Opportunity::default()
    }
}

pub async fn upsert_accounts(client: &mut Client, accounts: Vec<Account>) -> UpsertAccountsResponse {
    let request = UpsertAccountsRequest { request_id: request_id(), accounts, update_mask: None };
    client.upsert_accounts(request).await.unwrap().into_inner()
}

pub fn mask(paths: &[&str]) -> Option<prost_types::FieldMask> {
    Some(prost_types::FieldMask { paths: paths.iter().map(ToString::to_string).collect() })
}

/// Created, updated, unchanged, refused.
pub fn counts(result: &Option<BatchResult>) -> (i32, i32, i32, usize) {
    let result = result.as_ref().unwrap();
    (result.created, result.updated, result.unchanged, result.errors.len())
}

/// The refusal must carry a reason of ours.
pub fn why<T: std::fmt::Debug>(result: Result<T, Status>) -> (tonic::Code, Reason) {
    let status = result.unwrap_err();
    (status.code(), reason(&status).unwrap_or_else(|| panic!("no reason: {status:?}")))
}

/// A stream of messages that stays open no longer than they last.
pub fn stream<T: Send + 'static>(messages: Vec<T>) -> Request<tokio_stream::Iter<std::vec::IntoIter<T>>> {
    Request::new(tokio_stream::iter(messages))
}
