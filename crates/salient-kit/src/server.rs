//! The gRPC server of a service.
//!
//! ```no_run
//! # async fn run<S>(service: S, config: salient_kit::config::ServerConfig, verifier: salient_kit::Verifier,
//! #     listener: tokio::net::TcpListener, life: salient_kit::Lifecycle) -> anyhow::Result<()>
//! # where S: salient_proto::common::v1::events_service_server::EventsService {
//! use salient_kit::Grpc;
//! use salient_proto::common::v1::events_service_server::EventsServiceServer;
//!
//! Grpc::builder("profile", &config, verifier)
//!     .add_service(salient_kit::sized!(EventsServiceServer::new(service), &config))
//!     .serve(listener, &life)
//!     .await?;
//! # Ok(()) }
//! ```

use std::time::Duration;

use futures::future::BoxFuture;
use opentelemetry::global;
use prost::Message;
use prost_types::FileDescriptorSet;
use tokio::net::TcpListener;
use tonic::{
    body::Body,
    server::NamedService,
    service::{Routes, RoutesBuilder},
    transport::{Server, server::TcpIncoming},
};
use tonic_health::{ServingStatus, server::HealthReporter};
use tower::Service;

use crate::{
    auth::Verifier,
    config::ServerConfig,
    layers::{
        auth::AuthLayer, catch_panic::CatchPanicLayer, deadline::DeadlineLayer, limit::LimitLayer,
        metrics::MetricsLayer, trace::TraceLayer, wire::WireLayer,
    },
    lifecycle::{Gate, Lifecycle},
};

/// A peer that says nothing for this long is asked whether it is still there.
const KEEP_ALIVE: Duration = Duration::from_secs(20);
/// A peer that does not answer that for this long is gone.
const KEEP_ALIVE_TIMEOUT: Duration = Duration::from_secs(10);

