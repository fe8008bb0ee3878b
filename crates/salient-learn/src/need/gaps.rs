//! Log-normal gaps of unknown mean and variance, and what is left of a gap already under way.

use serde::{Deserialize, Serialize};
use statrs::distribution::{ContinuousCDF, StudentsT};

/// Farthest a forecast reaches, days; beyond it a date says nothing.
const FARTHEST_DAYS: f64 = 36_500.0;

/// Count, mean and sum of squared deviations of log gaps (days).
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct Moments {
    pub n: u32,
    pub mean: f64,
    pub squares: f64,
}

impl Moments {
    /// Of ascending times, microseconds UTC, all apart.
    pub fn of(times: &[i64]) -> Self {
        let mut moments = Self::default();
        for (a, b) in times.iter().zip(times.iter().skip(1)) {
            moments.push(super::days(*a, *b).ln());
        }
        moments
    }

    /// Adds one (Welford).
    fn push(&mut self, log_gap: f64) {
        self.n += 1;
        let delta = log_gap - self.mean;
        self.mean += delta / f64::from(self.n);
        self.squares += delta * (log_gap - self.mean);
    }

    /// Degrees of freedom of the variance.
    pub fn freedom(&self) -> f64 {
        f64::from(self.n.saturating_sub(1))
    }
}

/// What a product's buyers say about the log gaps of one of them before its own are known:
/// normal–inverse-χ² (Gelman et al., Bayesian Data Analysis, section 3.3).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Prior {
    /// Mean log gap.
    pub location: f64,
    /// Squared scale of the log gaps of one account.
    pub scale2: f64,
    /// Gaps that the location weighs.
    pub weight: f64,
    /// Degrees of freedom of the scale.
    pub freedom: f64,
    /// Gaps seen of the product.
    pub gaps: u32,
}

impl Prior {
    /// The next log gap after an account's own are known: Student's t.
    pub fn predict(&self, own: &Moments) -> Gap {
        let n = f64::from(own.n);
        let (weight, freedom) = (self.weight + n, self.freedom + n);
        let between = self.weight * n / weight * (own.mean - self.location).powi(2);
        let scale2 = (self.freedom * self.scale2 + own.squares + between) / freedom;
        Gap {
            location: (self.weight * self.location + n * own.mean) / weight,
            scale: (scale2 * (1.0 + 1.0 / weight)).sqrt(),
            freedom,
        }
    }
}

/// A gap whose logarithm (of days) follows a Student's t.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Gap {
    pub location: f64,
    pub scale: f64,
    pub freedom: f64,
}

impl Gap {
    /// Chance that the gap lasts longer than `days`.
    pub fn survival(&self, days: f64) -> f64 {
        if days <= 0.0 {
            return 1.0;
        }
        self.survival_log(days.ln())
    }

    fn survival_log(&self, log_days: f64) -> f64 {
        StudentsT::new(self.location, self.scale, self.freedom).map_or(f64::NAN, |t| t.sf(log_days))
    }

    /// Chance that a gap that has lasted `elapsed` days ends within `horizon` more.
    pub fn within(&self, elapsed: f64, horizon: f64) -> f64 {
        let now = self.survival(elapsed);
        if now <= 0.0 {
            return 0.0;
        }
        (1.0 - self.survival(elapsed + horizon) / now).clamp(0.0, 1.0)
    }

    /// Days from now until the gap ends with chance `share`, given that it has lasted `elapsed`
    /// days: where `S(elapsed + t) = (1 − share)·S(elapsed)`, at most [`FARTHEST_DAYS`].
    pub fn remaining(&self, elapsed: f64, share: f64) -> f64 {
        let target = (1.0 - share) * self.survival(elapsed);
        let (mut low, mut high) = (elapsed.max(1e-9).ln(), (elapsed + FARTHEST_DAYS).ln());
        for _ in 0..60 {
            let middle = f64::midpoint(low, high);
            *(if self.survival_log(middle) > target { &mut low } else { &mut high }) = middle;
        }
        (f64::midpoint(low, high).exp() - elapsed).max(0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_quantiles() {
        // Student's t, 10 degrees of freedom: 95 % at 1.812, 99 % at 2.764 (any table).
        let gap = Gap { location: 3.0, scale: 0.5, freedom: 10.0 };
        for (t, share) in [(1.812, 0.95), (2.764, 0.99), (0.0, 0.5)] {
            let days = (3.0_f64 + 0.5 * t).exp();
            assert!((gap.survival(days) - (1.0 - share)).abs() < 1e-4);
            assert!((gap.remaining(0.0, share) / days - 1.0).abs() < 1e-3);
        }
    }

    #[test]
    fn conjugate_update_by_hand() {
        // Prior N(2, σ²/2), σ² ~ Inv-χ²(4, 0.5); gaps ln = 3, 4: mean 3.5, squares 0.5.
        let prior = Prior { location: 2.0, scale2: 0.5, weight: 2.0, freedom: 4.0, gaps: 0 };
        let mut own = Moments::default();
        own.push(3.0);
        own.push(4.0);
        let gap = prior.predict(&own);
        assert!((gap.location - 11.0 / 4.0).abs() < 1e-12);
        // (4 · 0.5 + 0.5 + 2·2/4 · 1.5²) / 6 = 4.75 / 6, predictive times 1 + 1/4.
        assert!((gap.scale.powi(2) - 4.75 / 6.0 * 1.25).abs() < 1e-12);
        assert_eq!(gap.freedom, 6.0);
        let first = prior.predict(&Moments::default());
        assert_eq!((first.location, first.freedom), (2.0, 4.0));
        assert!((first.scale.powi(2) - 0.75).abs() < 1e-12);
    }

    #[test]
    fn what_remains_agrees_with_the_integrated_density() {
        let gap = Gap { location: 3.0, scale: 0.3, freedom: 7.0 };
        // The t density without its constant, on a grid of days: brute force.
        let step = 0.002;
        let density = |d: f64| (1.0 + ((d.ln() - 3.0) / 0.3).powi(2) / 7.0).powf(-4.0) / d;
        for elapsed in [1.0, 15.0, 25.0, 60.0] {
            let mass: Vec<f64> =
                (0..2_000_000).map(|i| density(elapsed + (f64::from(i) + 0.5) * step)).collect();
            let all: f64 = mass.iter().sum();
            for share in [0.1, 0.5, 0.9] {
                let mut sum = 0.0;
                let steps = mass
                    .iter()
                    .take_while(|&m| {
                        sum += m;
                        sum < share * all
                    })
                    .count();
                let brute = steps as f64 * step;
                let got = gap.remaining(elapsed, share);
                assert!((got / brute - 1.0).abs() < 0.01, "{elapsed} {share}: {got} {brute}");
                assert!((gap.within(elapsed, brute) - share).abs() < 0.002);
            }
        }
    }

    #[test]
    fn extremes_stay_finite() {
        let gap = Gap { location: 3.0, scale: 0.01, freedom: 100.0 };
        for elapsed in [0.0, 1e-12, 1e3, 1e6] {
            for share in [0.0, 0.1, 0.9, 1.0] {
                let left = gap.remaining(elapsed, share);
                assert!((0.0..=FARTHEST_DAYS * 1.001).contains(&left), "{elapsed} {share} {left}");
            }
            assert!((0.0..=1.0).contains(&gap.within(elapsed, 30.0)));
        }
    }
}
