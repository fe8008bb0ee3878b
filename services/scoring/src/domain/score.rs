//! What a version says of an account.

use chrono::{DateTime, Utc};
use salient_core::{AccountId, Currency, Error, Estimate, ModelId};
use salient_learn::{
    account::NAMES,
    declared::{DeclaredModel, Gathered, Scored},
    features::Kind,
    frame::{Column, Frame, MISSING},
    model::Table,
    propensity::{AccountTable, PropensityModel, Score as Learned},
    tabular::Reason,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Body, Member, Model};

/// A value that a version reads.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Input {
    /// A number, also a truth value as 0 or 1.
    Number(f64),
    /// A text.
    Text(String),
}

/// What one feature added to one score.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Contribution {
    /// The feature.
    pub feature: String,
    /// Its value; absent where it is missing for the account.
    pub value: Option<Input>,
    /// What it added to the log-odds.
    pub log_odds: f64,
}

/// What a model says about a subject.
#[derive(Clone, Debug, PartialEq)]
pub struct Score {
    /// Whom it is about.
    pub subject: Uuid,
    /// The account that this is, or belongs to.
    pub account: AccountId,
    /// The model.
    pub model: ModelId,
    /// Nothing at or after this time was used.
    pub as_of: DateTime<Utc>,
    /// Calibrated probability of what the version predicts.
    pub probability: f64,
    /// What the subject is expected to spend within the horizon, as far as the version tells.
    pub expected: Option<Estimate>,
    /// What the account's orders are paid in.
    pub currency: Currency,
    /// Share of examples that came true in training.
    pub base_rate: f64,
    /// Log-odds of a subject nothing is known about.
    pub bias: f64,
    /// The model's input, in the order of its features; `None` where a value is missing.
    pub features: Vec<Option<Input>>,
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
    pub fn reasons(&self, body: &Body) -> salient_core::Result<Vec<Reason>> {
        let of = |name: &String| self.contributions.iter().find(|part| part.feature == *name);
        let parts =
            body.features().iter().map(|name| of(name).map_or(0.0, |part| part.log_odds)).collect::<Vec<_>>();
        match body {
            Body::Orders(body) => body.reasons(&numbers(&self.features), &parts),
            Body::Declared(body) => {
                frame(body, &self.features).and_then(|frame| body.reasons(&frame, 0, &parts))
            }
        }
        .map_err(Error::internal)
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

/// What scores are made for.
#[derive(Clone, Copy, Debug)]
pub struct Subjects<'a> {
    /// All of them, by number.
    pub members: &'a [Member],
    /// What their orders are paid in.
    pub currency: Currency,
    /// Nothing at or after this time was used.
    pub as_of: DateTime<Utc>,
}

impl Subjects<'_> {
    fn about(&self, number: u32) -> About {
        let Member { id, account, .. } = self.members[number as usize];
        About { subject: id, account, currency: self.currency, as_of: self.as_of }
    }
}

/// Scores every account of a table with a version of the built-in model.
#[must_use]
pub fn score(model: &Model, body: &PropensityModel, table: &AccountTable, of: Subjects<'_>) -> Vec<Score> {
    let told = |(row, from): (usize, Learned)| {
        let inputs = (0..NAMES.len()).map(|column| number(table.table.get(row, column))).collect();
        let about = of.about(from.account);
        Said::of(from, of.currency).score((model.id, &model.body), inputs, about)
    };
    body.score(table).into_iter().enumerate().map(told).collect()
}

/// Scores subjects with a version of a declared model.
///
/// # Errors
/// The rows are not those of its question, or the version says nothing of one.
pub fn declared(
    model: &Model,
    body: &DeclaredModel,
    rows: &Gathered,
    of: Subjects<'_>,
) -> salient_core::Result<Vec<Score>> {
    let scored = body.score(&rows.frame).map_err(Error::internal)?;
    let told = |(row, from): (usize, Scored)| {
        let inputs = rows.frame.columns().iter().map(|column| input(column, row)).collect();
        Said::from(from).score((model.id, &model.body), inputs, of.about(rows.keys[row].subject))
    };
    Ok(scored.into_iter().enumerate().map(told).collect())
}

/// What was kept of a score to make it again.
#[derive(Clone, Debug, PartialEq)]
pub struct Frozen {
    /// Whom it is about.
    pub subject: Uuid,
    /// The account that this is, or belongs to.
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
    pub features: Vec<Option<Input>>,
}

