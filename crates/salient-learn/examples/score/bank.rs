//! Calls that sell a deposit: will the customer say yes? Rows are in the order of time.

use std::time::Instant;

use salient_learn::{
    frame::{Frame, Reading},
    metrics::auc,
    model::{Learner as _, Model as _},
    tabular::{Config, Encoder, Leak, Predictor},
};

use crate::{Figures, Result, keep, read, split::stratified};

/// Fits and predictions that are timed.
const RUNS: usize = 5;
const FILE: &str = "bank_marketing/bank-additional-first80.csv.gz";

pub fn measure(figures: &mut Figures) -> Result<()> {
    let (frame, labels) = load()?;
    let rows = labels.len();
    let all: Vec<usize> = (0..rows).collect();
    let (earlier, later) = all.split_at(rows * 8 / 10);
    judge(figures, "bank.random", (&frame, &labels), &stratified(&labels, 0.2, 0))?;
    judge(figures, "bank.order", (&frame, &labels), &(earlier.to_vec(), later.to_vec()))?;
    speed(figures, &frame.drop(&["duration"])?, &labels)
}

/// How long boosted trees take to fit, and to predict a row: the best of a few runs, on the rows of
/// the random split, from the table on.
fn speed(figures: &mut Figures, frame: &Frame, labels: &[f64]) -> Result<()> {
    let (train, test) = stratified(labels, 0.2, 0);
    let (encoder, _) = Encoder::fit(&frame.select(&train)?)?;
    let (table, later) = (encoder.table(&frame.select(&train)?)?, encoder.table(&frame.select(&test)?)?);
    let y = |rows: &[usize]| rows.iter().map(|&row| labels[row]).collect::<Vec<_>>();
    let (learner, known) = (Config::default().boosted(), y(&train));
    let (mut fit, mut predict) = (f64::INFINITY, f64::INFINITY);
    for _ in 0..RUNS {
        let begin = Instant::now();
        let model = learner.fit(&table, &known)?;
        fit = fit.min(begin.elapsed().as_secs_f64());
        let begin = Instant::now();
        let found = model.predict(&later);
        predict = predict.min(begin.elapsed().as_secs_f64() * 1e6 / found.len() as f64);
        figures.insert("train.auc".to_owned(), auc(&y(&test), &found));
    }
    println!("trees: fitted in {fit:.2} s, {predict:.2} µs a row");
    figures.insert("train.seconds".to_owned(), fit);
    figures.insert("predict.us_per_row".to_owned(), predict);
    Ok(())
}

fn judge(
    figures: &mut Figures,
    name: &str,
    (frame, labels): (&Frame, &[f64]),
    (train, test): &(Vec<usize>, Vec<usize>),
) -> Result<()> {
    let y = |rows: &[usize]| rows.iter().map(|&row| labels[row]).collect::<Vec<_>>();
    let begin = Instant::now();
    let model = Predictor::train(&frame.select(train)?, &y(train), &Config::default())?;
    println!("{name}: {:?} in {:.1} s", model.chosen, begin.elapsed().as_secs_f64());
    for suspect in &model.suspects {
        let leak = matches!(suspect.leak, Leak::AheadOfAll { .. });
        println!("{name}: left out{}: {}", if leak { "" } else { " at once" }, suspect.words());
    }
    let p = model.probabilities(&frame.select(test)?)?;
    keep(figures, name, &y(test), &p)
}

/// All columns but the outcome; `duration`, known only after the call, is among them: the guard has
/// to find it.
fn load() -> Result<(Frame, Vec<f64>)> {
    let text = read(FILE)?;
    let mut reader = csv::ReaderBuilder::new().delimiter(b';').from_reader(text.as_bytes());
    let head = reader.headers()?.clone();
    let names: Vec<&str> = head.iter().filter(|name| *name != "y").collect();
    let outcome = head.iter().position(|name| name == "y").ok_or("no column y")?;
    let records = reader.records().collect::<std::result::Result<Vec<_>, _>>()?;
    let labels = records.iter().map(|row| f64::from(u8::from(&row[outcome] == "yes"))).collect();
    let rows: Vec<Vec<&str>> = records
        .iter()
        .map(|row| row.iter().enumerate().filter(|(at, _)| *at != outcome).map(|(_, cell)| cell).collect())
        .collect();
    Ok((Frame::from_texts(&names, &rows, &Reading::default())?, labels))
}
