//! Pareto/NBD: purchases at a rate of one's own, until one drops out at any moment.
//!
//! Schmittlein, Morrison and Colombo, "Counting Your Customers: Who Are They and What Will They Do
//! Next?", Management Science 33(1), 1987; the likelihood as in Fader and Hardie, "A Note on Deriving
//! the Pareto/NBD Model" (2005), before its integral over the time of dropping out is written as a
//! hypergeometric function: Gauss and Legendre's rule takes it for every parameter alike.

use serde::{Deserialize, Serialize};
use statrs::function::gamma::{digamma, ln_gamma};

use super::{
    Purchases, check, check_horizon,
    fit::{Likelihood, maximise},
};
use crate::Error;

/// The fitted model.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ParetoNbd {
    /// Shape of the rates of purchase over customers.
    pub r: f64,
    /// Rate of the rates of purchase over customers, in units of time.
    pub alpha: f64,
    /// Shape of the rates of dropping out over customers.
    pub s: f64,
    /// Rate of the rates of dropping out over customers, in units of time.
    pub beta: f64,
    /// Of the customers that it was fitted to.
    pub log_likelihood: f64,
}

/// Nodes and weights of Gauss and Legendre's rule of 8 points on -1 to 1 (Abramowitz and Stegun,
/// table 25.4), the positive half.
const RULE: [(f64, f64); 4] = [
    (0.183_434_642_495_649_8, 0.362_683_783_378_362),
    (0.525_532_409_916_329, 0.313_706_645_877_887_3),
    (0.796_666_477_413_626_7, 0.222_381_034_453_374_5),
    (0.960_289_856_497_536_2, 0.101_228_536_290_376_26),
];
/// The factor by which the integrand changes at most, as a logarithm, within one panel.
const PANEL: f64 = 4.0;

/// What was seen of a customer, as a sum over when they dropped out: `each(ln weight, time)` is
/// called for every time, and with `None` for one who is still there.
fn dropping_out(of: &Purchases, [r, alpha, s, beta]: [f64; 4], mut each: impl FnMut(f64, Option<f64>)) {
    let rate = r + f64::from(of.repeats);
    each(-rate * (alpha + of.age).ln() - s * (beta + of.age).ln(), None);
    // over u = ln(beta + t), where the integrand is smooth
    let (from, to) = ((beta + of.last).ln(), (beta + of.age).ln());
    if to <= from {
        return;
    }
    let change = rate * ((alpha + of.age) / (alpha + of.last)).ln() + s * (to - from);
    let panels = (change / PANEL).ceil().clamp(1.0, 64.0);
    let half = (to - from) / panels / 2.0;
    let mut middle = from + half;
    for _ in 0..panels as usize {
        for (node, weight) in RULE {
            for u in [middle - half * node, middle + half * node] {
                let time = u.exp() - beta;
                let density = s.ln() - rate * (alpha + time).ln() - s * u;
                each(density + (weight * half).ln(), Some(time));
            }
        }
        middle += 2.0 * half;
    }
}

/// The logarithm of the sum over when a customer dropped out.
fn ln_total(of: &Purchases, parameters: [f64; 4]) -> f64 {
    let (mut most, mut sum) = (f64::NEG_INFINITY, 0.0);
    dropping_out(of, parameters, |ln, _| {
        if ln > most {
            sum = sum * (most - ln).exp() + 1.0;
            most = ln;
        } else {
            sum += (ln - most).exp();
        }
    });
    most + f64::ln(sum)
}

struct Given<'a>(&'a [Purchases]);

