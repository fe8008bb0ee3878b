//! A live model that has not changed keeps quiet; one that has does not.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use salient_learn::{
    drift::{self, Live, Published, Quality, Reference, Stability, Thresholds, Values, What},
    frame::{Column, MISSING},
};
use std::collections::BTreeMap;

fn rng(seed: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed)
}

fn levels(counts: &[(&str, usize)]) -> Column {
    let codes = (0..).zip(counts).flat_map(|(code, &(_, n))| std::iter::repeat_n(code, n)).collect();
    Column::Category { codes, levels: counts.iter().map(|&(name, _)| name.to_owned()).collect() }
}

fn numbers(n: usize, shift: f64, rng: &mut ChaCha8Rng) -> Vec<f64> {
    // A skewed amount, one in ten zero, one in twenty missing.
    let one = |rng: &mut ChaCha8Rng| match rng.random::<f64>() {
        u if u < 0.05 => f64::NAN,
        u if u < 0.15 => 0.0,
        _ => (-rng.random::<f64>().ln() * 100.0 * (1.0 + shift)).round(),
    };
    (0..n).map(|_| one(rng)).collect()
}

fn skewed(n: usize, rng: &mut ChaCha8Rng) -> Column {
    // Falling by a fifth from level to level: the last are rare, and what lies past them is missing.
    let mut code = || Some((-rng.random::<f64>().ln() / 0.22) as u32).filter(|&c| c < 26).unwrap_or(MISSING);
    let codes = (0..n).map(|_| code()).collect();
    Column::Category { codes, levels: ('a'..='z').map(String::from).collect() }
}

/// Probabilities and outcomes that keep `kept` times what is promised.
fn outcomes(n: usize, kept: f64, rng: &mut ChaCha8Rng) -> (Vec<f64>, Vec<f64>) {
    let p: Vec<f64> = (0..n).map(|_| 0.02 + 0.7 * rng.random::<f64>().powi(2)).collect();
    let y = p.iter().map(|p| f64::from(u8::from(rng.random::<f64>() < p * kept))).collect();
    (y, p)
}

fn quality(n: usize, kept: f64, rng: &mut ChaCha8Rng) -> Quality {
    let (y, p) = outcomes(n, kept, rng);
    Quality::of(&y, &p).unwrap()
}

#[test]
fn a_published_example_of_three_bins_by_hand() {
    // GeeksforGeeks, "Population Stability Index": low, medium and high income 40/30/30 % in 2020
    // and 35/25/40 % in 2021. By hand:
    // 0.05·ln(8/7) + 0.05·ln(6/5) + 0.1·ln(4/3) = 0.00667657 + 0.00911608 + 0.02876821.
    let then = levels(&[("high", 300), ("low", 400), ("medium", 300)]);
    let now = levels(&[("high", 400), ("low", 350), ("medium", 250)]);
    let shift = Reference::of(Values::from(&then)).unwrap().shift(Values::from(&now));
    assert!((shift.psi - 0.044_560_86).abs() < 1e-8, "{}", shift.psi);
    assert_eq!((shift.bins, shift.rows, shift.reference_rows), (3, 1000, 1000));
    assert!((shift.expected - 2.0 * 0.002).abs() < 1e-15);
    assert_eq!(shift.stability(), Stability::Stable);
    assert_eq!((shift.most.bin.as_str(), shift.most.before, shift.most.now), ("level high", 0.3, 0.4));
    // The 99.9 % point of χ² with two degrees of freedom is 13.816.
    assert!((shift.limit(0.0, 0.999) - 13.8155 * 0.002).abs() < 1e-6);
    // The index is symmetric.
    let back = Reference::of(Values::from(&now)).unwrap().psi(Values::from(&then));
    assert!((back - shift.psi).abs() < 1e-15);
}

#[test]
fn an_empty_bin_counts_as_half_a_row() {
    let then = levels(&[("a", 60), ("b", 40)]);
    let now = levels(&[("a", 50)]);
    let psi = Reference::of(Values::from(&then)).unwrap().psi(Values::from(&now));
    let by_hand = (1.0 - 0.6) * (1.0_f64 / 0.6).ln() + (0.01 - 0.4) * (0.01_f64 / 0.4).ln();
    assert!((psi - by_hand).abs() < 1e-12, "{psi} {by_hand}");
}

