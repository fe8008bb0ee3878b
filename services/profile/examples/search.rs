//! How fast and how well profiles are found, over real gRPC on SQLite and Postgres, and what the
//! index costs those who write accounts.
//!
//! ```text
//! cargo run --release -p salient-profile --example search [ACCOUNTS]
//! ```
//! Accounts are the model company's. Two kinds of queries: the name with one random error (a letter
//! missing, doubled, changed, or two that changed places), and the name as it is typed, letter by
//! letter. The last line is JSON for programs.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

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
        Account, IngestRecordsRequest, SearchProfilesRequest, profile_service_client::ProfileServiceClient,
        search_result::Profile, search_service_client::SearchServiceClient,
    },
};
use salient_sim::{Company, Config as Sim};
use salient_store::{Db, StoreConfig, sql};
use salient_testkit::{Postgres, PostgresOptions};
use tokio::net::TcpListener;

const SECRET: &str = "a secret of at least thirty-two bytes";
const SEED: u64 = 7;
/// Names that are looked for with an error.
const QUERIES: usize = 1_000;
/// Names that are typed letter by letter.
const TYPED: usize = 50;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let count: u64 = std::env::args().nth(1).map_or(Ok(100_000), |text| text.parse())?;
    let company = Company::try_new(Sim { seed: SEED, ..Sim::sized(count) })?;
    let accounts: Vec<Account> = company.accounts().map(|history| account(&history.account)).collect();
    let mut found = BTreeMap::new();
    let folder = tempfile::tempdir()?;
    run("sqlite", format!("sqlite:{}/profile.db", folder.path().display()), &accounts, &mut found).await?;
    let server = Postgres::start(&PostgresOptions { durable: true, ..PostgresOptions::default() })?;
    run("postgres", server.database().await?, &accounts, &mut found).await?;
    server.stop();
    println!("{}", serde_json::to_string(&found)?);
    Ok(())
}

fn account(from: &salient_sim::Account) -> Account {
    let stem: String = from.name.rsplit_once(' ').map_or(&from.name[..], |(stem, _)| stem).to_lowercase();
    Account {
        source_key: Some(SourceKey { source: "crm".into(), id: from.id.clone() }),
        display_name: from.name.clone(),
        territory: from.territory.clone(),
        country: from.country.into(),
        domain: format!("{}{}.example", stem.replace(' ', ""), from.index + 1),
        phone: format!("+44 20 {:08}", 70_000_000 + from.index),
        ..Account::default()
    }
}

