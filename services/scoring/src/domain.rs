//! Models and scores, as this service speaks of them. Pure.

use chrono::{DateTime, Utc};
use salient_core::{AccountId, Currency, Error, Estimate, ModelId};
use salient_learn::{
    account::NAMES,
    model::Table,
    propensity::{AccountTable, PropensityModel, Score as Learned},
    tabular::Reason,
};
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
    /// The latest score that is old enough to be compared with.
    pub earlier: Option<Earlier>,
}

/// A score of before.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Earlier {
    /// Its moment.
    pub as_of: DateTime<Utc>,
    /// What was promised.
    pub probability: f64,
}

/// Days by which a score is older that a trend is told from, from and to.
pub const TREND_DAYS: (i64, i64) = (14, 60);

/// Change of the log-odds from which a trend is one: half more, or a third less.
const TREND: f64 = 0.405_465_108_108_164_4;

/// How a probability has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trend {
    /// Up.
    Improving,
    /// Neither.
    Steady,
    /// Down.
    Declining,
    /// Nothing to compare with.
    Unknown,
}

impl Score {
    /// What speaks for it and against it, as far as the version that made it knows.
    ///
    /// # Errors
    /// The stored features do not fit the version.
    pub fn reasons(&self, model: &Model) -> salient_core::Result<Vec<Reason>> {
        let of = |name: &&str| self.contributions.iter().find(|part| part.feature == **name);
        let contributions: Vec<f64> =
            NAMES.iter().map(|name| of(name).map_or(0.0, |part| part.log_odds)).collect();
        model.body.reasons(&self.features, &contributions).map_err(Error::internal)
    }

    /// How it has changed.
    #[must_use]
    pub fn trend(&self) -> Trend {
        let log_odds = |p: f64| (p / (1.0 - p)).ln();
        match self.earlier.map(|earlier| log_odds(self.probability) - log_odds(earlier.probability)) {
            None => Trend::Unknown,
            Some(change) if change >= TREND => Trend::Improving,
            Some(change) if change <= -TREND => Trend::Declining,
            Some(_) => Trend::Steady,
        }
    }
}

/// Where grades begin; descending.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct GradeBounds {
    /// Probability from which a score is an A.
    pub a: f64,
    /// From which it is a B.
    pub b: f64,
    /// From which it is a C; what is less is a D.
    pub c: f64,
}

impl Default for GradeBounds {
    fn default() -> Self {
        Self { a: 0.6, b: 0.35, c: 0.15 }
    }
}

/// A probability in four steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grade {
    /// From the first bound on.
    A,
    /// From the second.
    B,
    /// From the third.
    C,
    /// Below.
    D,
}

impl GradeBounds {
    /// The grade of a probability.
    #[must_use]
    pub fn grade(&self, probability: f64) -> Grade {
        match probability {
            p if p >= self.a => Grade::A,
            p if p >= self.b => Grade::B,
            p if p >= self.c => Grade::C,
            _ => Grade::D,
        }
    }
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
pub fn score(model: &Model, table: &AccountTable, of: Subjects<'_>) -> Vec<Score> {
    let learned = model.body.score(table);
    let one = |(row, from): (usize, Learned)| {
        let account = of.accounts[from.account as usize].id;
        one(model, &table.table, row, from, (account, of.currency, of.as_of))
    };
    learned.into_iter().enumerate().map(one).collect()
}

/// What was kept of a score to make it again.
#[derive(Clone, Debug, PartialEq)]
pub struct Frozen {
    /// Whom it is about.
    pub account: AccountId,
    /// Nothing at or after this time was used.
    pub as_of: DateTime<Utc>,
    /// The version that made it.
    pub model: ModelId,
    /// What was promised.
    pub probability: f64,
    /// What the account's orders are paid in.
    pub currency: Currency,
    /// The model's input, in the order of its features; `None` where a value is missing.
    pub features: Vec<Option<f64>>,
}

impl Frozen {
    /// The score again, from the version that made it.
    ///
    /// # Errors
    /// What was kept does not fit the version, or gives another probability, by as little as a bit.
    pub fn again(&self, model: &Model) -> salient_core::Result<Score> {
        let values: Vec<f64> = self.features.iter().map(|value| value.unwrap_or(f64::NAN)).collect();
        let table = Table::from_rows(NAMES.len(), &values).map_err(Error::internal)?;
        let table = AccountTable { accounts: vec![0], table };
        let from = model.body.score(&table).pop().filter(|from| from.probability == self.probability);
        let from = from.ok_or_else(|| {
            Error::internal(format!("{} does not give {} of {} again", model.id, self.as_of, self.account))
        })?;
        Ok(one(model, &table.table, 0, from, (self.account, self.currency, self.as_of)))
    }
}

fn one(
    model: &Model,
    table: &Table,
    row: usize,
    from: Learned,
    (account, currency, as_of): (AccountId, Currency, DateTime<Utc>),
) -> Score {
    let value = |column: usize| Some(table.get(row, column)).filter(|value| value.is_finite());
    let features: Vec<Option<f64>> = (0..NAMES.len()).map(value).collect();
    let mut contributions: Vec<Contribution> = from
        .contributions
        .iter()
        .enumerate()
        .map(|(column, log_odds)| Contribution {
            feature: NAMES[column].to_owned(),
            value: features[column],
            log_odds: *log_odds,
        })
        .collect();
    contributions.sort_by(|a, b| b.log_odds.abs().total_cmp(&a.log_odds.abs()));
    Score {
        account,
        model: model.id,
        as_of,
        probability: from.probability,
        expected: Estimate { minor_units: from.expected_amount, currency },
        base_rate: model.body.base_rate,
        bias: from.bias,
        features,
        contributions,
        earlier: None,
    }
}
