//! Needs: which product an account buys next, and when.
//!
//! Of every account each product that it bought is kept as it stands at the moment of the run, so
//! that any horizon can be asked for. Products stand there by code, because numbers are given anew
//! in each run.

use salient_learn::{
    AsOf,
    need::{Config, Forecast, Needs, Outlook, Purchase, forecast},
};
use serde::{Deserialize, Serialize};

use super::Found;

/// Needs that are forecast at most.
const MOST: usize = 20;

/// How needs are fitted: the defaults of the algorithm.
#[must_use]
pub fn config() -> Config {
    Config::default()
}

/// Fits to every purchase before the view's cutoff.
///
/// # Errors
/// Too few purchases follow one another.
pub fn fit(view: &AsOf<'_>) -> Found<Needs> {
    let mut purchases = Vec::new();
    for order in view.orders() {
        for (&product, &quantity) in order.products.iter().zip(order.quantities) {
            purchases.push(Purchase { account: order.account, product, time: order.time, quantity });
        }
    }
    Ok(Needs::fit(&purchases, view.cutoff(), config())?)
}

/// One product of an account: code, last purchase (microseconds UTC), own gaps, gaps of the product,
/// mean quantity, chance to be alive, and location, scale and degrees of freedom of the log gap.
type Row = (String, i64, u32, u32, f64, f64, f64, f64, f64);

/// What is kept of an account.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Products(Vec<Row>);

impl Products {
    /// What was fitted of an account, by number; `codes` are the products' by number.
    #[must_use]
    pub fn of(needs: &Needs, account: u32, codes: &[String]) -> Self {
        let row = |of: Outlook| {
            let code = codes[of.product as usize].clone();
            let gap = (of.location, of.scale, of.freedom);
            (code, of.last, of.gaps, of.product_gaps, of.mean_quantity, of.alive, gap.0, gap.1, gap.2)
        };
        Self(needs.outlooks(account).into_iter().map(row).collect())
    }

    /// The needs most probable within `horizon_days` of `cutoff` (microseconds UTC; that of the fit),
    /// most probable first, each with its product's code.
    #[must_use]
    pub fn forecast(&self, cutoff: i64, horizon_days: u32) -> Vec<(&str, Forecast)> {
        let outlook = |(product, row): (u32, &Row)| {
            let &(_, last, gaps, product_gaps, mean_quantity, alive, location, scale, freedom) = row;
            Outlook { product, last, gaps, product_gaps, mean_quantity, alive, location, scale, freedom }
        };
        let outlooks: Vec<Outlook> = (0..).zip(&self.0).map(outlook).collect();
        let code = |of: Forecast| (self.0[of.product as usize].0.as_str(), of);
        forecast(&outlooks, cutoff, horizon_days, MOST).into_iter().map(code).collect()
    }
}
