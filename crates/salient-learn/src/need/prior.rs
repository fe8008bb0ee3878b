//! What the buyers of a product, and all buyers, say about one pair's gaps; all by moments.

use super::gaps::{Moments, Prior};
use std::collections::BTreeMap;

/// Gaps' worth that everybody's spread weighs in a product's.
const SPREAD_GAPS: f64 = 10.0;
/// Smallest variance of log gaps, 1 % squared: perfectly even data must not promise the minute.
const LEAST_VARIANCE: f64 = 1e-4;

/// Bounds of the gaps' worth that the product weighs in a pair's mean. Alike as buyers may be,
/// one unlike them must be able to show it with a few gaps (as the limited translation of Efron
/// and Morris 1972), at the price of somewhat wide intervals for newcomers.
const WEIGHT: (f64, f64) = (0.05, 2.0);

/// The pairs' moments by product.
pub(super) type ByProduct = BTreeMap<u32, Vec<Moments>>;

/// The prior of each product and, for products without gaps, that of everybody.
pub(super) fn priors(pairs: &ByProduct) -> (BTreeMap<u32, Prior>, Prior) {
    let within = spread_within(pairs);
    let between = spread_between(pairs, within);
    let freedom = freedom(pairs);
    let products: BTreeMap<u32, Centre> =
        pairs.iter().filter_map(|(&p, m)| Some((p, centre(m, within, between)?))).collect();
    let (middle, across) = middle(&products, between);
    let prior = |location: f64, unsure: f64, spread: f64, gaps: u32| Prior {
        location,
        // The mean of Inv-χ²(ν, s²) is s²ν/(ν − 2).
        scale2: spread * (freedom - 2.0) / freedom,
        weight: (spread / (between + unsure)).clamp(WEIGHT.0, WEIGHT.1),
        freedom,
        gaps,
    };
    let shrink = |(&product, centre): (&u32, &Centre)| {
        let variance = 1.0 / (1.0 / centre.variance + 1.0 / across);
        let location = variance * (centre.mean / centre.variance + middle / across);
        let moments = pairs.get(&product).map_or(&[][..], Vec::as_slice);
        let squares: f64 = moments.iter().map(|m| m.squares).sum();
        let df: f64 = moments.iter().map(Moments::freedom).sum();
        let spread = (squares + SPREAD_GAPS * within) / (df + SPREAD_GAPS);
        (product, prior(location, variance, spread, moments.iter().map(|m| m.n).sum()))
    };
    (products.iter().map(shrink).collect(), prior(middle, across, within, 0))
}

/// Pooled variance of a pair's own log gaps.
fn spread_within(pairs: &ByProduct) -> f64 {
    let (mut squares, mut df) = (0.0, 0.0);
    for m in pairs.values().flatten() {
        squares += m.squares;
        df += m.freedom();
    }
    (squares / f64::max(df, 1.0)).max(LEAST_VARIANCE)
}

/// Variance of the pairs' means within a product, by the unbalanced one-way analysis of variance
/// (Searle et al. 1992, Variance Components). As large as the variance within where no product
/// has two pairs to compare.
fn spread_between(pairs: &ByProduct, within: f64) -> f64 {
    let (mut squares, mut groups, mut size) = (0.0, 0.0, 0.0);
    for moments in pairs.values() {
        let seen: Vec<(f64, f64)> = moments.iter().map(|m| (f64::from(m.n), m.mean)).collect();
        let n: f64 = seen.iter().map(|s| s.0).sum();
        if n == 0.0 {
            continue;
        }
        let mean = seen.iter().map(|s| s.0 * s.1).sum::<f64>() / n;
        squares += seen.iter().map(|s| s.0 * (s.1 - mean).powi(2)).sum::<f64>();
        groups += seen.iter().filter(|s| s.0 > 0.0).count() as f64 - 1.0;
        size += n - seen.iter().map(|s| s.0 * s.0).sum::<f64>() / n;
    }
    if size <= 0.0 {
        return within;
    }
    ((squares - groups * within) / size).max(within / 100.0)
}

/// Degrees of freedom of the pairs' variances: how much evenness differs from pair to pair. For
/// Inv-χ² the squared coefficient of variation is `2/(ν − 4)`; chance alone adds `2/df` of each.
fn freedom(pairs: &ByProduct) -> f64 {
    let (mut df, mut first, mut second) = (0.0, 0.0, 0.0);
    for m in pairs.values().flatten().filter(|m| m.n >= 3) {
        let (d, v) = (m.freedom(), m.squares / m.freedom());
        df += d;
        first += d * v;
        second += d * v * v / (1.0 + 2.0 / d);
    }
    let variation = second * df / (first * first) - 1.0;
    // Also where it cannot be told (no pair of three gaps): chance explains all.
    if variation > 0.0 { (4.0 + 2.0 / variation).clamp(5.0, 100.0) } else { 100.0 }
}

