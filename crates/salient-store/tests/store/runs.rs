//! Long-running work, on both engines.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use crate::{both, support::Fresh};
use chrono::TimeDelta;
use salient_core::{Clock, Error, Reason, TenantId, micros};
use salient_store::{Db, Lease, Migrations, NewRun, Run, RunState, Worker, runs};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

both!(salient_store::Migrations::common();
    the_same_request_id_gets_the_same_run,
    a_claimed_run_is_taken_by_nobody_else,
    a_run_whose_lease_passed_is_claimed_again_and_the_first_cannot_end_it,
    a_worker_runs_to_the_end,
    a_refusal_fails_the_run,
    a_panic_fails_the_run,
    a_transient_error_is_tried_again,
    a_run_that_kills_its_workers_is_given_up,
    a_service_that_stops_as_it_starts_does_not_fail,
    a_long_handler_keeps_its_lease,
    shutdown_gives_the_run_back,
    a_handler_may_end_its_run_with_its_effects,
    leadership_passes_on,
);

const LONG: TimeDelta = TimeDelta::seconds(60);

fn acme() -> TenantId {
    TenantId::try_from("acme").unwrap()
}

async fn enqueue(db: &Db, kind: &str, request_id: &str, request: &[u8]) -> salient_core::Result<Run> {
    let clock = Clock::system();
    let mut tx = db.begin().await?;
    let new = NewRun {
        id: clock.uuid(),
        tenant: &acme(),
        kind,
        request_id,
        request: request.to_vec(),
        now: clock.now(),
    };
    let run = runs::enqueue_in_tx(&mut tx, new).await?;
    tx.commit().await?;
    Ok(run)
}

