//! Services and answers for the tests of single layers.

use std::{
    collections::VecDeque,
    convert::Infallible,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame};
use http_body_util::BodyExt;
use tonic::{Code, Status, body::Body};
use tower::{Service, ServiceExt, service_fn};

use super::{Request, Response};

/// A call without a message.
pub(crate) fn request(path: &str) -> Request {
    http::Request::builder().uri(path).body(Body::empty()).unwrap()
}

/// A service that answers with what `answer` returns.
pub(crate) fn service<F, Fut>(
    answer: F,
) -> impl Service<Request, Response = Response, Error = Infallible, Future: Send + 'static> + Clone
where
    F: Fn() -> Fut + Clone + Send + 'static,
    Fut: Future<Output = Response> + Send + 'static,
{
    service_fn(move |_: Request| {
        let answer = answer();
        async move { Ok(answer.await) }
    })
}

/// Calls `service` once.
pub(crate) async fn call<S>(service: S, request: Request) -> Response
where
    S: Service<Request, Response = Response, Error = Infallible>,
{
    service.oneshot(request).await.unwrap()
}

struct Frames(VecDeque<Option<Frame<Bytes>>>, bool);

impl HttpBody for Frames {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        match self.0.pop_front() {
            Some(frame) => Poll::Ready(frame.map(Ok)),
            None if self.1 => panic!("in the middle of a stream"),
            None => Poll::Pending,
        }
    }
}

/// An answer of so many messages, then `code`; without a code it never ends.
pub(crate) fn streaming(messages: usize, code: Option<Code>) -> Response {
    let mut frames: VecDeque<_> =
        (0..messages).map(|_| Some(Frame::data(Bytes::from_static(b"\0\0\0\0\0")))).collect();
    if let Some(code) = code {
        let trailers = super::catch_panic::trailers(&Status::new(code, "end"));
        frames.extend([Some(trailers), None]);
    }
    http::Response::new(Body::new(Frames(frames, false)))
}

/// An answer that panics after its first message.
pub(crate) fn panicking_body() -> Response {
    let first = Some(Frame::data(Bytes::from_static(b"\0\0\0\0\0")));
    http::Response::new(Body::new(Frames(VecDeque::from([first]), true)))
}

/// Reads an answer to its end: messages, and the code of headers or trailers.
pub(crate) async fn drain(response: Response) -> (usize, Option<Code>) {
    let code =
        |headers: &http::HeaderMap| headers.get("grpc-status").map(|code| Code::from_bytes(code.as_bytes()));
    let (parts, mut body) = response.into_parts();
    let (mut messages, mut ended) = (0, code(&parts.headers));
    while let Some(frame) = body.frame().await {
        let frame = frame.unwrap();
        match frame.trailers_ref() {
            Some(trailers) => ended = code(trailers),
            None => messages += 1,
        }
    }
    (messages, ended)
}

/// The status of an answer without a message.
pub(crate) async fn status_of(response: Response) -> Status {
    Status::from_header_map(response.headers()).unwrap()
}
