//! Composition: from the configuration to a running service.

use std::{convert::Infallible, time::Duration};

use anyhow::Context as _;
use futures::future::BoxFuture;
use salient_events::{Consumer, EventsServer, Outbox, Parts, Relay};
use salient_kit::{Grpc, Lifecycle, Verifier, config::ServerConfig, lifecycle::Gate, sized};
use salient_proto::feedback::v1::feedback_service_server::FeedbackServiceServer;
use salient_store::{Db, Signal};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::{config::Config, events, grpc::service::Service, privacy, react::Feedback, store};

/// The name under which this service publishes and consumes.
pub const SERVICE: &str = "feedback";

/// How often the store is asked for a sign of life.
const PROBE: Duration = Duration::from_secs(5);

/// How long what happened waits at most for being matched if nothing wakes the matching: a
/// replayed clock brings to pass what was long recorded, and another replica may have recorded it.
const MATCHING: Duration = Duration::from_secs(15);

/// Between two matchings: in a load, one does for many events.
const PAUSE: Duration = Duration::from_millis(500);

/// A service that is ready to serve.
#[derive(Debug)]
pub struct App {
    feedback: Feedback,
    server: ServerConfig,
    verifier: Verifier,
    relay: Relay,
    consumer: Consumer,
    life: Lifecycle,
    gate: Gate,
}

/// Puts the service together: opens its store and, if the configuration says so, migrates it.
///
/// # Errors
/// The store cannot be opened, migrations are pending and not wanted, or a key of `auth` is bad.
pub fn build(config: &Config, parts: Parts) -> BoxFuture<'_, anyhow::Result<App>> {
    // boxed here, so that it is compiled here and not again in every program that starts it
    Box::pin(compose(config, parts))
}

async fn compose(config: &Config, parts: Parts) -> anyhow::Result<App> {
    let Parts { clock, bus, lifecycle: life } = parts;
    let gate = life.gate(SERVICE);
    let verifier = Verifier::try_new(&config.auth)?;
    let db = Db::open(&config.store, &store::migrations()).await.context("store")?;
    let outbox = Outbox::new(SERVICE, clock.clone());
    let consumer = Consumer::new(db.clone(), bus.clone(), SERVICE, clock.clone())
        .subscribe("profile")
        .subscribe("recommendation")
        .handle(events::recommendations_issued)
        .handle(events::recommendations_expired)
        .handle(events::orders_recorded)
        .handle(events::opportunities_changed)
        .handle(events::profiles_resolved)
        .handle_with(outbox.clone(), privacy::person_erased)
        .handle_with(outbox.clone(), privacy::person_export_requested);
    Ok(App {
        relay: Relay::new(db.clone(), bus, SERVICE).groups(&config.bus.groups),
        feedback: Feedback { db, outbox, clock },
        server: config.server.clone(),
        verifier,
        consumer,
        life,
        gate,
    })
}

impl App {
    /// Serves on `listener` until the shutdown, and then until the last call has ended. Events
    /// that are not published by then stay in the store and are published at the next start.
    ///
    /// # Errors
    /// The transport fails.
    pub fn serve(self, listener: TcpListener) -> BoxFuture<'static, anyhow::Result<()>> {
        Box::pin(self.run(listener))
    }

    async fn run(self, listener: TcpListener) -> anyhow::Result<()> {
        let Self { feedback, server, verifier, relay, consumer, life, gate } = self;
        let db = feedback.db.clone();
        let events = EventsServer::new(db.clone()).consumer(&consumer).into_service();
        life.spawn("feedback relay", relay.run(life.soft.clone()));
        life.spawn("feedback consumer", consumer.run(life.soft.clone()));
        life.spawn("feedback matching", matching(feedback.clone(), life.soft.clone()));
        let probed = db.clone();
        gate.follow(&life, PROBE, move || {
            let db = probed.clone();
            async move { db.ping().await }
        });
        Grpc::builder(SERVICE, &server, verifier)
            .add_service(sized!(FeedbackServiceServer::new(Service { feedback }), &server))
            .add_service(sized!(events, &server))
            .ready_when(gate)
            .serve(listener, &life)
            .await?;
        db.close().await;
        Ok(())
    }
}

/// Matches outcomes to recommendations, until `shutdown`.
async fn matching(feedback: Feedback, shutdown: CancellationToken) -> Result<(), Infallible> {
    let mut heard = feedback.db.signal(events::HEARD);
    let next = async |heard: &mut Signal| {
        tokio::time::sleep(PAUSE).await;
        heard.wait(MATCHING).await;
    };
    loop {
        match feedback.match_outcomes().await {
            Ok(0) => {}
            Ok(count) => tracing::info!(count, "outcomes matched"),
            Err(error) => tracing::warn!(error = %error.chain(), "outcomes not matched"),
        }
        tokio::select! {
            biased;
            () = shutdown.cancelled() => return Ok(()),
            () = next(&mut heard) => {}
        }
    }
}
