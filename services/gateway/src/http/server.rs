//! The HTTP server: as `axum::serve`, with a limit on how long a request's head may take and an
//! end in two stages.

use std::time::Duration;

use axum::{Router, extract::Request, serve::Listener};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{conn::auto, graceful::GracefulShutdown},
    service::TowerToHyperService,
};
use salient_kit::Lifecycle;
use tokio::net::TcpListener;
use tower::ServiceExt;

/// A connection that has not sent the head of a request by then is closed; also one that is idle
/// between two requests for so long.
const HEAD_TIME: Duration = Duration::from_secs(60);

/// Serves `router` until the shutdown, then until the last request has ended or the hard stage
/// begins.
pub async fn serve(mut listener: TcpListener, router: Router, life: &Lifecycle) {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEAD_TIME);
    builder.http2().timer(TokioTimer::new()).keep_alive_interval(HEAD_TIME);
    let graceful = GracefulShutdown::new();
    let service = router.map_request(|request: http::Request<hyper::body::Incoming>| -> Request {
        request.map(axum::body::Body::new)
    });
    loop {
        let (stream, _peer) = tokio::select! {
            accepted = Listener::accept(&mut listener) => accepted,
            () = life.soft.cancelled() => break,
        };
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "connection cannot be set to no delay");
        }
        let connection = builder
            .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service.clone()))
            .into_owned();
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(error, "connection ended early");
            }
        });
    }
    drop(listener);
    tokio::select! {
        () = graceful.shutdown() => {}
        () = life.hard.cancelled() => tracing::warn!("requests cancelled by the shutdown"),
    }
}
