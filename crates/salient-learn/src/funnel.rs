//! The way of customers, step by step: what share passes each step, and which step is clearly worse than
//! elsewhere and costs the most.
//!
//! Whoever enters a step within a span is given the same time to pass it, the horizon, and the span ends a
//! horizon before what is known ends. So a step that takes long is not taken for one that loses many, and
//! nobody is judged whose time is not over.
//!
//! Shares are compared by Newcombe's hybrid score interval of a difference (Newcombe 1998, Statistics in
//! Medicine 17, 873–890, method 10), at 95 % over all comparisons that are made together (Bonferroni): of
//! many regions without any difference, one in twenty times one is named.

use serde::{Deserialize, Serialize};

use crate::{
    DAY_US,
    metrics::{Interval, wilson},
};

/// Who must have entered a step, on both sides, for it to be judged.
pub const LEAST: u64 = 20;

/// Days over which it is looked who enters a step.
const YEAR_US: i64 = 365 * DAY_US;

/// How sure all comparisons together are.
const CONFIDENCE: f64 = 0.95;

/// A step of the way of customers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// From the first sign of interest to the first conversation.
    FollowUp,
    /// From the first conversation to an opportunity, or an order.
    Interest,
    /// From an opportunity to its being won.
    Win,
    /// From the first order to the second.
    Repeat,
    /// From being a customer to ordering again.
    Stay,
}

impl Step {
    /// All of them, in their order.
    pub const ALL: [Self; 5] = [Self::FollowUp, Self::Interest, Self::Win, Self::Repeat, Self::Stay];
}

/// An opportunity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sale {
    /// When it was opened, microseconds UTC.
    pub opened: i64,
    /// When it was won, if it was.
    pub won: Option<i64>,
}

/// What happened with an account; times are microseconds UTC.
#[derive(Debug, Clone, Copy, Default)]
pub struct Course<'a> {
    /// Its first sign of interest or conversation.
    pub first: Option<i64>,
    /// Its first conversation.
    pub spoken: Option<i64>,
    /// Its opportunities, in any order.
    pub sales: &'a [Sale],
    /// Its buying occasions, ascending ([`crate::rhythm::occasions`]).
    pub orders: &'a [i64],
}

/// When those entered a step who are looked at, and how long they were given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// From this moment on, microseconds UTC …
    pub from: i64,
    /// … up to this one, not part of it.
    pub until: i64,
    /// What each is given to pass, microseconds.
    pub horizon: i64,
}

impl Span {
    /// The latest year of which everything is known at `cutoff`; shorter where records begin (at `begin`)
    /// later, because whoever is seen for the first time soon after may have been there before. `None` where
    /// that leaves nothing. Times are microseconds UTC.
    #[must_use]
    pub fn before(cutoff: i64, horizon_days: i32, begin: i64) -> Option<Self> {
        let horizon = i64::from(horizon_days) * DAY_US;
        let until = cutoff.saturating_sub(horizon);
        let from = until.saturating_sub(YEAR_US).max(begin.saturating_add(horizon));
        (from < until).then_some(Self { from, until, horizon })
    }

    /// The same a year before, if records begin early enough: of a part of a year it could not be told what
    /// the season does.
    #[must_use]
    pub fn earlier(self, begin: i64) -> Option<Self> {
        let whole = self.until - self.from >= YEAR_US;
        let (from, until) = (self.from.saturating_sub(YEAR_US), self.until.saturating_sub(YEAR_US));
        (whole && from >= begin.saturating_add(self.horizon)).then_some(Self { from, until, ..self })
    }

    fn holds(&self, time: i64) -> bool {
        (self.from..self.until).contains(&time)
    }
}

/// Who entered a step, and who of them passed it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Passed {
    /// Who entered.
    pub entered: u64,
    /// Who passed within the horizon.
    pub passed: u64,
}

impl Passed {
    fn add(&mut self, passed: bool) {
        self.entered += 1;
        self.passed += u64::from(passed);
    }

