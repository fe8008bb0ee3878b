//! Peers: programs of others that do the same on the same data, run in a Python environment of
//! their own under the target directory.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};

use super::Context;
use crate::process;

const PACKAGES: [&str; 4] = ["numpy", "pandas", "lightgbm", "scikit-learn"];

/// The Python of an environment that has [`PACKAGES`], made on first use.
fn python(context: &Context) -> Result<PathBuf> {
    let environment = context.workspace.target.join("peers");
    let python = environment.join("bin/python");
    if !python.exists() {
        process::check(Command::new("python3").args(["-m", "venv"]).arg(&environment))?;
    }
    let mut install = Command::new(&python);
    install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]).args(PACKAGES);
    install.stdout(Stdio::null());
    process::check(&mut install)?;
    Ok(python)
}

/// What a baseline script beside the data sets prints.
fn baseline(context: &Context, script: &str) -> Result<String> {
    let file = context.workspace.data().join("../baselines").join(script);
    ensure!(file.exists(), "{} is not there", file.display());
    process::read(Command::new(python(context)?).arg(file))
}

/// The share that came true of the lists of a LightGBM ranker over account–product pairs: whole
/// lists, and lists of products new to the account, each the mean over the days of the goal.
pub fn lightgbm_lists(context: &Context) -> Result<(f64, f64)> {
    let printed = baseline(context, "list_ranker.py")?;
    Ok((mean_after(&printed, "whole")?, mean_after(&printed, "new")?))
}

/// Seconds in which LightGBM fits the bank data, and microseconds in which it predicts a row.
pub fn lightgbm_speed(context: &Context) -> Result<(f64, f64)> {
    let script = context.workspace.target.join("peers/speed.py");
    let python = python(context)?;
    fs::write(&script, include_str!("speed.py"))?;
    let data = context.data("bank_marketing/bank-additional-first80.csv.gz")?;
    let printed = process::read(Command::new(python).arg(script).arg(data))?;
    let mut numbers = printed.split_whitespace().map(str::parse::<f64>);
    let mut next = || numbers.next().context("too few numbers")?.context("no number");
    Ok((next()?, next()?))
}

/// The mean of the first numbers in the brackets that follow a word.
fn mean_after(printed: &str, word: &str) -> Result<f64> {
    let mut numbers = Vec::new();
    for line in printed.lines().filter(|line| line.contains(word)) {
        let (_, rest) = line.split_once(&format!("{word} (")).context("no brackets")?;
        let rest = rest.strip_prefix("np.float64(").unwrap_or(rest);
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        numbers.push(rest[..end].parse::<f64>().with_context(|| format!("no number in {line:?}"))?);
    }
    ensure!(!numbers.is_empty(), "nothing was printed about {word}");
    Ok(numbers.iter().sum::<f64>() / numbers.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_are_read_whatever_numpy_calls_its_numbers() {
        let printed = "2011-06-01 whole (np.float64(0.25), np.float64(0.5), 360) new (0.125, 0.2, 360)\n\
                       2011-08-01 whole (np.float64(0.75), np.float64(0.5), 360) new (0.375, 0.2, 360)\n";
        assert_eq!(mean_after(printed, "whole").unwrap(), 0.5);
        assert_eq!(mean_after(printed, "new").unwrap(), 0.25);
        assert!(mean_after(printed, "other").is_err());
    }
}
