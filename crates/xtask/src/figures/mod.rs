//! `cargo xtask figures`: what the issues promise, measured.
//!
//! Each figure is one JSON line on standard output; everything else goes to
//! standard error. A figure belongs to a [`Group`], which measures together
//! what is measured together.
//!
//! To add a figure: add its name and its measurement to a group's module, or a
//! module with a `GROUP` and a line in [`GROUPS`]. `beside` is the bare limit
//! or the peer, from the same run where that is possible; goals stand in the
//! code, beside what they judge.

mod copy;
mod customer;
mod ingest;
mod linkage;
mod peers;
mod process;
mod scores;
mod segments;
mod suite;

use std::cell::OnceCell;
use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context as _, Result, ensure};
use serde::Serialize;
use serde_json::Value;

use crate::workspace::{self, Workspace};
use crate::{process as programs, services};

/// What to measure.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only figures whose names begin with this
    prefix: Option<String>,
    /// Also measure peers; may install Python packages under target/
    #[arg(long)]
    peers: bool,
    /// Use the release programs in this directory instead of building them
    #[arg(long, value_name = "DIR")]
    binaries: Option<PathBuf>,
    /// Only print the names
    #[arg(long)]
    list: bool,
}

/// One measured figure.
#[derive(Debug, Clone, Serialize)]
pub struct Figure {
    /// Its name, for example `start.profile.ms`.
    pub figure: String,
    /// What was measured.
    pub value: f64,
    /// The lower end of its interval: the least of the runs, for a time.
    pub low: Option<f64>,
    /// The upper end.
    pub high: Option<f64>,
    /// What the value is compared with.
    pub beside: Option<f64>,
    /// What that is.
    pub beside_what: Option<&'static str>,
    /// What an issue asks for.
    pub goal: Option<f64>,
    /// Of value, interval, beside and goal.
    pub unit: &'static str,
}

impl Figure {
    /// The median of some runs, with the least and the most as the interval.
    pub fn of_runs(name: &str, unit: &'static str, mut runs: Vec<f64>) -> Result<Self> {
        ensure!(!runs.is_empty(), "{name} was not measured");
        runs.sort_by(f64::total_cmp);
        let middle = runs.len() / 2;
        let value = if runs.len().is_multiple_of(2) {
            f64::midpoint(runs[middle - 1], runs[middle])
        } else {
            runs[middle]
        };
        Ok(Self {
            figure: name.to_owned(),
            value,
            low: runs.first().copied(),
            high: runs.last().copied(),
            beside: None,
            beside_what: None,
            goal: None,
            unit,
        })
    }

    /// With what an issue asks for.
    pub fn goal(mut self, goal: f64) -> Self {
        self.goal = Some(goal);
        self
    }
}

/// Figures that are measured together.
pub struct Group {
    /// Their names.
    pub names: fn() -> Vec<String>,
    /// Measures those of the names that are wanted.
    pub measure: fn(&Context, &[String]) -> Result<Vec<Figure>>,
}

/// In the order of their cost, the cheap ones first.
const GROUPS: [Group; 11] = [
    process::GROUP,
    copy::GROUP,
    customer::GROUP,
    linkage::GROUP,
    scores::GROUP,
    scores::MILLION,
    ingest::GROUP,
    segments::GROUP,
    suite::IMPORT,
    suite::DEMO,
    suite::LISTS,
];

/// What measurements share.
pub struct Context {
    /// The repository.
    pub workspace: Workspace,
    /// Whether peers are measured too.
    pub peers: bool,
    binaries: OnceCell<PathBuf>,
}

impl Context {
    /// The directory of the release binaries and of the examples that measure them, built on first
    /// use.
    pub fn binaries(&self) -> Result<PathBuf> {
        if let Some(binaries) = self.binaries.get() {
            return Ok(binaries.clone());
        }
        let binaries = services::build(
            &self.workspace,
            true,
            &["-p", "salient", "--example", "measure", "--example", "customer"],
        )?;
        Ok(self.binaries.get_or_init(|| binaries).clone())
    }

    /// The last line that an example prints, which is JSON; the example is built first, unless it
    /// stands among the given programs.
    pub fn example(&self, package: &str, name: &str, arguments: &[&str]) -> Result<Value> {
        let given = self.binaries.get().map(|binaries| binaries.join("examples").join(name));
        let program = match given.filter(|program| program.exists()) {
            Some(program) => program,
            None => {
                let mut build = workspace::cargo();
                build.args(["build", "--quiet", "--release", "-p", package, "--example", name]);
                programs::check(&mut build)?;
                self.workspace.target.join("release/examples").join(name)
            }
        };
        let output = Command::new(program).args(arguments).stderr(Stdio::inherit()).output()?;
        ensure!(output.status.success(), "{name} ended with {}", output.status);
        let text = String::from_utf8(output.stdout)?;
        let last = text.lines().last().context("nothing was printed")?;
        Ok(serde_json::from_str(last)?)
    }

    /// A file of the shared data sets, or a word on its absence.
    pub fn data(&self, file: &str) -> Result<PathBuf> {
        let path = self.workspace.data().join(file);
        ensure!(path.exists(), "{} is not there", path.display());
        Ok(path)
    }
}

/// A number that an example printed.
fn number(found: &Value, key: &str) -> Result<f64> {
    found[key].as_f64().with_context(|| format!("no {key}"))
}

/// Measures and prints; a figure that cannot be measured is reported and the
/// others are still measured.
pub async fn run(arguments: Args) -> Result<ExitCode> {
    let prefix = arguments.prefix.unwrap_or_default();
    let wanted: Vec<(&Group, Vec<String>)> = GROUPS
        .iter()
        .map(|group| {
            let names = (group.names)().into_iter();
            (group, names.filter(|name| name.starts_with(&prefix)).collect())
        })
        .filter(|(_, names): &(_, Vec<String>)| !names.is_empty())
        .collect();
    ensure!(!wanted.is_empty(), "no figure begins with {prefix:?}");
    if arguments.list {
        let names = wanted.iter().flat_map(|(_, names)| names);
        names.for_each(|name| println!("{name}"));
        return Ok(ExitCode::SUCCESS);
    }
    let binaries = arguments.binaries.map(std::path::absolute).transpose()?;
    let binaries = binaries.map_or_else(OnceCell::new, OnceCell::from);
    let context = Context { workspace: Workspace::find()?, peers: arguments.peers, binaries };
    let mut failed = false;
    for (group, names) in wanted {
        match (group.measure)(&context, &names) {
            Ok(figures) => {
                for figure in figures {
                    println!("{}", serde_json::to_string(&figure)?);
                }
            }
            Err(error) => {
                failed = true;
                eprintln!("not measured: {}: {error:#}", names.join(", "));
            }
        }
    }
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_is_the_median_of_its_runs() {
        let figure = Figure::of_runs("x.ms", "ms", vec![3.0, 1.0, 2.0, 10.0]).unwrap();
        assert_eq!((figure.value, figure.low, figure.high), (2.5, Some(1.0), Some(10.0)));
        assert!(Figure::of_runs("x.ms", "ms", Vec::new()).is_err());
    }

    #[test]
    fn names_are_unique() {
        let mut names: Vec<String> = GROUPS.iter().flat_map(|group| (group.names)()).collect();
        let all = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), all);
    }
}
