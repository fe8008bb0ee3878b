//! The report of a model or of a backtest: measures, curves and gates, over all and per slice.
//!
//! [`Report::of`] takes labels, probabilities and names to cut by (past day, segment); the result
//! goes to JSON as it is and to a page with [`page`]. A measure that does not exist (an AUC with a
//! single outcome) is null, and [`Slice::absent`] says why; no number is NaN or infinite.
//!
//! **How to add a measure:** add a field to [`Slice`], fill it in [`Slice::of`] with its reason
//! when absent, add it to [`Measure`] and to the table in `page`.

mod curves;
mod delong;
mod gates;
mod page;
mod plot;

use curves::thin_tail;
pub use curves::{Bin, calibration, lift_curve, precision_recall, roc, thin};
pub use delong::{auc_interval, auc_standard_error};
pub use gates::{Bound, Gate, Gated, Measure, Scope};
pub use page::page;

use crate::{
    Error,
    metrics::{self, Interval},
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// An interval, as stored.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Bounds {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

impl From<Interval> for Bounds {
    fn from(i: Interval) -> Self {
        Self { low: i.low, high: i.high }
    }
}

/// What is reported on, a row each.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Data<'a> {
    /// 1 if it came true, 0 if not.
    pub labels: &'a [f64],
    /// Promised probability, 0 to 1.
    pub probability: &'a [f64],
    /// What to cut by.
    pub dimensions: &'a [Dimension<'a>],
}

/// Something to cut by; every row is in one slice of each dimension.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Dimension<'a> {
    /// Its name, such as `past day`.
    pub name: &'a str,
    /// Name of the slice of each row, such as `2026-01-31`.
    pub of_row: &'a [&'a str],
}

/// How to report.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// Headline.
    pub title: String,
    /// Gates; none by default.
    pub gates: Vec<Gate>,
    /// Groups of the calibration, also of its error. Default 10.
    pub bins: usize,
    /// Points of a curve at most, from 2. Default 200.
    pub points: usize,
    /// Slices of a dimension at most, the largest first, ties by name. Default 60.
    pub slices: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { title: "Model report".into(), gates: Vec::new(), bins: 10, points: 200, slices: 60 }
    }
}

/// Measures and curves of some rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Slice {
    /// What it is cut by; `None` for all rows.
    pub dimension: Option<String>,
    /// Its name.
    pub name: String,
    /// Rows.
    pub rows: u64,
    /// Rows that came true.
    pub successes: u64,
    /// Share that came true.
    pub base_rate: Option<f64>,
    /// Mean promised probability.
    pub promised: Option<f64>,
    /// Area under the ROC curve.
    pub auc: Option<f64>,
    /// Its 95 % interval ([`auc_interval`]).
    pub auc_interval: Option<Bounds>,
    /// Average precision.
    pub average_precision: Option<f64>,
    /// Brier score.
    pub brier: Option<f64>,
    /// Log loss, nats.
    pub log_loss: Option<f64>,
    /// Expected calibration error over the groups of `calibration`.
    pub ece: Option<f64>,
    /// What that error would be by chance alone, had every promise been right.
    pub ece_chance: Option<f64>,
    /// Lift of the best 10 % of rows.
    pub lift_top: Option<f64>,
    /// False positive rate, true positive rate.
    pub roc: Vec<(f64, f64)>,
    /// Recall, precision; to be read as steps.
    pub precision_recall: Vec<(f64, f64)>,
    /// Promised against kept by group, rising.
    pub calibration: Vec<Bin>,
    /// Share of rows from the top, lift.
    pub lift_curve: Vec<(f64, f64)>,
    /// Why a measure is null: its field name and the reason.
    pub absent: BTreeMap<String, String>,
}

/// A report.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Headline.
    pub title: String,
    /// Whether every gate passed; true without gates.
    pub passed: bool,
    /// The gates, in the order asked.
    pub gates: Vec<Gated>,
    /// All rows.
    pub overall: Slice,
    /// Slices, by dimension in the order given, then by name.
    pub slices: Vec<Slice>,
    /// Slices left out because a dimension had too many.
    pub left_out: u64,
}

impl Report {
    /// Measures everything.
    ///
    /// # Errors
    /// [`Error::Invalid`] if lengths differ, a label is not 0 or 1, a probability is not within
    /// 0..=1, or an option is out of range.
    pub fn of(data: &Data<'_>, options: &Options) -> Result<Self, Error> {
        check(data.labels, data.probability)?;
        options.gates.iter().try_for_each(Gate::check)?;
        if options.bins == 0 || options.points < 2 {
            return Err(Error::invalid("options", "from one bin and two points"));
        }
        let overall = Slice::of(None, "all rows", data.labels, data.probability, options);
        let (mut slices, mut left_out) = (Vec::new(), 0);
        for d in data.dimensions {
            if d.of_row.len() != data.labels.len() {
                return Err(Error::invalid("dimension", format!("{}: a name for each row", d.name)));
            }
            let (cut, rest) = cut(data, d, options);
            slices.extend(cut);
            left_out += rest;
        }
        let gates: Vec<Gated> = options.gates.iter().flat_map(|g| g.judge(&overall, &slices)).collect();
        let passed = gates.iter().all(|g| g.passed);
        Ok(Self { title: options.title.clone(), passed, gates, overall, slices, left_out })
    }
}

