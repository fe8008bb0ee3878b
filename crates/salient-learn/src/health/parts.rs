//! The components of the score, computed.

use super::{Component, Config, Facts, Kind, Order, Usage, record::Seen};
use crate::{history::DAY_US, robust::median};
use std::collections::BTreeSet;

/// A known component before its weight is made a share.
#[derive(Clone, Copy)]
pub(super) struct Part {
    pub kind: Kind,
    weight: f64,
    value: f64,
    facts: Facts,
}

impl Part {
    pub fn component(&self, known: f64) -> Component {
        let weight = self.weight / known;
        let points = 100.0 * weight * self.value;
        Component { kind: self.kind, value: self.value, weight, points, facts: self.facts }
    }
}

/// Sum of weights.
pub(super) fn weight(parts: &[Part]) -> f64 {
    parts.iter().map(|p| p.weight).sum()
}

/// Weight of all components, known or not.
pub(super) fn total(config: &Config) -> f64 {
    config.weights.all().iter().map(|w| w.1).sum()
}

/// Whether they hold the least share of all weight.
pub(super) fn enough(parts: &[Part], config: &Config) -> bool {
    // Rounding must not lose a score that lies on the bound.
    !parts.is_empty() && weight(parts) >= config.min_weight * total(config) * (1.0 - 1e-12)
}

/// Difference in points over what is known at both times: a component that appeared or vanished
/// is no change of the account.
pub(super) fn change(now: &[Part], earlier: &[Part], config: &Config) -> Option<f64> {
    let both: Vec<(Part, Part)> =
        now.iter().filter_map(|n| Some((*n, *earlier.iter().find(|e| e.kind == n.kind)?))).collect();
    let common: Vec<Part> = both.iter().map(|b| b.0).collect();
    let sum: f64 = both.iter().map(|(n, e)| n.weight * (n.value - e.value)).sum();
    enough(&common, config).then(|| 100.0 * sum / weight(&common))
}

/// The components known at a cutoff, those switched off left out.
pub(super) fn parts(seen: &Seen<'_>, config: &Config) -> Vec<Part> {
    let windows = Windows::of(seen, config.window_days, config.min_orders);
    let change = |measured: Option<Change>| measured.map(|c| (c.value(), c.facts()));
    let one = |(kind, weight): (Kind, f64)| {
        let found = match kind {
            Kind::Recency => silence(seen, config.min_orders),
            Kind::Frequency => change(windows.as_ref().map(Windows::orders)),
            Kind::Monetary => change(windows.as_ref().and_then(Windows::amount)),
            Kind::Breadth => change(windows.as_ref().and_then(Windows::products)),
            Kind::Support => support(seen, config),
            Kind::Usage => change(usage(seen, config.usage_periods)),
        };
        let (value, facts) = found.filter(|_| weight > 0.0)?;
        Some(Part { kind, weight, value, facts })
    };
    config.weights.all().into_iter().filter_map(one).collect()
}

fn silence(seen: &Seen<'_>, min_orders: usize) -> Option<(f64, Facts)> {
    let typical_gap_days = seen.typical_gap(min_orders)?;
    let days = seen.age(seen.orders().last()?.time);
    let value = (1.0 - days / typical_gap_days).min(0.0).exp2();
    Some((value, Facts::Silence { days, typical_gap_days }))
}

fn support(seen: &Seen<'_>, config: &Config) -> Option<(f64, Facts)> {
    let (mut count, mut open, mut burden) = (0, 0, 0.0);
    for (issue, is_open) in seen.issues()? {
        if is_open || seen.age(issue.opened) <= config.support_days {
            count += 1;
            open += usize::from(is_open);
            burden += issue.severity;
        }
    }
    let value = config.tolerable_issues / (config.tolerable_issues + burden);
    Some((value, Facts::Issues { count, open, burden, window_days: config.support_days }))
}

fn usage(seen: &Seen<'_>, periods: usize) -> Option<Change> {
    let known = seen.usage()?;
    let last = known.last()?;
    let days = last.until.saturating_sub(last.from) as f64 / DAY_US as f64;
    // A feed that has stopped says nothing about now.
    if seen.age(last.until) > 2.0 * days {
        return None;
    }
    let (rest, recent) = known.split_at_checked(known.len().checked_sub(periods)?)?;
    let (_, earlier) = rest.split_at_checked(rest.len().checked_sub(periods)?)?;
    let sum = |part: &[Usage]| part.iter().map(|u| u.events).sum::<f64>();
    Some(Change { recent: sum(recent), earlier: sum(earlier), prior: 1.0, days: days * periods as f64 })
}

/// A measure in two windows of one length.
#[derive(Clone, Copy)]
pub(super) struct Change {
    recent: f64,
    earlier: f64,
    /// Pseudo-count, in the unit of the measure.
    prior: f64,
    days: f64,
}

impl Change {
    fn value(&self) -> f64 {
        (self.recent + self.prior / 2.0) / (self.recent + self.earlier + self.prior)
    }

    fn facts(&self) -> Facts {
        Facts::Change { recent: self.recent, earlier: self.earlier, window_days: self.days }
    }
}

/// An account's orders in two neighbouring windows up to the cutoff.
pub(super) struct Windows<'a> {
    recent: &'a [Order],
    earlier: &'a [Order],
    days: f64,
}

impl<'a> Windows<'a> {
    /// `None` below `min_orders`, or if the account is too new for a window of one typical gap.
    pub fn of(seen: &Seen<'a>, window_days: f64, min_orders: usize) -> Option<Self> {
        let gap = seen.typical_gap(min_orders)?;
        let orders = seen.orders();
        let tenure = seen.age(orders.first()?.time);
        let days = window_days.max(2.0 * gap).min(tenure / 2.0);
        if days < gap {
            return None;
        }
        let start = |windows: f64| orders.partition_point(|o| seen.age(o.time) > windows * days);
        let (before, recent) = orders.split_at_checked(start(1.0))?;
        Some(Self { recent, earlier: before.get(start(2.0)..)?, days })
    }

    pub fn orders(&self) -> Change {
        let n = |part: &[Order]| part.len() as f64;
        Change { recent: n(self.recent), earlier: n(self.earlier), prior: 1.0, days: self.days }
    }

    /// The pseudo-count is one order of median amount; `None` without a positive amount.
    pub fn amount(&self) -> Option<Change> {
        let amount = |o: &Order| o.amount.max(0) as f64;
        let sum = |part: &[Order]| part.iter().map(amount).sum::<f64>();
        let both = self.earlier.iter().chain(self.recent).map(amount).filter(|&a| a > 0.0);
        let prior = median(&both.collect::<Vec<f64>>())?;
        Some(Change { recent: sum(self.recent), earlier: sum(self.earlier), prior, days: self.days })
    }

    /// `None` if no order names its products.
    pub fn products(&self) -> Option<Change> {
        let distinct =
            |part: &[Order]| part.iter().flat_map(|o| &o.products).collect::<BTreeSet<_>>().len() as f64;
        let (recent, earlier) = (distinct(self.recent), distinct(self.earlier));
        (recent + earlier > 0.0).then_some(Change { recent, earlier, prior: 1.0, days: self.days })
    }
}
