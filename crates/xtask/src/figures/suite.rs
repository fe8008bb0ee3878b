//! What the whole suite does with a real company's history: how good its lists are, how long the
//! demo takes, how fast plans are read and order lines are imported.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use salient_testkit::{Postgres, PostgresOptions};
use serde_json::Value;

use super::{Context, Figure, Group, copy, number, peers};
use crate::install;

/// The days of the goal; the share that came true is averaged over them.
const DAYS: &str = "2011-06-01,2011-08-01,2011-09-11,2011-10-10,2011-11-09";
const DATA: &str = "online_retail/online_retail.csv.gz";
const RUNS: usize = 3;
/// How long plans are read, seconds.
const READING: &str = "5";

const KEPT: &str = "list.whole.kept";
const PROMISED: &str = "list.whole.promised";
const NEW_KEPT: &str = "list.new.kept";
const NEW_PROMISED: &str = "list.new.promised";
const DEMO_SECONDS: &str = "demo.seconds";
const DEMO_MIB: &str = "demo.peak_mib";
const PLAN: &str = "plan.seller.p99_ms";
const SCORE: &str = "score.one.p99_ms";
const SQLITE: &str = "import.sqlite.lines_per_s";
const POSTGRES: &str = "import.postgres.share_of_copy";

pub const LISTS: Group = Group { names: || names(&[KEPT, PROMISED, NEW_KEPT, NEW_PROMISED]), measure: lists };
pub const DEMO: Group = Group { names: || names(&[DEMO_SECONDS, DEMO_MIB, PLAN, SCORE]), measure: demo };
pub const IMPORT: Group = Group { names: || names(&[SQLITE, POSTGRES]), measure: import };

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

