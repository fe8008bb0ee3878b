//! Composition: from the configuration to a running service.

use std::{convert::Infallible, time::Duration};

use anyhow::Context as _;
use futures::future::BoxFuture;
use salient_events::{Consumer, EventsServer, Outbox, Parts, Relay};
use salient_kit::{Grpc, Lifecycle, Verifier, config::ServerConfig, lifecycle::Gate, sized};
use salient_proto::recommendation::v1::{
    catalogue_service_server::CatalogueServiceServer,
    recommendation_service_server::RecommendationServiceServer,
};
use salient_store::{Db, Worker};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::{
    config::Config,
    events,
    grpc::{catalogue::Catalogue, recommendation::RecommendationService},
    plans, privacy,
    runs::{self, plan::Planning},
    store,
};

/// The name under which this service publishes and consumes.
pub const SERVICE: &str = "recommendation";

/// How often the store is asked for a sign of life.
const PROBE: Duration = Duration::from_secs(5);

/// How often it looks for items that nobody answered in time.
const EXPIRY: Duration = Duration::from_secs(30);

/// A service that is ready to serve.
#[derive(Debug)]
pub struct App {
    planning: Planning,
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
        .subscribe("scoring")
        .subscribe("feedback")
        .handle(events::accounts_changed)
        .handle(events::contacts_changed)
        .handle(events::orders_recorded)
        .handle(events::profiles_resolved)
        .handle(events::scores_published)
        .handle(events::reactions_recorded)
        .handle(privacy::consent_changed)
        .handle(privacy::settings_changed)
        .handle_with(outbox.clone(), privacy::person_erased)
        .handle_with(outbox.clone(), privacy::person_export_requested);
    Ok(App {
        relay: Relay::new(db.clone(), bus, SERVICE).groups(&config.bus.groups),
        planning: Planning { db, clock, outbox },
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
        let Self { planning, server, verifier, relay, consumer, life, gate } = self;
        let db = planning.db.clone();
        let events = EventsServer::new(db.clone()).consumer(&consumer).into_service();
        life.spawn("recommendation relay", relay.run(life.soft.clone()));
        life.spawn("recommendation consumer", consumer.run(life.soft.clone()));
        let (plan, backtest) = (planning.clone(), planning.clone());
        let worker = Worker::new(db.clone(), planning.clock.clone())
            .handle(runs::PLAN, move |context| plan.clone().run(context))
            .handle(runs::BACKTEST, move |context| backtest.clone().backtest(context));
        life.spawn("recommendation worker", worker.run(life.soft.clone()));
        life.spawn("recommendation expiry", expiry(planning.clone(), life.soft.clone()));
        let probed = db.clone();
        gate.follow(&life, PROBE, move || {
            let db = probed.clone();
            async move { db.ping().await }
        });
        let catalogue = Catalogue { db: db.clone(), clock: planning.clock.clone() };
        let service = RecommendationService { planning };
        Grpc::builder(SERVICE, &server, verifier)
            .add_service(sized!(CatalogueServiceServer::new(catalogue), &server))
            .add_service(sized!(RecommendationServiceServer::new(service), &server))
            .add_service(sized!(events, &server))
            .ready_when(gate)
            .serve(listener, &life)
            .await?;
        db.close().await;
        Ok(())
    }
}

/// Expires what nobody answered in time, until `shutdown`.
async fn expiry(planning: Planning, shutdown: CancellationToken) -> Result<(), Infallible> {
    let mut ticks = tokio::time::interval(EXPIRY);
    loop {
        tokio::select! {
            biased;
            () = shutdown.cancelled() => return Ok(()),
            _ = ticks.tick() => {}
        }
        match plans::expire(&planning.db, &planning.outbox, &planning.clock).await {
            Ok(0) => {}
            Ok(count) => tracing::info!(count, "recommendations expired"),
            Err(error) => tracing::warn!(error = %error.chain(), "recommendations not expired"),
        }
    }
}
