//! The best time to contact somebody: hour of the week on the contact's own clock.
//!
//! Hierarchical shrinkage, beta-binomial at each layer: a contact's hour is drawn to its
//! segment's, the segment's to everybody's, everybody's to main effects of hour of day and
//! weekday. A layer first takes over its own level (somebody may be hard to reach at any hour),
//! then its own hours. Prior strengths come from the data by the method of moments, within
//! bounds. Sources: Casella 1985 (An Introduction to Empirical Bayes Data Analysis), Gelman et al.
//! (Bayesian Data Analysis, chapter 5), Kleinman 1973 (Proportions with Extraneous Variance).
//!
//! Who is tried when is not random; an hour nobody was ever tried in is not suggested at all.

mod cell;
mod shrink;

pub use cell::{Cell, Hours, zone};
pub use shrink::{Belief, Bounds, Strengths, Tallies, Tally};

use crate::Error;
use serde::{Deserialize, Serialize};
use shrink::Beliefs;
use statrs::distribution::{Beta, ContinuousCDF};
use std::collections::{BTreeMap, BTreeSet};

/// One attempt to reach somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attempt {
    /// Whom.
    pub contact: u32,
    /// The segment the contact was in.
    pub segment: u32,
    /// Hour of the week on the contact's clock, from [`Cell::of`].
    pub cell: Cell,
    /// Whether it reached the contact.
    pub reached: bool,
    /// By which channel, in the caller's numbering.
    pub channel: Option<u8>,
}

/// Settings.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Config {
    /// Only attempts by this channel count; `None` takes all. A good hour to call need not be a
    /// good hour to write, so fit one a channel where there is data.
    pub channel: Option<u8>,
    /// Fewest attempts to learn from.
    pub min_attempts: u32,
    /// Fewest attempts that reached somebody.
    pub min_reached: u32,
    /// Fewest attempts, over everybody, in an hour that may be suggested.
    pub min_cell: u32,
    /// Bounds of the estimated prior strengths, attempts.
    pub strength: Bounds,
    /// Neighbouring hours whose probabilities differ by no more than this become one window.
    pub similar: f64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            channel: None,
            min_attempts: 200,
            min_reached: 20,
            min_cell: 5,
            strength: Bounds { floor: 2.0, ceiling: 50.0 },
            similar: 0.05,
        }
    }
}

impl Config {
    fn check(&self) -> Result<(), Error> {
        let Bounds { floor, ceiling } = self.strength;
        if !(floor > 0.0 && floor <= ceiling && ceiling.is_finite()) {
            return Err(Error::invalid("strength", "0 < floor <= ceiling, both finite"));
        }
        if !(0.0..=1.0).contains(&self.similar) {
            return Err(Error::invalid("similar", "a difference of probabilities, 0 to 1"));
        }
        Ok(())
    }
}

/// What a window rests on; the segment's attempts include the contact's, the global ones all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Evidence {
    /// The contact's own attempts in the window's hours.
    pub contact: Tally,
    /// The segment's.
    pub segment: Tally,
    /// Everybody's.
    pub global: Tally,
}

/// One hour, or two in a row, of a weekday.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Window {
    /// 0 Monday to 6 Sunday, on the contact's clock.
    pub weekday: u8,
    /// First hour, 0 to 23.
    pub from_hour: u8,
    /// End, not included, 1 to 24.
    pub until_hour: u8,
    /// Chance that an attempt in the window reaches the contact.
    pub probability: f64,
    /// Lower end of the 95 % beta interval.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// What it rests on.
    pub evidence: Evidence,
    /// Probability over this contact's mean over the allowed hours.
    pub lift: f64,
}

/// Fitted reach rates of everybody, the segments and the contacts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Times {
    config: Config,
    all: Tallies,
    segments: BTreeMap<u32, Tallies>,
    contacts: BTreeMap<u32, Tallies>,
    base: Beliefs,
    to_global: Strengths,
    to_segment: Strengths,
}

