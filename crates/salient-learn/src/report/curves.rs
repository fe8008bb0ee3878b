//! Curves: ROC, precision-recall, lift and calibration, rows of equal score as one step.

use crate::metrics::wilson;
use serde::{Deserialize, Serialize};
use std::{cmp::Ordering, collections::BinaryHeap};

/// Rows of one score.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Step {
    /// Those that came true.
    pub yes: f64,
    /// Those that did not.
    pub no: f64,
}

/// Steps by falling score; labels are 0 or 1, scores not NaN.
pub(crate) fn steps(labels: &[f64], score: &[f64]) -> Vec<Step> {
    let mut rows: Vec<(f64, f64)> = score.iter().copied().zip(labels.iter().copied()).collect();
    rows.sort_by(|a, b| b.0.total_cmp(&a.0));
    let sum = |same: &[(f64, f64)]| {
        let yes = same.iter().map(|r| r.1).sum::<f64>();
        Step { yes, no: same.len() as f64 - yes }
    };
    rows.chunk_by(|a, b| a.0 == b.0).map(sum).collect()
}

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

/// Lift of the best `share` of rows (at least one). As [`crate::metrics::lift`], but of a step cut
/// in two it takes the expected successes, so that the order of the rows plays no part.
/// NaN without successes.
#[must_use]
pub fn lift_at(labels: &[f64], score: &[f64], share: f64) -> f64 {
    let steps = steps(labels, score);
    let (yes, no) = totals(&steps);
    let take = (share * (yes + no)).floor().clamp(1.0, (yes + no).max(1.0));
    let (mut left, mut hits) = (take, 0.0);
    for s in &steps {
        let part = (left / (s.yes + s.no)).min(1.0);
        hits += part * s.yes;
        left -= part * (s.yes + s.no);
        if left <= 0.0 {
            break;
        }
    }
    hits / take / (yes / (yes + no))
}

/// A group of rows of near probability.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Group {
    /// Rows.
    pub rows: u64,
    /// Sum of the probabilities.
    pub promised: f64,
    /// Successes.
    pub kept: f64,
    /// Variance of the successes had every promise been right, `Σp(1−p)`.
    pub variance: f64,
}

/// At most `bins` groups of equal size by rising probability, cut as
/// [`crate::metrics::calibration_error`] cuts them, but with equal probabilities in one group:
/// split, their share would depend on the order of the rows.
pub(crate) fn groups(labels: &[f64], p: &[f64], bins: usize) -> Vec<Group> {
    let mut rows: Vec<(f64, f64)> = p.iter().copied().zip(labels.iter().copied()).collect();
    rows.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
    let last = (rows.len() as f64 - 1.0).max(1.0);
    let of_rank = |rank: usize| (rank as f64 * bins as f64 / last - 1e-12).ceil().max(1.0);
    let mut groups: Vec<Group> = Vec::with_capacity(bins);
    let (mut current, mut before) = (0.0, f64::NAN);
    for (rank, &(p, y)) in rows.iter().enumerate() {
        let mine = of_rank(rank);
        if groups.is_empty() || (mine != current && p != before) {
            groups.push(Group { rows: 0, promised: 0.0, kept: 0.0, variance: 0.0 });
            current = mine;
        }
        if let Some(g) = groups.last_mut() {
            g.rows += 1;
            g.promised += p;
            g.kept += y;
            g.variance += p * (1.0 - p);
        }
        before = p;
    }
    groups
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
