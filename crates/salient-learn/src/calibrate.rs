//! From scores to probabilities that hold.

use crate::{Error, model::sigmoid};
use serde::{Deserialize, Serialize};

/// Platt scaling: `p = 1 / (1 + exp(−(a·z + b)))` for log-odds `z` (Platt 1999, with his
/// smoothed targets). Linear in `z`, so contributions stay additive after it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Platt {
    /// Slope.
    pub slope: f64,
    /// Intercept, log-odds.
    pub intercept: f64,
}

impl Default for Platt {
    fn default() -> Self {
        Self { slope: 1.0, intercept: 0.0 }
    }
}

impl Platt {
    /// Fits slope and intercept; `pull` observations' worth of prior draw the result to the
    /// identity, so that little data changes little.
    ///
    /// # Errors
    /// [`Error::Invalid`] if lengths differ, [`Error::NotEnoughData`] for fewer than ten.
    pub fn fit(log_odds: &[f64], labels: &[f64], pull: f64) -> Result<Self, Error> {
        if log_odds.len() != labels.len() {
            return Err(Error::invalid("labels", "one per score"));
        }
        if labels.len() < 10 {
            return Err(Error::NotEnoughData {
                needed: "ten scored examples with known outcome".into(),
                have: labels.len().to_string(),
            });
        }
        let yes = labels.iter().filter(|&&y| y > 0.5).count() as f64;
        let no = labels.len() as f64 - yes;
        let target = |y: f64| if y > 0.5 { (yes + 1.0) / (yes + 2.0) } else { 1.0 / (no + 2.0) };
        // Newton on (slope, intercept); the prior is a quadratic pull at weight p(1-p) = 1/4.
        let (mut a, mut b) = (1.0, 0.0);
        for _ in 0..50 {
            let prior = pull * 0.25;
            let (mut ga, mut gb) = (-prior * (a - 1.0), -prior * b);
            let (mut haa, mut hab, mut hbb) = (prior + 1e-9, 0.0, prior + 1e-9);
            for (&z, &y) in log_odds.iter().zip(labels) {
                let p = sigmoid(a * z + b);
                let (e, w) = (target(y) - p, (p * (1.0 - p)).max(1e-9));
                ga += e * z;
                gb += e;
                haa += w * z * z;
                hab += w * z;
                hbb += w;
            }
            let det = haa * hbb - hab * hab;
            let (da, db) = ((hbb * ga - hab * gb) / det, (haa * gb - hab * ga) / det);
            if !da.is_finite() || !db.is_finite() {
                break;
            }
            a += da.clamp(-1.0, 1.0);
            b += db.clamp(-2.0, 2.0);
            if da.abs() + db.abs() < 1e-10 {
                break;
            }
        }
        // A falling calibration would turn the ranking around; only the level is kept then.
        if a <= 0.05 {
            let base = (yes + 1.0) / (yes + no + 2.0);
            return Ok(Self { slope: 0.05, intercept: (base / (1.0 - base)).ln() });
        }
        Ok(Self { slope: a, intercept: b })
    }

    /// Calibrated log-odds.
    #[must_use]
    pub fn log_odds(&self, z: f64) -> f64 {
        self.slope * z + self.intercept
    }

    /// Calibrated probability.
    #[must_use]
    pub fn probability(&self, z: f64) -> f64 {
        sigmoid(self.log_odds(z))
    }
}

/// What to add to the log-odds (within ±3) so that they promise as much in all as came true.
#[must_use]
pub fn level(log_odds: &[f64], labels: &[f64]) -> f64 {
    let yes = labels.iter().sum::<f64>();
    let (mut low, mut high) = (-3.0, 3.0);
    for _ in 0..40 {
        let middle = f64::midpoint(low, high);
        let promised = log_odds.iter().map(|z| sigmoid(z + middle)).sum::<f64>();
        *(if promised < yes { &mut low } else { &mut high }) = middle;
    }
    f64::midpoint(low, high)
}

/// Isotonic regression by pool-adjacent-violators (Ayer et al. 1955): the non-decreasing step
/// function closest in squares, interpolated linearly between the centres of its steps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Isotonic {
    /// Centres of the steps (mean score), ascending.
    pub score: Vec<f64>,
    /// Share of successes in each step, non-decreasing.
    pub share: Vec<f64>,
}

impl Isotonic {
    /// Fits.
    ///
    /// # Errors
    /// [`Error::Invalid`] if lengths differ or a score is NaN, [`Error::NotEnoughData`] if empty.
    pub fn fit(score: &[f64], labels: &[f64]) -> Result<Self, Error> {
        if score.len() != labels.len() || score.iter().any(|s| s.is_nan()) {
            return Err(Error::invalid("score", "one number per label, none missing"));
        }
        if score.is_empty() {
            return Err(Error::NotEnoughData { needed: "one scored example".into(), have: "none".into() });
        }
        let mut order: Vec<usize> = (0..score.len()).collect();
        order.sort_by(|&i, &j| score[i].total_cmp(&score[j]).then(i.cmp(&j)));
        // Blocks of (sum of labels, sum of scores, count); equal scores start as one block.
        let mut blocks: Vec<(f64, f64, f64)> = Vec::new();
        let mut previous = f64::NAN;
        for i in order {
            if score[i] == previous
                && let Some(last) = blocks.last_mut()
            {
                *last = (last.0 + labels[i], last.1 + score[i], last.2 + 1.0);
            } else {
                merge(&mut blocks);
                blocks.push((labels[i], score[i], 1.0));
            }
            previous = score[i];
        }
        merge(&mut blocks);
        Ok(Self {
            score: blocks.iter().map(|b| b.1 / b.2).collect(),
            share: blocks.iter().map(|b| b.0 / b.2).collect(),
        })
    }

    /// Calibrated probability of a score.
    #[must_use]
    pub fn probability(&self, score: f64) -> f64 {
        let at = self.score.partition_point(|&s| s < score);
        if at == 0 {
            return self.share[0];
        }
        if at == self.score.len() {
            return self.share[at - 1];
        }
        let (x0, x1) = (self.score[at - 1], self.score[at]);
        let t = (score - x0) / (x1 - x0);
        self.share[at - 1] + t * (self.share[at] - self.share[at - 1])
    }
}

fn merge(blocks: &mut Vec<(f64, f64, f64)>) {
    while let [.., a, b] = blocks.as_slice() {
        if a.0 / a.2 < b.0 / b.2 {
            break;
        }
        let joined = (a.0 + b.0, a.1 + b.1, a.2 + b.2);
        blocks.truncate(blocks.len() - 2);
        blocks.push(joined);
    }
}
