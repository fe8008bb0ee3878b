//! Models and scores, as this service speaks of them. Pure.

use chrono::{DateTime, Utc};
use salient_core::{AccountId, Currency, Estimate, ModelId};
use salient_learn::propensity::{AccountTable, PropensityModel, Score as Learned};
use salient_ledger::Account;
use serde::{Deserialize, Serialize};

/// Days ahead that a score speaks of.
pub const HORIZON_DAYS: f64 = 30.0;

/// What every model here predicts.
pub const TARGET: &str = "order_within_30_days";

/// A trained version.
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    /// Its id.
    pub id: ModelId,
    /// From 1.
    pub version: i32,
    /// Nothing at or after this time was used.
    pub as_of: DateTime<Utc>,
    /// Whether its scores are the published ones.
    pub live: bool,
    /// When it was made.
    pub create_time: DateTime<Utc>,
    /// The model itself.
    pub body: PropensityModel,
}

/// What one feature added to one score.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Contribution {
    /// The feature.
    pub feature: String,
    /// Its value; absent where it is missing for the account.
    pub value: Option<f64>,
    /// What it added to the log-odds.
    pub log_odds: f64,
}

/// What a model says about an account.
#[derive(Clone, Debug, PartialEq)]
pub struct Score {
    /// Whom it is about.
    pub account: AccountId,
    /// The model.
    pub model: ModelId,
    /// Nothing at or after this time was used.
    pub as_of: DateTime<Utc>,
    /// Calibrated probability of an order within the horizon.
    pub probability: f64,
    /// What the account is expected to spend in those days.
    pub expected: Estimate,
    /// Share of all accounts that ordered in training.
    pub base_rate: f64,
    /// Log-odds of an account nothing is known about.
    pub bias: f64,
    /// The model's input, in the order of its features; `None` where a value is missing.
    pub features: Vec<Option<f64>>,
    /// What each feature added, largest first.
    pub contributions: Vec<Contribution>,
}

/// Scores every account of a table with a model.
#[must_use]
pub fn score(
    model: &Model,
    table: &AccountTable,
    names: &[&str],
    accounts: &[Account],
    currency: Currency,
) -> Vec<Score> {
    let learned = model.body.score(table);
    learned
        .into_iter()
        .enumerate()
        .map(|(row, from)| one(model, table, names, accounts, currency, row, from))
        .collect()
}

fn one(
    model: &Model,
    table: &AccountTable,
    names: &[&str],
    accounts: &[Account],
    currency: Currency,
    row: usize,
    from: Learned,
) -> Score {
    let value = |column: usize| Some(table.table.get(row, column)).filter(|value| value.is_finite());
    let features: Vec<Option<f64>> = (0..names.len()).map(value).collect();
    let mut contributions: Vec<Contribution> = from
        .contributions
        .iter()
        .enumerate()
        .map(|(column, log_odds)| Contribution {
            feature: names[column].to_owned(),
            value: features[column],
            log_odds: *log_odds,
        })
        .collect();
    contributions.sort_by(|a, b| b.log_odds.abs().total_cmp(&a.log_odds.abs()));
    Score {
        account: accounts[from.account as usize].id,
        model: model.id,
        as_of: model.as_of,
        probability: from.probability,
        expected: Estimate { minor_units: from.expected_amount, currency },
        base_rate: model.body.base_rate,
        bias: from.bias,
        features,
        contributions,
    }
}
