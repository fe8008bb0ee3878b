//! What only Redis Streams can do to us.

use redis::{AsyncCommands, Value, aio::MultiplexedConnection};
use salient_testkit::Redis;

use super::world::{GROUP, On, Running, SOURCE, Via, World, event, eventually, note};
use crate::{SHARDS, shard_of};

async fn client() -> MultiplexedConnection {
    let redis = Redis::shared().await.unwrap();
    let client = redis::Client::open(redis.url()).unwrap();
    client.get_multiplexed_async_connection().await.unwrap()
}

fn key(world: &World, shard: u16) -> String {
    format!("{}:{{{SOURCE}:{shard}}}", world.prefix())
}

async fn entries(world: &World) -> usize {
    let (mut redis, mut all) = (client().await, 0);
    for shard in 0..SHARDS {
        let length: usize = redis.xlen(key(world, shard)).await.unwrap();
        all += length;
    }
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_what_every_group_has_acknowledged_is_trimmed() {
    let world = World::new(On::Sqlite, Via::Redis).await;
    let events: Vec<_> = (0..40).map(|n| event(&format!("a{n}"), 0)).collect();
    world.bus.publish(&events).await.unwrap();
    world.bus.trim(SOURCE).await.unwrap();
    assert_eq!(entries(&world).await, 40, "there is no group yet");

    world.bus.create_group("slow", SOURCE).await.unwrap();
    let consumer = Running::consumer(world.consumer().handle(note));
    world.settled(40).await;
    world.bus.trim(SOURCE).await.unwrap();
    assert_eq!(entries(&world).await, 40, "one group has not read them");

    world.bus.remove_group("slow", SOURCE).await.unwrap();
    eventually("the rest is acknowledged and trimmed", async || {
        world.bus.trim(SOURCE).await.unwrap();
        entries(&world).await == 0
    })
    .await;
    consumer.stop().await;
}

/// A reader that takes entries and dies while another is at work, as a connection does that was
/// cut while it waited.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn entries_taken_by_a_ghost_are_applied_in_order() {
    let world = World::new(On::Sqlite, Via::Redis).await;
    let shard = shard_of(b"a0");
    let consumer = Running::consumer(world.consumer().handle(note));
    world.bus.publish(&[event("a0", 0)]).await.unwrap();
    world.settled(1).await;
    let mut ghost = client().await;
    for number in 1..20 {
        // Whoever is first; the consumer waits for entries too.
        let read = redis::cmd("XREADGROUP")
            .arg(&["GROUP", GROUP, GROUP, "COUNT", "1", "STREAMS", &key(&world, shard), ">"])
            .to_owned();
        let (published, taken) =
            tokio::join!(async { world.bus.publish(&[event("a0", number)]).await }, async {
                read.query_async::<Value>(&mut ghost).await
            });
        published.unwrap();
        taken.unwrap();
    }
    drop(ghost);
    world.settled(20).await;
    world.assert_numbers(1, 0..20).await;
    consumer.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_stream_and_foreign_entries_do_not_stop_the_consumer() {
    let world = World::new(On::Sqlite, Via::Redis).await;
    let consumer = Running::consumer(world.consumer().handle(note));
    let relay = Running::relay(world.relay());
    world.publish_numbers(8, 0..2).await;
    world.settled(16).await;
    let mut redis = client().await;
    for shard in 0..SHARDS {
        let _: () = redis.del(key(&world, shard)).await.unwrap();
        let _: String = redis.xadd(key(&world, shard), "*", &[("what", "ever")]).await.unwrap();
    }
    world.publish_numbers(8, 2..4).await;
    world.settled(32).await;
    world.assert_numbers(8, 0..4).await;
    relay.stop().await;
    consumer.stop().await;
}

#[tokio::test]
async fn a_redis_that_is_away_is_said_to_be() {
    let port = salient_testkit::free_port().unwrap();
    let bus = crate::Bus::redis(&format!("redis://127.0.0.1:{port}/"), "x").await.unwrap();
    let error = bus.health().await.unwrap_err();
    assert!(error.is_transient());
    assert!(crate::Bus::redis("http://x", "x").await.is_err());
    assert!(crate::Bus::redis("redis://h", "{x}").await.is_err());
}
