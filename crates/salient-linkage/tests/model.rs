//! Levels, expectation–maximisation, scores and their reasons.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use salient_linkage::{
    Band, Index, Kind, Learning, Model, Record, Scorer, Sources,
    compare::Comparator,
    em::{EmField, Pattern, estimate},
    learn,
};

#[test]
fn jaro_winkler_is_the_published_one() {
    // Winkler, String Comparator Metrics and Enhanced Decision Rules, 1990, table of examples.
    for (a, b, value) in
        [("martha", "marhta", 0.961), ("dixon", "dicksonx", 0.813), ("dwayne", "duane", 0.840)]
    {
        assert!((strsim::jaro_winkler(a, b) - value).abs() < 5e-4, "{a} {b}");
    }
    assert_eq!(Comparator::Name.level("martha", "marhta"), 1);
    assert_eq!(Comparator::Name.level("smith", "wong"), 3);
    assert_eq!(Comparator::Name.level("bob", "robert"), 2);
    assert_eq!(Comparator::Date.level("19800312", "19801203"), 1, "day and month swapped");
    assert_eq!(Comparator::Date.level("19800312", "19800313"), 1);
    assert_eq!(Comparator::Date.level("19800312", "19751108"), 3);
    assert_eq!(Comparator::ModelCode.level("dscw150", "dscw150b"), 1);
}

/// Patterns drawn from a planted truth: three fields, the last missing half of the time.
fn planted(n: usize, prior: f64) -> Vec<Pattern> {
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    let m = [[0.9, 0.07, 0.03], [0.8, 0.1, 0.1], [0.95, 0.03, 0.02]];
    let u = [[0.02, 0.03, 0.95], [0.05, 0.05, 0.90], [0.01, 0.04, 0.95]];
    let mut draw = |p: [f64; 3]| {
        let x: f64 = rng.random_range(0.0..1.0);
        u8::from(x >= p[0]) + u8::from(x >= p[0] + p[1])
    };
    let mut coin = ChaCha8Rng::seed_from_u64(8);
    let pattern = |_| {
        let p = if coin.random_bool(prior) { m } else { u };
        let last = coin.random_bool(0.5);
        Pattern::new(&[Some(draw(p[0])), Some(draw(p[1])), last.then(|| draw(p[2]))])
    };
    (0..n).map(pattern).collect()
}

#[test]
fn em_finds_the_planted_parameters() {
    let patterns: Vec<(Pattern, f64)> = planted(200_000, 0.05).into_iter().map(|p| (p, 1.0)).collect();
    // Every pair a probe of its own: no rivals.
    let rivals: Vec<Vec<u32>> = (0..patterns.len() as u32).map(|at| vec![at]).collect();
    let field = |u: [f64; 3]| EmField { u: u.to_vec(), m: vec![0.7, 0.2, 0.1], shared: false };
    let fields = [field([0.02, 0.03, 0.95]), field([0.05, 0.05, 0.90]), field([0.01, 0.04, 0.95])];
    let found = estimate(&fields, &patterns, &rivals, patterns.len() as f64, (0.01, 1e-6), 500);
    assert!((found.prior - 0.05).abs() < 0.005, "prior {}", found.prior);
    for (m, truth) in found.m.iter().zip([[0.9, 0.07, 0.03], [0.8, 0.1, 0.1], [0.95, 0.03, 0.02]]) {
        for (p, t) in m.iter().zip(truth) {
            assert!((p - t).abs() < 0.02, "{m:?} against {truth:?}");
        }
    }
}

#[test]
fn one_round_of_em_by_hand() {
    // Two fields, two patterns; the arithmetic of one E- and one M-step written out.
    let fields = [
        EmField { u: vec![0.1, 0.9], m: vec![0.9, 0.1], shared: false },
        EmField { u: vec![0.2, 0.8], m: vec![0.8, 0.2], shared: false },
    ];
    let patterns = [(Pattern::new(&[Some(0), Some(0)]), 1.0), (Pattern::new(&[Some(0), Some(1)]), 1.0)];
    let found = estimate(&fields, &patterns, &[vec![0], vec![1]], 2.0, (0.2, 1e-12), 1);
    let odds = [0.2 * 0.9 * 0.8 / (0.8 * 0.1 * 0.2), 0.2 * 0.9 * 0.2 / (0.8 * 0.1 * 0.8)];
    // A probe has one comparable record, so it is without a partner with 1 − 0.2.
    let r: Vec<f64> = odds.iter().map(|o| o / (0.8 + o)).collect();
    assert!((found.matches - (r[0] + r[1])).abs() < 1e-9);
    let expected = (r[0] + 10.0 * 0.8) / (r[0] + r[1] + 10.0);
    assert!((found.m[1][0] - expected).abs() < 1e-9);
}

fn people() -> Index {
    let mut index = Index::new(Kind::Person.config()).unwrap();
    for n in 0..400 {
        let given = ["anna", "bernd", "carla", "dieter", "eva"][n % 5];
        let record = Record::new(format!("p{n}"))
            .with("given_name", given)
            .with("family_name", if n % 2 == 0 { "Schmidt".to_owned() } else { format!("Rare{n}") })
            .with("birth_date", format!("19{:02}-{:02}-{:02}", n % 90, n % 12 + 1, n % 28 + 1))
            .with("email", format!("{given}{n}@example.org"))
            .with("street", format!("{} Long Road", n / 2))
            .with("postal_code", format!("{:05}", 10_000 + n / 2));
        index.insert(&record).unwrap();
    }
    index
}

