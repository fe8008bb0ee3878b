//! Applies the events of one shard, in order.

use std::{any::Any, panic::AssertUnwindSafe, sync::Arc};

use futures::FutureExt;
use salient_core::{Error, Result};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use super::{Inner, handler::HandlerCtx};
use crate::{
    bus::{Batch, Reader},
    envelope::Envelope,
    inbox,
    probe::Step,
    retry::Stopped,
};

/// Why a batch was not applied.
enum Failure {
    /// A newer run of this group took over; this one must not go on.
    Replaced,
    /// Nothing that these events are to blame for; the same will work later.
    Passing(Error),
    /// The handler refused an event.
    Refused(Error),
    /// An event that cannot be read will not become readable.
    Unreadable(Error),
}

pub(super) struct Worker {
    pub(super) inner: Arc<Inner>,
    pub(super) source: String,
    pub(super) shard: u16,
    /// Which run of the group this is.
    pub(super) epoch: i64,
    pub(super) shutdown: CancellationToken,
}

impl Worker {
    /// Runs until it is told to stop or is replaced.
    pub(super) async fn run(self) {
        let mut reader = self.inner.bus.reader(&self.inner.group, &self.source, self.shard, self.inner.limit);
        while self.step(&mut reader).await.is_ok() {}
    }

    async fn step(&self, reader: &mut Reader) -> Result<(), Stopped> {
        let batch = self.next(reader).await?;
        self.inner.probe.at(Step::Taken).await;
        for chunk in self.chunks(&batch.events) {
            if self.shutdown.is_cancelled() {
                return Err(Stopped);
            }
            self.apply(chunk).await?;
        }
        self.inner.probe.at(Step::Committed).await;
        if let Err(error) = reader.ack(&batch).await {
            // The events come again and the inbox knows them.
            tracing::warn!(error = %error.chain(), "acknowledgement failed");
        }
        self.inner.probe.at(Step::Acked).await;
        Ok(())
    }

    async fn next(&self, reader: &mut Reader) -> Result<Batch, Stopped> {
        let mut pauses = self.inner.retry.pauses();
        loop {
            let next = tokio::select! {
                biased;
                () = self.shutdown.cancelled() => return Err(Stopped),
                next = reader.next() => next,
            };
            match next {
                Ok(batch) => return Ok(batch),
                Err(error) => {
                    tracing::warn!(
                        source = %self.source, shard = self.shard, error = %error.chain(),
                        "reading from the bus failed"
                    );
                    pauses.pause(&self.shutdown).await?;
                }
            }
        }
    }

