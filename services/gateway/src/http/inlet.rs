//! The body of a request, as far as it is wanted.

use std::{io, time::Duration};

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, header};
use http_body_util::BodyExt;
use salient_core::Reason;

use super::problem::Problem;

/// After an early answer, the rest of a body is thrown away up to this many bytes …
const LINGER_BYTES: usize = 64 * 1024 * 1024;
/// … and for this long. Closing at once would reset the connection, and many clients would then
/// report the reset instead of reading the answer.
const LINGER_TIME: Duration = Duration::from_secs(2);

/// A body that is read on demand. What is left of it when it is dropped is thrown away for a
/// while, in constant memory.
#[derive(Debug)]
pub struct Inlet {
    body: Option<Body>,
    announced: Option<u64>,
    lingers: bool,
}

impl Inlet {
    /// The body of a request with these headers.
    pub fn new(headers: &HeaderMap, body: Body) -> Self {
        let length = headers.get(header::CONTENT_LENGTH);
        Self {
            body: Some(body),
            announced: length.and_then(|length| length.to_str().ok()?.parse().ok()),
            // a client that waits for leave to send takes an answer without it for the end, and
            // reading its body would give that leave
            lingers: !headers.contains_key(header::EXPECT),
        }
    }

    /// The next piece; `None` at the end.
    pub async fn next(&mut self) -> Option<io::Result<Bytes>> {
        loop {
            let body = self.body.as_mut()?;
            let frame = body.frame().await;
            match frame.map(|frame| frame.map(http_body::Frame::into_data)) {
                // trailers say nothing here
                Some(Ok(Err(_))) => {}
                Some(Ok(Ok(data))) => return Some(Ok(data)),
                Some(Err(error)) => {
                    self.body = None;
                    return Some(Err(io::Error::other(error)));
                }
                None => {
                    self.body = None;
                    return None;
                }
            }
        }
    }

    /// The whole body.
    ///
    /// # Errors
    /// It is larger than `limit` bytes, which a client that announces the length is told before
    /// a byte is read, or it breaks off.
    pub async fn all(&mut self, limit: usize) -> Result<Bytes, Problem> {
        let too_large = || {
            Problem::refuse(
                Reason::BodyTooLarge,
                format!("the body is larger than {limit} bytes; send it in parts"),
            )
        };
        if self.announced.is_some_and(|length| length > limit as u64) {
            return Err(too_large());
        }
        let mut first = Bytes::new();
        let mut whole = BytesMut::new();
        while let Some(piece) = self.next().await {
            let piece = piece.map_err(|error| broken(&error, "the body breaks off"))?;
            if first.len() + whole.len() + piece.len() > limit {
                return Err(too_large());
            }
            if first.is_empty() && whole.is_empty() {
                first = piece;
                continue;
            }
            whole.extend_from_slice(&std::mem::take(&mut first));
            whole.extend_from_slice(&piece);
        }
        Ok(if whole.is_empty() { first } else { whole.freeze() })
    }
}

/// The problem of a body that cannot be read to its end.
pub fn broken(error: &io::Error, what: &str) -> Problem {
    tracing::debug!(error = %error, "request body broke off");
    Problem::of_status(http::StatusCode::BAD_REQUEST, format!("{what}; send it again"))
}

impl Drop for Inlet {
    fn drop(&mut self) {
        let Some(body) = self.body.take() else { return };
        let over = http_body::Body::is_end_stream(&body);
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        if self.lingers && !over {
            runtime.spawn(tokio::time::timeout(LINGER_TIME, linger(body)));
        }
    }
}

async fn linger(mut body: Body) {
    let mut left = LINGER_BYTES;
    while let Some(Ok(frame)) = body.frame().await {
        left = left.saturating_sub(frame.data_ref().map_or(0, Bytes::len));
        if left == 0 {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::stream;
    use http::StatusCode;

    use super::*;

    fn pieces(pieces: &[&'static str]) -> Inlet {
        let pieces: Vec<io::Result<&'static str>> = pieces.iter().map(|piece| Ok(*piece)).collect();
        Inlet::new(&HeaderMap::new(), Body::from_stream(stream::iter(pieces)))
    }

    #[tokio::test]
    async fn a_body_is_read_up_to_the_limit() {
        assert_eq!(pieces(&["ab", "cd", "e"]).all(5).await.unwrap(), "abcde");
        assert_eq!(pieces(&["abc"]).all(5).await.unwrap(), "abc");
        assert_eq!(pieces(&[]).all(5).await.unwrap(), "");
        assert_eq!(pieces(&["abc", "def"]).all(5).await.unwrap_err().status, StatusCode::PAYLOAD_TOO_LARGE);
    }

    #[tokio::test]
    async fn an_announced_length_is_refused_unread() {
        let headers = HeaderMap::from_iter([(header::CONTENT_LENGTH, http::HeaderValue::from_static("6"))]);
        let never = Body::from_stream(stream::pending::<io::Result<Bytes>>());
        let refused = Inlet::new(&headers, never).all(5).await.unwrap_err();
        assert_eq!(refused.reason.as_deref(), Some("BODY_TOO_LARGE"));
    }
}
