//! Which learner, over how much of the past: decided by what each would have promised.
//!
//! Rows come in the order of time. The later half is cut into blocks, and every candidate (a learner
//! and a window that grows with the past or slides along its end) predicts each block from the rows
//! before it (prequential validation, Dawid 1984; Gama, Sebastião and Rodrigues 2013). The smallest
//! log loss wins, each block counting half as much as the one after it, so that a past that no longer
//! holds is left behind. Unless one is clearly ahead, it is the mean over all windows that is kept: which of
//! them is right shows only afterwards, and what they get wrong differs (Pesaran and Timmermann 2007,
//! "Selection of estimation window in the presence of breaks").

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::{Calibration, Config};
use crate::{
    Error,
    bayes::BayesLearner,
    logistic::LogisticLearner,
    metrics::log_loss,
    model::{AnyModel, Learner, Model, Table, sigmoid},
    report::{Data, Options, Report},
};

/// A kind of learner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// Naive Bayes; the only one below [`Config::few`] examples of either outcome.
    Bayes,
    /// Regularised logistic regression.
    Logistic,
    /// Gradient-boosted trees.
    Trees,
    /// The mean of the two before it, in log-odds.
    Blend,
    /// The mean of that over all windows, in log-odds.
    Windows,
    /// Rules that people wrote.
    Rules,
    /// A model that was trained elsewhere.
    Onnx,
}

impl Kind {
    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Bayes => "naive_bayes",
            Self::Logistic => "logistic_regression",
            Self::Trees => "gradient_boosted_trees",
            Self::Blend => "blend",
            Self::Windows => "blend_over_windows",
            Self::Rules => "rules",
            Self::Onnx => "onnx",
        }
    }
}

/// A learner over a window, and how it did.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// The learner.
    pub kind: Kind,
    /// Share of the past, its latest part, that it learns from; 1 is all of it.
    pub window: f64,
    /// Log loss over the blocks, nats; the later block counts more. Infinite where none was predicted.
    #[serde(with = "null_if_infinite")]
    pub log_loss: f64,
}

/// JSON has no infinity.
mod null_if_infinite {
    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands out references")]
    pub(super) fn serialize<S: Serializer>(value: &f64, to: S) -> Result<S::Ok, S::Error> {
        value.is_finite().then_some(*value).serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
        Ok(Option::deserialize(from)?.unwrap_or(f64::INFINITY))
    }
}

/// What the validation came to.
pub(super) struct Chosen {
    pub candidate: Candidate,
    pub candidates: Vec<Candidate>,
    pub calibration: Calibration,
    pub measured: Option<Report>,
}

/// Blocks that the rows are cut into; the later half of them is predicted.
const BLOCKS: usize = 10;
/// What a block counts of the one after it.
const FADE: f64 = 0.5;

/// Standard errors by which one has to be ahead of the steadiest.
const CLEARLY: f64 = 2.0;

/// Predictions of one candidate for every block, log-odds; `None` where it could not learn.
struct Promises {
    candidate: Candidate,
    blocks: Vec<Option<Vec<f64>>>,
}

/// What is learned from: rows in the order of time.
#[derive(Clone, Copy)]
pub(super) struct Lessons<'a> {
    pub table: &'a Table,
    pub labels: &'a [f64],
    pub times: &'a [Asked],
    pub config: &'a Config,
}

/// When an example was asked about, and when its outcome was known; in one unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked {
    /// The cutoff of its features.
    pub at: i64,
    /// The end of the horizon.
    pub known: i64,
}

impl Lessons<'_> {
    /// The rows whose outcome was known when row `until` was asked about, the latest `window` of them.
    fn before(&self, until: usize, window: f64) -> Vec<usize> {
        let mut rows: Vec<usize> = match self.times.get(until) {
            Some(now) => (0..until).filter(|&row| self.times[row].known <= now.at).collect(),
            None => (0..until).collect(),
        };
        let from = (rows.len() as f64 * (1.0 - window)) as usize;
        rows.split_off(from)
    }
}

