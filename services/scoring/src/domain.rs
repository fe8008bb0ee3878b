//! Models and scores, as this service speaks of them. Pure.

use chrono::{DateTime, Utc};
use salient_core::{AccountId, Currency, Estimate, ModelId};
use salient_learn::propensity::{AccountTable, PropensityModel, Score as Learned};
use salient_ledger::Account;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

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
    /// Where it stands.
    pub state: State,
    /// When it became live for the last time.
    pub live_time: Option<DateTime<Utc>>,
    /// When it was made.
    pub create_time: DateTime<Utc>,
    /// The model itself.
    pub body: PropensityModel,
}

/// Where a version stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum State {
    /// Trained and measured; nobody is shown its scores.
    Shadow,
    /// Its scores are published for this share of the accounts.
    Pilot(f64),
    /// Its scores are published.
    Live,
    /// It was live or a pilot.
    Retired,
}

impl State {
    /// As it is stored.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Shadow => "shadow",
            Self::Pilot(_) => "pilot",
            Self::Live => "live",
            Self::Retired => "retired",
        }
    }

    /// Share of accounts of a pilot; 0 of all others.
    #[must_use]
    pub fn pilot_share(self) -> f64 {
        if let Self::Pilot(share) = self { share } else { 0.0 }
    }

    /// Whether an account is of the cohort of a pilot. Its place between 0 and 1 is drawn from its id,
    /// so that it stays from run to run.
    #[must_use]
    pub fn holds(self, account: AccountId) -> bool {
        let digest = Sha256::digest(account.uuid().as_bytes());
        let place = digest.iter().take(4).fold(0_u32, |bits, &byte| bits << 8 | u32::from(byte));
        f64::from(place) / 2_f64.powi(32) < self.pilot_share()
    }
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

/// What scores are made for.
#[derive(Clone, Copy, Debug)]
pub struct Subjects<'a> {
    /// All accounts, by number.
    pub accounts: &'a [Account],
    /// What their orders are paid in.
    pub currency: Currency,
    /// Nothing at or after this time was used.
    pub as_of: DateTime<Utc>,
}

/// Scores every account of a table with a model.
#[must_use]
pub fn score(model: &Model, table: &AccountTable, names: &[&str], of: Subjects<'_>) -> Vec<Score> {
    let learned = model.body.score(table);
    learned.into_iter().enumerate().map(|(row, from)| one(model, table, names, of, row, from)).collect()
}

fn one(
    model: &Model,
    table: &AccountTable,
    names: &[&str],
    of: Subjects<'_>,
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
        account: of.accounts[from.account as usize].id,
        model: model.id,
        as_of: of.as_of,
        probability: from.probability,
        expected: Estimate { minor_units: from.expected_amount, currency: of.currency },
        base_rate: model.body.base_rate,
        bias: from.bias,
        features,
        contributions,
    }
}
