//! How a call ended, told once and for certain.
//!
//! The status of a gRPC call stands in the headers (when there is no message), in the trailers,
//! or nowhere, when the caller went away: then hyper drops the future or the body.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body as HttpBody, Frame, SizeHint};
use tonic::{Code, Status, body::Body};

use super::Response;

/// Calls its function once with the code of a call: CANCELLED if dropped before the end.
pub struct Observer(Option<Box<dyn FnOnce(Code) + Send>>);

impl Observer {
    /// An observer that calls `tell`.
    pub fn new(tell: impl FnOnce(Code) + Send + 'static) -> Self {
        Self(Some(Box::new(tell)))
    }

    /// Tells that the call ended with `code`.
    pub fn tell(mut self, code: Code) {
        self.finish(code);
    }

    /// Follows `response` to the end of its body.
    pub fn follow(self, response: Response) -> Response {
        if let Some(code) = code_of(response.headers()) {
            self.tell(code);
            return response;
        }
        response.map(|inner| Body::new(Observed { inner, observer: self }))
    }

    fn finish(&mut self, code: Code) {
        if let Some(tell) = self.0.take() {
            tell(code);
        }
    }
}

impl Drop for Observer {
    fn drop(&mut self) {
        self.finish(Code::Cancelled);
    }
}

fn code_of(headers: &HeaderMap) -> Option<Code> {
    headers.get("grpc-status").map(|code| Code::from_bytes(code.as_bytes()))
}

struct Observed {
    inner: Body,
    observer: Observer,
}

impl HttpBody for Observed {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let frame = std::task::ready!(Pin::new(&mut self.inner).poll_frame(cx));
        match &frame {
            Some(Ok(frame)) => {
                if let Some(trailers) = frame.trailers_ref() {
                    self.observer.finish(code_of(trailers).unwrap_or(Code::Unknown));
                }
            }
            Some(Err(status)) => self.observer.finish(status.code()),
            None => self.observer.finish(Code::Unknown),
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

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;
    use crate::layers::testing::{drain, streaming};

    fn observer() -> (Observer, mpsc::Receiver<Code>) {
        let (tell, told) = mpsc::channel();
        (Observer::new(move |code| tell.send(code).unwrap()), told)
    }

    #[tokio::test]
    async fn the_code_comes_from_headers_or_trailers() {
        let (observer, told) = observer();
        let _ = observer.follow(Status::not_found("no").into_http());
        assert_eq!(told.try_recv(), Ok(Code::NotFound));

        let (observer, told) = self::observer();
        let response = observer.follow(streaming(2, Some(Code::DataLoss)));
        assert!(told.try_recv().is_err());
        drain(response).await;
        assert_eq!(told.recv(), Ok(Code::DataLoss));
        assert!(told.recv().is_err(), "told once");
    }

    #[tokio::test]
    async fn a_dropped_call_is_cancelled() {
        let (observer, told) = observer();
        drop(observer.follow(streaming(2, None)));
        assert_eq!(told.recv(), Ok(Code::Cancelled));
    }
}
