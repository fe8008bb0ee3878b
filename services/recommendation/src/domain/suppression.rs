//! What reactions keep off the lists.

use chrono::{DateTime, Utc};
use salient_core::{AccountId, ProductId};

/// What rests.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// A product at an account.
    AccountProduct(AccountId, ProductId),
    /// An account.
    Account(AccountId),
    /// A product, at every account.
    Product(ProductId),
}

impl Scope {
    /// Whether it covers the pair.
    #[must_use]
    pub fn covers(&self, account: AccountId, product: &ProductId) -> bool {
        match self {
            Self::AccountProduct(a, p) => *a == account && p == product,
            Self::Account(a) => *a == account,
            Self::Product(p) => p == product,
        }
    }
}

/// One suppression: what rests, until when, and the words the seller was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suppression {
    /// What rests.
    pub scope: Scope,
    /// Until when; `None` for good.
    pub until: Option<DateTime<Utc>>,
    /// The effect in words.
    pub effect: String,
}

impl Suppression {
    /// The same of the profiles to which `profile` leads.
    #[must_use]
    pub fn of(mut self, profile: impl Fn(AccountId) -> AccountId) -> Self {
        match &mut self.scope {
            Scope::AccountProduct(account, _) | Scope::Account(account) => *account = profile(*account),
            Scope::Product(_) => {}
        }
        self
    }

    /// Whether it still holds at `now`.
    #[must_use]
    pub fn holds(&self, now: DateTime<Utc>) -> bool {
        self.until.is_none_or(|until| until > now)
    }
}

/// The suppressions that hold at a moment, for quick lookup.
#[derive(Debug, Default)]
pub struct Resting(std::collections::HashSet<Scope>);

impl Resting {
    /// Those of `suppressions` that hold at `now`.
    #[must_use]
    pub fn at(now: DateTime<Utc>, suppressions: &[Suppression]) -> Self {
        Self(suppressions.iter().filter(|entry| entry.holds(now)).map(|entry| entry.scope.clone()).collect())
    }

    /// Whether the pair may not be recommended.
    #[must_use]
    pub fn covers(&self, account: AccountId, product: &ProductId) -> bool {
        self.0.contains(&Scope::Account(account))
            || self.0.contains(&Scope::Product(product.clone()))
            || self.0.contains(&Scope::AccountProduct(account, product.clone()))
    }
}
