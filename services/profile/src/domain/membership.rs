//! What a look at some accounts changes: who enters and leaves segments, and who goes from one
//! stage to another. It depends on nothing but the facts, the day and where they were before.

use std::collections::HashSet;

use salient_proto::profile::v1::{JourneyTransition, MembershipChange, membership_change};
use uuid::Uuid;

use super::{
    Kind,
    condition::{Condition, Subject, told},
    facts::Facts,
    journey::Stages,
    record::timestamp,
};

/// The collection of segments' resource names.
const COLLECTION: &str = "segments/";

/// The resource name of a segment.
pub fn segment_name(id: &str) -> String {
    format!("{COLLECTION}{id}")
}

/// The id in a segment's resource name; what the name looks like is a rule of the contract.
pub fn segment_id(name: &str) -> &str {
    name.strip_prefix(COLLECTION).unwrap_or(name)
}

/// A segment that is looked at.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Its id.
    pub segment: String,
    /// Its condition; none holds for nobody.
    pub condition: Option<Condition>,
}

/// An account that is looked at.
#[derive(Clone, Debug)]
pub struct Known {
    /// Its id.
    pub account: Uuid,
    /// What is known of it; none if it is there no more.
    pub facts: Option<Facts>,
    /// The stage it was in; empty means none.
    pub stage: String,
}

/// An account that entered or left a segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The segment.
    pub segment: String,
    /// The account.
    pub account: Uuid,
    /// Whether it entered.
    pub entered: bool,
}

/// An account that went from one stage to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transition {
    /// The account.
    pub account: Uuid,
    /// From where; empty means from none.
    pub from: String,
    /// To where; empty means to none.
    pub to: String,
}

impl Change {
    /// As a message; `time` is in microseconds.
    pub fn message(&self, time: i64) -> MembershipChange {
        use membership_change::Kind::{Entered, Left};
        MembershipChange {
            segment: segment_name(&self.segment),
            account: Kind::Account.name(self.account),
            kind: if self.entered { Entered } else { Left } as i32,
            time: Some(timestamp(time)),
        }
    }
}

impl Transition {
    /// As a message; `time` is in microseconds.
    pub fn message(&self, time: i64) -> JourneyTransition {
        JourneyTransition {
            account: Kind::Account.name(self.account),
            from_stage: self.from.clone(),
            to_stage: self.to.clone(),
            time: Some(timestamp(time)),
        }
    }
}

/// Conditions that failed on accounts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Failed {
    /// On how many.
    pub count: i64,
    /// How, on one of them.
    pub example: String,
}

/// What a look changes.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    /// Who enters and leaves.
    pub members: Vec<Change>,
    /// Who goes where.
    pub stages: Vec<Transition>,
    /// By the position of the rule, on how many accounts its condition failed.
    pub failed: Vec<Failed>,
}

/// Looks at accounts. `stages` is none where stages stay as they are; `members` are the pairs of
/// rules, by position, and accounts that are in.
pub fn look(
    rules: &[Rule],
    stages: Option<&Stages>,
    today: i32,
    accounts: &[Known],
    members: &HashSet<(usize, Uuid)>,
) -> Changes {
    let mut changes = Changes { failed: vec![Failed::default(); rules.len()], ..Changes::default() };
    for Known { account, facts, stage } in accounts {
        let (account, name) = (*account, Kind::Account.name(*account));
        let subject = facts.as_ref().map(|facts| Subject { name: &name, facts, today, stage });
        let subject = subject.map(|subject| match stages {
            Some(stages) => Subject { stage: stages.stage_of(subject), ..subject },
            None => subject,
        });
        let to = subject.map_or("", |subject| subject.stage);
        if to != stage {
            changes.stages.push(Transition { account, from: stage.clone(), to: to.to_owned() });
        }
        for (position, rule) in rules.iter().enumerate() {
            let holds = match (&rule.condition, subject) {
                (Some(condition), Some(subject)) => condition.holds(subject),
                _ => Ok(false),
            };
            let holds = holds.unwrap_or_else(|failure| {
                let failed = &mut changes.failed[position];
                failed.count += 1;
                failed.example = format!("{name}: {}", told(&failure));
                false
            });
            if holds != members.contains(&(position, account)) {
                let segment = rule.segment.clone();
                changes.members.push(Change { segment, account, entered: holds });
            }
        }
    }
    changes
}
