//! How fast readings are taken in, over real gRPC on SQLite and Postgres, and how many rows come of
//! them.
//!
//! ```text
//! cargo run --release -p salient-profile --example telemetry [READINGS]
//! ```
//! A thousand devices at two hundred accounts measure four metrics over thirty days. The last line
//! is JSON for programs.

use std::time::{Duration, Instant};

use salient_core::{Clock, TenantId};
use salient_events::Bus;
use salient_kit::{
    Lifecycle, Role, Signer,
    client::{Credentials, Link, channel},
    config::KeyConfig,
};
use salient_profile::{Config, Parts, build};
use salient_proto::{
    common::v1::SourceKey,
    profile::v1::{
        Account, IngestRecordsRequest, IngestTelemetryRequest, Reading,
        profile_service_client::ProfileServiceClient, telemetry_service_client::TelemetryServiceClient,
    },
};
use salient_store::{Db, StoreConfig, sql};
use salient_testkit::{Postgres, PostgresOptions};
use tokio::net::TcpListener;

const SECRET: &str = "a secret of at least thirty-two bytes";
const ACCOUNTS: usize = 200;
const DEVICES: usize = 1_000;
const METRICS: [&str; 4] = ["operating_hours", "temperature", "cycles", "errors"];
const DAYS: i64 = 30;
const BATCH: usize = 5_000;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let count: usize = std::env::args().nth(1).map_or(Ok(1_000_000), |text| text.parse())?;
    let folder = tempfile::tempdir()?;
    let sqlite = ingest(format!("sqlite:{}/profile.db", folder.path().display()), count).await?;
    report("sqlite", count, &sqlite);
    let server = Postgres::start(&PostgresOptions { durable: true, ..PostgresOptions::default() })?;
    let postgres = ingest(server.database().await?, count).await?;
    report("postgres, durable", count, &postgres);
    server.stop();
    println!(
        "{}",
        serde_json::json!({
            "readings": count,
            "sqlite.per_s": count as f64 / sqlite.took.as_secs_f64(),
            "postgres.per_s": count as f64 / postgres.took.as_secs_f64(),
            "rows": postgres.rows,
            "entries": postgres.entries,
        })
    );
    Ok(())
}

struct Done {
    took: Duration,
    /// Rows in all.
    rows: i64,
    /// Rows that are timeline entries.
    entries: i64,
}

fn report(what: &str, count: usize, done: &Done) {
    println!(
        "{what}: {count} readings in {:.1} s, {:.0} a second; {} rows, {} of them entries of timelines",
        done.took.as_secs_f64(),
        count as f64 / done.took.as_secs_f64(),
        done.rows,
        done.entries
    );
}

async fn ingest(url: String, count: usize) -> anyhow::Result<Done> {
    let mut config = Config { store: StoreConfig::new(url.as_str()), ..Config::default() };
    config.auth.keys = vec![KeyConfig::hs256("k", SECRET)];
    let life = Lifecycle::new(Duration::from_secs(60), Duration::from_secs(5));
    let clock = Clock::system();
    let parts = Parts { clock: clock.clone(), bus: Bus::in_process(), lifecycle: life.clone() };
    let app = build(&config, parts).await?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let uri = format!("http://{}", listener.local_addr()?);
    life.spawn("profile", app.serve(listener));
    let credentials = Credentials::minted(Signer::hs256("k", SECRET), "bench", Role::Integration);
    let link = Link::new(channel(&uri)?, credentials).for_tenant(&TenantId::try_from("bench")?);
    let accounts = (0..ACCOUNTS).map(|n| Account {
        source_key: key(n),
        display_name: format!("Account {n}"),
        ..Account::default()
    });
    let message = IngestRecordsRequest {
        request_id: clock.uuid().to_string(),
        accounts: accounts.collect(),
        ..Default::default()
    };
    ProfileServiceClient::new(link.clone()).ingest_records(tokio_stream::iter([message])).await?;

    let now = clock.now().timestamp();
    let batches = count.div_ceil(BATCH);
    let sent = (0..batches).map(move |batch| IngestTelemetryRequest {
        request_id: clock.uuid().to_string(),
        readings: (batch * BATCH..((batch + 1) * BATCH).min(count))
            .map(|number| reading(now, number, count))
            .collect(),
    });
    let begin = Instant::now();
    let mut request = tonic::Request::new(tokio_stream::iter(sent));
    request.set_timeout(Duration::from_secs(3_600));
    let answer = TelemetryServiceClient::new(link).ingest_telemetry(request).await?.into_inner();
    let took = begin.elapsed();
    anyhow::ensure!(answer.taken == count as i64, "{} of {count} readings", answer.taken);

    let db = Db::connect(&StoreConfig::new(url.as_str())).await?;
    let mut conn = db.read().await?;
    let (rows,): (i64,) = sql("select count(*) from usage_days").fetch_one(&mut conn).await?;
    let (entries,): (i64,) =
        sql("select count(*) from usage_days where device = ''").fetch_one(&mut conn).await?;
    let (readings,): (i64,) = sql("select cast(sum(readings) as bigint) from usage_days where device = ''")
        .fetch_one(&mut conn)
        .await?;
    anyhow::ensure!(readings == count as i64, "{readings} of {count} readings are in the days");
    drop(conn);
    db.close().await;
    let ending = life.finish(std::future::pending()).await;
    anyhow::ensure!(ending.failures.is_empty(), "{ending:?}");
    Ok(Done { took, rows, entries })
}

/// Devices report one after the other, and now and then late.
fn reading(now: i64, number: usize, count: usize) -> Reading {
    let device = number % DEVICES;
    let span = DAYS * 86_400;
    let late = if number.is_multiple_of(97) { 3 * 86_400 } else { 0 };
    let ago = span - (span as f64 * number as f64 / count as f64) as i64 + late;
    Reading {
        account_key: key(device % ACCOUNTS),
        device: format!("m{device:04}"),
        metric: METRICS[(number / DEVICES) % METRICS.len()].to_owned(),
        unit: String::new(),
        time: Some(prost_types::Timestamp { seconds: now - ago, nanos: 0 }),
        value: (number % 1_000) as f64 / 8.0,
        ..Reading::default()
    }
}

fn key(number: usize) -> Option<SourceKey> {
    Some(SourceKey { source: "plant".into(), id: format!("A{number}") })
}
