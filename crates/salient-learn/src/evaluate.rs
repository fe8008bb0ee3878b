//! Did the recommendations come true? Share kept, share promised, intervals and baselines.

use crate::{
    account,
    history::{AsOf, Bought},
    metrics::{Interval, cluster_bootstrap, wilson},
    pairs::Candidate,
    sparse::Csr,
};

/// One recommendation on a seller's list.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Chosen {
    /// Seller number, dense.
    pub seller: u32,
    /// Account id.
    pub account: u32,
    /// Product id.
    pub product: u32,
    /// Promised probability; NaN for a baseline that promises nothing.
    pub probability: f64,
    /// Promised line amount, minor units; inexact.
    pub amount: f64,
}

/// How a set of lists did.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Outcome {
    /// Recommendations.
    pub recommended: u64,
    /// Of them, those that came true.
    pub came_true: u64,
    /// Share that came true.
    pub kept: f64,
    /// Mean promised probability.
    pub promised: f64,
    /// Wilson 95% interval of the share, as if recommendations were independent.
    pub wilson: Interval,
    /// 95% bootstrap interval over sellers (2,000 draws).
    pub by_seller: Interval,
}

/// Judges lists against what was bought in the window after the as-of day.
#[must_use]
pub fn judge(chosen: &[Chosen], bought: &Bought, seed: u64) -> Outcome {
    let sellers = chosen.iter().map(|c| c.seller as usize + 1).max().unwrap_or(0);
    let mut groups = vec![(0.0, 0.0); sellers];
    let mut hits = 0;
    for c in chosen {
        let hit = bought.pair(c.account, c.product);
        hits += u64::from(hit);
        groups[c.seller as usize].0 += f64::from(u8::from(hit));
        groups[c.seller as usize].1 += 1.0;
    }
    groups.retain(|g| g.1 > 0.0);
    let n = chosen.len() as u64;
    Outcome {
        recommended: n,
        came_true: hits,
        kept: hits as f64 / n as f64,
        promised: chosen.iter().map(|c| c.probability).sum::<f64>() / n as f64,
        wilson: wilson(hits, n, 0.95),
        by_seller: cluster_bootstrap(&groups, 0.95, 2000, seed),
    }
}

/// The best `per_seller` of `(score, recommendation)` for each seller, at most one per account;
/// ties by account, then product.
#[must_use]
pub fn choose(mut scored: Vec<(f64, Chosen)>, per_seller: usize) -> Vec<Chosen> {
    scored.sort_by(|a, b| {
        b.0.total_cmp(&a.0).then(a.1.account.cmp(&b.1.account)).then(a.1.product.cmp(&b.1.product))
    });
    let accounts = scored.iter().map(|c| c.1.account as usize + 1).max().unwrap_or(0);
    let sellers = scored.iter().map(|c| c.1.seller as usize + 1).max().unwrap_or(0);
    let (mut used, mut count) = (vec![false; accounts], vec![0; sellers]);
    scored
        .into_iter()
        .map(|(_, c)| c)
        .filter(|c| {
            let free = !used[c.account as usize] && count[c.seller as usize] < per_seller;
            if free {
                used[c.account as usize] = true;
                count[c.seller as usize] += 1;
            }
            free
        })
        .collect()
}

/// Lists from a ranking by [`Candidate::value`]; `seller` maps an account to its seller.
/// `only_new` keeps products new to the account.
#[must_use]
pub fn lists(
    ranking: &[Candidate],
    seller: impl Fn(u32) -> u32,
    per_seller: usize,
    only_new: bool,
) -> Vec<Chosen> {
    let scored = ranking.iter().filter(|c| c.is_new || !only_new).map(|c| {
        (
            c.value,
            Chosen {
                seller: seller(c.account),
                account: c.account,
                product: c.product,
                probability: c.probability,
                amount: c.amount,
            },
        )
    });
    choose(scored.collect(), per_seller)
}

/// A list to beat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Baseline {
    /// Each seller's biggest accounts by revenue, each with the product most of its orders held.
    BiggestAccounts,
    /// The accounts and products with the most orders of the product by the account.
    OwnCount,
}

/// Lists of a baseline at the view's cutoff.
#[must_use]
pub fn baseline(
    kind: Baseline,
    view: &AsOf<'_>,
    seller: impl Fn(u32) -> u32,
    per_seller: usize,
) -> Vec<Chosen> {
    let mut pairs = Vec::new();
    let mut scored = Vec::new();
    for a in view.known_accounts() {
        let Some((facts, _)) = account::read(view, a, 30.0, &mut pairs) else { continue };
        let best = pairs.iter().max_by(|x, y| x.orders.cmp(&y.orders).then(y.product.cmp(&x.product)));
        if let Some(p) = best {
            let score = match kind {
                Baseline::BiggestAccounts => facts.values[11],
                Baseline::OwnCount => f64::from(p.orders),
            };
            scored.push((
                score,
                Chosen {
                    seller: seller(a),
                    account: a,
                    product: p.product,
                    probability: f64::NAN,
                    amount: p.amount / f64::from(p.orders),
                },
            ));
        }
    }
    choose(scored, per_seller)
}

/// What a random account recommended the product with the most buyers keeps, in expectation.
/// NaN without accounts.
#[must_use]
pub fn random_popular(view: &AsOf<'_>, bought: &Bought) -> f64 {
    let counts = Csr::order_counts(view);
    let mut buyers = vec![0_u32; view.products()];
    counts.index.iter().for_each(|&p| buyers[p as usize] += 1);
    let top = (0..buyers.len()).max_by(|&a, &b| buyers[a].cmp(&buyers[b]).then(b.cmp(&a))).unwrap_or(0);
    let known = view.known_accounts();
    known.iter().filter(|&&a| bought.pair(a, top as u32)).count() as f64 / known.len() as f64
}
