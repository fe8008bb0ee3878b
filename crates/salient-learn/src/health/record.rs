//! What is known of an account, and what of it was known at a cutoff.

use crate::{
    Error,
    history::DAY_US,
    rhythm::{occasions, typical_gap},
};
use serde::{Deserialize, Serialize};

/// One order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Order {
    /// When it was placed, microseconds UTC.
    pub time: i64,
    /// Net amount, minor units.
    pub amount: i64,
    /// Products in it; may be empty where unknown.
    pub products: Vec<u32>,
}

/// Use of a product or service in one period; all periods of an account have one length.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Usage {
    /// First moment, microseconds UTC.
    pub from: i64,
    /// First moment after it, microseconds UTC; the count is known from then on.
    pub until: i64,
    /// Number of events, from 0.
    pub events: f64,
}

/// A support issue.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Issue {
    /// When it was opened, microseconds UTC.
    pub opened: i64,
    /// When it was closed, microseconds UTC; `None` while open.
    pub closed: Option<i64>,
    /// Severity, from 0; an ordinary one counts 1.
    pub severity: f64,
}

/// Everything known of one account. May hold rows of any time: what is dated at a cutoff or later
/// is not seen at that cutoff.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Ascending by time.
    pub orders: Vec<Order>,
    /// Ascending by `until`; `None` where usage is not measured.
    pub usage: Option<Vec<Usage>>,
    /// `None` where support is not recorded; empty where there were none.
    pub issues: Option<Vec<Issue>>,
}

impl Record {
    /// Checks order and numbers.
    pub(super) fn check(&self) -> Result<(), Error> {
        let amount = |x: f64| x.is_finite() && x >= 0.0;
        if !self.orders.is_sorted_by_key(|o| o.time) {
            return Err(Error::invalid("orders", "must be ascending by time"));
        }
        let usage = || self.usage.iter().flatten();
        if !self.usage.as_ref().is_none_or(|u| u.is_sorted_by_key(|u| u.until)) {
            return Err(Error::invalid("usage", "must be ascending by until"));
        }
        if usage().any(|u| u.from >= u.until || !amount(u.events)) {
            return Err(Error::invalid("usage", "periods must not be empty, events a number from 0"));
        }
        if self.issues.iter().flatten().any(|i| !amount(i.severity)) {
            return Err(Error::invalid("severity", "must be a number from 0"));
        }
        Ok(())
    }
}

/// A record as seen at a cutoff.
#[derive(Clone, Copy)]
pub(super) struct Seen<'a> {
    record: &'a Record,
    cutoff: i64,
}

impl<'a> Seen<'a> {
    pub fn at(record: &'a Record, cutoff: i64) -> Self {
        Self { record, cutoff }
    }

    /// Days from `time` to the cutoff.
    pub fn age(&self, time: i64) -> f64 {
        self.cutoff.saturating_sub(time) as f64 / DAY_US as f64
    }

    pub fn orders(&self) -> &'a [Order] {
        let n = self.record.orders.partition_point(|o| o.time < self.cutoff);
        self.record.orders.get(..n).unwrap_or_default()
    }

    /// Periods that had ended, ascending; `None` where not measured.
    pub fn usage(&self) -> Option<&'a [Usage]> {
        let all = self.record.usage.as_ref()?;
        let n = all.partition_point(|u| u.until <= self.cutoff);
        all.get(..n)
    }

    /// Issues opened before the cutoff, with whether they were open at it; `None` where not
    /// recorded.
    pub fn issues(&self) -> Option<impl Iterator<Item = (Issue, bool)> + use<'a>> {
        let cutoff = self.cutoff;
        let open = move |i: &Issue| i.closed.is_none_or(|closed| closed >= cutoff);
        let known = self.record.issues.as_ref()?.iter().filter(move |i| i.opened < cutoff);
        Some(known.map(move |i| (*i, open(i))))
    }

    /// The account's typical gap: the median of its last twelve gaps between occasions, in days.
    /// `None` below `min_orders` occasions (and below two).
    pub fn typical_gap(&self, min_orders: usize) -> Option<f64> {
        typical_gap(&occasions(self.orders().iter().map(|order| order.time)), min_orders)
    }
}
