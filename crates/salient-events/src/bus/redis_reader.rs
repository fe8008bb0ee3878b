//! The bus over Redis Streams: reading.
//!
//! All runs of a group read under one consumer name, so what a dead one left unacknowledged is
//! the next one's own pending list: it is read from the front, in order, and there is nothing
//! to claim. Reading goes on from the pending list to new entries only while the list is empty;
//! if another reader (one that was replaced and does not know it yet, or a connection that died
//! while it waited) took entries in the meantime, they show up in the list before ours and are
//! taken first.

use std::time::Duration;

use redis::{
    AsyncCommands, AsyncConnectionConfig, Client, Cmd, RedisError, Value, aio::MultiplexedConnection,
    streams::StreamPendingReply,
};
use salient_core::Result;

use super::{
    Batch, Limit, Receipt,
    redis::{create_group, event, position, unavailable},
};
use crate::envelope::Envelope;

/// How long the server holds a read that finds nothing.
const BLOCK: Duration = Duration::from_secs(5);
/// Longer than [`BLOCK`]; the client's own default is half a second.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(35);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Redis counts entries, not bytes: the first read is small, the next ones as the sizes allow.
const FIRST_READ: usize = 8;

pub(crate) struct Reader {
    client: Client,
    key: String,
    group: String,
    limit: Limit,
    /// Its own, because a read that waits holds up everything else on a connection.
    connection: Option<MultiplexedConnection>,
    /// How many entries to ask for.
    count: usize,
    /// Whether the pending list may hold something.
    pending: bool,
}

/// What the server answers to a read: entry ids with the events that they hold.
type Entries = Vec<(String, Value)>;

impl Reader {
    pub(super) fn new(client: Client, key: String, group: &str, limit: Limit) -> Self {
        Self {
            client,
            key,
            group: group.to_owned(),
            limit,
            connection: None,
            count: FIRST_READ.min(limit.events),
            pending: true,
        }
    }

    /// Dropping the call, like an error, may leave entries taken and unseen: then `pending` is
    /// set, and the next call finds them.
    pub(super) async fn next(&mut self) -> Result<Batch> {
        loop {
            let outcome = self.try_next().await;
            match outcome {
                Ok(Some(batch)) => return Ok(batch),
                Ok(None) => {}
                Err(error) => {
                    self.pending = true;
                    self.connection = None;
                    if error.code() != Some("NOGROUP") {
                        return Err(unavailable(error));
                    }
                    // The stream was deleted, or this Redis is a new one.
                    let mut connection = self.connection().await.map_err(unavailable)?;
                    create_group(&mut connection, &self.key, &self.group).await?;
                }
            }
        }
    }

    async fn try_next(&mut self) -> Result<Option<Batch>, RedisError> {
        if self.pending {
            let entries = self.read("0").await?;
            if !entries.is_empty() {
                return self.batch(entries).await;
            }
        }
        self.pending = true;
        let entries = self.read(">").await?;
        let first_pending = self.first_pending().await?;
        let first_read = entries.first().map(|(id, _)| position(id));
        let ours_first = match (first_read, first_pending) {
            (Some(read), Some(pending)) => read <= pending,
            // Nothing is pending, and if something was read, somebody acknowledged it already.
            (_, None) => {
                self.pending = false;
                return Ok(None);
            }
            (None, Some(_)) => false,
        };
        if !ours_first {
            return Ok(None);
        }
        let batch = self.batch(entries).await?;
        self.pending = false;
        Ok(batch)
    }

    pub(super) async fn ack(&mut self, ids: &[String]) -> Result<()> {
        let outcome = self.try_ack(ids).await;
        if outcome.is_err() {
            self.pending = true;
            self.connection = None;
        }
        outcome.map_err(unavailable)
    }

    async fn try_ack(&mut self, ids: &[String]) -> Result<(), RedisError> {
        let mut connection = self.connection().await?;
        connection.xack(&self.key, &self.group, ids).await
    }

    async fn connection(&mut self) -> Result<MultiplexedConnection, RedisError> {
        if let Some(connection) = &self.connection {
            return Ok(connection.clone());
        }
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT_TIMEOUT))
            .set_response_timeout(Some(RESPONSE_TIMEOUT));
        let connection = self.client.get_multiplexed_async_connection_with_config(&config).await?;
        Ok(self.connection.insert(connection).clone())
    }

    /// Reads the pending list from its front (`0`), or waits a while for new entries (`>`).
    async fn read(&mut self, from: &str) -> Result<Entries, RedisError> {
        let mut command = Cmd::new();
        command.arg("XREADGROUP").arg("GROUP").arg(&self.group).arg(&self.group).arg("COUNT").arg(self.count);
        if from == ">" {
            command.arg("BLOCK").arg(BLOCK.as_millis() as u64);
        }
        command.arg("STREAMS").arg(&self.key).arg(from);
        let mut connection = self.connection().await?;
        let reply: Value = command.query_async(&mut connection).await?;
        Ok(entries(reply))
    }

    async fn first_pending(&mut self) -> Result<Option<(u64, u64)>, RedisError> {
        let mut connection = self.connection().await?;
        let reply: StreamPendingReply = connection.xpending(&self.key, &self.group).await?;
        Ok(match reply {
            StreamPendingReply::Data(data) => Some(position(&data.start_id)),
            _ => None,
        })
    }

    /// The entries as events. One that is none of ours can never be applied: it is said loudly
    /// and put aside.
    async fn batch(&mut self, entries: Entries) -> Result<Option<Batch>, RedisError> {
        let (mut events, mut ids, mut foreign) = (Vec::new(), Vec::new(), Vec::new());
        for (id, fields) in entries {
            match event(fields) {
                Ok(event) => {
                    events.push(event);
                    ids.push(id);
                }
                Err(error) => {
                    tracing::error!(key = %self.key, entry = %id, %error, "stream entry is no event");
                    foreign.push(id);
                }
            }
        }
        if !foreign.is_empty() {
            self.try_ack(&foreign).await?;
        }
        if events.is_empty() {
            return Ok(None);
        }
        let bytes: usize = events.iter().map(Envelope::weight).sum();
        let fitting = self.limit.bytes / (bytes / events.len()).max(1);
        // Doubling at most, since the next ones may be larger than these.
        self.count = fitting.clamp(1, self.limit.events.min(self.count * 2));
        Ok(Some(Batch { events, receipt: Receipt::Redis(ids) }))
    }
}

fn entries(reply: Value) -> Entries {
    // [[key, [[id, fields], …]]] in RESP2, {key: [[id, fields], …]} in RESP3; nil if none.
    let list = match reply {
        Value::Array(mut streams) => match streams.pop() {
            Some(Value::Array(mut stream)) => stream.pop(),
            _ => None,
        },
        Value::Map(mut streams) => streams.pop().map(|(_, list)| list),
        _ => None,
    };
    let Some(Value::Array(list)) = list else {
        return Entries::new();
    };
    list.into_iter()
        .filter_map(|entry| {
            let Value::Array(entry) = entry else {
                return None;
            };
            let mut entry = entry.into_iter();
            let id = redis::from_redis_value(entry.next()?).ok()?;
            Some((id, entry.next().unwrap_or(Value::Nil)))
        })
        .collect()
}
