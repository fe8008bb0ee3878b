//! Seeded random numbers that are the same on every platform.
//!
//! `ChaCha8` gives the bits. The distributions stand here instead of in `rand_distr`, because the
//! standard library's `ln`, `exp` and `cos` are the platform's own and may differ in the last bit;
//! those of `libm` are one piece of code everywhere.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// What a substream is for; two domains never share random numbers.
#[derive(Clone, Copy, Debug)]
#[repr(u64)]
pub(crate) enum Domain {
    /// Catalogue, bundles and affinities.
    Company = 1,
    /// Sellers.
    Seller = 2,
    /// Names and addresses of an account and its people.
    Profile = 3,
    /// Hidden parameters of an account.
    Latent = 4,
    /// When and why an account leaves; its issues and signals.
    Leaving = 5,
    /// What an account does about one product.
    Product = 6,
    /// Touches that belong to no product.
    Touches = 7,
    /// A seller's reaction.
    Reaction = 8,
    /// A customer's response to a contact.
    Response = 9,
    /// How systems write an account down.
    Sighting = 10,
}

/// A substream of random numbers.
pub(crate) struct Stream(ChaCha8Rng);

impl Stream {
    /// The substream of a seed for a domain, an entity and a part of it.
    pub(crate) fn new(seed: u64, domain: Domain, entity: u64, part: u64) -> Self {
        let mut key = [0_u8; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        key[8..16].copy_from_slice(&(domain as u64).to_le_bytes());
        key[16..24].copy_from_slice(&part.to_le_bytes());
        key[24..].copy_from_slice(b"salient1");
        let mut rng = ChaCha8Rng::from_seed(key);
        rng.set_stream(entity);
        Self(rng)
    }

    /// Uniform in [0, 1).
    pub(crate) fn unit(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 * (1.0 / (1_u64 << 53) as f64)
    }

    /// Uniform in (0, 1), never 0.
    fn open(&mut self) -> f64 {
        ((self.0.next_u64() >> 12) as f64 + 0.5) * (1.0 / (1_u64 << 52) as f64)
    }

    /// True with the given probability.
    pub(crate) fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// Uniform in 0..n; 0 for n = 0.
    pub(crate) fn below(&mut self, n: u32) -> u32 {
        ((u64::from(self.0.next_u32()) * u64::from(n)) >> 32) as u32
    }

    /// Uniform in low..=high.
    pub(crate) fn between(&mut self, low: i32, high: i32) -> i32 {
        low + self.below((high - low + 1).max(1) as u32) as i32
    }

    /// One of a list that is not empty.
    pub(crate) fn pick<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        &list[self.below(list.len() as u32) as usize]
    }

    /// An index, with probability in proportion to its weight.
    pub(crate) fn weighted(&mut self, weights: &[f64]) -> usize {
        let mut left = self.unit() * weights.iter().sum::<f64>();
        for (index, weight) in weights.iter().enumerate() {
            left -= weight;
            if left < 0.0 {
                return index;
            }
        }
        weights.len() - 1
    }

    /// Standard normal (Box and Muller 1958).
    pub(crate) fn normal(&mut self) -> f64 {
        let radius = libm::sqrt(-2.0 * libm::log(self.open()));
        radius * libm::cos(2.0 * std::f64::consts::PI * self.unit())
    }

    /// Log-normal with the given median and standard deviation of the logarithm.
    pub(crate) fn lognormal(&mut self, median: f64, sigma: f64) -> f64 {
        median * libm::exp(sigma * self.normal())
    }

    /// Gamma with the given shape and mean 1 (Marsaglia and Tsang 2000).
    pub(crate) fn gamma_mean_one(&mut self, shape: f64) -> f64 {
        // a shape below 1 is boosted by one and corrected by a power of a uniform
        let boost = if shape < 1.0 { libm::pow(self.open(), 1.0 / shape) } else { 1.0 };
        let d = if shape < 1.0 { shape + 1.0 } else { shape } - 1.0 / 3.0;
        let c = 1.0 / libm::sqrt(9.0 * d);
        loop {
            let x = self.normal();
            let v = 1.0 + c * x;
            if v <= 0.0 {
                continue;
            }
            let v = v * v * v;
            let u = self.open();
            if u < 1.0 - 0.0331 * x * x * x * x || libm::log(u) < 0.5 * x * x + d * (1.0 - v + libm::log(v)) {
                return boost * d * v / shape;
            }
        }
    }