#[test]
fn deciles_hold_a_tenth_each_and_repeats_a_bin_of_their_own() {
    let values: Vec<f64> = (1..=1000).map(f64::from).collect();
    let r = Reference::of(Values::Numbers(&values)).unwrap();
    assert_eq!(r.psi(Values::Numbers(&values)), 0.0);
    let json = serde_json::to_value(&r).unwrap();
    assert_eq!(json["counts"], serde_json::json!([100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 0]));
    assert_eq!(json["bins"]["cuts"][0], 100.0);
    // A constant that moves either way is seen.
    let constant = Reference::of(Values::Numbers(&[5.0; 500])).unwrap();
    assert_eq!(constant.psi(Values::Numbers(&[5.0; 300])), 0.0);
    for moved in [4.0, 6.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        assert!(constant.psi(Values::Numbers(&[moved; 300])) > 5.0, "{moved}");
    }
    assert_eq!(constant.shift(Values::Numbers(&[4.0; 300])).most.bin, "under 5");
    assert_eq!(constant.shift(Values::Numbers(&[6.0; 300])).most.bin, "over 5");
    let zeros: Vec<f64> = (0..1000).map(|i| f64::from((i - 700).max(0))).collect();
    let r = Reference::of(Values::Numbers(&zeros)).unwrap();
    assert_eq!(r.shift(Values::Numbers(&[250.0; 300])).most.bin, "exactly 0");
    assert_eq!(r.shift(Values::Numbers(&[-0.0; 300])).psi, r.psi(Values::Numbers(&[0.0; 300])));
    // Infinite values neither break the bins nor the JSON.
    let odd = Reference::of(Values::Numbers(&[f64::INFINITY; 300])).unwrap();
    let again: Reference = serde_json::from_str(&serde_json::to_string(&odd).unwrap()).unwrap();
    assert_eq!(odd, again);
    assert!(Reference::of(Values::Numbers(&[])).is_err());
    assert!(constant.psi(Values::Numbers(&[])).is_nan());
}

#[test]
fn the_same_distribution_rarely_alarms() {
    let t = Thresholds::default();
    for (n, m) in [(200, 200), (5000, 200), (2000, 500), (20_000, 5000)] {
        let mut alarms = [0; 3];
        let (mut index, mut expected) = (0.0, 0.0);
        for draw in 0..200 {
            let r = &mut rng(draw);
            let (a, b) = (numbers(n, 0.0, r), numbers(m, 0.0, r));
            let reference = Reference::of(Values::Numbers(&a)).unwrap();
            alarms[0] += usize::from(drift::input("amount", &reference, Values::Numbers(&b), &t).is_some());
            let shift = reference.shift(Values::Numbers(&b));
            (index, expected) = (index + shift.psi, expected + shift.expected);
            let (a, b) = (skewed(n, r), skewed(m, r));
            let reference = Reference::of(Values::from(&a)).unwrap();
            alarms[1] += usize::from(drift::input("region", &reference, Values::from(&b), &t).is_some());
            let (a, b) = (outcomes(n, 1.0, r).1, outcomes(m, 1.0, r).1);
            let reference = Reference::of(Values::Numbers(&a)).unwrap();
            alarms[2] += usize::from(drift::scores(&reference, &b, &t).is_some());
        }
        println!(
            "{n} then, {m} now: alarms of 200 {alarms:?}, mean index {:.4}, expected {:.4}",
            index / 200.0,
            expected / 200.0
        );
        assert!(alarms.iter().all(|&a| a <= 4), "{n} {m}: {alarms:?}");
        assert!((index / expected - 1.0).abs() < 0.25, "Yurdakul's mean: {index} {expected}");
    }
}

