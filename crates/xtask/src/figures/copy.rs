//! What a bare `COPY` of the order lines reaches on Postgres: the limit that an
//! import is measured against.

use std::fs;
use std::io::{Read as _, Write as _};
use std::process::Stdio;

use anyhow::{Context as _, Result, ensure};
use salient_testkit::{Postgres, PostgresOptions};

use super::{Context, Figure, Group};
use crate::install;

const RUNS: usize = 5;
const LINES_PER_S: &str = "import.postgres.copy_lines_per_s";

pub const GROUP: Group = Group { names, measure };

fn names() -> Vec<String> {
    vec![LINES_PER_S.to_owned()]
}

fn measure(context: &Context, _wanted: &[String]) -> Result<Vec<Figure>> {
    let file = context.data("online_retail/online_retail.csv.gz")?;
    install::ensure_servers()?;
    let mut text = Vec::new();
    flate2::read::MultiGzDecoder::new(fs::File::open(&file)?)
        .read_to_end(&mut text)
        .with_context(|| format!("unpack {}", file.display()))?;
    // Commits reach the disk here, as they do where the product runs.
    let postgres = Postgres::start(&PostgresOptions { directory: None, durable: true })?;
    let runs = lines_per_s(&postgres, &text)?;
    postgres.stop();
    Ok(vec![Figure::of_runs(LINES_PER_S, "lines/s", runs)?])
}

/// Copies the lines (CSV with a heading) into a table without keys, some times.
pub fn lines_per_s(postgres: &Postgres, csv: &[u8]) -> Result<Vec<f64>> {
    let url = postgres.url();
    postgres.query(
        &url,
        "create table bare (invoice text, product text, description text, quantity integer, \
         at timestamp, price numeric, customer text, country text)",
    )?;
    let mut rates = Vec::new();
    // The first run warms up.
    for _ in 0..=RUNS {
        postgres.query(&url, "truncate bare")?;
        let seconds = copy(postgres, &url, csv)?;
        let lines: f64 = postgres.query(&url, "select count(*) from bare")?.parse()?;
        rates.push(lines / seconds);
    }
    Ok(rates.split_off(1))
}

/// The seconds that one `COPY` of CSV with a heading into the table `bare` took, without the
/// client's start.
pub fn copy(postgres: &Postgres, url: &str, csv: &[u8]) -> Result<f64> {
    let mut child = postgres
        .psql(url)
        .args(["-c", "\\timing on", "-c"])
        .arg("copy bare from stdin with (format csv, header)")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .context("start psql")?;
    let mut input = child.stdin.take().context("psql takes no input")?;
    // psql prints only after it has read everything: this cannot block both.
    input.write_all(csv).context("hand the lines to psql")?;
    drop(input);
    let output = child.wait_with_output()?;
    ensure!(output.status.success(), "psql ended with {}", output.status);
    let text = String::from_utf8_lossy(&output.stdout);
    let ms: f64 = text
        .lines()
        .find_map(|line| line.strip_prefix("Time: ")?.split(' ').next()?.parse().ok())
        .with_context(|| format!("psql told no time: {text}"))?;
    Ok(ms / 1e3)
}