impl Frozen {
    /// The score again, from the version that made it.
    ///
    /// # Errors
    /// What was kept does not fit the version, or gives another probability, by as little as a bit.
    pub fn again(&self, body: &Body) -> salient_core::Result<Score> {
        let said = match body {
            Body::Orders(body) => {
                let values: Vec<f64> =
                    numbers(&self.features).into_iter().map(|value| value.unwrap_or(f64::NAN)).collect();
                let table = Table::from_rows(NAMES.len(), &values).map_err(Error::internal)?;
                let from = body.score(&AccountTable { accounts: vec![0], table }).pop();
                from.map(|from| Said::of(from, self.currency))
            }
            Body::Declared(body) => {
                let frame = frame(body, &self.features).map_err(Error::internal)?;
                body.score(&frame).map_err(Error::internal)?.pop().map(Said::from)
            }
        };
        let Self { subject, account, currency, as_of, .. } = *self;
        let of = About { subject, account, currency, as_of };
        let again = said.filter(|said| said.probability == self.probability);
        let again = again.map(|said| said.score((self.model, body), self.features.clone(), of));
        again.ok_or_else(|| {
            Error::internal(format!("{} does not give {} of {} again", self.model, self.as_of, self.subject))
        })
    }
}

fn number(value: f64) -> Option<Input> {
    value.is_finite().then_some(Input::Number(value))
}

fn numbers(inputs: &[Option<Input>]) -> Vec<Option<f64>> {
    let number = |input: &Option<Input>| match input {
        Some(Input::Number(number)) => Some(*number),
        _ => None,
    };
    inputs.iter().map(number).collect()
}

fn input(column: &Column, row: usize) -> Option<Input> {
    match column {
        Column::Number(values) => values.get(row).copied().and_then(number),
        Column::Category { codes, levels } => {
            let code = codes.get(row).filter(|&&code| code != MISSING)?;
            levels.get(*code as usize).cloned().map(Input::Text)
        }
    }
}

/// One row of inputs, as a declared model reads them.
fn frame(body: &DeclaredModel, inputs: &[Option<Input>]) -> Result<Frame, salient_learn::Error> {
    let (names, kinds): (Vec<String>, Vec<Kind>) = body.features().iter().cloned().unzip();
    let column = |(kind, input): (Kind, &Option<Input>)| match (kind, input) {
        (Kind::Text, Some(Input::Text(text))) => {
            Column::Category { codes: vec![0], levels: vec![text.clone()] }
        }
        (Kind::Text, _) => Column::Category { codes: vec![MISSING], levels: Vec::new() },
        (_, Some(Input::Number(number))) => Column::Number(vec![*number]),
        (_, _) => Column::Number(vec![f64::NAN]),
    };
    Frame::new(names, kinds.into_iter().zip(inputs).map(column).collect())
}

/// What a score is about.
struct About {
    subject: Uuid,
    account: AccountId,
    currency: Currency,
    as_of: DateTime<Utc>,
}

/// What a version says of a row.
struct Said {
    probability: f64,
    expected: Option<Estimate>,
    bias: f64,
    contributions: Vec<f64>,
}

impl From<Scored> for Said {
    fn from(from: Scored) -> Self {
        let Scored { probability, bias, contributions } = from;
        Self { probability, expected: None, bias, contributions }
    }
}

impl Said {
    fn of(from: Learned, currency: Currency) -> Self {
        Self {
            probability: from.probability,
            expected: Some(Estimate { minor_units: from.expected_amount, currency }),
            bias: from.bias,
            contributions: from.contributions,
        }
    }

    fn score(
        self,
        (model, body): (ModelId, &Body),
        features: Vec<Option<Input>>,
        About { subject, account, currency, as_of }: About,
    ) -> Score {
        let parts = body.features().into_iter().zip(&features).zip(self.contributions);
        let part = |((feature, value), log_odds): ((String, &Option<Input>), f64)| Contribution {
            feature,
            value: value.clone(),
            log_odds,
        };
        let mut contributions: Vec<Contribution> = parts.map(part).collect();
        contributions.sort_by(|a, b| b.log_odds.abs().total_cmp(&a.log_odds.abs()));
        Score {
            subject,
            account,
            model,
            as_of,
            probability: self.probability,
            expected: self.expected,
            currency,
            base_rate: body.base_rate(),
            bias: self.bias,
            features,
            contributions,
            earlier: None,
        }
    }
}