    /// Cuts what a publisher sent at once into transactions of bounded size.
    fn chunks<'a>(&self, mut events: &'a [Envelope]) -> impl Iterator<Item = &'a [Envelope]> {
        let limit = self.inner.limit;
        std::iter::from_fn(move || {
            let mut bytes = 0;
            let fitting = events.iter().take(limit.events).take_while(|event| {
                let before = bytes;
                bytes += event.weight();
                before < limit.bytes
            });
            let (chunk, rest) = events.split_at(fitting.count());
            events = rest;
            (!chunk.is_empty()).then_some(chunk)
        })
    }

    /// Applies events in one transaction, or, when that fails, one by one.
    async fn apply(&self, events: &[Envelope]) -> Result<(), Stopped> {
        if events.len() > 1 {
            match self.attempt(events).await {
                Ok(()) => return Ok(()),
                Err(Failure::Replaced) => return Err(Stopped),
                Err(Failure::Passing(error) | Failure::Refused(error) | Failure::Unreadable(error)) => {
                    tracing::info!(
                        events = events.len(), error = %error.chain(),
                        "batch failed, applying its events one by one"
                    );
                }
            }
        }
        for event in events {
            self.apply_one(event).await?;
        }
        Ok(())
    }

    /// Ends when the event is applied or put aside.
    async fn apply_one(&self, event: &Envelope) -> Result<(), Stopped> {
        let retry = self.inner.retry;
        let (mut attempts, mut pauses) = (0, retry.pauses());
        loop {
            let error = match self.attempt(std::slice::from_ref(event)).await {
                Ok(()) => return Ok(()),
                Err(Failure::Replaced) => return Err(Stopped),
                Err(Failure::Unreadable(error)) => {
                    return self.put_aside(event, attempts + 1, &error).await;
                }
                Err(Failure::Refused(error)) => {
                    attempts += 1;
                    if attempts >= retry.attempts {
                        return self.put_aside(event, attempts, &error).await;
                    }
                    error
                }
                Err(Failure::Passing(error)) => error,
            };
            tracing::warn!(
                event = %event.id, r#type = %event.type_, tenant = %event.tenant, attempts,
                error = %error.chain(), "event failed, trying again"
            );
            pauses.pause(&self.shutdown).await?;
        }
    }

    async fn attempt(&self, events: &[Envelope]) -> Result<(), Failure> {
        let inner = &*self.inner;
        // Bounds how many decoded batches wait for the database at once.
        let _slot = inner.slots.acquire().await;
        let mut jobs = Vec::with_capacity(events.len());
        for event in events {
            match inner.handlers.job(event) {
                Some(Ok(job)) => jobs.push((event, job)),
                Some(Err(error)) => return Err(Failure::Unreadable(Error::internal(error))),
                // A type that this service has no use for.
                None => {}
            }
        }
        let Some((first, _)) = jobs.first() else {
            return Ok(());
        };
        let mut tx = inner.db.begin().await.map_err(passing)?;
        let known: Vec<&Envelope> = jobs.iter().map(|(event, _)| *event).collect();
        let ours = inbox::is_current_in_tx(&mut tx, &inner.group, self.epoch).await;
        if !ours.map_err(Failure::Passing)? {
            return Err(Failure::Replaced);
        }
        let mut fresh = inbox::insert_in_tx(&mut tx, &inner.group, &known).await.map_err(Failure::Passing)?;
        inner.probe.at(Step::Inboxed).await;
        let mut ctx = HandlerCtx { tx, envelope: (*first).clone(), clock: inner.clock.clone() };
        // One batch may hold an event twice: its first place counts.
        jobs.retain(|(event, _)| fresh.remove(&event.id));
        let applied: Vec<&Envelope> = jobs.iter().map(|(event, _)| *event).collect();
        for (event, job) in jobs {
            ctx.envelope = event.clone();
            run(job.run(&mut ctx), event).await.map_err(verdict)?;
            inner.probe.at(Step::Handled).await;
        }
        let mut tx = ctx.tx;
        // Fails too if a handler passed over the error of a statement: on Postgres nothing of
        // such a transaction would be committed, and the commit would not say so.
        inbox::count_applied_in_tx(&mut tx, &applied).await.map_err(verdict)?;
        tx.commit().await.map_err(|error| verdict(error.into()))
    }

    /// Keeps an event that cannot be applied, and lets the ones behind it go on.
    async fn put_aside(&self, event: &Envelope, attempts: u32, error: &Error) -> Result<(), Stopped> {
        tracing::error!(
            event = %event.id, r#type = %event.type_, source = %event.source,
            tenant = %event.tenant, attempts, error = %error.chain(), "event became a dead letter"
        );
        let mut pauses = self.inner.retry.pauses();
        loop {
            match self.try_put_aside(event, attempts, error).await {
                Ok(()) => return Ok(()),
                Err(Failure::Replaced) => return Err(Stopped),
                Err(Failure::Passing(error) | Failure::Refused(error) | Failure::Unreadable(error)) => {
                    tracing::warn!(error = %error.chain(), "dead letter not written, trying again");
                    pauses.pause(&self.shutdown).await?;
                }
            }
        }
    }

    async fn try_put_aside(&self, event: &Envelope, attempts: u32, error: &Error) -> Result<(), Failure> {
        let group = &self.inner.group;
        let mut tx = self.inner.db.begin().await.map_err(passing)?;
        let ours = inbox::is_current_in_tx(&mut tx, group, self.epoch).await;
        if !ours.map_err(Failure::Passing)? {
            return Err(Failure::Replaced);
        }
        let fresh = inbox::insert_in_tx(&mut tx, group, &[event]).await;
        if fresh.map_err(Failure::Passing)?.contains(&event.id) {
            inbox::put_aside_in_tx(&mut tx, group, event, attempts, error, &self.inner.clock)
                .await
                .map_err(Failure::Passing)?;
        }
        tx.commit().await.map_err(passing)
    }
}

fn passing(error: salient_store::Error) -> Failure {
    Failure::Passing(error.into())
}

fn verdict(error: Error) -> Failure {
    if error.is_transient() { Failure::Passing(error) } else { Failure::Refused(error) }
}

/// Runs a handler in a span that points to the trace of the publisher. The publisher's request
/// is over, so it is a link and not a parent. A panic is an error like any other.
pub(crate) async fn run(job: impl Future<Output = Result<()>>, event: &Envelope) -> Result<()> {
    let span = tracing::info_span!(
        "handle event", event = %event.id, r#type = %event.type_, tenant = %event.tenant
    );
    if let Some(traceparent) = &event.traceparent {
        salient_kit::telemetry::propagation::link(&span, traceparent);
    }
    let outcome = AssertUnwindSafe(job).catch_unwind().instrument(span).await;
    outcome.unwrap_or_else(|panic| Err(Error::internal(panic_message(&*panic))))
}

fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text =
        panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("handler panicked: {}", text.unwrap_or("no message"))
}
