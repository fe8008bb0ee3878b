//! The bus over Redis Streams: writing, groups, trimming.
//!
//! A stream key is `{prefix}:{{source}:{shard}}`; what stands in the inner braces is the hash
//! tag, so that each shard is one slot of a Redis Cluster and every command here touches one.
//! One entry is one event in the binary mode of CloudEvents: a field per attribute, and the
//! payload as it is.
//!
//! What Redis has taken leaves the outbox, so Redis must keep it: run it with `appendonly yes`
//! and `appendfsync always` (with `everysec`, its sudden death loses up to a second of events),
//! and with `maxmemory-policy noeviction`; when it is full, it refuses and the outbox waits.

use std::{collections::HashMap, time::Duration};

use bytes::Bytes;
use redis::{
    AsyncCommands, Client, Pipeline, RedisError, Value,
    aio::{ConnectionManager, ConnectionManagerConfig},
    streams::{StreamInfoGroupsReply, StreamPendingReply, StreamRangeReply},
};
use salient_core::{Error, Result, TenantId, from_micros, to_micros};
use tokio::sync::OnceCell;
use uuid::Uuid;

use super::{Limit, redis_reader::Reader};
use crate::envelope::{Envelope, SHARDS};

/// For one answer; a batch of several megabytes must fit through a slow network.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(30);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// The bus over Redis Streams.
pub struct RedisBus {
    client: Client,
    prefix: String,
    writer: OnceCell<ConnectionManager>,
}

impl std::fmt::Debug for RedisBus {
    // The client's address holds the password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RedisBus").field("prefix", &self.prefix).finish_non_exhaustive()
    }
}

pub(super) fn unavailable(error: RedisError) -> Error {
    Error::unavailable(error)
}

impl RedisBus {
    pub(super) fn try_new(url: &str, prefix: &str) -> Result<Self> {
        let client = Client::open(url).map_err(|error| {
            Error::field("bus.url", "redis://[:password@]host:port[/db] is accepted for a bus over Redis")
                .with_source(error)
        })?;
        if prefix.contains(['{', '}']) {
            return Err(Error::field("bus.prefix", "braces are not accepted"));
        }
        Ok(Self { client, prefix: prefix.to_owned(), writer: OnceCell::new() })
    }

    fn key(&self, source: &str, shard: u16) -> String {
        format!("{}:{{{source}:{shard}}}", self.prefix)
    }

