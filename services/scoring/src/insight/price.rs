//! Price guidance: the accepted deals of a product, and what they say about the next one.
//!
//! A deal is a line of an order: its unit price is the amount of the line over its quantity. The
//! customer group is the industry; whose industry is not known belongs to none, and is guided by
//! the deals of all.

use salient_core::AccountId;
use salient_learn::{
    AsOf, Error,
    price::{Agreement, Config, Guidance, Quote, Request, guide},
};
use salient_ledger::Account;
use serde::{Deserialize, Serialize};

/// Deals of a product that are kept at most, the latest.
const MOST: usize = 500;

/// No account, product or group has this number.
const NONE: u32 = u32::MAX;

/// How prices are guided: the defaults of the algorithm.
#[must_use]
pub fn config() -> Config {
    Config::default()
}

/// The customer group of an account: its industry, as the source writes it; empty for none.
pub type Group = String;

/// The latest deals of a product, newest first, as one compact row.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Deals {
    accounts: Vec<AccountId>,
    groups: Vec<Group>,
    deals: Vec<Deal>,
}

/// Places of account and group, quantity, unit price in minor units, time in microseconds UTC.
type Deal = (usize, usize, f64, f64, i64);

/// What is asked. Prices are of a unit, in minor units.
#[derive(Clone, Debug, PartialEq)]
pub struct Asked {
    /// For whom, with the customer group; none for nobody in particular.
    pub account: Option<(AccountId, Group)>,
    /// Quantity in sales units.
    pub quantity: f64,
    /// What a unit costs us.
    pub unit_cost: Option<f64>,
    /// List price.
    pub list_price: Option<f64>,
    /// Price that is agreed and in force.
    pub agreed_price: Option<f64>,
}

impl Deals {
    /// The deals of every product, by number, that were made before the view's cutoff.
    #[must_use]
    pub fn of_products(view: &AsOf<'_>, accounts: &[Account]) -> Vec<Self> {
        let mut products = vec![Self::default(); view.products()];
        for order in view.orders().rev() {
            for ((&product, &quantity), &amount) in
                order.products.iter().zip(order.quantities).zip(order.amounts)
            {
                let of = &mut products[product as usize];
                if of.deals.len() < MOST && quantity > 0.0 && amount > 0 {
                    let account = &accounts[order.account as usize];
                    let group = place(&mut of.groups, &account.industry);
                    let account = place(&mut of.accounts, &account.id);
                    of.deals.push((account, group, quantity, amount as f64 / quantity, order.time));
                }
            }
        }
        products
    }

    /// Guides a price as of `cutoff`, microseconds UTC.
    ///
    /// # Errors
    /// `NotEnoughData` with too few comparable deals and no agreement; `Invalid` where no price keeps
    /// both cost and list price, or for a number out of bounds.
    pub fn guide(&self, asked: &Asked, cutoff: i64, config: &Config) -> Result<Guidance, Error> {
        let quotes: Vec<Quote> = self.deals.iter().map(|deal| self.quote(deal)).collect();
        let number = |place: Option<usize>| place.and_then(|place| u32::try_from(place).ok());
        let (account, group) = match &asked.account {
            Some((account, group)) => (
                // who never bought the product has no last price here
                number(self.accounts.iter().position(|known| known == account)),
                number(self.groups.iter().position(|known| !known.is_empty() && known == group)),
            ),
            None => (None, None),
        };
        let agreement =
            asked.agreed_price.map(|unit_price| Agreement { unit_price, from: cutoff, until: None });
        let request = Request {
            account,
            product: 0,
            group: group.unwrap_or(NONE),
            quantity: asked.quantity,
            cutoff,
            unit_cost: asked.unit_cost,
            list_price: asked.list_price,
            agreement,
        };
        guide(&quotes, &[], &request, config)
    }

    fn quote(&self, &(account, group, quantity, unit_price, time): &Deal) -> Quote {
        let number = |place: usize| u32::try_from(place).unwrap_or(NONE);
        Quote {
            account: number(account),
            product: 0,
            group: number(group),
            quantity,
            unit_price,
            time,
            agreed: false,
        }
    }
}

/// Where a value stands in a list; at its end if it was not there.
fn place<T: Clone + PartialEq>(list: &mut Vec<T>, value: &T) -> usize {
    list.iter().position(|known| known == value).unwrap_or_else(|| {
        list.push(value.clone());
        list.len() - 1
    })
}