/// Waits until the run is as wanted; fails after a while, saying how it is.
async fn until(db: &Db, run: &Run, wanted: impl Fn(&Run) -> bool) -> Run {
    for _ in 0..1000 {
        let now = runs::get(db, &run.tenant, &run.kind, run.id).await.unwrap().unwrap();
        if wanted(&now) {
            return now;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("still {:?}", runs::get(db, &run.tenant, &run.kind, run.id).await);
}

fn ended(run: &Run) -> bool {
    matches!(run.state, RunState::Succeeded | RunState::Failed)
}

struct Started {
    shutdown: CancellationToken,
    task: tokio::task::JoinHandle<salient_core::Result<()>>,
}

fn start(worker: Worker) -> Started {
    let shutdown = CancellationToken::new();
    Started { task: tokio::spawn(worker.run(shutdown.clone())), shutdown }
}

impl Started {
    async fn stop(self) {
        self.shutdown.cancel();
        self.task.await.unwrap().unwrap();
    }
}

async fn the_same_request_id_gets_the_same_run(fresh: Fresh) {
    let first = enqueue(&fresh.db, "train", "r1", b"a").await.unwrap();
    assert_eq!((first.state, first.attempts, first.end_time), (RunState::Queued, 0, None));
    assert_eq!(first.create_time, micros(first.create_time));
    assert_eq!(enqueue(&fresh.db, "train", "r1", b"a").await.unwrap(), first);
    assert_ne!(enqueue(&fresh.db, "plan", "r1", b"a").await.unwrap().id, first.id);
    let error = enqueue(&fresh.db, "train", "r1", b"b").await.unwrap_err();
    assert_eq!(error.reason(), Reason::RequestIdReused);
    assert_eq!(runs::get(&fresh.db, &acme(), "train", first.id).await.unwrap(), Some(first.clone()));
    assert_eq!(runs::get(&fresh.db, &acme(), "plan", first.id).await.unwrap(), None);
    let other = TenantId::try_from("other").unwrap();
    assert_eq!(runs::get(&fresh.db, &other, "train", first.id).await.unwrap(), None);
}

async fn a_claimed_run_is_taken_by_nobody_else(fresh: Fresh) {
    for i in 0..20 {
        enqueue(&fresh.db, "plan", &format!("r{i}"), b"").await.unwrap();
    }
    enqueue(&fresh.db, "train", "r", b"").await.unwrap();
    let claimers = (0..4).map(|_| {
        let db = fresh.db.clone();
        tokio::spawn(async move {
            let mut ids = Vec::new();
            // Under skip locked a claimer may find nothing while others hold everything.
            for _ in 0..10 {
                while let Some(run) = runs::claim(&db, &["plan"], LONG).await.unwrap() {
                    assert_eq!((run.state, run.attempts), (RunState::Running, 1));
                    ids.push(run.id);
                }
            }
            ids
        })
    });
    let mut ids: Vec<Uuid> = Vec::new();
    for claimer in claimers.collect::<Vec<_>>() {
        ids.extend(claimer.await.unwrap());
    }
    assert_eq!(ids.len(), 20);
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 20);
    assert_eq!(runs::claim(&fresh.db, &["plan"], LONG).await.unwrap(), None);
    assert_eq!(runs::claim(&fresh.db, &[], LONG).await.unwrap(), None);
}

async fn a_run_whose_lease_passed_is_claimed_again_and_the_first_cannot_end_it(fresh: Fresh) {
    let db = &fresh.db;
    enqueue(db, "plan", "r1", b"").await.unwrap();
    let first = runs::claim(db, &["plan"], TimeDelta::zero()).await.unwrap().unwrap();
    let second = runs::claim(db, &["plan"], LONG).await.unwrap().unwrap();
    assert_eq!((first.id, first.attempts), (second.id, 1));
    assert_eq!(second.attempts, 2);

    let now = Clock::system().now();
    assert!(!runs::progress(db, &first, 0.5, "late", LONG).await.unwrap());
    let mut tx = db.begin().await.unwrap();
    assert!(!runs::finish_in_tx(&mut tx, &first, b"late", now).await.unwrap());
    assert!(!runs::fail_in_tx(&mut tx, &first, Reason::Internal, "late", now).await.unwrap());
    tx.commit().await.unwrap();

    assert!(runs::progress(db, &second, 7.0, "on time", LONG).await.unwrap());
    let seen = runs::get(db, &acme(), "plan", first.id).await.unwrap().unwrap();
    assert_eq!((seen.progress, seen.step.as_str()), (1.0, "on time"));
    let mut tx = db.begin().await.unwrap();
    assert!(runs::finish_in_tx(&mut tx, &second, b"on time", now).await.unwrap());
    tx.commit().await.unwrap();
    let seen = runs::get(db, &acme(), "plan", first.id).await.unwrap().unwrap();
    assert_eq!(
        (seen.state, seen.result, seen.end_time),
        (RunState::Succeeded, Some(b"on time".to_vec()), Some(now))
    );
}

async fn a_worker_runs_to_the_end(fresh: Fresh) {
    let clock = Clock::manual("2011-06-01T00:00:00Z".parse().unwrap());
    let started = start(Worker::new(fresh.db.clone(), clock.clone()).handle("echo", async |context| {
        context.progress(0.5, "halfway");
        tokio::time::sleep(Duration::from_millis(700)).await;
        Ok(context.run.request.clone())
    }));
    let run = enqueue(&fresh.db, "echo", "r1", b"hello").await.unwrap();
    let halfway = until(&fresh.db, &run, |run| run.progress > 0.0).await;
    assert_eq!((halfway.state, halfway.progress, halfway.step.as_str()), (RunState::Running, 0.5, "halfway"));
    let done = until(&fresh.db, &run, ended).await;
    assert_eq!((done.state, done.progress, done.step.as_str()), (RunState::Succeeded, 1.0, ""));
    assert_eq!(done.result.as_deref(), Some(&b"hello"[..]));
    // The times of a run are those of the service's clock, even if leases are not.
    assert_eq!(done.end_time, Some(clock.now()));
    started.stop().await;
}

async fn a_refusal_fails_the_run(fresh: Fresh) {
    let started =
        start(Worker::new(fresh.db.clone(), Clock::system()).handle("train", async |_| {
            Err(Error::new(Reason::NotEnoughData, "90 days of orders are needed"))
        }));
    let run = enqueue(&fresh.db, "train", "r1", b"").await.unwrap();
    let done = until(&fresh.db, &run, ended).await;
    assert_eq!((done.state, done.reason.as_str()), (RunState::Failed, "NOT_ENOUGH_DATA"));
    assert_eq!((done.error.as_str(), done.attempts), ("90 days of orders are needed", 1));
    assert!(done.end_time.is_some() && done.result.is_none());
    started.stop().await;
}

async fn a_panic_fails_the_run(fresh: Fresh) {
    let started = start(
        Worker::new(fresh.db.clone(), Clock::system())
            .handle("train", async |_| panic!("expected by the test"))
            .handle("echo", async |_| Ok(vec![])),
    );
    let run = enqueue(&fresh.db, "train", "r1", b"").await.unwrap();
    let done = until(&fresh.db, &run, ended).await;
    assert_eq!(
        (done.state, done.reason.as_str(), done.error.as_str()),
        (RunState::Failed, "INTERNAL", "internal error")
    );
    let next = enqueue(&fresh.db, "echo", "r1", b"").await.unwrap();
    assert_eq!(until(&fresh.db, &next, ended).await.state, RunState::Succeeded);
    started.stop().await;
}

async fn a_transient_error_is_tried_again(fresh: Fresh) {
    let started = start(Worker::new(fresh.db.clone(), Clock::system()).handle("train", async |context| {
        match context.run.attempts {
            1 => Err(Error::unavailable("the store is away")),
            _ => Ok(vec![7]),
        }
    }));
    let run = enqueue(&fresh.db, "train", "r1", b"").await.unwrap();
    let done = until(&fresh.db, &run, ended).await;
    assert_eq!((done.state, done.attempts, done.result), (RunState::Succeeded, 2, Some(vec![7])));
    started.stop().await;
}

async fn a_run_that_kills_its_workers_is_given_up(fresh: Fresh) {
    let run = enqueue(&fresh.db, "train", "r1", b"").await.unwrap();
    for attempt in 1..=runs::MAX_ATTEMPTS {
        let claimed = runs::claim(&fresh.db, &["train"], TimeDelta::zero()).await.unwrap().unwrap();
        assert_eq!(claimed.attempts, attempt);
    }
    let started = start(Worker::new(fresh.db.clone(), Clock::system()).handle("train", async |_| Ok(vec![])));
    let done = until(&fresh.db, &run, ended).await;
    assert_eq!((done.state, done.reason.as_str()), (RunState::Failed, "INTERNAL"));
    assert!(done.error.contains("5 attempts"), "{}", done.error);
    started.stop().await;
}

async fn a_service_that_stops_as_it_starts_does_not_fail(fresh: Fresh) {
    let shutdown = CancellationToken::new();
    let worker = || Worker::new(fresh.db.clone(), Clock::system()).handle("echo", async |_| Ok(vec![]));
    fresh.db.close().await;
    // the store is away: the worker goes on asking, until it may end
    let asking = tokio::spawn(worker().run(shutdown.clone()));
    shutdown.cancel();
    asking.await.unwrap().unwrap();
    worker().run(shutdown).await.unwrap();
}

async fn a_long_handler_keeps_its_lease(fresh: Fresh) {
    let begun = Arc::new(AtomicUsize::new(0));
    let worker = || {
        let begun = begun.clone();
        Worker::new(fresh.db.clone(), Clock::system()).lease(TimeDelta::milliseconds(600)).handle(
            "train",
            move |_| {
                let begun = begun.clone();
                async move {
                    begun.fetch_add(1, Ordering::SeqCst);
                    tokio::time::sleep(Duration::from_secs(2)).await;
                    Ok(vec![])
                }
            },
        )
    };
    let (first, second) = (start(worker()), start(worker()));
    let run = enqueue(&fresh.db, "train", "r1", b"").await.unwrap();
    let done = until(&fresh.db, &run, ended).await;
    assert_eq!((done.state, done.attempts), (RunState::Succeeded, 1));
    assert_eq!(begun.load(Ordering::SeqCst), 1);
    first.stop().await;
    second.stop().await;
}

async fn shutdown_gives_the_run_back(fresh: Fresh) {
    let stubborn = Worker::new(fresh.db.clone(), Clock::system())
        .grace(Duration::from_millis(100))
        .handle("stubborn", async |_| {
            tokio::time::sleep(Duration::from_secs(600)).await;
            Ok(vec![])
        })
        .handle("polite", async |context| {
            context.shutdown.cancelled().await;
            Err(Error::unavailable("shutting down"))
        });
    let started = start(stubborn);
    let first = enqueue(&fresh.db, "stubborn", "r1", b"").await.unwrap();
    let second = enqueue(&fresh.db, "polite", "r1", b"").await.unwrap();
    for run in [&first, &second] {
        until(&fresh.db, run, |run| run.state == RunState::Running).await;
    }
    started.stop().await;
    for run in [&first, &second] {
        let back = runs::get(&fresh.db, &run.tenant, &run.kind, run.id).await.unwrap().unwrap();
        assert_eq!((back.state, back.attempts), (RunState::Queued, 0));
    }
    let next = start(Worker::new(fresh.db.clone(), Clock::system()).handle("stubborn", async |_| Ok(vec![])));
    assert_eq!(until(&fresh.db, &first, ended).await.attempts, 1);
    next.stop().await;
}

async fn a_handler_may_end_its_run_with_its_effects(fresh: Fresh) {
    let started = start(Worker::new(fresh.db.clone(), Clock::system()).handle("plan", async |context| {
        let mut tx = context.db.begin().await?;
        assert!(runs::finish_in_tx(&mut tx, &context.run, b"mine", context.clock.now()).await?);
        tx.commit().await?;
        Ok(b"not mine".to_vec())
    }));
    let run = enqueue(&fresh.db, "plan", "r1", b"").await.unwrap();
    until(&fresh.db, &run, ended).await;
    started.stop().await;
    let done = until(&fresh.db, &run, ended).await;
    assert_eq!(done.result.as_deref(), Some(&b"mine"[..]));
}

async fn leadership_passes_on(fresh: Fresh) {
    let shutdown = CancellationToken::new();
    let mut first = Lease::acquire(&fresh.db, "relay", &shutdown).await.unwrap().unwrap();
    first.check().await.unwrap();
    let other = Lease::acquire(&fresh.db, "another job", &shutdown).await.unwrap().unwrap();
    other.release().await.unwrap();
    let second = {
        let (db, shutdown) = (fresh.db.clone(), shutdown.clone());
        tokio::spawn(async move { Lease::acquire(&db, "relay", &shutdown).await })
    };
    if fresh.db.engine() == salient_store::Engine::Postgres {
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert!(!second.is_finished());
        drop(first);
    }
    assert!(second.await.unwrap().unwrap().is_some());
    shutdown.cancel();
    if fresh.db.engine() == salient_store::Engine::Postgres {
        let _held = Lease::acquire(&fresh.db, "third", &CancellationToken::new()).await.unwrap().unwrap();
        assert!(Lease::acquire(&fresh.db, "third", &shutdown).await.unwrap().is_none());
    }
}

#[tokio::test]
async fn a_process_that_comes_back_to_its_file_resumes_at_once() {
    let Fresh { db, config, folder: _folder } = Fresh::sqlite(&Migrations::common()).await;
    let run = enqueue(&db, "train", "r1", b"").await.unwrap();
    let dead = runs::claim(&db, &["train"], LONG).await.unwrap().unwrap();
    assert_eq!(dead.id, run.id);
    db.close().await;
    // The lease has most of a minute to go, but nobody else can hold it.
    let db = Db::open(&config, &Migrations::common()).await.unwrap();
    let started = start(Worker::new(db.clone(), Clock::system()).handle("train", async |_| Ok(vec![1])));
    let done = tokio::time::timeout(Duration::from_secs(10), until(&db, &run, ended)).await.unwrap();
    assert_eq!((done.state, done.attempts), (RunState::Succeeded, 2));
    started.stop().await;
}
