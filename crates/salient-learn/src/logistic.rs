//! Logistic regression: standardised, ridge-penalised, by iteratively reweighted least squares.
//!
//! Newton's method on the penalised log-likelihood (Hastie, Tibshirani and Friedman, The Elements
//! of Statistical Learning, 2nd ed., section 4.4.1), with step halving so that it cannot diverge.

use crate::{
    Error,
    model::{Contributions, Learner, Model, Table, check, sigmoid},
};
use faer::{Mat, Side, linalg::solvers::Solve};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// How to fit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LogisticLearner {
    /// Ridge penalty on the standardised weights, in the unit of half a squared weight; the
    /// intercept is free. More is smoother.
    pub l2: f64,
    /// Pass values through `sign(x)·ln(1+|x|)` first; right for counts, days and amounts.
    pub signed_log: bool,
}

impl Default for LogisticLearner {
    fn default() -> Self {
        Self { l2: 100.0, signed_log: true }
    }
}

/// Fitted weights on standardised values.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Logistic {
    signed_log: bool,
    intercept: f64,
    weight: Vec<f64>,
    mean: Vec<f64>,
    scale: Vec<f64>,
}

/// Standardised values are held within this many standard deviations: an account unlike any seen
/// in training must not drive the score alone.
const CLIP: f64 = 6.0;

impl Logistic {
    fn prepare(signed_log: bool, v: f64) -> f64 {
        if signed_log { v.signum() * (1.0 + v.abs()).ln() } else { v }
    }

    fn z(&self, col: usize, v: f64) -> f64 {
        if v.is_nan() {
            return 0.0;
        }
        ((Self::prepare(self.signed_log, v) - self.mean[col]) / self.scale[col]).clamp(-CLIP, CLIP)
    }
}

impl Model for Logistic {
    fn log_odds(&self, table: &Table) -> Vec<f64> {
        let mut out = vec![self.intercept; table.rows()];
        for c in 0..table.cols() {
            out.iter_mut().zip(table.col(c)).for_each(|(o, &v)| *o += self.weight[c] * self.z(c, v));
        }
        out
    }

    fn contributions(&self, table: &Table) -> Vec<Contributions> {
        (0..table.rows())
            .map(|r| Contributions {
                bias: self.intercept,
                parts: (0..table.cols()).map(|c| self.weight[c] * self.z(c, table.get(r, c))).collect(),
            })
            .collect()
    }
}

/// Rows handled as one unit of work; fixed, so that sums do not depend on the number of cores.
const BLOCK: usize = 4096;

impl Learner for LogisticLearner {
    type Fitted = Logistic;

    fn fit(&self, table: &Table, labels: &[f64]) -> Result<Logistic, Error> {
        check(table, labels)?;
        let (n, k) = (table.rows(), table.cols());
        let base = labels.iter().sum::<f64>() / n as f64;
        let mut model = Logistic {
            signed_log: self.signed_log,
            intercept: (base / (1.0 - base)).ln(),
            weight: vec![0.0; k],
            mean: vec![0.0; k],
            scale: vec![1.0; k],
        };
        let spread: Vec<(f64, f64)> = (0..k).into_par_iter().map(|c| self.spread(table.col(c))).collect();
        (model.mean, model.scale) = spread.into_iter().unzip();
        // Row-major standardised values with a leading 1; single precision halves the traffic.
        let w = k + 1;
        let mut x = vec![1.0_f32; n * w];
        x.par_chunks_mut(BLOCK * w).enumerate().for_each(|(b, block)| {
            for c in 0..k {
                let col = &table.col(c)[b * BLOCK..];
                for (row, &v) in block.chunks_exact_mut(w).zip(col) {
                    row[c + 1] = model.z(c, v) as f32;
                }
            }
        });
        let mut beta = vec![0.0; w];
        beta[0] = model.intercept;
        if n >= THIN_FROM {
            // A start from every eighth row leaves two or three passes over all of them.
            let thin: Vec<f32> = x.chunks_exact(w).step_by(8).flatten().copied().collect();
            let thin_labels: Vec<f64> = labels.iter().step_by(8).copied().collect();
            Self { l2: self.l2 / 8.0, ..*self }.climb(&thin, &thin_labels, &mut beta, 12)?;
        }
        self.climb(&x, labels, &mut beta, 25)?;
        model.intercept = beta[0];
        model.weight = beta[1..].to_vec();
        Ok(model)
    }
}

/// Rows from which on a thinned fit comes first.
const THIN_FROM: usize = 16_384;

/// Eight running sums in single precision: vectorises, and always adds in the same order.
fn dot(row: &[f32], beta: &[f32]) -> f64 {
    let mut sums = [0.0_f32; 8];
    let (a, b) = (row.chunks_exact(8), beta.chunks_exact(8));
    let tail: f32 = a.remainder().iter().zip(b.remainder()).map(|(x, y)| x * y).sum();
    for (x, y) in a.zip(b) {
        for i in 0..8 {
            sums[i] += x[i] * y[i];
        }
    }
    f64::from(sums.iter().sum::<f32>() + tail)
}

/// Loss, gradient and lower triangle of the Hessian over some rows, without the penalty.
struct Slope {
    loss: f64,
    gradient: Vec<f64>,
    hessian: Vec<f32>,
}

