//! Requests that are sent again, on both engines.

use std::{sync::Arc, time::Duration};

use crate::{both, support::Fresh};
use prost::Message as _;
use salient_core::{Clock, Reason, TenantId};
use salient_store::{Db, Migration, Migrations, idempotency, sql};

static STEPS: &[Migration] = &[Migration::new(1, "effects", "create table effects (n bigint not null)")];

fn migrations() -> Migrations {
    Migrations::common().with(Migrations::new("test", STEPS))
}

both!(migrations();
    the_same_request_gets_the_same_answer,
    another_body_is_refused,
    tenants_and_methods_are_apart,
    a_request_that_failed_may_be_sent_again,
    equal_requests_at_once_have_one_effect,
    old_requests_are_forgotten,
);

fn tenant(name: &str) -> TenantId {
    TenantId::try_from(name).unwrap()
}

/// A write call: the body is a text, the effect a row, the answer a text.
async fn call(
    db: &Db,
    tenant: &TenantId,
    method: &str,
    id: &str,
    body: &str,
) -> salient_core::Result<String> {
    let clock = Clock::system();
    let mut tx = db.begin().await?;
    let body = body.to_owned();
    if let Some(answer) = idempotency::check_in_tx(&mut tx, tenant, method, id, &body).await? {
        return Ok(String::decode(answer.as_slice()).unwrap());
    }
    sql("insert into effects (n) values ($1)").bind(1).execute(&mut tx).await?;
    // Time for another to come in between.
    tokio::time::sleep(Duration::from_millis(5)).await;
    let answer = format!("done {body} by {:?}", std::time::Instant::now());
    idempotency::store_in_tx(&mut tx, tenant, method, id, &answer, clock.now()).await?;
    tx.commit().await?;
    Ok(answer)
}

async fn effects(db: &Db) -> i64 {
    let (count,): (i64,) =
        sql("select count(*) from effects").fetch_one(&mut db.read().await.unwrap()).await.unwrap();
    count
}

async fn the_same_request_gets_the_same_answer(fresh: Fresh) {
    let acme = tenant("acme");
    let first = call(&fresh.db, &acme, "Upsert", "r1", "a").await.unwrap();
    let second = call(&fresh.db, &acme, "Upsert", "r1", "a").await.unwrap();
    assert_eq!(first, second);
    assert_eq!(effects(&fresh.db).await, 1);
}

async fn another_body_is_refused(fresh: Fresh) {
    let acme = tenant("acme");
    call(&fresh.db, &acme, "Upsert", "r1", "a").await.unwrap();
    let error = call(&fresh.db, &acme, "Upsert", "r1", "b").await.unwrap_err();
    assert_eq!(error.reason(), Reason::RequestIdReused);
    assert_eq!(error.violations()[0].field, "request_id");
    assert_eq!(effects(&fresh.db).await, 1);
}

async fn tenants_and_methods_are_apart(fresh: Fresh) {
    for (name, method) in [("acme", "Upsert"), ("acme", "Delete"), ("other", "Upsert")] {
        call(&fresh.db, &tenant(name), method, "r1", &format!("{name} {method}")).await.unwrap();
    }
    assert_eq!(effects(&fresh.db).await, 3);
}

async fn a_request_that_failed_may_be_sent_again(fresh: Fresh) {
    let acme = tenant("acme");
    let mut tx = fresh.db.begin().await.unwrap();
    let claimed = idempotency::check_in_tx(&mut tx, &acme, "Upsert", "r1", &"a".to_owned()).await.unwrap();
    assert_eq!(claimed, None);
    drop(tx);
    call(&fresh.db, &acme, "Upsert", "r1", "b").await.unwrap();
    assert_eq!(effects(&fresh.db).await, 1);
}

async fn equal_requests_at_once_have_one_effect(fresh: Fresh) {
    let db = Arc::new(fresh.db.clone());
    let calls = (0..8).map(|_| {
        let db = db.clone();
        tokio::spawn(async move { call(&db, &tenant("acme"), "Upsert", "r1", "a").await.unwrap() })
    });
    let mut answers = Vec::new();
    for call in calls.collect::<Vec<_>>() {
        answers.push(call.await.unwrap());
    }
    answers.dedup();
    assert_eq!(answers.len(), 1);
    assert_eq!(effects(&fresh.db).await, 1);
}

async fn old_requests_are_forgotten(fresh: Fresh) {
    let acme = tenant("acme");
    for id in ["r1", "r2", "r3"] {
        call(&fresh.db, &acme, "Upsert", id, "a").await.unwrap();
    }
    let mut tx = fresh.db.begin().await.unwrap();
    let now = Clock::system().now();
    assert_eq!(idempotency::prune_in_tx(&mut tx, now - chrono::TimeDelta::hours(1), 10).await.unwrap(), 0);
    assert_eq!(idempotency::prune_in_tx(&mut tx, now, 2).await.unwrap(), 2);
    assert_eq!(idempotency::prune_in_tx(&mut tx, now, 2).await.unwrap(), 1);
}
