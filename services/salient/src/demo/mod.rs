//! `salient demo`: a company's history, a day's lists, and how good they were.

mod print;

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use chrono::{DateTime, Days, NaiveDate, NaiveTime, Utc};
use salient_core::Clock;
use salient_kit::client::retry;
use salient_mapping::Plan;
use salient_proto::recommendation::v1::{
    DailyPlan, EvaluatePlansRequest, EvaluatePlansResponse, ListSellersRequest,
};
use salient_sim::{Company, Config as CompanyConfig};
use serde::{Deserialize, Serialize};

use crate::{
    cli,
    commands::{plan::stable_id, refusal},
    company, load,
    progress::Telling,
    runs,
    session::{self, Clients, Session},
    settle::{PATIENCE, settle},
    suite::{self, Backing, Suite},
};

/// Days after the planned day in which recommendations may come true.
const HORIZON_DAYS: u64 = 30;

/// The hour at which the demo's day begins.
const MORNING: NaiveTime = match NaiveTime::from_hms_opt(8, 0, 0) {
    Some(time) => time,
    None => NaiveTime::MIN,
};

/// What a finished first start leaves, so that the next one is up in seconds.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Imported {
    title: String,
    notices: Vec<String>,
    report: String,
    last_order: DateTime<Utc>,
}

/// Runs the demo.
///
/// # Errors
/// The data cannot be read, or a step of the suite fails.
pub async fn run(options: cli::Demo) -> Result<()> {
    let telling = Telling::choose(options.json);
    let home = home(&options)?;
    let (clients, local) = match &options.connect {
        Some(file) => (Session::read(file)?.connect()?, None),
        None => {
            // the day is known when the data is
            let suite =
                suite::start(&Backing::directory(&home)?, Clock::replay(Clock::system().now())).await?;
            (suite.session.connect()?, Some(suite))
        }
    };
    let ended = tokio::select! {
        outcome = show(&options, telling, &home, &clients, local.as_ref()) => outcome,
        _ = tokio::signal::ctrl_c() => {
            eprintln!("  stopped; the next start goes on from here");
            Ok(())
        }
    };
    if let (Ok(()), Some(suite), false) = (&ended, &local, options.once) {
        wait(suite).await;
    }
    if let Some(suite) = local {
        suite.life.finish(std::future::pending()).await;
    }
    ended
}

/// Where the demo of this data is kept: one place for each data set.
fn home(options: &cli::Demo) -> Result<PathBuf> {
    let name = match &options.data {
        Some(data) => {
            let facts = fs::metadata(data).with_context(|| format!("cannot read {}", data.display()))?;
            let mapping = options.mapping.as_ref().map(fs::read).transpose()?.unwrap_or_default();
            let file = data.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let key = stable_id(&format!("{file} {} {}", facts.len(), hex::encode(mapping)));
            format!("demo-data-{}", &key[..8])
        }
        None => format!("demo-company-{}-{}", options.accounts, options.seed),
    };
    Ok(options.dir.join(name))
}

async fn show(
    options: &cli::Demo,
    telling: Telling,
    home: &Path,
    clients: &Clients,
    local: Option<&Suite>,
) -> Result<()> {
    let imported = import(options, telling, home, clients).await?;
    let day = match options.as_of {
        Some(day) => day,
        None => imported.last_order.date_naive() - Days::new(HORIZON_DAYS),
    };
    if let Some(suite) = local {
        suite.clock.set(day.and_time(MORNING).and_utc());
    }
    let plan = plan(options, telling, clients, day).await?;
    let quality = evaluate(clients, day).await?;
    if let Some(suite) = local {
        let session = Session { as_of: Some(suite.clock.now()), ..suite.session.clone() };
        session.write(&session::path(None))?;
        session.write(&home.join("session.json"))?;
    }
    if options.json {
        println!("{}", print::json(&plan, &quality, &imported.notices)?);
        return Ok(());
    }
    print::people(&plan, &quality, &imported.notices);
    if let (Some(suite), false) = (local, options.once) {
        print::addresses(&suite.session, &plan);
    }
    Ok(())
}

