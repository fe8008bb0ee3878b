//! Will this account order within the horizon, and for how much?
//!
//! Trained at several past cutoffs on the features of [`crate::account`]; of logistic regression,
//! shallow trees and the mean of both, the one with the smallest log loss on the latest cutoff
//! (which it has not seen) is kept, calibrated there, and refitted on everything. What it came to
//! there is kept with it ([`Measured`]), to be judged, compared and watched by.

mod measured;
mod reasons;

pub use measured::{Judged, Measured, UNMEASURED};

use crate::{
    Error,
    account::{self, NAMES, ORDERS, PACE},
    calibrate::Platt,
    history::{AsOf, DAY_US},
    logistic::LogisticLearner,
    metrics::{auc, log_loss},
    model::{AnyModel, Learner, Model, Table, sigmoid},
    tabular::BaseRates,
    trees::TreesLearner,
};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// This crate: name, version and SHA-256 of its source.
pub const CODE: &str =
    concat!("salient-learn ", env!("CARGO_PKG_VERSION"), " ", env!("SALIENT_LEARN_SOURCE"));

/// How to train.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PropensityConfig {
    /// Days looked ahead; also the unit of the feature windows.
    pub horizon_days: f64,
    /// Number of training cutoffs, at most.
    pub cutoffs: usize,
    /// Days between them as a share of the horizon.
    pub cutoff_step: f64,
    /// Ridge of the logistic regression.
    pub l2: f64,
    /// Number of trees.
    pub trees: usize,
    /// Fewest accounts with a known outcome.
    pub min_accounts: usize,
    /// Fewest of them that ordered, and that did not.
    pub min_of_each: usize,
    /// Orders' worth of the general mean order amount that an account's own mean is shrunk by.
    pub amount_prior: f64,
    /// Accounts learned from at a cutoff, at most; of more, every so-manyth. What a score can learn
    /// from these many is known well, and memory does not grow with the others.
    #[serde(default = "most_accounts")]
    pub most_accounts: usize,
    /// Seed of the trees' column draw.
    pub seed: u64,
}

fn most_accounts() -> usize {
    100_000
}

impl Default for PropensityConfig {
    fn default() -> Self {
        Self {
            horizon_days: 30.0,
            cutoffs: 5,
            cutoff_step: 0.5,
            l2: 30.0,
            trees: 60,
            min_accounts: 100,
            min_of_each: 20,
            amount_prior: 2.0,
            most_accounts: most_accounts(),
            seed: 1,
        }
    }
}

/// The features of accounts at a cutoff, frozen: what a stored score can be recomputed from.
#[derive(Debug, Clone, PartialEq)]
pub struct AccountTable {
    /// Account of each row, ascending.
    pub accounts: Vec<u32>,
    /// Rows × [`NAMES`].
    pub table: Table,
}

impl AccountTable {
    /// Every account with an order before the view's cutoff.
    ///
    /// # Errors
    /// [`Error::NotEnoughData`] if there is none.
    pub fn read(view: &AsOf<'_>, horizon_days: f64) -> Result<Self, Error> {
        Self::of(view, &view.known_accounts(), horizon_days)
    }

    /// Of these accounts, ascending, those with an order before the view's cutoff; so that many can be
    /// scored some at a time.
    ///
    /// # Errors
    /// [`Error::NotEnoughData`] if there is none.
    pub fn of(view: &AsOf<'_>, accounts: &[u32], horizon_days: f64) -> Result<Self, Error> {
        let read: Vec<(Vec<u32>, Vec<f64>)> = accounts
            .par_chunks(256)
            .map(|chunk| {
                let (mut known, mut values, mut pairs) = (Vec::new(), Vec::new(), Vec::new());
                for &account in chunk {
                    if let Some((facts, _)) = account::read(view, account, horizon_days, &mut pairs) {
                        known.push(account);
                        values.extend(facts.values);
                    }
                }
                (known, values)
            })
            .collect();
        let (known, values): (Vec<_>, Vec<_>) = read.into_iter().unzip();
        let accounts = known.concat();
        if accounts.is_empty() {
            return Err(Error::NotEnoughData { needed: "accounts with orders".into(), have: "none".into() });
        }
        Ok(Self { table: Table::from_rows(NAMES.len(), &values.concat())?, accounts })
    }

    /// Of at most so many accounts, every so-manyth of all.
    fn some(view: &AsOf<'_>, horizon_days: f64, most: usize) -> Result<Self, Error> {
        let known = view.known_accounts();
        let each = known.len().div_ceil(most.max(1)).max(1);
        Self::of(view, &known.into_iter().step_by(each).collect::<Vec<_>>(), horizon_days)
    }

    fn labels(&self, view: &AsOf<'_>, from: i64, horizon_days: f64) -> Result<Vec<f64>, Error> {
        let bought = view.outcome(from, horizon_days)?.bought();
        Ok(self.accounts.iter().map(|&a| f64::from(u8::from(bought.any(a)))).collect())
    }
}

