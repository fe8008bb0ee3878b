//! Customer-base models: who is still a customer, how often they will buy, and for how much.
//!
//! Both models of purchases take a customer to buy at random moments at a rate of their own (gamma
//! over customers) until they drop out unseen: after any purchase with a probability of their own
//! (beta; [`BgNbd`]), or at any moment at a rate of their own (gamma; [`ParetoNbd`]). [`GammaGamma`]
//! says what a purchase is worth. All are fitted by maximum likelihood over the logarithms of their
//! parameters, with exact gradients.
//!
//! Time is in any unit; rates and horizons are in the same one.

mod bgnbd;
mod fit;
mod gammagamma;
mod paretonbd;

pub use bgnbd::{BgNbd, Dropout};
pub use gammagamma::{GammaGamma, Spending};
pub use paretonbd::ParetoNbd;

use crate::Error;

/// Customers below which nothing is fitted: four parameters cannot be told from fewer.
pub const LEAST: usize = 50;

/// What is known of a customer's purchases.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Purchases {
    /// Purchases after the first.
    pub repeats: u32,
    /// Time from the first purchase to the last.
    pub last: f64,
    /// Time from the first purchase to the end of the observation.
    pub age: f64,
}

impl Purchases {
    fn check(&self) -> Result<(), Error> {
        let Self { repeats, last, age } = *self;
        if !(age.is_finite() && age > 0.0) {
            return Err(Error::invalid("age", format!("{age}; a finite time above 0 is accepted")));
        }
        if !(0.0..=age).contains(&last) {
            return Err(Error::invalid(
                "last",
                format!("{last}; a time from 0 to the age {age} is accepted"),
            ));
        }
        if repeats == 0 && last > 0.0 {
            return Err(Error::invalid("last", format!("{last} without a repeated purchase; 0 is accepted")));
        }
        Ok(())
    }
}

fn check(customers: &[Purchases]) -> Result<(), Error> {
    if customers.len() < LEAST {
        return Err(Error::NotEnoughData {
            needed: format!("{LEAST} customers"),
            have: format!("{}", customers.len()),
        });
    }
    customers.iter().try_for_each(Purchases::check)?;
    if customers.iter().all(|of| of.repeats == 0) {
        return Err(Error::NotEnoughData {
            needed: "customers who bought again".to_owned(),
            have: "none".to_owned(),
        });
    }
    Ok(())
}

fn check_horizon(horizon: f64) -> Result<(), Error> {
    if horizon.is_finite() && horizon >= 0.0 {
        return Ok(());
    }
    Err(Error::invalid("horizon", format!("{horizon}; a finite time from 0 is accepted")))
}
