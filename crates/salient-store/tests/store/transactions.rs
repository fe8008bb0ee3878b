//! Transactions, readers and wake-ups, on both engines.

use std::{sync::Arc, time::Duration};

use salient_store::{Engine, sql};
use uuid::Uuid;

use crate::{
    both,
    support::Fresh,
    things::{Thing, all, migrations, thing, write},
};

both!(migrations();
    what_is_not_committed_is_undone,
    readers_see_what_is_committed_and_do_not_wait_for_a_writer,
    writers_wait_for_each_other,
    a_second_equal_key_is_a_unique_violation,
    a_commit_wakes_who_waits,
);

async fn what_is_not_committed_is_undone(fresh: Fresh) {
    let mut tx = fresh.db.begin().await.unwrap();
    write(&mut tx, &[thing(1)]).await;
    drop(tx);
    let mut tx = fresh.db.begin().await.unwrap();
    write(&mut tx, &[thing(2)]).await;
    tx.rollback().await.unwrap();
    let mut tx = fresh.db.begin().await.unwrap();
    write(&mut tx, &[thing(3)]).await;
    tx.commit().await.unwrap();
    assert_eq!(all(&fresh.db).await, [thing(3)]);
}

async fn readers_see_what_is_committed_and_do_not_wait_for_a_writer(fresh: Fresh) {
    let mut tx = fresh.db.begin().await.unwrap();
    write(&mut tx, &[thing(1)]).await;
    let seen = tokio::time::timeout(Duration::from_secs(5), all(&fresh.db)).await.unwrap();
    assert!(seen.is_empty());
    tx.commit().await.unwrap();
    assert_eq!(all(&fresh.db).await.len(), 1);
    if fresh.db.engine() == Engine::Sqlite {
        let mut read = fresh.db.read().await.unwrap();
        let refused = sql("delete from things").execute(&mut read).await.unwrap_err();
        assert!(format!("{refused:?}").contains("readonly"), "{refused:?}");
    }
}

async fn writers_wait_for_each_other(fresh: Fresh) {
    let mut tx = fresh.db.begin().await.unwrap();
    write(&mut tx, &[Thing { number: Some(0), ..thing(1) }]).await;
    tx.commit().await.unwrap();
    let db = Arc::new(fresh.db.clone());
    let writers: Vec<_> = (0..20)
        .map(|_| {
            let db = db.clone();
            tokio::spawn(async move {
                for _ in 0..5 {
                    let mut tx = db.begin().await.unwrap();
                    let (number,): (i64,) = sql("select number from things where tenant = $1 {for_update}")
                        .bind("acme")
                        .fetch_one(&mut tx)
                        .await
                        .unwrap();
                    sql("update things set number = $1 where tenant = $2")
                        .bind(number + 1)
                        .bind("acme")
                        .execute(&mut tx)
                        .await
                        .unwrap();
                    tx.commit().await.unwrap();
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    assert_eq!(all(&fresh.db).await[0].number, Some(100));
}

async fn a_second_equal_key_is_a_unique_violation(fresh: Fresh) {
    let mut tx = fresh.db.begin().await.unwrap();
    write(&mut tx, &[thing(1)]).await;
    let error = sql("insert into things (tenant, id) values ($1, $2)")
        .bind("acme")
        .bind(Uuid::from_u128(1))
        .execute(&mut tx)
        .await
        .unwrap_err();
    assert!(error.is_unique() && !error.is_transient());
    assert!(error.to_string().contains("things"), "{error}");
}

async fn a_commit_wakes_who_waits(fresh: Fresh) {
    let mut signal = fresh.db.signal("things");
    let waiting = tokio::spawn(async move {
        let start = std::time::Instant::now();
        signal.wait(Duration::from_secs(30)).await;
        start.elapsed()
    });
    let mut tx = fresh.db.begin().await.unwrap();
    tx.wake("things");
    write(&mut tx, &[thing(1)]).await;
    tx.commit().await.unwrap();
    assert!(waiting.await.unwrap() < Duration::from_secs(20));

    let mut signal = fresh.db.signal("things");
    let mut tx = fresh.db.begin().await.unwrap();
    tx.wake("things");
    tx.rollback().await.unwrap();
    let start = std::time::Instant::now();
    signal.wait(Duration::from_millis(30)).await;
    assert!(start.elapsed() >= Duration::from_millis(30));
}