async fn run(
    engine: &str,
    url: String,
    accounts: &[Account],
    figures: &mut BTreeMap<String, f64>,
) -> anyhow::Result<()> {
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

    let messages: Vec<_> = accounts
        .chunks(1_000)
        .map(|part| IngestRecordsRequest {
            request_id: clock.uuid().to_string(),
            accounts: part.to_vec(),
            ..Default::default()
        })
        .collect();
    let begin = Instant::now();
    let mut request = tonic::Request::new(tokio_stream::iter(messages));
    request.set_timeout(Duration::from_secs(3_600));
    ProfileServiceClient::new(link.clone()).ingest_records(request).await?;
    let per_s = accounts.len() as f64 / begin.elapsed().as_secs_f64();
    println!("{engine}: {} accounts taken in, {per_s:.0} a second", accounts.len());
    figures.insert(format!("{engine}.upserts_per_s"), per_s);
    let db = Db::connect(&StoreConfig::new(url.as_str())).await?;
    loop {
        let mut conn = db.read().await?;
        let (left,): (i64,) = sql("select (select count(*) from search_queue)
                + (select count(*) from dirty_accounts) + (select count(*) from unresolved)")
        .fetch_one(&mut conn)
        .await?;
        if left == 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    println!("{engine}: all findable after {:.1} s", begin.elapsed().as_secs_f64());
    figures.insert(format!("{engine}.findable_s"), begin.elapsed().as_secs_f64());

    let mut client = SearchServiceClient::new(link);
    let mut random = Random(SEED);
    let mut times = Vec::new();
    let (mut first, mut five, mut same) = (0, 0, 0);
    for _ in 0..QUERIES {
        let wanted = &accounts[random.below(accounts.len())];
        let query = random.error(&wanted.display_name);
        let found = timed(&mut client, &query, &mut times).await?;
        let place = found.iter().position(|one| one.source_key == wanted.source_key);
        first += usize::from(place == Some(0));
        five += usize::from(place.is_some_and(|place| place < 5));
        same += usize::from(found.iter().take(5).any(|one| one.display_name == wanted.display_name));
    }
    let share = |count: usize| count as f64 / QUERIES as f64;
    println!(
        "{engine}: one error in the name: the account first {:.3}, among five {:.3}, its name among five {:.3}",
        share(first),
        share(five),
        share(same)
    );
    figures.insert(format!("{engine}.recall_at_5"), share(five));
    tell(engine, "error", &mut times, figures);

    let mut times = Vec::new();
    for _ in 0..TYPED {
        let wanted = &accounts[random.below(accounts.len())];
        let letters: Vec<char> = wanted.display_name.chars().collect();
        for length in 1..=letters.len() {
            let query: String = letters[..length].iter().collect();
            if !query.trim().is_empty() {
                timed(&mut client, &query, &mut times).await?;
            }
        }
    }
    tell(engine, "typing", &mut times, figures);
    let mut times = Vec::new();
    let mut right = 0;
    for number in 0..QUERIES / 5 {
        let wanted = &accounts[random.below(accounts.len())];
        let query = match number % 2 {
            0 => random.error(&wanted.domain),
            _ => wanted.phone.replacen("+44 ", "0", 1),
        };
        let found = timed(&mut client, &query, &mut times).await?;
        right += usize::from(found.iter().take(5).any(|one| one.source_key == wanted.source_key));
    }
    println!(
        "{engine}: domains with an error and numbers: among five {:.3}",
        right as f64 * 5.0 / QUERIES as f64
    );
    tell(engine, "domain_phone", &mut times, figures);
    db.close().await;
    let ending = life.finish(std::future::pending()).await;
    anyhow::ensure!(ending.failures.is_empty(), "{ending:?}");
    Ok(())
}

async fn timed(
    client: &mut SearchServiceClient<Link>,
    query: &str,
    times: &mut Vec<Duration>,
) -> anyhow::Result<Vec<Account>> {
    let request = SearchProfilesRequest { query: query.to_owned(), ..Default::default() };
    let begin = Instant::now();
    let answer = client.search_profiles(request).await.with_context(|| query.to_owned())?;
    times.push(begin.elapsed());
    let found = answer.into_inner().results.into_iter().filter_map(|result| match result.profile {
        Some(Profile::Account(account)) => Some(account),
        _ => None,
    });
    Ok(found.collect())
}

fn tell(engine: &str, what: &str, times: &mut [Duration], figures: &mut BTreeMap<String, f64>) {
    times.sort_unstable();
    let at = |share: f64| {
        let place = (times.len() as f64 * share) as usize;
        times[place.min(times.len() - 1)].as_secs_f64() * 1e3
    };
    println!(
        "{engine}, {what}: {} queries, median {:.1} ms, p99 {:.1} ms, worst {:.1} ms",
        times.len(),
        at(0.5),
        at(0.99),
        at(1.0)
    );
    figures.insert(format!("{engine}.{what}.p99_ms"), at(0.99));
}

/// A small generator is enough.
struct Random(u64);

impl Random {
    fn below(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % below
    }

    /// The text with one error.
    fn error(&mut self, text: &str) -> String {
        let mut letters: Vec<char> = text.chars().collect();
        let place = self.below(letters.len() - 1);
        match self.below(4) {
            0 => drop(letters.remove(place)),
            1 => letters.insert(place, letters[place]),
            2 => letters[place] = char::from(b'a' + u8::try_from(self.below(26)).unwrap_or_default()),
            _ => letters.swap(place, place + 1),
        }
        letters.into_iter().collect()
    }
}