impl Slope {
    fn of(rows: &[f32], labels: &[f64], beta: &[f32]) -> Self {
        let w = beta.len();
        let mut out = Self { loss: 0.0, gradient: vec![0.0; w], hessian: vec![0.0; w * w] };
        // Four rows at a time: the Hessian is read and written a quarter as often.
        let mut curvature = [0.0_f32; 4];
        let zeros = vec![0.0_f32; w];
        for (rows, labels) in rows.chunks(4 * w).zip(labels.chunks(4)) {
            let row = |r: usize| rows.get(r * w..(r + 1) * w).unwrap_or(&zeros);
            let four = [row(0), row(1), row(2), row(3)];
            for (r, c) in curvature.iter_mut().enumerate() {
                let Some(&y) = labels.get(r) else {
                    *c = 0.0;
                    continue;
                };
                let z = dot(four[r], beta);
                let p = sigmoid(z);
                // Minus the logarithm of the chance of what happened, stable on both sides.
                out.loss += if y > 0.5 { (-z).max(0.0) } else { z.max(0.0) } + (-z.abs()).exp().ln_1p();
                out.gradient.iter_mut().zip(four[r]).for_each(|(g, &v)| *g += (y - p) * f64::from(v));
                *c = (p * (1.0 - p)) as f32;
            }
            for i in 0..w {
                let s: [f32; 4] = std::array::from_fn(|r| curvature[r] * four[r][i]);
                let h = &mut out.hessian[i * w..i * w + i + 1];
                let columns = four[0].iter().zip(four[1]).zip(four[2]).zip(four[3]);
                for (h, (((a, b), c), d)) in h.iter_mut().zip(columns) {
                    *h += (s[0] * a + s[1] * b) + (s[2] * c + s[3] * d);
                }
            }
        }
        out
    }
}

impl LogisticLearner {
    /// Newton steps from `beta` until the loss stops falling; halves a step that raises it.
    fn climb(&self, x: &[f32], labels: &[f64], beta: &mut Vec<f64>, most: usize) -> Result<(), Error> {
        let mut at = self.slope(x, labels, beta);
        for _ in 0..most {
            let step = self.newton(&at, beta)?;
            let mut t = 1.0;
            let next = loop {
                let tried: Vec<f64> = beta.iter().zip(&step).map(|(b, s)| b + t * s).collect();
                let there = self.slope(x, labels, &tried);
                if there.loss <= at.loss {
                    break Some((tried, there));
                }
                t /= 2.0;
                if t < 1e-3 {
                    break None;
                }
            };
            let Some((tried, there)) = next else { break };
            let gain = at.loss - there.loss;
            (*beta, at) = (tried, there);
            if gain < 1e-6 * at.loss.max(1e-3) {
                break;
            }
        }
        Ok(())
    }

    /// Mean and standard deviation of what is known of a column, after the transform.
    fn spread(&self, col: &[f64]) -> (f64, f64) {
        let known = || col.iter().filter(|v| !v.is_nan()).map(|&v| Logistic::prepare(self.signed_log, v));
        let (n, sum, squares) = known().fold((0.0, 0.0, 0.0), |t, v| (t.0 + 1.0, t.1 + v, t.2 + v * v));
        let mean = sum / f64::max(n, 1.0);
        let variance = squares / f64::max(n, 1.0) - mean * mean;
        (mean, if variance > 1e-12 { variance.sqrt() } else { 1.0 })
    }

    fn slope(&self, x: &[f32], labels: &[f64], beta: &[f64]) -> Slope {
        let w = beta.len();
        let single: Vec<f32> = beta.iter().map(|&b| b as f32).collect();
        let parts: Vec<Slope> = x
            .par_chunks(BLOCK * w)
            .zip(labels.par_chunks(BLOCK))
            .map(|(rows, y)| Slope::of(rows, y, &single))
            .collect();
        let mut out = Slope { loss: 0.0, gradient: vec![0.0; w], hessian: vec![0.0; w * w] };
        for part in &parts {
            out.loss += part.loss;
            out.gradient.iter_mut().zip(&part.gradient).for_each(|(a, b)| *a += b);
            out.hessian.iter_mut().zip(&part.hessian).for_each(|(a, b)| *a += b);
        }
        out.loss += 0.5 * self.l2 * beta[1..].iter().map(|b| b * b).sum::<f64>();
        out
    }

    /// Solves `(XᵀWX + λI)·step = Xᵀ(y − p) − λβ`.
    fn newton(&self, at: &Slope, beta: &[f64]) -> Result<Vec<f64>, Error> {
        let w = beta.len();
        let ridge = |i: usize| if i == 0 { 1e-9 } else { self.l2 + 1e-9 };
        let hessian = Mat::<f64>::from_fn(w, w, |i, j| {
            let (i, j) = (i.max(j), i.min(j));
            f64::from(at.hessian[i * w + j]) + if i == j { ridge(i) } else { 0.0 }
        });
        let gradient =
            Mat::<f64>::from_fn(w, 1, |i, _| at.gradient[i] - if i == 0 { 0.0 } else { self.l2 * beta[i] });
        let llt = hessian
            .llt(Side::Lower)
            .map_err(|e| Error::Numerical { method: "Newton step", why: format!("{e:?}") })?;
        let step = llt.solve(&gradient);
        Ok((0..w).map(|i| step[(i, 0)]).collect())
    }
}
