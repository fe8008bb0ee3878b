//! BG/NBD: purchases at a rate of one's own, until one drops out after a purchase.
//!
//! Fader, Hardie and Lee, "'Counting Your Customers' the Easy Way: An Alternative to the Pareto/NBD
//! Model", Marketing Science 24(2), 2005. The rate is gamma with shape `r` and rate `alpha` over
//! customers; the probability to drop out after a repeated purchase is beta with `a` and `b`.

use serde::{Deserialize, Serialize};
use statrs::function::gamma::{digamma, ln_gamma};

use super::{
    Purchases, check, check_horizon,
    fit::{Likelihood, maximise},
};
use crate::Error;

/// Who drops out: the probability after a purchase is beta over customers.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Dropout {
    /// First shape.
    pub a: f64,
    /// Second shape.
    pub b: f64,
}

/// The fitted model.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct BgNbd {
    /// Shape of the rates over customers.
    pub r: f64,
    /// Rate of the rates over customers, in units of time.
    pub alpha: f64,
    /// Who drops out; none when the purchases give no sign that anybody does. Then everybody is taken
    /// to be a customer still (the model is the negative binomial distribution).
    pub dropout: Option<Dropout>,
    /// Of the customers that it was fitted to.
    pub log_likelihood: f64,
}

/// A function at `start + x` for every count of purchases `x`: what depends on nothing else of a
/// customer is worked out once.
fn by_count(of: fn(f64) -> f64, start: f64, most: usize) -> Vec<f64> {
    (0..=most).map(|x| of(start + x as f64)).collect()
}

struct Given<'a> {
    customers: &'a [Purchases],
    most: usize,
}

impl<'a> Given<'a> {
    fn new(customers: &'a [Purchases]) -> Self {
        let most = customers.iter().map(|of| of.repeats).max().unwrap_or_default();
        Self { customers, most: most as usize }
    }
}

/// Logarithms of the two ways to what was seen: a customer still, and gone after the last purchase.
fn ways(of: &Purchases, r: f64, alpha: f64, a: f64, b: f64) -> (f64, f64) {
    let x = f64::from(of.repeats);
    let still = -(r + x) * (alpha + of.age).ln();
    let gone = match of.repeats {
        0 => f64::NEG_INFINITY,
        _ => a.ln() - (b + x - 1.0).ln() - (r + x) * (alpha + of.last).ln(),
    };
    (still, gone)
}

fn ln_sum((one, other): (f64, f64)) -> f64 {
    let most = one.max(other);
    most + ((one - most).exp() + (other - most).exp()).ln()
}

impl Likelihood for Given<'_> {
    fn count(&self) -> usize {
        self.customers.len()
    }

    fn value(&self, parameters: &[f64]) -> f64 {
        let [r, alpha, a, b] = *parameters else { return f64::NAN };
        let (of_r, of_b) = (by_count(ln_gamma, r, self.most), by_count(ln_gamma, b, self.most));
        let of_ab = by_count(ln_gamma, a + b, self.most);
        let all = r * alpha.ln() - of_r[0] + of_ab[0] - of_b[0];
        let one = |of: &Purchases| {
            let x = of.repeats as usize;
            all + of_r[x] + of_b[x] - of_ab[x] + ln_sum(ways(of, r, alpha, a, b))
        };
        self.customers.iter().map(one).sum()
    }

    fn gradient(&self, parameters: &[f64]) -> Vec<f64> {
        let [r, alpha, a, b] = *parameters else { return Vec::new() };
        let (of_r, of_b) = (by_count(digamma, r, self.most), by_count(digamma, b, self.most));
        let of_ab = by_count(digamma, a + b, self.most);
        let ln_alpha = alpha.ln();
        let mut by = vec![0.0; 4];
        for of in self.customers {
            let (place, x) = (of.repeats as usize, f64::from(of.repeats));
            let ways = ways(of, r, alpha, a, b);
            let still = (ways.0 - ln_sum(ways)).exp();
            let gone = 1.0 - still;
            by[0] += of_r[place] - of_r[0] + ln_alpha
                - still * (alpha + of.age).ln()
                - gone * (alpha + of.last).ln();
            by[1] += r / alpha - (r + x) * (still / (alpha + of.age) + gone / (alpha + of.last));
            by[2] += of_ab[0] - of_ab[place] + gone / a;
            by[3] += of_ab[0] - of_ab[place] + of_b[place] - of_b[0];
            if of.repeats > 0 {
                by[3] -= gone / (b + x - 1.0);
            }
        }
        by
    }
}

/// The same without dropping out: negative binomial.
struct Staying<'a>(Given<'a>);