/// Mean of the pairs' means of a product and its variance.
struct Centre {
    mean: f64,
    variance: f64,
}

fn centre(moments: &[Moments], within: f64, between: f64) -> Option<Centre> {
    let (mut weights, mut sum) = (0.0, 0.0);
    for m in moments.iter().filter(|m| m.n > 0) {
        let weight = 1.0 / (between + within / f64::from(m.n));
        weights += weight;
        sum += weight * m.mean;
    }
    (weights > 0.0).then(|| Centre { mean: sum / weights, variance: 1.0 / weights })
}

/// Mean over the products and variance between them (`DerSimonian` and Laird 1986); one product
/// tells nothing of others, which then are taken to differ as its pairs do.
fn middle(products: &BTreeMap<u32, Centre>, between: f64) -> (f64, f64) {
    let weighted = |extra: f64| {
        let weight = |c: &Centre| 1.0 / (c.variance + extra);
        let all: f64 = products.values().map(weight).sum();
        (products.values().map(|c| weight(c) * c.mean).sum::<f64>() / all, all)
    };
    let (mean, all) = weighted(0.0);
    let squared: f64 = products.values().map(|c| c.variance.powi(-2)).sum();
    let room = all - squared / all;
    if products.len() < 2 || room <= 0.0 {
        return (mean, between);
    }
    let q: f64 = products.values().map(|c| (c.mean - mean).powi(2) / c.variance).sum();
    let across = ((q - (products.len() as f64 - 1.0)) / room).max(1e-6);
    (weighted(across).0, across)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    fn normal(rng: &mut ChaCha8Rng) -> f64 {
        let (u, v): (f64, f64) = (rng.random(), rng.random());
        (-2.0 * (1.0 - u).ln()).sqrt() * (std::f64::consts::TAU * v).cos()
    }

    #[test]
    fn planted_variances_are_found() {
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        let mut pairs = ByProduct::new();
        // Products N(3, 0.5²), pairs ± 0.4, gaps ± 0.25.
        for product in 0..200 {
            let centre = 3.0 + 0.5 * normal(&mut rng);
            for _ in 0..20 {
                let own = centre + 0.4 * normal(&mut rng);
                let n = rng.random_range(0..8);
                let x: Vec<f64> = (0..n).map(|_| own + 0.25 * normal(&mut rng)).collect();
                let mean = x.iter().sum::<f64>() / f64::from(n).max(1.0);
                let squares = x.iter().map(|x| (x - mean).powi(2)).sum();
                pairs.entry(product).or_default().push(Moments { n: n as u32, mean, squares });
            }
        }
        let within = spread_within(&pairs);
        let between = spread_between(&pairs, within);
        assert!((within.sqrt() - 0.25).abs() < 0.01, "{within}");
        assert!((between.sqrt() - 0.4).abs() < 0.03, "{between}");
        assert!(freedom(&pairs) > 30.0, "equal variances: {}", freedom(&pairs));
        let (products, everybody) = priors(&pairs);
        assert_eq!(products.len(), 200);
        assert!((everybody.location - 3.0).abs() < 0.1);
        // A product unseen may lie anywhere among products, so its location weighs less.
        assert!(products.values().all(|p| p.weight > everybody.weight));
    }

    #[test]
    fn uneven_evenness_lowers_the_degrees_of_freedom() {
        let mut rng = ChaCha8Rng::seed_from_u64(4);
        let mut pairs = ByProduct::new();
        for i in 0..2000 {
            let sd = if i % 2 == 0 { 0.1 } else { 0.6 };
            let x: Vec<f64> = (0..6).map(|_| sd * normal(&mut rng)).collect();
            let mean = x.iter().sum::<f64>() / 6.0;
            let squares = x.iter().map(|x| (x - mean).powi(2)).sum();
            pairs.entry(0).or_default().push(Moments { n: 6, mean, squares });
        }
        // σ² is 0.01 or 0.36: squared variation (0.175/0.185)² = 0.895, so ν = 4 + 2/0.895.
        assert!((freedom(&pairs) - 6.2).abs() < 0.6, "{}", freedom(&pairs));
    }

    #[test]
    fn one_gap_in_all_still_gives_numbers() {
        let pairs = ByProduct::from([(1, vec![Moments { n: 1, mean: 3.0, squares: 0.0 }])]);
        let (products, everybody) = priors(&pairs);
        for p in products.values().chain([&everybody]) {
            assert!(p.location == 3.0 && p.scale2 > 0.0 && p.weight > 0.0 && p.freedom > 2.0, "{p:?}");
        }
    }
}
