//! The database: connecting, and handing out transactions and connections.

use std::{
    collections::HashSet,
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use log::LevelFilter;
use sqlx::{
    ConnectOptions, Connection as _, PgPool, SqlitePool,
    pool::PoolOptions,
    postgres::PgConnectOptions,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};
use uuid::Uuid;

use crate::{
    config::{StoreConfig, Target},
    conn::{Read, ReadInner, Tx},
    error::{Error, Result},
    migrate::Migrations,
    signal::{Signal, Signals},
    sql::sql,
    statistics::Growth,
};

/// How long a statement may take before the log mentions it.
const SLOW: Duration = Duration::from_secs(1);
/// How long a connection may lie unused before it is closed.
const IDLE: Duration = Duration::from_secs(60);
/// How long to wait for SQLite's writer; a queue of imports may be before us.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long to wait for a connection to Postgres, which may be starting.
const CONNECT: Duration = Duration::from_secs(10);
/// Large values are compressed by LZ4 where the server was built with it; pglz, which it takes
/// otherwise, is several times slower.
const COMPRESSION: &str = "select set_config('default_toast_compression', 'lz4', false) from pg_settings
     where name = 'default_toast_compression' and 'lz4' = any (enumvals)";

/// Which engine a database runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// SQLite, in a file of this machine.
    Sqlite,
    /// Postgres, over the network.
    Postgres,
}

/// A database, cheap to clone.
///
/// SQLite: one write connection (the pool of one is the writers' queue, first come first
/// served) and up to four readers, which WAL lets read beside the writer. Postgres: one pool.
#[derive(Clone)]
pub struct Db {
    pub(crate) pools: Pools,
    pub(crate) shared: Arc<Shared>,
}

/// Begins a transaction in which plans are kept; one round trip, and nothing stays behind.
const KEPT_PLANS: &str = "begin read only; set local plan_cache_mode = force_generic_plan";

#[derive(Clone)]
pub(crate) enum Pools {
    Sqlite { writer: SqlitePool, readers: SqlitePool },
    Postgres { pool: PgPool, options: Box<PgConnectOptions> },
}

/// What the clones of a [`Db`] have in common.
#[derive(Default)]
pub(crate) struct Shared {
    pub(crate) signals: Signals,
    pub(crate) growth: Growth,
    /// Runs that a worker of this process has in hand.
    pub(crate) running: Mutex<HashSet<Uuid>>,
}

impl Db {
    /// Opens the database. A SQLite file and its directory are created if they are missing.
    pub async fn connect(config: &StoreConfig) -> Result<Self> {
        let pools = match config.target()? {
            Target::Sqlite(path) => sqlite(&path, config).await?,
            Target::Postgres(options) => postgres(*options, config).await?,
        };
        let shared = Arc::<Shared>::default();
        if let Pools::Postgres { pool, .. } = &pools {
            shared.growth.watch(pool.clone());
        }
        Ok(Self { pools, shared })
    }

    /// Opens the database and brings it to the state that `migrations` describe; refuses
    /// with [`Error::Pending`] if there is something to do and `config.migrate` is false.
    pub async fn open(config: &StoreConfig, migrations: &Migrations) -> Result<Self> {
        let db = Self::connect(config).await?;
        if config.migrate {
            db.migrate(migrations).await?;
        } else {
            let pending = db.pending(migrations).await?;
            if !pending.is_empty() {
                return Err(Error::Pending(pending));
            }
        }
        Ok(db)
    }

    /// Which engine this is.
    #[must_use]
    pub fn engine(&self) -> Engine {
        match self.pools {
            Pools::Sqlite { .. } => Engine::Sqlite,
            Pools::Postgres { .. } => Engine::Postgres,
        }
    }

    /// Begins a transaction that may write. On SQLite it waits for the writer.
    pub async fn begin(&self) -> Result<Tx> {
        Ok(match &self.pools {
            Pools::Sqlite { writer, .. } => {
                Tx::sqlite(writer.begin_with("begin immediate").await?, self.shared.clone())
            }
            Pools::Postgres { pool, .. } => Tx::postgres(pool.begin().await?, self.shared.clone()),
        })
    }

    /// Takes a connection for reading. On SQLite it cannot write.
    pub async fn read(&self) -> Result<Read> {
        Ok(Read(match &self.pools {
            Pools::Sqlite { readers, .. } => ReadInner::Sqlite(readers.acquire().await?),
            Pools::Postgres { pool, .. } => ReadInner::Postgres(pool.acquire().await?),
        }))
    }

