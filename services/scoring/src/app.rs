//! Composition: from the configuration to a running service.

use std::time::Duration;

use anyhow::Context as _;
use futures::future::BoxFuture;
use salient_events::{Consumer, EventsServer, Outbox, Parts, Relay};
use salient_kit::{Grpc, Lifecycle, Verifier, config::ServerConfig, lifecycle::Gate, sized};
use salient_proto::scoring::v1::{
    declaration_service_server::DeclarationServiceServer, insight_service_server::InsightServiceServer,
    scoring_service_server::ScoringServiceServer, series_service_server::SeriesServiceServer,
};
use salient_store::{Db, Worker};
use tokio::net::TcpListener;

use crate::{
    backtest,
    bodies::Bodies,
    config::Config,
    events,
    grpc::{declaration::Declarations, insight::Insight, series::Series, service::Service},
    run::{self, Scoring},
    store,
};

/// The name under which this service publishes and consumes.
pub const SERVICE: &str = "scoring";

/// How often the store is asked for a sign of life.
const PROBE: Duration = Duration::from_secs(5);

/// A service that is ready to serve.
#[derive(Debug)]
pub struct App {
    scoring: Scoring,
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
        .handle(events::accounts_changed)
        .handle(events::contacts_changed)
        .handle(events::orders_recorded)
        .handle(events::interactions_recorded)
        .handle(events::opportunities_changed)
        .handle(events::profiles_resolved)
        .handle_with(outbox.clone(), events::person_erased)
        .handle_with(outbox.clone(), events::person_export_requested);
    Ok(App {
        relay: Relay::new(db.clone(), bus, SERVICE).groups(&config.bus.groups),
        scoring: Scoring { db, outbox, clock, bodies: Bodies::default() },
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
        let Self { scoring, server, verifier, relay, consumer, life, gate } = self;
        let db = scoring.db.clone();
        let events = EventsServer::new(db.clone()).consumer(&consumer).into_service();
        life.spawn("scoring relay", relay.run(life.soft.clone()));
        life.spawn("scoring consumer", consumer.run(life.soft.clone()));
        let (scores, tests) = (scoring.clone(), scoring.clone());
        let worker = Worker::new(db.clone(), scoring.clock.clone())
            .handle(run::KIND, move |context| scores.clone().run(context))
            .handle(backtest::KIND, move |context| tests.clone().backtest(context));
        life.spawn("scoring schedule", scoring.clone().keep_schedule(life.soft.clone()));
        life.spawn("scoring worker", worker.run(life.soft.clone()));
        let probed = db.clone();
        gate.follow(&life, PROBE, move || {
            let db = probed.clone();
            async move { db.ping().await }
        });
        Grpc::builder(SERVICE, &server, verifier)
            .add_service(sized!(
                DeclarationServiceServer::new(Declarations { scoring: scoring.clone() }),
                &server
            ))
            .add_service(sized!(SeriesServiceServer::new(Series { scoring: scoring.clone() }), &server))
            .add_service(sized!(InsightServiceServer::new(Insight { scoring: scoring.clone() }), &server))
            .add_service(sized!(ScoringServiceServer::new(Service { scoring }), &server))
            .add_service(sized!(events, &server))
            .ready_when(gate)
            .serve(listener, &life)
            .await?;
        db.close().await;
        Ok(())
    }
}
