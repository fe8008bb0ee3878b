//! How fast an import's worth of events travels. Run it with
//! `cargo test --release -p salient-events speed -- --ignored --nocapture`.

use std::time::Instant;

use salient_core::{Clock, Result};

use super::world::{Noted, On, Running, SOURCE, Via, World, tenant};
use crate::{Envelope, HandlerCtx};

const EVENTS: usize = 1_000;
const BYTES: usize = 512 * 1024;

async fn ignore(_: &mut HandlerCtx, message: Noted) -> Result<()> {
    assert_eq!(message.ballast.len(), BYTES);
    Ok(())
}

async fn measure(on: On, via: Via) {
    let world = World::new(on, via).await;
    let consumer = Running::consumer(world.consumer().handle(ignore));
    let relay = Running::relay(world.relay());
    let begin = Instant::now();
    let message = Noted { account: String::new(), number: 0, ballast: vec![7; BYTES] };
    for chunk in (0..EVENTS).collect::<Vec<_>>().chunks(8) {
        let events: Vec<_> = chunk
            .iter()
            .map(|n| Envelope::new(SOURCE, &Clock::system(), &tenant(), (*n % 8) as u16, &message))
            .collect();
        world.publish(&events).await;
    }
    let written = begin.elapsed();
    world.settled(EVENTS as i64).await;
    let through = begin.elapsed();
    println!(
        "{on:?} via {via:?}: {EVENTS} events of {BYTES} bytes written in {written:.1?}, applied after {through:.1?}"
    );
    relay.stop().await;
    consumer.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement"]
async fn speed() {
    for on in [On::Sqlite, On::Postgres] {
        for via in [Via::InProcess, Via::Redis] {
            measure(on, via).await;
        }
    }
}
