//! Rate, errors and duration of every RPC.
//!
//! | OpenTelemetry | Prometheus | what |
//! |---|---|---|
//! | `rpc.server.calls` | `rpc_server_calls_total` | calls that ended |
//! | `rpc.server.duration` | `rpc_server_duration_seconds` | from the first byte in to the last byte out, streams included |
//! | `rpc.server.in_flight` | `rpc_server_in_flight` | calls in work |
//!
//! Labels: `rpc_service`, `rpc_method`, and for the first two `rpc_code` (`OK`, `NOT_FOUND`, …).
//! A call whose caller went away is counted as `CANCELLED`; paths that no contract has are
//! counted together as `unknown`.

use std::{
    task::{Context, Poll},
    time::Instant,
};

use opentelemetry::{
    KeyValue,
    metrics::{Counter, Histogram, Meter, UpDownCounter},
};
use tonic::Code;
use tower::{Layer, Service};

use super::{Answer, Request, Response, UNKNOWN, method, observe::Observer};

/// Bounds of the histogram, in seconds: 1 ms is a read from memory, 60 s the end of patience.
const SECONDS: [f64; 14] = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 20.0, 60.0];

/// Counts and times the calls of a service.
#[derive(Clone, Debug)]
pub struct MetricsLayer {
    calls: Counter<u64>,
    duration: Histogram<f64>,
    in_flight: UpDownCounter<i64>,
}

impl MetricsLayer {
    /// Counts with `meter`.
    pub fn new(meter: &Meter) -> Self {
        Self {
            calls: meter.u64_counter("rpc.server.calls").with_description("Calls that ended").build(),
            duration: meter
                .f64_histogram("rpc.server.duration")
                .with_unit("s")
                .with_description("Duration of calls, streams included")
                .with_boundaries(SECONDS.to_vec())
                .build(),
            in_flight: meter
                .i64_up_down_counter("rpc.server.in_flight")
                .with_description("Calls in work")
                .build(),
        }
    }
}

impl<S> Layer<S> for MetricsLayer {
    type Service = Metrics<S>;

    fn layer(&self, inner: S) -> Metrics<S> {
        Metrics { inner, instruments: self.clone() }
    }
}

/// See [`MetricsLayer`].
#[derive(Clone, Debug)]
pub struct Metrics<S> {
    inner: S,
    instruments: MetricsLayer,
}

impl<S> Service<Request> for Metrics<S>
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
        let of = [KeyValue::new("rpc.service", known.service), KeyValue::new("rpc.method", known.method)];
        let begin = Instant::now();
        let instruments = self.instruments.clone();
        instruments.in_flight.add(1, &of);
        let observer = Observer::new(move |code| {
            instruments.in_flight.add(-1, &of);
            let [service, method] = of;
            let ended = [service, method, KeyValue::new("rpc.code", code_name(code))];
            instruments.calls.add(1, &ended);
            instruments.duration.record(begin.elapsed().as_secs_f64(), &ended);
        });
        let future = self.inner.call(request);
        Box::pin(async move { future.await.map(|response| observer.follow(response)) })
    }
}

/// The name of `code` as gRPC writes it.
pub fn code_name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry::metrics::MeterProvider;

    use super::*;
    use crate::{
        layers::testing::{call, drain, request, service, streaming},
        telemetry,
    };

    #[tokio::test]
    async fn calls_are_counted_by_method_and_code() {
        let kept = telemetry::Metrics::default();
        let provider = kept.provider().unwrap();
        let layer = MetricsLayer::new(&provider.meter("test"));

        let fine = service(async || streaming(1, Some(Code::Ok)));
        let path = "/salient.profile.v1.ProfileService/GetAccount";
        drain(call(layer.layer(fine.clone()), request(path)).await).await;
        drain(call(layer.layer(fine.clone()), request(path)).await).await;
        drain(call(layer.layer(fine.clone()), request("/made.up/Name")).await).await;
        // the caller goes away while the answer streams, or before there is one
        drop(call(layer.layer(fine), request(path)).await);
        let never = service(async || std::future::pending().await);
        drop(layer.layer(never).call(request(path)));

        let text = kept.text().unwrap();
        let series = |line: &str| text.lines().any(|found| found == line);
        let of = r#"rpc_method="GetAccount",rpc_service="salient.profile.v1.ProfileService""#;
        let code = |code: &str| format!(r#"rpc_server_calls_total{{rpc_code="{code}",{of}}}"#);
        assert!(series(&format!("{} 2", code("OK"))), "{text}");
        assert!(series(&format!("{} 2", code("CANCELLED"))), "{text}");
        assert!(text.contains(r#"rpc_method="unknown""#) && !text.contains("made.up"), "{text}");
        assert!(series(&format!("rpc_server_in_flight{{{of}}} 0")), "{text}");
        let count = format!(r#"rpc_server_duration_seconds_count{{rpc_code="OK",{of}}} 2"#);
        assert!(series(&count), "{text}");
    }
}
