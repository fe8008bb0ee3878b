//! `customer360.p99_ms`: how long everything about a customer with much history takes to read.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use salient_testkit::{Guard, GuardSpec, Postgres, PostgresOptions};
use serde_json::Value;

use super::{Context, Figure, Group};
use crate::install;
use crate::services::{Backing, Service, require_program};
use crate::token::Key;

const P99: &str = "customer360.p99_ms";
const GOAL_MS: f64 = 10.0;
const DATABASE: &str = "customer";
const PATIENCE: Duration = Duration::from_secs(30);

pub const GROUP: Group = Group { names, measure };

fn names() -> Vec<String> {
    vec![P99.to_owned()]
}

fn measure(context: &Context, _wanted: &[String]) -> Result<Vec<Figure>> {
    let binaries = context.binaries()?;
    install::ensure_servers()?;
    let directory = tempfile::tempdir()?;
    let service = Service::place("profile", &binaries, directory.path())?;
    require_program(&service)?;
    // commits reach the disk here, as they do where the product runs
    let postgres = Postgres::start(&PostgresOptions { directory: None, durable: true })?;
    postgres.query(&postgres.url(), &format!("create database {DATABASE}"))?;
    let server = postgres.url();
    let (server, _) = server.rsplit_once('/').context("an address without a database")?;
    let key = Key::generate()?;
    let backing = Backing { store: format!("{server}/{DATABASE}"), bus: None };
    service.configure(&key, &backing, &[], None)?;
    let log = directory.path().join("log");
    let mut guard = Guard::start(&GuardSpec::new(service.command(), directory.path(), log))?;
    let begin = Instant::now();
    while !service.ready() {
        if guard.ended().is_some() || begin.elapsed() > PATIENCE {
            bail!("the profile service was not ready:\n{}", guard.log_tail(20));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let token = key.mint("measure", "measure", "integration", 1)?;
    let output = Command::new(binaries.join("examples/customer"))
        .arg(format!("http://{}", service.listen))
        // not as an argument, which every user of the machine could read
        .env("TOKEN", token)
        .stderr(Stdio::inherit())
        .output()?;
    drop(guard);
    postgres.stop();
    ensure!(output.status.success(), "the client ended with {}", output.status);
    let found: Value = serde_json::from_slice(&output.stdout)?;
    let number = |key: &str| found[key].as_f64().with_context(|| format!("{key} was not measured"));
    eprintln!("customer360: {found}");
    let mut figure = Figure::of_runs(P99, "ms", vec![number("p99_ms")?])?.goal(GOAL_MS);
    (figure.low, figure.high) = (Some(number("p50_ms")?), Some(number("worst_ms")?));
    figure.beside = Some(number("account_p99_ms")?);
    figure.beside_what =
        Some("p99 of GetAccount in between; the interval is from the median to the worst call");
    Ok(vec![figure])
}
