//! Leadership: one of several replicas does a job.

use std::time::Duration;

use futures::future::BoxFuture;
use salient_core::Result;
use sha2::{Digest, Sha256};
use sqlx::{ConnectOptions, Connection as _, PgConnection};
use tokio_util::sync::CancellationToken;

use crate::{
    db::{Db, Pools},
    error::Error,
};

/// How often a replica that is not the leader asks again.
const RETRY: Duration = Duration::from_secs(1);

/// The right to do a job that one replica at a time may do. Dropped, it passes on.
///
/// On Postgres it is a session advisory lock on a connection of its own: when the process
/// dies, the database frees it. On SQLite one process owns the file, so it is always granted.
#[derive(Debug)]
pub struct Lease(Option<PgConnection>);

impl Lease {
    /// Waits until the job `key` is free, and takes it. `None` when `shutdown` came first.
    //
    // Boxed here, because the compiler cannot prove that the future of a task that holds this
    // one is `Send` (rust-lang/rust#102211).
    pub fn acquire<'a>(
        db: &'a Db,
        key: &'a str,
        shutdown: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<Option<Self>>> {
        Box::pin(async move {
            tokio::select! {
                lease = Self::wait(db, key) => lease.map(Some),
                () = shutdown.cancelled() => Ok(None),
            }
        })
    }

    async fn wait(db: &Db, key: &str) -> Result<Self> {
        let Pools::Postgres { options, .. } = &db.pools else {
            return Ok(Self(None));
        };
        let mut conn = options.connect().await.map_err(Error::from)?;
        loop {
            let (granted,): (bool,) = sqlx::query_as("select pg_try_advisory_lock($1)")
                .bind(number(key))
                .fetch_one(&mut conn)
                .await
                .map_err(Error::from)?;
            if granted {
                return Ok(Self(Some(conn)));
            }
            tokio::time::sleep(RETRY).await;
        }
    }

    /// Makes sure that the lease is still held: its connection answers.
    pub async fn check(&mut self) -> Result<()> {
        if let Some(conn) = &mut self.0 {
            conn.ping().await.map_err(Error::from)?;
        }
        Ok(())
    }

    /// Gives it back now, so that another replica need not wait for the connection to close.
    pub async fn release(self) -> Result<()> {
        if let Some(conn) = self.0 {
            conn.close().await.map_err(Error::from)?;
        }
        Ok(())
    }
}

/// Advisory locks are numbers, and every replica must find the same one.
fn number(key: &str) -> i64 {
    let hash = Sha256::digest(key.as_bytes());
    hash.iter().take(8).fold(0, |number, byte| (number << 8) | i64::from(*byte))
}