/// What an account is expected to do within the horizon.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// Account id.
    pub account: u32,
    /// Chance of at least one order.
    pub probability: f64,
    /// Mean order amount (shrunk to the general mean) × expected number of orders, minor units;
    /// an expectation, not a sum of money.
    pub expected_amount: f64,
    /// Log-odds of an account nothing is known about.
    pub bias: f64,
    /// Log-odds by feature in the order of [`NAMES`]; with `bias` they sum to the log-odds.
    pub contributions: Vec<f64>,
}

/// How the kept model did on the latest cutoff, before it was refitted.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Holdout {
    /// Accounts judged.
    pub accounts: usize,
    /// AUC of the logistic regression.
    pub auc_logistic: f64,
    /// AUC of the trees.
    pub auc_trees: f64,
    /// AUC of the mean of both, in log-odds.
    pub auc_blend: f64,
    /// Log loss of the kept one, before calibration.
    pub log_loss: f64,
}

/// A trained model; all that a stored version needs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PropensityModel {
    /// What it was trained with.
    pub config: PropensityConfig,
    /// As-of day of the training, microseconds UTC.
    pub trained_at: i64,
    /// Training rows.
    pub rows: usize,
    /// Share of training rows that ordered.
    pub base_rate: f64,
    /// How often accounts ordered again, by the value of each feature; `None` of versions that were
    /// trained before it was kept.
    #[serde(default)]
    pub rates: Option<BaseRates>,
    /// Test on the latest cutoff; `None` if there was only one.
    pub holdout: Option<Holdout>,
    /// The same in full; `None` also of versions that were trained before it was kept.
    #[serde(default)]
    pub measured: Option<Measured>,
    /// SHA-256 of all examples, hexadecimal: equal data, equal text.
    #[serde(default)]
    pub data: String,
    /// The [`CODE`] that trained it.
    #[serde(default)]
    pub code: String,
    /// Mean amount of an order over the training view, minor units.
    pub mean_order_amount: f64,
    model: AnyModel,
    calibration: Platt,
}

impl PropensityModel {
    /// Trains on what the view shows. Deterministic for equal orders and configuration.
    ///
    /// # Errors
    /// [`Error::NotEnoughData`] with what is needed; others as of the learners.
    pub fn train(view: &AsOf<'_>, config: &PropensityConfig) -> Result<Self, Error> {
        let h = config.horizon_days;
        if h.is_nan() || h <= 0.0 || config.cutoff_step.is_nan() || config.cutoff_step <= 0.0 {
            return Err(Error::invalid("propensity configuration", "horizon and step must be positive"));
        }
        let first = view.first_time().unwrap_or(view.cutoff());
        let mut lessons: Vec<Lesson> = Vec::new();
        for k in 0..config.cutoffs {
            let t = view.cutoff() - ((h * (1.0 + k as f64 * config.cutoff_step)) * DAY_US as f64) as i64;
            if ((t - first) as f64) < 0.5 * h * DAY_US as f64 {
                break;
            }
            let earlier = view.earlier(t)?;
            let table = AccountTable::some(&earlier, h, config.most_accounts)?;
            let labels = table.labels(view, t, h)?;
            lessons.push((t, table, labels));
        }
        let rows = lessons.iter().map(|l| l.2.len()).sum::<usize>();
        let yes = lessons.iter().flat_map(|l| &l.2).sum::<f64>() as usize;
        let most = lessons.iter().map(|l| l.2.len()).max().unwrap_or(0);
        if most < config.min_accounts || yes < config.min_of_each || rows - yes < config.min_of_each {
            return Err(Error::NotEnoughData {
                needed: format!(
                    "{} accounts with orders at least {:.0} days before the as-of day, of which {} ordered again \
                     within {h:.0} days and {} did not",
                    config.min_accounts,
                    1.5 * h,
                    config.min_of_each,
                    config.min_of_each
                ),
                have: format!(
                    "{most} accounts over {:.0} days; {yes} did, {} did not",
                    view.age_days(first),
                    rows - yes
                ),
            });
        }
        let (mut kind, mut calibration, mut holdout) = (Kind::Logistic, Platt::default(), None);
        let mut measured = None;
        let over = lessons[0].0 - (h * DAY_US as f64) as i64;
        let earlier: Vec<_> = lessons.iter().filter(|l| l.0 <= over).collect();
        if has_both(&earlier, config) {
            let (_, test, y) = &lessons[0];
            let mut best = f64::INFINITY;
            let mut found = [f64::NAN; 3];
            let mut kept = Vec::new();
            for (k, candidate) in [Kind::Logistic, Kind::Trees, Kind::Blend].into_iter().enumerate() {
                let z = fit(&earlier, candidate, config)?.log_odds(&test.table);
                let loss = log_loss(y, &z.iter().map(|&z| sigmoid(z)).collect::<Vec<_>>());
                found[k] = auc(y, &z);
                if loss < best {
                    (best, kind, calibration) = (loss, candidate, Platt::fit(&z, y, PULL)?);
                    kept = z;
                }
            }
            measured = Some(measured::Slice::of(lessons[0].0, &kept, y)?);
            let slice = Holdout {
                accounts: y.len(),
                auc_logistic: found[0],
                auc_trees: found[1],
                auc_blend: found[2],
                log_loss: best,
            };
            // a slice with one outcome only has no AUC, and JSON no NaN
            let whole = found.iter().chain([&best]).all(|value| value.is_finite());
            holdout = whole.then_some(slice);
        }
        let model = fit(&lessons.iter().collect::<Vec<_>>(), kind, config)?;
        let amounts = view.orders().fold((0.0, 0.0_f64), |t, o| (t.0 + o.amount() as f64, t.1 + 1.0));
        let mut trained = Self {
            config: config.clone(),
            trained_at: view.cutoff(),
            rows,
            base_rate: yes as f64 / rows as f64,
            rates: Some(reasons::rates(&lessons)?),
            holdout,
            measured: None,
            data: measured::fingerprint(&lessons),
            code: CODE.to_owned(),
            mean_order_amount: amounts.0 / amounts.1.max(1.0),
            model,
            calibration,
        };
        if let Some(slice) = measured {
            let now = AccountTable::some(view, h, config.most_accounts)?;
            trained.measured = Some(slice.measured(&now.table, &trained.probabilities(&now.table))?);
        }
        Ok(trained)
    }