/// One figure of a list, with its interval and what it is measured against.
fn share(name: &str, found: &Value, beside: Option<(f64, &'static str)>, goal: f64) -> Result<Figure> {
    let number = |key: &str| found["kept"][key].as_f64();
    let mut figure = Figure::of_runs(name, "share", vec![number("value").context("no share")?])?.goal(goal);
    (figure.low, figure.high) = (number("low"), number("high"));
    figure.beside = beside.map(|(value, _)| value);
    figure.beside_what = beside.map(|(_, what)| what);
    Ok(figure)
}

fn lists(context: &Context, wanted: &[String]) -> Result<Vec<Figure>> {
    let data = context.data(DATA)?;
    let output = Command::new(context.binaries()?.join("salient"))
        .args(["backtest", "--json", "--as-of", DAYS, "--data"])
        .arg(&data)
        .stderr(Stdio::inherit())
        .output()?;
    ensure!(output.status.success(), "the backtest ended with {}", output.status);
    let found: Value = serde_json::from_slice(&output.stdout)?;
    let of = |list: &str| -> Result<&Value> {
        let all = found["mean"].as_array().context("no lists")?;
        all.iter().find(|entry| entry["list"] == list).with_context(|| format!("no list {list}"))
    };
    let (whole, new) = (of("plan")?, of("plan, products new to the account")?);
    let promised = |name: &str, of: &Value| -> Result<Figure> {
        let value = of["promised"].as_f64().context("no promise")?;
        let mut figure = Figure::of_runs(name, "share", vec![value])?;
        figure.beside = of["kept"]["value"].as_f64();
        figure.beside_what = Some("share that came true; at most 0.05 apart");
        Ok(figure)
    };
    let ranker = "LightGBM pair ranker";
    let (peer_whole, peer_new) = match context.peers {
        true => {
            let (whole, new) = peers::lightgbm_lists(context)?;
            (Some((whole, ranker)), Some((new, ranker)))
        }
        false => (None, Some((0.100, "LightGBM pair ranker, as stored"))),
    };
    let own = of("most often bought by the account")?["kept"]["value"].as_f64().unwrap_or_default();
    let figures = vec![
        share(KEPT, whole, peer_whole.or(Some((own, "most often bought own product, same run"))), 0.41)?,
        promised(PROMISED, whole)?,
        share(NEW_KEPT, new, peer_new, 0.10)?,
        promised(NEW_PROMISED, new)?,
    ];
    Ok(figures.into_iter().filter(|figure| wanted.contains(&figure.figure)).collect())
}

/// A demo that was started, killed when dropped.
struct Demo(Child);

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn demo(context: &Context, wanted: &[String]) -> Result<Vec<Figure>> {
    let data = context.data(DATA)?;
    let salient = context.binaries()?.join("salient");
    let wants = |name: &str| wanted.iter().any(|wanted| wanted == name);
    let mut figures = Vec::new();
    if wants(DEMO_SECONDS) || wants(DEMO_MIB) {
        let (mut seconds, mut mib) = (Vec::new(), Vec::new());
        for _ in 0..RUNS {
            let home = tempfile::tempdir()?;
            let (took, peak) = once(&salient, &data, home.path())?;
            seconds.push(took);
            mib.push(peak);
        }
        figures.push(Figure::of_runs(DEMO_SECONDS, "s", seconds)?.goal(20.0));
        figures.push(Figure::of_runs(DEMO_MIB, "MiB", mib)?.goal(1024.0));
    }
    if wants(PLAN) || wants(SCORE) {
        let found = reading(context, &salient, &data)?;
        figures.extend(found.into_iter().filter(|figure| wants(&figure.figure)));
    }
    Ok(figures)
}

/// Seconds from start to end of a first demo, and the most memory it held.
fn once(salient: &Path, data: &Path, home: &Path) -> Result<(f64, f64)> {
    let started = Instant::now();
    let mut child = Command::new(salient)
        .args(["demo", "--once", "--json", "--data"])
        .arg(data)
        .arg("--dir")
        .arg(home)
        .current_dir(home)
        .stdout(Stdio::null())
        .spawn()?;
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0.0_f64;
    loop {
        // the kernel keeps the high-water mark; the last look before the end has it
        if let Ok(text) = fs::read_to_string(&status) {
            let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
            let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
            peak = peak.max(kib.unwrap_or_default() / 1024.0);
        }
        if let Some(ended) = child.try_wait()? {
            ensure!(ended.success(), "the demo ended with {ended}");
            return Ok((started.elapsed().as_secs_f64(), peak));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn reading(context: &Context, salient: &Path, data: &Path) -> Result<Vec<Figure>> {
    let home = tempfile::tempdir()?;
    let mut child = Command::new(salient)
        .args(["demo", "--data"])
        .arg(data)
        .arg("--dir")
        .arg(home.path())
        .current_dir(home.path())
        .stdout(Stdio::piped())
        .spawn()?;
    let output = child.stdout.take().context("the demo has no output")?;
    let demo = Demo(child);
    let mut lines = BufReader::new(output).lines();
    let serving = lines.by_ref().map_while(Result::ok).any(|line| line.starts_with("Serving"));
    ensure!(serving, "the demo ended before it served");
    let session = home.path().join(".salient/session.json");
    let session = session.display().to_string();
    let plans = measured(context, &["plan", &session, READING])?;
    let scores = measured(context, &["scores", &session, READING])?;
    drop(demo);
    let mut plan = Figure::of_runs(PLAN, "ms", vec![number(&plans, "p99_ms")?])?.goal(20.0);
    plan.beside = Some(number(&plans, "p50_ms")?);
    plan.beside_what = Some("median of the same calls");
    let mut score = Figure::of_runs(SCORE, "ms", vec![number(&scores, "p99_ms")?])?.goal(5.0);
    score.beside = Some(number(&scores, "bare_p99_ms")?);
    score.beside_what = Some("p99 of GetGradeBounds, one row, in between");
    Ok(vec![plan, score])
}

/// What `examples/measure.rs` of the command line prints.
pub fn measured(context: &Context, arguments: &[&str]) -> Result<Value> {
    let program = context.binaries()?.join("examples/measure");
    let output = Command::new(program).args(arguments).stderr(Stdio::inherit()).output()?;
    ensure!(output.status.success(), "measure {} ended with {}", arguments.join(" "), output.status);
    Ok(serde_json::from_slice(&output.stdout)?)
}

fn import(context: &Context, wanted: &[String]) -> Result<Vec<Figure>> {
    let data = context.data(DATA)?;
    let file = data.display().to_string();
    let mut figures = Vec::new();
    let rate = |store: &str| -> Result<f64> {
        measured(context, &["import", &file, store])?["lines_per_s"].as_f64().context("no rate was measured")
    };
    if wanted.iter().any(|name| name == SQLITE) {
        let rates = (0..RUNS).map(|_| {
            let home = tempfile::tempdir()?;
            rate(&format!("sqlite:{}", home.path().join("profile.db").display()))
        });
        figures.push(Figure::of_runs(SQLITE, "lines/s", rates.collect::<Result<_>>()?)?.goal(100_000.0));
    }
    if wanted.iter().any(|name| name == POSTGRES) {
        install::ensure_servers()?;
        let mut text = Vec::new();
        flate2::read::MultiGzDecoder::new(fs::File::open(&data)?).read_to_end(&mut text)?;
        // commits reach the disk here, as they do where the product runs
        let postgres = Postgres::start(&PostgresOptions { directory: None, durable: true })?;
        let copies = Figure::of_runs("copy", "lines/s", copy::lines_per_s(&postgres, &text)?)?;
        let mut shares = Vec::new();
        for run in 0..RUNS {
            postgres.query(&postgres.url(), &format!("create database import_{run}"))?;
            let server = postgres.url();
            let (server, _) = server.rsplit_once('/').context("an address without a database")?;
            shares.push(rate(&format!("{server}/import_{run}"))? / copies.value);
        }
        postgres.stop();
        let mut figure = Figure::of_runs(POSTGRES, "share", shares)?.goal(0.6);
        figure.beside = Some(copies.value);
        figure.beside_what = Some("lines/s of a bare COPY of the same rows, same run");
        figures.push(figure);
    }
    Ok(figures)
}
