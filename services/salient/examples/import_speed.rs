//! Reads a file into batches and says how fast, without sending them anywhere:
//! `cargo run --release -p salient --example import_speed -- FILE [MAPPING]`; `company:5000`
//! instead of a file makes a model company of that many accounts.

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::time::Instant;

use salient::company;
use salient_mapping::Plan;
use salient_sim::{Company, Config};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let source = arguments.next().ok_or("a file, or company:ACCOUNTS, is needed")?;
    let mapping = arguments.next().map(PathBuf::from);
    let clock = Instant::now();
    let mut plan: Plan = match source.strip_prefix("company:") {
        Some(accounts) => company::plan(Company::try_new(Config::sized(accounts.parse()?))?),
        None => salient_mapping::open(
            source.as_ref(),
            mapping.as_deref(),
            chrono::DateTime::<chrono::Utc>::MAX_UTC,
        )?,
    };
    let (mut batches, mut records) = (0, 0);
    plan.batches(|batch| {
        let request = batch.request;
        batches += 1;
        records += request.accounts.len() + request.orders.len() + request.interactions.len();
        ControlFlow::Continue(())
    })?;
    let seconds = clock.elapsed().as_secs_f64();
    println!("{}\n{}", plan.title(), plan.report());
    let rows = plan.report().rows.max(plan.report().purchases.lines);
    println!(
        "{rows} rows in {seconds:.3} s: {:.0} rows a second; {records} records in {batches} batches",
        rows as f64 / seconds
    );
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    println!("{}", status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or("peak memory unknown"));
    Ok(())
}
