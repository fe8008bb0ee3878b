//! How many rows a second a batch writes and looks up, on both engines.
//!
//! `cargo bench -p salient-store` prints one line per case; the first argument that is not a
//! flag selects cases by a part of their name.

use std::time::Instant;

use salient_core::Clock;
use salient_store::{Db, Migration, Migrations, Rows, StoreConfig, sql};
use uuid::Uuid;

static STEPS: &[Migration] = &[Migration::new(
    1,
    "bulk",
    "create table bulk (
         tenant text not null, id uuid not null, account uuid not null, source text not null, source_id text not null,
         time bigint not null, share double precision not null, lines text not null,
         primary key (tenant, id)
     );
     create unique index bulk_by_source on bulk (tenant, source, source_id);
     create index bulk_by_account on bulk (tenant, account, time)",
)];

const BATCH: usize = 1000;
const ROWS: usize = 200_000;

struct Row {
    id: Uuid,
    account: Uuid,
    source_id: String,
    time: i64,
    share: f64,
    lines: String,
}

fn rows(clock: &Clock) -> Vec<Row> {
    (0..ROWS)
        .map(|i| Row {
            id: clock.uuid(),
            account: Uuid::from_u128((i * 7919 % 4000) as u128),
            source_id: format!("{}", 536_365 + i),
            time: 1_291_191_960_000_000 + i as i64 * 1_000_000,
            share: 1.0 / (i + 1) as f64,
            lines: r#"[["85123A",6,1530],["71053",6,2034]]"#.into(),
        })
        .collect()
}

fn batch(rows: &[Row]) -> Rows<'_> {
    Rows::new()
        .uuid("id", rows.iter().map(|row| row.id))
        .uuid("account", rows.iter().map(|row| row.account))
        .text("source_id", rows.iter().map(|row| &row.source_id))
        .int("time", rows.iter().map(|row| row.time))
        .float("share", rows.iter().map(|row| row.share))
        .text("lines", rows.iter().map(|row| &row.lines))
}

fn report(engine: &str, case: &str, rows: usize, start: Instant) {
    let rate = rows as f64 / start.elapsed().as_secs_f64();
    println!("{engine:9} {case:32} {rate:>12.0} rows/s");
}

async fn measure(engine: &str, db: &Db) -> salient_store::Result<()> {
    let rows = rows(&Clock::system());
    let start = Instant::now();
    for chunk in rows.chunks(BATCH) {
        let mut tx = db.begin().await?;
        sql("insert into bulk (tenant, id, account, source, source_id, time, share, lines)
             select $1, id, account, $2, source_id, time, share, lines from {rows} where true
             on conflict (tenant, source, source_id) do update set lines = excluded.lines")
        .bind("acme")
        .bind("bench")
        .rows(batch(chunk))
        .execute(&mut tx)
        .await?;
        tx.commit().await?;
    }
    report(engine, "upsert, 3 indexes", ROWS, start);

    let start = Instant::now();
    let mut read = db.read().await?;
    for chunk in rows.chunks(BATCH) {
        let found: Vec<(Uuid, String)> = sql("select b.id, b.source_id from {rows} join bulk b
             on b.tenant = $1 and b.source = $2 and b.source_id = rows.source_id")
        .bind("acme")
        .bind("bench")
        .rows(Rows::new().text("source_id", chunk.iter().map(|row| &row.source_id)))
        .fetch_all(&mut read)
        .await?;
        assert_eq!(found.len(), chunk.len());
    }
    report(engine, "lookup by key", ROWS, start);

    let start = Instant::now();
    let mut seen = 0;
    sql("select id, account, time, lines from bulk where tenant = $1 order by account, time")
        .bind("acme")
        .for_each(&mut read, |_: (Uuid, Uuid, i64, String)| seen += 1)
        .await?;
    report(engine, "read in order of an index", seen, start);
    Ok(())
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let wanted = std::env::args().skip(1).find(|argument| !argument.starts_with('-')).unwrap_or_default();
    let migrations = Migrations::new("bench", STEPS);
    if "sqlite".contains(&wanted) {
        let folder = tempfile::tempdir()?;
        let config = StoreConfig::new(format!("sqlite:{}/bench.db", folder.path().display()));
        let start = Instant::now();
        let db = Db::open(&config, &migrations).await?;
        println!("sqlite    open and migrate {:?}", start.elapsed());
        measure("sqlite", &db).await?;
        db.close().await;
    }
    if "postgres".contains(&wanted) {
        let server = salient_testkit::Postgres::shared().await?;
        let config = StoreConfig::new(server.database().await?);
        let start = Instant::now();
        let db = Db::open(&config, &migrations).await?;
        println!("postgres  open and migrate {:?}", start.elapsed());
        measure("postgres", &db).await?;
        db.close().await;
    }
    Ok(())
}
