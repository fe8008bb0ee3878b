//! How good are the scores, and how sure are we of it.
//!
//! Labels are 0 or 1, probabilities in 0..=1, slices of equal length. Empty input or a single
//! class gives NaN where the measure does not exist.

use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use statrs::distribution::{ContinuousCDF, Normal};

/// Order of indices by falling score; ties by index.
fn falling(score: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..score.len()).collect();
    order.sort_by(|&i, &j| score[j].total_cmp(&score[i]).then(i.cmp(&j)));
    order
}

/// Area under the ROC curve: the chance that a success scores above a failure, ties one half
/// (Mann-Whitney).
#[must_use]
pub fn auc(labels: &[f64], score: &[f64]) -> f64 {
    let order = falling(score);
    let (mut above, mut sum) = (0.0, 0.0);
    let (yes, mut no) = (labels.iter().sum::<f64>(), 0.0);
    let mut i = 0;
    while i < order.len() {
        let mut j = i;
        let (mut y, mut n) = (0.0, 0.0);
        while j < order.len() && (j == i || score[order[j]] == score[order[i]]) {
            y += labels[order[j]];
            n += 1.0 - labels[order[j]];
            j += 1;
        }
        sum += n * (above + y / 2.0);
        above += y;
        no += n;
        i = j;
    }
    sum / (yes * no)
}

/// Average precision: the mean of precision at each success, ties handled as one threshold
/// (as scikit-learn's `average_precision_score`).
#[must_use]
pub fn average_precision(labels: &[f64], score: &[f64]) -> f64 {
    let order = falling(score);
    let (mut hits, mut seen, mut sum, mut i) = (0.0, 0.0, 0.0, 0);
    while i < order.len() {
        let mut y = 0.0;
        let from = i;
        while i < order.len() && (i == from || score[order[i]] == score[order[from]]) {
            y += labels[order[i]];
            seen += 1.0;
            i += 1;
        }
        hits += y;
        sum += y * hits / seen;
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

/// Expected calibration error over `bins` groups of equal size by rising probability: the mean
/// distance between promised and kept, weighted by group size.
#[must_use]
pub fn calibration_error(labels: &[f64], p: &[f64], bins: usize) -> f64 {
    let n = labels.len();
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|&i, &j| p[i].total_cmp(&p[j]).then(i.cmp(&j)));
    let mut gap = 0.0;
    // Group of rank r in 1..=n by the quantile cut points 1 + k(n-1)/bins, right-closed.
    let group = |rank: usize| {
        ((rank as f64 - 1.0) * bins as f64 / (n as f64 - 1.0).max(1.0) - 1e-12).ceil().max(1.0) as usize
    };
    let mut from = 0;
    while from < n {
        let g = group(from + 1);
        let mut until = from;
        let mut sum = 0.0;
        while until < n && group(until + 1) == g {
            sum += labels[order[until]] - p[order[until]];
            until += 1;
        }
        gap += sum.abs();
        from = until;
    }
    gap / n as f64
}

/// Share of successes in the best `share` of scores over the share of successes in all.
#[must_use]
pub fn lift(labels: &[f64], score: &[f64], share: f64) -> f64 {
    let n = labels.len();
    let k = ((share * n as f64) as usize).clamp(1, n.max(1));
    let top = falling(score).into_iter().take(k).map(|i| labels[i]).sum::<f64>() / k as f64;
    top / (labels.iter().sum::<f64>() / n as f64)
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
