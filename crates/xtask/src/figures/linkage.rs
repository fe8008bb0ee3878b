//! `linkage.*` and `resolve.million.*`: how well records of one customer are found, and how fast.

use anyhow::Result;

use super::{Context, Figure, Group, number};

const CRATE: &str = "salient-linkage";

/// A data set: its goal for F1, and what a simple way of the baselines reaches.
struct Set {
    name: &'static str,
    goal: f64,
    beside: Option<f64>,
    beside_what: Option<&'static str>,
}

const fn set(name: &'static str, goal: f64, beside: f64, beside_what: &'static str) -> Set {
    Set { name, goal, beside: Some(beside), beside_what: Some(beside_what) }
}

const SETS: [Set; 4] = [
    set("febrl4", 0.995, 0.9951, "Fellegi–Sunter of recordlinkage, as stored"),
    set("febrl1", 0.995, 0.9970, "four of seven fields agree, as stored"),
    set("abtbuy", 0.88, 0.8790, "trigram cosine, mutual best, as stored"),
    Set { name: "model_company", goal: 0.98, beside: None, beside_what: None },
];
const SECONDS: &str = "resolve.million.seconds";
const MIB: &str = "resolve.million.peak_mib";

pub const GROUP: Group = Group { names, measure };

fn names() -> Vec<String> {
    let sets = SETS.iter().map(|set| format!("linkage.{}.f1", set.name));
    sets.chain([SECONDS, MIB].map(str::to_owned)).collect()
}

fn measure(context: &Context, wanted: &[String]) -> Result<Vec<Figure>> {
    let mut figures = Vec::new();
    if wanted.iter().any(|name| name.starts_with("linkage.")) {
        context.data("record_linkage")?;
        let found = context.example(CRATE, "accuracy", &[])?;
        for set in SETS {
            let figure = format!("linkage.{}.f1", set.name);
            let f1 = number(&found, set.name)?;
            let mut figure = Figure::of_runs(&figure, "share", vec![f1])?.goal(set.goal);
            (figure.low, figure.high) = (None, None);
            (figure.beside, figure.beside_what) = (set.beside, set.beside_what);
            figures.push(figure);
        }
    }
    if wanted.iter().any(|name| name.starts_with("resolve.")) {
        let found = context.example(CRATE, "resolve_million", &[])?;
        let mut seconds = Figure::of_runs(SECONDS, "s", vec![number(&found, "seconds")?])?.goal(300.0);
        seconds.beside = Some(number(&found, "seconds_bare")?);
        seconds.beside_what = Some("every record made, and every value of it looked up once");
        figures.push(seconds);
        figures.push(Figure::of_runs(MIB, "MiB", vec![number(&found, "peak_rss_mib")?])?.goal(4096.0));
    }
    Ok(figures.into_iter().filter(|figure| wanted.contains(&figure.figure)).collect())
}
