//! Metrics against brute force and published values.

use proptest::prelude::*;
use salient_learn::metrics::{
    auc, average_precision, brier, calibration_error, cluster_bootstrap, lift, log_loss, wilson,
};

#[test]
fn wilson_matches_newcombe() {
    // Newcombe 1998, table I, method 3 (score without continuity correction).
    for (r, n, low, high) in
        [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)]
    {
        let i = wilson(r, n, 0.95);
        assert!((i.low - low).abs() < 5e-5 && (i.high - high).abs() < 5e-5, "{r}/{n}: {i:?}");
    }
    assert_eq!((wilson(0, 0, 0.95).low, wilson(0, 0, 0.95).high), (0.0, 1.0));
}

#[test]
fn known_values() {
    // The example of scikit-learn's roc_auc_score and average_precision_score.
    let (y, s) = ([0.0, 0.0, 1.0, 1.0], [0.1, 0.4, 0.35, 0.8]);
    assert!((auc(&y, &s) - 0.75).abs() < 1e-12);
    assert!((average_precision(&y, &s) - 0.833_333_333).abs() < 1e-6);
    assert!((brier(&[0.0, 1.0, 1.0, 0.0], &[0.1, 0.9, 0.8, 0.3]) - 0.0375).abs() < 1e-12);
    assert!((log_loss(&[1.0, 0.0, 0.0, 1.0], &[0.9, 0.1, 0.2, 0.65]) - 0.216_161_88).abs() < 1e-7);
    assert!((lift(&y, &s, 0.25) - 2.0).abs() < 1e-12);
    assert!((calibration_error(&[0.0, 1.0, 0.0, 1.0], &[0.2, 0.2, 0.6, 0.6], 2) - 0.2).abs() < 1e-12);
}

#[test]
fn bootstrap_covers_the_share_and_repeats() {
    let groups: Vec<(f64, f64)> = (0..36).map(|i| (f64::from(i % 5), 10.0)).collect();
    let mean = groups.iter().map(|g| g.0).sum::<f64>() / 360.0;
    let a = cluster_bootstrap(&groups, 0.95, 1000, 4);
    assert!(a.low < mean && mean < a.high && a.high - a.low < 0.15);
    assert_eq!(a, cluster_bootstrap(&groups, 0.95, 1000, 4));
    assert_eq!(cluster_bootstrap(&[(3.0, 10.0)], 0.95, 100, 1).low, 0.3);
}

proptest! {
    #[test]
    fn auc_is_the_share_of_ordered_pairs(rows in prop::collection::vec((0_u8..2, 0_u8..6), 2..40)) {
        let y: Vec<f64> = rows.iter().map(|r| f64::from(r.0)).collect();
        let s: Vec<f64> = rows.iter().map(|r| f64::from(r.1)).collect();
        prop_assume!(y.contains(&0.0) && y.contains(&1.0));
        let (mut won, mut all) = (0.0, 0.0);
        for i in 0..y.len() {
            for j in 0..y.len() {
                if y[i] > y[j] {
                    all += 1.0;
                    won += if s[i] > s[j] { 1.0 } else if s[i] == s[j] { 0.5 } else { 0.0 };
                }
            }
        }
        prop_assert!((auc(&y, &s) - won / all).abs() < 1e-12);
    }

    #[test]
    fn wilson_holds_the_share(n in 1_u64..500, part in 0.0_f64..1.0) {
        let k = (n as f64 * part) as u64;
        let i = wilson(k, n, 0.95);
        let share = k as f64 / n as f64;
        prop_assert!(i.low <= share + 1e-12 && share <= i.high + 1e-12 && i.low >= 0.0 && i.high <= 1.0);
    }
}