    /// Takes a connection for reading what somebody waits for: statements of few rows whose planning
    /// costs Postgres more than their running. It keeps their plans, whatever their values; left to
    /// itself it plans a statement over a batch anew each time.
    pub async fn read_by_kept_plans(&self) -> Result<Read> {
        Ok(Read(match &self.pools {
            Pools::Sqlite { readers, .. } => ReadInner::Sqlite(readers.acquire().await?),
            Pools::Postgres { pool, .. } => ReadInner::Kept(pool.begin_with(KEPT_PLANS).await?),
        }))
    }

    /// Brings the database to the state that `migrations` describe, in one transaction.
    /// Replicas that start together wait for each other.
    pub async fn migrate(&self, migrations: &Migrations) -> Result<()> {
        migrations.run(self).await
    }

    /// The migrations that have not run here, as `set/version name`.
    pub async fn pending(&self, migrations: &Migrations) -> Result<Vec<String>> {
        migrations.pending(self).await
    }

    /// Asks the database for a sign of life.
    pub async fn ping(&self) -> Result<()> {
        let mut read = self.read().await?;
        sql("select 1").execute(&mut read).await.map(drop)
    }

    /// Subscribes to commits that were marked with `name` by [`Tx::wake`].
    #[must_use]
    pub fn signal(&self, name: &'static str) -> Signal {
        self.shared.signals.subscribe(name)
    }

    /// Closes every connection, after those in use have come back.
    pub async fn close(&self) {
        match &self.pools {
            Pools::Sqlite { writer, readers } => {
                // The writer last: the last connection to close folds the log into the file.
                readers.close().await;
                writer.close().await;
            }
            Pools::Postgres { pool, .. } => pool.close().await,
        }
    }
}

impl std::fmt::Debug for Db {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Db").field("engine", &self.engine()).finish_non_exhaustive()
    }
}

async fn sqlite(path: &Path, config: &StoreConfig) -> Result<Pools> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(|error| {
            Error::Config(format!("store.url: the directory {} cannot be created: {error}", folder.display()))
        })?;
    }
    let common = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .foreign_keys(true)
        .journal_mode(SqliteJournalMode::Wal)
        // A commit survives a crash of the process, not of the machine: in WAL the log is
        // forced to disk at checkpoints. Forcing it at each commit would cost milliseconds
        // for each of the small transactions of the consumers. Who needs that runs Postgres.
        .synchronous(SqliteSynchronous::Normal)
        .busy_timeout(Duration::from_secs(10))
        .pragma("temp_store", "memory")
        .pragma("journal_size_limit", "67108864")
        .row_buffer_size(512)
        .log_statements(LevelFilter::Trace)
        .log_slow_statements(LevelFilter::Warn, SLOW);
    // Sizes are limits in KiB: an idle connection holds little.
    let write = common.clone().pragma("cache_size", "-16384").thread_name(|_| "sqlite-write".into());
    let read =
        common.pragma("cache_size", "-4096").pragma("query_only", "on").thread_name(|_| "sqlite-read".into());
    let options = || {
        PoolOptions::new()
            .acquire_timeout(PATIENCE)
            .acquire_slow_level(LevelFilter::Debug)
            .test_before_acquire(false)
            .max_lifetime(None)
    };
    let writer = options().max_connections(1).idle_timeout(None).connect_with(write).await?;
    let readers = options()
        .max_connections(config.max_connections.clamp(1, 4))
        .idle_timeout(IDLE)
        .connect_lazy_with(read);
    Ok(Pools::Sqlite { writer, readers })
}

async fn postgres(options: PgConnectOptions, config: &StoreConfig) -> Result<Pools> {
    let options = options
        .application_name("salient")
        .log_statements(LevelFilter::Trace)
        .log_slow_statements(LevelFilter::Warn, SLOW);
    let pool = PoolOptions::new()
        .max_connections(config.max_connections.max(2))
        .min_connections(0)
        .acquire_timeout(CONNECT)
        .idle_timeout(IDLE)
        .after_connect(|conn, _| {
            Box::pin(async move {
                sqlx::raw_sql(COMPRESSION).execute(conn).await?;
                Ok(())
            })
        })
        // A round trip before each use is too dear; a connection that lay still is asked.
        .test_before_acquire(false)
        .before_acquire(|conn: &mut sqlx::PgConnection, meta| {
            Box::pin(async move {
                if meta.idle_for > Duration::from_secs(1) {
                    conn.ping().await?;
                }
                Ok(true)
            })
        })
        .connect_with(options.clone())
        .await?;
    Ok(Pools::Postgres { pool, options: Box::new(options) })
}
