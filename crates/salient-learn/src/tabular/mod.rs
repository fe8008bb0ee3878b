//! Will it come true? A model of any table of examples: checked for leaks, encoded, chosen over time,
//! calibrated, judged on what came later, and explained.
//!
//! Rows are examples in the order of time, columns numbers or texts ([`Frame`]), labels 0 or 1.

mod calibration;
mod encode;
mod given;
mod leakage;
mod reasons;
mod train;

pub use calibration::Calibration;
pub use encode::{Encoder, Refused};
pub use leakage::{Guard, Leak, Suspect};
pub use reasons::{BaseRates, Reason, Share, Value, Wording};
use serde::{Deserialize, Serialize};
pub use train::{Asked, Candidate, Kind};

use crate::{
    Error,
    frame::Frame,
    model::{AnyModel, Contributions, Model as _},
    report::{Gate, Report},
    trees::TreesLearner,
};

/// How to train; one set of defaults for all data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Config {
    /// Fewest examples.
    pub least: usize,
    /// Fewest of either outcome.
    pub least_of_each: usize,
    /// Examples of the rarer outcome below which only naive Bayes is tried.
    pub few: usize,
    /// Shares of the past that are tried as windows to learn from.
    pub windows: Vec<f64>,
    /// Ridge of the logistic regression.
    pub l2: f64,
    /// Number of trees.
    pub trees: usize,
    /// Seed of the trees' column draw.
    pub seed: u64,
    /// What it must reach to be published.
    pub gates: Vec<Gate>,
    /// When a column is suspected of knowing the outcome.
    pub guard: Guard,
    /// Columns that are used although they are suspected.
    pub allow: Vec<String>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            least: 100,
            least_of_each: 20,
            few: 100,
            windows: vec![1.0, 0.5, 0.25, 0.1],
            l2: 30.0,
            trees: 150,
            seed: 1,
            gates: Gate::published(),
            guard: Guard::default(),
            allow: Vec::new(),
        }
    }
}

impl Config {
    /// The boosted trees among the candidates.
    #[must_use]
    pub fn boosted(&self) -> TreesLearner {
        TreesLearner {
            trees: self.trees,
            learning_rate: 0.05,
            max_depth: 4,
            min_leaf_weight: 5.0,
            bins: 255,
            seed: self.seed,
            ..TreesLearner::default()
        }
    }
}

/// A trained model of a table; all that a stored version needs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Predictor {
    /// What it was trained with.
    pub config: Config,
    /// Examples it was given.
    pub rows: usize,
    /// How often the outcome came true, by the values of the columns it reads.
    pub rates: BaseRates,
    /// Columns that say nothing.
    pub refused: Vec<Refused>,
    /// Columns that know too much; left out unless they are allowed.
    pub suspects: Vec<Suspect>,
    /// What was kept.
    pub chosen: Candidate,
    /// Everything that was tried, with what it came to.
    pub candidates: Vec<Candidate>,
    /// How the procedure did on the latest tenth of the rows, which neither choice, nor fit, nor
    /// calibration saw; the guard against leaks and the levels of categories come from all rows. `None`
    /// if that could not be told.
    pub measured: Option<Report>,
    encoder: Encoder,
    model: AnyModel,
    calibration: Calibration,
}

impl Predictor {
    /// Trains on examples whose outcome was known before the next one was asked about. Deterministic
    /// for equal input.
    ///
    /// # Errors
    /// [`Error::NotEnoughData`] with what is needed, [`Error::Invalid`] when labels do not fit or no
    /// column can be learned from; others as of the learners.
    pub fn train(frame: &Frame, labels: &[f64], config: &Config) -> Result<Self, Error> {
        Self::train_at(frame, labels, &[], config)
    }

