//! What is asked, and how it is understood.

use salient_condition::{Columns, Condition, Type, Value};
use serde::{Deserialize, Deserializer, Serialize};

use super::learner::{Input, Learner, beside};
use crate::{
    DAY_US, Error,
    features::{Aggregate, Cell, Declaration, Event, Exogenous, Kind, Plan, Schema, Subject},
};

/// What a tenant wants to know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// Of whom: a condition over the features at the moment of asking; empty means of everybody.
    pub population: String,
    /// What is to come true: a condition over the features at the end of the horizon, with windows as
    /// long as the horizon.
    pub target: String,
    /// Days ahead: 1 to 730.
    pub horizon_days: i32,
    /// Which features to learn from.
    pub features: Declaration,
    /// A feature of texts each of whose values may get a model of its own.
    pub segment_by: Option<String>,
    /// Features that are used although they are suspected of knowing the outcome.
    pub allow: Vec<String>,
    /// Who answers.
    #[serde(default)]
    pub learner: Learner,
    /// Kinds of events with whose first one a subject leaves the population: a lead that orders is one no more.
    #[serde(default, deserialize_with = "several")]
    pub until: Vec<String>,
}

/// Several, also where at most one was written: earlier versions knew no more.
fn several<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        Several(Vec<String>),
        AtMostOne(Option<String>),
    }
    Ok(match Written::deserialize(from)? {
        Written::Several(all) => all,
        Written::AtMostOne(one) => one.into_iter().collect(),
    })
}

/// A part of a question that cannot be, and what would be right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrong {
    /// The field of [`Question`].
    pub field: &'static str,
    /// What is wrong with it.
    pub why: String,
}

impl Wrong {
    pub(super) fn new(field: &'static str, why: impl ToString) -> Self {
        Self { field, why: why.to_string() }
    }
}

/// Longest horizon, days.
const LONGEST: i32 = 730;

/// Features that a plan makes, and how a condition speaks of them.
#[derive(Debug, Clone)]
pub(super) struct Sight {
    pub(super) plan: Plan,
    kinds: Vec<Kind>,
    pub(super) columns: Columns,
}

impl Sight {
    fn new(declaration: &Declaration, schema: &Schema) -> Result<Self, Error> {
        let plan = Plan::new(declaration, schema)?;
        let kinds = plan.kinds();
        let typed = |kind: Kind| match kind {
            Kind::Bool => Type::Bool,
            Kind::Text => Type::Text,
            Kind::Number | Kind::Date => Type::Double,
        };
        let columns = Columns::new(plan.names().map(str::to_owned).zip(kinds.iter().copied().map(typed)));
        Ok(Self { plan, kinds, columns })
    }

    /// Names and kinds, in order.
    pub(super) fn names(&self) -> impl Iterator<Item = (&str, Kind)> {
        self.plan.names().zip(self.kinds.iter().copied())
    }

    /// What a column is in a row; none if it is missing.
    pub(super) fn value<'s>(&self, column: usize, cells: &[Cell<'s>]) -> Option<Value<'s>> {
        match (self.kinds.get(column)?, cells.get(column)?) {
            (_, Cell::Number(number)) if number.is_nan() => None,
            (Kind::Bool, Cell::Number(number)) => Some(Value::Bool(*number > 0.5)),
            (_, Cell::Number(number)) => Some(Value::Double(*number)),
            (_, Cell::Text(text)) => text.map(|text| Value::Text(text.into())),
        }
    }

    fn holds(&self, condition: &Condition<usize>, cells: &[Cell<'_>]) -> bool {
        // what cannot be told is not so: of somebody whose industry is unknown it is not known to be retail
        condition.holds(&self.columns.row(|column| self.value(column, cells))) == Ok(true)
    }
}

/// A question that was understood, for the streams of a schema.
#[derive(Debug, Clone)]
pub struct Reading {
    question: Question,
    /// What the population may speak of: all there is.
    asked: Sight,
    /// What the target may speak of.
    outcome: Sight,
    /// What is learned from, of the features of `asked`.
    input: Input,
    population: Option<Condition<usize>>,
    target: Condition<usize>,
    /// The kinds of events that end being asked of.
    until: Vec<u16>,
}

/// All of them; people are not told apart.
fn aggregates() -> Vec<Aggregate> {
    Aggregate::ALL.into_iter().filter(|aggregate| *aggregate != Aggregate::People).collect()
}

/// The kinds of events that end being asked of, without those that never occur.
fn until(question: &Question, schema: &Schema) -> Vec<u16> {
    let kinds = (0_u16..).zip(schema.kinds());
    kinds.filter(|(_, kind)| question.until.contains(kind)).map(|(id, _)| id).collect()
}

