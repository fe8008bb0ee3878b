//! Who answers a question: what is learned, rules that people wrote, or a model brought along.

use salient_condition::{Columns, Failure, Number};
use serde::{Deserialize, Serialize};

use super::question::{Sight, Wrong};
use crate::features::{Cell, Declaration, Kind};

/// Who answers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Learner {
    /// Whichever of the learners does best ([`crate::tabular`]).
    #[default]
    Best,
    /// Rules that people wrote: their points are added up, and the sum is calibrated on examples.
    Rules(Vec<Rule>),
    /// A model that was trained elsewhere, calibrated on examples.
    Onnx(Brought),
}

/// A rule: how much it says of a subject.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// What people call it; it stands where other models have a feature.
    pub name: String,
    /// A number in CEL over features: `orders_90d > 2.0 ? 1.5 : 0.0`. More points speak for the target.
    pub points: String,
}

/// A model in the Open Neural Network Exchange format.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Brought {
    /// Names of the features that are its input, in its order.
    pub features: Vec<String>,
    /// SHA-256 of the file, hexadecimal.
    pub digest: String,
}

/// Rules at most.
const MOST: usize = 100;
/// Characters of a rule's name at most.
const LONGEST: usize = 100;

/// How the row that is learned from comes from all features.
#[derive(Debug, Clone)]
pub(super) enum Input {
    /// Some of them, by place.
    Features(Vec<usize>),
    /// Points of rules.
    Rules(Vec<(String, Number<usize>)>),
}

impl Input {
    /// Of rules.
    pub(super) fn rules(rules: &[Rule], columns: &Columns) -> Result<Self, Vec<Wrong>> {
        let (mut read, mut wrong) = (Vec::new(), Vec::new());
        if rules.is_empty() || rules.len() > MOST {
            wrong.push(Wrong::new("rules", format!("{}; 1 to {MOST} are accepted", rules.len())));
        }
        for (place, rule) in rules.iter().enumerate() {
            let mut refuse =
                |why: String| wrong.push(Wrong::new("rules", format!("rule {}: {why}", place + 1)));
            let length = rule.name.chars().count();
            if length == 0 || length > LONGEST {
                refuse(format!("its name has {length} characters; 1 to {LONGEST} are accepted"));
            }
            if rules[..place].iter().any(|before| before.name == rule.name) {
                refuse(format!("`{}` is the name of another; names that differ are accepted", rule.name));
            }
            match Number::compile(&rule.points, columns) {
                Ok(points) => read.push((rule.name.clone(), points)),
                Err(faults) => faults.iter().for_each(|fault| refuse(fault.to_string())),
            }
        }
        if wrong.is_empty() { Ok(Self::Rules(read)) } else { Err(wrong) }
    }

    /// Of a model brought along.
    pub(super) fn brought(of: &Brought, sight: &Sight) -> Result<Self, Vec<Wrong>> {
        let place = |name: &String| {
            let numbers = |(known, kind): &(&str, Kind)| known == name && *kind != Kind::Text;
            let found = sight.names().position(|of| numbers(&of));
            let why = || format!("`{name}` is no feature that is a number or a truth value");
            found.ok_or_else(|| Wrong::new("onnx", why()))
        };
        let (mut places, mut wrong) = (Vec::new(), Vec::new());
        for (at, name) in of.features.iter().enumerate() {
            if of.features[..at].contains(name) {
                wrong.push(Wrong::new(
                    "onnx",
                    format!("`{name}` stands twice; each feature once is accepted"),
                ));
            }
            match place(name) {
                Ok(found) => places.push(found),
                Err(why) => wrong.push(why),
            }
        }
        if of.features.is_empty() {
            wrong.push(Wrong::new(
                "onnx",
                "no features; those that are its input, in its order, are accepted",
            ));
        }
        if wrong.is_empty() { Ok(Self::Features(places)) } else { Err(wrong) }
    }

    /// Names and kinds of what a row has.
    pub(super) fn names<'n>(&'n self, sight: &'n Sight) -> Vec<(&'n str, Kind)> {
        let all: Vec<(&str, Kind)> = sight.names().collect();
        match self {
            Self::Features(places) => places.iter().map(|&at| all[at]).collect(),
            Self::Rules(rules) => rules.iter().map(|(name, _)| (name.as_str(), Kind::Number)).collect(),
        }
    }

    /// What a row has, of all cells. Points that cannot be told, because they need what is not known of a
    /// subject, are missing.
    pub(super) fn cells<'s>(&self, sight: &Sight, all: &[Cell<'s>]) -> Vec<Cell<'s>> {
        match self {
            Self::Features(places) => places.iter().map(|&at| all[at]).collect(),
            Self::Rules(rules) => {
                let points = |of: &Number<usize>| match sight.number(of, all) {
                    Ok(points) if points.is_finite() => points,
                    Ok(_) | Err(_) => f64::NAN,
                };
                rules.iter().map(|(_, of)| Cell::Number(points(of))).collect()
            }
        }
    }
}

impl Sight {
    fn number(&self, number: &Number<usize>, cells: &[Cell<'_>]) -> Result<f64, Failure> {
        number.value(&self.columns.row(|column| self.value(column, cells)))
    }
}

/// What cannot be said beside rules, or beside a model brought along.
pub(super) fn beside(features: &Declaration, segment_by: Option<&str>) -> Vec<Wrong> {
    let mut wrong = Vec::new();
    let others = Declaration { windows: features.windows.clone(), ..Declaration::default() };
    if *features != others {
        let why = "rules, and a model brought along, say themselves what they read; no patterns are accepted";
        wrong.push(Wrong::new("features", why));
    }
    if segment_by.is_some() {
        let why = "rules, and a model brought along, answer for all; an empty one is accepted";
        wrong.push(Wrong::new("segment_by", why));
    }
    wrong
}
