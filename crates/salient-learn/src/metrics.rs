//! How good are the scores, and how sure are we of it.
//!
//! Labels are 0 or 1, probabilities in 0..=1, slices of equal length. Empty input or a single
//! class gives NaN where the measure does not exist.

use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use statrs::distribution::{ContinuousCDF, Normal};

/// Rows of one score.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Step {
    /// Those that came true.
    pub yes: f64,
    /// Those that did not.
    pub no: f64,
}

/// Steps by falling score: what is measured of them does not depend on the order of the rows.
pub(crate) fn steps(labels: &[f64], score: &[f64]) -> Vec<Step> {
    let mut rows: Vec<(f64, f64)> = score.iter().copied().zip(labels.iter().copied()).collect();
    rows.sort_by(|a, b| b.0.total_cmp(&a.0));
    let sum = |same: &[(f64, f64)]| {
        let yes = same.iter().map(|row| row.1).sum::<f64>();
        Step { yes, no: same.len() as f64 - yes }
    };
    rows.chunk_by(|a, b| a.0 == b.0).map(sum).collect()
}

/// Area under the ROC curve: the chance that a success scores above a failure, ties one half
/// (Mann-Whitney).
#[must_use]
pub fn auc(labels: &[f64], score: &[f64]) -> f64 {
    let (mut above, mut no, mut sum) = (0.0, 0.0, 0.0);
    for step in steps(labels, score) {
        sum += step.no * (above + step.yes / 2.0);
        above += step.yes;
        no += step.no;
    }
    sum / (above * no)
}

/// Average precision: the mean of precision at each success, ties handled as one threshold
/// (as scikit-learn's `average_precision_score`).
#[must_use]
pub fn average_precision(labels: &[f64], score: &[f64]) -> f64 {
    let (mut hits, mut seen, mut sum) = (0.0, 0.0, 0.0);
    for step in steps(labels, score) {
        hits += step.yes;
        seen += step.yes + step.no;
        sum += step.yes * hits / seen;
    }
    sum / hits
}

/// Mean squared error of the probabilities (Brier 1950).
#[must_use]
pub fn brier(labels: &[f64], p: &[f64]) -> f64 {
    labels.iter().zip(p).map(|(y, p)| (y - p).powi(2)).sum::<f64>() / labels.len() as f64
}

/// Mean negative log-likelihood in nats; probabilities are held within `1e-15` of 0 and 1.
#[must_use]
pub fn log_loss(labels: &[f64], p: &[f64]) -> f64 {
    let term = |(y, p): (&f64, &f64)| {
        let p = p.clamp(1e-15, 1.0 - 1e-15);
        -(y * p.ln() + (1.0 - y) * (1.0 - p).ln())
    };
    labels.iter().zip(p).map(term).sum::<f64>() / labels.len() as f64
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

/// At most `bins` groups of equal size by rising probability, rank r in 1..=n cut at 1 + k(n−1)/bins,
/// right-closed, but equal probabilities in one group: split, their share would depend on the order
/// of the rows.
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
        if let Some(group) = groups.last_mut() {
            group.rows += 1;
            group.promised += p;
            group.kept += y;
            group.variance += p * (1.0 - p);
        }
        before = p;
    }
    groups
}

/// Expected calibration error over `bins` groups of equal size by rising probability, equal ones in
/// one group: the mean distance between promised and kept, weighted by group size.
#[must_use]
pub fn calibration_error(labels: &[f64], p: &[f64], bins: usize) -> f64 {
    groups(labels, p, bins).iter().map(|group| (group.promised - group.kept).abs()).sum::<f64>()
        / labels.len() as f64
}

/// What [`calibration_error`] is on average when every promise is right: groups miss by chance, each by
/// `√(2V/π)` for the variance `V = Σp(1−p)` of its successes (half-normal).
#[must_use]
pub fn calibration_chance(labels: &[f64], p: &[f64], bins: usize) -> f64 {
    let missed = |group: &Group| (group.variance * std::f64::consts::FRAC_2_PI).sqrt();
    groups(labels, p, bins).iter().map(missed).sum::<f64>() / labels.len() as f64
}

/// Share of successes in the best `share` of scores (at least one row) over the share of successes in
/// all. Of rows of one score that are cut in two it takes the expected successes.
#[must_use]
pub fn lift(labels: &[f64], score: &[f64], share: f64) -> f64 {
    let n = labels.len() as f64;
    let take = (share * n).floor().clamp(1.0, n.max(1.0));
    let (mut left, mut hits) = (take, 0.0);
    for step in steps(labels, score) {
        let rows = step.yes + step.no;
        let part = (left / rows).min(1.0);
        hits += part * step.yes;
        left -= part * rows;
        if left <= 0.0 {
            break;
        }
    }
    hits / take / (labels.iter().sum::<f64>() / n)
}

/// A closed interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// Wilson's score interval for a share (Wilson 1927); `confidence` such as 0.95.
/// (0, 1) without trials.
#[must_use]
pub fn wilson(successes: u64, trials: u64, confidence: f64) -> Interval {
    if trials == 0 {
        return Interval { low: 0.0, high: 1.0 };
    }
    let z = Normal::standard().inverse_cdf(0.5 + confidence.clamp(0.0, 1.0 - 1e-12) / 2.0);
    let (n, p) = (trials as f64, successes as f64 / trials as f64);
    let centre = p + z * z / (2.0 * n);
    let half = z * (p * (1.0 - p) / n + z * z / (4.0 * n * n)).sqrt();
    let scale = 1.0 + z * z / n;
    Interval { low: ((centre - half) / scale).max(0.0), high: ((centre + half) / scale).min(1.0) }
}

/// Percentile bootstrap interval of `Σ sums / Σ counts` over groups drawn whole: what belongs to
/// one seller is not independent. `groups` holds `(sum, count)` per group.
#[must_use]
pub fn cluster_bootstrap(groups: &[(f64, f64)], confidence: f64, draws: usize, seed: u64) -> Interval {
    if groups.is_empty() || draws == 0 {
        return Interval { low: f64::NAN, high: f64::NAN };
    }
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut means: Vec<f64> = (0..draws).map(|_| draw(groups, &mut rng)).collect();
    means.sort_by(f64::total_cmp);
    let at = |q: f64| means[((q * (draws - 1) as f64).round() as usize).min(draws - 1)];
    let tail = (1.0 - confidence) / 2.0;
    Interval { low: at(tail), high: at(1.0 - tail) }
}

fn draw(groups: &[(f64, f64)], rng: &mut impl Rng) -> f64 {
    let (mut sum, mut count) = (0.0, 0.0);
    for _ in 0..groups.len() {
        let g = groups[rng.random_range(0..groups.len())];
        sum += g.0;
        count += g.1;
    }
    sum / count
}
