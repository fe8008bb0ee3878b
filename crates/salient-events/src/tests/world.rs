//! Two services: one publishes, one notes what it hears, in the order in which it commits it.

use std::{collections::BTreeMap, time::Duration};

use prost::{Message, Name};
use salient_core::{Clock, Result, TenantId};
use salient_store::{Db, Migration, Migrations, StoreConfig, sql};
use salient_testkit::{Postgres, Redis};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::{
    Bus, Consumer, Envelope, HandlerCtx, Relay, Retry, TypeStatus, outbox, probe::Probe, shard_of, status,
};

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum On {
    Sqlite,
    Postgres,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Via {
    InProcess,
    Redis,
}

/// What the publishing service tells.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Noted {
    #[prost(string, tag = "1")]
    pub(super) account: String,
    #[prost(int64, tag = "2")]
    pub(super) number: i64,
    #[prost(bytes = "vec", tag = "3")]
    pub(super) ballast: Vec<u8>,
}

impl Name for Noted {
    const NAME: &'static str = "Noted";
    const PACKAGE: &'static str = "salient.test.v1";
}

pub(super) const NOTED: &str = "salient.test.v1.Noted";
pub(super) const SOURCE: &str = "teller";
pub(super) const GROUP: &str = "listener";

static STEPS: &[Migration] = &[Migration::new(
    1,
    "notes",
    "create table notes (seq {identity}, tenant text not null, account text not null, number bigint not null)",
)];

pub(super) fn tenant() -> TenantId {
    TenantId::try_from("acme").unwrap()
}

pub(super) fn quick() -> Retry {
    Retry { attempts: 5, first_pause: Duration::from_millis(1), longest_pause: Duration::from_millis(5) }
}

pub(super) fn event(account: &str, number: i64) -> Envelope {
    let message = Noted { account: account.to_owned(), number, ballast: Vec::new() };
    let shard = shard_of(account.as_bytes());
    Envelope::new(SOURCE, &Clock::system(), &tenant(), shard, &message)
}

pub(super) async fn note(ctx: &mut HandlerCtx, message: Noted) -> Result<()> {
    sql("insert into notes (tenant, account, number) values ($1, $2, $3)")
        .bind(&ctx.envelope.tenant)
        .bind(&message.account)
        .bind(message.number)
        .execute(&mut ctx.tx)
        .await?;
    Ok(())
}

pub(super) async fn database(on: On, folder: &TempDir, name: &str) -> Db {
    let url = match on {
        On::Sqlite => format!("sqlite:{}", folder.path().join(name).display()),
        On::Postgres => {
            let server = Postgres::shared().await.unwrap();
            server.database().await.unwrap()
        }
    };
    let migrations = crate::migrations().with(Migrations::new("test", STEPS));
    Db::open(&StoreConfig::new(url), &migrations).await.unwrap()
}

pub(super) struct World {
    pub(super) via: Via,
    /// Of the publishing service.
    pub(super) teller: Db,
    /// Of the consuming service.
    pub(super) listener: Db,
    pub(super) bus: Bus,
    prefix: String,
    _folder: TempDir,
}

impl World {
    pub(super) async fn new(on: On, via: Via) -> Self {
        let folder = TempDir::new().unwrap();
        let prefix = match via {
            Via::InProcess => String::new(),
            Via::Redis => Redis::shared().await.unwrap().prefix(),
        };
        let (teller, listener) =
            tokio::join!(database(on, &folder, "teller.db"), database(on, &folder, "listener.db"));
        let bus = bus(via, &prefix).await;
        Self { via, teller, listener, bus, prefix, _folder: folder }
    }

    /// What the death of all processes leaves: the databases, and Redis.
    pub(super) async fn lose_the_bus(&mut self) {
        self.bus = bus(self.via, &self.prefix).await;
    }

    pub(super) fn prefix(&self) -> &str {
        &self.prefix
    }

    pub(super) fn relay(&self) -> Relay {
        Relay::new(self.teller.clone(), self.bus.clone(), SOURCE).retry(quick())
    }