    /// Which kind was kept: `logistic`, `trees` or `blend`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self.model {
            AnyModel::Logistic(_) => "logistic",
            AnyModel::Trees(_) => "trees",
            AnyModel::Blend { .. } | AnyModel::Mean(_) => "blend",
            AnyModel::Points => "rules",
            AnyModel::Onnx(_) => "onnx",
            AnyModel::Bayes(_) => "bayes",
        }
    }

    /// Probabilities from frozen features, row for row; equal bits for equal input.
    #[must_use]
    pub fn probabilities(&self, table: &Table) -> Vec<f64> {
        self.model.log_odds(table).into_iter().map(|z| self.calibration.probability(z)).collect()
    }

    /// Scores with contributions from frozen features.
    #[must_use]
    pub fn score(&self, accounts: &AccountTable) -> Vec<Score> {
        let p = self.probabilities(&accounts.table);
        let split = self.model.contributions(&accounts.table);
        let slope = self.calibration.slope;
        split
            .into_iter()
            .enumerate()
            .map(|(r, c)| Score {
                account: accounts.accounts[r],
                probability: p[r],
                expected_amount: self.amount(&accounts.table, r, p[r]),
                bias: self.calibration.log_odds(c.bias),
                contributions: c.parts.iter().map(|v| slope * v).collect(),
            })
            .collect()
    }

    /// The expected number of orders is that of a Poisson variable positive with probability `p`,
    /// `−ln(1 − p)`, held to what the pace of the account allows.
    fn amount(&self, table: &Table, row: usize, p: f64) -> f64 {
        let (orders, revenue) = (table.get(row, ORDERS), table.get(row, 11));
        let prior = self.config.amount_prior;
        let mean = (revenue + prior * self.mean_order_amount) / (orders + prior);
        let number = -(1.0 - p.min(0.999)).ln();
        mean * number.min(table.get(row, PACE).max(1.0)).max(p)
    }
}

/// Rows' worth of prior that draws the calibration to the identity.
const PULL: f64 = 20.0;

/// A cutoff, what was known of the accounts then, and whether they ordered within the horizon.
type Lesson = (i64, AccountTable, Vec<f64>);

#[derive(Clone, Copy)]
enum Kind {
    Logistic,
    Trees,
    Blend,
}

fn fit(lessons: &[&Lesson], kind: Kind, config: &PropensityConfig) -> Result<AnyModel, Error> {
    let tables: Vec<&Table> = lessons.iter().map(|l| &l.1.table).collect();
    let table = Table::stack(&tables)?;
    let labels: Vec<f64> = lessons.iter().flat_map(|l| l.2.iter().copied()).collect();
    let linear = || LogisticLearner { l2: config.l2, signed_log: true }.fit(&table, &labels);
    let grown = || {
        TreesLearner { trees: config.trees, seed: config.seed, ..TreesLearner::default() }
            .fit(&table, &labels)
    };
    Ok(match kind {
        Kind::Logistic => AnyModel::Logistic(linear()?),
        Kind::Trees => AnyModel::Trees(grown()?),
        Kind::Blend => AnyModel::Blend { logistic: linear()?, trees: grown()?, share: 0.5 },
    })
}

/// Whether both outcomes were seen often enough.
fn has_both(lessons: &[&Lesson], config: &PropensityConfig) -> bool {
    let yes = lessons.iter().flat_map(|l| &l.2).sum::<f64>() as usize;
    let rows = lessons.iter().map(|l| l.2.len()).sum::<usize>();
    yes >= config.min_of_each && rows - yes >= config.min_of_each
}
