//! Lifetime value: who is still a customer, how often they will order and for how much.
//!
//! Both models of purchases are fitted, and the one under which the purchases of the customers are
//! more likely is kept; each has four parameters, so that nothing must be made up for. Time is in
//! weeks. The orders of a day (UTC) are one purchase: an order split in two is no sign of a habit.

use std::collections::BTreeMap;

use salient_learn::{
    AsOf, DAY_US,
    lifetime::{BgNbd, GammaGamma, ParetoNbd, Purchases, Spending},
};
use serde::{Deserialize, Serialize};

use super::{Found, Lacking};

/// Days of a week, the unit of time here.
pub const WEEK_DAYS: f64 = 7.0;

/// Customers that are fitted to at most: four parameters are known well from these, and the time of
/// a fit grows with their number.
const MOST: usize = 20_000;

/// What is known of an account's purchases.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// Days with an order, after the first one.
    pub repeats: u32,
    /// Weeks from the first day with an order to the last.
    pub last: f64,
    /// Weeks from the first day with an order to the moment of the run.
    pub age: f64,
    /// Mean amount of a day with an order, minor units; returns are not taken off.
    pub mean: f64,
}

impl Summary {
    /// Of an account, by number.
    ///
    /// # Errors
    /// It has not ordered yet.
    pub fn of(view: &AsOf<'_>, account: u32) -> Found<Self> {
        let mut days: BTreeMap<i64, i64> = BTreeMap::new();
        for order in view.account_orders(account) {
            let amount = days.entry(order.time.div_euclid(DAY_US)).or_default();
            *amount = amount.saturating_add(order.amount());
        }
        let (Some((&first, _)), Some((&last, _))) = (days.first_key_value(), days.last_key_value()) else {
            return Err(Lacking("not enough data: need an order of the account, have none".to_owned()));
        };
        let amount: f64 = days.values().map(|&amount| amount as f64).sum();
        Ok(Self {
            repeats: u32::try_from(days.len() - 1).unwrap_or(u32::MAX),
            last: (last - first) as f64 / WEEK_DAYS,
            age: view.age_days(first * DAY_US) / WEEK_DAYS,
            mean: amount / days.len() as f64,
        })
    }

    fn purchases(&self) -> Purchases {
        Purchases { repeats: self.repeats, last: self.last, age: self.age }
    }

    /// None for an account that never paid anything: its mean says nothing to the model.
    fn spending(&self) -> Option<Spending> {
        let purchases = self.repeats.saturating_add(1);
        (self.mean > 0.0).then_some(Spending { purchases, mean: self.mean })
    }
}

/// The model of purchases that was kept.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Model {
    /// BG/NBD.
    BgNbd(BgNbd),
    /// Pareto/NBD.
    ParetoNbd(ParetoNbd),
}

/// What was fitted to all customers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Lifetimes {
    /// When they buy and when they stop, in weeks.
    pub model: Model,
    /// What a purchase is worth, minor units.
    pub worth: Found<GammaGamma>,
    /// Customers that it was fitted to.
    pub customers: usize,
    /// Which model was kept and why, and what could not be fitted, in words.
    pub report: String,
}

/// What is expected of an account.
#[derive(Clone, Debug, PartialEq)]
pub struct Outlook {
    /// Probability that it is still a customer.
    pub alive: f64,
    /// Days with an order within the horizon.
    pub purchases: f64,
    /// What one of them is worth, minor units; none where that could not be learned.
    pub worth: Option<f64>,
}

impl Lifetimes {
    /// Fits to customers; of very many, to some.
    ///
    /// # Errors
    /// Neither model of purchases can be fitted.
    pub fn fit(customers: &[Summary]) -> Found<Self> {
        // by number, which says nothing about an account
        let some: Vec<&Summary> = customers.iter().step_by(customers.len().div_ceil(MOST).max(1)).collect();
        let purchases: Vec<Purchases> = some.iter().map(|of| of.purchases()).collect();
        let (model, mut report) = choose(BgNbd::fit(&purchases), ParetoNbd::fit(&purchases), some.len())?;
        let again = some.iter().filter(|of| of.repeats > 0).filter_map(|of| of.spending());
        let worth = GammaGamma::fit(&again.collect::<Vec<_>>()).map_err(Lacking::from);
        if let Err(Lacking(why)) = &worth {
            report += &format!(" What a purchase is worth could not be learned: {why}.");
        }
        Ok(Self { model, worth, customers: some.len(), report })
    }

    /// What is expected of an account within `horizon_days` of the moment of the run.
    ///
    /// # Errors
    /// `Invalid` for a summary or a horizon that cannot be.
    pub fn outlook(&self, of: &Summary, horizon_days: f64) -> Result<Outlook, salient_learn::Error> {
        let (known, horizon) = (of.purchases(), horizon_days / WEEK_DAYS);
        let (alive, purchases) = match &self.model {
            Model::BgNbd(model) => (model.alive(&known)?, model.expected(&known, horizon)?),
            Model::ParetoNbd(model) => (model.alive(&known)?, model.expected(&known, horizon)?),
        };
        let worth = self.worth.as_ref().ok().and_then(|model| model.expected(of.spending()));
        Ok(Outlook { alive, purchases, worth })
    }
}

type Fit<T> = Result<T, salient_learn::Error>;

/// The likelier of the two models, and the choice in words.
fn choose(bg: Fit<BgNbd>, pareto: Fit<ParetoNbd>, customers: usize) -> Found<(Model, String)> {
    let over = format!("over {customers} accounts");
    let (model, mut report) = match (bg, pareto) {
        (Ok(bg), Ok(pareto)) => {
            let (ours, theirs) = (bg.log_likelihood, pareto.log_likelihood);
            if ours >= theirs {
                let words = format!(
                    "BG/NBD was kept: log-likelihood {ours:.1} against {theirs:.1} of Pareto/NBD, {over}."
                );
                (Model::BgNbd(bg), words)
            } else {
                let words = format!(
                    "Pareto/NBD was kept: log-likelihood {theirs:.1} against {ours:.1} of BG/NBD, {over}."
                );
                (Model::ParetoNbd(pareto), words)
            }
        }
        (Ok(bg), Err(why)) => (Model::BgNbd(bg), format!("BG/NBD was kept, {over}: {why}.")),
        (Err(why), Ok(pareto)) => (Model::ParetoNbd(pareto), format!("Pareto/NBD was kept, {over}: {why}.")),
        (Err(one), Err(other)) if one == other => return Err(one.into()),
        (Err(one), Err(other)) => {
            return Err(Lacking(format!("neither model can be fitted {over}: {one}; {other}")));
        }
    };
    if let Model::BgNbd(BgNbd { dropout: None, .. }) = model {
        report += " Nothing shows that anybody stops, so that all are taken to be customers still.";
    }
    Ok((model, report))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_customers_are_not_enough() {
        let one = Summary { repeats: 2, last: 8.0, age: 20.0, mean: 1_000.0 };
        let Err(Lacking(why)) = Lifetimes::fit(&[one; 3]) else { panic!("fitted to three customers") };
        assert_eq!(why, "not enough data: need 50 customers, have 3");
    }
}