    /// Failures before the first success when each trial succeeds with `probability`.
    pub(crate) fn failures(&mut self, probability: f64) -> i32 {
        if probability <= 0.0 {
            return i32::MAX;
        }
        if probability >= 1.0 {
            return 0;
        }
        let count = libm::log(self.open()) / libm::log1p(-probability);
        if count >= f64::from(i32::MAX) { i32::MAX } else { count as i32 }
    }
}

/// Regularised lower incomplete gamma function P(a, x): the distribution function of a gamma
/// variable with shape `a` and scale 1. Series and continued fraction as in Numerical Recipes 6.2.
pub(crate) fn gamma_cdf(a: f64, x: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    let front = libm::exp(-x + a * libm::log(x) - libm::lgamma(a));
    if x < a + 1.0 {
        let (mut sum, mut term, mut n) = (1.0 / a, 1.0 / a, a);
        while term > sum * 1e-16 {
            n += 1.0;
            term *= x / n;
            sum += term;
        }
        return (sum * front).min(1.0);
    }
    // modified Lentz
    let tiny = 1e-300;
    let mut b = x + 1.0 - a;
    let mut c = 1.0 / tiny;
    let mut d = 1.0 / b;
    let mut h = d;
    for i in 1..500 {
        let an = -f64::from(i) * (f64::from(i) - a);
        b += 2.0;
        d = an * d + b;
        d = if d.abs() < tiny { tiny } else { d };
        c = b + an / c;
        c = if c.abs() < tiny { tiny } else { c };
        d = 1.0 / d;
        let step = d * c;
        h *= step;
        if (step - 1.0).abs() < 1e-15 {
            break;
        }
    }
    (1.0 - front * h).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bits_are_fixed() {
        // a change here changes every model company ever generated
        let mut stream = Stream::new(1, Domain::Company, 2, 3);
        let drawn: Vec<u32> = (0..3).map(|_| stream.below(1_000_000)).collect();
        assert_eq!(drawn, FIXED);
    }
    const FIXED: [u32; 3] = [343_005, 40_621, 870_907];

    #[test]
    fn gamma_has_its_mean_and_spread() {
        for shape in [0.5, 1.0, 4.0, 9.0] {
            let mut stream = Stream::new(7, Domain::Company, 0, 0);
            let n = 40_000;
            let drawn: Vec<f64> = (0..n).map(|_| stream.gamma_mean_one(shape)).collect();
            let mean = drawn.iter().sum::<f64>() / f64::from(n);
            let variance = drawn.iter().map(|x| (x - 1.0).powi(2)).sum::<f64>() / f64::from(n);
            assert!((mean - 1.0).abs() < 0.03, "shape {shape}: mean {mean}");
            assert!((variance * shape - 1.0).abs() < 0.08, "shape {shape}: variance {variance}");
            let below = drawn.iter().filter(|x| **x < 0.8).count() as f64 / f64::from(n);
            assert!((below - gamma_cdf(shape, 0.8 * shape)).abs() < 0.01, "shape {shape}");
        }
    }

    #[test]
    fn gamma_cdf_agrees_with_closed_forms() {
        for x in [0.01, 0.3, 1.0, 2.5, 7.0, 30.0] {
            let exponential = 1.0 - f64::exp(-x);
            assert!((gamma_cdf(1.0, x) - exponential).abs() < 1e-12);
            let erlang2 = 1.0 - f64::exp(-x) * (1.0 + x);
            assert!((gamma_cdf(2.0, x) - erlang2).abs() < 1e-12);
        }
    }

    #[test]
    fn failures_are_geometric() {
        let mut stream = Stream::new(7, Domain::Company, 0, 0);
        let n = 40_000;
        let mean = (0..n).map(|_| f64::from(stream.failures(0.05))).sum::<f64>() / f64::from(n);
        assert!((mean - 19.0).abs() < 0.5, "{mean}");
        assert_eq!(stream.failures(0.0), i32::MAX);
    }
}