impl Reading {
    /// Reads a question.
    ///
    /// # Errors
    /// Everything that is wrong with it, by field.
    pub fn new(question: &Question, schema: &Schema) -> Result<Self, Vec<Wrong>> {
        if !(1..=LONGEST).contains(&question.horizon_days) {
            let why = format!("{} days; 1 to {LONGEST} are accepted", question.horizon_days);
            return Err(vec![Wrong::new("horizon_days", why)]);
        }
        let all = Declaration {
            windows: question.features.windows.clone(),
            aggregates: aggregates(),
            ..Declaration::default()
        };
        let within = Declaration {
            windows: vec![question.horizon_days],
            aggregates: aggregates(),
            ..Declaration::default()
        };
        let features = |error: Error| vec![Wrong::new("features", error)];
        let asked = Sight::new(&all, schema).map_err(features)?;
        let outcome = Sight::new(&within, schema).map_err(features)?;
        let place = |name: &str| asked.plan.names().position(|known| known == name);
        let mut wrong = match question.learner {
            Learner::Best => Vec::new(),
            _ => beside(&question.features, question.segment_by.as_deref()),
        };
        let input = match &question.learner {
            Learner::Best => {
                let wanted = Declaration { aggregates: aggregates(), ..question.features.clone() };
                let wanted = Plan::new(&wanted, schema).map_err(features)?;
                Ok(Input::Features(wanted.names().filter_map(place).collect()))
            }
            Learner::Rules(rules) => Input::rules(rules, &asked.columns),
            Learner::Onnx(brought) => Input::brought(brought, &asked),
        };
        let input = input.map_err(|faults| wrong.extend(faults)).ok();
        let mut read = |field: &'static str, text: &str, sight: &Sight| {
            let faults = Condition::compile(text, &sight.columns).map_err(|faults| {
                wrong.extend(faults.into_iter().map(|fault| Wrong::new(field, fault)));
            });
            faults.ok()
        };
        let population = (!question.population.trim().is_empty())
            .then(|| read("population", &question.population, &asked));
        let target = read("target", &question.target, &outcome);
        if let Some(by) = &question.segment_by
            && place(by).is_none_or(|at| asked.kinds[at] != Kind::Text)
        {
            let texts = asked.plan.names().zip(&asked.kinds).filter(|(_, kind)| **kind == Kind::Text);
            let texts: Vec<&str> = texts.map(|(name, _)| name).collect();
            let why = format!("{by}; a feature of texts is accepted: {}", texts.join(", "));
            wrong.push(Wrong::new("segment_by", why));
        }
        match target.zip(input).filter(|_| wrong.is_empty()) {
            Some((target, input)) => Ok(Self {
                question: question.clone(),
                asked,
                outcome,
                input,
                population: population.flatten(),
                target,
                until: until(question, schema),
            }),
            None => Err(wrong),
        }
    }

    /// Names and kinds of what a condition may speak of, with these windows (days).
    ///
    /// # Errors
    /// [`Error::Invalid`] for windows that cannot be.
    pub fn vocabulary(windows: Vec<i32>, schema: &Schema) -> Result<Vec<(String, Kind)>, Error> {
        let all = Declaration { windows, aggregates: aggregates(), ..Declaration::default() };
        let plan = Plan::new(&all, schema)?;
        Ok(plan.names().map(str::to_owned).zip(plan.kinds()).collect())
    }

    /// The question.
    #[must_use]
    pub fn question(&self) -> &Question {
        &self.question
    }

    /// The horizon, microseconds.
    #[must_use]
    pub fn horizon(&self) -> i64 {
        i64::from(self.question.horizon_days) * DAY_US
    }

    /// How many features there are to learn from.
    #[must_use]
    pub fn width(&self) -> usize {
        self.features().count()
    }

    /// Names and kinds of the features to learn from.
    pub(super) fn features(&self) -> impl Iterator<Item = (&str, Kind)> {
        self.input.names(&self.asked).into_iter()
    }

    /// The features of a subject at a cutoff; `None` if it was not of the population then, or nothing
    /// was known of it.
    ///
    /// # Errors
    /// As of [`Plan::rows`].
    pub(super) fn row<'s>(
        &self,
        (id, subject): (u32, &'s Subject),
        exogenous: &Exogenous,
        cutoff: i64,
    ) -> Result<Option<Vec<Cell<'s>>>, Error> {
        let ends = |event: &Event| self.until.contains(&event.kind);
        if subject.before(cutoff).events().iter().any(ends) {
            return Ok(None);
        }
        let rows = self.asked.plan.rows(id, subject, &[cutoff], exogenous)?;
        let Some(row) = rows.into_iter().next() else { return Ok(None) };
        let asked = self.population.as_ref().is_none_or(|is| self.asked.holds(is, &row.cells));
        Ok(asked.then(|| self.input.cells(&self.asked, &row.cells)))
    }

    /// Whether the target came true within the horizon from a cutoff.
    ///
    /// # Errors
    /// As of [`Plan::rows`].
    pub(super) fn came_true(
        &self,
        (id, subject): (u32, &Subject),
        exogenous: &Exogenous,
        cutoff: i64,
    ) -> Result<bool, Error> {
        let end = cutoff + self.horizon();
        let rows = self.outcome.plan.rows(id, subject, &[end], exogenous)?;
        Ok(rows.first().is_some_and(|row| self.outcome.holds(&self.target, &row.cells)))
    }
}
