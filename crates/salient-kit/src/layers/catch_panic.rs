//! A panic is one caller's INTERNAL, not the end of a connection.

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use futures::FutureExt;
use http_body::{Body as HttpBody, Frame};
use salient_core::Error;
use tonic::{Status, body::Body};
use tower::{Layer, Service};

use super::{Answer, Request, Response};
use crate::{lifecycle::panic_text, status::status};

/// Turns panics of a service into INTERNAL.
#[derive(Clone, Copy, Debug, Default)]
pub struct CatchPanicLayer;

impl<S> Layer<S> for CatchPanicLayer {
    type Service = CatchPanic<S>;

    fn layer(&self, inner: S) -> CatchPanic<S> {
        CatchPanic { inner }
    }
}

/// See [`CatchPanicLayer`].
#[derive(Clone, Debug)]
pub struct CatchPanic<S> {
    inner: S,
}

impl<S> Service<Request> for CatchPanic<S>
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
        // Nothing of the call is used after a panic, so nothing half-changed is seen.
        let future = match catch_unwind(AssertUnwindSafe(|| self.inner.call(request))) {
            Ok(future) => future,
            Err(panic) => {
                let status = answer(&*panic);
                return Box::pin(async move { Ok(status.into_http()) });
            }
        };
        Box::pin(async move {
            match AssertUnwindSafe(future).catch_unwind().await {
                Ok(Ok(response)) => Ok(response.map(|inner| Body::new(Caught { inner: Some(inner) }))),
                Ok(Err(error)) => Err(error),
                Err(panic) => Ok(answer(&*panic).into_http()),
            }
        })
    }
}

fn answer(panic: &(dyn Any + Send)) -> Status {
    status(Error::internal(format!("a handler panicked: {}", panic_text(panic))))
}

struct Caught {
    inner: Option<Body>,
}

impl HttpBody for Caught {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let Some(inner) = self.inner.as_mut() else { return Poll::Ready(None) };
        match catch_unwind(AssertUnwindSafe(|| Pin::new(inner).poll_frame(cx))) {
            Ok(poll) => poll,
            Err(panic) => {
                self.inner = None;
                Poll::Ready(Some(Ok(trailers(&answer(&*panic)))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.inner.as_ref().is_none_or(HttpBody::is_end_stream)
    }
}

/// The last frame of a call that ends with `status`.
pub(crate) fn trailers(status: &Status) -> Frame<Bytes> {
    let mut headers = http::HeaderMap::new();
    if status.add_header(&mut headers).is_err() {
        // the message cannot stand in a header; the code can
        headers.insert("grpc-status", http::HeaderValue::from(status.code() as i32));
    }
    Frame::trailers(headers)
}

#[cfg(test)]
mod tests {
    use salient_core::Reason;
    use tonic::Code;

    use super::*;
    use crate::layers::testing::{call, drain, panicking_body, request, service, status_of};

    #[tokio::test]
    async fn a_panic_before_the_answer_is_internal() {
        let bad = service(async || panic!("secret detail"));
        let status = status_of(call(CatchPanicLayer.layer(bad), request("/a/B")).await).await;
        assert_eq!(status.code(), Code::Internal);
        assert_eq!(crate::status::reason(&status), Some(Reason::Internal));
        assert!(!status.message().contains("secret"), "{status}");
    }

    #[tokio::test]
    async fn a_panic_while_streaming_is_internal() {
        let bad = service(async || panicking_body());
        let (frames, code) = drain(call(CatchPanicLayer.layer(bad), request("/a/B")).await).await;
        assert_eq!((frames, code), (1, Some(Code::Internal)));
    }
}
