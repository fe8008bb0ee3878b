//! `linkage.*` and `resolve.million.*`: how well records of one customer are found, and how fast.

use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::{Context, Figure, Group};
use crate::{process, workspace};

/// F1 by data set: its goal, and what a simple way of the baselines reaches.
const SETS: [(&str, f64, Option<(f64, &str)>); 4] = [
    ("febrl4", 0.995, Some((0.9951, "Fellegi–Sunter of recordlinkage, as stored"))),
    ("febrl1", 0.995, Some((0.9970, "four of seven fields agree, as stored"))),
    ("abtbuy", 0.88, Some((0.8790, "trigram cosine, mutual best, as stored"))),
    ("model_company", 0.98, None),
];
const SECONDS: &str = "resolve.million.seconds";
const MIB: &str = "resolve.million.peak_mib";

pub const GROUP: Group = Group { names, measure };

fn names() -> Vec<String> {
    let sets = SETS.iter().map(|(name, ..)| format!("linkage.{name}.f1"));
    sets.chain([SECONDS, MIB].map(str::to_owned)).collect()
}

/// What an example of the crate prints as JSON.
fn example(context: &Context, name: &str, arguments: &[&str]) -> Result<Value> {
    let mut build = workspace::cargo();
    build.args(["build", "--quiet", "--release", "-p", "salient-linkage", "--example", name]);
    process::check(&mut build)?;
    let program = context.workspace.target.join("release/examples").join(name);
    let output = Command::new(program).args(arguments).stderr(Stdio::inherit()).output()?;
    ensure!(output.status.success(), "{name} ended with {}", output.status);
    let text = String::from_utf8(output.stdout)?;
    let last = text.lines().last().context("nothing was printed")?;
    Ok(serde_json::from_str(last)?)
}

fn measure(context: &Context, wanted: &[String]) -> Result<Vec<Figure>> {
    let mut figures = Vec::new();
    let number = |found: &Value, key: &str| found[key].as_f64().with_context(|| format!("no {key}"));
    if wanted.iter().any(|name| name.starts_with("linkage.")) {
        context.data("record_linkage")?;
        let found = example(context, "accuracy", &[])?;
        for (name, goal, beside) in SETS {
            let figure = format!("linkage.{name}.f1");
            let mut figure = Figure::of_runs(&figure, "share", vec![number(&found, name)?])?.goal(goal);
            (figure.low, figure.high) = (None, None);
            figure.beside = beside.map(|(value, _)| value);
            figure.beside_what = beside.map(|(_, what)| what);
            figures.push(figure);
        }
    }
    if wanted.iter().any(|name| name.starts_with("resolve.")) {
        let found = example(context, "resolve_million", &[])?;
        figures.push(Figure::of_runs(SECONDS, "s", vec![number(&found, "seconds")?])?.goal(300.0));
        figures.push(Figure::of_runs(MIB, "MiB", vec![number(&found, "peak_rss_mib")?])?.goal(4096.0));
    }
    Ok(figures.into_iter().filter(|figure| wanted.contains(&figure.figure)).collect())
}
