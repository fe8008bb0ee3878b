//! One-to-one assignment between sources that are each free of duplicates.

use crate::resolve::Link;
use hashbrown::{HashMap, HashSet};

/// Sets the probability of each link to what it is if a record has at most one partner in each other
/// source: `o/(alone + Σ o)` over the odds `o` of all links at either end. `alone` is the chance that
/// a record has no partner; the more have one, the more the best candidate deserves belief, and a
/// rival that is as good takes half of it away.
pub fn share_between_rivals(links: &mut [Link], source: impl Fn(u32) -> u16, alone: impl Fn(u32) -> f64) {
    let odds = |link: &Link| link.log2_odds.min(900.0).exp2();
    let mut at: HashMap<(u32, u16), f64> = HashMap::new();
    for link in links.iter() {
        for end in [(link.a, source(link.b)), (link.b, source(link.a))] {
            *at.entry(end).or_insert(0.0) += odds(link);
        }
    }
    for link in links {
        let ends = [(link.a, source(link.b)), (link.b, source(link.a))];
        let all: f64 = ends.iter().filter_map(|end| at.get(end)).sum();
        let alone = alone(link.a).max(alone(link.b));
        // The link itself stands in the sums of both ends.
        link.probability = odds(link) / (alone + (all - odds(link)).max(odds(link)));
    }
}

/// Of links in the order of their scores, those that leave each record with at most one partner in
/// each other source.
///
/// Greedy by score: a link that is the best of both its ends meets no rival and is taken, then the
/// best of what is left. (The sum of scores is at least half of the optimum, and a link is rarely
/// contested twice over; the optimal assignment would let a pair go for the sake of two others.)
#[must_use]
pub fn one_to_one(links: &[Link], source: impl Fn(u32) -> u16) -> Vec<Link> {
    let mut taken: HashSet<(u32, u16)> = HashSet::new();
    let mut out = Vec::new();
    for link in links {
        let ends = [(link.a, source(link.b)), (link.b, source(link.a))];
        if ends.iter().all(|end| !taken.contains(end)) {
            taken.extend(ends);
            out.push(*link);
        }
    }
    out
}
