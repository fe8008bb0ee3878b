//! How long it takes to score very many accounts, with contributions, and how much memory:
//! `cargo run --release -p salient-learn --example million [ACCOUNTS]`. The last line is JSON for
//! programs. Accounts order at random, each at a pace of its own; they are scored a thousand at a
//! time, as the scoring service does.

use std::{error::Error, time::Instant};

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use salient_learn::{
    DAY_US, History,
    history::{Line, OrderRow},
    propensity::{AccountTable, PropensityConfig, PropensityModel},
};

/// Days of history.
const DAYS: i64 = 730;
/// Accounts that are scored at a time.
const BATCH: usize = 1_000;
/// Products.
const PRODUCTS: u32 = 500;

fn main() -> Result<(), Box<dyn Error>> {
    let accounts: u32 = std::env::args().nth(1).map_or(Ok(1_000_000), |text| text.parse())?;
    let history = company(accounts)?;
    let view = history.as_of(DAYS * DAY_US);
    let before = peak_mib()?;
    let begin = Instant::now();
    let model = PropensityModel::train(&view, &PropensityConfig::default())?;
    let trained = begin.elapsed().as_secs_f64();
    let begin = Instant::now();
    let (mut scored, mut sum) = (0, 0.0);
    for some in view.known_accounts().chunks(BATCH) {
        for score in model.score(&AccountTable::of(&view, some, model.config.horizon_days)?) {
            scored += 1;
            sum += score.probability;
        }
    }
    let seconds = begin.elapsed().as_secs_f64();
    println!("{accounts} accounts, {scored} with orders; {} learned in {trained:.1} s", model.kind());
    println!("scored with contributions in {seconds:.1} s; mean probability {:.4}", sum / f64::from(scored));
    println!("peak {} MiB, of which the history took {before}", peak_mib()?);
    println!(
        "{}",
        serde_json::json!({
            "seconds": seconds, "train_seconds": trained, "peak_mib": peak_mib()?, "history_mib": before,
            "us_per_account": seconds * 1e6 / f64::from(scored),
        })
    );
    Ok(())
}

/// About four orders an account.
fn company(accounts: u32) -> Result<History, salient_learn::Error> {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut orders = Vec::new();
    let mut key = 0;
    for account in 0..accounts {
        let gap = 60.0 + 400.0 * rng.random::<f64>();
        let mut day = gap * rng.random::<f64>();
        while day < DAYS as f64 {
            let lines = (0..rng.random_range(1..4_u32)).map(|_| Line {
                product: rng.random_range(0..PRODUCTS),
                quantity: f64::from(rng.random_range(1..20_u32)),
                amount: rng.random_range(100..50_000),
            });
            let time = (day * DAY_US as f64) as i64;
            orders.push((key, OrderRow { time, account, lines: lines.collect() }));
            key += 1;
            day += gap * (0.5 + rng.random::<f64>());
        }
    }
    History::try_new(accounts, PRODUCTS, orders, Vec::new())
}

/// The most memory that was resident so far.
fn peak_mib() -> Result<u64, Box<dyn Error>> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|line| line.starts_with("VmHWM")).ok_or("no VmHWM")?;
    let kib: u64 = line.split_whitespace().nth(1).ok_or("no number")?.parse()?;
    Ok(kib / 1024)
}
