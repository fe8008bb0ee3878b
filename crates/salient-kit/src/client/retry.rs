//! Trying again, politely.

use std::{error::Error as _, time::Duration};

use tokio::time::{Instant, sleep, timeout_at};
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::layers::deadline::expired;

/// The first pause.
const FIRST: Duration = Duration::from_millis(50);
/// The longest pause.
const LONGEST: Duration = Duration::from_secs(2);

/// Makes an *idempotent* call, again and again while the answer is UNAVAILABLE or the connection
/// breaks in the middle of it, until `total` is over. Pauses double and are shortened by a random part, so that many callers do not come back
/// together; a server's `RetryInfo` is the least of them.
///
/// # Errors
/// What the call answered last; DEADLINE_EXCEEDED if it did not answer in time.
pub async fn retry<T>(
    total: Duration,
    mut call: impl AsyncFnMut() -> Result<T, Status>,
) -> Result<T, Status> {
    let end = Instant::now() + total;
    let mut pause = FIRST;
    let mut last = None;
    loop {
        let status = match timeout_at(end, call()).await {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(status)) => status,
            Err(_) => return Err(last.unwrap_or_else(expired)),
        };
        if status.code() != Code::Unavailable && !broke(&status) {
            return Err(status);
        }
        let asked = status.get_details_retry_info().and_then(|info| info.retry_delay);
        let wait = pause.mul_f64(0.5 + rand::random::<f64>() / 2.0).max(asked.unwrap_or_default());
        if Instant::now() + wait >= end {
            return Err(status);
        }
        tracing::debug!(?wait, why = status.message(), "trying again");
        last = Some(status);
        sleep(wait).await;
        pause = (pause * 2).min(LONGEST);
    }
}

/// Whether the connection ended before the answer: tonic says so with what the transport said, in
/// place of a status from the other side, which has no cause.
fn broke(status: &Status) -> bool {
    matches!(status.code(), Code::Unknown | Code::Internal) && status.source().is_some()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn only_what_is_unavailable_is_tried_again() {
        let tries = AtomicU32::new(0);
        let answer = retry(Duration::from_secs(5), async || match tries.fetch_add(1, Ordering::SeqCst) {
            0..3 => Err(Status::unavailable("not yet")),
            n => Ok(n),
        })
        .await;
        assert_eq!(answer.unwrap(), 3);

        let refused = retry(Duration::from_secs(5), async || {
            tries.fetch_add(1, Ordering::SeqCst);
            Err::<(), _>(Status::not_found("no"))
        })
        .await;
        assert_eq!((refused.unwrap_err().code(), tries.into_inner()), (Code::NotFound, 5));
    }

    #[tokio::test(start_paused = true)]
    async fn the_total_is_kept() {
        let begin = Instant::now();
        let gone = retry(Duration::from_secs(3), async || Err::<(), _>(Status::unavailable("gone"))).await;
        assert_eq!(gone.unwrap_err().code(), Code::Unavailable);
        assert!(begin.elapsed() <= Duration::from_secs(3));

        let silent =
            retry(Duration::from_secs(3), async || std::future::pending::<Result<(), _>>().await).await;
        assert_eq!(silent.unwrap_err().code(), Code::DeadlineExceeded);
    }
}
