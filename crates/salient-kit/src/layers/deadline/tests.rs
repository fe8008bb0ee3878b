use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use tonic::Code;

use super::*;
use crate::layers::testing::{call, drain, request, service, status_of, streaming};

fn life() -> Lifecycle {
    Lifecycle::new(Duration::from_secs(10), Duration::from_secs(5))
}

fn with_timeout(mut request: Request, timeout: &str) -> Request {
    let timeout = http::HeaderValue::from_bytes(timeout.as_bytes()).unwrap();
    request.headers_mut().insert("grpc-timeout", timeout);
    request
}

#[test]
fn timeouts_are_read_and_written_as_grpc_says() {
    let read = |text: &str| timeout_of(with_timeout(request("/a/B"), text).headers());
    assert_eq!(read("2H"), Some(Duration::from_secs(7200)));
    assert_eq!(read("3M"), Some(Duration::from_secs(180)));
    assert_eq!(read("4S"), Some(Duration::from_secs(4)));
    assert_eq!(read("5m"), Some(Duration::from_millis(5)));
    assert_eq!(read("6u"), Some(Duration::from_micros(6)));
    assert_eq!(read("7n"), Some(Duration::from_nanos(7)));
    for bad in ["", "S", "5", "5x", "-5S", "123456789S", "+1S", "ä"] {
        assert_eq!(timeout_of(with_timeout(request("/a/B"), bad).headers()), None, "{bad}");
    }
    for (timeout, text) in [
        (Duration::from_micros(1500), "1500u"),
        (Duration::from_secs(100), "100000m"),
        (Duration::from_secs(200_000), "200000S"),
        (Duration::MAX, "99999999S"),
    ] {
        assert_eq!(timeout_text(timeout), text);
    }
}

#[tokio::test(start_paused = true)]
async fn a_handler_is_dropped_when_its_time_is_over() {
    let dropped = Arc::new(AtomicBool::new(false));
    struct Mark(Arc<AtomicBool>);
    impl Drop for Mark {
        fn drop(&mut self) {
            self.0.store(true, Ordering::SeqCst);
        }
    }
    let mark = dropped.clone();
    let slow = service(move || {
        let mark = Mark(mark.clone());
        async move {
            let _mark = mark;
            std::future::pending().await
        }
    });
    let begin = tokio::time::Instant::now();
    let layer = DeadlineLayer::new(Duration::from_secs(30), &life());
    let answer = call(layer.layer(slow.clone()), with_timeout(request("/a/B"), "2S")).await;
    let status = status_of(answer).await;
    assert_eq!(status.code(), Code::DeadlineExceeded);
    assert_eq!(crate::status::reason(&status), Some(Reason::DeadlinePassed));
    assert!(dropped.load(Ordering::SeqCst));
    let took = begin.elapsed();
    assert!(took < Duration::from_secs(2) && took > Duration::from_millis(1990), "{took:?}");

    // without a deadline of its own the call gets the default
    let answer = call(layer.layer(slow), request("/a/B")).await;
    assert_eq!(status_of(answer).await.code(), Code::DeadlineExceeded);
    assert!(begin.elapsed() > Duration::from_secs(31));
}

#[tokio::test(start_paused = true)]
async fn a_stream_ends_with_its_deadline() {
    let endless = service(async || streaming(3, None));
    let layer = DeadlineLayer::new(Duration::from_secs(1), &life());
    let ended = drain(call(layer.layer(endless), request("/a/B")).await).await;
    assert_eq!(ended, (3, Some(Code::DeadlineExceeded)));
}

#[tokio::test(start_paused = true)]
async fn the_hard_stage_ends_calls_and_the_soft_stage_only_health() {
    let life = life();
    let endless = service(async || streaming(1, None));
    let layer = DeadlineLayer::new(Duration::from_secs(3600), &life);
    let watch = call(layer.layer(endless.clone()), request("/grpc.health.v1.Health/Watch")).await;
    let work = call(layer.layer(endless), request("/a/B")).await;

    life.shut_down();
    assert_eq!(drain(watch).await, (1, Some(Code::Unavailable)));
    let mut work = tokio::spawn(drain(work));
    assert!(tokio::time::timeout(Duration::from_secs(60), &mut work).await.is_err());
    life.hard.cancel();
    assert_eq!(work.await.unwrap(), (1, Some(Code::Unavailable)));
}

#[tokio::test(start_paused = true)]
async fn a_watched_health_stream_has_no_default_deadline() {
    let endless = service(async || streaming(1, None));
    let layer = DeadlineLayer::new(Duration::from_secs(1), &life());
    let watch = call(layer.layer(endless), request("/grpc.health.v1.Health/Watch")).await;
    assert!(tokio::time::timeout(Duration::from_secs(3600), drain(watch)).await.is_err());
}
