//! What the planners are told about tables that they have not measured.
//!
//! Both guess that a match on the tenant leaves a handful of rows, while it leaves most of
//! the table; then a join of a batch with a table walks the whole table.
//!
//! Postgres measures by itself, but only once a minute: a load would crawl until then. So a
//! process asks for it as its batches add up to 1,000, 10,000, 100,000 … rows ([`Growth`]).
//!
//! SQLite never measures unless told. Without statistics it takes a match on the first column
//! of an index for ten rows. The first column here is the tenant, and a match on it is most of
//! the table: a join of a batch with a table would walk the table once for each row of the
//! batch. So a new index that begins with the tenant gets statistics of a full table with one
//! tenant. A later `analyze` replaces them by what is there.

use std::{
    sync::{
        OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::Instant,
};

use sqlx::PgPool;

use crate::{conn::Tx, error::Result, rows::Rows, sql::sql};

/// The imagined number of rows, all of one tenant.
const TABLE: &str = "1000000 1000000";
/// How many rows are left after each further column.
const NARROWING: [&str; 4] = ["100", "10", "5", "2"];

/// Writes statistics for the indexes that have none.
pub(crate) async fn assume_in_tx(tx: &mut Tx) -> Result<()> {
    // Makes the table of statistics, if this is the first time.
    sql("analyze salient_migrations").execute(tx).await?;
    let columns: Vec<(String, String, bool, bool, String)> = sql(
        // The key of a table without rowids goes by the name of the table.
        "select t.name, case when t.wr = 1 and i.origin = 'pk' then t.name else i.name end, i.\"unique\" = 1,
                i.partial = 1, c.name
         from pragma_table_list as t, pragma_index_list(t.name) as i, pragma_index_info(i.name) as c
         where t.schema = 'main' and t.type = 'table'
           and not exists (select 1 from sqlite_stat1 as s where s.tbl = t.name and s.idx is not null)
         order by t.name, i.name, c.seqno",
    )
    .fetch_all(tx)
    .await?;
    let (mut tables, mut indexes, mut stats) = (Vec::new(), Vec::new(), Vec::new());
    for index in columns.chunk_by(|a, b| (&a.0, &a.1) == (&b.0, &b.1)) {
        let (table, name, unique, partial, first) = &index[0];
        if first != "tenant" || *partial {
            continue;
        }
        let mut stat = String::from(TABLE);
        for i in 1..index.len() {
            let rows = if *unique && i + 1 == index.len() {
                "1"
            } else {
                NARROWING[(i - 1).min(NARROWING.len() - 1)]
            };
            stat.push(' ');
            stat.push_str(rows);
        }
        tables.push(table);
        indexes.push(name);
        stats.push(stat);
    }
    sql("insert into sqlite_stat1 (tbl, idx, stat) select tbl, idx, stat from {rows}")
        .rows(Rows::new().text("tbl", tables).text("idx", indexes).text("stat", stats))
        .execute(tx)
        .await?;
    // Reads them into this connection; the others read them with the changed schema.
    sql("analyze sqlite_schema").execute(tx).await?;
    Ok(())
}

/// How many rows this process has written to Postgres, and when to measure next.
#[derive(Default)]
pub(crate) struct Growth {
    pool: OnceLock<PgPool>,
    rows: AtomicUsize,
    steps: AtomicUsize,
}

impl Growth {
    /// Where to measure. Without it nothing is measured.
    pub(crate) fn watch(&self, pool: PgPool) {
        let _ = self.pool.set(pool);
    }

    /// Counts committed rows; begins to measure when a power of ten is passed.
    pub(crate) fn note(&self, rows: usize) {
        if rows == 0 || !self.due(rows) {
            return;
        }
        let Some(pool) = self.pool.get().cloned() else { return };
        tokio::spawn(async move {
            let start = Instant::now();
            // Without a table it takes all of the database; it samples, so size matters little.
            match sqlx::raw_sql("analyze").execute(&pool).await {
                Ok(_) => tracing::debug!(ms = start.elapsed().as_millis(), "tables measured"),
                // The database measures by itself within the minute.
                Err(error) => tracing::debug!(%error, "tables cannot be measured now"),
            }
        });
    }

    fn due(&self, rows: usize) -> bool {
        let total = self.rows.fetch_add(rows, Ordering::Relaxed) + rows;
        // 1 from 1,000 on, 2 from 10,000 on, …
        let step = (total.max(1).ilog10() as usize).saturating_sub(2);
        self.steps.fetch_max(step, Ordering::Relaxed) < step
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_measured_at_powers_of_ten() {
        let growth = Growth::default();
        let due: Vec<usize> = (1..=200).filter(|_| growth.due(600)).map(|batch| batch * 600).collect();
        assert_eq!(due, [1_200, 10_200, 100_200]);
    }
}
