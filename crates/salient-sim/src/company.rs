//! The model company as a whole.

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use crate::catalogue::{Market, Product, ProductIndex};
use crate::days::{Day, day_of, moment};
use crate::history::{AccountHistory, Seller};
use crate::latent::{Latent, REST};
use crate::life::Life;
use crate::profile;
use crate::records;
use crate::truth::Truth;

/// What company to make. Equal configurations make equal companies on every platform.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Seed of everything random.
    pub seed: u64,
    /// Accounts, at most [`Config::MOST_ACCOUNTS`].
    pub accounts: u64,
    /// Sellers, at least 1; each has two territories.
    pub sellers: u32,
    /// Products, at least 8.
    pub products: u32,
    /// First day of the history.
    pub start: NaiveDate,
    /// Last day of the history, included.
    pub end: NaiveDate,
    /// ISO 4217 code of all amounts.
    pub currency: String,
}

impl Default for Config {
    /// The company of the demo: 600 accounts, 12 sellers, 160 products, two years.
    fn default() -> Self {
        Self {
            seed: 1,
            accounts: 600,
            sellers: 12,
            products: 160,
            start: NaiveDate::from_ymd_opt(2024, 7, 1).unwrap_or_default(),
            end: NaiveDate::from_ymd_opt(2026, 6, 30).unwrap_or_default(),
            currency: "EUR".to_owned(),
        }
    }
}

impl Config {
    /// The most accounts a company can have.
    pub const MOST_ACCOUNTS: u64 = 10_000_000;

    /// The demo's company in another size, with a seller for every fifty accounts.
    pub fn sized(accounts: u64) -> Self {
        let sellers = accounts.div_ceil(50).clamp(1, 5_000) as u32;
        Self { accounts, sellers, ..Self::default() }
    }

    /// Midnight, UTC, after the last day of the history: all of it is known then.
    pub fn end_time(&self) -> DateTime<Utc> {
        moment(day_of(self.end) + 1, 0)
    }

    fn check(&self) -> Result<(), ConfigError> {
        let days = self.end.signed_duration_since(self.start).num_days();
        if self.accounts > Self::MOST_ACCOUNTS {
            return Err(ConfigError::Accounts { found: self.accounts, most: Self::MOST_ACCOUNTS });
        }
        if !(1..=100_000).contains(&self.sellers) {
            return Err(ConfigError::Sellers { found: self.sellers });
        }
        if !(8..=9_999).contains(&self.products) {
            return Err(ConfigError::Products { found: self.products });
        }
        if !(30..=7_305).contains(&days) {
            return Err(ConfigError::Days { found: days });
        }
        Ok(())
    }
}

/// A configuration that makes no company.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// Too many accounts.
    #[error("accounts: {found} is more than {most}")]
    Accounts {
        /// What was asked for.
        found: u64,
        /// What is possible.
        most: u64,
    },
    /// Too few or too many sellers.
    #[error("sellers: {found} is not between 1 and 100000")]
    Sellers {
        /// What was asked for.
        found: u32,
    },
    /// Too few or too many products.
    #[error("products: {found} is not between 8 and 9999")]
    Products {
        /// What was asked for.
        found: u32,
    },
    /// A history that is too short, too long or ends before it starts.
    #[error("start and end: {found} days apart; from 30 days to 20 years is possible")]
    Days {
        /// Days between start and end.
        found: i64,
    },
}

/// A model company. It holds the market and the sellers; accounts are made when asked for.
#[derive(Debug)]
pub struct Company {
    config: Config,
    market: Market,
    sellers: Vec<Seller>,
}

impl Company {
    /// Makes the company of a configuration.
    pub fn try_new(config: Config) -> Result<Self, ConfigError> {
        config.check()?;
        let (first, last) = (day_of(config.start), day_of(config.end));
        // truths look beyond the end: a horizon, and an ordering day after it
        let market = Market::new(config.seed, config.products, first, last + 2 * REST + 40);
        let sellers = (0..config.sellers).map(|index| profile::seller(&config, index)).collect();
        Ok(Self { config, market, sellers })
    }

    /// What it was made from.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// What it sells.
    pub fn catalogue(&self) -> &[Product] {
        &self.market.products
    }

    /// Who sells it.
    pub fn sellers(&self) -> &[Seller] {
        &self.sellers
    }

    /// All accounts, one after the other.
    pub fn accounts(&self) -> Accounts<'_> {
        self.accounts_in(0, self.config.accounts)
    }

    /// The accounts with numbers `from..to`: the same ones whoever asks, so that a range can be
    /// made elsewhere.
    pub fn accounts_in(&self, from: u64, to: u64) -> Accounts<'_> {
        let to = to.min(self.config.accounts);
        Accounts { company: self, next: from.min(to), end: to }
    }

    /// One account; a number beyond the last account makes the account that would have it.
    pub fn account(&self, index: u64) -> AccountHistory {
        let truth = self.truth_of(index);
        let (account, contacts) = profile::account(&self.config, &truth.latent, index);
        records::history(self, &truth, account, contacts)
    }

    /// The truth about one account.
    pub fn truth_of(&self, index: u64) -> Truth<'_> {
        let latent = Latent::new(&self.config, &self.market, index);
        let life = Life::new(self.config.seed, &self.market, &latent, index, self.last_day());
        Truth { market: &self.market, latent, life }
    }

    /// Probability that an account buys a product within `horizon` days from the start of the UTC
    /// day of `at`. For many products of an account ask [`Company::truth_of`] once.
    pub fn truth(&self, account: u64, product: ProductIndex, at: DateTime<Utc>, horizon: u32) -> f64 {
        self.truth_of(account).buys(product, at, horizon)
    }

    pub(crate) fn first_day(&self) -> Day {
        day_of(self.config.start)
    }

    pub(crate) fn last_day(&self) -> Day {
        day_of(self.config.end)
    }
}

/// Accounts of a company, made one at a time.
#[derive(Clone, Debug)]
pub struct Accounts<'a> {
    company: &'a Company,
    next: u64,
    end: u64,
}

impl Iterator for Accounts<'_> {
    type Item = AccountHistory;

    fn next(&mut self) -> Option<AccountHistory> {
        if self.next >= self.end {
            return None;
        }
        let history = self.company.account(self.next);
        self.next += 1;
        Some(history)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = (self.end - self.next) as usize;
        (left, Some(left))
    }

    fn nth(&mut self, n: usize) -> Option<AccountHistory> {
        self.next = self.next.saturating_add(n as u64);
        self.next()
    }
}

impl ExactSizeIterator for Accounts<'_> {}
