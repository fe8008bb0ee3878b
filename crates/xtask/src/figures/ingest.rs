//! `ingest.postgres.per_s`: interactions that the profile service takes a second from one client
//! stream into Postgres, beside a bare `COPY` of the same rows into a table of the same shape.

use std::fmt::Write as _;

use anyhow::{Context as _, Result};
use salient_testkit::{Postgres, PostgresOptions};

use super::{Context, Figure, Group, copy, process::Running, suite::measured};
use crate::install;

const PER_S: &str = "ingest.postgres.per_s";
const GOAL: f64 = 20_000.0;
const RUNS: usize = 3;
/// Sustained: some seconds, and far more rows than a batch has.
const INTERACTIONS: u64 = 300_000;
const HOURS: i64 = 1;

pub const GROUP: Group = Group { names: || vec![PER_S.to_owned()], measure };

fn measure(context: &Context, _wanted: &[String]) -> Result<Vec<Figure>> {
    install::ensure_servers()?;
    let binaries = context.binaries()?;
    // commits reach the disk here, as they do where the product runs
    let postgres = Postgres::start(&PostgresOptions { directory: None, durable: true })?;
    let url = postgres.url();
    let (server, _) = url.rsplit_once('/').context("an address without a database")?;
    let (mut rates, mut copies) = (Vec::new(), Vec::new());
    for run in 0..RUNS {
        postgres.query(&url, &format!("create database ingest_{run}"))?;
        let store = format!("{server}/ingest_{run}");
        let directory = tempfile::tempdir()?;
        let running = Running::start_on("profile", &binaries, directory.path(), store.clone())?;
        let address = format!("http://{}", running.service.listen);
        let token = running.key.mint("measure", "measure", "integration", HOURS)?;
        let found = measured(context, &["interactions", &address, &token, &INTERACTIONS.to_string()])?;
        rates.push(found["per_s"].as_f64().context("no rate was measured")?);
        drop(running);
        copies.push(copied(&postgres, &store)?);
        postgres.query(&url, &format!("drop database ingest_{run} with (force)"))?;
    }
    postgres.stop();
    let mut figure = Figure::of_runs(PER_S, "interactions/s", rates)?.goal(GOAL);
    figure.beside = Some(Figure::of_runs("copy", "rows/s", copies)?.value);
    figure.beside_what = Some("rows/s of a bare COPY of the same rows, same run");
    Ok(vec![figure])
}

/// Rows a second of a bare `COPY` of what the service stored, without its indices.
fn copied(postgres: &Postgres, store: &str) -> Result<f64> {
    let columns = "id, source, source_id, account_id, occur_time, kind, body, hash, create_time";
    let rows = postgres
        .query(store, &format!("copy (select {columns} from interactions) to stdout with (format csv)"))?;
    postgres.query(
        store,
        "create table bare (id uuid, source text, source_id text, account_id uuid, occur_time bigint, \
         kind bigint, body bytea, hash bytea, create_time bigint)",
    )?;
    let mut csv = String::with_capacity(rows.len() + 100);
    writeln!(csv, "{columns}")?;
    writeln!(csv, "{rows}")?;
    let seconds = copy::copy(postgres, store, csv.as_bytes())?;
    Ok(rows.lines().count() as f64 / seconds)
}
