//! Refusals that tonic makes by itself, before or inside a handler, told like all others.
//!
//! A message above the limit is RESOURCE_EXHAUSTED with `BODY_TOO_LARGE` (tonic: OUT_OF_RANGE
//! without details); bytes that are no message of the contract are INVALID_ARGUMENT with
//! `FIELD_INVALID` (tonic: INTERNAL, as if the server were at fault).

use std::task::{Context, Poll};

use salient_core::Reason;
use tonic::{Code, Status};
use tower::{Layer, Service};

use super::{Answer, Request, Response};
use crate::status::refusal;

/// Rewrites what tonic answers by itself.
#[derive(Clone, Copy, Debug, Default)]
pub struct WireLayer;

impl<S> Layer<S> for WireLayer {
    type Service = Wire<S>;

    fn layer(&self, inner: S) -> Wire<S> {
        Wire { inner }
    }
}

/// See [`WireLayer`].
#[derive(Clone, Debug)]
pub struct Wire<S> {
    inner: S,
}

impl<S> Service<Request> for Wire<S>
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
        let future = self.inner.call(request);
        Box::pin(async move {
            let response = future.await?;
            let refined = Status::from_header_map(response.headers()).and_then(|status| refine(&status));
            Ok(refined.map_or(response, Status::into_http))
        })
    }
}

/// What `status` should have said, if it is one of tonic's own.
pub(crate) fn refine(status: &Status) -> Option<Status> {
    let message = status.message();
    match status.code() {
        Code::OutOfRange if message.starts_with("Error, decoded message length too large") => {
            let sizes = message.split_once(": ").map_or("", |(_, sizes)| sizes);
            Some(refusal(Reason::BodyTooLarge, format!("the message is too large: {sizes}")))
        }
        Code::ResourceExhausted if message.starts_with("Error decompressing: size limit") => {
            Some(refusal(Reason::BodyTooLarge, "the message is too large once it is decompressed"))
        }
        Code::Internal if message.starts_with("failed to decode Protobuf message") => {
            Some(refusal(Reason::FieldInvalid, "the bytes are not a message of this method's request type"))
        }
        Code::Internal if message.starts_with("Error decompressing") => {
            Some(refusal(Reason::FieldInvalid, "the message does not decompress"))
        }
        _ => None,
    }
}