    /// Share that passed; NaN if nobody entered.
    #[must_use]
    pub fn share(&self) -> f64 {
        self.passed as f64 / self.entered as f64
    }
}

/// Who entered and passed each step, in the order of [`Step::ALL`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Funnel([Passed; 5]);

impl Funnel {
    /// Of a step.
    #[must_use]
    pub fn of(&self, step: Step) -> Passed {
        self.0[step as usize]
    }

    /// Adds others.
    pub fn add(&mut self, other: &Self) {
        for (to, from) in self.0.iter_mut().zip(&other.0) {
            to.entered += from.entered;
            to.passed += from.passed;
        }
    }

    /// The same without some of them.
    #[must_use]
    pub fn without(&self, some: &Self) -> Self {
        let mut rest = *self;
        for (from, less) in rest.0.iter_mut().zip(&some.0) {
            from.entered = from.entered.saturating_sub(less.entered);
            from.passed = from.passed.saturating_sub(less.passed);
        }
        rest
    }
}

impl Course<'_> {
    /// Which steps the account entered in a span, and which of them it passed.
    #[must_use]
    pub fn funnel(&self, span: &Span) -> Funnel {
        let mut funnel = Funnel::default();
        let ordered = self.orders.first().copied();
        let opened = self.sales.iter().map(|sale| sale.opened).min();
        let advanced = [opened, ordered].into_iter().flatten().min();
        // whoever has an opportunity or an order already is no lead
        let lead = |entered: Option<i64>| {
            entered.filter(|&at| span.holds(at) && advanced.is_none_or(|other| other >= at))
        };
        let within = |entered: i64, at: Option<i64>| at.is_some_and(|at| at < entered + span.horizon);
        if let Some(at) = lead(self.first) {
            // somebody must have spoken to whoever buys, whether or not it was written down
            let spoken = [self.spoken, advanced].into_iter().flatten().min();
            funnel.0[Step::FollowUp as usize].add(within(at, spoken));
        }
        if let Some(at) = lead(self.spoken) {
            funnel.0[Step::Interest as usize].add(within(at, advanced));
        }
        for sale in self.sales.iter().filter(|sale| span.holds(sale.opened)) {
            funnel.0[Step::Win as usize].add(within(sale.opened, sale.won));
        }
        if let Some(at) = ordered.filter(|&at| span.holds(at)) {
            funnel.0[Step::Repeat as usize].add(within(at, self.orders.get(1).copied()));
        }
        let (before, after) = self.orders.split_at(self.orders.partition_point(|&time| time < span.until));
        if before.len() >= 2 && before.last().is_some_and(|&last| last >= span.until - span.horizon) {
            funnel.0[Step::Stay as usize].add(within(span.until, after.first().copied()));
        }
        funnel
    }
}

/// How a step compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Fewer than [`LEAST`] entered it, on one side.
    NotEnoughData,
    /// No difference can be told.
    InLine,
    /// Clearly fewer pass.
    Below,
    /// Clearly more pass.
    Above,
}

/// A step, compared.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Compared {
    /// The step.
    pub step: Step,
    /// Who passed it.
    pub own: Passed,
    /// Who passed it in what it is compared with.
    pub reference: Passed,
    /// Share that passed less that of the reference; NaN without enough data.
    pub difference: f64,
    /// Its interval; it excludes 0 exactly where the standing is below or above.
    pub interval: Interval,
    /// How it compares.
    pub standing: Standing,
    /// What would come out more at the share of the reference: of the steps to the sale, sales, by the later
    /// steps' own shares; of those after it, customers who order again. 0 where it is not below.
    pub missing: f64,
}

/// The steps, compared, and which one is the constraint.
#[derive(Debug, Clone, PartialEq)]
pub struct Benchmark {
    /// All steps, in their order.
    pub steps: Vec<Compared>,
    /// Of those that are clearly below, the one that costs most.
    pub constraint: Option<Step>,
}

