//! Composition: from the configuration to a server.

use std::{collections::BTreeMap, sync::Arc};

use anyhow::{Context, bail};
use axum::{
    Router,
    extract::State,
    http::{HeaderName, HeaderValue, Method, StatusCode, header},
    response::IntoResponse,
    routing::get,
};
use futures::future::BoxFuture;
use opentelemetry::global;
use prost_reflect::DescriptorPool;
use salient_core::Reason;
use salient_kit::{
    Lifecycle,
    client::{Credentials, Link, channel},
    lifecycle::Gate,
};
use tokio::{net::TcpListener, sync::Semaphore};
use tower_http::{
    catch_panic::CatchPanicLayer,
    cors::{AllowOrigin, Any, CorsLayer},
    set_header::SetResponseHeaderLayer,
};

use crate::{
    config::{Config, HttpConfig},
    contract::Routes,
    http::{self, Gateway, Instruments, Limits, Problem},
    openapi, page,
};

/// What the process gives to the gateway.
#[derive(Clone, Debug)]
pub struct Parts {
    /// Readiness and shutdown.
    pub lifecycle: Lifecycle,
}

/// A gateway that is ready to serve.
#[derive(Debug)]
pub struct App {
    router: Router,
    life: Lifecycle,
    gate: Gate,
}

/// Puts the gateway of the suite's contracts together.
///
/// # Errors
/// The contract cannot be served over HTTP, or the configuration misses a service.
pub fn build(config: &Config, parts: Parts) -> BoxFuture<'_, anyhow::Result<App>> {
    // boxed here, so that it is compiled here and not again in every program that starts it
    Box::pin(compose(config, parts))
}

async fn compose(config: &Config, parts: Parts) -> anyhow::Result<App> {
    build_for(salient_proto::pool(), config, parts)
}

/// Puts the gateway of other contracts together. Every service in `pool` with
/// `google.api.http` annotations is served.
///
/// # Errors
/// The contract cannot be served over HTTP, or the configuration misses a service.
pub fn build_for(pool: &DescriptorPool, config: &Config, parts: Parts) -> anyhow::Result<App> {
    let life = parts.lifecycle;
    let gate = life.gate("gateway");
    let routes = Routes::new(pool).context("the contract cannot be served over HTTP")?;
    let document = openapi::document(pool, &routes);
    let document = serde_json::to_vec(&document).context("the OpenAPI document cannot be written")?;
    let gateway = Gateway {
        links: links(config, &routes)?,
        routes,
        limits: Limits {
            body_bytes: config.server.max_message_bytes,
            timeout: config.server.default_timeout(),
            stream_timeout: config.http.stream_timeout(),
            max_timeout: config.http.max_timeout(),
        },
        places: Arc::new(Semaphore::new(config.server.max_in_flight.min(Semaphore::MAX_PERMITS))),
        instruments: Instruments::new(&global::meter("salient")),
    };
    let mut router = Router::new()
        .merge(page::router(document))
        .route("/livez", get(async || "ok\n"))
        .route("/readyz", get(ready).with_state(life.clone()))
        .fallback(http::answer)
        .method_not_allowed_fallback(http::answer)
        .with_state(Arc::new(gateway))
        .layer(CatchPanicLayer::custom(|panic: Box<dyn std::any::Any + Send>| {
            let text =
                panic.downcast_ref::<&str>().copied().or(panic.downcast_ref::<String>().map(String::as_str));
            tracing::error!(panic = text.unwrap_or("a value that is not text"), "request panicked");
            Problem::refuse(Reason::Internal, "internal error; the log has its cause").into_response()
        }))
        .layer(SetResponseHeaderLayer::overriding(
            header::X_CONTENT_TYPE_OPTIONS,
            HeaderValue::from_static("nosniff"),
        ));
    if let Some(cors) = cors(&config.http)? {
        router = router.layer(cors);
    }
    Ok(App { router, life, gate })
}

impl App {
    /// Serves on `listener` until the shutdown, and then until the last request has ended.
    ///
    /// # Errors
    /// None so far; the signature is that of every service.
    pub fn serve(self, listener: TcpListener) -> BoxFuture<'static, anyhow::Result<()>> {
        Box::pin(self.run(listener))
    }

    async fn run(self, listener: TcpListener) -> anyhow::Result<()> {
        let address = listener.local_addr().context("the listener has no address")?;
        tracing::info!(service = "gateway", %address, "serving HTTP");
        self.gate.mark_ready();
        http::serve(listener, self.router, &self.life).await;
        Ok(())
    }
}

/// A link to each service of the contract, and to no other.
fn links(config: &Config, routes: &Routes) -> anyhow::Result<BTreeMap<String, Link>> {
    let wanted = routes.upstreams();
    for name in config.upstreams.keys() {
        if !wanted.contains(name) {
            bail!("upstreams.{name}: there is no such service; accepted: {}", wanted.join(", "));
        }
    }
    let mut links = BTreeMap::new();
    for name in wanted {
        let Some(uri) = config.upstreams.get(name) else {
            bail!(
                "upstreams.{name} is missing; give the service's address, for example http://127.0.0.1:7401"
            );
        };
        let channel = channel(uri).with_context(|| format!("upstreams.{name}"))?;
        // the caller's own token is passed on
        links.insert(name.clone(), Link::new(channel, Credentials::none()));
    }
    Ok(links)
}

/// Off unless origins are named: then a page of another origin cannot call with a seller's token.
fn cors(config: &HttpConfig) -> anyhow::Result<Option<CorsLayer>> {
    if config.cors_origins.is_empty() {
        return Ok(None);
    }
    let layer = CorsLayer::new()
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
        .allow_headers([
            header::AUTHORIZATION,
            header::CONTENT_TYPE,
            HeaderName::from_static(http::REQUEST_TIMEOUT),
            HeaderName::from_static("traceparent"),
            HeaderName::from_static("tracestate"),
        ])
        .expose_headers([header::RETRY_AFTER]);
    if config.cors_origins.iter().any(|origin| origin == "*") {
        return Ok(Some(layer.allow_origin(Any)));
    }
    let origins: Result<Vec<_>, _> = config
        .cors_origins
        .iter()
        .map(|origin| {
            HeaderValue::from_str(origin)
                .with_context(|| format!("http.cors_origins: {origin:?} is no origin"))
        })
        .collect();
    Ok(Some(layer.allow_origin(AllowOrigin::list(origins?))))
}

async fn ready(State(life): State<Lifecycle>) -> impl IntoResponse {
    if life.is_ready() { (StatusCode::OK, "ok\n") } else { (StatusCode::SERVICE_UNAVAILABLE, "not ready\n") }
}