#[test]
fn a_shift_a_new_level_and_a_silent_source_alarm() {
    let r = &mut rng(7);
    let t = Thresholds::default();
    let reference = Reference::of(Values::Numbers(&numbers(5000, 0.0, r))).unwrap();
    let moved = numbers(1000, 2.0, r);
    let alarm = drift::input("amount", &reference, Values::Numbers(&moved), &t).unwrap();
    assert_eq!(alarm.what, What::Input { name: "amount".into() });
    assert!(alarm.value > alarm.threshold && alarm.threshold >= 0.25);
    println!("{}", alarm.words);

    let gone = vec![f64::NAN; 1000];
    let alarm = drift::input("amount", &reference, Values::Numbers(&gone), &t).unwrap();
    assert!(alarm.words.contains("missing, from 5.") && alarm.words.contains("to 100.0%"), "{}", alarm.words);

    let then = levels(&[("north", 3000), ("south", 2000)]);
    let now = levels(&[("north", 540), ("south", 360), ("west", 100)]);
    let reference = Reference::of(Values::from(&then)).unwrap();
    let alarm = drift::input("region", &reference, Values::from(&now), &t).unwrap();
    assert!(alarm.words.contains("other levels, from 0.0% to 10.0%"), "{}", alarm.words);
    // The kind of the values changed: nothing that arrives is known.
    assert!(drift::input("region", &reference, Values::Numbers(&[1.0; 300]), &t).is_some());
}

#[test]
fn few_rows_never_alarm() {
    let t = Thresholds::default();
    let many = Reference::of(Values::Numbers(&vec![5.0; 5000])).unwrap();
    let few = Reference::of(Values::Numbers(&[5.0; 199])).unwrap();
    assert!(drift::input("x", &many, Values::Numbers(&[9.0; 199]), &t).is_none());
    assert!(drift::input("x", &many, Values::Numbers(&[9.0; 200]), &t).is_some());
    assert!(drift::input("x", &few, Values::Numbers(&vec![9.0; 5000]), &t).is_none());
    let r = &mut rng(1);
    let before = quality(5000, 1.0, r);
    let (y, p) = (vec![0.0; 199], vec![0.9; 199]);
    assert!(drift::calibration(&before, &Quality::of(&y, &p).unwrap(), &t).is_none());
    // Rows enough, but too few successes met or promised.
    let (y, p) = (vec![0.0; 1000], vec![0.015; 1000]);
    assert!(drift::calibration(&before, &Quality::of(&y, &p).unwrap(), &t).is_none());
    // Nothing came true of much that was promised: that is an alarm, not a lack of outcomes.
    let (y, p) = (vec![0.0; 1000], vec![0.2; 1000]);
    assert!(drift::calibration(&before, &Quality::of(&y, &p).unwrap(), &t).is_some());
    let off = Thresholds { min_rows: 0, ..t };
    assert!(drift::input("x", &many, Values::Numbers(&[]), &off).is_none());
}

#[test]
fn more_levels_than_bins_share_one() {
    let names: Vec<String> = (0..40).map(|i| format!("l{i:02}")).collect();
    let counts: Vec<(&str, usize)> = names.iter().enumerate().map(|(i, n)| (n.as_str(), 100 - i)).collect();
    let then = levels(&counts);
    let r = Reference::of(Values::from(&then)).unwrap();
    let json = serde_json::to_value(&r).unwrap();
    assert_eq!(json["bins"]["levels"].as_array().unwrap().len(), 20);
    assert_eq!(json["counts"].as_array().unwrap().len(), 22);
    assert_eq!(json["counts"][20], (20..40).map(|i| 100 - i).sum::<i32>());
    assert_eq!(r.psi(Values::from(&then)), 0.0);
    let back: Reference = serde_json::from_value(json).unwrap();
    assert_eq!(back, r);
}

#[test]
fn a_calibrated_model_is_quiet() {
    let t = Thresholds::default();
    for (n, m) in [(5000, 200), (5000, 1000), (1000, 5000)] {
        let (mut loud, mut error, mut chance) = ([0, 0], 0.0, 0.0);
        for draw in 0..200 {
            let r = &mut rng(1000 + draw);
            let (before, now) = (quality(n, 1.0, r), quality(m, 1.0, r));
            loud[0] += usize::from(drift::calibration(&before, &now, &t).is_some());
            loud[1] += usize::from(drift::auc(&before, &now, &t).is_some());
            error += now.calibration_error;
            chance += now.chance_error;
        }
        println!(
            "{n} then, {m} now: loud {loud:?}, error {:.4}, by chance {:.4}",
            error / 200.0,
            chance / 200.0
        );
        assert!(loud.iter().all(|&l| l <= 4), "{loud:?}");
        assert!((error / chance - 1.0).abs() < 0.05, "the half-normal mean holds");
    }
}

