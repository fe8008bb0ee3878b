//! What the models of the customer base say about accounts, products and regions. Pure.
//!
//! A run fits each model once ([`Insights::learn`]) and keeps the parameters, and of every account,
//! product and region as much as is needed to work out an answer from them when it is asked for. So
//! any horizon can be asked for, and an answer can be computed again.
//!
//! Where the data do not carry a model, that is what is kept, in words ([`Lacking`]); the others and
//! the scores do not depend on it.
//!
//! # How to add an insight
//! A [`Kind`], a module with what is fitted, what is kept and the answer, a line in
//! [`Insights::fits`] and in what it is about, and an RPC in `insight_service.proto`.

pub mod contact_time;
pub mod dealings;
pub mod funnel;
pub mod health;
pub mod lifetime;
pub mod need;
pub mod potential;
pub mod price;

use std::{ops::Range, sync::Arc};

use chrono::{DateTime, Utc};
use salient_core::{AccountId, Error, Reason, Result};
use salient_learn::{need::Needs, potential::CategoryPotential};
use salient_ledger::Ledger;
use serde::{Deserialize, Serialize};

use self::{
    contact_time::Reached,
    dealings::{ByAccount, Dealings},
    funnel::Funnels,
    lifetime::{Lifetimes, Summary},
    need::Products,
    price::Deals,
};

/// Kinds of insight, as they are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Lifetime value.
    Lifetime,
    /// Health.
    Health,
    /// Needs.
    Needs,
    /// Prices.
    Prices,
    /// Potential.
    Potential,
    /// When people can be reached.
    ContactTime,
    /// The way of customers.
    Funnel,
}

impl Kind {
    /// Its name in the store.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Lifetime => "lifetime",
            Self::Health => "health",
            Self::Needs => "needs",
            Self::Prices => "prices",
            Self::Potential => "potential",
            Self::ContactTime => "contact_time",
            Self::Funnel => "funnel",
        }
    }
}

/// Why there is no answer: what is needed and what there is, in words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Lacking(pub String);

/// An answer, or why there is none.
pub type Found<T> = std::result::Result<T, Lacking>;

impl From<salient_learn::Error> for Lacking {
    fn from(error: salient_learn::Error) -> Self {
        use salient_learn::Error::{BeyondCutoff, Invalid};
        if matches!(error, Invalid { .. } | BeyondCutoff { .. }) {
            // the scores must not wait for the repair of an insight, but somebody must look
            tracing::error!(%error, "an insight cannot be computed");
        }
        Self(error.to_string())
    }
}

impl From<Lacking> for Error {
    fn from(lacking: Lacking) -> Self {
        Self::new(Reason::NotEnoughData, lacking.0)
    }
}

/// What a run has learned.
#[derive(Debug)]
pub struct Insights {
    ledger: Arc<Ledger>,
    cutoff: i64,
    summaries: Vec<Found<Summary>>,
    lifetimes: Found<Lifetimes>,
    needs: Found<Needs>,
    potentials: Found<Vec<Found<CategoryPotential>>>,
    reached: Reached,
    dealt: ByAccount,
    funnels: Found<Funnels>,
}

impl Insights {
    /// Learns from what was known before `as_of`. Takes seconds.
    #[must_use]
    pub fn learn(ledger: Arc<Ledger>, dealings: &Dealings, as_of: DateTime<Utc>) -> Self {
        let cutoff = as_of.timestamp_micros();
        let view = ledger.history.as_of(cutoff);
        let accounts = 0..u32::try_from(ledger.accounts.len()).unwrap_or(u32::MAX);
        let summaries: Vec<Found<Summary>> = accounts.map(|account| Summary::of(&view, account)).collect();
        let known: Vec<Summary> = summaries.iter().flatten().copied().collect();
        let lifetimes = Lifetimes::fit(&known);
        let needs = need::fit(&view);
        let potentials = potential::judge(&view, &ledger.accounts);
        let reached = Reached::learn(&dealings.tried);
        let dealt = ByAccount::new(&ledger, dealings);
        let funnels = Funnels::count(&ledger, &view, &dealt);
        Self { cutoff, summaries, lifetimes, needs, potentials, reached, dealt, funnels, ledger }
    }

    /// How many accounts there are.
    #[must_use]
    pub fn accounts(&self) -> usize {
        self.ledger.accounts.len()
    }

    /// What was fitted, by kind, as JSON.
    ///
    /// # Errors
    /// `INTERNAL` if it cannot be written down.
    pub fn fits(&self) -> Result<Vec<(Kind, String)>> {
        Ok(vec![
            (Kind::Lifetime, json(&self.lifetimes)?),
            (Kind::Health, json(&Found::Ok(health::config()))?),
            (Kind::Needs, json(&of(&self.needs).map(|_| need::config()))?),
            (Kind::Prices, json(&Found::Ok(price::config()))?),
            (Kind::Potential, json(&of(&self.potentials).map(|_| potential::config()))?),
            (Kind::ContactTime, json(&Found::Ok(&self.reached))?),
            (Kind::Funnel, json(&self.funnels)?),
        ])
    }

    /// What is kept of the accounts with these numbers, by kind, as JSON.
    ///
    /// # Errors
    /// `INTERNAL` if it cannot be written down.
    pub fn of_accounts(&self, numbers: Range<usize>) -> Result<Vec<(Kind, AccountId, String)>> {
        let view = self.ledger.history.as_of(self.cutoff);
        let mut kept = Vec::new();
        for place in numbers {
            let number = u32::try_from(place).map_err(Error::internal)?;
            let account = &self.ledger.accounts[place];
            let needs = of(&self.needs).map(|needs| Products::of(needs, number, &self.ledger.products));
            let potential = of(&self.potentials).and_then(|judged| of(&judged[place]));
            for (kind, body) in [
                (Kind::Lifetime, json(&self.summaries[place])?),
                (Kind::Health, json(&health::of(&view, &self.dealt, number))?),
                (Kind::Needs, json(&needs)?),
                (Kind::Prices, json(&Found::Ok(&account.industry))?),
                (Kind::Potential, json(&potential)?),
            ] {
                kept.push((kind, account.id, body));
            }
        }
        Ok(kept)
    }

    /// What is kept of products and regions, by kind and name, as JSON.
    ///
    /// # Errors
    /// `INTERNAL` if it cannot be written down.
    pub fn of_names(&self) -> Result<Vec<(Kind, String, String)>> {
        let (ledger, view) = (&self.ledger, self.ledger.history.as_of(self.cutoff));
        let products = ledger.products.iter().zip(Deals::of_products(&view, &ledger.accounts));
        let prices = products.map(|(code, deals)| Ok((Kind::Prices, code.clone(), json(&Found::Ok(deals))?)));
        let regions = potential::regions(&ledger.accounts, &self.potentials).into_iter();
        let regions = regions.map(|(name, of)| Ok((Kind::Potential, name.to_owned(), json(&of)?)));
        prices.chain(regions).collect()
    }
}

/// What was found, by reference.
fn of<T>(found: &Found<T>) -> Found<&T> {
    found.as_ref().map_err(Clone::clone)
}

fn json<T: Serialize>(value: &T) -> Result<String> {
    serde_json::to_string(value).map_err(Error::internal)
}