impl Times {
    /// Fits. The order of the attempts does not matter.
    ///
    /// # Errors
    /// [`Error::Invalid`] for settings out of range; [`Error::NotEnoughData`] below
    /// [`Config::min_attempts`] attempts or [`Config::min_reached`] that reached somebody.
    pub fn fit(attempts: &[Attempt], config: Config) -> Result<Self, Error> {
        config.check()?;
        let mut all = Tallies::new();
        let mut segments: BTreeMap<u32, Tallies> = BTreeMap::new();
        let mut contacts: BTreeMap<u32, Tallies> = BTreeMap::new();
        // A contact that changed its segment is judged against each for the time it was there.
        let mut members: BTreeMap<(u32, u32), Tallies> = BTreeMap::new();
        for a in attempts.iter().filter(|a| config.channel.is_none() || a.channel == config.channel) {
            let one = Tally { attempts: 1, reached: u32::from(a.reached) };
            all.entry(a.cell).or_default().add(one);
            segments.entry(a.segment).or_default().entry(a.cell).or_default().add(one);
            contacts.entry(a.contact).or_default().entry(a.cell).or_default().add(one);
            members.entry((a.segment, a.contact)).or_default().entry(a.cell).or_default().add(one);
        }
        enough(&all, config)?;
        let bounds = config.strength;
        let base = shrink::global(&all, bounds);
        let to_global = shrink::strengths(segments.values().map(|own| (own, &base)), bounds);
        let above: BTreeMap<u32, Beliefs> =
            segments.iter().map(|(&s, own)| (s, shrink::descend(&base, Some(own), to_global))).collect();
        let pairs = members.iter().filter_map(|((s, _), own)| Some((own, above.get(s)?)));
        let to_segment = shrink::strengths(pairs, bounds);
        Ok(Self { config, all, segments, contacts, base, to_global, to_segment })
    }

    /// Without what is known of single contacts; [`Self::best_for`] is told it.
    #[must_use]
    pub fn without_contacts(self) -> Self {
        Self { contacts: BTreeMap::new(), ..self }
    }

    /// Estimated prior strengths, attempts: of everybody against a segment's own evidence, and of
    /// the segment against a contact's.
    #[must_use]
    pub fn strengths(&self) -> (Strengths, Strengths) {
        (self.to_global, self.to_segment)
    }

    /// The `n` most promising windows within the `allowed` hours, most probable first. Without a
    /// contact, or for one without attempts, the segment speaks; for a segment without attempts,
    /// everybody. Empty where nobody was tried [`Config::min_cell`] times in any allowed hour.
    #[must_use]
    pub fn best(&self, contact: Option<u32>, segment: u32, allowed: &Hours, n: usize) -> Vec<Window> {
        self.best_for(contact.and_then(|c| self.contacts.get(&c)), segment, allowed, n)
    }

    /// The same of a contact by their own attempts.
    #[must_use]
    pub fn best_for(&self, own: Option<&Tallies>, segment: u32, allowed: &Hours, n: usize) -> Vec<Window> {
        let group = self.segments.get(&segment);
        let middle = shrink::descend(&self.base, group, self.to_global);
        let mut open = shrink::descend(&middle, own, self.to_segment);
        open.retain(|&cell, _| {
            allowed.contains(cell) && at(Some(&self.all), cell).attempts >= self.config.min_cell.max(1)
        });
        let mean = open.values().map(|b| b.mean).sum::<f64>() / open.len() as f64;
        let mut spans = spans(&open, self.config.similar);
        spans.truncate(n);
        let window = |(cells, belief): (Vec<Cell>, Belief)| {
            let sum = |tallies: Option<&Tallies>| {
                let mut sum = Tally::default();
                for &cell in &cells {
                    sum.add(at(tallies, cell));
                }
                sum
            };
            let evidence = Evidence { contact: sum(own), segment: sum(group), global: sum(Some(&self.all)) };
            let first = cells.iter().min()?;
            let (low, high) = interval(belief);
            Some(Window {
                weekday: first.weekday(),
                from_hour: first.hour(),
                until_hour: first.hour() + cells.len() as u8,
                probability: belief.mean,
                low,
                high,
                evidence,
                lift: belief.mean / mean,
            })
        };
        spans.into_iter().filter_map(window).collect()
    }
}

