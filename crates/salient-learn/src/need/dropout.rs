//! How often a purchase was a pair's last, by product.
//!
//! A purchase is decided once it is so old that, were the pair alive, the next would have come
//! with 99 % chance. The share of decided purchases after which none came is the chance to drop
//! out after a purchase, as in the BG/NBD model (Fader, Hardie and Lee 2005). First purchases are
//! told apart from later ones: many products are tried once.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Chance left of a gap at which a silent pair counts as over.
pub(super) const OVER: f64 = 0.01;

/// Decided purchases and those that were the last.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Decided {
    pub purchases: u32,
    pub last: u32,
}

impl Decided {
    pub fn add(&mut self, last: bool) {
        self.purchases += 1;
        self.last += u32::from(last);
    }

    fn and(self, other: Self) -> Self {
        Self { purchases: self.purchases + other.purchases, last: self.last + other.last }
    }

    /// Share of last ones, drawn to `prior` by `strength` purchases' worth.
    fn share(self, prior: f64, strength: f64) -> f64 {
        (f64::from(self.last) + strength * prior) / (f64::from(self.purchases) + strength)
    }
}

/// Decided purchases of a product: first ones and later ones.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Counts {
    pub first: Decided,
    pub later: Decided,
}

/// Chances that a first and a later purchase is the last.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Dropout {
    first: f64,
    later: f64,
}

impl Dropout {
    /// Chance that the pair is still alive after silence that a living pair keeps with chance
    /// `silent` (Bayes: it dropped out at its last purchase, or lives and waits).
    pub fn alive(&self, only_one: bool, silent: f64) -> f64 {
        let over = if only_one { self.first } else { self.later };
        let waits = (1.0 - over) * silent;
        waits / (waits + over)
    }
}

/// All decided purchases.
pub(super) fn total(counts: &BTreeMap<u32, Counts>) -> Decided {
    counts.values().fold(Decided::default(), |sum, c| sum.and(c.first).and(c.later))
}

/// Each product's chances, drawn to everybody's, and everybody's own.
pub(super) fn dropouts(counts: &BTreeMap<u32, Counts>, strength: f64) -> (BTreeMap<u32, Dropout>, Dropout) {
    // Half a purchase on either side (Jeffreys) keeps the chances off 0 and 1.
    let all = total(counts).share(0.5, 1.0);
    let sum = |of: fn(&Counts) -> Decided| counts.values().fold(Decided::default(), |s, c| s.and(of(c)));
    let everybody = Dropout {
        first: sum(|c| c.first).share(all, strength),
        later: sum(|c| c.later).share(all, strength),
    };
    let product = |(&product, c): (&u32, &Counts)| {
        let first = c.first.share(everybody.first, strength);
        (product, Dropout { first, later: c.later.share(everybody.later, strength) })
    };
    (counts.iter().map(product).collect(), everybody)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_by_hand() {
        let first = Decided { purchases: 40, last: 20 };
        let later = Decided { purchases: 60, last: 6 };
        let counts = BTreeMap::from([(1, Counts { first, later }), (2, Counts::default())]);
        let (products, everybody) = dropouts(&counts, 20.0);
        let all = 26.5 / 101.0;
        assert!((everybody.first - (20.0 + 20.0 * all) / 60.0).abs() < 1e-12);
        assert!((everybody.later - (6.0 + 20.0 * all) / 80.0).abs() < 1e-12);
        assert!((products[&2].first - everybody.first).abs() < 1e-12);
        assert!((products[&1].later - (6.0 + 20.0 * everybody.later) / 80.0).abs() < 1e-12);
    }

    #[test]
    fn alive_is_the_published_formula() {
        // BG/NBD given its parameters: 1 / (1 + p/(1 − p) / S).
        let d = Dropout { first: 0.4, later: 0.1 };
        for s in [1.0, 0.5, 0.01] {
            assert!((d.alive(false, s) - 1.0 / (1.0 + 0.1 / 0.9 / s)).abs() < 1e-12);
            assert!(d.alive(true, s) < d.alive(false, s));
        }
        assert_eq!(d.alive(false, 0.0), 0.0);
    }
}
