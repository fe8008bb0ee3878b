//! Curves: ROC, precision-recall, lift and calibration, rows of equal score as one step.

use crate::metrics::{Group, Step, groups, steps, wilson};
use serde::{Deserialize, Serialize};
use std::{cmp::Ordering, collections::BinaryHeap};

/// Sums of the steps so far: `(yes, no)`.
fn running(steps: &[Step]) -> impl Iterator<Item = (f64, f64)> + '_ {
    steps.iter().scan((0.0, 0.0), |sum, s| {
        *sum = (sum.0 + s.yes, sum.1 + s.no);
        Some(*sum)
    })
}

fn totals(steps: &[Step]) -> (f64, f64) {
    running(steps).last().unwrap_or_default()
}

/// The ROC curve, `(false positive rate, true positive rate)` from (0, 0) to (1, 1), a point a
/// score; the trapezoids under it add up to [`crate::metrics::auc`]. Empty without both outcomes.
#[must_use]
pub fn roc(labels: &[f64], score: &[f64]) -> Vec<(f64, f64)> {
    let steps = steps(labels, score);
    let (yes, no) = totals(&steps);
    if yes == 0.0 || no == 0.0 {
        return Vec::new();
    }
    std::iter::once((0.0, 0.0)).chain(running(&steps).map(|(y, n)| (n / no, y / yes))).collect()
}

/// The precision-recall curve, `(recall, precision)`, a point a score after one at recall 0 with
/// the first precision. To be read as steps: the precision of a point holds back to the recall of
/// the one before (a straight line would promise too much, Davis & Goadrich 2006); the area under
/// the steps is [`crate::metrics::average_precision`]. Empty without successes.
#[must_use]
pub fn precision_recall(labels: &[f64], score: &[f64]) -> Vec<(f64, f64)> {
    let steps = steps(labels, score);
    let (yes, _) = totals(&steps);
    if yes == 0.0 {
        return Vec::new();
    }
    let points: Vec<(f64, f64)> = running(&steps).map(|(y, n)| (y / yes, y / (y + n))).collect();
    let first = points.first().map(|p| (0.0, p.1));
    first.into_iter().chain(points).collect()
}

/// The lift curve, `(share of rows taken from the top, lift)`, a point a score after one at share
/// 0, to (1, 1). Empty without successes.
#[must_use]
pub fn lift_curve(labels: &[f64], score: &[f64]) -> Vec<(f64, f64)> {
    let steps = steps(labels, score);
    let (yes, no) = totals(&steps);
    if yes == 0.0 {
        return Vec::new();
    }
    let base = yes / (yes + no);
    let points: Vec<(f64, f64)> =
        running(&steps).map(|(y, n)| ((y + n) / (yes + no), y / (y + n) / base)).collect();
    let first = points.first().map(|p| (0.0, p.1));
    first.into_iter().chain(points).collect()
}

/// Promised against kept in a group of rows.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Bin {
    /// Mean promised probability.
    pub promised: f64,
    /// Share that came true.
    pub kept: f64,
    /// Lower end of its 95 % interval (Wilson).
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// Rows.
    pub rows: u64,
}

/// Promised against kept in at most `bins` groups of equal size by rising probability; rows of
/// equal probability stay together, and every row is in one group.
#[must_use]
pub fn calibration(labels: &[f64], p: &[f64], bins: usize) -> Vec<Bin> {
    let bin = |g: Group| {
        let interval = wilson(g.kept as u64, g.rows, 0.95);
        let n = g.rows as f64;
        Bin {
            promised: g.promised / n,
            kept: g.kept / n,
            low: interval.low,
            high: interval.high,
            rows: g.rows,
        }
    };
    groups(labels, p, bins).into_iter().map(bin).collect()
}

/// At most `most` (at least two) points of a curve, both ends among them, such that a straight
/// line through them stays near the curve: always the point farthest from the line is added
/// (Douglas & Peucker 1973), distances taken in the curve's own box. The points are a part of the
/// curve in its order, so what rose still rises.
#[must_use]
pub fn thin(curve: &[(f64, f64)], most: usize) -> Vec<(f64, f64)> {
    if curve.len() <= most.max(2) {
        return curve.to_vec();
    }
    let range = |of: fn(&(f64, f64)) -> f64| {
        let (low, high) = curve.iter().map(of).fold((f64::MAX, f64::MIN), |r, v| (r.0.min(v), r.1.max(v)));
        if high > low { high - low } else { 1.0 }
    };
    let scale = (range(|p| p.0), range(|p| p.1));
    let mut kept = vec![0, curve.len() - 1];
    let mut heap = BinaryHeap::from_iter(farthest(curve, 0, curve.len() - 1, scale));
    while kept.len() < most.max(2) {
        let Some(part) = heap.pop() else { break };
        kept.push(part.at);
        heap.extend(farthest(curve, part.from, part.at, scale));
        heap.extend(farthest(curve, part.at, part.until, scale));
    }
    kept.sort_unstable();
    kept.into_iter().filter_map(|i| curve.get(i).copied()).collect()
}

/// As [`thin`], but the part below x = 0.01 gets a quarter of the points at most: precision and
/// lift of the first few rows jump about, and would use up the points that the rest needs.
#[must_use]
pub(crate) fn thin_tail(curve: &[(f64, f64)], most: usize) -> Vec<(f64, f64)> {
    let (head, rest) = curve.split_at(curve.partition_point(|p| p.0 < 0.01));
    if curve.len() <= most || most < 8 || head.len() <= most / 4 {
        return thin(curve, most);
    }
    let mut thinned = thin(head, most / 4);
    thinned.extend(thin(rest, most - thinned.len()));
    thinned
}

/// A stretch of a curve and the point of it farthest from its chord.
#[derive(Debug, PartialEq)]
struct Stretch {
    distance: f64,
    from: usize,
    at: usize,
    until: usize,
}

impl Eq for Stretch {}

impl Ord for Stretch {
    fn cmp(&self, other: &Self) -> Ordering {
        self.distance.total_cmp(&other.distance).then(other.from.cmp(&self.from))
    }
}

impl PartialOrd for Stretch {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// `None` where nothing lies off the chord.
fn farthest(curve: &[(f64, f64)], from: usize, until: usize, scale: (f64, f64)) -> Option<Stretch> {
    let (&a, &b) = (curve.get(from)?, curve.get(until)?);
    let (dx, dy) = ((b.0 - a.0) / scale.0, (b.1 - a.1) / scale.1);
    let length = dx.hypot(dy);
    let mut best = Stretch { distance: 1e-9, from, at: from, until };
    for (i, p) in curve.iter().enumerate().take(until).skip(from + 1) {
        let (x, y) = ((p.0 - a.0) / scale.0, (p.1 - a.1) / scale.1);
        // To the chord itself, not the line through it: a curve may turn back in precision.
        let t = if length > 0.0 { ((x * dx + y * dy) / (length * length)).clamp(0.0, 1.0) } else { 0.0 };
        let distance = (x - t * dx).hypot(y - t * dy);
        if distance > best.distance {
            best = Stretch { distance, at: i, ..best };
        }
    }
    (best.at != from).then_some(best)
}
