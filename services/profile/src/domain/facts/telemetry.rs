//! What machines and products reported, as far as conditions ask for it.

use std::collections::BTreeMap;

use super::Window;
use crate::domain::usage::number;

/// Days of a metric that are kept, the newest ones: a year, and a month to compare with.
const DAYS: usize = 400;

/// A metric by day; of different units each adds its readings and its sum.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Metric {
    /// What was measured.
    #[prost(string, tag = "1")]
    pub metric: String,
    /// The last days on which it was.
    #[prost(message, repeated, tag = "2")]
    pub days: Vec<MetricDay>,
}

/// What was measured on a day.
#[derive(Clone, PartialEq, prost::Message)]
pub struct MetricDay {
    /// The day.
    #[prost(sint32, tag = "1")]
    pub day: i32,
    /// Readings.
    #[prost(int64, tag = "2")]
    pub readings: i64,
    /// What they add up to.
    #[prost(double, tag = "3")]
    pub sum: f64,
}

fn days<'m>(metrics: &'m [Metric], metric: &str, window: Window) -> impl Iterator<Item = &'m MetricDay> {
    let found = metrics.binary_search_by(|of| of.metric.as_str().cmp(metric));
    let days = found.map_or(&[][..], |position| &metrics[position].days);
    days.iter().filter(move |of| window.holds(of.day))
}

/// What the metric adds up to.
pub(super) fn sum(metrics: &[Metric], metric: &str, window: Window) -> f64 {
    days(metrics, metric, window).map(|of| of.sum).sum()
}

/// How many readings of the metric there were.
pub(super) fn count(metrics: &[Metric], metric: &str, window: Window) -> i64 {
    days(metrics, metric, window).map(|of| of.readings).sum()
}

/// Collects days in any order.
#[derive(Debug, Default)]
pub(super) struct Collector(BTreeMap<String, BTreeMap<i32, (i64, i128)>>);

impl Collector {
    pub(super) fn add(&mut self, day: i32, metric: &str, (readings, sum): (i64, i128)) {
        if !self.0.contains_key(metric) {
            self.0.insert(metric.to_owned(), BTreeMap::new());
        }
        if let Some(days) = self.0.get_mut(metric) {
            let known = days.entry(day).or_default();
            known.0 = known.0.saturating_add(readings);
            known.1 = known.1.saturating_add(sum);
        }
    }

    /// The day of each day of each metric.
    pub(super) fn days(&self) -> impl Iterator<Item = i32> {
        self.0.values().flat_map(|days| days.keys().copied())
    }

    pub(super) fn finish(self) -> Vec<Metric> {
        let metric = |(metric, days): (String, BTreeMap<i32, (i64, i128)>)| {
            let old = days.len().saturating_sub(DAYS);
            let days = days.into_iter().skip(old);
            let days = days.map(|(day, (readings, sum))| MetricDay { day, readings, sum: number(sum) });
            Metric { metric, days: days.collect() }
        };
        self.0.into_iter().map(metric).collect()
    }
}
