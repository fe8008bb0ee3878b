//! The way of customers, by group: which step is clearly worse than elsewhere.
//!
//! A run counts, for all accounts and for those of each territory, industry and country, who entered and who
//! passed each step; they are compared when it is asked. What accounts are grouped by is what they say now.

use std::collections::BTreeMap;

use salient_learn::{
    AsOf, DAY_US,
    funnel::{Benchmark, Course, Funnel, LEAST, Span, Standing, Step},
    rhythm::{occasions, silence_days},
};
use salient_ledger::{Account, Ledger};
use serde::{Deserialize, Serialize};

use super::{Found, Lacking, dealings::ByAccount};

/// What accounts are grouped by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Grouping {
    /// Their territory.
    Territory,
    /// Their industry.
    Industry,
    /// Their country.
    Country,
}

impl Grouping {
    const ALL: [Self; 3] = [Self::Territory, Self::Industry, Self::Country];

    fn of(self, account: &Account) -> &str {
        match self {
            Self::Territory => &account.territory,
            Self::Industry => &account.industry,
            Self::Country => &account.country,
        }
    }
}

/// What a run counted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Funnels {
    /// Who is looked at.
    pub span: Span,
    whole: Funnel,
    /// Of the year before, where records begin early enough.
    earlier: Option<Funnel>,
    groups: BTreeMap<Grouping, BTreeMap<String, Funnel>>,
}

impl Funnels {
    /// Counts what was known at a view's cutoff.
    ///
    /// # Errors
    /// Records that begin too late.
    pub fn count(ledger: &Ledger, view: &AsOf<'_>, dealt: &ByAccount) -> Found<Self> {
        let horizon_days = silence_days(view);
        let begin = [view.first_time(), dealt.begin()].into_iter().flatten().min();
        let span = begin.and_then(|begin| Span::before(view.cutoff(), horizon_days, begin));
        let (Some(begin), Some(span)) = (begin, span) else {
            let needed = 2 * horizon_days;
            let why = format!("not enough data: need records of more than {needed} days, have fewer");
            return Err(Lacking(why));
        };
        let before = span.earlier(begin);
        let (mut whole, mut earlier) = (Funnel::default(), before.map(|_| Funnel::default()));
        let mut groups: BTreeMap<Grouping, BTreeMap<String, Funnel>> = BTreeMap::new();
        for (number, account) in (0_u32..).zip(&ledger.accounts) {
            let orders = occasions(view.account_orders(number).map(|order| order.time));
            let mut course = Course { orders: &orders, ..Course::default() };
            if let Some(of) = dealt.of(number) {
                course = Course { first: of.first, spoken: of.spoken, sales: &of.sales, ..course };
            }
            let funnel = course.funnel(&span);
            whole.add(&funnel);
            if let (Some(earlier), Some(before)) = (&mut earlier, &before) {
                earlier.add(&course.funnel(before));
            }
            for grouping in Grouping::ALL {
                let group = grouping.of(account);
                if !group.is_empty() {
                    let of = groups.entry(grouping).or_default();
                    of.entry(group.to_owned()).or_default().add(&funnel);
                }
            }
        }
        Ok(Self { span, whole, earlier, groups })
    }

    /// Compares the whole with the year before.
    ///
    /// # Errors
    /// Records that begin too late, or too few who entered any step.
    pub fn against_the_year_before(&self) -> Found<Benchmark> {
        let earlier = self.earlier.as_ref().ok_or_else(|| {
            let needed = 2 * (365 + self.horizon_days());
            Lacking(format!(
                "not enough data: need records of {needed} days, to compare with the year before"
            ))
        })?;
        told(Benchmark::of(&self.whole, earlier, Benchmark::known(&self.whole, earlier)))
    }

    /// Compares a group with all others; none if no account has it.
    #[must_use]
    pub fn against_others(&self, grouping: Grouping, group: &str) -> Option<Found<Benchmark>> {
        let own = self.groups.get(&grouping)?.get(group)?;
        Some(told(Benchmark::of(own, &self.whole.without(own), self.together(grouping))))
    }

    /// The same for every group of which enough is known, the one whose constraint costs most first.
    #[must_use]
    pub fn all_against_others(&self, grouping: Grouping) -> Vec<(&str, Benchmark)> {
        let together = self.together(grouping);
        let one = |own: &Funnel| told(Benchmark::of(own, &self.whole.without(own), together)).ok();
        let groups = self.groups.get(&grouping).into_iter().flatten();
        let mut told: Vec<(&str, Benchmark)> =
            groups.filter_map(|(name, own)| Some((name.as_str(), one(own)?))).collect();
        let costs = |of: &Benchmark| of.steps.iter().map(|step| step.missing).fold(0.0, f64::max);
        // they come by name, and the order is kept where the cost is the same
        told.sort_by(|(_, one), (_, other)| costs(other).total_cmp(&costs(one)));
        told
    }

    /// Comparisons that are made of all groups.
    fn together(&self, grouping: Grouping) -> usize {
        let groups = self.groups.get(&grouping).into_iter().flat_map(BTreeMap::values);
        groups.map(|own| Benchmark::known(own, &self.whole.without(own))).sum()
    }

    /// What each is given to pass a step.
    #[must_use]
    pub fn horizon_days(&self) -> i64 {
        self.span.horizon / DAY_US
    }
}

fn told(benchmark: Benchmark) -> Found<Benchmark> {
    if benchmark.steps.iter().any(|of| of.standing != Standing::NotEnoughData) {
        return Ok(benchmark);
    }
    Err(Lacking(format!(
        "not enough data: need {LEAST} who entered one step, here and in what it is compared with, have fewer"
    )))
}

/// A constraint in words.
#[must_use]
pub fn problem(of: &Benchmark, horizon_days: i64, reference: &str) -> String {
    let Some(worst) = of.steps.iter().find(|step| Some(step.step) == of.constraint) else {
        return format!("No step is clearly worse than {reference}.");
    };
    let (who, does, more) = match worst.step {
        Step::FollowUp => ("new leads", "were spoken to", "sales"),
        Step::Interest => ("leads that were spoken to", "came to an opportunity or an order", "sales"),
        Step::Win => ("opportunities", "were won", "sales"),
        Step::Repeat => ("new customers", "ordered a second time", "customers who order again"),
        Step::Stay => ("customers", "ordered again", "customers who order again"),
    };
    let percent = |share: f64| format!("{:.0} %", 100.0 * share);
    format!(
        "{} of {} {who} {does} within {horizon_days} days; {reference}, {} of {}. At that share there would \
         have been {:.0} more {more}.",
        percent(worst.own.share()),
        worst.own.entered,
        percent(worst.reference.share()),
        worst.reference.entered,
        worst.missing,
    )
}

/// The template of what helps against a constraint.
#[must_use]
pub const fn template(constraint: Step) -> &'static str {
    match constraint {
        Step::FollowUp | Step::Interest => "leads",
        Step::Win => "wins",
        Step::Repeat => "second-order",
        Step::Stay => "churn",
    }
}