impl Likelihood for Staying<'_> {
    fn count(&self) -> usize {
        self.0.count()
    }

    fn value(&self, parameters: &[f64]) -> f64 {
        let [r, alpha] = *parameters else { return f64::NAN };
        let of_r = by_count(ln_gamma, r, self.0.most);
        let one = |of: &Purchases| {
            of_r[of.repeats as usize] - of_r[0] + r * alpha.ln()
                - (r + f64::from(of.repeats)) * (alpha + of.age).ln()
        };
        self.0.customers.iter().map(one).sum()
    }

    fn gradient(&self, parameters: &[f64]) -> Vec<f64> {
        let [r, alpha] = *parameters else { return Vec::new() };
        let of_r = by_count(digamma, r, self.0.most);
        let mut by = vec![0.0; 2];
        for of in self.0.customers {
            let x = f64::from(of.repeats);
            by[0] += of_r[of.repeats as usize] - of_r[0] + alpha.ln() - (alpha + of.age).ln();
            by[1] += r / alpha - (r + x) / (alpha + of.age);
        }
        by
    }
}

/// How much better the model with dropout must be than the one without, in log-likelihood, to be
/// taken: below that it has two parameters for nothing (Akaike's criterion).
const GAIN: f64 = 2.0;

impl BgNbd {
    /// Fits to customers.
    ///
    /// # Errors
    /// `NotEnoughData`, `Invalid`, or `Numerical` if the purchases are no more spread over customers
    /// than by chance.
    pub fn fit(customers: &[Purchases]) -> Result<Self, Error> {
        check(customers)?;
        let age = customers.iter().map(|of| of.age).sum::<f64>() / customers.len() as f64;
        let repeats = customers.iter().map(|of| f64::from(of.repeats)).sum::<f64>() / customers.len() as f64;
        let start = [0.5, 0.5 * age / repeats];
        let staying = maximise("BG/NBD", &Staying(Given::new(customers)), &start)?;
        let [r, alpha] = staying.parameters[..] else {
            return Err(Error::Numerical { method: "BG/NBD", why: "no parameters".to_owned() });
        };
        let whole = maximise("BG/NBD", &Given::new(customers), &[r, alpha, 1.0, 2.0]);
        let better = |found: &super::fit::Maximum| {
            !found.at_edge && found.log_likelihood > staying.log_likelihood + GAIN
        };
        if let Ok(found) = whole
            && better(&found)
            && let [r, alpha, a, b] = found.parameters[..]
        {
            return Ok(Self {
                r,
                alpha,
                dropout: Some(Dropout { a, b }),
                log_likelihood: found.log_likelihood,
            });
        }
        if staying.at_edge {
            let why = "the purchases are spread over customers as by chance: nobody has a rate of their own";
            return Err(Error::Numerical { method: "BG/NBD", why: why.to_owned() });
        }
        Ok(Self { r, alpha, dropout: None, log_likelihood: staying.log_likelihood })
    }

    /// The log-likelihood of customers.
    pub fn log_likelihood_of(&self, customers: &[Purchases]) -> f64 {
        let given = Given::new(customers);
        match self.dropout {
            Some(Dropout { a, b }) => given.value(&[self.r, self.alpha, a, b]),
            None => Staying(given).value(&[self.r, self.alpha]),
        }
    }

    /// The probability that somebody is still a customer.
    ///
    /// # Errors
    /// `Invalid`.
    pub fn alive(&self, of: &Purchases) -> Result<f64, Error> {
        of.check()?;
        let Some(Dropout { a, b }) = self.dropout else { return Ok(1.0) };
        let ways = ways(of, self.r, self.alpha, a, b);
        Ok((ways.0 - ln_sum(ways)).exp())
    }

    /// Purchases that are expected of somebody within `horizon` from the end of the observation.
    ///
    /// # Errors
    /// `Invalid`.
    pub fn expected(&self, of: &Purchases, horizon: f64) -> Result<f64, Error> {
        check_horizon(horizon)?;
        let alive = self.alive(of)?;
        let (x, from) = (f64::from(of.repeats), self.alpha + of.age);
        let Some(Dropout { a, b }) = self.dropout else { return Ok((self.r + x) / from * horizon) };
        // at a = 1 the two factors are 0 and infinite, and their product is smooth
        let a = if (a - 1.0).abs() < 1e-7 { 1.0 + 1e-7 } else { a };
        let z = horizon / (from + horizon);
        let series = hypergeometric(a + b - 1.0 - self.r, a - 1.0, a + b + x - 1.0, z);
        // the paper's equation 10 after Euler's transformation, whose series converges for every z
        let still = 1.0 - (1.0 - z).powf(a - 1.0) * series;
        Ok(alive * (a + b + x - 1.0) / (a - 1.0) * still)
    }
}

/// Gauss's hypergeometric function by its series, for `0 <= z < 1`.
fn hypergeometric(a: f64, b: f64, c: f64, z: f64) -> f64 {
    const TERMS: u32 = 1_000_000;
    let (mut sum, mut term) = (1.0_f64, 1.0_f64);
    for n in 0..TERMS {
        let n = f64::from(n);
        term *= (a + n) * (b + n) / ((c + n) * (n + 1.0)) * z;
        sum += term;
        // what is left is at most a geometric series of this term
        if term.abs() < f64::EPSILON * sum.abs() * (1.0 - z) {
            break;
        }
    }
    sum
}
