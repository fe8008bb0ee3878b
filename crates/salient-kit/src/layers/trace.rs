//! One span per call, in the caller's trace.
//!
//! The span `rpc` carries `otel.name`, `rpc.service`, `rpc.method`, `trace_id`, and, once they
//! are known, `tenant`, `role` (from [`super::auth`]) and `code`. Every log line of a handler
//! stands in it. Health and reflection have none.

use std::task::{Context, Poll};

use tonic::Code;
use tower::{Layer, Service};
use tracing::{Instrument, field};

use super::{Answer, Request, Response, UNKNOWN, method, observe::Observer};
use crate::telemetry::propagation;

/// Opens a span for every call of a service.
#[derive(Clone, Copy, Debug, Default)]
pub struct TraceLayer;

impl<S> Layer<S> for TraceLayer {
    type Service = Trace<S>;

    fn layer(&self, inner: S) -> Trace<S> {
        Trace { inner }
    }
}

/// See [`TraceLayer`].
#[derive(Clone, Debug)]
pub struct Trace<S> {
    inner: S,
}

impl<S> Service<Request> for Trace<S>
where
    S: Service<Request, Response = Response>,
    S::Future: Send + 'static,
{
    type Response = Response;
    type Error = S::Error;
    type Future = Answer<S::Error>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let known = method(request.uri().path()).unwrap_or(UNKNOWN);
        if known.exempt {
            // a probe every few seconds is no story to tell
            return Box::pin(self.inner.call(request));
        }
        let span = tracing::info_span!(
            parent: None,
            "rpc",
            otel.name = format_args!("{}/{}", known.service, known.method),
            otel.kind = "server",
            otel.status_code = field::Empty,
            rpc.system = "grpc",
            rpc.service = known.service,
            rpc.method = known.method,
            trace_id = field::Empty,
            tenant = field::Empty,
            role = field::Empty,
            code = field::Empty,
        );
        if let Some(id) = propagation::adopt(&span, propagation::extract(request.headers())) {
            span.record("trace_id", id);
        }
        let observed = span.clone();
        let observer = Observer::new(move |code| {
            observed.record("code", field::debug(code));
            // what the caller did wrong is no error of the server's span
            if matches!(
                code,
                Code::Unknown
                    | Code::DeadlineExceeded
                    | Code::Unimplemented
                    | Code::Internal
                    | Code::Unavailable
                    | Code::DataLoss
            ) {
                observed.record("otel.status_code", "ERROR");
            }
            tracing::debug!(parent: &observed, "call ended");
        });
        let future = span.in_scope(|| self.inner.call(request));
        let answer = async move { future.await.map(|response| observer.follow(response)) };
        Box::pin(answer.instrument(span))
    }
}
