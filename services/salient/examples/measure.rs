//! Measurements for `cargo xtask figures`, printed as one JSON object.
//!
//! `measure import FILE STORE_URL`: order lines per second from the file, over real gRPC, into a
//! profile service of its own on that store. `measure plan SESSION SECONDS`: latency of reading a
//! plan from a running suite. `measure scores SESSION SECONDS`: the same of a score with its reasons,
//! and of the least that the service can be asked in between. `measure interactions ADDRESS TOKEN COUNT`: interactions per second
//! from one client stream into a running profile service, which gets their accounts before.

use std::{
    env,
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use salient::{load, progress::Telling, session::Session};
use salient_core::{Clock, TenantId};
use salient_events::{Bus, Parts};
use salient_kit::{
    Claims, Lifecycle, Role, Signer,
    config::{AuthConfig, KeyConfig},
};
use salient_proto::{
    common::v1::SourceKey,
    profile::v1::{Account, IngestRecordsRequest, Interaction},
    recommendation::v1::{GetDailyPlanRequest, ListSellersRequest},
    scoring::v1::{GetGradeBoundsRequest, GetScoreRequest, ListScoresRequest},
};
use salient_store::StoreConfig;
use tokio::net::TcpListener;

const SECRET: &str = "a secret of at least thirty-two bytes";

#[tokio::main]
async fn main() -> Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["import", file, store] => import_lines(Path::new(file), store).await,
        ["plan", session, seconds] => plan(Path::new(session), Duration::from_secs(seconds.parse()?)).await,
        ["scores", session, seconds] => {
            scores(Path::new(session), Duration::from_secs(seconds.parse()?)).await
        }
        ["interactions", address, token, count] => interactions(address, token, count.parse()?).await,
        _ => bail!(
            "measure interactions ADDRESS TOKEN COUNT | measure import FILE STORE_URL | measure plan SESSION SECONDS | measure scores SESSION SECONDS"
        ),
    }
}

async fn import_lines(file: &Path, store: &str) -> Result<()> {
    let clock = Clock::system();
    let life = Lifecycle::new(Duration::from_secs(5), Duration::from_secs(1));
    let config = salient_profile::Config {
        auth: AuthConfig { keys: vec![KeyConfig::hs256("measure", SECRET)], ..AuthConfig::default() },
        store: StoreConfig::new(store),
        ..salient_profile::Config::default()
    };
    let parts = Parts { clock: clock.clone(), bus: Bus::in_process(), lifecycle: life.clone() };
    let app = salient_profile::build(&config, parts).await?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = format!("http://{}", listener.local_addr()?);
    life.spawn("profile", app.serve(listener));

    let tenant = TenantId::try_from("measure")?;
    let claims = Claims::lasting(&tenant, "measure", Role::Integration, Duration::from_secs(3600));
    let token = Signer::hs256("measure", SECRET).mint(&claims)?;
    let services =
        ["profile", "scoring", "recommendation", "feedback"].map(|name| (name.to_owned(), address.clone()));
    let session = Session { services: services.into_iter().collect(), token, as_of: None };
    let clients = session.connect()?;
    let plan = salient_mapping::open(file, None, clock.latest())?;
    let step = Telling::Silent.step("import", None);
    let started = Instant::now();
    let (loaded, plan) = load::load_records(&clients, plan, &step).await?;
    let seconds = started.elapsed().as_secs_f64();
    // those without a customer are read and reported like the others
    let lines = plan.report().rows;
    println!(
        "{}",
        serde_json::json!({
            "lines": lines, "taken": loaded.lines, "lines_per_s": lines as f64 / seconds,
        })
    );
    life.finish(std::future::pending()).await;
    Ok(())
}

async fn plan(session: &Path, time: Duration) -> Result<()> {
    let clients = Session::read(session)?.connect()?;
    let request = ListSellersRequest { page_size: 1_000, ..Default::default() };
    let sellers = clients.catalogue.clone().list_sellers(request).await?.into_inner().sellers;
    ensure!(!sellers.is_empty(), "the suite has no sellers");
    let mut client = clients.recommendation;
    let mut taken = Vec::new();
    let mut largest = 0;
    let ends = Instant::now() + time;
    while Instant::now() < ends {
        for seller in &sellers {
            let name = format!("{}/plans/today", seller.name);
            let started = Instant::now();
            let plan = client.get_daily_plan(GetDailyPlanRequest { name }).await?.into_inner().plan;
            taken.push(started.elapsed().as_secs_f64() * 1e3);
            largest = largest.max(plan.context("no plan")?.book_size);
        }
    }
    let found = serde_json::json!({
        "calls": taken.len(), "p50_ms": at(&mut taken, 0.5), "p99_ms": at(&mut taken, 0.99), "largest_book": largest,
    });
    println!("{found}");
    Ok(())
}

