//! Composition: from the configuration to a running service.

use std::{convert::Infallible, time::Duration};

use anyhow::Context as _;
use chrono::TimeDelta;
use futures::future::BoxFuture;
use salient_events::{Bus, Consumer, EventsServer, Parts, Relay};
use salient_kit::{Grpc, Lifecycle, Verifier, config::ServerConfig, lifecycle::Gate, sized};
use salient_proto::profile::v1::{
    customer_service_server::CustomerServiceServer, hierarchy_service_server::HierarchyServiceServer,
    identity_service_server::IdentityServiceServer, journey_service_server::JourneyServiceServer,
    privacy_service_server::PrivacyServiceServer, profile_service_server::ProfileServiceServer,
    search_service_server::SearchServiceServer, segment_service_server::SegmentServiceServer,
    telemetry_service_server::TelemetryServiceServer, transfer_service_server::TransferServiceServer,
};
use salient_store::{Db, Worker};
use tokio::net::TcpListener;

use crate::{
    config::Config,
    evaluation,
    events::{consume, publish::SOURCE},
    grpc::{
        self, journeys::Journeys, privacy::PrivacyHandlers, search::Search, segments::Segments,
        service::Service, telemetry::Telemetry, transfers::Transfers,
    },
    housekeeping::{self, Keep},
    indexing, matching,
    privacy::{Privacy, complete},
    profile::Profile,
    store, transfers,
    watch::Watch,
};

/// How often the store is asked for a sign of life.
const PROBE: Duration = Duration::from_secs(5);

/// A service that is ready to serve.
#[derive(Debug)]
pub struct App {
    privacy: Privacy,
    bus: Bus,
    server: ServerConfig,
    verifier: Verifier,
    relay: Relay,
    consumer: Consumer,
    keep: Keep,
    /// Bytes of a file that is taken in, at most.
    most: u64,
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
    let gate = life.gate(SOURCE);
    let verifier = Verifier::try_new(&config.auth)?;
    let db = Db::open(&config.store, &store::migrations()).await.context("store")?;
    let mut consumer = Consumer::new(db.clone(), bus.clone(), SOURCE, clock.clone())
        .handle(consume::erasure_confirmed)
        .handle(consume::data_reported);
    for service in &config.privacy.services {
        consumer = consumer.subscribe(service);
    }
    Ok(App {
        relay: Relay::new(db.clone(), bus.clone(), SOURCE).groups(&config.bus.groups),
        privacy: Privacy::new(Profile { db, clock }, config.privacy.services.iter().cloned()),
        bus,
        consumer,
        server: config.server.clone(),
        verifier,
        keep: Keep {
            request_ids: TimeDelta::days(config.retention.request_ids_days.into()),
            membership_changes: TimeDelta::days(config.retention.membership_changes_days.into()),
            uploads: TimeDelta::days(config.retention.unfinished_uploads_days.into()),
            transfers: TimeDelta::days(config.retention.transfers_days.into()),
        },
        most: config.transfers.max_mib << 20,
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
        let Self { privacy, bus, server, verifier, relay, consumer, keep, most, life, gate } = self;
        let profile = privacy.profile.clone();
        let events = EventsServer::new(profile.db.clone()).consumer(&consumer).into_service();
        life.spawn("profile relay", relay.run(life.soft.clone()));
        life.spawn("profile consumer", consumer.run(life.soft.clone()));
        let (erasing, soft) = (privacy.clone(), life.soft.clone());
        life.spawn("profile erasures", async move {
            complete::run(&erasing, &bus, soft).await;
            Ok::<(), Infallible>(())
        });
        let (swept, soft) = (profile.clone(), life.soft.clone());
        life.spawn("profile housekeeping", async move {
            housekeeping::run(&swept, keep, soft).await;
            Ok::<(), Infallible>(())
        });
        let (followed, soft) = (profile.clone(), life.soft.clone());
        life.spawn("profile evaluation", async move {
            evaluation::run(followed, soft).await;
            Ok::<(), Infallible>(())
        });
        life.spawn("profile matching", {
            let (profile, soft) = (profile.clone(), life.soft.clone());
            async move {
                matching::arrival::run(profile, soft).await;
                Ok::<(), Infallible>(())
            }
        });
        life.spawn("profile search", {
            let (profile, soft) = (profile.clone(), life.soft.clone());
            async move {
                indexing::run(profile, soft).await;
                Ok::<(), Infallible>(())
            }
        });
        let (resolved, transferred) = (profile.clone(), profile.clone());
        let worker = Worker::new(profile.db.clone(), profile.clock.clone())
            .handle(matching::run::KIND, move |context| matching::run::run(resolved.clone(), context))
            .handle(transfers::run::KIND, move |context| transfers::run::run(transferred.clone(), context));
        life.spawn("profile worker", worker.run(life.soft.clone()));
        let probed = profile.db.clone();
        gate.follow(&life, PROBE, move || {
            let db = probed.clone();
            async move { db.ping().await }
        });
        let watch =
            Watch { profile: profile.clone(), keep: keep.membership_changes, shutdown: life.soft.clone() };
        Grpc::builder(SOURCE, &server, verifier)
            .add_service(sized!(ProfileServiceServer::new(Service::new(profile.clone())), &server))
            .add_service(sized!(
                IdentityServiceServer::new(grpc::identity::Service::new(profile.clone())),
                &server
            ))
            .add_service(sized!(
                HierarchyServiceServer::new(grpc::hierarchy::Service::new(profile.clone())),
                &server
            ))
            .add_service(sized!(
                CustomerServiceServer::new(grpc::customer::Service::new(profile.clone())),
                &server
            ))
            .add_service(sized!(
                TransferServiceServer::new(Transfers {
                    profile: profile.clone(),
                    most,
                    shutdown: life.soft.clone(),
                }),
                &server
            ))
            .add_service(sized!(SegmentServiceServer::new(Segments::new(watch.clone())), &server))
            .add_service(sized!(JourneyServiceServer::new(Journeys::new(watch)), &server))
            .add_service(sized!(PrivacyServiceServer::new(PrivacyHandlers(privacy)), &server))
            .add_service(sized!(TelemetryServiceServer::new(Telemetry::new(profile.clone())), &server))
            .add_service(sized!(SearchServiceServer::new(Search::new(profile.clone())), &server))
            .add_service(sized!(events, &server))
            .ready_when(gate)
            .serve(listener, &life)
            .await?;
        profile.db.close().await;
        Ok(())
    }
}
