//! Models of any table: what they find, what they refuse, and that they add up.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use salient_learn::{
    Error,
    calibrate::Isotonic,
    frame::{Column, Frame},
    metrics::auc,
    report::{Data, Options, Report},
    tabular::{Calibration, Config, Kind, Leak, Predictor, Value, Wording},
};

/// Leads: a source whose share is known, an age that lowers the odds, and a column without meaning.
fn leads(rows: usize, seed: u64) -> (Frame, Vec<f64>) {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let sources = [("web", 0.6), ("fair", 0.3), ("list", 0.1)];
    let (mut codes, mut age, mut noise, mut labels) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rows {
        let source = rng.random_range(0..3_usize);
        let days = rng.random_range(0.0..100.0_f64);
        let p = (sources[source].1 * (1.3 - days / 150.0)).clamp(0.0, 1.0);
        codes.push(source as u32);
        age.push(if rng.random_bool(0.1) { f64::NAN } else { days });
        noise.push(rng.random_range(0.0..1.0));
        labels.push(f64::from(u8::from(rng.random_bool(p))));
    }
    let levels = sources.iter().map(|(name, _)| (*name).to_owned()).collect();
    let names = ["source", "age_days", "noise"].map(str::to_owned).to_vec();
    let columns = vec![Column::Category { codes, levels }, Column::Number(age), Column::Number(noise)];
    (Frame::new(names, columns).unwrap(), labels)
}

/// The table with one more column of numbers.
fn with(frame: &Frame, name: &str, values: Vec<f64>) -> Frame {
    let mut names = frame.names().to_vec();
    names.push(name.to_owned());
    let mut columns = frame.columns().to_vec();
    columns.push(Column::Number(values));
    Frame::new(names, columns).unwrap()
}

#[test]
fn what_was_planted_is_found_promised_and_kept() {
    let (frame, labels) = leads(4_000, 1);
    let model = Predictor::train(&frame, &labels, &Config::default()).unwrap();
    let (later, outcome) = leads(4_000, 2);
    let probability = model.probabilities(&later).unwrap();
    let data = Data { labels: &outcome, probability: &probability, dimensions: &[] };
    let kept = Report::of(&data, &Options::default()).unwrap().overall;
    assert!(kept.auc.unwrap() > 0.74 && kept.ece.unwrap() < 0.04, "{:?} {:?}", kept.auc, kept.ece);
    assert!(model.suspects.is_empty() && model.refused.is_empty());
    let judged = model.measured.unwrap();
    assert!(judged.passed && judged.gates.len() == 4, "{:?}", judged.gates);
}

/// Twenty data sets whose outcome is a coin: a 99 % interval may err in one of two hundred on each side.
#[test]
fn noise_has_no_skill() {
    let passed = (0..20).filter(|&seed| {
        let (frame, _) = leads(1_000, seed);
        let mut rng = ChaCha8Rng::seed_from_u64(1_000 + seed);
        let labels: Vec<f64> = (0..1_000).map(|_| f64::from(u8::from(rng.random_bool(0.3)))).collect();
        let model = Predictor::train(&frame, &labels, &Config { trees: 30, ..Config::default() }).unwrap();
        model.measured.unwrap().passed
    });
    assert!(passed.count() <= 1);
}

#[test]
fn what_knows_the_outcome_is_named_and_left_out() {
    let (frame, labels) = leads(2_000, 3);
    let mut rng = ChaCha8Rng::seed_from_u64(4);
    let close_value = labels.iter().map(|y| if *y > 0.5 { 900.0 + y } else { f64::NAN }).collect();
    let duration = labels.iter().map(|y| rng.random_range(0.0..100.0) + 60.0 * y).collect::<Vec<f64>>();
    let reason = labels.iter().map(|y| y + rng.random_range(0.0..0.9)).collect();
    let leaking =
        with(&with(&with(&frame, "close_value", close_value), "duration", duration), "reason", reason);
    let model = Predictor::train(&leaking, &labels, &Config::default()).unwrap();
    let found: Vec<&str> = model.suspects.iter().map(|suspect| suspect.column.as_str()).collect();
    assert_eq!(found, ["close_value", "duration", "reason"]);
    assert!(matches!(model.suspects[0].leak, Leak::FilledAfterwards { .. }));
    assert!(matches!(model.suspects[1].leak, Leak::AheadOfAll { .. }), "{:?}", model.suspects[1]);
    assert!(matches!(model.suspects[2].leak, Leak::NearPerfect { .. }));
    assert!(model.suspects[1].words().contains("duration alone"));
    assert_eq!(model.columns(), ["source", "age_days", "noise"]);
    let allowed = Config { allow: vec!["duration".to_owned()], ..Config::default() };
    let model = Predictor::train(&leaking, &labels, &allowed).unwrap();
    assert_eq!(model.columns(), ["source", "age_days", "noise", "duration"]);
    // an honest table has no suspects, whatever the outcome depends on
    assert!(Predictor::train(&frame, &labels, &Config::default()).unwrap().suspects.is_empty());
}