fn at(taken: &mut [f64], share: f64) -> f64 {
    taken.sort_by(f64::total_cmp);
    taken[((taken.len() - 1) as f64 * share) as usize]
}

async fn scores(session: &Path, time: Duration) -> Result<()> {
    let mut client = Session::read(session)?.connect()?.scoring;
    let request = ListScoresRequest { page_size: 1_000, ..Default::default() };
    let scores = client.list_scores(request).await?.into_inner().scores;
    ensure!(!scores.is_empty(), "the suite has no scores");
    let (mut taken, mut bare, mut reasons) = (Vec::new(), Vec::new(), 0);
    let ends = Instant::now() + time;
    for score in scores.iter().cycle() {
        let request =
            GetScoreRequest { name: score.name.clone(), as_of: None, model_declaration: String::new() };
        let started = Instant::now();
        let told = client.get_score(request).await?.into_inner().score.context("no score")?;
        taken.push(started.elapsed().as_secs_f64() * 1e3);
        reasons += told.reasons.len();
        let started = Instant::now();
        client.get_grade_bounds(GetGradeBoundsRequest {}).await?;
        bare.push(started.elapsed().as_secs_f64() * 1e3);
        if Instant::now() > ends {
            break;
        }
    }
    let found = serde_json::json!({
        "calls": taken.len(), "reasons": reasons as f64 / taken.len() as f64,
        "p50_ms": at(&mut taken, 0.5), "p99_ms": at(&mut taken, 0.99), "bare_p99_ms": at(&mut bare, 0.99),
    });
    println!("{found}");
    Ok(())
}

/// Interactions of a message, and accounts that they are of.
const MESSAGE: u64 = 1_000;
const ACCOUNTS: u64 = 20_000;

async fn interactions(address: &str, token: &str, count: u64) -> Result<()> {
    let session = Session {
        services: ["profile", "scoring", "recommendation", "feedback"]
            .map(|name| (name.to_owned(), address.to_owned()))
            .into(),
        token: token.to_owned(),
        as_of: None,
    };
    let client = session.connect()?.profile;
    let key = |id: String| Some(SourceKey { source: "measure".into(), id });
    let accounts = (0..ACCOUNTS / MESSAGE).map(move |message| IngestRecordsRequest {
        request_id: Clock::system().uuid().to_string(),
        accounts: (message * MESSAGE..(message + 1) * MESSAGE)
            .map(|number| Account {
                source_key: key(format!("a{number}")),
                display_name: format!("Account {number}"),
                ..Account::default()
            })
            .collect(),
        ..IngestRecordsRequest::default()
    });
    client.clone().ingest_records(tokio_stream::iter(accounts)).await?;
    let begun = Clock::system().now().timestamp() - 86_400 * 365;
    let stream = (0..count / MESSAGE).map(move |message| IngestRecordsRequest {
        request_id: Clock::system().uuid().to_string(),
        interactions: (message * MESSAGE..(message + 1) * MESSAGE)
            .map(|number| Interaction {
                source_key: key(format!("i{number}")),
                // neighbours in the stream are of different accounts, as when events come in
                account_key: key(format!("a{}", number.wrapping_mul(0x9e37_79b9) % ACCOUNTS)),
                kind: 1 + (number % 8) as i32,
                occur_time: Some(prost_types::Timestamp {
                    seconds: begun + number as i64 * 60 % 31_000_000,
                    nanos: 0,
                }),
                quantity: 1.0,
                summary: "Asked about delivery times and the next order".into(),
                ..Interaction::default()
            })
            .collect(),
        ..IngestRecordsRequest::default()
    });
    let started = Instant::now();
    let mut request = tonic::Request::new(tokio_stream::iter(stream));
    request.set_timeout(Duration::from_secs(600));
    let answer = client.clone().ingest_records(request).await?.into_inner();
    let seconds = started.elapsed().as_secs_f64();
    let created = answer.interactions.context("nothing was taken")?.created;
    ensure!(u64::try_from(created)? == count / MESSAGE * MESSAGE, "{created} of {count} were taken");
    println!("{}", serde_json::json!({ "interactions": created, "per_s": f64::from(created) / seconds }));
    Ok(())
}
