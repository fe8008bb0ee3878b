//! Expectation–maximisation over agreement patterns, without labels.
//!
//! Winkler (Using the EM Algorithm for Weight Computation in the Fellegi–Sunter Model, 1988) with
//! three classes: matches, the related and strangers (see [`crate::model`]). u is given; m, the
//! prior and the share of the related are estimated.

use crate::{levels::MISSING, record::MAX_FIELDS};

/// The levels of one pair, four bits a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Pattern(u64);

impl Pattern {
    /// From the level of each field, `None` for a missing one.
    ///
    /// # Panics
    /// If there are more than 16 fields or a level is above 14.
    #[must_use]
    pub fn new(levels: &[Option<u8>]) -> Self {
        assert!(levels.len() <= MAX_FIELDS, "at most {MAX_FIELDS} fields");
        let mut all = [MISSING; MAX_FIELDS];
        for (slot, level) in all.iter_mut().zip(levels) {
            *slot = level.unwrap_or(MISSING);
            assert!(*slot <= MISSING && *level != Some(MISSING), "levels go from 0 to 14");
        }
        Self::pack(&all)
    }

    pub(crate) fn pack(levels: &[u8; MAX_FIELDS]) -> Self {
        Self(levels.iter().rev().fold(0, |bits, &level| bits << 4 | u64::from(level)))
    }

    /// The level of a field, `None` if it is missing.
    #[must_use]
    pub fn level(self, field: usize) -> Option<usize> {
        let level = (self.0 >> (4 * field)) as u8 & 15;
        (level != MISSING).then_some(usize::from(level))
    }
}

/// A field as estimation sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct EmField {
    /// u-probabilities by level.
    pub u: Vec<f64>,
    /// m-probabilities at the start, and what thin evidence is held to.
    pub m: Vec<f64>,
    /// Whether the related agree on it like matches.
    pub shared: bool,
}

/// What expectation–maximisation estimates.
#[derive(Debug, Clone, PartialEq)]
pub struct Estimate {
    /// m-probabilities by field and level.
    pub m: Vec<Vec<f64>>,
    /// P(match) of a pair drawn from all pairs.
    pub prior: f64,
    /// P(related) of a pair drawn from those that do not match.
    pub related: f64,
    /// Expected number of matches among the patterns.
    pub matches: f64,
    /// Rounds until nothing changed any more, or the most allowed.
    pub rounds: usize,
}

/// Matches' worth of the starting m-probabilities that are mixed into each round (a Dirichlet
/// prior): a field that nearly all records lack stays where it started.
const PSEUDO_MATCHES: f64 = 10.0;

/// Smallest prior and share of the related: neither class may die out in rounding.
const FLOOR: f64 = 1e-12;

/// Estimates from the patterns of pairs and how often each occurs.
///
/// `total` is the number of pairs that the patterns were selected from by blocking; those that
/// blocking leaves out count as strangers, which is why selecting by agreement does not bias the
/// estimate. `prior` and `related` are the start.
///
/// `rivals` says for each record looked at which patterns (by position) its candidates have. They
/// share the responsibility, `o/(1 − π + Σ o)` with the odds `o` of each and the chance π that a record
/// has a partner, as if it could have only one. Without that a frequent half-agreement (all products
/// of one brand, all people of one town) can pass for the matches; with it, the prior is low by the
/// mean number of partners where records have several, which is the safe side.
#[must_use]
pub fn estimate(
    fields: &[EmField],
    patterns: &[(Pattern, f64)],
    rivals: &[Vec<u32>],
    total: f64,
    (prior, related): (f64, f64),
    most_rounds: usize,
) -> Estimate {
    let start: Vec<Vec<f64>> = fields.iter().map(|field| field.m.clone()).collect();
    let mut now = Estimate { m: start, prior, related, matches: 0.0, rounds: 0 };
    while now.rounds < most_rounds {
        let next = round(fields, patterns, rivals, total, &now);
        let shift = |a: f64, b: f64| (a - b).abs() / b.max(FLOOR);
        let moved = now.m.iter().flatten().zip(next.m.iter().flatten()).map(|(a, b)| (a - b).abs());
        let shifts = shift(now.prior, next.prior).max(shift(now.related, next.related));
        let moved = moved.fold(shifts, f64::max);
        now = next;
        if moved < 1e-5 {
            break;
        }
    }
    now
}

/// Odds that pairs of a pattern match, and the share of the related if they do not.
fn odds(fields: &[EmField], pattern: Pattern, now: &Estimate) -> (f64, f64) {
    let mut p = [now.prior, (1.0 - now.prior) * now.related, (1.0 - now.prior) * (1.0 - now.related)];
    for (at, field) in fields.iter().enumerate() {
        if let Some(level) = pattern.level(at) {
            let (m, u) = (now.m[at][level], field.u[level]);
            p[0] *= m;
            p[1] *= if field.shared { m } else { u };
            p[2] *= u;
        }
    }
    let apart = (p[1] + p[2]).max(f64::MIN_POSITIVE);
    (p[0] / apart, p[1] / apart)
}

fn round(
    fields: &[EmField],
    patterns: &[(Pattern, f64)],
    rivals: &[Vec<u32>],
    total: f64,
    now: &Estimate,
) -> Estimate {
    let odds: Vec<(f64, f64)> = patterns.iter().map(|(pattern, _)| odds(fields, *pattern, now)).collect();
    let mut matching = vec![0.0; patterns.len()];
    let alone = without_partner(now.prior, total / rivals.len() as f64);
    for probe in rivals {
        let all: f64 = alone + probe.iter().map(|&at| odds[at as usize].0).sum::<f64>();
        probe.iter().for_each(|&at| matching[at as usize] += odds[at as usize].0 / all);
    }
    let mut counts: Vec<Vec<f64>> = fields.iter().map(|field| vec![0.0; field.m.len()]).collect();
    let mut relatives = 0.0;
    for (((pattern, times), (_, kin)), n) in patterns.iter().zip(&odds).zip(&matching) {
        relatives += (times - n) * kin;
        for (at, count) in counts.iter_mut().enumerate() {
            if let Some(level) = pattern.level(at) {
                count[level] += n;
            }
        }
    }
    let matches: f64 = matching.iter().sum();
    let smooth = |(count, field): (&Vec<f64>, &EmField)| {
        let all: f64 = count.iter().sum::<f64>() + PSEUDO_MATCHES;
        count.iter().zip(&field.m).map(|(n, start)| (n + PSEUDO_MATCHES * start) / all).collect()
    };
    let open = |p: f64| p.clamp(FLOOR, 0.5);
    Estimate {
        m: counts.iter().zip(fields).map(smooth).collect(),
        prior: open(matches / total),
        related: open(relatives / (total - matches).max(1.0)),
        matches,
        rounds: now.rounds + 1,
    }
}

/// Chance that a record has no partner, if it can have one at most among `others`. Not below a
/// twentieth: that nearly everything has a partner is no reason to link what is unlike.
pub(crate) fn without_partner(prior: f64, others: f64) -> f64 {
    (1.0 - prior * others).max(0.05)
}
