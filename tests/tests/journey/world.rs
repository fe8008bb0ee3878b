//! A whole suite with stores and a bus of its own, and a small model company to fill it with.

use std::time::{Duration, Instant};

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use prost_types::Timestamp;
use salient::{
    company, load,
    progress::{Step, Telling},
    session::Clients,
    settle,
    suite::{self, Backing, KEEPERS, Suite},
};
use salient_core::Clock;
use salient_events::Bus;
use salient_kit::client::Link;
use salient_proto::{
    feedback::v1::{ListOutcomesRequest, Outcome, Reaction, ReactionAction, RecordReactionRequest},
    profile::v1::{ListAccountsRequest, identity_service_client::IdentityServiceClient},
    recommendation::v1::{
        DailyPlan, GetDailyPlanRequest, ListProductsRequest, ListSellersRequest, Recommendation,
    },
};
use salient_sim::{Company, Config};
use salient_store::StoreConfig;
use salient_testkit::{Postgres, Redis};
use serde_json::Value;

pub const GLANCE: Duration = Duration::from_millis(20);
const PATIENCE: Duration = Duration::from_secs(30);

pub enum Engine {
    Sqlite,
    Postgres,
}

pub enum Wire {
    InProcess,
    Redis,
}

/// What of a recommendation must be the same wherever it was made.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    pub seller: String,
    pub rank: i32,
    pub account: String,
    pub product: String,
    pub action: String,
    pub why: String,
    pub probability: f64,
}

pub struct World {
    pub suite: Suite,
    pub clients: Clients,
    _folder: tempfile::TempDir,
}