#[test]
fn what_two_columns_say_alike_is_told_once() {
    let (frame, labels) = leads(2_000, 8);
    let Some(Column::Number(age)) = frame.column("age_days") else { panic!() };
    let doubled = with(&frame, "age_again", age.clone());
    let model = Predictor::train(&doubled, &labels, &Config::default()).unwrap();
    assert_eq!(model.columns(), ["source", "age_days", "noise"]);
    let refused = model.refused.iter().find(|refused| refused.column == "age_again").unwrap();
    assert_eq!(refused.why, "every value is that of age_days");
    let single = Predictor::train(&frame, &labels, &Config::default()).unwrap();
    assert_eq!(model.probabilities(&doubled).unwrap(), single.probabilities(&frame).unwrap());
}

#[test]
fn contributions_add_up_for_every_kind() {
    for (rows, kind) in [(300, None), (3_000, None), (300, Some(Kind::Bayes))] {
        let (frame, labels) = leads(rows, 5);
        let few = if kind.is_some() { usize::MAX } else { 0 };
        let model = Predictor::train(&frame, &labels, &Config { few, ..Config::default() }).unwrap();
        if let Some(kind) = kind {
            assert_eq!(model.chosen.kind, kind);
        }
        let p = model.probabilities(&frame).unwrap();
        for (split, p) in model.contributions(&frame).unwrap().iter().zip(p) {
            assert_eq!(split.parts.len(), 3);
            assert!((split.log_odds() - (p / (1.0 - p)).ln()).abs() < 1e-9);
        }
    }
}

#[test]
fn a_stored_model_says_the_same_bit_for_bit() {
    let (frame, labels) = leads(1_500, 6);
    let model = Predictor::train(&frame, &labels, &Config::default()).unwrap();
    let text = serde_json::to_string(&model).unwrap();
    let again: Predictor = serde_json::from_str(&text).unwrap();
    assert_eq!(again.probabilities(&frame).unwrap(), model.probabilities(&frame).unwrap());
    assert_eq!(again.contributions(&frame).unwrap(), model.contributions(&frame).unwrap());
    assert_eq!(Predictor::train(&frame, &labels, &Config::default()).unwrap(), model);
}

/// Half way through, what spoke for the outcome begins to speak against it.
#[test]
fn a_past_that_no_longer_holds_is_left_behind() {
    let (rows, mut rng) = (6_000, ChaCha8Rng::seed_from_u64(7));
    let signal: Vec<f64> = (0..rows).map(|_| rng.random_range(-1.0..1.0)).collect();
    let turned = |row: usize| if row < rows * 7 / 10 { 2.0 } else { -2.0 };
    let labels: Vec<f64> = (0..rows)
        .map(|row| f64::from(u8::from(rng.random_bool(1.0 / (1.0 + f64::exp(-turned(row) * signal[row]))))))
        .collect();
    let frame = Frame::new(vec!["signal".to_owned()], vec![Column::Number(signal)]).unwrap();
    let model = Predictor::train(&frame, &labels, &Config::default()).unwrap();
    assert!(model.chosen.window < 1.0, "{:?}", model.chosen);
    let late: Vec<usize> = (rows * 9 / 10..rows).collect();
    let p = model.probabilities(&frame.select(&late).unwrap()).unwrap();
    assert!(auc(&labels[rows * 9 / 10..], &p) > 0.7);
}

#[test]
fn refusals_say_what_is_wrong() {
    let (frame, labels) = leads(200, 8);
    let train = |frame: &Frame, labels: &[f64]| Predictor::train(frame, labels, &Config::default());
    let one = train(&frame, &[1.0; 200]).unwrap_err();
    assert!(matches!(&one, Error::NotEnoughData { have, .. } if have.contains("200 came true, 0 did not")));
    let few = train(&frame.select(&(0..50).collect::<Vec<_>>()).unwrap(), &labels[..50]).unwrap_err();
    assert!(few.to_string().contains("100 examples"), "{few}");
    assert!(train(&frame, &labels[1..]).unwrap_err().to_string().contains("199 for 200 rows"));
    assert!(train(&frame, &[0.5; 200]).unwrap_err().to_string().contains("0.5 in row 0"));
    let constant = Frame::new(vec!["same".to_owned()], vec![Column::Number(vec![3.0; 200])]).unwrap();
    assert!(train(&constant, &labels).unwrap_err().to_string().contains("same: every value is 3"));
    let missing = Frame::new(vec!["gone".to_owned()], vec![Column::Number(vec![f64::NAN; 200])]).unwrap();
    assert!(train(&missing, &labels).unwrap_err().to_string().contains("gone: every value is missing"));
}

