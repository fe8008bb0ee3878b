//! Learners: additive contributions, bit-exact storage, agreement with independent recomputation.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use salient_learn::{
    DAY_US, Error,
    account::NAMES,
    calibrate::{Isotonic, Platt},
    drift::Thresholds,
    logistic::LogisticLearner,
    metrics::auc,
    model::{AnyModel, Learner, Model, Table, sigmoid},
    propensity::{AccountTable, PropensityConfig, PropensityModel},
    trees::TreesLearner,
};

/// Three informative columns (one with gaps), one of noise.
fn sample(n: usize, seed: u64) -> (Table, Vec<f64>) {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let (mut rows, mut labels) = (Vec::new(), Vec::new());
    for _ in 0..n {
        let x: [f64; 4] = std::array::from_fn(|_| rng.random_range(-2.0..2.0));
        let z = 1.2 * x[0] - 0.8 * x[1] + x[2] * x[0] - 0.5;
        labels.push(f64::from(u8::from(rng.random_bool(sigmoid(z)))));
        let gap = rng.random_bool(0.1);
        rows.extend([x[0], x[1], if gap { f64::NAN } else { x[2] }, x[3]]);
    }
    (Table::from_rows(4, &rows).expect("whole rows"), labels)
}

fn all_models() -> (Table, Vec<f64>, Vec<AnyModel>) {
    let (table, labels) = sample(3000, 3);
    let logistic = LogisticLearner { l2: 1.0, signed_log: false }.fit(&table, &labels).expect("fits");
    let trees =
        TreesLearner { min_leaf_weight: 5.0, ..TreesLearner::default() }.fit(&table, &labels).expect("fits");
    let blend = AnyModel::Blend { logistic: logistic.clone(), trees: trees.clone(), share: 0.4 };
    let (logistic, trees) = (AnyModel::Logistic(logistic), AnyModel::Trees(trees));
    let mean = AnyModel::Mean(vec![blend.clone(), trees.clone(), logistic.clone()]);
    (table, labels, vec![logistic, trees, blend, mean])
}

#[test]
fn contributions_sum_to_the_log_odds() {
    let (table, _, models) = all_models();
    for model in &models {
        let z = model.log_odds(&table);
        for (c, z) in model.contributions(&table).iter().zip(&z) {
            assert!((c.log_odds() - z).abs() < 1e-9, "{} against {z}", c.log_odds());
        }
    }
}

/// What a tree gives when only the columns in `known`, as bits, are: both ways where one is not known,
/// weighted by the examples that went there.
fn given(nodes: &[serde_json::Value], at: usize, row: &[f64], known: usize) -> f64 {
    let number = |of: usize, key: &str| nodes[of][key].as_f64().unwrap();
    // what is stored in single precision, as short texts
    let single = |of: usize, key: &str| f64::from(number(of, key) as f32);
    let child = |key: &str| nodes[at][key].as_u64().unwrap() as usize;
    if nodes[at]["is_leaf"].as_bool().unwrap() {
        return single(at, "weight_value");
    }
    let (left, right) = (child("left_child"), child("right_child"));
    let column = child("split_feature");
    if known >> column & 1 == 1 {
        let next = match row[column] {
            value if value.is_nan() => child("missing_node"),
            value if value < number(at, "split_value") => left,
            _ => right,
        };
        return given(nodes, next, row, known);
    }
    let (to_left, to_right) = (single(left, "hessian_sum"), single(right, "hessian_sum"));
    let both = to_left * given(nodes, left, row, known) + to_right * given(nodes, right, row, known);
    both / (to_left + to_right)
}

/// Shapley's formula, over every set of columns.
fn by_definition(booster: &serde_json::Value, row: &[f64]) -> Vec<f64> {
    let trees = booster["trees"].as_array().unwrap();
    let worth = |known: usize| -> f64 {
        trees.iter().map(|tree| given(tree["nodes"].as_array().unwrap(), 0, row, known)).sum()
    };
    let n = row.len();
    let factorial = |k: usize| (1..=k).product::<usize>() as f64;
    let one = |column: usize| {
        let others = (0..1_usize << n).filter(|set| set >> column & 1 == 0);
        let gain = |set: usize| {
            let size = set.count_ones() as usize;
            let weight = factorial(size) * factorial(n - 1 - size) / factorial(n);
            weight * (worth(set | 1 << column) - worth(set))
        };
        others.map(gain).sum()
    };
    (0..n).map(one).collect()
}

