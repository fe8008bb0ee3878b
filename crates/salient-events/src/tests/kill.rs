//! The process dies between any two steps; what is started after it ends with the same notes.

use rstest::rstest;

use super::world::{On, Running, Via, World, never, note};
use crate::probe::{Probe, Step};

const OF_THE_RELAY: [Step; 3] = [Step::RelayRead, Step::RelayPublished, Step::RelayMarked];
const OF_THE_CONSUMER: [Step; 5] = [Step::Taken, Step::Inboxed, Step::Handled, Step::Committed, Step::Acked];

fn probes(step: Step, nth: usize) -> (Probe, Probe) {
    if OF_THE_RELAY.contains(&step) {
        (Probe::stop(step, nth), never())
    } else {
        (never(), Probe::stop(step, nth))
    }
}

#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_processes_die(
    #[values(On::Sqlite, On::Postgres)] on: On,
    #[values(Via::InProcess, Via::Redis)] via: Via,
) {
    let mut world = World::new(on, via).await;
    let (mut published, mut nth) = (0, 1);
    for step in OF_THE_RELAY.into_iter().chain(OF_THE_CONSUMER) {
        let (of_relay, of_consumer) = probes(step, nth);
        nth = 3 - nth;
        let consumer = world.consumer().handle(note).batch(3, 1 << 20);
        let consumer = Running::consumer(consumer.probe(of_consumer.clone()));
        let relay = Running::relay(world.relay().probe(of_relay.clone()));
        world.publish_numbers(5, published..published + 4).await;
        published += 4;
        of_relay.reached().await;
        of_consumer.reached().await;
        tokio::join!(relay.kill(), consumer.kill());
        world.lose_the_bus().await;
    }
    let consumer = Running::consumer(world.consumer().handle(note));
    let relay = Running::relay(world.relay());
    world.settled(5 * published).await;
    world.assert_numbers(5, 0..published).await;
    relay.stop().await;
    consumer.stop().await;
}

#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_process_dies_and_the_other_goes_on(
    #[values(On::Sqlite, On::Postgres)] on: On,
    #[values(Via::InProcess, Via::Redis)] via: Via,
) {
    let world = World::new(on, via).await;
    let mut consumer = Running::consumer(world.consumer().handle(note));
    let mut relay = Running::relay(world.relay());
    let mut published = 0;
    for step in OF_THE_RELAY.into_iter().chain(OF_THE_CONSUMER) {
        let of_the_relay = OF_THE_RELAY.contains(&step);
        let probe = Probe::stop(step, 2);
        if of_the_relay {
            relay.kill().await;
            relay = Running::relay(world.relay().probe(probe.clone()));
        } else {
            consumer.kill().await;
            consumer = Running::consumer(world.consumer().handle(note).probe(probe.clone()));
        }
        world.publish_numbers(5, published..published + 4).await;
        published += 4;
        probe.reached().await;
        if of_the_relay {
            relay.kill().await;
            relay = Running::relay(world.relay());
        } else {
            consumer.kill().await;
            consumer = Running::consumer(world.consumer().handle(note));
        }
    }
    world.settled(5 * published).await;
    world.assert_numbers(5, 0..published).await;
    relay.stop().await;
    consumer.stop().await;
}
