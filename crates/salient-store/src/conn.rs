//! Transactions and connections, and the macro that runs one block on either engine.

use std::sync::Arc;

use sqlx::{PgConnection, Postgres, Sqlite, SqliteConnection, Transaction, pool::PoolConnection};

use crate::{
    db::{Engine, Shared},
    error::Result,
};

/// A connection to one engine or the other; what [`with!`](crate::with) unpacks.
#[derive(Debug)]
pub enum Conn<'c> {
    /// To SQLite.
    Sqlite(&'c mut SqliteConnection),
    /// To Postgres.
    Postgres(&'c mut PgConnection),
}

/// What statements can be run on: a [`Tx`] or a [`Read`].
pub trait Connection: Send {
    /// The concrete connection.
    fn conn(&mut self) -> Conn<'_>;
    /// Which engine it is.
    fn engine(&self) -> Engine;
    /// Takes note of a batch of `rows` rows; a transaction counts what it may have written.
    fn note(&mut self, _rows: usize) {}
}

/// A transaction that may write. Dropped without [`Tx::commit`], it is rolled back.
///
/// On SQLite it holds the one writer from its start (`begin immediate`), so keep it short
/// and do not ask for another one meanwhile. On Postgres it is read committed.
pub struct Tx {
    inner: TxInner,
    shared: Arc<Shared>,
    wakes: Vec<&'static str>,
    noted: usize,
}

enum TxInner {
    Sqlite(Transaction<'static, Sqlite>),
    Postgres(Transaction<'static, Postgres>),
}

impl Tx {
    pub(crate) fn sqlite(tx: Transaction<'static, Sqlite>, shared: Arc<Shared>) -> Self {
        Self { inner: TxInner::Sqlite(tx), shared, wakes: Vec::new(), noted: 0 }
    }

    pub(crate) fn postgres(tx: Transaction<'static, Postgres>, shared: Arc<Shared>) -> Self {
        Self { inner: TxInner::Postgres(tx), shared, wakes: Vec::new(), noted: 0 }
    }

    /// Wakes those who wait for the signal `name` when this transaction has committed.
    pub fn wake(&mut self, name: &'static str) {
        if !self.wakes.contains(&name) {
            self.wakes.push(name);
        }
    }

    /// Makes everything durable, then wakes who waits for it.
    pub async fn commit(self) -> Result<()> {
        match self.inner {
            TxInner::Sqlite(tx) => tx.commit().await?,
            TxInner::Postgres(tx) => {
                tx.commit().await?;
                self.shared.growth.note(self.noted);
            }
        }
        for name in self.wakes {
            self.shared.signals.send(name);
        }
        Ok(())
    }

    /// Undoes everything. Dropping does the same, only later.
    pub async fn rollback(self) -> Result<()> {
        match self.inner {
            TxInner::Sqlite(tx) => tx.rollback().await?,
            TxInner::Postgres(tx) => tx.rollback().await?,
        }
        Ok(())
    }
}

impl Connection for Tx {
    fn conn(&mut self) -> Conn<'_> {
        match &mut self.inner {
            TxInner::Sqlite(tx) => Conn::Sqlite(tx),
            TxInner::Postgres(tx) => Conn::Postgres(tx),
        }
    }

    fn engine(&self) -> Engine {
        match &self.inner {
            TxInner::Sqlite(_) => Engine::Sqlite,
            TxInner::Postgres(_) => Engine::Postgres,
        }
    }

    fn note(&mut self, rows: usize) {
        self.noted += rows;
    }
}

impl std::fmt::Debug for Tx {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tx").field("engine", &self.engine()).finish_non_exhaustive()
    }
}

/// A connection for reading. Each statement sees what was committed before it began.
#[derive(Debug)]
pub struct Read(pub(crate) ReadInner);

#[derive(Debug)]
pub(crate) enum ReadInner {
    Sqlite(PoolConnection<Sqlite>),
    Postgres(PoolConnection<Postgres>),
    Kept(Transaction<'static, Postgres>),
}

impl Connection for Read {
    fn conn(&mut self) -> Conn<'_> {
        match &mut self.0 {
            ReadInner::Sqlite(conn) => Conn::Sqlite(conn),
            ReadInner::Postgres(conn) => Conn::Postgres(conn),
            ReadInner::Kept(tx) => Conn::Postgres(tx),
        }
    }

    fn engine(&self) -> Engine {
        match &self.0 {
            ReadInner::Sqlite(_) => Engine::Sqlite,
            ReadInner::Postgres(_) | ReadInner::Kept(_) => Engine::Postgres,
        }
    }
}

/// Runs one block of sqlx on whichever engine the connection belongs to.
///
/// The name between the bars is bound to the concrete `&mut SqliteConnection` or
/// `&mut PgConnection`; the block is compiled once for each. It ends in a
/// `Result<T, sqlx::Error>` with one `T` for both (so after `execute` comes
/// `.map(|done| done.rows_affected())`); the macro gives back a
/// `Result<T, salient_store::Error>`.
///
/// ```no_run
/// # async fn f(tx: &mut salient_store::Tx) -> salient_store::Result<()> {
/// let (count,): (i64,) = salient_store::with!(tx, |c| {
///     sqlx::query_as("select count(*) from accounts where tenant = $1")
///         .bind("acme")
///         .fetch_one(&mut *c)
///         .await
/// })?;
/// # let _ = count;
/// # Ok(())
/// # }
/// ```
#[macro_export]
macro_rules! with {
    ($conn:expr, |$c:ident| $body:expr) => {{
        use $crate::Connection as _;
        match $conn.conn() {
            $crate::Conn::Sqlite($c) => $body,
            $crate::Conn::Postgres($c) => $body,
        }
        .map_err($crate::Error::from)
    }};
}
