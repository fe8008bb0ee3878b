//! One HTTP request from its first byte to the last byte of its answer: counted, timed, and
//! holding its place among the calls in work.
//!
//! | OpenTelemetry | Prometheus | what |
//! |---|---|---|
//! | `http.server.requests` | `http_server_requests_total` | requests that ended |
//! | `http.server.duration` | `http_server_duration_seconds` | from the request's head to the end of its answer |
//! | `http.server.in_flight` | `http_server_in_flight` | requests in work |
//!
//! Labels: `http_method`, `http_route` (the contract's template, or `none`), and for the first
//! two `http_status`. A request whose caller went away is counted with the status `cancelled`.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
    time::Instant,
};

use axum::{body::Body, response::Response};
use bytes::Bytes;
use http::{Method, StatusCode};
use http_body::{Body as HttpBody, Frame, SizeHint};
use opentelemetry::{
    KeyValue,
    metrics::{Counter, Histogram, Meter, UpDownCounter},
};
use tokio::sync::OwnedSemaphorePermit;

/// Bounds of the histogram, in seconds; the same as those of the RPCs behind.
const SECONDS: [f64; 14] = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 20.0, 60.0];

/// Counts requests.
#[derive(Clone, Debug)]
pub struct Instruments {
    requests: Counter<u64>,
    duration: Histogram<f64>,
    in_flight: UpDownCounter<i64>,
}

impl Instruments {
    /// Counts with `meter`.
    pub fn new(meter: &Meter) -> Self {
        Self {
            requests: meter
                .u64_counter("http.server.requests")
                .with_description("Requests that ended")
                .build(),
            duration: meter
                .f64_histogram("http.server.duration")
                .with_unit("s")
                .with_description("Duration of requests, streams included")
                .with_boundaries(SECONDS.to_vec())
                .build(),
            in_flight: meter
                .i64_up_down_counter("http.server.in_flight")
                .with_description("Requests in work")
                .build(),
        }
    }

    /// A request begins; `route` is the template that it matched.
    pub fn begin(&self, method: &Method, route: Option<&str>) -> Visit {
        // an unknown method could be any text, and every text would be a series of its own
        let known = [
            Method::GET,
            Method::POST,
            Method::PUT,
            Method::PATCH,
            Method::DELETE,
            Method::HEAD,
            Method::OPTIONS,
        ];
        let method = if known.contains(method) { method.as_str().to_owned() } else { "other".to_owned() };
        let labels = vec![
            KeyValue::new("http.method", method),
            KeyValue::new("http.route", route.unwrap_or("none").to_owned()),
        ];
        self.in_flight.add(1, &labels);
        Visit { instruments: self.clone(), labels, begin: Instant::now(), ended: false, place: None }
    }
}

/// A request in work; ended by [`Visit::follow`], or cancelled when dropped.
#[derive(Debug)]
pub struct Visit {
    instruments: Instruments,
    labels: Vec<KeyValue>,
    begin: Instant,
    ended: bool,
    place: Option<OwnedSemaphorePermit>,
}

impl Visit {
    /// Holds the place until the request has ended.
    pub fn hold(&mut self, place: OwnedSemaphorePermit) {
        self.place = Some(place);
    }

    /// Follows the answer to its last byte.
    pub fn follow(self, response: Response) -> Response {
        let status = response.status();
        response.map(|inner| Body::new(Followed { inner, visit: self, status }))
    }

    fn end(&mut self, status: &str) {
        if std::mem::replace(&mut self.ended, true) {
            return;
        }
        self.place = None;
        self.instruments.in_flight.add(-1, &self.labels);
        let mut labels = self.labels.clone();
        labels.push(KeyValue::new("http.status", status.to_owned()));
        self.instruments.requests.add(1, &labels);
        self.instruments.duration.record(self.begin.elapsed().as_secs_f64(), &labels);
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        self.end("cancelled");
    }
}

struct Followed {
    inner: Body,
    visit: Visit,
    status: StatusCode,
}

impl HttpBody for Followed {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = ready!(Pin::new(&mut self.inner).poll_frame(cx));
        // hyper does not ask again after the last frame of a body whose length it knows
        if frame.is_none() || self.inner.is_end_stream() {
            let status = self.status;
            self.visit.end(status.as_str());
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

impl Drop for Followed {
    fn drop(&mut self) {
        // an empty body is never polled
        if self.inner.is_end_stream() {
            let status = self.status;
            self.visit.end(status.as_str());
        }
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;
    use opentelemetry::metrics::MeterProvider;
    use salient_kit::telemetry::Metrics;

    use super::*;

    #[tokio::test]
    async fn requests_are_counted_when_their_answer_is_out() {
        let kept = Metrics::default();
        let provider = kept.provider().unwrap();
        let instruments = Instruments::new(&provider.meter("test"));
        let begin = || instruments.begin(&Method::GET, Some("/v1/accounts"));
        let response = begin().follow(Response::new(Body::from("text")));
        assert!(
            kept.text()
                .unwrap()
                .contains("http_server_in_flight{http_method=\"GET\",http_route=\"/v1/accounts\"} 1")
        );
        response.into_body().collect().await.unwrap();
        drop(begin().follow(Response::new(Body::empty())));
        drop(begin().follow(Response::new(Body::from("never read"))));
        drop(begin());
        drop(instruments.begin(&Method::from_bytes(b"MADEUP").unwrap(), None));
        let text = kept.text().unwrap();
        let count = |method: &str, route: &str, status: &str, n: u32| {
            let labels = format!("http_method=\"{method}\",http_route=\"{route}\",http_status=\"{status}\"");
            assert!(text.contains(&format!("http_server_requests_total{{{labels}}} {n}\n")), "{text}");
        };
        count("GET", "/v1/accounts", "200", 2);
        count("GET", "/v1/accounts", "cancelled", 2);
        count("other", "none", "cancelled", 1);
        assert!(
            text.contains("http_server_in_flight{http_method=\"GET\",http_route=\"/v1/accounts\"} 0"),
            "{text}"
        );
    }
}