    /// A consumer without a handler.
    pub(super) fn consumer(&self) -> Consumer {
        let (db, bus) = (self.listener.clone(), self.bus.clone());
        Consumer::new(db, bus, GROUP, Clock::system()).subscribe(SOURCE).retry(quick())
    }

    pub(super) async fn publish(&self, events: &[Envelope]) {
        let mut tx = self.teller.begin().await.unwrap();
        outbox::publish_in_tx(&mut tx, events).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// Publishes numbers of each account, a few events to a transaction.
    pub(super) async fn publish_numbers(&self, accounts: i64, numbers: std::ops::Range<i64>) {
        for number in numbers {
            let events: Vec<_> = (0..accounts).map(|account| event(&format!("a{account}"), number)).collect();
            for events in events.chunks(7) {
                self.publish(events).await;
            }
        }
    }

    /// What was applied, by account, in the order of its commits.
    pub(super) async fn notes(&self) -> BTreeMap<String, Vec<i64>> {
        let mut read = self.listener.read().await.unwrap();
        let rows: Vec<(String, i64)> =
            sql("select account, number from notes order by seq").fetch_all(&mut read).await.unwrap();
        let mut notes = BTreeMap::<_, Vec<_>>::new();
        for (account, number) in rows {
            notes.entry(account).or_default().push(number);
        }
        notes
    }

    pub(super) async fn assert_numbers(&self, accounts: i64, numbers: std::ops::Range<i64>) {
        let expected: BTreeMap<_, _> = (0..accounts)
            .map(|account| (format!("a{account}"), numbers.clone().collect::<Vec<_>>()))
            .collect();
        assert_eq!(self.notes().await, expected);
    }

    pub(super) async fn count(&self, db: &Db) -> TypeStatus {
        let all = status(db, &tenant()).await.unwrap();
        all.into_iter().find(|one| one.type_ == NOTED).unwrap_or(TypeStatus {
            type_: NOTED.to_owned(),
            committed: 0,
            published: 0,
            applied: 0,
            dead: 0,
        })
    }

    /// Waits until the listener has dealt with this many events and the teller has none left.
    pub(super) async fn settled(&self, events: i64) {
        eventually("everything is dealt with", async || {
            let (here, there) = tokio::join!(self.count(&self.listener), self.count(&self.teller));
            here.applied + here.dead == events && there.published == there.committed
        })
        .await;
    }
}

async fn bus(via: Via, prefix: &str) -> Bus {
    match via {
        Via::InProcess => Bus::in_process(),
        Via::Redis => {
            let redis = Redis::shared().await.unwrap();
            Bus::redis(redis.url(), prefix).await.unwrap()
        }
    }
}

/// Waits for a condition; fails when it does not come true in a time that is ample.
pub(super) async fn eventually(what: &str, condition: impl AsyncFn() -> bool) {
    let wait = async {
        while !condition().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let ample = Duration::from_secs(60);
    assert!(tokio::time::timeout(ample, wait).await.is_ok(), "waited in vain until {what}");
}

/// A running relay or consumer.
pub(super) struct Running {
    task: JoinHandle<Result<()>>,
    shutdown: CancellationToken,
}

impl Running {
    pub(super) fn relay(relay: Relay) -> Self {
        let shutdown = CancellationToken::new();
        let task = tokio::spawn(relay.run(shutdown.clone()));
        Self { task, shutdown }
    }

    pub(super) fn consumer(consumer: Consumer) -> Self {
        let shutdown = CancellationToken::new();
        let task = tokio::spawn(consumer.run(shutdown.clone()));
        Self { task, shutdown }
    }

    /// As `kill -9` does: at whatever it awaits, it is gone.
    pub(super) async fn kill(self) {
        self.task.abort();
        let _ = self.task.await;
    }

    pub(super) async fn stop(self) {
        self.shutdown.cancel();
        self.task.await.unwrap().unwrap();
    }
}

pub(super) fn never() -> Probe {
    Probe::default()
}