/// Attempts and whether they reached somebody, by hour.
#[must_use]
pub fn tallies(attempts: impl IntoIterator<Item = (Cell, bool)>) -> Tallies {
    let mut sum = Tallies::new();
    for (cell, reached) in attempts {
        sum.entry(cell).or_default().add(Tally { attempts: 1, reached: u32::from(reached) });
    }
    sum
}

fn at(tallies: Option<&Tallies>, cell: Cell) -> Tally {
    tallies.and_then(|t| t.get(&cell)).copied().unwrap_or_default()
}

fn enough(all: &Tallies, config: Config) -> Result<(), Error> {
    let mut sum = Tally::default();
    for tally in all.values() {
        sum.add(*tally);
    }
    if sum.attempts < config.min_attempts.max(1) || sum.reached < config.min_reached.max(1) {
        return Err(Error::NotEnoughData {
            needed: format!(
                "{} attempts, {} of them that reached somebody",
                config.min_attempts.max(1),
                config.min_reached.max(1)
            ),
            have: format!("{} attempts, {} that reached somebody", sum.attempts, sum.reached),
        });
    }
    Ok(())
}

/// Hours and pairs of alike hours, most probable first: the best hour left takes the better of
/// its neighbours with it.
fn spans(open: &Beliefs, similar: f64) -> Vec<(Vec<Cell>, Belief)> {
    let mut order: Vec<(Cell, Belief)> = open.iter().map(|(&c, &b)| (c, b)).collect();
    order.sort_by(|a, b| b.1.mean.total_cmp(&a.1.mean).then(a.0.cmp(&b.0)));
    let mut taken = BTreeSet::new();
    let mut spans = Vec::new();
    for (cell, belief) in order {
        if !taken.insert(cell) {
            continue;
        }
        let partner = cell
            .beside()
            .filter(|c| !taken.contains(c))
            .filter_map(|c| Some((c, *open.get(&c)?)))
            .filter(|(_, b)| (belief.mean - b.mean).abs() <= similar)
            .max_by(|a, b| a.1.mean.total_cmp(&b.1.mean).then(b.0.cmp(&a.0)));
        let Some((other, second)) = partner else {
            spans.push((vec![cell], belief));
            continue;
        };
        taken.insert(other);
        // Both hours lean on the same layers above: as if wholly dependent, never too narrow.
        let both = Belief {
            mean: f64::midpoint(belief.mean, second.mean),
            strength: f64::midpoint(belief.strength, second.strength),
        };
        spans.push((vec![cell, other], both));
    }
    spans.sort_by(|a, b| b.1.mean.total_cmp(&a.1.mean).then_with(|| a.0.cmp(&b.0)));
    spans
}

/// The middle 95 % of a belief.
fn interval(belief: Belief) -> (f64, f64) {
    let (alpha, beta) = (belief.mean * belief.strength, (1.0 - belief.mean) * belief.strength);
    let Ok(beta) = Beta::new(alpha, beta) else { return (0.0, 1.0) };
    // Bisection: slow beside a closed approximation, but right for any shape.
    let quantile = |share: f64| {
        let (mut low, mut high) = (0.0, 1.0);
        for _ in 0..50 {
            let middle = f64::midpoint(low, high);
            *(if beta.cdf(middle) < share { &mut low } else { &mut high }) = middle;
        }
        f64::midpoint(low, high)
    };
    (quantile(0.025), quantile(0.975))
}
