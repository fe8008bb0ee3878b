//! A whole suite with stores and a bus of its own, filled with the model company.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Utc};
use prost_types::Timestamp;
use salient::{
    company, load,
    progress::{Step, Telling},
    runs,
    session::Clients,
    settle,
    suite::{self, Backing, KEEPERS, Suite},
};
use salient_core::Clock;
use salient_events::Bus;
use salient_proto::{
    profile::v1::{
        Contact, Erasure, GetErasureRequest, GetPersonExportRequest, ListContactsRequest, Merge,
        MergeProfilesRequest, PersonExport, UndoMergeRequest, UpsertContactsRequest, UpsertContactsResponse,
    },
    recommendation::v1::{GetDailyPlanRequest, ListSellersRequest, Recommendation},
};
use salient_sim::{Company, Config};
use salient_store::StoreConfig;
use salient_testkit::{Postgres, Redis};

use crate::search::{self, Needles};

const GLANCE: Duration = Duration::from_millis(50);
const PATIENCE: Duration = Duration::from_secs(60);

pub enum Engine {
    Sqlite,
    Postgres,
}

pub enum Wire {
    InProcess,
    Redis,
}

pub struct World {
    pub suite: Suite,
    pub clients: Clients,
    pub stores: BTreeMap<&'static str, StoreConfig>,
    /// The address and the prefix of the streams.
    redis: Option<(String, String)>,
    backing: Backing,
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
                backing.stores.insert(name, StoreConfig::new(postgres.database().await.unwrap()));
            }
        }
        let mut redis = None;
        if matches!(wire, Wire::Redis) {
            let server = Redis::shared().await.unwrap();
            let prefix = server.prefix();
            backing.bus = Bus::redis(server.url(), &prefix).await.unwrap();
            redis = Some((server.url().to_owned(), prefix));
        }
        let day = NaiveDate::from_ymd_opt(2026, 5, 31).unwrap();
        let morning = NaiveTime::from_hms_opt(8, 0, 0).unwrap();
        let suite = suite::start(&backing, Clock::replay(day.and_time(morning).and_utc())).await.unwrap();
        let clients = suite.session.connect().unwrap();
        Self { suite, clients, stores: backing.stores.clone(), redis, backing, _folder: folder }
    }

    /// Ends the suite, and starts another on the same stores.
    pub async fn restart(&mut self) {
        let ending = self.suite.life.finish(std::future::pending()).await;
        assert_eq!((ending.failures, ending.left_running), (vec![], 0));
        self.backing.bus = match &self.redis {
            Some((url, prefix)) => Bus::redis(url, prefix).await.unwrap(),
            None => Bus::in_process(),
        };
        self.suite = suite::start(&self.backing, self.suite.clock.clone()).await.unwrap();
        self.clients = self.suite.session.connect().unwrap();
    }

    /// Makes one profile of two.
    pub async fn merge(&self, one: &str, other: &str, reason: &str) -> Merge {
        let request = MergeProfilesRequest {
            request_id: fresh_id(),
            one: one.to_owned(),
            other: other.to_owned(),
            reason: reason.to_owned(),
        };
        let answer = self.clients.identity.clone().merge_profiles(request).await.unwrap();
        answer.into_inner().merge.unwrap()
    }

    pub async fn undo(&self, merge: &str) {
        let request = UndoMergeRequest { request_id: fresh_id(), name: merge.to_owned() };
        self.clients.identity.clone().undo_merge(request).await.unwrap();
    }

    /// Ends the suite; nothing of it may have failed.
    pub async fn end(self) {
        let ending = self.suite.life.finish(std::future::pending()).await;
        assert_eq!((ending.failures, ending.left_running), (vec![], 0));
    }

    /// Imports a small company.
    pub async fn import(&self) {
        let config = Config {
            accounts: 60,
            sellers: 2,
            products: 40,
            start: NaiveDate::from_ymd_opt(2025, 3, 1).unwrap(),
            ..Config::default()
        };
        let plan = company::plan(Company::try_new(config).unwrap());
        let (loaded, _) = load::load(&self.clients, plan, &silent()).await.unwrap();
        assert_eq!(loaded.refused, Vec::<String>::new());
        self.settle().await;
    }

    pub async fn settle(&self) {
        settle::settle(&self.clients, &silent()).await.unwrap();
    }

    pub fn now(&self) -> DateTime<Utc> {
        self.suite.clock.now()
    }

    pub fn ago(&self, hours: i64) -> Option<Timestamp> {
        let at = self.now() - TimeDelta::hours(hours);
        Some(Timestamp { seconds: at.timestamp(), nanos: 0 })
    }

    pub async fn plan(&self) {
        let day = self.now().date_naive().to_string();
        runs::plan(&self.clients, fresh_id(), day, &silent()).await.unwrap();
        self.settle().await;
    }

    /// Today's items of all sellers.
    pub async fn items(&self) -> Vec<Recommendation> {
        let sellers = self.clients.catalogue.clone().list_sellers(ListSellersRequest::default()).await;
        let mut items = Vec::new();
        for seller in sellers.unwrap().into_inner().sellers {
            let name = format!("{}/plans/today", seller.name);
            let plan = self.clients.recommendation.clone().get_daily_plan(GetDailyPlanRequest { name }).await;
            items.extend(plan.unwrap().into_inner().plan.unwrap().recommendations);
        }
        items
    }

    pub async fn contacts(&self) -> Vec<Contact> {
        let request = ListContactsRequest { page_size: 1_000, ..Default::default() };
        self.clients.profile.clone().list_contacts(request).await.unwrap().into_inner().contacts
    }

    pub async fn upsert(&self, contacts: Vec<Contact>) -> UpsertContactsResponse {
        let request = UpsertContactsRequest { request_id: fresh_id(), contacts, update_mask: None };
        self.clients.profile.clone().upsert_contacts(request).await.unwrap().into_inner()
    }

    /// The certificate, once it is complete.
    pub async fn certificate(&self, name: &str) -> Erasure {
        eventually(async || {
            let request = GetErasureRequest { name: name.to_owned() };
            let found = self.clients.privacy.clone().get_erasure(request).await.unwrap().into_inner();
            found.erasure.filter(|found| found.complete_time.is_some())
        })
        .await
    }

    /// An export, once it is complete.
    pub async fn export(&self, name: &str) -> PersonExport {
        eventually(async || {
            let request = GetPersonExportRequest { name: name.to_owned() };
            let found = self.clients.privacy.clone().get_person_export(request).await.unwrap().into_inner();
            found.export.filter(|found| found.complete_time.is_some())
        })
        .await
    }

    /// Where the needles stand, in any store or stream.
    pub async fn traces(&self, needles: &Needles) -> Vec<String> {
        let mut found = search::stores(&self.stores, needles).await;
        if let Some((url, prefix)) = &self.redis {
            found.extend(search::streams(url, prefix, needles).await.0);
        }
        found
    }
}

/// What is there after a while.
pub async fn eventually<T>(mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let begin = Instant::now();
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(begin.elapsed() < PATIENCE, "it did not come about");
        tokio::time::sleep(GLANCE).await;
    }
}

fn silent() -> Step {
    Telling::Silent.step("", None)
}

pub fn fresh_id() -> String {
    salient::commands::plan::fresh_id()
}