#[test]
fn a_rare_name_weighs_more_than_a_frequent_one() {
    let mut index = people();
    for (id, family) in [("a", "Schmidt"), ("b", "Schmidt"), ("c", "Xylander"), ("d", "Xylander")] {
        index.insert(&Record::new(id).with("given_name", "Zoe").with("family_name", family)).unwrap();
    }
    let model = Model::standard(index.config(), index.len());
    let scorer = Scorer::new(&index, &model).unwrap();
    let score = |a: &str, b: &str| scorer.score(index.number(a).unwrap(), index.number(b).unwrap()).evidence;
    assert!(score("c", "d") > score("a", "b") + 2.0);
}

#[test]
fn a_couple_is_not_one_person() {
    let mut index = people();
    let shared = |id: &str, given: &str, birth: &str| {
        Record::new(id)
            .with("full_name", format!("{given} Xylander"))
            .with("birth_date", birth)
            .with("phone", "+4930901820")
            .with("street", "5 Hill Road")
            .with("city", "Bonn")
            .with("postal_code", "53111")
    };
    index.insert(&shared("he", "Konrad", "1960-01-31")).unwrap();
    index.insert(&shared("she", "Mathilde", "1962-12-04")).unwrap();
    index.insert(&shared("him", "Konrad", "1960-01-13")).unwrap();
    let model = Model::standard(index.config(), index.len());
    let scorer = Scorer::new(&index, &model).unwrap();
    let explain = |a: &str, b: &str| scorer.explain(index.number(a).unwrap(), index.number(b).unwrap());
    assert_eq!(explain("he", "she").band, Band::Apart, "{:?}", explain("he", "she"));
    assert_eq!(explain("he", "him").band, Band::Merge, "{:?}", explain("he", "him"));
}

#[test]
fn learning_is_the_same_whatever_the_order_and_survives_storage() {
    let index = people();
    let mut records: Vec<Record> = Vec::new();
    for n in 0..400 {
        records.push(
            Record::new(format!("p{n}")).with("email", format!("x{n}@example.org")).with("country", "DE"),
        );
    }
    let of = |records: Vec<Record>| {
        let mut index = Index::new(Kind::Person.config()).unwrap();
        index.extend(records).unwrap();
        learn(&index, Sources::Any, &Learning { random_pairs: 5_000, ..Learning::default() }).unwrap()
    };
    let forward = of(records.clone());
    records.reverse();
    assert_eq!(forward, of(records), "a field that is constant and fields that are missing");
    let model = learn(&index, Sources::Any, &Learning::default()).unwrap();
    let stored = serde_json::to_string(&model).unwrap();
    assert_eq!(serde_json::from_str::<Model>(&stored).unwrap(), model);
    for field in &forward.fields {
        assert!(
            (field.m.iter().sum::<f64>() - 1.0).abs() < 1e-9
                && (field.u.iter().sum::<f64>() - 1.0).abs() < 1e-9
        );
    }
    let country = forward.fields.iter().find(|f| f.name == "country").unwrap();
    assert!((country.m[0] / country.u[0]).log2().abs() < 0.2, "a constant says nothing");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn contributions_sum_to_the_score(
        left in proptest::collection::vec("[a-d]{0,5}", 6),
        right in proptest::collection::vec("[a-d]{0,5}", 6),
    ) {
        let names = ["given_name", "family_name", "city", "street", "company", "region"];
        let record = |id: &str, values: &[String]| {
            names.iter().zip(values).fold(Record::new(id), |r, (name, v)| r.with(*name, v.clone()))
        };
        let mut index = Index::new(Kind::Person.config()).unwrap();
        index.insert(&record("l", &left)).unwrap();
        index.insert(&record("r", &right)).unwrap();
        let model = Model::standard(index.config(), 1000);
        let scorer = Scorer::new(&index, &model).unwrap();
        let e = scorer.explain(0, 1);
        let sum = e.prior + e.parts.iter().map(|part| part.weight).sum::<f64>();
        prop_assert!((sum - e.score.log2_odds).abs() < 1e-9);
        prop_assert!((scorer.score(1, 0).log2_odds - e.score.log2_odds).abs() < 1e-9, "symmetric");
        prop_assert!((e.probability - e.score.probability()).abs() < 1e-12);
    }

    #[test]
    fn levels_are_symmetric(a in "[a-e0-9@. ]{1,10}", b in "[a-e0-9@. ]{1,10}") {
        for compare in [
            Comparator::Exact, Comparator::Name, Comparator::Date, Comparator::Email, Comparator::Phone, Comparator::Text,
            Comparator::Code, Comparator::ModelCode, Comparator::Price,
        ] {
            prop_assert_eq!(compare.level(&a, &b), compare.level(&b, &a));
            prop_assert!(compare.level(&a, &b) < compare.levels().len());
            prop_assert_eq!(compare.level(&a, &a), 0);
        }
    }
}