    /// The same of examples that were asked about at these times, ascending: while candidates are
    /// compared, an outcome teaches from the time on at which it was known. Without any, as [`Self::train`].
    ///
    /// # Errors
    /// The same, and [`Error::Invalid`] for times that do not fit.
    pub fn train_at(frame: &Frame, labels: &[f64], times: &[Asked], config: &Config) -> Result<Self, Error> {
        check(frame, labels, config)?;
        check_times(times, labels.len())?;
        let suspects = config.guard.suspects(frame, labels)?;
        let out: Vec<&str> = suspects
            .iter()
            .map(|suspect| suspect.column.as_str())
            .filter(|column| !config.allow.iter().any(|allowed| allowed == column))
            .collect();
        let frame = frame.drop(&out)?;
        let (encoder, refused) = Encoder::fit(&frame)?;
        let none: Vec<&str> = refused.iter().map(|refused| refused.column.as_str()).collect();
        let frame = frame.drop(&none)?;
        let table = encoder.table(&frame)?;
        let lessons = train::Lessons { table: &table, labels, times, config };
        let found = train::choose(&lessons)?;
        let candidate = (found.candidate.kind, found.candidate.window);
        let model = match train::fit(&lessons, candidate, labels.len()) {
            // the end of the past may have one outcome only
            Err(Error::NotEnoughData { .. }) => train::fit(&lessons, (candidate.0, 1.0), labels.len())?,
            other => other?,
        };
        Ok(Self {
            config: config.clone(),
            rows: labels.len(),
            rates: BaseRates::of(&frame, labels),
            refused,
            suspects,
            chosen: found.candidate,
            candidates: found.candidates,
            measured: found.measured,
            encoder,
            model,
            calibration: found.calibration,
        })
    }

    /// The columns it reads, in the order of contributions.
    #[must_use]
    pub fn columns(&self) -> &[String] {
        self.encoder.names()
    }

    /// The probability of each row.
    ///
    /// # Errors
    /// As of [`Encoder::table`], and [`Error::Numerical`] when a model brought along says nothing of a row.
    pub fn probabilities(&self, frame: &Frame) -> Result<Vec<f64>, Error> {
        let table = self.encoder.table(frame)?;
        let log_odds = self.model.log_odds(&table);
        finite(&log_odds)?;
        Ok(log_odds.into_iter().map(|z| self.calibration.probability(z)).collect())
    }

    /// The log-odds of each row, split by [`Self::columns`]: `bias + Σ parts` is the log-odds of its
    /// probability within 1e-9. What the codes of a column add is added up.
    ///
    /// # Errors
    /// As of [`Encoder::table`].
    pub fn contributions(&self, frame: &Frame) -> Result<Vec<Contributions>, Error> {
        let table = self.encoder.table(frame)?;
        let origins = self.encoder.origins();
        let by_column = |from: Contributions| {
            let mut parts = vec![0.0; self.columns().len()];
            origins.iter().zip(&from.parts).for_each(|(&column, part)| parts[column] += part);
            self.calibration.contributions(&Contributions { bias: from.bias, parts })
        };
        Ok(self.model.contributions(&table).into_iter().map(by_column).collect())
    }
}

/// What a model says must be numbers; one that was brought along may say anything.
fn finite(log_odds: &[f64]) -> Result<(), Error> {
    match log_odds.iter().position(|z| !z.is_finite()) {
        Some(row) => Err(Error::Numerical {
            method: "the model",
            why: format!("it gives no probability for row {row}"),
        }),
        None => Ok(()),
    }
}

fn check_times(times: &[Asked], rows: usize) -> Result<(), Error> {
    if !times.is_empty() && times.len() != rows {
        return Err(Error::invalid("times", format!("{} for {rows} rows; one a row, or none", times.len())));
    }
    if !times.is_sorted_by_key(|asked| asked.at) || times.iter().any(|asked| asked.known < asked.at) {
        return Err(Error::invalid("times", "ascending times, with outcomes known no earlier, are accepted"));
    }
    Ok(())
}

fn check(frame: &Frame, labels: &[f64], config: &Config) -> Result<(), Error> {
    if labels.len() != frame.rows() {
        return Err(Error::invalid(
            "labels",
            format!("{} for {} rows; one a row", labels.len(), frame.rows()),
        ));
    }
    if let Some((row, label)) = labels.iter().enumerate().find(|(_, y)| **y != 0.0 && **y != 1.0) {
        return Err(Error::invalid("labels", format!("{label} in row {row}; 0 and 1 are accepted")));
    }
    let windows = &config.windows;
    if windows.is_empty() || windows.iter().any(|w| !(*w > 0.0 && *w <= 1.0)) {
        return Err(Error::invalid("windows", "one or more shares over 0 and up to 1 are accepted"));
    }
    let yes = labels.iter().filter(|&&y| y == 1.0).count();
    let no = labels.len() - yes;
    if labels.len() < config.least || yes.min(no) < config.least_of_each {
        return Err(Error::NotEnoughData {
            needed: format!("{} examples, at least {} of either outcome", config.least, config.least_of_each),
            have: format!("{} examples; {yes} came true, {no} did not", labels.len()),
        });
    }
    Ok(())
}