impl Likelihood for Given<'_> {
    fn count(&self) -> usize {
        self.0.len()
    }

    fn value(&self, parameters: &[f64]) -> f64 {
        let [r, alpha, s, beta] = *parameters else { return f64::NAN };
        let all = r * alpha.ln() + s * beta.ln() - ln_gamma(r);
        let one =
            |of: &Purchases| all + ln_gamma(r + f64::from(of.repeats)) + ln_total(of, [r, alpha, s, beta]);
        self.0.iter().map(one).sum()
    }

    fn gradient(&self, parameters: &[f64]) -> Vec<f64> {
        let [r, alpha, s, beta] = *parameters else { return Vec::new() };
        let mut by = vec![0.0; 4];
        for of in self.0 {
            let x = f64::from(of.repeats);
            let total = ln_total(of, [r, alpha, s, beta]);
            by[0] += digamma(r + x) - digamma(r) + alpha.ln();
            by[1] += r / alpha;
            by[2] += beta.ln();
            by[3] += s / beta;
            dropping_out(of, [r, alpha, s, beta], |ln, time| {
                let share = (ln - total).exp();
                let at = time.unwrap_or(of.age);
                by[0] -= share * (alpha + at).ln();
                by[1] -= share * (r + x) / (alpha + at);
                by[2] -= share * (beta + at).ln();
                if time.is_some() {
                    by[2] += share / s;
                    by[3] -= share * (s + 1.0) / (beta + at);
                } else {
                    by[3] -= share * s / (beta + at);
                }
            });
        }
        by
    }
}

impl ParetoNbd {
    /// Fits to customers.
    ///
    /// # Errors
    /// `NotEnoughData`, `Invalid`, or `Numerical` when the fit degenerates: nobody drops out, or all
    /// are alike. [`super::BgNbd`] has an answer for the first.
    pub fn fit(customers: &[Purchases]) -> Result<Self, Error> {
        check(customers)?;
        let age = customers.iter().map(|of| of.age).sum::<f64>() / customers.len() as f64;
        let repeats = customers.iter().map(|of| f64::from(of.repeats)).sum::<f64>() / customers.len() as f64;
        let start = [0.5, 0.5 * age / repeats, 0.5, age / 2.0];
        let found = maximise("Pareto/NBD", &Given(customers), &start)?;
        let [r, alpha, s, beta] = found.parameters[..] else {
            return Err(Error::Numerical { method: "Pareto/NBD", why: "no parameters".to_owned() });
        };
        if found.at_edge {
            let why = format!(
                "the likelihood rises to the edge (r {r:.3e}, alpha {alpha:.3e}, s {s:.3e}, beta {beta:.3e}): \
                 nobody drops out, or all customers are alike"
            );
            return Err(Error::Numerical { method: "Pareto/NBD", why });
        }
        Ok(Self { r, alpha, s, beta, log_likelihood: found.log_likelihood })
    }

    fn parameters(&self) -> [f64; 4] {
        [self.r, self.alpha, self.s, self.beta]
    }

    /// The log-likelihood of customers.
    pub fn log_likelihood_of(&self, customers: &[Purchases]) -> f64 {
        Given(customers).value(&self.parameters())
    }

    /// The probability that somebody is still a customer.
    ///
    /// # Errors
    /// `Invalid`.
    pub fn alive(&self, of: &Purchases) -> Result<f64, Error> {
        of.check()?;
        let total = ln_total(of, self.parameters());
        let rate = self.r + f64::from(of.repeats);
        let still = -rate * (self.alpha + of.age).ln() - self.s * (self.beta + of.age).ln();
        Ok((still - total).exp())
    }

    /// Purchases that are expected of somebody within `horizon` from the end of the observation.
    ///
    /// # Errors
    /// `Invalid`.
    pub fn expected(&self, of: &Purchases, horizon: f64) -> Result<f64, Error> {
        check_horizon(horizon)?;
        let alive = self.alive(of)?;
        let rate = (self.r + f64::from(of.repeats)) / (self.alpha + of.age);
        let from = self.beta + of.age;
        // (1 - e^(-(s-1) g)) / (s-1), also where s is 1
        let grown = (horizon / from).ln_1p();
        let power = (self.s - 1.0) * grown;
        let stay = if power.abs() < 1e-12 { grown } else { -(-power).exp_m1() / (self.s - 1.0) };
        Ok(alive * rate * from * stay)
    }
}
