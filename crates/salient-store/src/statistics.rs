//! What SQLite's planner is told about tables that it has not measured.
//!
//! Without statistics SQLite takes a match on the first column of an index for ten rows. The
//! first column here is the tenant, and a match on it is most of the table: a join of a
//! batch with a table would walk the table once for each row of the batch. So a new index
//! that begins with the tenant gets statistics of a full table with one tenant. A later
//! `analyze` replaces them by what is there.

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
