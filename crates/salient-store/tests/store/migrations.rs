//! Migrations and opening, on both engines.

use crate::{both, support::Fresh};
use salient_store::{Db, Error, Migration, Migrations, StoreConfig, sql};

static ONE: &[Migration] = &[Migration::new(1, "first", "create table first (n bigint)")];
static TWO: &[Migration] = &[
    Migration::new(1, "first", "create table first (n bigint)"),
    Migration::split(
        2,
        "second",
        "create table second (n bigint); insert into second values (1)",
        "create table second (n bigint); insert into second values (1)",
    ),
];
static CHANGED: &[Migration] = &[Migration::new(1, "first", "create table first (n bigint, m bigint)")];
static BROKEN: &[Migration] = &[
    Migration::new(1, "first", "create table first (n bigint)"),
    Migration::new(2, "fine", "create table fine (n bigint)"),
    Migration::new(3, "broken", "create table broken (n bigint); insert into nowhere values (1)"),
];

both!(Migrations::default();
    steps_run_once_and_in_order,
    a_service_does_not_start_while_migrations_are_pending,
    a_changed_step_is_refused,
    nothing_stays_of_a_broken_step,
    replicas_may_start_together,
);

async fn count(db: &Db, text: &'static str) -> i64 {
    let (count,): (i64,) = sql(text).fetch_one(&mut db.read().await.unwrap()).await.unwrap();
    count
}

async fn steps_run_once_and_in_order(fresh: Fresh) {
    let db = &fresh.db;
    let first = Migrations::common().with(Migrations::new("test", ONE));
    assert_eq!(db.pending(&first).await.unwrap(), ["store/1 idempotency", "store/2 runs", "test/1 first"]);
    db.migrate(&first).await.unwrap();
    assert!(db.pending(&first).await.unwrap().is_empty());
    db.migrate(&first).await.unwrap();

    let second = Migrations::common().with(Migrations::new("test", TWO));
    assert_eq!(db.pending(&second).await.unwrap(), ["test/2 second"]);
    db.migrate(&second).await.unwrap();
    db.migrate(&second).await.unwrap();
    assert_eq!(count(db, "select count(*) from second").await, 1);
    // An older replica does not mind what a newer one has done.
    db.migrate(&first).await.unwrap();
}

async fn a_service_does_not_start_while_migrations_are_pending(fresh: Fresh) {
    let careful = StoreConfig { migrate: false, ..fresh.config.clone() };
    let migrations = Migrations::new("test", ONE);
    let refused = Db::open(&careful, &migrations).await.unwrap_err();
    assert!(matches!(&refused, Error::Pending(steps) if steps == &["test/1 first"]), "{refused}");
    assert!(refused.to_string().contains("store.migrate = true"));
    Db::open(&fresh.config, &migrations).await.unwrap().close().await;
    Db::open(&careful, &migrations).await.unwrap().close().await;
}

async fn a_changed_step_is_refused(fresh: Fresh) {
    fresh.db.migrate(&Migrations::new("test", ONE)).await.unwrap();
    let refused = fresh.db.migrate(&Migrations::new("test", CHANGED)).await.unwrap_err();
    assert_eq!(refused.to_string(), "migration test/1 first was changed after it ran; add a new one instead");
    // Another set has numbers of its own.
    assert_eq!(fresh.db.pending(&Migrations::new("other", ONE)).await.unwrap(), ["other/1 first"]);
}

async fn nothing_stays_of_a_broken_step(fresh: Fresh) {
    assert!(fresh.db.migrate(&Migrations::new("test", BROKEN)).await.is_err());
    assert_eq!(fresh.db.pending(&Migrations::new("test", BROKEN)).await.unwrap().len(), 3);
    fresh.db.migrate(&Migrations::new("test", ONE)).await.unwrap();
}

async fn replicas_may_start_together(fresh: Fresh) {
    let starts = (0..4).map(|_| {
        let config = fresh.config.clone();
        tokio::spawn(async move {
            let migrations = Migrations::common().with(Migrations::new("test", TWO));
            Db::open(&config, &migrations).await.unwrap().close().await;
        })
    });
    for start in starts.collect::<Vec<_>>() {
        start.await.unwrap();
    }
    assert_eq!(count(&fresh.db, "select count(*) from second").await, 1);
}
