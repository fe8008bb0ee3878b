//! Random lives of two services: whatever happens in whatever order, the notes are right.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use proptest::{collection::vec, prelude::*, test_runner::TestRunner};
use salient_core::{Error, Result};

use super::world::{Noted, On, Running, Via, World, event, note};
use crate::{HandlerCtx, outbox};

/// Something that happens.
#[derive(Clone, Debug)]
enum Happening {
    /// A transaction publishes for some accounts, and commits.
    Publish(Vec<u8>),
    /// A transaction publishes, and is rolled back.
    GiveUp(Vec<u8>),
    /// The relay dies and comes back.
    RelayDies,
    /// The consumer dies and comes back.
    ConsumerDies,
    /// Everything dies and comes back.
    AllDie,
    /// The next calls of the handler fail and pass.
    Trouble(u8),
    /// The tasks get time to work.
    Wait(u8),
}

fn happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        5 => vec(0..6_u8, 1..12).prop_map(Happening::Publish),
        1 => vec(0..6_u8, 1..4).prop_map(Happening::GiveUp),
        1 => Just(Happening::RelayDies),
        1 => Just(Happening::ConsumerDies),
        1 => Just(Happening::AllDie),
        1 => (1..8_u8).prop_map(Happening::Trouble),
        3 => (1..30_u8).prop_map(Happening::Wait),
    ]
}

type Troubles = Arc<AtomicU32>;

async fn troubled(troubles: Troubles, ctx: &mut HandlerCtx, message: Noted) -> Result<()> {
    note(ctx, message).await?;
    match troubles.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1)) {
        Ok(_) => Err(Error::unavailable("trouble")),
        Err(_) => Ok(()),
    }
}

async fn live(on: On, via: Via, happenings: Vec<Happening>) {
    let mut world = World::new(on, via).await;
    let troubles = Troubles::default();
    let consume = |world: &World| {
        let consumer = world.consumer().handle_with(Arc::clone(&troubles), troubled);
        Running::consumer(consumer.batch(5, 1 << 20))
    };
    let mut consumer = consume(&world);
    let mut relay = Running::relay(world.relay());
    let (mut next, mut all) = ([0_i64; 6], 0);
    for happening in happenings {
        match happening {
            Happening::Publish(accounts) | Happening::GiveUp(accounts) if accounts.is_empty() => {}
            Happening::Publish(accounts) => {
                let events: Vec<_> = accounts
                    .iter()
                    .map(|account| {
                        let number = &mut next[usize::from(*account)];
                        *number += 1;
                        event(&format!("a{account}"), *number - 1)
                    })
                    .collect();
                all += events.len() as i64;
                world.publish(&events).await;
            }
            Happening::GiveUp(accounts) => {
                let mut tx = world.teller.begin().await.unwrap();
                for account in accounts {
                    let event = event(&format!("a{account}"), -1);
                    outbox::publish_in_tx(&mut tx, &[event]).await.unwrap();
                }
                tx.rollback().await.unwrap();
            }
            Happening::RelayDies => {
                relay.kill().await;
                relay = Running::relay(world.relay());
            }
            Happening::ConsumerDies => {
                consumer.kill().await;
                consumer = consume(&world);
            }
            Happening::AllDie => {
                tokio::join!(relay.kill(), consumer.kill());
                world.lose_the_bus().await;
                consumer = consume(&world);
                relay = Running::relay(world.relay());
            }
            Happening::Trouble(calls) => troubles.store(calls.into(), Ordering::SeqCst),
            Happening::Wait(turns) => {
                for _ in 0..turns {
                    world.count(&world.listener).await;
                }
            }
        }
    }
    world.settled(all).await;
    let notes = world.notes().await;
    for (account, count) in next.into_iter().enumerate() {
        let expected: Vec<i64> = (0..count).collect();
        let found = notes.get(&format!("a{account}")).cloned().unwrap_or_default();
        assert_eq!(found, expected, "account a{account}");
    }
    relay.stop().await;
    consumer.stop().await;
}

fn lives(on: On, via: Via, cases: u32) {
    let config = ProptestConfig {
        cases,
        max_shrink_iters: 20,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let outcome = TestRunner::new(config).run(&vec(happening(), 1..25), |happenings| {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(live(on, via, happenings));
        Ok(())
    });
    outcome.unwrap();
}

#[test]
fn on_sqlite_in_process() {
    lives(On::Sqlite, Via::InProcess, 24);
}

#[test]
fn on_sqlite_via_redis() {
    lives(On::Sqlite, Via::Redis, 24);
}

#[test]
fn on_postgres_in_process() {
    lives(On::Postgres, Via::InProcess, 5);
}

#[test]
fn on_postgres_via_redis() {
    lives(On::Postgres, Via::Redis, 5);
}
