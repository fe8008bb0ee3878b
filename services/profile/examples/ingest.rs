//! How fast orders are taken in, over real gRPC, beside a bare `COPY` of the same lines.
//!
//! ```text
//! cargo run --release -p salient-profile --example ingest [FILE.csv.gz]
//! ```
//! FILE is UCI Online Retail; without it, made-up orders of the same shape are sent.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use chrono::NaiveDateTime;
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
        Account, IngestRecordsRequest, Order, OrderLine, order, profile_service_client::ProfileServiceClient,
    },
};
use salient_store::StoreConfig;
use salient_testkit::{Postgres, PostgresOptions};
use sqlx::{Connection as _, PgConnection};
use tokio::net::TcpListener;

const SECRET: &str = "a secret of at least thirty-two bytes";
const RUNS: usize = 3;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let messages = match std::env::args().nth(1) {
        Some(path) => messages(&from_file(&path)?),
        None => messages(&made_up()),
    };
    let orders = || messages.iter().flat_map(|message| &message.orders);
    let lines: usize = orders().map(|order| order.lines.len()).sum();
    println!("{} messages, {} orders, {lines} lines", messages.len(), orders().count());

    for _ in 0..RUNS {
        let folder = tempfile::tempdir()?;
        let url = format!("sqlite:{}/profile.db", folder.path().display());
        report("sqlite", lines, ingest(url, messages.clone()).await?);
    }
    for durable in [false, true] {
        let kind = if durable { "durable" } else { "not durable" };
        let server = Postgres::start(&PostgresOptions { durable, ..PostgresOptions::default() })?;
        for _ in 0..RUNS {
            let copied = copy(&server.database().await?, &messages).await?;
            report(&format!("bare copy, {kind}"), lines, copied);
            let ingested = ingest(server.database().await?, messages.clone()).await?;
            report(&format!("postgres, {kind}"), lines, ingested);
            println!("    share of copy {:.2}", copied.as_secs_f64() / ingested.as_secs_f64());
        }
        server.stop();
    }
    Ok(())
}

fn report(what: &str, lines: usize, took: Duration) {
    println!("{what}: {:.3} s, {:.0} lines/s", took.as_secs_f64(), lines as f64 / took.as_secs_f64());
}

/// Sends the messages to a service of its own on an empty database; from the first byte to the
/// answer.
async fn ingest(url: String, messages: Vec<IngestRecordsRequest>) -> anyhow::Result<Duration> {
    let mut config = Config { store: StoreConfig::new(url), ..Config::default() };
    config.auth.keys = vec![KeyConfig::hs256("k", SECRET)];
    let life = Lifecycle::new(Duration::from_secs(10), Duration::from_secs(5));
    let parts = Parts { clock: Clock::system(), bus: Bus::in_process(), lifecycle: life.clone() };
    let app = build(&config, parts).await?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let uri = format!("http://{}", listener.local_addr()?);
    life.spawn("profile", app.serve(listener));
    let credentials = Credentials::minted(Signer::hs256("k", SECRET), "bench", Role::Integration);
    let link = Link::new(channel(&uri)?, credentials).for_tenant(&TenantId::try_from("bench")?);
    let mut client = ProfileServiceClient::new(link);
    // the connection is there before the clock runs
    client.ingest_records(tokio_stream::iter(Vec::new())).await?;

    let sent: usize = messages.iter().map(|message| message.orders.len()).sum();
    let begin = Instant::now();
    let answer = client.ingest_records(tokio_stream::iter(messages)).await?.into_inner();
    let took = begin.elapsed();
    let result = answer.orders.context("no orders")?;
    anyhow::ensure!(result.created as usize == sent, "{} of {sent} orders", result.created);
    let ending = life.finish(std::future::pending()).await;
    anyhow::ensure!(ending.failures.is_empty(), "{ending:?}");
    Ok(took)
}

/// What Postgres itself does with the lines as rows of a table.
async fn copy(url: &str, messages: &[IngestRecordsRequest]) -> anyhow::Result<Duration> {
    let mut conn = PgConnection::connect(url).await?;
    sqlx::query(
        "create table lines (invoice text, customer text, time timestamptz, product text, quantity bigint, amount bigint)",
    )
    .execute(&mut conn)
    .await?;
    let mut text = String::new();
    for order in messages.iter().flat_map(|message| &message.orders) {
        let (key, account) = (order.source_key.as_ref(), order.account_key.as_ref());
        let seconds = order.order_time.map(|time| time.seconds).unwrap_or_default();
        let time = chrono::DateTime::from_timestamp(seconds, 0).unwrap_or_default();
        for line in &order.lines {
            let (invoice, customer) = (key.map(|k| k.id.as_str()), account.map(|k| k.id.as_str()));
            writeln!(
                text,
                "{}\t{}\t{}\t{}\t{}\t{}",
                invoice.unwrap_or_default(),
                customer.unwrap_or_default(),
                time.to_rfc3339(),
                line.product,
                line.quantity,
                line.amount_minor_units
            )?;
        }
    }
    let begin = Instant::now();
    let mut sink = conn.copy_in_raw("copy lines from stdin").await?;
    for part in text.as_bytes().chunks(64 * 1024) {
        sink.send(part).await?;
    }
    sink.finish().await?;
    Ok(begin.elapsed())
}