#[test]
fn a_model_that_promises_too_much_or_orders_badly_alarms() {
    let r = &mut rng(3);
    let t = Thresholds::default();
    let before = quality(5000, 1.0, r);
    let over = drift::calibration(&before, &quality(1000, 0.6, r), &t).unwrap();
    assert!(over.words.starts_with("the model promises too much"), "{}", over.words);
    assert!(over.value < over.threshold);
    let under = drift::calibration(&before, &quality(1000, 1.35, r), &t).unwrap();
    assert!(under.words.starts_with("the model promises too little"), "{}", under.words);
    // Right in all, wrong by group: the outcome no longer hangs on the promise.
    let (_, p) = outcomes(2000, 1.0, r);
    let mean = p.iter().sum::<f64>() / 2000.0;
    let y: Vec<f64> = p.iter().map(|_| f64::from(u8::from(r.random::<f64>() < mean))).collect();
    let flat = Quality::of(&y, &p).unwrap();
    let alarm = drift::calibration(&before, &flat, &t).unwrap();
    assert!(alarm.words.contains("not by group") && alarm.value > alarm.threshold, "{}", alarm.words);
    let alarm = drift::auc(&before, &flat, &t).unwrap();
    assert!(alarm.what == What::Auc && alarm.value < alarm.threshold, "{}", alarm.words);
    println!("{}\n{}\n{}", over.words, under.words, alarm.words);
}

#[test]
fn watching_goes_through_everything_and_through_json() {
    let r = &mut rng(11);
    let (y, p) = outcomes(3000, 1.0, r);
    let published = Published {
        inputs: BTreeMap::from([
            ("amount".to_owned(), Reference::of(Values::Numbers(&numbers(3000, 0.0, r))).unwrap()),
            ("region".to_owned(), Reference::of(Values::from(&skewed(3000, r))).unwrap()),
        ]),
        scores: Reference::of(Values::Numbers(&p)).unwrap(),
        quality: Some(Quality::of(&y, &p).unwrap()),
    };
    let json = serde_json::to_string(&published).unwrap();
    assert!(json.len() < 3000, "compact: {}", json.len());
    let published: Published = serde_json::from_str(&json).unwrap();
    let t: Thresholds = serde_json::from_str(r#"{"min_rows": 300}"#).unwrap();
    assert_eq!(t, Thresholds { min_rows: 300, ..Thresholds::default() });

    let (amount, region) = (numbers(800, 0.0, r), skewed(800, r));
    let (y, p) = outcomes(800, 1.0, r);
    let good = Quality::of(&y, &p).unwrap();
    let mut live = Live {
        inputs: BTreeMap::from([("amount", Values::Numbers(&amount)), ("region", Values::from(&region))]),
        scores: &p,
        quality: Some(&good),
    };
    assert_eq!(published.watch(&live, &t).unwrap(), []);
    live.inputs.remove("region");
    let bad = quality(800, 0.5, r);
    live.quality = Some(&bad);
    let high: Vec<f64> = p.iter().map(|p| p.sqrt()).collect();
    live.scores = &high;
    let alarms = published.watch(&live, &t).unwrap();
    let kinds: Vec<&What> = alarms.iter().map(|a| &a.what).collect();
    assert_eq!(kinds, [&What::Input { name: "region".into() }, &What::Scores, &What::Calibration]);
    assert!(alarms.iter().all(|a| a.value.is_finite() && a.threshold.is_finite()));
    let json = serde_json::to_value(&alarms).unwrap();
    assert_eq!(json[0]["what"], serde_json::json!({"kind": "input", "name": "region"}));
    assert_eq!(serde_json::from_value::<Vec<drift::Alarm>>(json).unwrap(), alarms);

    live.inputs.insert("amount", Values::Numbers(&amount[1..]));
    assert!(published.watch(&live, &t).is_err(), "a value for each score");
    assert!(published.watch(&Live::default(), &Thresholds { level: -1.0, ..t }).is_err());
    assert_eq!(published.watch(&Live::default(), &Thresholds::default()).unwrap(), []);
}
