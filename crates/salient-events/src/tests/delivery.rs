//! Everything arrives, once, in order.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use rstest::rstest;
use salient_core::{Clock, Error, Result};

use super::world::{NOTED, Noted, On, Running, Via, World, event, note, tenant};
use crate::{Envelope, HandlerCtx, outbox, shard_of, status};

#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_arrives_once_and_in_order(
    #[values(On::Sqlite, On::Postgres)] on: On,
    #[values(Via::InProcess, Via::Redis)] via: Via,
) {
    let world = World::new(on, via).await;
    let consumer = Running::consumer(world.consumer().handle(note));
    let relay = Running::relay(world.relay());
    world.publish_numbers(20, 0..15).await;
    world.settled(300).await;
    world.assert_numbers(20, 0..15).await;

    let (here, there) = (world.count(&world.listener).await, world.count(&world.teller).await);
    assert_eq!((there.committed, there.published, there.applied, there.dead), (300, 300, 0, 0));
    assert_eq!((here.committed, here.published, here.applied, here.dead), (0, 0, 300, 0));
    let other = salient_core::TenantId::try_from("other").unwrap();
    assert_eq!(status(&world.listener, &other).await.unwrap(), vec![]);
    relay.stop().await;
    consumer.stop().await;
}

#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_delivery_changes_nothing(
    #[values(On::Sqlite, On::Postgres)] on: On,
    #[values(Via::InProcess, Via::Redis)] via: Via,
) {
    let world = World::new(on, via).await;
    let consumer = Running::consumer(world.consumer().handle(note));
    world.bus.create_group(super::world::GROUP, super::world::SOURCE).await.unwrap();
    let events: Vec<_> = (0..40).map(|n| event(&format!("a{}", n % 4), n / 4)).collect();
    for _ in 0..3 {
        world.bus.publish(&events).await.unwrap();
        world.bus.publish(&events[10..30]).await.unwrap();
    }
    // The last one tells when all of it is through.
    world.bus.publish(&(0..4).map(|n| event(&format!("a{n}"), 10)).collect::<Vec<_>>()).await.unwrap();
    world.settled(44).await;
    world.assert_numbers(4, 0..11).await;
    consumer.stop().await;
}

#[rstest]
#[tokio::test]
async fn what_is_rolled_back_is_not_published(#[values(On::Sqlite, On::Postgres)] on: On) {
    let world = World::new(on, Via::InProcess).await;
    let consumer = Running::consumer(world.consumer().handle(note));
    let relay = Running::relay(world.relay());
    let mut tx = world.teller.begin().await.unwrap();
    outbox::publish_in_tx(&mut tx, &[event("a0", 99)]).await.unwrap();
    tx.rollback().await.unwrap();
    world.publish_numbers(1, 0..3).await;
    world.settled(3).await;
    world.assert_numbers(1, 0..3).await;
    relay.stop().await;
    consumer.stop().await;
}

/// Postgres hands out numbers before it commits: the later one may be visible first.
#[tokio::test]
async fn a_transaction_that_commits_late_is_not_skipped() {
    let world = World::new(On::Postgres, Via::InProcess).await;
    let consumer = Running::consumer(world.consumer().handle(note));
    let relay = Running::relay(world.relay());
    let mut late = world.teller.begin().await.unwrap();
    outbox::publish_in_tx(&mut late, &[event("a0", 0)]).await.unwrap();
    // Of the same shard, so that a cursor would have passed over the first.
    let account = (1..)
        .map(|n| format!("b{n}"))
        .find(|account| shard_of(account.as_bytes()) == shard_of(b"a0"))
        .unwrap();
    world.publish(&[event(&account, 0)]).await;
    world.settled(1).await;
    late.commit().await.unwrap();
    world.settled(2).await;
    assert_eq!(world.notes().await.len(), 2);
    relay.stop().await;
    consumer.stop().await;
}

#[derive(Clone)]
struct Flaky {
    failures: Arc<AtomicU32>,
}

async fn flaky(state: Flaky, ctx: &mut HandlerCtx, message: Noted) -> Result<()> {
    // Written and rolled back each time.
    let number = message.number;
    note(ctx, message).await?;
    let left = state.failures.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1));
    match left {
        Ok(_) if number == 1 => Err(Error::unavailable("not now")),
        _ => Ok(()),
    }
}

#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn errors_that_pass_are_outlasted_in_order(
    #[values(On::Sqlite, On::Postgres)] on: On,
    #[values(Via::InProcess, Via::Redis)] via: Via,
) {
    let world = World::new(on, via).await;
    let state = Flaky { failures: Arc::new(AtomicU32::new(30)) };
    let consumer = Running::consumer(world.consumer().handle_with(state.clone(), flaky));
    let relay = Running::relay(world.relay());
    world.publish_numbers(2, 0..6).await;
    world.settled(12).await;
    world.assert_numbers(2, 0..6).await;
    assert_eq!(world.count(&world.listener).await.dead, 0);
    relay.stop().await;
    consumer.stop().await;
}

#[derive(Clone, PartialEq, prost::Message)]
struct Unheard {}

impl prost::Name for Unheard {
    const NAME: &'static str = "Unheard";
    const PACKAGE: &'static str = "salient.test.v1";
}

#[tokio::test]
async fn a_type_that_nobody_handles_is_passed_over() {
    let world = World::new(On::Sqlite, Via::InProcess).await;
    let consumer = Running::consumer(world.consumer().handle(note));
    let relay = Running::relay(world.relay());
    let shard = shard_of(b"a0");
    let unheard = Envelope::new(super::world::SOURCE, &Clock::system(), &tenant(), shard, &Unheard {});
    world.publish(&[unheard, event("a0", 0)]).await;
    world.settled(1).await;
    let types: Vec<_> = status(&world.listener, &tenant()).await.unwrap();
    assert_eq!(types.iter().map(|one| one.type_.as_str()).collect::<Vec<_>>(), [NOTED]);
    relay.stop().await;
    consumer.stop().await;
}

/// Payloads larger than a batch go alone, and the attributes arrive as they were.
#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_and_small_travel_together(
    #[values(On::Sqlite, On::Postgres)] on: On,
    #[values(Via::InProcess, Via::Redis)] via: Via,
) {
    let world = World::new(on, via).await;
    let seen = Arc::new(std::sync::Mutex::new(Vec::new()));
    type Seen = Arc<std::sync::Mutex<Vec<Envelope>>>;
    async fn see(seen: Seen, ctx: &mut HandlerCtx, _: Noted) -> Result<()> {
        seen.lock().unwrap().push(ctx.envelope.clone());
        Ok(())
    }
    let consumer = Running::consumer(world.consumer().handle_with(Arc::clone(&seen), see));
    let relay = Running::relay(world.relay());
    let events: Vec<_> = [10, 3 << 20, 6 << 20, 1 << 20, 10]
        .into_iter()
        .enumerate()
        .map(|(number, size)| {
            let message = Noted {
                account: "a0".to_owned(),
                number: number as i64,
                ballast: (0..size).map(|n| n as u8).collect(),
            };
            let mut event = Envelope::new(super::world::SOURCE, &Clock::system(), &tenant(), 3, &message)
                .with_subject(format!("notes/{number}"));
            event.traceparent =
                (number == 1).then(|| "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned());
            event
        })
        .collect();
    world.publish(&events).await;
    world.settled(5).await;
    assert_eq!(*seen.lock().unwrap(), events);
    relay.stop().await;
    consumer.stop().await;
}
