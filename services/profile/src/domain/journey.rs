//! The stages of an account's life as a customer.

use salient_core::{Error, Violation};
use salient_proto::profile::v1::{JourneyRules, JourneyStage};

use super::condition::{Condition, Scope, Subject};

/// The stages that come with the service: id, name, condition. The last one that holds counts.
const SHIPPED: [(&str, &str, &str); 6] = [
    ("lead", "Lead", "true"),
    ("first_order", "First order", "orders() == 1"),
    ("active", "Active", "orders() >= 2"),
    ("slowing", "Slowing", "orders() >= 1 && days_since_order() > 60"),
    ("lapsed", "Lapsed", "orders() >= 1 && days_since_order() > 180"),
    ("won_back", "Won back", "days_since_comeback(180) <= 60"),
];

/// The stages that come with the service.
pub fn shipped() -> JourneyRules {
    let stages = SHIPPED.map(|(id, display_name, condition)| JourneyStage {
        id: id.into(),
        display_name: display_name.into(),
        condition: condition.into(),
    });
    JourneyRules { stages: stages.into(), shipped: true, update_time: None }
}

/// Stages whose conditions were understood, in the order of a customer's life.
#[derive(Clone, Debug)]
pub struct Stages(Vec<(String, Condition)>);

impl Stages {
    /// Reads the conditions.
    ///
    /// # Errors
    /// `FIELD_INVALID` with everything that is wrong with them, or an id that comes twice.
    pub fn compile(rules: &JourneyRules) -> Result<Self, Error> {
        let (mut stages, mut violations) = (Vec::new(), Vec::new());
        for (index, stage) in rules.stages.iter().enumerate() {
            if rules.stages[..index].iter().any(|earlier| earlier.id == stage.id) {
                violations.push(Violation {
                    field: format!("rules.stages[{index}].id"),
                    description: format!("{} came before; every id once is accepted", stage.id),
                });
            }
            match Condition::compile(&stage.condition, Scope::Stage) {
                Ok(condition) => stages.push((stage.id.clone(), condition)),
                Err(wrong) => violations.extend(wrong.into_iter().map(|wrong| Violation {
                    field: format!("rules.stages[{index}].condition"),
                    description: wrong.to_string(),
                })),
            }
        }
        if violations.is_empty() { Ok(Self(stages)) } else { Err(Error::fields(violations)) }
    }

    /// Whether time alone moves an account on.
    pub fn is_timed(&self) -> bool {
        self.0.iter().any(|(_, condition)| condition.is_timed())
    }

    /// The stage of an account; empty if it is in none. A condition that fails does not hold.
    pub fn stage_of(&self, subject: Subject<'_>) -> &str {
        let mut stages = self.0.iter().rev();
        stages.find(|(_, condition)| condition.holds(subject) == Ok(true)).map_or("", |(id, _)| id)
    }
}

/// How long an account was in a stage, in microseconds, and how often it came in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimeIn {
    /// The stage.
    pub stage: String,
    /// How long, until now.
    pub micros: i64,
    /// How often.
    pub entered: i32,
}

/// The time in each stage, from the steps of an account, oldest first: to which stage, and when.
pub fn times(steps: &[(String, i64)], now: i64) -> Vec<TimeIn> {
    let mut times: Vec<TimeIn> = Vec::new();
    let ends = steps.iter().skip(1).map(|(_, time)| *time).chain([now]);
    for ((stage, begin), end) in steps.iter().zip(ends) {
        if stage.is_empty() {
            continue;
        }
        let position = times.iter().position(|time| time.stage == *stage).unwrap_or_else(|| {
            times.push(TimeIn { stage: stage.clone(), micros: 0, entered: 0 });
            times.len() - 1
        });
        times[position].micros += (end - begin).max(0);
        times[position].entered += 1;
    }
    times
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::facts::{Facts, OrderDay};

    fn facts(days: &[i32]) -> Facts {
        let order = |day: &i32| OrderDay { day: *day, kind: 1, count: 1, ..OrderDay::default() };
        Facts { orders: days.iter().map(order).collect(), ..Facts::default() }
    }

    #[test]
    fn the_shipped_stages_tell_a_life() {
        let stages = Stages::compile(&shipped()).unwrap();
        assert!(stages.is_timed());
        let stage = |days: &[i32], today| {
            let facts = facts(days);
            stages.stage_of(Subject { name: "", facts: &facts, today, stage: "" }).to_owned()
        };
        assert_eq!(stage(&[], 1_000), "lead");
        assert_eq!(stage(&[1_000], 1_000), "first_order");
        assert_eq!(stage(&[1_000, 1_010], 1_070), "active");
        assert_eq!(stage(&[1_000, 1_010], 1_071), "slowing");
        assert_eq!(stage(&[1_000, 1_010], 1_191), "lapsed");
        assert_eq!(stage(&[1_000, 1_010, 1_200], 1_200), "won_back");
        assert_eq!(stage(&[1_000, 1_010, 1_200, 1_240], 1_261), "active");
    }

    #[test]
    fn wrong_stages_are_refused_together() {
        let mut rules = shipped();
        rules.stages[1].id = "lead".into();
        rules.stages[2].condition = "stage == \"lead\"".into();
        let error = Stages::compile(&rules).unwrap_err();
        let fields: Vec<_> = error.violations().iter().map(|violation| violation.field.as_str()).collect();
        assert_eq!(fields, ["rules.stages[1].id", "rules.stages[2].condition"]);
    }

    #[test]
    fn time_is_added_up_by_stage() {
        let steps = [("lead".to_owned(), 10), ("active".to_owned(), 15), ("lead".to_owned(), 40)];
        let times = times(&steps, 50);
        let found: Vec<_> =
            times.iter().map(|time| (time.stage.as_str(), time.micros, time.entered)).collect();
        assert_eq!(found, [("lead", 15, 2), ("active", 25, 1)]);
    }
}