    /// The connection for everything that does not wait; it reconnects by itself.
    async fn writer(&self) -> Result<ConnectionManager> {
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(CONNECT_TIMEOUT))
            .set_response_timeout(Some(RESPONSE_TIMEOUT))
            .set_number_of_retries(1);
        self.writer
            .get_or_try_init(|| self.client.get_connection_manager_with_config(config))
            .await
            .cloned()
            .map_err(unavailable)
    }

    pub(super) async fn publish(&self, events: &[Envelope]) -> Result<()> {
        // One transaction per stream: all of its events or none. With single commands, one that
        // is refused between two that are taken would turn the order around on the next try.
        let mut streams: Vec<(String, Pipeline)> = Vec::new();
        for event in events {
            let key = self.key(&event.source, event.shard);
            let position = streams.iter().position(|(stream, _)| *stream == key);
            let pipeline = match position {
                Some(position) => &mut streams[position].1,
                None => {
                    let mut pipeline = redis::pipe();
                    pipeline.atomic();
                    streams.push((key.clone(), pipeline));
                    &mut streams.last_mut().ok_or_else(unreachable_stream)?.1
                }
            };
            add(pipeline, &key, event);
        }
        let writer = self.writer().await?;
        futures::future::try_join_all(streams.into_iter().map(|(_, pipeline)| {
            let mut writer = writer.clone();
            async move { pipeline.exec_async(&mut writer).await }
        }))
        .await
        .map(drop)
        .map_err(unavailable)
    }

    pub(super) async fn create_group(&self, group: &str, source: &str) -> Result<()> {
        let writer = self.writer().await?;
        futures::future::try_join_all((0..SHARDS).map(|shard| {
            let (mut writer, key) = (writer.clone(), self.key(source, shard));
            async move { create_group(&mut writer, &key, group).await }
        }))
        .await
        .map(drop)
    }

    pub(super) async fn remove_group(&self, group: &str, source: &str) -> Result<()> {
        let mut writer = self.writer().await?;
        for shard in 0..SHARDS {
            let gone: Result<i64, _> = writer.xgroup_destroy(self.key(source, shard), group).await;
            match gone {
                Err(error) if !is_no_key(&error) => return Err(unavailable(error)),
                _ => {}
            }
        }
        Ok(())
    }

    pub(super) async fn trim(&self, source: &str) -> Result<()> {
        let mut writer = self.writer().await?;
        for shard in 0..SHARDS {
            let key = self.key(source, shard);
            if let Some(first) = first_needed(&mut writer, &key).await? {
                // Exactly, because what is erased must be gone.
                let command = redis::cmd("XTRIM").arg(&key).arg("MINID").arg(first).to_owned();
                command.exec_async(&mut writer).await.map_err(unavailable)?;
            }
        }
        Ok(())
    }

    /// The position of the last entry of each shard.
    pub(super) async fn end(&self, source: &str) -> Result<Vec<(u64, u64)>> {
        let mut writer = self.writer().await?;
        let mut ends = Vec::new();
        for shard in 0..SHARDS {
            let last: StreamRangeReply =
                writer.xrevrange_count(self.key(source, shard), "+", "-", 1).await.map_err(unavailable)?;
            ends.push(last.ids.first().map_or((0, 0), |entry| position(&entry.id)));
        }
        Ok(ends)
    }

    /// Whether no entry is left at these positions or before them.
    pub(super) async fn is_past(&self, source: &str, ends: &[(u64, u64)]) -> Result<bool> {
        let mut writer = self.writer().await?;
        for (shard, end) in (0..SHARDS).zip(ends) {
            let first: StreamRangeReply =
                writer.xrange_count(self.key(source, shard), "-", "+", 1).await.map_err(unavailable)?;
            if first.ids.first().is_some_and(|entry| position(&entry.id) <= *end) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    pub(super) async fn health(&self) -> Result<()> {
        let mut writer = self.writer().await?;
        writer.ping::<()>().await.map_err(unavailable)
    }

    pub(super) fn reader(&self, group: &str, source: &str, shard: u16, limit: Limit) -> Reader {
        Reader::new(self.client.clone(), self.key(source, shard), group, limit)
    }
}

fn unreachable_stream() -> Error {
    Error::internal("the stream that was just added is missing")
}

/// Creates the group at the beginning of the stream, and the stream if there is none.
pub(super) async fn create_group<C>(connection: &mut C, key: &str, group: &str) -> Result<()>
where
    C: redis::aio::ConnectionLike + Send + Sync,
{
    let made: Result<(), _> = connection.xgroup_create_mkstream(key, group, "0").await;
    match made {
        Err(error) if error.code() != Some("BUSYGROUP") => Err(unavailable(error)),
        _ => Ok(()),
    }
}

fn is_no_key(error: &RedisError) -> bool {
    error.to_string().contains("requires the key to exist")
}

/// The id of the first entry that some group has not acknowledged; none if nothing may go, as
/// when there is no group yet.
async fn first_needed(connection: &mut ConnectionManager, key: &str) -> Result<Option<String>> {
    let groups: Result<StreamInfoGroupsReply, _> = connection.xinfo_groups(key).await;
    let groups = match groups {
        Ok(reply) => reply.groups,
        Err(error) if error.to_string().contains("no such key") => return Ok(None),
        Err(error) => return Err(unavailable(error)),
    };
    let mut first = None;
    for group in groups {
        // Acknowledged up to the first pending entry, or else up to the last delivered one.
        let mut needed = after(&group.last_delivered_id);
        if group.pending > 0 {
            let pending: StreamPendingReply =
                connection.xpending(key, &group.name).await.map_err(unavailable)?;
            if let StreamPendingReply::Data(pending) = pending {
                needed = needed.min(position(&pending.start_id));
            }
        }
        first = Some(first.map_or(needed, |first: (u64, u64)| first.min(needed)));
    }
    Ok(first.map(|(millis, number)| format!("{millis}-{number}")))
}

/// A stream id, `milliseconds-number`, in its order.
pub(super) fn position(id: &str) -> (u64, u64) {
    let (millis, number) = id.split_once('-').unwrap_or((id, "0"));
    (millis.parse().unwrap_or_default(), number.parse().unwrap_or_default())
}

fn after(id: &str) -> (u64, u64) {
    let (millis, number) = position(id);
    (millis, number.saturating_add(1))
}

fn add(pipeline: &mut Pipeline, key: &str, event: &Envelope) {
    let command = pipeline
        .cmd("XADD")
        .arg(key)
        .arg("*")
        .arg("ce_specversion")
        .arg("1.0")
        .arg("ce_id")
        .arg(event.id.to_string())
        .arg("ce_type")
        .arg(&event.type_)
        .arg("ce_source")
        .arg(&event.source)
        .arg("ce_time")
        .arg(to_micros(event.time))
        .arg("ce_tenant")
        .arg(event.tenant.as_str())
        .arg("ce_shard")
        .arg(event.shard);
    if !event.subject.is_empty() {
        command.arg("ce_subject").arg(&event.subject);
    }
    if let Some(traceparent) = &event.traceparent {
        command.arg("traceparent").arg(traceparent);
    }
    command.arg("data").arg(&event.data[..]).ignore();
}

/// Why an entry of a stream is no event of ours.
#[derive(Debug, thiserror::Error)]
pub(super) enum Foreign {
    #[error("the entry was deleted")]
    Deleted,
    #[error("field {0} is missing or malformed")]
    Field(&'static str),
}

/// Reads an entry back, without copying the payload.
pub(super) fn event(fields: Value) -> Result<Envelope, Foreign> {
    let mut fields: HashMap<String, Vec<u8>> = match fields {
        Value::Nil => return Err(Foreign::Deleted),
        fields => redis::from_redis_value(fields).map_err(|_| Foreign::Field("*"))?,
    };
    let data = fields.remove("data").ok_or(Foreign::Field("data"))?;
    let mut text = |name: &'static str| {
        let bytes = fields.remove(name).ok_or(Foreign::Field(name))?;
        String::from_utf8(bytes).map_err(|_| Foreign::Field(name))
    };
    fn parsed<T: std::str::FromStr>(name: &'static str, text: &str) -> Result<T, Foreign> {
        text.parse().map_err(|_| Foreign::Field(name))
    }
    let shard: u16 = parsed("ce_shard", &text("ce_shard")?)?;
    Ok(Envelope {
        id: parsed::<Uuid>("ce_id", &text("ce_id")?)?,
        type_: text("ce_type")?,
        source: text("ce_source")?,
        tenant: parsed::<TenantId>("ce_tenant", &text("ce_tenant")?)?,
        shard,
        subject: text("ce_subject").unwrap_or_default(),
        time: from_micros(parsed("ce_time", &text("ce_time")?)?),
        traceparent: text("traceparent").ok(),
        data: Bytes::from(data),
    })
}
