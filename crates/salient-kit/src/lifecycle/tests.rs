use std::{
    future::pending,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use super::*;

const SOFT: Duration = Duration::from_secs(10);
const HARD: Duration = Duration::from_secs(5);

fn life() -> Lifecycle {
    Lifecycle::new(SOFT, HARD)
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_waits_for_tasks_that_finish() {
    let (life, begin) = (life(), tokio::time::Instant::now());
    let soft = life.soft.clone();
    life.spawn("drains", async move {
        soft.cancelled().await;
        tokio::time::sleep(Duration::from_secs(2)).await;
        Ok::<_, Error>(())
    });
    let ending = life.finish(pending()).await;
    assert_eq!(ending, Ending { failures: vec![], left_running: 0 });
    assert_eq!(begin.elapsed(), Duration::from_secs(2));
}

#[tokio::test(start_paused = true)]
async fn what_does_not_finish_is_cancelled() {
    let (life, begin) = (life(), tokio::time::Instant::now());
    life.spawn("deaf", pending::<Result<(), Error>>());
    let hard = life.hard.clone();
    let last_words = Arc::new(AtomicU32::new(0));
    let said = last_words.clone();
    life.spawn("listens", async move {
        hard.cancelled().await;
        said.store(1, Ordering::SeqCst);
        Ok::<_, Error>(())
    });
    let ending = life.finish(pending()).await;
    assert_eq!(ending.left_running, 0);
    assert_eq!(ending.exit_code(), ExitCode::SUCCESS);
    assert_eq!(last_words.load(Ordering::SeqCst), 1);
    assert!(begin.elapsed() >= SOFT && begin.elapsed() < SOFT + HARD);
}

#[tokio::test(start_paused = true)]
async fn a_second_signal_skips_the_soft_stage() {
    let (life, begin) = (life(), tokio::time::Instant::now());
    life.spawn("deaf", pending::<Result<(), Error>>());
    life.finish(async {}).await;
    assert!(begin.elapsed() < SOFT);
}

#[tokio::test(start_paused = true)]
async fn a_blocked_task_does_not_hold_the_process_for_ever() {
    let life = life();
    // not started by `spawn`, so nothing drops it
    life.tracker.spawn(pending::<()>());
    let ending = life.finish(pending()).await;
    assert_eq!(ending.left_running, 1);
    assert_eq!(ending.exit_code(), ExitCode::FAILURE);
}

#[tokio::test(start_paused = true)]
async fn an_error_or_a_panic_ends_the_process() {
    let life = life();
    life.spawn("relay", async { Err(anyhow::anyhow!("no route").context("cannot publish")) });
    life.soft.cancelled().await;
    let ending = life.finish(pending()).await;
    assert_eq!(ending.failures, ["relay: cannot publish: no route"]);
    assert_eq!(ending.exit_code(), ExitCode::FAILURE);

    let life = self::life();
    life.spawn("worker", async {
        if true {
            panic!("index out of {}", "range");
        }
        Ok::<_, Error>(())
    });
    // `run_until_signal` ends by itself then
    assert_eq!(life.run_until_signal().await, ExitCode::FAILURE);
}

#[tokio::test(start_paused = true)]
async fn ready_means_every_gate_open_and_no_shutdown() {
    let life = life();
    assert!(!life.is_ready());
    let (profile, scoring) = (life.gate("profile"), life.gate("scoring"));
    profile.mark_ready();
    assert!(!life.is_ready());
    scoring.mark_ready();
    assert!(life.is_ready());
    profile.mark_unready("store does not answer");
    assert!(!life.is_ready());
    assert_eq!(life.gates(), [("profile".to_owned(), false), ("scoring".to_owned(), true)]);
    profile.mark_ready();
    life.shut_down();
    assert!(!life.is_ready());
}

#[tokio::test(start_paused = true)]
async fn readiness_is_lost_slowly_and_won_at_once() {
    let (life, healthy) = (life(), Arc::new(AtomicU32::new(1)));
    let gate = life.gate("profile");
    let seen = healthy.clone();
    gate.follow(&life, Duration::from_secs(1), move || {
        let healthy = seen.load(Ordering::SeqCst) == 1;
        async move { if healthy { Ok(()) } else { Err("down") } }
    });
    let rest = async |seconds: f64| tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
    rest(0.5).await;
    assert!(gate.is_ready());
    healthy.store(0, Ordering::SeqCst);
    rest(2.0).await;
    assert!(gate.is_ready(), "two bad probes are a hiccup");
    rest(1.0).await;
    assert!(!gate.is_ready());
    healthy.store(1, Ordering::SeqCst);
    rest(1.0).await;
    assert!(gate.is_ready());
    assert_eq!(life.finish(pending()).await.left_running, 0);
}

type Error = std::convert::Infallible;