/// Why a server ended.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The descriptors of the contracts are damaged.
    #[error("the descriptors of the contracts cannot be served: {0}")]
    Reflection(#[from] tonic_reflection::server::Error),
    /// The same, before reflection saw them.
    #[error("the descriptors of the contracts cannot be read: {0}")]
    Descriptors(#[from] prost::DecodeError),
    /// The transport failed.
    #[error("the gRPC server failed: {0}")]
    Transport(#[from] tonic::transport::Error),
}

/// Gives a generated server the configured message size and gzip.
#[macro_export]
macro_rules! sized {
    ($server:expr, $config:expr) => {{
        let config: &$crate::config::ServerConfig = $config;
        $server
            .max_decoding_message_size(config.max_message_bytes)
            .max_encoding_message_size(config.max_message_bytes)
            .accept_compressed(::tonic::codec::CompressionEncoding::Gzip)
            .send_compressed(::tonic::codec::CompressionEncoding::Gzip)
    }};
}

/// A gRPC server being put together: the services, and around them health, reflection and the
/// layers of [`crate::layers`].
#[derive(Debug)]
pub struct Grpc {
    name: String,
    config: ServerConfig,
    verifier: Verifier,
    routes: RoutesBuilder,
    served: Vec<&'static str>,
    gate: Option<Gate>,
}

impl Grpc {
    /// A server named `service` (`"profile"`) whose callers are checked by `verifier`.
    pub fn builder(service: impl Into<String>, config: &ServerConfig, verifier: Verifier) -> Self {
        Self {
            name: service.into(),
            config: config.clone(),
            verifier,
            routes: Routes::builder(),
            served: Vec::new(),
            gate: None,
        }
    }

    /// Adds a generated server; wrap it in [`sized!`](crate::sized) first.
    #[must_use]
    pub fn add_service<S>(mut self, service: S) -> Self
    where
        S: Service<http::Request<Body>, Error = std::convert::Infallible>
            + NamedService
            + Clone
            + Send
            + Sync
            + 'static,
        S::Response: axum::response::IntoResponse,
        S::Future: Send + 'static,
    {
        self.served.push(S::NAME);
        self.routes.add_service(service);
        self
    }

    /// Health follows `gate`. Without one the server makes its own, which opens when it serves.
    #[must_use]
    pub fn ready_when(mut self, gate: Gate) -> Self {
        self.gate = Some(gate);
        self
    }

    /// Serves on `listener` until the shutdown, and then until the last call has ended.
    ///
    /// # Errors
    /// The transport fails, or the contracts' descriptors are damaged.
    pub fn serve(self, listener: TcpListener, life: &Lifecycle) -> BoxFuture<'_, Result<(), ServeError>> {
        // boxed here, so that it is compiled here and not again in every program that starts it
        Box::pin(self.run(listener, life))
    }

    async fn run(mut self, listener: TcpListener, life: &Lifecycle) -> Result<(), ServeError> {
        crate::layers::warm();
        let address = listener.local_addr().map_or_else(|_| "?".to_owned(), |at| at.to_string());
        let (reporter, health) = tonic_health::server::health_reporter();
        self.routes.add_service(health);
        self.add_reflection()?;
        let gate = self.gate.take().unwrap_or_else(|| {
            let gate = life.gate(&self.name);
            gate.mark_ready();
            gate
        });
        let mut names = self.served.clone();
        names.push("");
        for name in &names {
            reporter.set_service_status(name, ServingStatus::NotServing).await;
        }
        let follower = tokio::spawn(follow(gate, reporter, names, life.clone()));

        // From the outside in. A span and a measurement see everything, even a panic; load is
        // shed before a token is checked; nobody's handler starts before both.
        let mut server = Server::builder()
            .http2_keepalive_interval(Some(KEEP_ALIVE))
            .http2_keepalive_timeout(Some(KEEP_ALIVE_TIMEOUT))
            .layer(TraceLayer)
            .layer(MetricsLayer::new(&global::meter("salient")))
            .layer(CatchPanicLayer)
            .layer(LimitLayer::new(self.config.max_in_flight))
            .layer(AuthLayer::new(self.verifier))
            .layer(DeadlineLayer::new(self.config.default_timeout(), life))
            .layer(WireLayer);
        tracing::info!(service = self.name, address, "serving gRPC");
        let served = server
            .add_routes(self.routes.routes().prepare())
            .serve_with_incoming_shutdown(
                TcpIncoming::from(listener).with_nodelay(Some(true)),
                life.soft.clone().cancelled_owned(),
            )
            .await;
        follower.abort();
        Ok(served?)
    }

    /// Both versions: tools in the wild speak one or the other.
    fn add_reflection(&mut self) -> Result<(), ServeError> {
        let builder = || -> Result<_, ServeError> {
            // comments are for the OpenAPI page; without them the set is a fraction as large
            let mut contracts = FileDescriptorSet::decode(salient_proto::FILE_DESCRIPTOR_SET)?;
            contracts.file.iter_mut().for_each(|file| file.source_code_info = None);
            let builder = tonic_reflection::server::Builder::configure()
                .register_file_descriptor_set(contracts)
                .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
                .with_service_name("grpc.health.v1.Health");
            Ok(self.served.iter().fold(builder, |builder, name| builder.with_service_name(*name)))
        };
        let (v1, v1alpha) = (builder()?.build_v1()?, builder()?.build_v1alpha()?);
        self.routes.add_service(v1);
        self.routes.add_service(v1alpha);
        Ok(())
    }
}

/// Keeps the health service in step with the gate, and ends it first of all in a shutdown.
async fn follow(gate: Gate, reporter: HealthReporter, names: Vec<&'static str>, life: Lifecycle) {
    let mut open = gate.subscribe();
    loop {
        let serving = *open.borrow_and_update() && !life.soft.is_cancelled();
        let status = if serving { ServingStatus::Serving } else { ServingStatus::NotServing };
        for name in &names {
            reporter.set_service_status(name, status).await;
        }
        if life.soft.is_cancelled() {
            return;
        }
        tokio::select! {
            changed = open.changed() => if changed.is_err() { return },
            () = life.soft.cancelled() => {}
        }
    }
}