#[test]
fn contributions_of_trees_are_shapley_values() {
    let (table, labels) = sample(800, 11);
    for max_depth in [1, 3, 6] {
        let learner = TreesLearner { trees: 12, max_depth, min_leaf_weight: 1.0, ..TreesLearner::default() };
        let trees = learner.fit(&table, &labels).unwrap();
        let booster: serde_json::Value = serde_json::from_str(trees.to_json()).unwrap();
        let shown = table.select(&(0..40).collect::<Vec<_>>());
        for (row, split) in trees.contributions(&shown).iter().enumerate() {
            let values: Vec<f64> = (0..4).map(|column| shown.get(row, column)).collect();
            for (ours, brute) in split.parts.iter().zip(by_definition(&booster, &values)) {
                assert!((ours - brute).abs() < 1e-9, "{ours} against {brute}");
            }
        }
    }
}

#[test]
fn trees_that_are_too_deep_are_refused() {
    let (table, labels) = sample(300, 12);
    let refused = TreesLearner { max_depth: 7, ..TreesLearner::default() }.fit(&table, &labels).unwrap_err();
    assert!(refused.to_string().contains("1 to 6 is accepted"), "{refused}");
}

#[test]
fn the_bias_of_trees_is_one_number() {
    // Rounding aside, what a tree model says without features does not depend on the row.
    let (table, _, models) = all_models();
    let biases: Vec<f64> = models[1].contributions(&table).iter().map(|c| c.bias).collect();
    let spread = biases.iter().fold(0.0_f64, |m, b| m.max((b - biases[0]).abs()));
    assert!(spread < 1e-9, "bias spreads over {spread}");
}

#[test]
fn a_stored_model_scores_bit_for_bit() {
    let (table, labels, models) = all_models();
    for model in &models {
        let text = serde_json::to_string(model).unwrap();
        let back: AnyModel = serde_json::from_str(&text).unwrap();
        let bits = |m: &AnyModel| m.log_odds(&table).iter().map(|z| z.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(model), bits(&back));
        assert!(auc(&labels, &model.predict(&table)) > 0.75);
    }
}

#[test]
fn fitting_twice_gives_the_same_model() {
    let (table, labels) = sample(2000, 5);
    let learner = TreesLearner::default();
    assert_eq!(learner.fit(&table, &labels).unwrap(), learner.fit(&table, &labels).unwrap());
    let learner = LogisticLearner::default();
    assert_eq!(learner.fit(&table, &labels).unwrap(), learner.fit(&table, &labels).unwrap());
}

#[test]
fn logistic_finds_the_closed_form_of_one_binary_column() {
    // With one 0/1 column the maximum likelihood is the log-odds of each group.
    let rows: Vec<f64> = [[1.0; 50], [0.0; 50]].concat();
    let labels: Vec<f64> =
        (0..100).map(|i| f64::from(u8::from(if i < 50 { i < 40 } else { i < 60 }))).collect();
    let table = Table::from_rows(1, &rows).unwrap();
    let p = LogisticLearner { l2: 1e-9, signed_log: false }.fit(&table, &labels).unwrap().predict(&table);
    assert!((p[0] - 0.8).abs() < 1e-4 && (p[99] - 0.2).abs() < 1e-4, "{} {}", p[0], p[99]);
}

#[test]
fn one_class_is_not_enough() {
    let (table, _) = sample(50, 1);
    assert!(matches!(LogisticLearner::default().fit(&table, &[1.0; 50]), Err(Error::NotEnoughData { .. })));
    assert!(matches!(TreesLearner::default().fit(&table, &[0.0; 50]), Err(Error::NotEnoughData { .. })));
}

#[test]
fn platt_undoes_an_overstatement() {
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    let (mut z, mut y) = (Vec::new(), Vec::new());
    for _ in 0..20_000 {
        let t: f64 = rng.random_range(-3.0..3.0);
        z.push(2.0 * t + 1.0);
        y.push(f64::from(u8::from(rng.random_bool(sigmoid(t)))));
    }
    let platt = Platt::fit(&z, &y, 0.0).unwrap();
    assert!((platt.slope - 0.5).abs() < 0.03 && (platt.intercept + 0.5).abs() < 0.06, "{platt:?}");
    assert!(matches!(Platt::fit(&[0.0], &[1.0], 0.0), Err(Error::NotEnoughData { .. })));
}

proptest! {
    /// Isotonic regression against its minimax formula (Barlow et al. 1972):
    /// `fit[i] = max over a<=i of min over b>=i of mean(y[a..=b])`.
    #[test]
    fn isotonic_is_the_minimax(labels in prop::collection::vec(0_u8..2, 1..30)) {
        let y: Vec<f64> = labels.iter().map(|&l| f64::from(l)).collect();
        let x: Vec<f64> = (0..y.len()).map(|i| i as f64).collect();
        let fit = Isotonic::fit(&x, &y).unwrap();
        let mean = |a: usize, b: usize| y[a..=b].iter().sum::<f64>() / (b - a + 1) as f64;
        prop_assert!(fit.share.windows(2).all(|w| w[0] <= w[1]));
        let mut steps = Vec::new();
        for i in 0..y.len() {
            let v = (0..=i).map(|a| (i..y.len()).map(|b| mean(a, b)).fold(f64::INFINITY, f64::min)).fold(f64::NEG_INFINITY, f64::max);
            if steps.last().is_none_or(|s: &f64| (s - v).abs() > 1e-12) {
                steps.push(v);
            }
        }
        prop_assert_eq!(steps.len(), fit.share.len());
        prop_assert!(steps.iter().zip(&fit.share).all(|(a, b)| (a - b).abs() < 1e-12));
    }
}

