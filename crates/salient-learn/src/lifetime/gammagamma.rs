//! Gamma-Gamma: what a purchase is worth.
//!
//! Fader and Hardie, "The Gamma-Gamma Model of Monetary Value" (2013). A customer's purchases are
//! gamma with shape `p` and a rate of their own, which is gamma with shape `q` and rate `v` over
//! customers. It takes the worth of a purchase not to depend on how often somebody buys.

use serde::{Deserialize, Serialize};
use statrs::function::gamma::{digamma, ln_gamma};

use super::{
    LEAST,
    fit::{Likelihood, maximise},
};
use crate::Error;

/// What a customer spent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spending {
    /// Purchases that the mean is over.
    pub purchases: u32,
    /// The mean worth of these, in any currency.
    pub mean: f64,
}

/// The fitted model.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct GammaGamma {
    /// Shape of a customer's purchases.
    pub p: f64,
    /// Shape over customers.
    pub q: f64,
    /// Rate over customers.
    pub v: f64,
    /// Of the customers that it was fitted to.
    pub log_likelihood: f64,
}

struct Given<'a>(&'a [Spending]);

impl Likelihood for Given<'_> {
    fn count(&self) -> usize {
        self.0.len()
    }

    fn value(&self, parameters: &[f64]) -> f64 {
        let [p, q, v] = *parameters else { return f64::NAN };
        let all = ln_gamma(q) - q * v.ln();
        let one = |of: &Spending| {
            let x = f64::from(of.purchases);
            let (px, sum) = (p * x, x * of.mean);
            ln_gamma(px + q) - ln_gamma(px) - all + (px - 1.0) * of.mean.ln() + px * x.ln()
                - (px + q) * (sum + v).ln()
        };
        self.0.iter().map(one).sum()
    }

    fn gradient(&self, parameters: &[f64]) -> Vec<f64> {
        let [p, q, v] = *parameters else { return Vec::new() };
        let mut by = vec![0.0; 3];
        for of in self.0 {
            let x = f64::from(of.purchases);
            let (px, sum) = (p * x, x * of.mean);
            let (both, log) = (digamma(px + q), (sum + v).ln());
            by[0] += x * (both - digamma(px) + sum.ln() - log);
            by[1] += both - digamma(q) + v.ln() - log;
            by[2] += q / v - (px + q) / (sum + v);
        }
        by
    }
}

impl GammaGamma {
    /// Fits to customers who bought again.
    ///
    /// # Errors
    /// `NotEnoughData`, `Invalid` for a mean that is no amount above 0, `Numerical`.
    pub fn fit(customers: &[Spending]) -> Result<Self, Error> {
        if customers.len() < LEAST {
            let needed = format!("{LEAST} customers who bought again");
            return Err(Error::NotEnoughData { needed, have: format!("{}", customers.len()) });
        }
        for of in customers {
            if of.purchases == 0 || !(of.mean.is_finite() && of.mean > 0.0) {
                let why =
                    format!("{} over {} purchases; an amount above 0 is accepted", of.mean, of.purchases);
                return Err(Error::invalid("mean", why));
            }
        }
        let mean = customers.iter().map(|of| of.mean).sum::<f64>() / customers.len() as f64;
        let found = maximise("Gamma-Gamma", &Given(customers), &[1.0, 2.0, mean])?;
        if found.at_edge {
            let why = "the means differ by chance only, or not at all: no worth of one's own can be told";
            return Err(Error::Numerical { method: "Gamma-Gamma", why: why.to_owned() });
        }
        let [p, q, v] = found.parameters[..] else {
            return Err(Error::Numerical { method: "Gamma-Gamma", why: "no parameters".to_owned() });
        };
        Ok(Self { p, q, v, log_likelihood: found.log_likelihood })
    }

    /// What a customer's purchases are worth on average, given what they spent: between their own mean
    /// and that of all. None if the mean of all does not exist (`q` at most 1) and nothing is known.
    pub fn expected(&self, of: Option<Spending>) -> Option<f64> {
        let (x, sum) = of.map_or((0.0, 0.0), |of| {
            let x = f64::from(of.purchases);
            (x, x * of.mean)
        });
        let weight = self.p * x + self.q - 1.0;
        (weight > 0.0).then(|| self.p * (self.v + sum) / weight)
    }
}
