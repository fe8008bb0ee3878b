//! `salient backtest`.

use anyhow::{Context as _, Result};
use chrono::{Days, NaiveDate};
use salient_core::Clock;
use salient_proto::recommendation::v1::StartBacktestRequest;
use salient_sim::{Company, Config as CompanyConfig};

use super::{json, plan::fresh_id};
use crate::{
    cli, company, load,
    progress::Telling,
    render, runs,
    settle::settle,
    suite::{self, Backing},
};

/// Days planned when none is named: months back from the last whole horizon.
const DAYS: u64 = 5;

/// Imports the data into a suite of its own, plans past days as if each were today, and prints
/// what share came true.
///
/// # Errors
/// The data cannot be read, or there is too little of it before a day.
pub async fn run(options: cli::Backtest) -> Result<()> {
    let telling = Telling::choose(options.json);
    let home = std::env::temp_dir().join(format!("salient-backtest-{}", fresh_id()));
    let outcome = measure(&options, telling, &home).await;
    std::fs::remove_dir_all(&home).with_context(|| format!("cannot remove {}", home.display()))?;
    outcome
}

async fn measure(options: &cli::Backtest, telling: Telling, home: &std::path::Path) -> Result<()> {
    let clock = Clock::system();
    let suite = suite::start(&Backing::directory(home)?, clock.clone()).await?;
    let clients = suite.session.connect()?;
    let plan = match &options.data {
        Some(data) => salient_mapping::open(data, options.mapping.as_deref(), clock.latest())?,
        None => company::plan(Company::try_new(CompanyConfig::default())?),
    };
    let step = telling.step(&format!("importing {}", plan.title()), Some(100));
    let (loaded, _) = load::load(&clients, plan, &step).await?;
    settle(&clients, &step).await?;
    step.done(&format!("{} lines", loaded.lines));
    let last = loaded.last_order.context("the data has no orders")?.date_naive();
    let dates = if options.as_of.is_empty() { usual(last) } else { options.as_of.clone() };
    let request = StartBacktestRequest {
        request_id: fresh_id(),
        dates: dates.iter().map(NaiveDate::to_string).collect(),
        per_seller: options.per_seller,
    };
    let step = telling.step("planning past days", Some(100));
    let backtest = runs::backtest(&clients, request, &step).await?;
    step.done(&format!("{} days", backtest.days.len()));
    if options.json {
        println!("{}", serde_json::to_string_pretty(&json(&backtest)?)?);
    } else {
        for day in &backtest.days {
            println!("\n{}", day.date);
            println!("{}", render::quality(&day.lists));
        }
        println!("\nall {} days", backtest.days.len());
        println!("{}", render::quality(&backtest.mean));
    }
    suite.life.finish(std::future::pending()).await;
    Ok(())
}

/// The last whole horizon, and the months before it.
fn usual(last: NaiveDate) -> Vec<NaiveDate> {
    let mut days: Vec<NaiveDate> = (1..=DAYS).map(|months| last - Days::new(30 * months)).collect();
    days.reverse();
    days
}