#[test]
fn propensity_is_honest_and_reproducible() {
    let h = crate::common::company();
    let cutoff = 200 * DAY_US;
    let view = h.as_of(cutoff);
    let model = PropensityModel::train(&view, &PropensityConfig::default()).unwrap();
    let frozen = AccountTable::read(&view, 30.0).unwrap();
    let scores = model.score(&frozen);
    let back: PropensityModel = serde_json::from_str(&serde_json::to_string(&model).unwrap()).unwrap();
    assert_eq!(back.score(&frozen), scores);
    let bought = h.window(cutoff, cutoff + 30 * DAY_US).bought();
    let y: Vec<f64> = scores.iter().map(|s| f64::from(u8::from(bought.any(s.account)))).collect();
    let p: Vec<f64> = scores.iter().map(|s| s.probability).collect();
    assert!(auc(&y, &p) > 0.8, "AUC {}", auc(&y, &p));
    let gap = (y.iter().sum::<f64>() - p.iter().sum::<f64>()).abs() / y.len() as f64;
    assert!(gap < 0.1, "promised and kept differ by {gap}");
    for s in &scores {
        assert_eq!(s.contributions.len(), NAMES.len());
        let z = s.bias + s.contributions.iter().sum::<f64>();
        assert!((sigmoid(z) - s.probability).abs() < 1e-9);
        assert!(s.expected_amount.is_finite() && s.expected_amount > 0.0);
    }
}

#[test]
fn a_version_is_measured_compared_and_watched() {
    let h = crate::common::company();
    let thresholds = Thresholds { min_rows: 50, ..Thresholds::default() };
    let train =
        |day: i64| PropensityModel::train(&h.as_of(day * DAY_US), &PropensityConfig::default()).unwrap();
    let (first, again, later) = (train(200), train(200), train(201));
    let measured = first.measured.as_ref().unwrap();
    assert_eq!(measured.at, 170 * DAY_US);
    assert!(measured.report.passed, "{:?}", measured.report.gates);
    // what was promised there, each half calibrated by the other, is as good as what it does next
    let next = first.judged(&h.as_of(230 * DAY_US), 200 * DAY_US).unwrap();
    let (then, now) = (measured.report.overall.auc.unwrap(), auc(&next.labels, &next.probability));
    assert!((then - now).abs() < 0.1, "{then} {now}");
    // the end of the horizon may not be seen before it is there
    assert!(first.judged(&h.as_of(229 * DAY_US), 200 * DAY_US).is_err());
    // equal data, equal text
    assert_eq!(first.data, again.data);
    assert_ne!(first.data, later.data);
    assert_eq!(first.data.len(), 64);

    let view = h.as_of(201 * DAY_US);
    assert_eq!(later.doubts(Some(&first), &view, &thresholds).unwrap(), Vec::<String>::new());
    assert_eq!(later.watch(&view, &thresholds).unwrap(), []);
    // a version that promises twice as much is doubted beside the one that is
    let mut loud = later.clone();
    let of = loud.measured.as_mut().unwrap().reference.quality.as_mut().unwrap();
    (of.promised, of.auc) = (of.promised * 2.0, Some(0.5));
    let doubts = loud.doubts(Some(&first), &view, &thresholds).unwrap();
    assert_eq!(doubts.len(), 2, "{doubts:?}");
    assert!(doubts.iter().all(|doubt| doubt.starts_with("beside the live version: ")));
    // one that was never measured, and one whose gate it does not pass
    let mut unmeasured = later.clone();
    unmeasured.measured = None;
    assert_eq!(unmeasured.doubts(None, &view, &thresholds).unwrap().len(), 1);
    let mut failed = later;
    failed.measured.as_mut().unwrap().report.gates[0].passed = false;
    assert_eq!(failed.doubts(None, &view, &thresholds).unwrap().len(), 1);
}

#[test]
fn too_little_history_says_what_is_needed() {
    let h = crate::common::company();
    let error = PropensityModel::train(&h.as_of(20 * DAY_US), &PropensityConfig::default()).unwrap_err();
    assert!(error.to_string().contains("100 accounts with orders at least 45 days before"), "{error}");
}
