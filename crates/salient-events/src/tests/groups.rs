//! Who gets what: groups that come early, late, and never.

use rstest::rstest;
use salient_core::Clock;
use tempfile::TempDir;

use super::world::{On, Running, SOURCE, Via, World, database, event, eventually, note, quick};
use crate::Consumer;

/// Groups that the relay knows of get everything, though their services have never run.
#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_made_before_its_first_run_gets_everything(#[values(Via::InProcess, Via::Redis)] via: Via) {
    let world = World::new(On::Sqlite, via).await;
    let relay = Running::relay(world.relay().groups([super::world::GROUP]));
    world.publish_numbers(4, 0..5).await;
    if via == Via::Redis {
        eventually("all is published", async || world.count(&world.teller).await.published == 20).await;
        world.bus.trim(SOURCE).await.unwrap();
    }
    let consumer = Running::consumer(world.consumer().handle(note));
    world.settled(20).await;
    world.assert_numbers(4, 0..5).await;
    relay.stop().await;
    consumer.stop().await;
}

/// A group that is made while others are at work gets what is published after it, beside them.
#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_late_group_gets_what_comes_after_it(#[values(Via::InProcess, Via::Redis)] via: Via) {
    let world = World::new(On::Sqlite, via).await;
    let consumer = Running::consumer(world.consumer().handle(note));
    let relay = Running::relay(world.relay());
    world.publish_numbers(4, 0..5).await;
    world.settled(20).await;
    world.bus.trim(SOURCE).await.unwrap();

    let folder = TempDir::new().unwrap();
    let db = database(On::Sqlite, &folder, "late.db").await;
    world.bus.create_group("late", SOURCE).await.unwrap();
    world.publish_numbers(4, 5..8).await;
    let late = Consumer::new(db.clone(), world.bus.clone(), "late", Clock::system())
        .subscribe(SOURCE)
        .retry(quick())
        .handle(note);
    let late = Running::consumer(late);
    world.settled(32).await;
    // At least what came after it; on Redis also what was not trimmed yet.
    eventually("the late group has caught up", async || {
        let count = world.count(&db).await;
        count.applied >= 12
    })
    .await;
    let mut read = db.read().await.unwrap();
    let (new,): (i64,) = salient_store::sql("select count(*) from notes where number >= 5")
        .fetch_one(&mut read)
        .await
        .unwrap();
    assert_eq!(new, 12);
    relay.stop().await;
    consumer.stop().await;
    late.stop().await;
}

#[tokio::test]
async fn without_a_group_nothing_waits_and_a_removed_group_holds_nobody() {
    let world = World::new(On::Sqlite, Via::InProcess).await;
    world.bus.publish(&[event("a0", 0)]).await.unwrap();
    world.bus.create_group("gone", SOURCE).await.unwrap();
    let bus = world.bus.clone();
    let waiting = tokio::spawn(async move { bus.publish(&[event("a0", 1)]).await });
    tokio::task::yield_now().await;
    assert!(!waiting.is_finished());
    world.bus.remove_group("gone", SOURCE).await.unwrap();
    waiting.await.unwrap().unwrap();
}
