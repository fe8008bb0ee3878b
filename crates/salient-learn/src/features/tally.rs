//! Counts, people, money, rhythm and trend of the events before a cutoff.

use std::cmp::Reverse;

use crate::{
    features::{declare::Aggregate, state::Event},
    rhythm::Rhythm,
};

/// What fell into one window, and into the one before it.
#[derive(Debug, Clone, Copy, Default)]
struct Window {
    count: f64,
    count_before: f64,
    amount: f64,
    amount_before: f64,
    /// Events with an amount.
    priced: f64,
    quantity: f64,
}

/// The events of one kind.
#[derive(Debug, Clone, Default)]
struct Tally {
    times: Vec<i64>,
    /// Each person and when they last took part.
    people: Vec<(u32, i64)>,
    windows: Vec<Window>,
    rhythm: Option<Rhythm>,
}

/// The events of all counted kinds.
#[derive(Debug)]
pub(super) struct Tallies<'a> {
    cutoff: i64,
    windows: &'a [i64],
    kinds: Vec<Tally>,
    /// Events in each window, of whatever counted kind.
    totals: Vec<f64>,
}

impl<'a> Tallies<'a> {
    /// For so many slots, over windows of these lengths (microseconds) before the cutoff.
    pub(super) fn new(cutoff: i64, windows: &'a [i64], slots: usize) -> Self {
        let kind = Tally { windows: vec![Window::default(); windows.len()], ..Tally::default() };
        Self { cutoff, windows, kinds: vec![kind; slots], totals: vec![0.0; windows.len()] }
    }

    /// Counts an event; they come in order of time, all before the cutoff.
    pub(super) fn add(&mut self, slot: usize, event: &Event) {
        let Some(tally) = self.kinds.get_mut(slot) else { return };
        tally.times.push(event.time);
        tally.people.extend(event.person.map(|person| (person, event.time)));
        let age = self.cutoff - event.time;
        for ((&length, window), total) in self.windows.iter().zip(&mut tally.windows).zip(&mut self.totals) {
            if age <= length {
                *total += 1.0;
                window.add(event);
            } else if age <= 2 * length {
                window.add_before(event);
            }
        }
    }

    /// Call it when all events are in.
    pub(super) fn close(&mut self) {
        for tally in &mut self.kinds {
            // whether somebody took part in a window is told by the last time alone
            tally.people.sort_unstable_by_key(|&(person, time)| (person, Reverse(time)));
            tally.people.dedup_by_key(|&mut (person, _)| person);
            tally.rhythm = Rhythm::of(tally.times.iter().copied(), self.cutoff);
        }
    }

    /// The value; NaN for missing.
    pub(super) fn value(&self, aggregate: Aggregate, slot: usize, window: usize) -> f64 {
        let Some(tally) = self.kinds.get(slot) else { return f64::NAN };
        if !aggregate.is_windowed() {
            return tally.rhythm.and_then(|rhythm| lasting(aggregate, &rhythm)).unwrap_or(f64::NAN);
        }
        let at = (tally.windows.get(window), self.windows.get(window), self.totals.get(window));
        let (Some(of), Some(&length), Some(&total)) = at else { return f64::NAN };
        match aggregate {
            Aggregate::People => {
                tally.people.iter().filter(|(_, last)| self.cutoff - last <= length).count() as f64
            }
            Aggregate::Share => of.count / total,
            _ => of.value(aggregate),
        }
    }
}

impl Window {
    fn add(&mut self, event: &Event) {
        self.count += 1.0;
        if !event.amount.is_nan() {
            self.priced += 1.0;
            self.amount += event.amount;
        }
        if !event.quantity.is_nan() {
            self.quantity += event.quantity;
        }
    }

    fn add_before(&mut self, event: &Event) {
        self.count_before += 1.0;
        if !event.amount.is_nan() {
            self.amount_before += event.amount;
        }
    }

    fn value(&self, aggregate: Aggregate) -> f64 {
        match aggregate {
            Aggregate::Count => self.count,
            Aggregate::Amount => self.amount,
            Aggregate::AmountMean => self.amount / self.priced,
            Aggregate::Quantity => self.quantity,
            Aggregate::Trend => trend(self.count, self.count_before),
            Aggregate::AmountTrend => trend(self.amount, self.amount_before),
            _ => f64::NAN,
        }
    }
}

/// Log ratio, each plus one, so that nothing is not the end of the scale. Returns can outweigh
/// purchases; less than nothing has no logarithm and counts as nothing.
fn trend(now: f64, before: f64) -> f64 {
    ((now.max(0.0) + 1.0) / (before.max(0.0) + 1.0)).ln()
}

fn lasting(aggregate: Aggregate, rhythm: &Rhythm) -> Option<f64> {
    match aggregate {
        Aggregate::SinceLast => Some(rhythm.days_since_last),
        Aggregate::SinceFirst => Some(rhythm.days_since_first),
        Aggregate::Gap => rhythm.mean_gap_days,
        Aggregate::GapSd => rhythm.gap_sd_days,
        Aggregate::GapRatio => {
            rhythm.mean_gap_days.filter(|gap| *gap > 0.0).map(|gap| rhythm.days_since_last / gap)
        }
        _ => None,
    }
}