/// Compares the candidates over time.
pub(super) fn choose(lessons: &Lessons<'_>) -> Result<Chosen, Error> {
    let Lessons { labels, config, .. } = *lessons;
    let blocks = blocks(labels.len());
    let yes = labels.iter().filter(|&&y| y > 0.5).count();
    let few = yes.min(labels.len() - yes) < config.few;
    let (mut promises, mut blends) = (Vec::new(), Vec::new());
    for &window in &config.windows {
        let kinds: &[Kind] = if few { &[Kind::Bayes] } else { &[Kind::Logistic, Kind::Trees] };
        let mut found = Vec::new();
        for &kind in kinds {
            let told = |block: &Range<usize>| promise(lessons, (kind, window), block);
            found.push(blocks.iter().map(told).collect::<Result<Vec<_>, _>>()?);
        }
        if let [linear, grown] = found.as_slice() {
            let both: Vec<_> =
                linear.iter().zip(grown).map(|(a, b)| mean(&[a.as_deref(), b.as_deref()])).collect();
            promises.push(Promises::of(Kind::Blend, window, both.clone()));
            blends.push(both);
        }
        promises.extend(kinds.iter().zip(found).map(|(&kind, blocks)| Promises::of(kind, window, blocks)));
    }
    if blends.len() > 1 {
        // of each block those who could learn
        let learned = |block: usize| -> Vec<Option<&[f64]>> {
            blends.iter().filter_map(|of| of[block].as_deref()).map(Some).collect()
        };
        let told = (0..blocks.len()).map(|block| mean(&learned(block))).collect();
        promises.push(Promises::of(Kind::Windows, 1.0, told));
    }
    let last = blocks.len().saturating_sub(1);
    // judged on the last block: chosen and calibrated before it, as it would have been then
    let measured = match best(&promises, labels, &blocks[..last]) {
        Some((at, _)) => judged(&promises[at], labels, &blocks, config)?,
        None => None,
    };
    let Some((at, candidates)) = best(&promises, labels, &blocks) else {
        // no block had both outcomes before it
        let kind = if few { Kind::Bayes } else { Kind::Windows };
        let candidate = Candidate { kind, window: 1.0, log_loss: f64::INFINITY };
        let calibration = Calibration::default();
        return Ok(Chosen { candidate, candidates: Vec::new(), calibration, measured: None });
    };
    let calibration = calibrated(&promises[at], labels, &blocks)?;
    let candidate = candidates
        .iter()
        .copied()
        .find(|c| same(c, &promises[at].candidate))
        .unwrap_or(promises[at].candidate);
    Ok(Chosen { candidate, candidates, calibration, measured })
}

fn same(a: &Candidate, b: &Candidate) -> bool {
    a.kind == b.kind && a.window.to_bits() == b.window.to_bits()
}

impl Promises {
    fn of(kind: Kind, window: f64, blocks: Vec<Option<Vec<f64>>>) -> Self {
        Self { candidate: Candidate { kind, window, log_loss: f64::INFINITY }, blocks }
    }

    /// Loss of each row of these blocks, nats; who could not learn promises what a coin does.
    fn losses(&self, labels: &[f64], blocks: &[Range<usize>]) -> Vec<Vec<f64>> {
        let coin = |block: &Range<usize>| vec![std::f64::consts::LN_2; block.len()];
        let told = |z: &Vec<f64>, block: &Range<usize>| {
            z.iter().zip(&labels[block.clone()]).map(|(z, y)| log_loss(&[*y], &[sigmoid(*z)])).collect()
        };
        let pairs = self.blocks.iter().zip(blocks);
        pairs.map(|(z, block)| z.as_ref().map_or_else(|| coin(block), |z| told(z, block))).collect()
    }

    /// Log-odds and labels of all rows of these blocks that were predicted.
    fn told(&self, labels: &[f64], blocks: &[Range<usize>]) -> (Vec<f64>, Vec<f64>) {
        let known = self.blocks.iter().zip(blocks).filter_map(|(z, block)| Some((z.as_ref()?, block)));
        let (mut z, mut y) = (Vec::new(), Vec::new());
        for (log_odds, block) in known {
            z.extend_from_slice(log_odds);
            y.extend_from_slice(&labels[block.clone()]);
        }
        (z, y)
    }
}

fn blocks(rows: usize) -> Vec<Range<usize>> {
    (BLOCKS / 2..BLOCKS).map(|b| rows * b / BLOCKS..rows * (b + 1) / BLOCKS).collect()
}

/// The mean of all, row by row; `None` without any, or where one could not learn.
fn mean(of: &[Option<&[f64]>]) -> Option<Vec<f64>> {
    let of: Vec<&[f64]> = of.iter().copied().collect::<Option<_>>()?;
    let rows = of.first()?.len();
    Some((0..rows).map(|row| of.iter().map(|z| z[row]).sum::<f64>() / of.len() as f64).collect())
}

/// Log-odds of a block from the window before it; `None` if that has one outcome only.
fn promise(
    lessons: &Lessons<'_>,
    candidate: (Kind, f64),
    block: &Range<usize>,
) -> Result<Option<Vec<f64>>, Error> {
    match fit(lessons, candidate, block.start) {
        Ok(model) => Ok(Some(model.log_odds(&lessons.table.select(&block.clone().collect::<Vec<_>>())))),
        Err(Error::NotEnoughData { .. }) => Ok(None),
        Err(other) => Err(other),
    }
}