#[test]
fn a_name_for_every_row_is_refused_and_the_rest_is_learned_from() {
    let (frame, labels) = leads(12_000, 9);
    let levels: Vec<String> = (0..12_000).map(|row| format!("lead {row}")).collect();
    let mut names = frame.names().to_vec();
    names.push("title".to_owned());
    let mut columns = frame.columns().to_vec();
    columns.push(Column::Category { codes: (0..12_000).collect(), levels });
    let named = Frame::new(names, columns).unwrap();
    let config = Config { windows: vec![1.0], trees: 20, ..Config::default() };
    let model = Predictor::train(&named, &labels, &config).unwrap();
    assert_eq!(model.refused[0].column, "title");
    assert!(model.refused[0].why.contains("12000 different texts"));
    assert_eq!(model.columns(), ["source", "age_days", "noise"]);
}

#[test]
fn reasons_tell_the_share_of_the_same() {
    let (frame, labels) = leads(3_000, 10);
    let model = Predictor::train(&frame, &labels, &Config::default()).unwrap();
    let split = model.contributions(&frame).unwrap();
    let wording = Wording { subjects: "leads".to_owned(), outcome: "became customers".to_owned() };
    let Column::Category { codes, .. } = &frame.columns()[0] else { panic!("a source") };
    let row = codes.iter().position(|&code| code == 0).unwrap();
    let reasons = model.rates.reasons(&frame, row, &split[row].parts).unwrap();
    let first = &reasons[0];
    assert_eq!((first.column.as_str(), &first.value), ("source", &Value::Text("web".to_owned())));
    let web: Vec<f64> = labels.iter().zip(codes).filter(|(_, code)| **code == 0).map(|(y, _)| *y).collect();
    let (share, all) = (web.iter().sum::<f64>() / web.len() as f64, labels.iter().sum::<f64>() / 3_000.0);
    let words = format!(
        "{:.0} % of leads with source = web became customers, {:.0} % overall",
        100.0 * share,
        100.0 * all
    );
    assert_eq!(first.words(&wording), words);
    assert!(reasons.iter().filter(|reason| reason.log_odds > 0.0).count() <= 5);
    assert!(reasons.windows(2).all(|two| two[0].log_odds.abs() >= two[1].log_odds.abs()));
}

/// Log-odds, and outcomes whose share jumps to one half and stays there, which no line follows.
fn jump(seed: u64) -> (Vec<f64>, Vec<f64>) {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let z: Vec<f64> = (0..20_000).map(|_| rng.random_range(-6.0..6.0)).collect();
    let share = |z: f64| if z < 0.0 { 0.02 } else { 0.5 };
    let labels = z.iter().map(|&z| f64::from(u8::from(rng.random_bool(share(z))))).collect();
    (z, labels)
}

#[test]
fn a_curve_is_chosen_where_no_line_follows() {
    let (z, labels) = jump(11);
    assert!(matches!(Calibration::fit(&z, &labels).unwrap(), Calibration::Isotonic { .. }));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]
    #[test]
    fn a_curve_rises_and_keeps_contributions_whole(
        parts in prop::collection::vec(-2.0..2.0_f64, 1..6),
        seed in any::<u64>(),
    ) {
        let (z, labels) = jump(seed);
        let curve = Isotonic::fit(&z, &labels).unwrap();
        let calibration = Calibration::Isotonic { curve, edge: 1e-4 };
        let mut rising = z.clone();
        rising.sort_by(f64::total_cmp);
        let told: Vec<f64> = rising.iter().map(|&z| calibration.probability(z)).collect();
        prop_assert!(told.windows(2).all(|two| two[0] <= two[1] + 1e-12));
        let from = salient_learn::model::Contributions { bias: 0.3, parts };
        let split = calibration.contributions(&from);
        prop_assert!((split.log_odds() - calibration.log_odds(from.log_odds())).abs() < 1e-9);
    }
}
