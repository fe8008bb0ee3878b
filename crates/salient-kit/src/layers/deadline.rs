//! A call is given up when its caller stops waiting.
//!
//! The deadline is the caller's `grpc-timeout`, or a default. When it passes, the handler is
//! dropped, whether it has answered or is still streaming, and the caller is told
//! DEADLINE_EXCEEDED. The same cut is made, with UNAVAILABLE, when the process is in the hard
//! stage of its shutdown. Health and reflection have no default deadline, and are ended by the
//! soft stage: a watched health stream would otherwise hold the shutdown up.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body as HttpBody, Frame, SizeHint};
use salient_core::Reason;
use tokio_util::sync::CancellationToken;
use tonic::{Status, body::Body};
use tower::{Layer, Service};

use super::{Answer, Deadline, Request, Response, catch_panic::trailers, method};
use crate::{lifecycle::Lifecycle, status::refusal};

/// tonic's own timer starts with the same `grpc-timeout` a moment before ours and answers
/// CANCELLED; ending this much earlier makes ours the first.
const MARGIN: Duration = Duration::from_millis(3);

/// How long a health stream may still tell that the service does not serve any more.
const LAST_WORDS: Duration = Duration::from_millis(100);

/// Longer deadlines are as good as this one, and cannot overflow a clock.
const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);

/// What ends a call from outside: completes with the status to answer.
pub(crate) type Cut = Pin<Box<dyn Future<Output = Status> + Send>>;

/// Gives up calls whose time is over.
#[derive(Clone, Debug)]
pub struct DeadlineLayer {
    default: Duration,
    soft: CancellationToken,
    hard: CancellationToken,
}

impl DeadlineLayer {
    /// `default` is for calls that bring no deadline; `life` ends them all.
    pub fn new(default: Duration, life: &Lifecycle) -> Self {
        Self { default, soft: life.soft.clone(), hard: life.hard.clone() }
    }

    fn cut(&self, timeout: Option<Duration>, exempt: bool) -> Cut {
        let (soft, hard) = (self.soft.clone(), self.hard.clone());
        let timer = timeout.map(|timeout| tokio::time::sleep(timeout.saturating_sub(MARGIN)));
        Box::pin(async move {
            let passed = async {
                match timer {
                    Some(timer) => timer.await,
                    None => std::future::pending().await,
                }
            };
            let told = async {
                match exempt {
                    true => soft.cancelled().await,
                    false => std::future::pending().await,
                }
                tokio::time::sleep(LAST_WORDS).await;
            };
            tokio::select! {
                () = passed => expired(),
                () = hard.cancelled() => leaving(),
                () = told => leaving(),
            }
        })
    }
}

/// The answer to a call whose deadline passed.
pub(crate) fn expired() -> Status {
    refusal(Reason::DeadlinePassed, "the deadline of the call passed")
}

fn leaving() -> Status {
    refusal(Reason::Overloaded, "the server is shutting down; try again")
}

impl<S> Layer<S> for DeadlineLayer {
    type Service = Deadlined<S>;

    fn layer(&self, inner: S) -> Deadlined<S> {
        Deadlined { inner, layer: self.clone() }
    }
}

/// See [`DeadlineLayer`].
#[derive(Clone, Debug)]
pub struct Deadlined<S> {
    inner: S,
    layer: DeadlineLayer,
}

impl<S> Service<Request> for Deadlined<S>
where
    S: Service<Request, Response = Response>,
    S::Future: Send + 'static,
    S::Error: 'static,
{
    type Response = Response;
    type Error = S::Error;
    type Future = Answer<S::Error>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request) -> Self::Future {
        let exempt = method(request.uri().path()).is_some_and(|method| method.exempt);
        let timeout = timeout_of(request.headers()).or((!exempt).then_some(self.layer.default));
        if let Some(timeout) = timeout {
            request.extensions_mut().insert(Deadline(Instant::now() + timeout.min(YEAR)));
        }
        let cut = self.layer.cut(timeout.map(|timeout| timeout.min(YEAR)), exempt);
        Box::pin(cut_off(self.inner.call(request), cut))
    }
}

/// Runs `future` and the body that it answers with until `cut` completes.
pub(crate) async fn cut_off<E>(
    future: impl Future<Output = Result<Response, E>>,
    mut cut: Cut,
) -> Result<Response, E> {
    tokio::select! {
        // an answer that is there is better than none
        biased;
        response = future => {
            Ok(response?.map(|inner| Body::new(CutBody { inner: Some(inner), cut })))
        }
        status = &mut cut => Ok(status.into_http()),
    }
}

struct CutBody {
    inner: Option<Body>,
    cut: Cut,
}

impl HttpBody for CutBody {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let Self { inner, cut } = &mut *self;
        let Some(body) = inner.as_mut() else { return Poll::Ready(None) };
        // The timer is asked first: a handler that always has a message ready must end too.
        if let Poll::Ready(status) = cut.as_mut().poll(cx) {
            *inner = None;
            return Poll::Ready(Some(Ok(trailers(&status))));
        }
        Pin::new(body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.as_ref().is_none_or(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.as_ref().map_or_else(SizeHint::default, HttpBody::size_hint)
    }
}

/// The caller's `grpc-timeout`: at most eight digits and a unit. One that is damaged is none.
pub(crate) fn timeout_of(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get("grpc-timeout")?.to_str().ok()?;
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if digits.len() > 8 || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let count: u64 = digits.parse().ok()?;
    Some(match unit {
        "H" => Duration::from_secs(count * 3600),
        "M" => Duration::from_secs(count * 60),
        "S" => Duration::from_secs(count),
        "m" => Duration::from_millis(count),
        "u" => Duration::from_micros(count),
        "n" => Duration::from_nanos(count),
        _ => return None,
    })
}

/// `timeout` as `grpc-timeout`: in the finest unit that eight digits can say, never longer.
pub(crate) fn timeout_text(timeout: Duration) -> String {
    let fits = |count: u128| count < 100_000_000;
    if fits(timeout.as_micros()) {
        format!("{}u", timeout.as_micros())
    } else if fits(timeout.as_millis()) {
        format!("{}m", timeout.as_millis())
    } else {
        format!("{}S", timeout.as_secs().min(99_999_999))
    }
}

#[cfg(test)]
mod tests;
