//! Several processes of one service.

use rstest::rstest;

use super::world::{GROUP, On, Running, Via, World, note};
use crate::inbox;

#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_works_and_the_next_takes_over(#[values(Via::InProcess, Via::Redis)] via: Via) {
    let world = World::new(On::Postgres, via).await;
    let mut consumers: Vec<_> = (0..3).map(|_| Running::consumer(world.consumer().handle(note))).collect();
    let mut relays: Vec<_> = (0..3).map(|_| Running::relay(world.relay())).collect();
    let mut published = 0;
    while let (Some(consumer), Some(relay)) = (consumers.pop(), relays.pop()) {
        world.publish_numbers(6, published..published + 5).await;
        published += 5;
        if consumers.is_empty() {
            world.settled(6 * published).await;
            relay.stop().await;
            consumer.stop().await;
        } else {
            relay.kill().await;
            consumer.kill().await;
        }
    }
    world.assert_numbers(6, 0..published).await;
}

/// Whoever was replaced and does not know it yet cannot commit.
#[rstest]
#[tokio::test]
async fn an_earlier_run_is_refused(#[values(On::Sqlite, On::Postgres)] on: On) {
    let world = World::new(on, Via::InProcess).await;
    let first = inbox::take_over(&world.listener, GROUP).await.unwrap();
    let mut tx = world.listener.begin().await.unwrap();
    assert!(inbox::is_current_in_tx(&mut tx, GROUP, first).await.unwrap());
    // The next run waits for what the first one has begun.
    let db = world.listener.clone();
    let next = tokio::spawn(async move { inbox::take_over(&db, GROUP).await });
    tokio::task::yield_now().await;
    assert!(!next.is_finished());
    tx.commit().await.unwrap();
    let second = next.await.unwrap().unwrap();
    let mut tx = world.listener.begin().await.unwrap();
    assert!(!inbox::is_current_in_tx(&mut tx, GROUP, first).await.unwrap());
    assert!(inbox::is_current_in_tx(&mut tx, GROUP, second).await.unwrap());
}

/// Two runs on one SQLite file should not be, and still do no harm.
#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_runs_on_one_file_do_not_double(#[values(Via::InProcess, Via::Redis)] via: Via) {
    let world = World::new(On::Sqlite, via).await;
    let one = Running::consumer(world.consumer().handle(note));
    let two = Running::consumer(world.consumer().handle(note));
    let relay = Running::relay(world.relay());
    world.publish_numbers(6, 0..5).await;
    world.settled(30).await;
    world.assert_numbers(6, 0..5).await;
    relay.stop().await;
    one.stop().await;
    two.stop().await;
}
