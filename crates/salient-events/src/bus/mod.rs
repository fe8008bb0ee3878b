//! The bus: from the relay of one service to the consumers of the others.
//!
//! Both kinds keep the same promises: a group that exists gets every event published after it
//! was made, at least once, in order per source and shard.

mod in_process;
mod redis;
mod redis_reader;

use std::sync::Arc;

use salient_core::Result;

pub use self::{in_process::InProcess, redis::RedisBus};
use crate::envelope::Envelope;

/// Where events travel. Cheap to clone.
#[derive(Clone, Debug)]
pub enum Bus {
    /// Within this process; nothing is stored, so a publication ends only when every group has
    /// committed it.
    InProcess(Arc<InProcess>),
    /// Over Redis Streams.
    Redis(Arc<RedisBus>),
}

impl Bus {
    /// A bus within this process.
    #[must_use]
    pub fn in_process() -> Self {
        Self::InProcess(Arc::default())
    }

    /// A bus over the Redis at `url` (`redis://[:password@]host:port[/db]`), with stream keys
    /// `{prefix}:{{source}:{shard}}`. Does not wait for Redis to be there: what needs it tries
    /// again until it is.
    ///
    /// # Errors
    /// FIELD_INVALID when `url` is not the address of a Redis.
    pub async fn redis(url: &str, prefix: &str) -> Result<Self> {
        RedisBus::try_new(url, prefix).map(|bus| Self::Redis(Arc::new(bus)))
    }

    /// Hands events over, in their order.
    ///
    /// In-process: returns when every group of their source has committed or dead-lettered
    /// them, so a slow consumer throttles the relay. Redis: returns when the streams have them.
    /// Dropping the call leaves it open whether they were published.
    ///
    /// # Errors
    /// DEPENDENCY_UNAVAILABLE when Redis does not take them; then publish the same events again
    /// before any later one.
    pub async fn publish(&self, events: &[Envelope]) -> Result<()> {
        match self {
            Self::InProcess(bus) => {
                bus.publish(events).await;
                Ok(())
            }
            Self::Redis(bus) => bus.publish(events).await,
        }
    }

    /// Makes sure that `group` exists on the stream of `source`: from now on nothing of it is
    /// lost to the group, whether its consumer runs or not.
    ///
    /// # Errors
    /// DEPENDENCY_UNAVAILABLE when Redis does not answer.
    pub async fn create_group(&self, group: &str, source: &str) -> Result<()> {
        match self {
            Self::InProcess(bus) => {
                bus.create_group(group, source);
                Ok(())
            }
            Self::Redis(bus) => bus.create_group(group, source).await,
        }
    }

    /// Forgets a group that nobody consumes any more; until then the streams keep what it has
    /// not read.
    ///
    /// # Errors
    /// DEPENDENCY_UNAVAILABLE when Redis does not answer.
    pub async fn remove_group(&self, group: &str, source: &str) -> Result<()> {
        match self {
            Self::InProcess(bus) => {
                bus.remove_group(group, source);
                Ok(())
            }
            Self::Redis(bus) => bus.remove_group(group, source).await,
        }
    }

    /// Drops what every group of `source` has acknowledged. Called by the relay now and then.
    ///
    /// # Errors
    /// DEPENDENCY_UNAVAILABLE when Redis does not answer.
    pub async fn trim(&self, source: &str) -> Result<()> {
        match self {
            Self::InProcess(_) => Ok(()),
            Self::Redis(bus) => bus.trim(source).await,
        }
    }

    /// Where the streams of `source` end now.
    ///
    /// # Errors
    /// DEPENDENCY_UNAVAILABLE when Redis does not answer.
    pub async fn end(&self, source: &str) -> Result<Mark> {
        match self {
            Self::InProcess(_) => Ok(Mark::default()),
            Self::Redis(bus) => bus.end(source).await.map(Mark),
        }
    }

    /// Trims the streams of `source`, and says whether everything up to `mark` is gone from them:
    /// acknowledged by every group, and dropped. In-process nothing stays, because a publication
    /// ends when every group has committed it.
    ///
    /// # Errors
    /// DEPENDENCY_UNAVAILABLE when Redis does not answer.
    pub async fn is_past(&self, source: &str, mark: &Mark) -> Result<bool> {
        match self {
            Self::InProcess(_) => Ok(true),
            Self::Redis(bus) => {
                bus.trim(source).await?;
                bus.is_past(source, &mark.0).await
            }
        }
    }

    /// Whether the bus would take events now.
    ///
    /// # Errors
    /// DEPENDENCY_UNAVAILABLE when Redis does not answer.
    pub async fn health(&self) -> Result<()> {
        match self {
            Self::InProcess(_) => Ok(()),
            Self::Redis(bus) => bus.health().await,
        }
    }

    /// Reads one shard of `source` for `group`. One reader per group and shard at a time keeps
    /// the order.
    pub(crate) fn reader(&self, group: &str, source: &str, shard: u16, limit: Limit) -> Reader {
        match self {
            Self::InProcess(bus) => Reader::InProcess(bus.reader(group, source, shard, limit)),
            Self::Redis(bus) => Reader::Redis(Box::new(bus.reader(group, source, shard, limit))),
        }
    }
}

/// A place in the streams of a source; see [`Bus::end`].
#[derive(Clone, Debug, Default)]
pub struct Mark(Vec<(u64, u64)>);

/// How much is taken at once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limit {
    /// Events.
    pub(crate) events: usize,
    /// Bytes; one event may be larger.
    pub(crate) bytes: usize,
}

impl Default for Limit {
    fn default() -> Self {
        Self { events: 64, bytes: 4 << 20 }
    }
}

/// Events taken from the bus and not yet acknowledged.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) events: Vec<Envelope>,
    receipt: Receipt,
}

#[derive(Debug)]
enum Receipt {
    InProcess(Vec<u64>),
    Redis(Vec<String>),
}

/// One shard, seen by one group.
pub(crate) enum Reader {
    InProcess(in_process::Reader),
    Redis(Box<redis_reader::Reader>),
}

impl Reader {
    /// Waits for the next events. What was taken before and not acknowledged comes first.
    /// Dropping the call loses nothing.
    pub(crate) async fn next(&mut self) -> Result<Batch> {
        match self {
            Self::InProcess(reader) => Ok(reader.next().await),
            Self::Redis(reader) => reader.next().await,
        }
    }

    /// Says that the effects of a batch are committed.
    pub(crate) async fn ack(&mut self, receipt: &Batch) -> Result<()> {
        match (self, &receipt.receipt) {
            (Self::InProcess(reader), Receipt::InProcess(numbers)) => {
                reader.ack(numbers);
                Ok(())
            }
            (Self::Redis(reader), Receipt::Redis(ids)) => reader.ack(ids).await,
            _ => Ok(()),
        }
    }
}