/// The slices of a dimension and how many were left out.
fn cut(data: &Data<'_>, d: &Dimension<'_>, options: &Options) -> (Vec<Slice>, u64) {
    let mut by_name: BTreeMap<&str, (Vec<f64>, Vec<f64>)> = BTreeMap::new();
    for ((&name, &y), &p) in d.of_row.iter().zip(data.labels).zip(data.probability) {
        let rows = by_name.entry(name).or_default();
        rows.0.push(y);
        rows.1.push(p);
    }
    let mut cut: Vec<_> = by_name.into_iter().collect();
    let left_out = cut.len().saturating_sub(options.slices) as u64;
    // Stable, so that equally large slices stay by name.
    cut.sort_by_key(|(_, rows)| std::cmp::Reverse(rows.0.len()));
    cut.truncate(options.slices);
    cut.sort_by_key(|(name, _)| *name);
    (cut.iter().map(|(name, (y, p))| Slice::of(Some(d.name), name, y, p, options)).collect(), left_out)
}

impl Slice {
    fn of(dimension: Option<&str>, name: &str, labels: &[f64], p: &[f64], options: &Options) -> Self {
        let yes = labels.iter().filter(|&&y| y > 0.5).count();
        let (n, no) = (labels.len(), labels.len() - yes);
        let mut absent = BTreeMap::new();
        let mut measure = |name: &str, exists: bool, needs: &str, value: &dyn Fn() -> f64| {
            let value = if exists { Some(value()).filter(|v| v.is_finite()) } else { None };
            if value.is_none() {
                absent.insert(name.to_owned(), format!("needs {needs}"));
            }
            value
        };
        let any = n > 0;
        let mean = |v: &[f64]| v.iter().sum::<f64>() / n as f64;
        let base_rate = measure("base_rate", any, "a row", &|| mean(labels));
        let promised = measure("promised", any, "a row", &|| mean(p));
        let both = "rows of both outcomes";
        let auc = measure("auc", yes > 0 && no > 0, both, &|| metrics::auc(labels, p));
        let hit = "a row that came true";
        let average_precision =
            measure("average_precision", yes > 0, hit, &|| metrics::average_precision(labels, p));
        let lift_top = measure("lift_top", yes > 0, hit, &|| metrics::lift(labels, p, 0.1));
        let brier = measure("brier", any, "a row", &|| metrics::brier(labels, p));
        let log_loss = measure("log_loss", any, "a row", &|| metrics::log_loss(labels, p));
        let ece = measure("ece", any, "a row", &|| metrics::calibration_error(labels, p, options.bins));
        let chance = || metrics::calibration_chance(labels, p, options.bins);
        let ece_chance = measure("ece_chance", any, "a row", &chance);
        let auc_interval = auc_interval(labels, p, 0.95);
        if auc_interval.is_none() {
            absent.insert("auc_interval".into(), "needs two rows of each outcome".into());
        }
        let curve = |points: Vec<(f64, f64)>| points.into_iter().map(rounded).collect();
        let tail = |full: Vec<(f64, f64)>| curve(thin_tail(&full, options.points));
        Self {
            dimension: dimension.map(str::to_owned),
            name: name.to_owned(),
            rows: n as u64,
            successes: yes as u64,
            base_rate,
            promised,
            auc,
            auc_interval,
            average_precision,
            brier,
            log_loss,
            ece,
            ece_chance,
            lift_top,
            roc: curve(thin(&roc(labels, p), options.points)),
            precision_recall: tail(precision_recall(labels, p)),
            calibration: calibration(labels, p, options.bins),
            lift_curve: tail(lift_curve(labels, p)),
            absent,
        }
    }

    /// Name with what it is cut by, as in `segment wholesale`.
    #[must_use]
    pub fn title(&self) -> String {
        self.dimension.as_ref().map_or_else(|| self.name.clone(), |d| format!("{d} {}", self.name))
    }
}

/// Six decimals are finer than any plot and half the JSON.
fn rounded(point: (f64, f64)) -> (f64, f64) {
    let round = |v: f64| (v * 1e6).round() / 1e6;
    (round(point.0), round(point.1))
}

/// Labels are 0 or 1, probabilities within 0..=1, equally many of both.
pub(crate) fn check(labels: &[f64], probability: &[f64]) -> Result<(), Error> {
    if labels.len() != probability.len() {
        let (n, m) = (probability.len(), labels.len());
        return Err(Error::invalid("probability", format!("{n} for {m} labels")));
    }
    if labels.iter().any(|&y| y != 0.0 && y != 1.0) {
        return Err(Error::invalid("labels", "0 or 1"));
    }
    // Also keeps NaN out, which no curve can order.
    if !probability.iter().all(|p| (0.0..=1.0).contains(p)) {
        return Err(Error::invalid("probability", "each within 0..=1"));
    }
    Ok(())
}
