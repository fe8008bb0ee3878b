//! A cap on the calls in work, over all connections of a server. What is above it is refused at
//! once (UNAVAILABLE, `OVERLOADED`, with a pause to take) instead of queueing without bound.
//!
//! A call counts until the last byte of its answer is out. Health checks do not count: a busy
//! server is not a sick one.

use std::{
    sync::Arc,
    task::{Context, Poll},
};

use salient_core::Reason;
use tokio::sync::Semaphore;
use tower::{Layer, Service};

use super::{Answer, Request, Response, method, observe::Observer};
use crate::status::refusal;

/// Lets at most so many calls of a service be in work.
#[derive(Clone, Debug)]
pub struct LimitLayer {
    places: Arc<Semaphore>,
}

impl LimitLayer {
    /// At most `max` calls, counted over everything that this layer and its clones wrap.
    pub fn new(max: usize) -> Self {
        Self { places: Arc::new(Semaphore::new(max.min(Semaphore::MAX_PERMITS))) }
    }
}

impl<S> Layer<S> for LimitLayer {
    type Service = Limit<S>;

    fn layer(&self, inner: S) -> Limit<S> {
        Limit { inner, places: self.places.clone() }
    }
}

/// See [`LimitLayer`].
#[derive(Clone, Debug)]
pub struct Limit<S> {
    inner: S,
    places: Arc<Semaphore>,
}

impl<S> Service<Request> for Limit<S>
where
    S: Service<Request, Response = Response>,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
{
    type Response = Response;
    type Error = S::Error;
    type Future = Answer<S::Error>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        if method(request.uri().path()).is_some_and(|method| method.exempt) {
            return Box::pin(self.inner.call(request));
        }
        let Ok(place) = self.places.clone().try_acquire_owned() else {
            tracing::debug!("call shed");
            let status =
                refusal(Reason::Overloaded, "the server has too many calls in work; try again after a pause");
            return Box::pin(async move { Ok(status.into_http()) });
        };
        let future = self.inner.call(request);
        let observer = Observer::new(move |_| drop(place));
        Box::pin(async move { future.await.map(|response| observer.follow(response)) })
    }
}

#[cfg(test)]
mod tests {
    use tonic::Code;

    use super::*;
    use crate::layers::testing::{call, drain, request, service, status_of, streaming};

    #[tokio::test]
    async fn more_calls_than_places_are_shed() {
        let limit = LimitLayer::new(1).layer(service(async || streaming(1, Some(Code::Ok))));
        let health = || request("/grpc.health.v1.Health/Check");

        let first = call(limit.clone(), request("/a/B")).await;
        let status = status_of(call(limit.clone(), request("/a/B")).await).await;
        assert_eq!(status.code(), Code::Unavailable);
        assert_eq!(crate::status::reason(&status), Some(Reason::Overloaded));
        assert_eq!(drain(call(limit.clone(), health()).await).await.1, Some(Code::Ok));

        // the place is free when the whole answer is out, not before
        drain(first).await;
        let second = call(limit.clone(), request("/a/B")).await;
        drop(second);
        assert_eq!(drain(call(limit, request("/a/B")).await).await.1, Some(Code::Ok));
    }
}