/// Accounts first, then orders, 500 in a message.
fn messages(orders: &[Order]) -> Vec<IngestRecordsRequest> {
    let clock = Clock::system();
    let request_id = || clock.uuid().to_string();
    let mut keys: Vec<SourceKey> = orders.iter().filter_map(|order| order.account_key.clone()).collect();
    keys.sort_by(|a, b| a.id.cmp(&b.id));
    keys.dedup();
    let accounts: Vec<Account> = keys
        .into_iter()
        .map(|key| Account {
            display_name: format!("Customer {}", key.id),
            country: "United Kingdom".into(),
            source_key: Some(key),
            ..Account::default()
        })
        .collect();
    let accounts = accounts.chunks(1_000).map(|part| IngestRecordsRequest {
        request_id: request_id(),
        accounts: part.to_vec(),
        ..Default::default()
    });
    let orders = orders.chunks(500).map(|part| IngestRecordsRequest {
        request_id: request_id(),
        orders: part.to_vec(),
        ..Default::default()
    });
    accounts.chain(orders).collect()
}

fn key(id: &str) -> Option<SourceKey> {
    Some(SourceKey { source: "shop".into(), id: id.into() })
}

fn made_up() -> Vec<Order> {
    // a small generator is enough: sizes and keys, not behaviour
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = move |below: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % below
    };
    (0..22_000)
        .map(|n| Order {
            source_key: key(&(536_365 + n).to_string()),
            account_key: key(&(12_346 + random(4_334)).to_string()),
            order_time: Some(prost_types::Timestamp { seconds: 1_291_190_000 + n * 1_470, nanos: 0 }),
            currency_code: "GBP".into(),
            lines: (0..=random(36))
                .map(|_| OrderLine {
                    product: format!("products/{}", 10_000 + random(3_659)),
                    quantity: 1 + random(24) as i64,
                    amount_minor_units: random(9_999) as i64,
                })
                .collect(),
            ..Order::default()
        })
        .collect()
}

/// Lines with a customer and a price, cancellations as returns.
fn from_file(path: &str) -> anyhow::Result<Vec<Order>> {
    let file = std::fs::File::open(path).with_context(|| format!("cannot open {path}"))?;
    let mut reader = csv::Reader::from_reader(flate2::read::GzDecoder::new(file));
    let headers = reader.headers()?.clone();
    let column =
        |name: &str| headers.iter().position(|h| h == name).with_context(|| format!("no column {name}"));
    let columns =
        ["InvoiceNo", "StockCode", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID"].map(column);
    let [invoice, stock, quantity, date, price, customer] = columns;
    let (invoice, stock, quantity) = (invoice?, stock?, quantity?);
    let (date, price, customer) = (date?, price?, customer?);
    let mut orders: BTreeMap<String, Order> = BTreeMap::new();
    for row in reader.records() {
        let row = row?;
        let (Ok(pieces), Ok(unit)) = (row[quantity].parse::<i64>(), row[price].parse::<f64>()) else {
            continue;
        };
        if row[customer].is_empty() || unit <= 0.0 || pieces == 0 {
            continue;
        }
        let order = orders.entry(row[invoice].to_owned()).or_insert_with(|| {
            let time = ["%Y-%m-%d %H:%M:%S", "%m/%d/%Y %H:%M", "%Y-%m-%dT%H:%M:%S"]
                .iter()
                .find_map(|format| NaiveDateTime::parse_from_str(&row[date], format).ok())
                .unwrap_or_default();
            let kind =
                if row[invoice].starts_with('C') { order::Kind::Return } else { order::Kind::Purchase };
            Order {
                source_key: key(&row[invoice]),
                account_key: key(row[customer].trim_end_matches(".0")),
                order_time: Some(prost_types::Timestamp { seconds: time.and_utc().timestamp(), nanos: 0 }),
                kind: kind as i32,
                currency_code: "GBP".into(),
                ..Order::default()
            }
        });
        order.lines.push(OrderLine {
            product: format!("products/{}", &row[stock]),
            quantity: pieces.abs(),
            amount_minor_units: (unit * 100.0).round() as i64 * pieces.abs(),
        });
    }
    Ok(orders.into_values().collect())
}
