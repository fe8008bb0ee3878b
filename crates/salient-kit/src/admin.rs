//! What an operator asks a process over plain HTTP: `/livez`, `/readyz`, `/metrics`.
//!
//! Live means that the process answers at all; restart it when it does not. Ready means that it
//! should get work; see [`Lifecycle::is_ready`]. The metrics are listed in
//! [`crate::layers::metrics`] and [`crate::telemetry`].

use axum::{
    Json, Router,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use serde_json::json;
use tokio::net::TcpListener;

use crate::{lifecycle::Lifecycle, telemetry::Metrics};

/// The admin routes, for a server of one's own.
pub fn router(life: Lifecycle, metrics: Metrics) -> Router {
    Router::new()
        .route("/livez", get(async || "ok\n"))
        .route("/readyz", get(ready))
        .route("/metrics", get(scrape))
        .with_state((life, metrics))
}

/// Serves the admin routes on `listener` until the process has ended its work: probes must be
/// answered while it shuts down.
///
/// # Errors
/// The listener fails.
pub async fn serve(listener: TcpListener, life: Lifecycle, metrics: Metrics) -> std::io::Result<()> {
    let hard = life.hard.clone();
    axum::serve(listener, router(life, metrics)).with_graceful_shutdown(hard.cancelled_owned()).await
}

async fn ready(State((life, _)): State<(Lifecycle, Metrics)>) -> Response {
    let ready = life.is_ready();
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let services: serde_json::Map<_, _> =
        life.gates().into_iter().map(|(name, open)| (name, open.into())).collect();
    let body = json!({
        "ready": ready,
        "shutting_down": life.soft.is_cancelled(),
        "services": services,
    });
    (status, Json(body)).into_response()
}

async fn scrape(State((_, metrics)): State<(Lifecycle, Metrics)>) -> Response {
    match metrics.text() {
        Ok(text) => ([(header::CONTENT_TYPE, prometheus::TEXT_FORMAT)], text).into_response(),
        Err(error) => {
            tracing::error!(%error, "metrics cannot be gathered");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