impl World {
    /// A suite whose clock stands in the morning of the day that is planned.
    pub async fn start(engine: Engine, wire: Wire) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut backing = Backing::directory(folder.path()).unwrap();
        if matches!(engine, Engine::Postgres) {
            let postgres = Postgres::shared().await.unwrap();
            for name in KEEPERS {
                let url = postgres.database().await.unwrap();
                backing.stores.insert(name, StoreConfig::new(url));
            }
        }
        if matches!(wire, Wire::Redis) {
            let redis = Redis::shared().await.unwrap();
            backing.bus = Bus::redis(redis.url(), &redis.prefix()).await.unwrap();
        }
        let day = NaiveDate::from_ymd_opt(2026, 5, 31).unwrap();
        let morning = NaiveTime::from_hms_opt(8, 0, 0).unwrap();
        let suite = suite::start(&backing, Clock::replay(day.and_time(morning).and_utc())).await.unwrap();
        let clients = suite.session.connect().unwrap();
        Self { suite, clients, _folder: folder }
    }

    /// Ends the suite; nothing of it may have failed.
    pub async fn end(self) {
        let ending = self.suite.life.finish(std::future::pending()).await;
        assert_eq!((ending.failures, ending.left_running), (vec![], 0));
    }

    /// Imports the company, with orders from before and after the clock's day.
    pub async fn import(&self) {
        self.import_of(150).await;
    }

    /// The same of a company with so many accounts.
    pub async fn import_of(&self, accounts: u64) {
        let config = Config {
            accounts,
            sellers: 4,
            products: 60,
            start: NaiveDate::from_ymd_opt(2025, 3, 1).unwrap(),
            ..Config::default()
        };
        let plan = company::plan(Company::try_new(config).unwrap());
        let (loaded, _) = load::load(&self.clients, plan, &silent()).await.unwrap();
        assert_eq!(loaded.refused, Vec::<String>::new());
        assert!(loaded.last_order.unwrap() > self.now());
        self.settle().await;
    }

    pub fn identity(&self) -> IdentityServiceClient<Link> {
        self.clients.identity.clone()
    }

    pub async fn settle(&self) {
        settle::settle(&self.clients, &silent()).await.unwrap();
    }

    pub fn now(&self) -> DateTime<Utc> {
        self.suite.clock.now()
    }

    /// The first moment of the clock's day.
    pub fn today(&self) -> DateTime<Utc> {
        self.now().date_naive().and_time(NaiveTime::MIN).and_utc()
    }

    pub async fn plan(&self, seller: &str) -> DailyPlan {
        let name = format!("{seller}/plans/today");
        let answer = self.clients.recommendation.clone().get_daily_plan(GetDailyPlanRequest { name }).await;
        answer.unwrap().into_inner().plan.unwrap()
    }

    pub async fn sellers(&self) -> Vec<String> {
        let answer = self.clients.catalogue.clone().list_sellers(ListSellersRequest::default()).await;
        let mut names: Vec<String> =
            answer.unwrap().into_inner().sellers.into_iter().map(|seller| seller.name).collect();
        names.sort();
        names
    }

    /// The seller with the longest list, the first by name among equals.
    pub async fn busiest(&self) -> String {
        let mut best = (0, String::new());
        for seller in self.sellers().await {
            let items = self.plan(&seller).await.recommendations.len();
            if items > best.0 {
                best = (items, seller);
            }
        }
        best.1
    }

    /// Today's lists of all sellers.
    pub async fn lists(&self) -> Vec<Line> {
        let mut lines = Vec::new();
        for seller in self.sellers().await {
            let items = self.plan(&seller).await.recommendations;
            lines.extend(items.into_iter().map(|item| Line {
                seller: seller.clone(),
                rank: item.rank,
                account: item.account_display_name,
                product: item.product,
                action: item.action,
                why: item.why,
                probability: item.probability,
            }));
        }
        lines
    }

    /// Names of products, in the order of their codes.
    pub async fn products(&self) -> Vec<String> {
        let answer = self.clients.catalogue.clone().list_products(ListProductsRequest::default()).await;
        answer.unwrap().into_inner().products.into_iter().map(|product| product.name).collect()
    }

    /// Names of accounts.
    pub async fn accounts(&self) -> Vec<String> {
        let request = ListAccountsRequest { page_size: 1_000, ..Default::default() };
        let answer = self.clients.profile.clone().list_accounts(request).await;
        answer.unwrap().into_inner().accounts.into_iter().map(|account| account.name).collect()
    }

    pub async fn react(
        &self,
        item: &Recommendation,
        action: ReactionAction,
        until: Option<DateTime<Utc>>,
    ) -> Reaction {
        let request = RecordReactionRequest {
            request_id: fresh_id(),
            recommendation: item.name.clone(),
            attribution_token: item.attribution_token.clone(),
            action: action.into(),
            snooze_until: until.map(timestamp),
            ..Default::default()
        };
        let answer = self.clients.feedback.clone().record_reaction(request).await;
        answer.unwrap().into_inner().reaction.unwrap()
    }

    /// The outcomes, when there are as many; matching goes on beside the events.
    pub async fn outcomes(&self, count: usize) -> Vec<Outcome> {
        let begin = Instant::now();
        loop {
            let mut client = self.clients.feedback.clone();
            let outcomes = client.list_outcomes(ListOutcomesRequest::default()).await;
            let outcomes = outcomes.unwrap().into_inner().outcomes;
            if outcomes.len() >= count || begin.elapsed() > PATIENCE {
                return outcomes;
            }
            tokio::time::sleep(GLANCE).await;
        }
    }

    /// A call to the gateway: the status, and the JSON of the answer.
    pub async fn rest(&self, method: &str, path: &str, body: Option<&Value>) -> (u16, Value) {
        let session = &self.suite.session;
        salient_tests::call(method, &format!("{}{path}", session.services["gateway"]), &session.token, body)
            .await
    }
}

pub fn silent() -> Step {
    Telling::Silent.step("", None)
}

pub fn fresh_id() -> String {
    salient::commands::plan::fresh_id()
}

pub fn timestamp(at: DateTime<Utc>) -> Timestamp {
    Timestamp { seconds: at.timestamp(), nanos: at.timestamp_subsec_nanos() as i32 }
}