/// Fits on the latest `window` of what was known when row `until` was asked about.
pub(super) fn fit(
    lessons: &Lessons<'_>,
    (kind, window): (Kind, f64),
    until: usize,
) -> Result<AnyModel, Error> {
    let (config, rows) = (lessons.config, lessons.before(until, window));
    if kind == Kind::Windows {
        let of = config.windows.iter().map(|&window| fit(lessons, (Kind::Blend, window), until));
        // a short window may have one outcome only
        let of: Vec<_> = of.filter(|one| !matches!(one, Err(Error::NotEnoughData { .. }))).collect();
        if !of.is_empty() {
            return Ok(AnyModel::Mean(of.into_iter().collect::<Result<_, _>>()?));
        }
    }
    let table = lessons.table.select(&rows);
    let labels = rows.iter().map(|&row| lessons.labels[row]).collect::<Vec<_>>();
    let linear = || LogisticLearner { l2: config.l2, signed_log: true }.fit(&table, &labels);
    let grown = || config.boosted().fit(&table, &labels);
    Ok(match kind {
        Kind::Bayes => AnyModel::Bayes(BayesLearner::default().fit(&table, &labels)?),
        Kind::Logistic => AnyModel::Logistic(linear()?),
        Kind::Trees => AnyModel::Trees(grown()?),
        // over windows none of which has both outcomes: it says so
        Kind::Blend | Kind::Windows => AnyModel::Blend { logistic: linear()?, trees: grown()?, share: 0.5 },
        Kind::Rules | Kind::Onnx => return Err(Error::invalid("kind", "what is given is not learned")),
    })
}

/// The place of the candidate that is kept, and the losses of all; `None` if nothing was predicted.
/// Kept is the smallest loss, unless it is ahead of the steadiest (both learners over all windows)
/// by less than [`CLEARLY`]: the best of many is lucky first of all.
fn best(all: &[Promises], labels: &[f64], blocks: &[Range<usize>]) -> Option<(usize, Vec<Candidate>)> {
    let losses: Vec<Vec<Vec<f64>>> = all.iter().map(|promises| promises.losses(labels, blocks)).collect();
    let judged: Vec<Candidate> = all
        .iter()
        .zip(&losses)
        .map(|(promises, blocks)| Candidate { log_loss: faded(blocks).0, ..promises.candidate })
        .collect();
    let learned = |at: &usize| all[*at].blocks.iter().take(blocks.len()).any(Option::is_some);
    let first = (0..judged.len())
        .filter(learned)
        .min_by(|&a, &b| judged[a].log_loss.total_cmp(&judged[b].log_loss).then(a.cmp(&b)))?;
    let steadiness = |at: &usize| match judged[*at].kind {
        Kind::Windows => 2,
        Kind::Blend | Kind::Bayes => 1,
        _ => 0,
    };
    let steady = (0..judged.len())
        .filter(learned)
        .filter(|&at| judged[at].window == 1.0 && steadiness(&at) > 0)
        .max_by_key(steadiness);
    let ahead = |steady: &usize| {
        let pairs = losses[*steady].iter().zip(&losses[first]);
        let gains = pairs.map(|(a, b)| a.iter().zip(b).map(|(a, b)| a - b).collect()).collect::<Vec<_>>();
        let (gain, error) = faded(&gains);
        gain >= CLEARLY * error
    };
    Some((steady.filter(|steady| !ahead(steady)).unwrap_or(first), judged))
}

/// Mean over blocks, each counting [`FADE`] of the one after it, and its standard error.
fn faded(blocks: &[Vec<f64>]) -> (f64, f64) {
    let (mut sum, mut weights, mut variance) = (0.0, 0.0, 0.0);
    for (age, values) in blocks.iter().rev().enumerate() {
        let (n, weight) = (values.len() as f64, FADE.powi(i32::try_from(age).unwrap_or(i32::MAX)));
        let mean = values.iter().sum::<f64>() / n;
        let spread = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n;
        sum += weight * mean;
        weights += weight;
        variance += weight * weight * spread / n;
    }
    (sum / weights, variance.sqrt() / weights)
}

/// How one would have done on the last block, calibrated on those before it.
fn judged(
    promises: &Promises,
    labels: &[f64],
    blocks: &[Range<usize>],
    config: &Config,
) -> Result<Option<Report>, Error> {
    let (Some((block, before)), Some(Some(z))) = (blocks.split_last(), promises.blocks.last()) else {
        return Ok(None);
    };
    let calibration = calibrated(promises, labels, before)?;
    let probability: Vec<f64> = z.iter().map(|&z| calibration.probability(z)).collect();
    let data = Data { labels: &labels[block.clone()], probability: &probability, dimensions: &[] };
    let options = Options { gates: config.gates.clone(), ..Options::default() };
    Report::of(&data, &options).map(Some)
}

/// The calibration of what was promised for these blocks; none where too little was.
fn calibrated(promises: &Promises, labels: &[f64], blocks: &[Range<usize>]) -> Result<Calibration, Error> {
    let (z, y) = promises.told(labels, blocks);
    match Calibration::fit(&z, &y) {
        Err(Error::NotEnoughData { .. }) => Ok(Calibration::default()),
        other => other,
    }
}
