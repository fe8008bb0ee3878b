//! How long a full evaluation of a segment takes, and how soon a record shows in it, over real
//! gRPC on Postgres.
//!
//! ```text
//! cargo run --release -p salient-profile --example segments [ACCOUNTS]
//! ```
//! Accounts have two orders and an interaction each. The last line is JSON for programs.

use std::time::{Duration, Instant};

use anyhow::Context as _;
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
        Account, GetSegmentRequest, IngestRecordsRequest, Interaction, Order, OrderLine, Segment,
        UpsertSegmentRequest, WatchMembershipRequest, WatchMembershipResponse, evaluation::State,
        profile_service_client::ProfileServiceClient, segment_service_client::SegmentServiceClient,
    },
};
use salient_store::{Db, StoreConfig, sql};
use salient_testkit::{Postgres, PostgresOptions};
use tokio::net::TcpListener;
use uuid::Uuid;

const SECRET: &str = "a secret of at least thirty-two bytes";
const CONDITION: &str = "orders(180) >= 1 && revenue(\"GBP\") > 30000 && account.country == \"France\"";
/// Records that are timed one by one.
const EVENTS: usize = 50;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let count: usize = std::env::args().nth(1).map_or(Ok(100_000), |text| text.parse())?;
    let server = Postgres::start(&PostgresOptions { durable: true, ..PostgresOptions::default() })?;
    let url = server.database().await?;
    let mut config = Config { store: StoreConfig::new(url.as_str()), ..Config::default() };
    config.auth.keys = vec![KeyConfig::hs256("k", SECRET)];
    let life = Lifecycle::new(Duration::from_secs(10), Duration::from_secs(5));
    let clock = Clock::system();
    let parts = Parts { clock: clock.clone(), bus: Bus::in_process(), lifecycle: life.clone() };
    let app = build(&config, parts).await?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let uri = format!("http://{}", listener.local_addr()?);
    life.spawn("profile", app.serve(listener));
    let link = |role| -> anyhow::Result<Link> {
        let credentials = Credentials::minted(Signer::hs256("k", SECRET), "bench", role);
        Ok(Link::new(channel(&uri)?, credentials).for_tenant(&TenantId::try_from("bench")?))
    };
    let mut records = ProfileServiceClient::new(link(Role::Integration)?);
    let mut segments = SegmentServiceClient::new(link(Role::Operator)?);

    let begin = Instant::now();
    let numbers: Vec<usize> = (0..count).collect();
    let messages: Vec<Vec<usize>> = numbers.chunks(500).map(<[usize]>::to_vec).collect();
    let sent = messages.into_iter().map({
        let clock = clock.clone();
        move |numbers| message(&clock, &numbers)
    });
    let mut request = tonic::Request::new(tokio_stream::iter(sent));
    request.set_timeout(Duration::from_secs(3_600));
    records.ingest_records(request).await?;
    println!("{count} accounts, {} orders taken in {:.1} s", 2 * count, begin.elapsed().as_secs_f64());
    let db = Db::connect(&StoreConfig::new(url.as_str())).await?;
    loop {
        let mut conn = db.read().await?;
        let left: Option<(i64,)> =
            sql("select seq from dirty_accounts order by seq limit 1").fetch_optional(&mut conn).await?;
        if left.is_none() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    println!("facts of all of them after {:.1} s", begin.elapsed().as_secs_f64());

    let begin = Instant::now();
    define(&mut segments, &clock, CONDITION).await?;
    let evaluation = loop {
        let request = GetSegmentRequest { name: "segments/bench".into() };
        let segment = segments.get_segment(request).await?.into_inner().segment;
        let evaluation = segment.and_then(|segment| segment.evaluation).context("no evaluation")?;
        if evaluation.state() == State::Current {
            break evaluation;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    let seconds = begin.elapsed().as_secs_f64();
    println!("full evaluation: {seconds:.2} s, {} members", evaluation.member_count);

    let begin = Instant::now();
    let mut last = Uuid::nil();
    loop {
        let mut conn = db.read().await?;
        let rows: Vec<(Uuid, Vec<u8>)> =
            sql("select account_id, body from account_facts where tenant = 'bench' and account_id > $1
             order by account_id limit 5000")
            .bind(last)
            .fetch_all(&mut conn)
            .await?;
        let Some((id, _)) = rows.last() else { break };
        last = *id;
    }
    let bare = begin.elapsed().as_secs_f64();
    println!("reading the facts alone: {bare:.2} s");

    let mut request = tonic::Request::new(WatchMembershipRequest::default());
    request.set_timeout(Duration::from_secs(600));
    let mut changes = segments.watch_membership(request).await?.into_inner();
    changes.message().await?.context("no cursor")?;
    let (mut waits, mut calls) = (Vec::new(), Vec::new());
    for number in 0..EVENTS.min(count / 4) {
        // a new account in the right country, with one order that is large enough
        let order = Order {
            lines: vec![line(40_000)],
            order_time: ago(&clock, 1),
            ..order(count + number, 0, &clock)
        };
        let account = Account { country: "France".into(), ..account(count + number) };
        let begin = Instant::now();
        let message = IngestRecordsRequest {
            request_id: clock.uuid().to_string(),
            accounts: vec![account],
            orders: vec![order],
            ..Default::default()
        };
        records.ingest_records(tokio_stream::iter([message])).await?;
        calls.push(begin.elapsed().as_secs_f64() * 1_000.0);
        let WatchMembershipResponse { changes: seen, .. } = changes.message().await?.context("no change")?;
        anyhow::ensure!(seen.len() == 1, "{seen:?}");
        waits.push(begin.elapsed().as_secs_f64() * 1_000.0);
    }
    waits.sort_by(f64::total_cmp);
    calls.sort_by(f64::total_cmp);
    let call = calls[calls.len() / 2];
    let (median, worst) = (waits[waits.len() / 2], waits[waits.len() - 1]);
    println!(
        "from a record to its effect: median {median:.1} ms, worst {worst:.1} ms; the call alone {call:.1} ms"
    );
    println!(
        "{{\"accounts\":{count},\"seconds\":{seconds:.2},\"bare_seconds\":{bare:.2},\"event_ms\":{median:.1},\"event_worst_ms\":{worst:.1},\"bare_event_ms\":{call:.1}}}"
    );
    db.close().await;
    let ending = life.finish(std::future::pending()).await;
    anyhow::ensure!(ending.failures.is_empty(), "{ending:?}");
    server.stop();
    Ok(())
}

async fn define(
    segments: &mut SegmentServiceClient<Link>,
    clock: &Clock,
    condition: &str,
) -> anyhow::Result<()> {
    let segment = Segment {
        name: "segments/bench".into(),
        display_name: "Bench".into(),
        condition: condition.into(),
        ..Segment::default()
    };
    let request = UpsertSegmentRequest { request_id: clock.uuid().to_string(), segment: Some(segment) };
    segments.upsert_segment(request).await?;
    Ok(())
}

fn message(clock: &Clock, numbers: &[usize]) -> IngestRecordsRequest {
    IngestRecordsRequest {
        request_id: clock.uuid().to_string(),
        accounts: numbers.iter().map(|number| account(*number)).collect(),
        orders: numbers
            .iter()
            .flat_map(|number| [order(*number, 0, clock), order(*number, 1, clock)])
            .collect(),
        interactions: numbers.iter().map(|number| interaction(*number, clock)).collect(),
        ..Default::default()
    }
}

fn key(id: String) -> Option<SourceKey> {
    Some(SourceKey { source: "bench".into(), id })
}

fn account(number: usize) -> Account {
    Account {
        source_key: key(number.to_string()),
        display_name: format!("Customer {number}"),
        country: ["France", "Germany", "United Kingdom", "Spain"][number % 4].into(),
        industry: ["retail", "trade", "crafts"][number % 3].into(),
        ..Account::default()
    }
}

fn ago(clock: &Clock, days: usize) -> Option<prost_types::Timestamp> {
    let time = clock.now() - chrono::TimeDelta::days(days as i64);
    Some(prost_types::Timestamp { seconds: time.timestamp(), nanos: 0 })
}

fn line(amount: i64) -> OrderLine {
    OrderLine { product: format!("products/{}", amount % 997), quantity: 1, amount_minor_units: amount }
}

fn order(number: usize, nth: usize, clock: &Clock) -> Order {
    let amount = ((number * 7_919 + nth * 104_729) % 50_000) as i64;
    Order {
        source_key: key(format!("{number}.{nth}")),
        account_key: key(number.to_string()),
        order_time: ago(clock, (number * 31 + nth * 173) % 700),
        currency_code: "GBP".into(),
        lines: vec![line(amount / 2), line(amount - amount / 2)],
        ..Order::default()
    }
}

fn interaction(number: usize, clock: &Clock) -> Interaction {
    Interaction {
        source_key: key(number.to_string()),
        account_key: key(number.to_string()),
        kind: 1 + (number % 8) as i32,
        occur_time: ago(clock, number % 400),
        quantity: 1.0,
        ..Interaction::default()
    }
}