impl Benchmark {
    /// Steps of which enough is known on both sides.
    #[must_use]
    pub fn known(own: &Funnel, reference: &Funnel) -> usize {
        Step::ALL.into_iter().filter(|&step| enough(own, reference, step)).count()
    }

    /// Compares a funnel with a reference that shares nobody with it; `together` is the number of comparisons of
    /// one step that are made, these among them ([`Self::known`]).
    #[must_use]
    pub fn of(own: &Funnel, reference: &Funnel, together: usize) -> Self {
        let confidence = 1.0 - (1.0 - CONFIDENCE) / together.max(1) as f64;
        let steps: Vec<Compared> = Step::ALL
            .into_iter()
            .map(|step| {
                let (mine, theirs) = (own.of(step), reference.of(step));
                let mut of = Compared {
                    step,
                    own: mine,
                    reference: theirs,
                    difference: f64::NAN,
                    interval: Interval { low: -1.0, high: 1.0 },
                    standing: Standing::NotEnoughData,
                    missing: 0.0,
                };
                if enough(own, reference, step) {
                    of.difference = mine.share() - theirs.share();
                    of.interval = difference(mine, theirs, confidence);
                    of.standing = match of.interval {
                        Interval { high, .. } if high < 0.0 => Standing::Below,
                        Interval { low, .. } if low > 0.0 => Standing::Above,
                        _ => Standing::InLine,
                    };
                }
                if of.standing == Standing::Below {
                    of.missing = -of.difference * mine.entered as f64 * onwards(own, step);
                }
                of
            })
            .collect();
        let below = steps.iter().filter(|of| of.standing == Standing::Below);
        let constraint = below.max_by(|a, b| a.missing.total_cmp(&b.missing)).map(|of| of.step);
        Self { steps, constraint }
    }
}

fn enough(own: &Funnel, reference: &Funnel, step: Step) -> bool {
    own.of(step).entered >= LEAST && reference.of(step).entered >= LEAST
}

/// Share of those who pass a step that comes to a sale; what is not recorded loses nobody.
fn onwards(own: &Funnel, step: Step) -> f64 {
    let later: &[Step] = match step {
        Step::FollowUp => &[Step::Interest, Step::Win],
        Step::Interest => &[Step::Win],
        Step::Win | Step::Repeat | Step::Stay => &[],
    };
    later.iter().map(|&step| own.of(step)).filter(|of| of.entered > 0).map(|of| of.share()).product()
}

/// Newcombe's interval of a difference of two shares, method 10.
fn difference(mine: Passed, theirs: Passed, confidence: f64) -> Interval {
    let (p, q) = (mine.share(), theirs.share());
    let own = wilson(mine.passed, mine.entered, confidence);
    let other = wilson(theirs.passed, theirs.entered, confidence);
    Interval {
        low: p - q - (p - own.low).hypot(other.high - q),
        high: p - q + (own.high - p).hypot(q - other.low),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Newcombe 1998, table II, method 10.
    #[test]
    fn intervals_are_those_of_the_paper() {
        for ((a, m), (b, n), low, high) in [
            ((56, 70), (48, 80), 0.0524, 0.3339),
            ((9, 10), (3, 10), 0.1705, 0.8090),
            ((6, 7), (2, 7), 0.0582, 0.8062),
            ((5, 56), (0, 29), -0.0381, 0.1926),
            ((0, 10), (0, 20), -0.1611, 0.2775),
            ((0, 10), (0, 10), -0.2775, 0.2775),
            ((10, 10), (0, 20), 0.6791, 1.0),
            ((10, 10), (0, 10), 0.6075, 1.0),
        ] {
            let of = |passed, entered| Passed { entered, passed };
            let interval = difference(of(a, m), of(b, n), 0.95);
            assert!((interval.low - low).abs() < 6e-5, "{a}/{m} {b}/{n}: {interval:?}");
            assert!((interval.high - high).abs() < 6e-5, "{a}/{m} {b}/{n}: {interval:?}");
        }
    }
}
