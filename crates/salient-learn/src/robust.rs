//! Statistics that a few wild values do not move: quantiles and the Theil–Sen slope.

/// Quantile `q` (held within 0..=1) by linear interpolation between order statistics (type 7 of
/// Hyndman & Fan 1996, the default of R and `NumPy`). `None` without values.
#[must_use]
pub fn quantile(values: &[f64], q: f64) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    quantile_by(sorted.len(), q, |k| sorted.get(k).copied())
}

/// Quantile `q` as [`quantile`], of `n` ascending values that `at` hands out by rank from 0.
#[must_use]
pub fn quantile_by(n: usize, q: f64, at: impl Fn(usize) -> Option<f64>) -> Option<f64> {
    let last = n.checked_sub(1)?;
    let h = q.clamp(0.0, 1.0) * last as f64;
    let below = (h.floor() as usize).min(last);
    let (low, high) = (at(below)?, at((below + 1).min(last))?);
    Some(low + (h - below as f64) * (high - low))
}

/// Median; `None` without values.
#[must_use]
pub fn median(values: &[f64]) -> Option<f64> {
    quantile(values, 0.5)
}

/// Quantile `q` of weighted values `(value, weight)`: the smallest value at which the weight at or
/// below it reaches `q` of all weight (the inverse of the weighted distribution function), so
/// that the answer is always one of the values and never falls as `q` grows. `None` without
/// positive weight.
#[must_use]
pub fn weighted_quantile(values: &[(f64, f64)], q: f64) -> Option<f64> {
    let mut sorted: Vec<(f64, f64)> = values.iter().copied().filter(|v| v.1 > 0.0).collect();
    // By weight as well: the running sum must not depend on the order handed in.
    sorted.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
    let total: f64 = sorted.iter().map(|v| v.1).sum();
    // Rounding in the sums must not push a quantile that falls on a step to the next value.
    let wanted = q.clamp(0.0, 1.0) * total * (1.0 - 1e-12);
    let mut reached = 0.0;
    for &(value, weight) in &sorted {
        reached += weight;
        if reached >= wanted {
            return Some(value);
        }
    }
    sorted.last().map(|v| v.0)
}

/// Slope of `y` on `x` over points `(x, y)`: the median slope of all pairs with different `x`
/// (Theil 1950, Sen 1968); 29 % of the points may be wild. Above `most` points only the pairs
/// half the points apart by rank of `x` count (Theil's incomplete method), which keeps the cost
/// linear. `None` without a pair.
#[must_use]
pub fn theil_sen(points: &[(f64, f64)], most: usize) -> Option<f64> {
    let mut sorted = points.to_vec();
    sorted.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
    let slope = |a: &(f64, f64), b: &(f64, f64)| (a.0 < b.0).then(|| (b.1 - a.1) / (b.0 - a.0));
    let slopes: Vec<f64> = if sorted.len() > most {
        let half = sorted.len().div_ceil(2);
        sorted.iter().zip(sorted.iter().skip(half)).filter_map(|(a, b)| slope(a, b)).collect()
    } else {
        let later = |i: usize| sorted.iter().skip(i + 1);
        sorted.iter().enumerate().flat_map(|(i, a)| later(i).filter_map(move |b| slope(a, b))).collect()
    };
    median(&slopes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_as_numpy_computes_them() {
        // numpy.quantile([1, 2, 4, 8, 16], [0, .25, .4, .75, .9, 1])
        let v = [16.0, 1.0, 8.0, 2.0, 4.0];
        let want = [(0.0, 1.0), (0.25, 2.0), (0.4, 3.2), (0.75, 8.0), (0.9, 12.8), (1.0, 16.0)];
        for (q, x) in want {
            assert!((quantile(&v, q).unwrap() - x).abs() < 1e-12, "{q}");
        }
        assert_eq!(quantile(&[], 0.5), None);
        assert_eq!(median(&[3.0, 1.0]), Some(2.0));
    }

    #[test]
    fn weights_shift_the_quantile() {
        let v = [(10.0, 1.0), (20.0, 1.0), (30.0, 2.0)];
        // running weight 1, 2, 4 of 4
        for (q, x) in [(0.0, 10.0), (0.25, 10.0), (0.26, 20.0), (0.5, 20.0), (0.51, 30.0), (1.0, 30.0)] {
            assert_eq!(weighted_quantile(&v, q), Some(x), "{q}");
        }
        assert_eq!(weighted_quantile(&[(1.0, 0.0)], 0.5), None);
    }

    #[test]
    fn slope_of_sen_1968() {
        // Sen (1968), section 6: t = 1, 2, 3, 4, 10, 12, 18; x = 9, 15, 19, 20, 45, 55, 78: b* = 4.
        let p = [(1.0, 9.0), (2.0, 15.0), (3.0, 19.0), (4.0, 20.0), (10.0, 45.0), (12.0, 55.0), (18.0, 78.0)];
        assert!((theil_sen(&p, 100).unwrap() - 4.0).abs() < 1e-12);
        assert_eq!(theil_sen(&[(1.0, 2.0), (1.0, 3.0)], 100), None);
    }

    #[test]
    fn a_wild_point_hardly_moves_the_slope() {
        for most in [100, 5] {
            let mut p: Vec<(f64, f64)> =
                (0..21).map(|i| (f64::from(i), 3.0 * f64::from(i) + f64::from(i % 2))).collect();
            let before = theil_sen(&p, most).unwrap();
            p[7].1 += 1e6;
            assert!((theil_sen(&p, most).unwrap() - before).abs() < 0.15, "{most}");
            assert!((before - 3.0).abs() < 0.15);
        }
    }
}
