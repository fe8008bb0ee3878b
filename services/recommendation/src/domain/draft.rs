//! A candidate with everything a seller would read, not yet issued.

use salient_core::{AccountId, ContactId, Estimate, ProductId};
use serde::{Deserialize, Serialize};

use super::evidence::Evidence;

/// What the seller is asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Play {
    /// The account is expected to buy the product again.
    Reorder,
    /// Accounts like this one bought it; this one has not.
    CrossSell,
    /// The account is going quiet.
    WinBack,
}

impl Play {
    /// The action in words.
    #[must_use]
    pub fn action(self) -> &'static str {
        match self {
            Self::Reorder => "Offer again",
            Self::CrossSell => "Introduce",
            Self::WinBack => "Win back with",
        }
    }

    /// The name as stored and filtered by.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Reorder => "reorder",
            Self::CrossSell => "cross_sell",
            Self::WinBack => "win_back",
        }
    }

    /// The inverse of [`Play::as_str`].
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Reorder, Self::CrossSell, Self::WinBack].into_iter().find(|play| play.as_str() == text)
    }
}

/// How to make contact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    /// Telephone.
    Call,
    /// E-mail.
    Email,
}

impl Channel {
    /// The name as stored.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Call => "call",
            Self::Email => "email",
        }
    }

    /// The inverse of [`Channel::as_str`].
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Call, Self::Email].into_iter().find(|channel| channel.as_str() == text)
    }
}

/// Whom to speak to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contact {
    /// The person.
    pub id: ContactId,
    /// Their name.
    pub name: String,
    /// Whether a telephone number is known.
    pub has_phone: bool,
    /// Whether an e-mail address is known.
    pub has_email: bool,
}

/// A candidate for a list, with its evidence, frozen as the ranking saw it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Draft {
    /// Whom to contact.
    pub account: AccountId,
    /// Their name.
    pub account_name: String,
    /// The person, when one is known.
    pub contact: Option<Contact>,
    /// What to do.
    pub play: Play,
    /// About what.
    pub product: ProductId,
    /// Its name.
    pub product_name: String,
    /// Probability that the account buys the product within the horizon, calibrated.
    pub probability: f64,
    /// What the purchase is expected to amount to if it happens.
    pub amount: Estimate,
    /// Whether the account never bought the product.
    pub new_to_account: bool,
    /// The facts, strongest first.
    pub evidence: Vec<Evidence>,
    /// Models whose output was used.
    pub models: Vec<String>,
}

impl Draft {
    /// What the list is ordered by: probability times amount to the power of `value_exponent`
    /// (0: likelihood alone, 1: expected value).
    #[must_use]
    pub fn worth(&self, value_exponent: f64) -> f64 {
        self.probability * self.amount.minor_units.max(1.0).powf(value_exponent)
    }

    /// The strongest reason in one sentence.
    #[must_use]
    pub fn why(&self) -> &str {
        self.evidence.first().map_or("not enough history to say why", |evidence| evidence.text.as_str())
    }
}