/// Imports the company's history, unless an earlier start has.
async fn import(options: &cli::Demo, telling: Telling, home: &Path, clients: &Clients) -> Result<Imported> {
    let note = home.join("imported.json");
    if options.connect.is_none()
        && let Ok(text) = fs::read_to_string(&note)
    {
        let imported: Imported =
            serde_json::from_str(&text).with_context(|| format!("{} is damaged", note.display()))?;
        if !options.json {
            eprintln!("  {} is here already", imported.title);
        }
        return Ok(imported);
    }
    let plan = open(options)?;
    let step = telling.step(&format!("importing {}", plan.title()), Some(100));
    let (loaded, plan) = load::load(clients, plan, &step).await?;
    settle(clients, &step).await?;
    let last_order = loaded.last_order.context("the data has no orders")?;
    step.done(&format!("{} lines", loaded.lines));
    let report = format!("{}", plan.report());
    if !options.json {
        eprint!("{report}");
        for line in &loaded.refused {
            eprintln!("             {line}");
        }
        if loaded.refused_count > loaded.refused.len() {
            eprintln!("             … and {} more", loaded.refused_count - loaded.refused.len());
        }
    }
    let imported =
        Imported { title: plan.title().to_owned(), notices: plan.notices().to_vec(), report, last_order };
    if options.connect.is_none() {
        fs::write(&note, serde_json::to_string_pretty(&imported)?)?;
    }
    Ok(imported)
}

fn open(options: &cli::Demo) -> Result<Plan> {
    let latest = Clock::system().latest();
    match &options.data {
        Some(data) => Ok(salient_mapping::open(data, options.mapping.as_deref(), latest)?),
        None => {
            let config =
                CompanyConfig { seed: options.seed, ..CompanyConfig::sized(options.accounts.into()) };
            Ok(company::plan(Company::try_new(config)?))
        }
    }
}

/// Scores every account, plans the day for every seller, and fetches the list to show. A run that
/// an earlier start made for this day is found again by its request id.
async fn plan(options: &cli::Demo, telling: Telling, clients: &Clients, day: NaiveDate) -> Result<DailyPlan> {
    let start = day.and_time(NaiveTime::MIN).and_utc();
    let step = telling.step("scoring every account", Some(100));
    let as_of = prost_types::Timestamp { seconds: start.timestamp(), nanos: 0 };
    let scored = runs::score(clients, stable_id(&format!("demo score {day}")), Some(as_of), &step).await?;
    settle(clients, &step).await?;
    step.done(&format!("{} accounts", scored.scored_accounts));
    let step = telling.step("planning the day", Some(100));
    let run = runs::plan(clients, stable_id(&format!("demo plan {day}")), day.to_string(), &step).await?;
    settle(clients, &step).await?;
    step.done(&format!("{} recommendations for {} sellers", run.recommendations, run.sellers));
    let seller = match &options.seller {
        Some(seller) => seller.clone(),
        None => busiest(clients, day).await?,
    };
    crate::commands::plan::fetch(clients, &seller, &day.to_string()).await
}

/// The seller with the largest book, the first by name among equals.
async fn busiest(clients: &Clients, day: NaiveDate) -> Result<String> {
    let client = || clients.catalogue.clone();
    let request = ListSellersRequest { page_size: 1_000, ..Default::default() };
    let sellers =
        retry(PATIENCE, async || client().list_sellers(request.clone()).await).await.map_err(refusal)?;
    let mut best: Option<(i32, String)> = None;
    for seller in sellers.into_inner().sellers.into_iter().take(50) {
        let id = seller.name.trim_start_matches("sellers/").to_owned();
        let plan = crate::commands::plan::fetch(clients, &id, &day.to_string()).await?;
        if best.as_ref().is_none_or(|(size, _)| plan.book_size > *size) {
            best = Some((plan.book_size, id));
        }
    }
    Ok(best.context("the data has no sellers")?.1)
}

async fn evaluate(clients: &Clients, day: NaiveDate) -> Result<EvaluatePlansResponse> {
    let request = EvaluatePlansRequest { date: day.to_string(), horizon_days: 0 };
    let client = || clients.recommendation.clone();
    let answer = retry(PATIENCE, async || client().evaluate_plans(request.clone()).await).await;
    Ok(answer.map_err(refusal)?.into_inner())
}

/// Serves until somebody ends it.
async fn wait(suite: &Suite) {
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        () = suite.life.soft.cancelled() => {}
    }
}
